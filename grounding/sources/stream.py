"""Rows as they come in: batches of text, and the table they make."""

import difflib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from grounding.sources.columns import Clean, Encoder, stripped
from grounding.sources.table import BrokenRow, ResponseSet, Table, Variable
from personas.errors import DataError

BLANKS = ("NA", "N/A", "#N/A", "NaN", "NULL", "#NULL!", ".")


@dataclass(frozen=True)
class Batch:
    """Some rows: where each stands, and the cells of each column."""

    lines: Sequence[int]
    cells: Sequence[Sequence[str | None]]


@dataclass(frozen=True)
class Stream:
    """A source's rows on their way in.

    Attributes:
        name: as ``Table.name``.
        columns: the columns that come, in the file's order.
        batches: the rows, to be taken once.
        unit: as ``Table.unit``.
        clean: what becomes of a cell's text; by default spaces around it go, and nothing left is ``None``.
        cleans: column -> what becomes of its text instead.
        variables: what the source says of its columns; complete once the batches are taken.
        sets: as ``Table.sets``.
        broken: rows set aside; complete once the batches are taken.
        encoding: as ``Table.encoding``.
        blanks: as ``Table.blanks``.
        weight: as ``Table.weight``.
        types: column -> DuckDB type, where the source knows it.
    """

    name: str
    columns: tuple[str, ...]
    batches: Iterable[Batch]
    unit: str = "row"
    clean: Clean = stripped
    cleans: Mapping[str, Clean] = field(default_factory=dict[str, Clean])
    variables: dict[str, Variable] = field(default_factory=dict[str, Variable])
    sets: tuple[ResponseSet, ...] = ()
    broken: list[BrokenRow] = field(default_factory=list[BrokenRow])
    encoding: str = ""
    blanks: tuple[str, ...] = ()
    weight: str = ""
    types: Mapping[str, str] = field(default_factory=dict[str, str])


def collect(stream: Stream) -> Table:
    """All rows as a table. Raises: DataError if there are none."""
    encoders = [Encoder(stream.cleans.get(name, stream.clean)) for name in stream.columns]
    lines = _Lines()
    for batch in stream.batches:
        lines.add(batch.lines)
        for encoder, cells in zip(encoders, batch.cells, strict=True):
            encoder.add(cells)
    columns = {name: e.column() for name, e in zip(stream.columns, encoders, strict=True)}
    table = Table(
        name=stream.name,
        columns=columns,
        lines=lines.all(),
        unit=stream.unit,
        variables=dict(stream.variables),
        sets=stream.sets,
        broken=tuple(stream.broken),
        encoding=stream.encoding,
        blanks=stream.blanks,
        weight=stream.weight,
    )
    if not len(table):
        raise DataError(nothing_in(stream))
    return table


def nothing_in(stream: Stream) -> str:
    """The error of a source without rows."""
    aside = f"; {len(stream.broken)} rows that do not fit it were set aside" if stream.broken else ""
    below = " below its header" if stream.unit == "line" else ""
    return f"{stream.name}: the source holds no rows{below}{aside}"


class _Lines:
    """Where the rows stand, kept as a range as long as no line is left out."""

    def __init__(self) -> None:
        self._run: range = range(0)
        self._list: list[int] | None = None

    def add(self, lines: Sequence[int]) -> None:
        if not lines:
            return
        follows = not self._run or lines[0] == self._run.stop
        if self._list is None and follows and lines[-1] - lines[0] == len(lines) - 1:
            self._run = range(self._run.start if self._run else lines[0], lines[-1] + 1)
            return
        if self._list is None:
            self._list = list(self._run)
        self._list += lines

    def all(self) -> Sequence[int]:
        return self._run if self._list is None else self._list


def chosen(name: str, there: Sequence[str], wanted: Sequence[str] | None) -> tuple[str, ...]:
    """The wanted columns in the order in which the source has them; all without ``wanted``.

    Raises:
        DataError: a wanted column that is not there; names it, one that is spelt alike, and all there are.
    """
    if wanted is None:
        return tuple(there)
    absent = next((column for column in wanted if column not in there), None)
    if absent is not None:
        raise DataError(f"{name}: {no_column(absent, there)}")
    return tuple(column for column in there if column in set(wanted))


def no_column(absent: str, there: Sequence[str]) -> str:
    """That a column is missing, and which there are."""
    close = difflib.get_close_matches(absent, there, n=1)
    hint = f" (did you mean {close[0]!r}?)" if close else ""
    return f"no column {absent!r}{hint}; there are {', '.join(there)}"


def distinct_names(name: str, names: Sequence[str], where: str, numbered: bool) -> tuple[str, ...]:
    """Column names, where an empty name stands for its place and repeated ones are refused or numbered.

    Args:
        name: of the source, for errors.
        names: as they stand.
        where: of the header, such as ``line 1``.
        numbered: whether a repeated name gets a number: ``x``, ``x (2)``.

    Raises:
        DataError: a name stands twice and ``numbered`` is false.
    """
    found: list[str] = []
    count: dict[str, int] = {}
    for place, text in enumerate(names, start=1):
        column = text.strip() or f"column {place}"
        count[column] = count.get(column, 0) + 1
        if count[column] > 1 and not numbered:
            raise DataError(
                f"{name}: {where}: column {column!r} stands twice; give each column its own name, or set "
                f"'read: repeated_names: number' to call the second one {column + ' (2)'!r}"
            )
        found.append(column if count[column] == 1 else f"{column} ({count[column]})")
    return distinct_names(name, found, where, False) if numbered else tuple(found)


def pieces(rows: Iterator[tuple[int, Sequence[str | None]]], n_columns: int, size: int) -> Iterator[Batch]:
    """Rows with their places as batches of ``size`` rows."""
    lines: list[int] = []
    cells: list[Sequence[str | None]] = []
    for line, row in rows:
        lines.append(line)
        cells.append(row)
        if len(lines) == size:
            yield Batch(lines, list(zip(*cells, strict=True)))
            lines, cells = [], []
    if lines:
        yield Batch(lines, list(zip(*cells, strict=True)) if n_columns else [])
