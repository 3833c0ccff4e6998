"""Rows of a source as text, with what the source itself says about its columns."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from grounding.sources.columns import Column
from personas.errors import DataError

Kind = Literal["number", "text", "date"]
_SHOWN = 20


@dataclass(frozen=True)
class Variable:
    """What a file says about one of its columns, such as SPSS, Stata and Qualtrics files do.

    Attributes:
        text: the variable's label or question text; empty where the file has none.
        labels: code -> value label, in the file's order.
        missing: codes that the file declares to mean no answer; such cells are read as ``None``.
        kind: what the cells hold.
    """

    text: str = ""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    missing: tuple[str, ...] = ()
    kind: Kind = "text"


@dataclass(frozen=True)
class ResponseSet:
    """A question with several answers: one column for each item.

    Attributes:
        name: as the file calls it.
        text: the question.
        columns: one for each item.
        chosen: the code that means that an item was chosen; empty where each column holds any one item.
    """

    name: str
    text: str
    columns: tuple[str, ...]
    chosen: str


@dataclass(frozen=True)
class BrokenRow:
    """A row that was set aside: where it stands and what is wrong with it, without its content."""

    line: int
    problem: str


def set_aside(broken: Sequence[BrokenRow], unit: str = "line", of: str = "") -> tuple[str, ...]:
    """A sentence on the rows that were set aside, with the first of them; none where there are none.

    Args:
        broken: the rows.
        unit: as ``Table.unit``.
        of: the table, where the source has several.
    """
    if not broken:
        return ()
    listed = "; ".join(f"{unit} {row.line}: {row.problem}" for row in broken[:_SHOWN])
    more = f"; and {len(broken) - _SHOWN:,} more" if len(broken) > _SHOWN else ""
    rows, were = ("row that does", "was") if len(broken) == 1 else ("rows that do", "were")
    where = f" of {of}" if of else ""
    return (f"{len(broken):,} {rows} not fit {were} set aside{where} ({listed}{more}).",)


@dataclass(frozen=True)
class Table:
    """A source's rows as text.

    Attributes:
        name: the file's path or the database's table, for errors.
        columns: column -> value of each row; ``None`` where empty or declared missing.
        lines: where each row stands: the line of a CSV file (the header is line 1), the row elsewhere.
        unit: what ``lines`` counts, "line" or "row".
        variables: what the file says about its columns; columns without any such words are absent.
        sets: questions with several answers that the file declares.
        broken: rows set aside because they do not fit the header.
        encoding: in which the text was read, and whether it was found out; empty where that has no meaning.
        blanks: words that stand for an empty cell in this kind of file, unless a recode or codebook lists
            them; ``NA`` and the like in CSV and Excel.
        weight: column that the file itself declares to hold weights, as SPSS files can.
    """

    name: str
    columns: Mapping[str, Sequence[str | None]]
    lines: Sequence[int]
    unit: str = "line"
    variables: Mapping[str, Variable] = field(default_factory=dict[str, Variable])
    sets: tuple[ResponseSet, ...] = ()
    broken: tuple[BrokenRow, ...] = ()
    encoding: str = ""
    blanks: tuple[str, ...] = ()
    weight: str = ""

    def __len__(self) -> int:
        return len(self.lines)

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader of the rows should know: an encoding other than UTF-8, and the rows set aside."""
        found = [] if self.encoding.lower().startswith(("utf-8", "utf8")) else [self.encoding]
        sentences = [f"Text was read as {encoding}." for encoding in found if encoding]
        return (*sentences, *set_aside(self.broken, self.unit))

    def take(self, rows: NDArray[np.int64]) -> "Table":
        """The table with only these rows, which keep the places where they stand."""
        columns = {name: Column.of(cells).take(rows) for name, cells in self.columns.items()}
        return replace(self, columns=columns, lines=[self.lines[row] for row in rows.tolist()])

    def column(self, name: str) -> Sequence[str | None]:
        """Values of a column. Raises: DataError, listing the columns, if missing; or if all are empty."""
        if name not in self.columns:
            close = difflib.get_close_matches(name, self.columns, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise DataError(f"{self.name}: no column {name!r}{hint}; there are {', '.join(self.columns)}")
        values = self.columns[name]
        empty = not values.values if isinstance(values, Column) else all(v is None for v in values)
        if empty:
            raise DataError(
                f"{self.name}: column {name!r} is empty in all {len(self)} rows; "
                "fill it or leave it out of the grounding file and the codebook"
            )
        return values

    def where(self, row: int) -> str:
        """The place of a row, as ``file:line 7``."""
        return f"{self.name}: {self.unit} {self.lines[row]}"
