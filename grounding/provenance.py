"""Where data and attributes come from."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["observed", "matched", "imputed", "modelled"]


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
    """Where values of one attribute come from; one entry for each kind of value that it has.

    Attributes:
        attribute: name of the attribute in the panel.
        kind: observed in the person's own survey or customer row, matched from a similar customer, imputed
            (from an official margin, a similar person or a model), or modelled (made from margins). Only
            observed values are facts about the person who answered.
        source: who made the data, in words.
        vintage: when the data were collected.
        licence: as the source states it.
        method: a sentence: column and recode, matched on what, or drawn from which table.
        sha256: of the source file; empty for tables that ship in reference_data.
        seed: of the random choices made; ``None`` where there were none.
        raked: official tables whose shares of this attribute the weights meet, separated by semicolons.
    """

    attribute: str
    kind: Kind
    source: str
    vintage: str
    licence: str
    method: str
    sha256: str
    seed: int | None = None
    raked: str = ""


_IN_PART = "imputed in part"


def known(entries: Iterable[Provenance]) -> dict[str, str]:
    """Attribute -> how it is known: its kind, such as ``observed``, or ``observed, imputed in part``."""
    found: dict[str, str] = {}
    for entry in entries:
        first = found.setdefault(entry.attribute, entry.kind)
        if entry.kind == "imputed" != first and _IN_PART not in first:
            found[entry.attribute] = f"{first}, {_IN_PART}"
    return found


def tally(kinds: Mapping[str, str]) -> str:
    """How many attributes are of which kind: ``7 observed, 1 of them imputed in part, 2 matched``.

    Args:
        kinds: attribute -> how it is known, as ``known`` says it.
    """
    first = [kind.partition(", ")[0] for kind in kinds.values()]
    filled = [kind.partition(", ")[0] for kind in kinds.values() if _IN_PART in kind]
    parts: list[str] = []
    for kind in dict.fromkeys(first):
        note = f", {filled.count(kind)} of them {_IN_PART}" if kind in filled else ""
        parts.append(f"{first.count(kind)} {kind}{note}")
    return ", ".join(parts)
