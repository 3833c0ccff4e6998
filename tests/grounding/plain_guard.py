"""A guard for tests that ground without a workspace: pseudonyms of a key that everyone can read here."""

import hashlib
from collections.abc import Sequence
from datetime import date

from grounding.privacy.guard import Guard


def pseudonym(source: str, identifier: str) -> str:
    """The pseudonym that this guard gives to an id of a source."""
    return "k" + hashlib.sha256(f"{source}/{identifier}".encode()).hexdigest()[:20]


def pseudonyms(source: str, ids: Sequence[str]) -> tuple[str, ...]:
    return tuple(pseudonym(source, i) for i in ids)


def plain_guard(erased: Sequence[str] = (), today: date = date(2026, 11, 1)) -> Guard:
    return Guard(pseudonyms, frozenset(erased), today)
