"""Margin tables by name: those that ship in reference_data, and a user's own from a file."""

from collections.abc import Mapping
from pathlib import Path

import reference_data
from grounding import microdata
from grounding.spec import OwnTable
from personas.errors import DataError, UnknownName
from reference_data import MarginTable

COUNT = "count"


def table(name: str, own: Mapping[str, OwnTable], base: Path) -> MarginTable:
    """The table called ``name``; a user's own comes before a shipped one of the same name.

    Args:
        name: as a margin or an imputation names it.
        own: tables that the grounding file describes.
        base: folder that their files are relative to.

    Raises:
        UnknownName: there is no such table; lists those that there are.
        DataError: an own table cannot be read; see ``read``.
    """
    if name in own:
        return read(name, own[name], base / own[name].file)
    if name not in reference_data.margin_names():
        raise UnknownName("margin table", name, [*own, *reference_data.margin_names()])
    return reference_data.margin(name)


def read(name: str, spec: OwnTable, path: Path) -> MarginTable:
    """A table from a CSV or Parquet file: a column for each dimension, and one called ``count``.

    Raises:
        DataError: no such file or column, an empty cell, or a count that is no number >= 0; names file,
            line, value and what is allowed.
    """
    found = microdata.read_table(path)
    dimensions = tuple(column for column in found.columns if column != COUNT)
    if COUNT not in found.columns or not dimensions:
        raise DataError(
            f"{path}: a margin table needs a column {COUNT!r} and at least one dimension; "
            f"it has {', '.join(found.columns)}"
        )
    rows: list[tuple[tuple[str, ...], float]] = []
    for i, line in enumerate(found.lines):
        values = tuple(found.columns[d][i] for d in dimensions)
        where = f"{path}:{line}" if found.unit == "line" else f"{path}: row {line}"
        if None in values:
            raise DataError(
                f"{where}: column {dimensions[values.index(None)]!r} is empty; each row needs a value"
            )
        rows.append((tuple(str(v) for v in values), _number(found.columns[COUNT][i], where)))
    return MarginTable(
        name=name,
        country="",
        dimensions=dimensions,
        rows=tuple(rows),
        unit="people",
        source=spec.source,
        vintage=spec.vintage,
        licence=spec.licence,
        retrieved="",
        note="",
    )


def _number(text: str | None, where: str) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise DataError(
            f"{where}: column {COUNT!r} holds {text!r}; a count is a number >= 0, such as 1234 or 12.5"
        )
    return value
