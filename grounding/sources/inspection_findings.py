"""What was found out about a column, and what the rest of the file says about it."""

from dataclasses import dataclass
from typing import Literal

ColumnType = Literal[
    "id",
    "weight",
    "date",
    "number",
    "text",
    "yes_no",
    "choice",
    "scale",
    "multi",
    "constant",
    "metadata",
]


@dataclass(frozen=True)
class Option:
    """An answer option and the codes in the data that mean it; an empty code means an empty cell."""

    label: str
    codes: tuple[str, ...]


@dataclass(frozen=True)
class Finding:
    """What was found out about a column.

    Attributes:
        column: as the table calls it.
        text: question text or label; empty where there is none.
        type: what the column holds.
        options: from low to high where the type is a scale; "no" before "yes".
        falling: whether the codes fall while the scale rises; ``None`` where they have no order or the
            positive end is not known.
        missing: codes that mean no answer.
        set: name of the multi-response set that it is an item of.
        personal: whether it looks like a direct identifier.
        sure: from 0 to 1.
        reason: in one line.
        answers: rows with an answer.
        distinct: different answers.
        decimal: decimal sign where all answers are numbers, a comma where any has one; else empty.
    """

    column: str
    text: str
    type: ColumnType
    options: tuple[Option, ...] = ()
    falling: bool | None = None
    missing: tuple[str, ...] = ()
    set: str = ""
    personal: bool = False
    sure: float = 0.0
    reason: str = ""
    answers: int = 0
    distinct: int = 0
    decimal: Literal["", ".", ","] = ""


@dataclass(frozen=True)
class Surroundings:
    """What the rest of the file says about a column.

    Attributes:
        first: whether it is the first column.
        software: whether survey software left its own columns in the file.
        shared: values of the neighbouring columns of the same battery, its own among them.
        battery: number of columns in that battery.
        from_zero: whether the file counts its codes from 0.
        counted: whether the battery holds counts.
    """

    first: bool = False
    software: bool = False
    shared: frozenset[str] = frozenset()
    battery: int = 1
    from_zero: bool = False
    counted: bool = False
