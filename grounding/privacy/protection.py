"""What is recorded of a source, whether that is enough, and until when its data may be used."""

from collections.abc import Sequence
from datetime import date
from typing import Literal

from grounding.privacy.spec import Protection
from personas.document import Document
from personas.errors import DataError

Kind = Literal["survey", "crm", "market study", "official table", "synthesis"]
PERSONAL: tuple[Kind, ...] = ("survey", "crm")


class SourceRecord(Document):
    """A source as it was grounded: what was read, under which rules, and how its ids are kept.

    Attributes:
        name: in the workspace; ``erase --source`` takes it.
        origin: file name, data set, or database and table without a password.
        source: who made the data, in words.
        sha256: of the file, or of what was read; empty where there is none.
        rows_read: all rows; of these ``rows_broken`` could not be read, ``rows_without_consent`` were left
            out and ``rows_used`` came in. ``None`` where it is not known.
        columns_read: the allow-list as it was applied.
        pseudonymised: ids became pseudonyms; otherwise they are kept as they were.
        namespace: of the pseudonyms: sources that share it share people.
        notes: what a reader should know of the rows, such as how many belong to nobody.
    """

    name: str
    kind: Kind
    origin: str
    source: str = ""
    vintage: str = ""
    licence: str = ""
    sha256: str = ""
    rows_read: int | None = None
    rows_broken: int = 0
    rows_without_consent: int = 0
    rows_used: int | None = None
    columns_read: tuple[str, ...] = ()
    protection: Protection = Protection()
    pseudonymised: bool = False
    namespace: str = ""
    notes: tuple[str, ...] = ()


def missing(protection: Protection) -> tuple[str, ...]:
    """What a record of processing asks for and the source does not say; nothing where it is anonymous."""
    if protection.anonymous:
        return ()
    wanted = {
        "controller": protection.controller,
        "legal basis": protection.legal_basis,
        "purpose": protection.purpose,
        "retention date": protection.retention,
    }
    found = [name for name, value in wanted.items() if not value]
    basis = protection.legal_basis.lower()
    if ("consent" in basis or "einwilligung" in basis) and protection.consent is None:
        found.append("consent variable")
    return tuple(found)


def check(protection: Protection, name: str, today: date) -> tuple[str, ...]:
    """What is not recorded of a source that is about to be grounded.

    Raises:
        DataError: its retention date has passed.
    """
    _refuse(((name, protection.retention),), today, "grounded on it")
    return missing(protection)


def expired(sources: Sequence[SourceRecord], today: date) -> tuple[SourceRecord, ...]:
    """The sources whose last day of use lies before ``today``."""
    return tuple(s for s in sources if _past(s.protection.retention, today))


def refuse_expired(sources: Sequence[SourceRecord], today: date, verb: str) -> None:
    """Returns where every source may still be used. Raises: DataError naming each one that may not."""
    _refuse([(s.name, s.protection.retention) for s in sources], today, verb)


def _past(retention: date | None, today: date) -> bool:
    return retention is not None and retention < today


def _refuse(sources: Sequence[tuple[str, date | None]], today: date, verb: str) -> None:
    late = [f"{name!r} (until {day})" for name, day in sources if _past(day, today)]
    if late:
        one = len(late) == 1
        raise DataError(
            f"the data of {'source' if one else 'sources'} {', '.join(late)} may no longer be used: the "
            f"retention date has passed (today is {today}), so nothing can be {verb}. Delete the panels "
            f"that hold {'it' if one else 'them'} (mirrorpanel panel delete) and leave "
            f"{'it' if one else 'them'} out of the grounding file; or, where the law allows a longer time, "
            "write that as protection.retention and ground again"
        )
