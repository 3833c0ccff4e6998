"""Categories that stand for ranges of numbers: ``42``, ``15-19``, ``85 and over``."""

import math
import re
from collections.abc import Sequence
from typing import NamedTuple

_NUMBER = re.compile(r"\d+(?:\.\d+)?")
_RANGE = re.compile(r"(\d+(?:\.\d+)?)\s*(?:-|–|to|bis)\s*(\d+(?:\.\d+)?)")
_OPEN = re.compile(
    r"(\d+(?:\.\d+)?)\s*(?:\+|and (?:over|older|more)|or (?:over|older|more)|und (?:älter|mehr))"
)


class Span(NamedTuple):
    """Lowest and highest number of a category, both included; the highest is infinite where it is open."""

    low: float
    high: float


def span(category: str) -> Span | None:
    """The numbers that a category stands for; ``None`` where it is no number and no range of numbers.

    ``42`` is 42 to 42, ``15-19``, ``15 to 19`` and ``15 bis 19`` are 15 to 19, ``85+``, ``85 and over`` and
    ``85 und älter`` are 85 to infinity. A top code that is a bare number, as ``90`` for 90 and over, cannot
    be told from the number itself and is read as the number.
    """
    text = category.strip()
    if _NUMBER.fullmatch(text):
        return Span(float(text), float(text))
    if found := _RANGE.fullmatch(text):
        low, high = map(float, found.groups())
        return Span(low, high) if low <= high else None
    if found := _OPEN.fullmatch(text):
        return Span(float(found[1]), math.inf)
    return None


def spans(categories: Sequence[str]) -> dict[str, Span] | None:
    """Each category's numbers; ``None`` where any category is something else, such as a word."""
    found = {category: span(category) for category in categories}
    known = {category: numbers for category, numbers in found.items() if numbers is not None}
    return known if len(known) == len(found) else None
