"""Licence plates and vehicle identification numbers."""

import re
from collections.abc import Iterator
from functools import lru_cache

from grounding.privacy.pii_context import Found, speaks_against, speaks_for, words
from grounding.privacy.pii_gazetteer import entries, word_set

_GERMAN = re.compile(
    r"(?<![^\W_])(?<![^\W_]-)(?P<place>[A-ZÄÖÜ]{1,3})(?P<mark>\s?[-·.:]\s?|"
    r"\s{1,2})(?P<letters>[A-Z]{1,2})(?P<gap>\s?[-.]?\s?)"
    r"(?P<number>[1-9]\d{0,3})\s?[EH]?(?![^\W_])(?!-\w)"
)
_GERMAN_LOOSE = re.compile(
    r"(?<![^\W_])[a-zäöü]{1,3}\s?[-·.:/_ ]?\s?[a-zäöü]{1,2}\s?[-./_ ]?\s?[1-9]\d{0,3}\s?[eh]?(?![^\W_])",
    re.IGNORECASE,
)
_BRITISH = re.compile(
    r"(?<![^\W_])(?<!-)[A-HJ-PR-Y][A-HJ-PR-Y](?:0[2-9]|[1-7]\d)\s[A-HJ-PR-Z]{3}(?![^\W_])(?!-)"
)
_BRITISH_JOINED = re.compile(
    r"(?<![^\W_])(?<!-)[A-HJ-PR-Y]{2}(?:0[2-9]|[1-7]\d)\s?[A-HJ-PR-Z]{3}(?![^\W_])(?!-)",
    re.IGNORECASE,
)
_OTHER = re.compile(
    r"(?<![^\W_])(?=[A-Z0-9 -]*\d)(?=[A-Z0-9 -]*[A-Z])(?:[A-Z]{1,3}[ -]?\d{1,5}[ -]?[A-Z]{0,3}|"
    r"\d{1,4}[ -]?[A-Z]{1,4}[ -]?\d{0,4}|"
    r"[A-Z]{2}\d{2}[ -]?[A-Z]{3}|[A-Z]{2}[ -]\d{3}[ -][A-Z]{2}|[A-Z]\d{1,3}\s?[A-Z]{3}|"
    r"[A-Z]{3}\s?\d{1,3}\s?[A-Z])(?![^\W_])",
    re.IGNORECASE,
)
_WORDS = words(
    r"kennzeichen|kfz|kz:|nummernschild|amtl|licen[cs]e[- ]plate|plate|number ?plate|"
    r"registration|reg(?:\.|:|\b)(?: no| number)?|"
    r"numberplate|immatricul|plaque|autonummer|fahrzeug|pkw|vehicle|wagen|auto\b|car\b|van\b|tag:|"
    r"fahrer|falschpark|geparkt|parkte|geblitzt|abgeschleppt|parked|towed"
)
_STRONG = words(
    r"kennzeichen|kfz|nummernschild|licen[cs]e[- ]plate|plates?\b|number ?plate|registration|"
    r"reg(?:\.|:| no| number)|"
    r"immatricul|plaque|autonummer|amtl"
)
_VIN = re.compile(r"(?<![^\W_])(?=[A-Z0-9]*\d[A-Z0-9]*\d)[A-HJ-NPR-Z0-9]{17}(?![^\W_])", re.IGNORECASE)
_VIN_WORDS = words(r"vin\b|fin\b|fahrgestell|chassis|fahrzeug-?ident|vehicle ident")
_NOT_PLATES = word_set("LED USB SSD HDD RAM CPU GPU GPS LTE PRO MAX XXL PCS RGB LCD TWS NFC VGA MAH")
_SIZES = word_set("XS S M L XL XX XXL")


@lru_cache(maxsize=1)
def _places() -> frozenset[str]:
    return frozenset(word.upper() for word in entries("plate_places.txt"))


def find(text: str) -> Iterator[Found]:
    """Licence plates (German and British alone, others with their word before them) and chassis numbers."""
    for match in _GERMAN.finditer(text):
        if _is_german(text, match):
            yield Found("licence plate", *match.span(), 64)
    for match in _BRITISH.finditer(text):
        if _is_british(text, match):
            yield Found("licence plate", *match.span(), 64)
    if _WORDS.search(text):
        yield from _british_with_words(text)
    if _STRONG.search(text):
        yield from _announced(text)
    if _VIN_WORDS.search(text):
        for match in _VIN.finditer(text):
            if speaks_for(text, match.start(), _VIN_WORDS):
                yield Found("vehicle number", *match.span(), 73)


def _british_with_words(text: str) -> Iterator[Found]:
    """British plates in lower case or without a blank, near a word about cars."""
    for match in _BRITISH_JOINED.finditer(text):
        if speaks_for(text, match.start(), _WORDS, window=32, after=match.end(), behind=24):
            yield Found("licence plate", *match.span(), 64)


def _is_british(text: str, match: re.Match[str]) -> bool:
    if match.group()[-3:] in _NOT_PLATES:
        return False
    return not speaks_against(text, match.start()) or speaks_for(text, match.start(), _STRONG)


def _announced(text: str) -> Iterator[Found]:
    """Plates of any country behind words such as "Kennzeichen" or "plate"."""
    for pattern in (_OTHER, _GERMAN_LOOSE):
        for match in pattern.finditer(text):
            if speaks_for(text, match.start(), _STRONG, window=28) and _plausible(match.group()):
                yield Found("licence plate", *match.span(), 63)


_SMALL_WORDS = word_set(
    "am an im in ab um zu so es at on of is my no to it by the and und der die das ist mit von seit war for"
)


def _plausible(written: str) -> bool:
    """Whether a loose match is no phrase such as "am 12" or "ab 2024"."""
    parts = [part.lower() for part in re.findall(r"[^\W\d_]+(?=\s)", written)]
    if len(parts) == 2 and parts[0].upper() in _places() and parts[0] not in _SMALL_WORDS:
        return True
    return "-" in written or not any(part in _SMALL_WORDS for part in parts)


def _is_german(text: str, match: re.Match[str]) -> bool:
    """A known district, and a hyphen behind it or a word about cars before it; no sizes, no articles."""
    place, letters = match["place"], match["letters"]
    spoken = speaks_for(text, match.start(), _WORDS, window=40, after=match.end(), behind=40)
    if place not in _places():
        return spoken and "-" in match["mark"]
    if spoken:
        return True
    if speaks_against(text, match.start()) or letters in _SIZES or place in _SIZES - {"S", "M", "L"}:
        return False
    if match["mark"].isspace():
        return False
    return bool(match["gap"].strip(".-") or match["gap"] == "") or len(match["gap"].strip()) == 0
