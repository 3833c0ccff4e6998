"""Where data and attributes come from."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["observed", "matched", "imputed"]


@dataclass(frozen=True)
class Source:
    """A data source as it was read.

    Attributes:
        name: the catalogue's name of a data set, or the file's name.
        source: who made the data, in words.
        licence: as the source states it; empty where it states none.
        vintage: when the data were collected.
        sha256: of the file, or of the wheel that a catalogued data set travels in.
    """

    name: str
    source: str
    licence: str
    vintage: str
    sha256: str


@dataclass(frozen=True)
class Provenance:
    """Where the values of one attribute come from.

    Attributes:
        attribute: name of the attribute in the panel.
        kind: observed in the person's own survey row, matched from a similar customer, or imputed from an
            official margin. Only observed attributes are facts about the person who answered.
        source: who made the data, in words.
        vintage: when the data were collected.
        licence: as the source states it.
        method: a sentence: column and recode, matched on what, or drawn from which table.
        sha256: of the source file; empty for tables that ship in reference_data.
    """

    attribute: str
    kind: Kind
    source: str
    vintage: str
    licence: str
    method: str
    sha256: str
