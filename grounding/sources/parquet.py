"""Parquet files, of which only the wanted columns are read."""

from collections.abc import Sequence
from pathlib import Path

from grounding.sources import database
from grounding.sources.stream import Stream


def relation(path: Path) -> str:
    """The file as it stands behind FROM; brackets in its path would be a pattern to DuckDB."""
    return f"read_parquet({database.literal(database.escape(str(path)))})"


def stream(path: Path, columns: Sequence[str] | None) -> Stream:
    """The rows as text. Raises: DataError if the file is no Parquet or cut off, or a column is nested."""
    return database.stream(database.connect(), relation(path), str(path), columns)


def column_names(path: Path) -> tuple[str, ...]:
    """Names of the columns. Raises: DataError."""
    with database.connect() as connection:
        return tuple(database.columns_of(connection, relation(path), str(path)))
