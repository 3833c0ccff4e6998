"""Telephone numbers, checked by the phonenumbers library, which is imported late."""

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import Any

from grounding.privacy import pii_checks as checks
from grounding.privacy.pii_context import (
    CURRENCY_BEFORE,
    UNIT,
    Found,
    digits_of,
    speaks_against,
    speaks_for,
    words,
)

REGIONS = ("DE", "GB", "FR", "AT", "CH", "US", "NL", "BE", "IE", "IT", "ES", "PL", "TR")
_SPELT = r"(?:slash|dash|strich|minus|schrägstrich|bindestrich|hyphen|space|leerzeichen|punkt|dot|point)"
_SEP = rf"(?:[\s./()\[\]_·~*|-]{{0,4}}|\s?[,;]\s|\s{{1,2}}{_SPELT}\s{{1,2}})"
_CANDIDATE = re.compile(
    rf"(?<!\d)(?<!\d[.,:])(?:(?:\+|\bplus\s|\(\s?\+?|\[\s?)\s?)?\d(?:{_SEP}\d){{5,24}}", re.IGNORECASE
)
_CONTEXT = words(
    r"tel(?:efon(?:nummer|nr|isch)?|ephone|efonisch|\b)|t[ée]l[ée]phone|phone|fon\b|mobil(?:e|"
    r"nummer|funk|telefon|\b)|"
    r"handy|cell|call|ring(?: me)?\b|text(?: me)?\b|anruf|anrufen|ruf(?:en|nummer|t)?\b|rückruf|zurückrufen|"
    r"durchwahl|festnetz|whats-?app|sms\b|fax|telefax|erreich|reach|contact|kontakt|hotline|landline|dial|"
    r"nummer (?:ist|lautet)|number is|number:|nummer:|meine nummer|my number|nr\. ist|"
    r"signal\b|telegram|viber|"
    r"portable|appel|gsm\b|cep\b|📞|☎|📱|t:|m:|p:|f:|ph\b|mob\b"
)
_DATE = re.compile(
    r"\s*\(?(?:(?:0?[1-9]|[12]\d|3[01])\s?([./-])\s?(?:0?[1-9]|1[0-2])\s?\1\s?(?:(?:19|20)\d\d|\d\d)|"
    r"(?:0?[1-9]|1[0-2])\s?([/-])\s?(?:0?[1-9]|[12]\d|3[01])\s?\2\s?(?:(?:19|20)\d\d|\d\d)|"
    r"(?:19|20)\d\d\s?([./-])\s?(?:0?[1-9]|1[0-2])\s?\3\s?(?:0?[1-9]|[12]\d|3[01]))(?![./-]?\d)"
)
_DAY = r"(?:0?[1-9]|[12]\d|3[01])\.\s?(?:0?[1-9]|1[0-2])\."
_DATE_RANGE = re.compile(rf"{_DAY}(?:(?:19|20)?\d\d)?\s?[-/]\s?{_DAY}(?:(?:19|20)?\d\d)?")
_NANP = re.compile(
    r"(?:1[\s.-]{0,2})?(?:\([2-9]\d\d\)[\s.-]{0,3}|[2-9]\d\d[\s./-]{1,3})[2-9]\d\d[\s.-]{1,3}\d{4}"
)
_NANP_MARK = re.compile(r"[-()./]")


def find(text: str) -> Iterator[Found]:
    """Telephone numbers in folded text."""
    for match in _CANDIDATE.finditer(text):
        start, end = match.span()
        if start and text[start - 1].isalpha() and not _CONTEXT.search(text, max(0, start - 6), start):
            continue
        if (text[end : end + 1].isalpha() and not UNIT.match(text, end)) and len(
            digits_of(match.group())
        ) < 9:
            continue
        yield from _split(text, start, end)


def _split(text: str, start: int, end: int) -> Iterator[Found]:
    """The numbers within one run of digits: the whole, or the longest parts from the left."""
    if _is_phone(text, start, end):
        yield Found("phone", start, end, 70)
        return
    groups = _groups(text, start, end)
    first = 0
    while first < len(groups):
        step = 1
        for last in range(len(groups) - 1, first - 1, -1):
            if (first, last) != (0, len(groups) - 1) and _is_phone(text, groups[first][0], groups[last][1]):
                yield Found("phone", groups[first][0], groups[last][1], 70)
                step = last - first + 1
                break
        first += step


_GROUP = re.compile(r"[+(\[]*\d[^\s,;|]*\d[)\]]*|[+(\[]*\d[)\]]*")


def _groups(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """Parts of a run of digits between blanks and commas; leading and trailing dates are left out."""
    groups = [m.span() for m in _GROUP.finditer(text, start, end)]
    return [g for g in groups if not _DATE.fullmatch(text[g[0] : g[1]].rstrip(".,"))]


def _is_phone(text: str, start: int, end: int) -> bool:
    written = text[start:end]
    number = digits_of(written)
    international = "+" in written or written.lower().startswith("plus") or written.startswith(("00", "(00"))
    spoken = speaks_for(text, start, _CONTEXT, window=36, after=end)
    if not 6 <= len(number) <= 17 or _is_other(text, start, end, number, international or spoken):
        return False
    if not spoken and speaks_against(text, start) and "+" not in written:
        return False
    if international and len(number) >= 8:
        return spoken or _valid_abroad(number)
    if spoken and len(number) <= 15:
        return True
    if number.startswith("0"):
        return _national(written.strip(), number)
    return _american(written, number)


def _is_other(text: str, start: int, end: int, number: str, announced: bool) -> bool:
    """Whether the digits are plainly a date, an amount, a scale or a list of small numbers."""
    written = text[start:end]
    if UNIT.match(text, end) or CURRENCY_BEFORE.search(text, max(0, start - 12), start):
        return True
    if re.match(r"[.,:]\d", text[end : end + 2]):
        return True
    if (_DATE.match(written) and len(number) <= 12) or re.fullmatch(r"0[.,]\d+", written):
        return True
    if announced:
        return False
    if number in "0123456789101112131415" or number in "9876543210" or len(set(number)) == 1:
        return True
    if re.fullmatch(r"\(?\d{1,3}[.,]\d+(?:\s+\d{1,3}[.,]\d+)+", written):
        return True
    if _DATE_RANGE.fullmatch(written.strip(" ()")):
        return True
    lists = re.split(r"\s*[,;|]\s*", written.strip("()"))
    return len(lists) >= 3 or bool(
        re.fullmatch(r"\d+[.,]\d+|\d{1,3}(?:[.,]\d{3})+|(?:19|20)\d\d\s?[-/]\s?(?:19|20)\d\d", written)
    )


def _national(written: str, number: str) -> bool:
    """Whether a number that starts with the trunk prefix 0 is one in any of the regions."""
    if not 9 <= len(number) <= 13 or re.fullmatch(r"0[.,]\d+", written):
        return False
    if written == number and checks.article_number(number) and not re.match(r"01[5-7]", number):
        return False
    if written == number and not 10 <= len(number) <= 12:
        return False
    mobile = re.fullmatch(r"01[5-7]\d{8,10}|07[1-9]\d{8}|0[67]\d{8}", number) is not None
    return mobile or any(_valid(number, region) for region in REGIONS if region != "US")


def _american(written: str, number: str) -> bool:
    if not _NANP.fullmatch(written.strip() if ")" in written else written.strip(" (")):
        return False
    return bool(_NANP_MARK.search(written)) or _valid(number, "US")


def _valid_abroad(number: str) -> bool:
    bare = number[2:] if number.startswith("00") else number
    if _valid("+" + bare, None):
        return True
    trunk = re.sub(r"^(49|44|33|43|41|39|31|32)0", r"\1", bare)
    if _valid("+" + trunk, None):
        return True
    near = re.match(r"(?:1|49|44|33|43|41|39|34|31|32|48|90|353|45|46|47)[1-9]", trunk) is not None
    return (near or not number.startswith("00")) and _possible("+" + trunk)


@lru_cache(maxsize=8192)
def _valid(number: str, region: str | None) -> bool:
    library = _library()
    try:
        return bool(library.is_valid_number(library.parse(number, region)))
    except library.NumberParseException:
        return False


def _possible(number: str) -> bool:
    library = _library()
    try:
        return bool(library.is_possible_number(library.parse(number, None)))
    except library.NumberParseException:
        return False


@lru_cache(maxsize=1)
def _library() -> Any:
    return import_module("phonenumbers")


_DIGIT_WORDS = (
    "null|eins|ein|zwei|zwo|drei|vier|fünf|fuenf|sechs|sieben|acht|neun|zero|oh|o|one|two|"
    "three|four|five|six|"
    "seven|eight|nine|double|triple|doppel|doppelt|hundred|hundert|thousand|tausend|ten|zehn|"
    "elf|zwölf|twenty|thirty|forty|fifty|"
    "sixty|seventy|eighty|ninety|zwanzig|dreißig|vierzig|fünfzig|sechzig|siebzig|achtzig|"
    "neunzig|plus|\\d{1,4}"
)
_SPOKEN = re.compile(
    rf"(?<!\w)(?:{_DIGIT_WORDS})(?:[\s,./-]{{1,3}}(?:{_SPELT}[\s,./-]{{1,3}})?(?:{_DIGIT_WORDS})){{5,20}}(?!\w)",
    re.IGNORECASE,
)
_SCALES = re.compile(
    r"(?:zero|null)?\W*(?:one|eins?)\W+(?:two|zwei)\W+(?:three|drei)\W+(?:four|"
    r"vier)\W+(?:five|fünf|fuenf)",
    re.IGNORECASE,
)


def find_spoken(text: str) -> Iterator[Found]:
    """Numbers spelt digit by digit, such as ``null eins sieben eins zwei drei vier``."""
    for match in _SPOKEN.finditer(text):
        spelt = len(re.findall(r"[^\W\d_]{2,}", match.group()))
        if spelt >= 4 and not _SCALES.match(match.group()):
            yield Found("phone", match.start(), match.end(), 68)
