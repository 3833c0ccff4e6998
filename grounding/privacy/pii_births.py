"""Dates of birth: full dates that the words around call one."""

import re
from collections.abc import Iterator

from grounding.privacy.pii_context import Found, words

_MONTH = (
    r"(?:jan(?:uar|uary|vier|\.)?|jän(?:ner|\.)?|feb(?:ruar|ruary|\.)?|f[ée]vr(?:ier|\.)?|"
    r"m(?:ä|ae)rz|mär\.?|mar(?:ch|s|\.)?|mrz\.?|apr(?:il|\.)?|avril|ma[iy]|"
    r"juni?|june|juin|jul[iy]?|juillet|aug(?:ust|\.)?|ao[uû]t|sep(?:t(?:ember|embre|\.)?|\.)?|"
    r"o[kc]t(?:ober|obre|\.)?|nov(?:ember|embre|\.)?|de[cz](?:ember|\.)?|d[ée]cembre)"
)
_YEAR = r"(?:(?:18|19|20)\d\d|'?\d\d)"
_DATE = re.compile(
    rf"(?<![^\W_])(?:\d{{1,2}}\s?[./-]\s?\d{{1,2}}\s?[./-]\s?{_YEAR}|(?:19|"
    rf"20)\d\d\s?[./-]\s?\d{{1,2}}\s?[./-]\s?\d{{1,2}}|"
    rf"\d{{1,2}}(?:st|nd|rd|th|er|\.)?\s?(?:of\s)?[-/ ]?{_MONTH}\.?\s?[-/,]?\s?(?:{_YEAR})|"
    rf"{_MONTH}\s\d{{1,2}}(?:st|nd|rd|th)?\s?,?\s{_YEAR}|\d{{2}}\s\d{{2}}\s(?:19|20)\d\d|(?:19|"
    rf"20)\d{{6}}|\d{{4}}(?:19|20)\d\d)(?![^\W_])",
    re.IGNORECASE,
)
_BIRTH = words(
    r"geb(?:oren|urt\w*|\.|\b)|dob\b|d\.o\.b\.?|date of birth|birth\s?-?(?:date|day)?|born|"
    r"née?\b|naissance|b-?day|"
    r"\*\s?$|gebdat|gdat\b|jahrgang"
)
_STAR = re.compile(r"\*\s?$")
_BEHIND = re.compile(
    r"\s?[)(,:-]{0,2}\s?(?:geboren|born|is my (?:birthday|date of birth)|ist mein geburts\w+|"
    r"\(?(?:dob|geburtsdatum|birth date|date of birth))",
    re.IGNORECASE,
)


def find(text: str) -> Iterator[Found]:
    """Dates of birth in folded text."""
    marked = _BIRTH.search(text) is not None
    if not marked and "*" not in text:
        return
    for match in _DATE.finditer(text):
        low = max(0, match.start() - 40)
        starred = _STAR.search(text, low, match.start()) is not None
        if starred or _BIRTH.search(text, low, match.start()) or _BEHIND.match(text, match.end()):
            yield Found("date of birth", *match.span(), 74)
