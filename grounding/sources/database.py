"""DuckDB: connections with bounded memory, relations as streams of text, quoted names and literals."""

import glob
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from grounding.sources.columns import Clean, from_arrow, number_clean
from grounding.sources.place import Database, Place
from grounding.sources.stream import Batch, Stream, chosen, distinct_names
from personas.errors import DataError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MEMORY = "2GB"
_ROWS = 100_000
_NESTED = ("STRUCT", "MAP", "UNION", "BLOB", "BIT", "GEOMETRY", "VARIANT")
_FLOATS = ("FLOAT", "DOUBLE")
_SINGLE = (
    *("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "UTINYINT", "USMALLINT", "UINTEGER", "UBIGINT"),
    *("FLOAT", "DOUBLE", "BOOLEAN", "DATE", "TIMESTAMP"),
)


def connect(memory: str = MEMORY) -> "DuckDBPyConnection":
    """A DuckDB in memory that spills to a temporary folder of its own beyond ``memory``.

    The folder is made when it is needed and goes when the connection is closed. A group-by over ten million
    rows stays below the limit; Python's own memory comes on top.
    """
    import duckdb

    spill = Path(tempfile.gettempdir()) / f"mirrorpanel-spill-{secrets.token_hex(8)}"
    settings: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": memory,
        "temp_directory": str(spill),
    }
    connection = duckdb.connect(":memory:", config=settings)
    connection.execute("SET TimeZone = 'UTC'")  # the day of an instant must not depend on the machine
    return connection


def name(identifier: str) -> str:
    """The identifier in quotation marks."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(text: str) -> str:
    """The text as an SQL literal."""
    return "'" + text.replace("'", "''") + "'"


def escape(path: str) -> str:
    """The path without the meaning that brackets, stars and question marks have to DuckDB."""
    return glob.escape(path)


def parts(table: str) -> str:
    """A table's name, with its schema where given, in quotation marks."""
    return ".".join(name(part.strip('"')) for part in table.split("."))


def file_of(place: Place) -> Path:
    """The DuckDB file that a place names. Raises: DataError if there is none."""
    assert place.database is not None
    path = place.base / place.database.url.removeprefix("duckdb:")
    if not path.is_file():
        raise DataError(f"{path}: no such DuckDB file")
    return path


def opened(place: Place) -> "DuckDBPyConnection":
    """The place's DuckDB file, opened to be read, with no way to other files. Raises: DataError."""
    import duckdb

    path = file_of(place)
    try:
        return duckdb.connect(str(path), read_only=True, config={"enable_external_access": "false"})
    except duckdb.Error as error:
        raise DataError(f"{path}: cannot be opened as a DuckDB file to be read ({error})") from None


def relation_of(database: Database, connection: "DuckDBPyConnection", where: str) -> str:
    """The table or query as it stands behind FROM. Raises: DataError if the query is not one SELECT."""
    import duckdb

    if database.table:
        return parts(database.table)
    try:
        statements = connection.extract_statements(database.query)
    except duckdb.Error as error:
        raise unreadable(where, error, "cannot be understood") from None
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise DataError(f"{where}: give one SELECT under 'query'; nothing else may run in a source")
    return f"({statements[0].query.strip().rstrip(';')})"


def columns_of(connection: "DuckDBPyConnection", relation: str, where: str) -> dict[str, str]:
    """Column -> type of a relation. Raises: DataError."""
    import duckdb

    try:
        rows = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    except duckdb.Error as error:
        raise unreadable(where, error) from None
    distinct_names(where, [str(row[0]) for row in rows], "the columns", False)
    return {str(row[0]): str(row[1]) for row in rows}


def unreadable(where: str, error: Exception, what: str = "cannot be read") -> DataError:
    """The refusal of a source that DuckDB cannot read, with what can be done."""
    words = " ".join(str(error).partition("\n\nLINE ")[0].split())
    remedy = "; the file is cut off, damaged or of another kind: write it again"
    return DataError(f"{where}: {what} ({words}){remedy if where.lower().endswith('.parquet') else ''}")


def refuse_nested(types: Mapping[str, str], wanted: Sequence[str], where: str) -> None:
    """Returns where every wanted column holds single values. Raises: DataError naming column and type."""
    for column in wanted:
        kind = types[column]
        if kind.endswith("]") or kind.upper().startswith(_NESTED):
            raise DataError(
                f"{where}: column {column!r} holds {kind}; a column of a source holds one text, number, "
                "date or truth value in each row: unpack it into columns of its own, or leave it out"
            )


def stream(
    connection: "DuckDBPyConnection", relation: str, where: str, columns: Sequence[str] | None
) -> Stream:
    """The rows of a relation as text; the connection is closed with the last of them.

    Raises:
        DataError: an unknown or nested column, or the source cannot be read.
    """
    types = columns_of(connection, relation, where)
    wanted = chosen(where, tuple(types), columns)
    refuse_nested(types, wanted, where)
    cleans: dict[str, Clean] = {c: number_clean for c in wanted if types[c] in _FLOATS}
    listing = ", ".join(f"CAST({name(c)} AS VARCHAR)" for c in wanted)
    batches = _batches(connection, f"SELECT {listing} FROM {relation}", where)
    known = {
        c: types[c] if types[c] in _SINGLE or types[c].startswith("DECIMAL") else "VARCHAR" for c in wanted
    }
    return Stream(name=where, columns=wanted, batches=batches, cleans=cleans, types=known)


def _batches(connection: "DuckDBPyConnection", query: str, where: str) -> Iterator[Batch]:
    import duckdb

    first = 1
    try:
        with connection:
            reader: Any = connection.sql(query).to_arrow_reader(_ROWS)
            for piece in reader:
                lines = range(first, first + int(piece.num_rows))
                first = lines.stop
                yield Batch(lines, [from_arrow(column) for column in piece.columns])
    except (duckdb.Error, OSError) as error:
        raise unreadable(where, error, "cannot be read to its end") from None
