"""Numbers that stand for a person: tax, social security, health, identity documents."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from grounding.privacy import pii_checks as checks
from grounding.privacy.pii_context import Found, digits_of, speaks_against, speaks_for, words

_EDGE = r"(?<![^\W_])(?<![\d][.,:/-])"
_STOP = r"(?![^\W_])(?![.,:/-]\d)"
_GAP = r"[\s./_-]{0,3}"


class _Kind(NamedTuple):
    """How one kind of number is recognised.

    Attributes:
        kind: its placeholder.
        shape: how it is written.
        context: words that announce it.
        check: whether the compact form (letters and digits, upper case) is right.
        alone: whether the right check suffices without context.
        trusted: whether the context suffices although the check fails.
    """

    kind: str
    shape: re.Pattern[str]
    context: re.Pattern[str]
    check: Callable[[str], bool]
    alone: bool
    trusted: bool = True


def _shape(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"{_EDGE}(?:{pattern}){_STOP}", re.IGNORECASE)


def _no(number: str) -> bool:
    return False


_TAX = words(
    r"steuer|tax\b|tin\b|utr\b|idnr|id-nr|identifikationsnummer|stnr|st\.?-?\s?nr|finanzamt|fiscal|spi\b|itin"
)
_VAT = words(r"ust|umsatzsteuer|vat\b|mwst|tva\b|uid\b|steuer")
_PENSION = words(
    r"sozialversicherung|rentenversicherung|sv-?\s?nr|svnr|rvnr|rv-?nummer|sv-?nummer|versicherungsnummer|"
    r"versicherungs-?nr|sv-?ausweis|social insurance|pension|vsnr"
)
_HEALTH = words(
    r"kranken|kvnr|kv-?\s?n|versichert|versicherung|gesundheitskarte|egk|health (?:insurance|card)|insurance|"
    r"tk\b|aok\b|barmer|dak\b|ikk\b"
)
_DOCUMENT = words(
    r"ausweis|personalausweis|perso\b|pa-?nr|reisepass|pass(?:port)?\b|pass-?n|passnummer|passeport|"
    r"aufenthalts|führerschein|driv(?:er|ing)|licen[cs]e (?:no|num|#)|identity card|id[- ]card|"
    r"carte d|document n|id document|national id|cni\b|dni\b|nie\b|pesel|bsn\b|codice fiscale"
)
_SSN = words(r"ssn|social(?: security)?|sozialversicherung|sozial|soc\.? ?sec|itin|tin\b")
_NINO = words(r"nino?\b|ni (?:no|num|#)|national insurance|n\.i\.|ni:|insurance")
_NHS = words(r"nhs")
_AUSTRIAN = words(
    r"sozialversicherung|versicherungsnummer|sv-?\s?nr|sv-?\s?nummer|svnr|social (?:insurance|security)"
)
_PERSONAL = re.compile(
    r"(?<![^\W\d_])(?:kunden|mitglieds?|personal|mitarbeiter|versicherten|vertrags|policen?|"
    r"versicherungsschein|matrikel|patienten|schüler|kd)-?\s?(?:nummer|nr\.?|no\.?|id)|"
    r"(?<![^\W\d_])(?:customer|member(?:ship)?|employee|staff|policy|student|patient|"
    r"loyalty(?: card)?|client|account holder)\s(?:number|no\.?|num|id|\#)(?![^\W\d_])",
    re.IGNORECASE,
)
_PERSONAL_NUMBER = re.compile(
    r"\s?(?:\(.{1,20}?\)\s?)?(?::|=|is|was|ist|war|lautet|\#)?\s?"
    r"(?P<number>(?:[A-Z]{1,4}[ /-]?)?\d(?:[ ./-]?[A-Z0-9]{1,8}(?![a-zäöü])){1,5})(?![^\W_])",
)
_NIR = words(r"nir\b|sécu|secu|num[ée]ro de s|insee|carte vitale|social|versicherung")


def _ssn(number: str) -> bool:
    return (
        number[:3] not in ("000", "666") and number[0] != "9" and number[3:5] != "00" and number[5:] != "0000"
    )


def _nino(number: str) -> bool:
    prefix = number[:2]
    return prefix not in ("BG", "GB", "KN", "NK", "NT", "TN", "ZZ") and not (
        set(prefix) & set("DFIQUV") or prefix[1] == "O"
    )


def _idnr(number: str) -> bool:
    return checks.valid("de.idnr", number)


def _vat(number: str) -> bool:
    return number[:2] == "DE" and checks.valid("de.vat", number)


def _nir(number: str) -> bool:
    return len(number) == 15 and checks.valid("fr.nir", number)


def _austrian(number: str) -> bool:
    day, month = int(number[4:6]), int(number[6:8])
    return 1 <= day <= 31 and 1 <= month <= 12 and checks.valid("at.vnr", number)


def _nhs(number: str) -> bool:
    return checks.valid("gb.nhs", number)


def _mixed(number: str) -> bool:
    return any(c.isdigit() for c in number) and 6 <= len(number) <= 18


_KINDS = (
    _Kind(
        "social security number",
        _shape(
            rf"\d{{2}}{_GAP}\d{{6}}{_GAP}[A-Z]{_GAP}\d{{2}}{_GAP}\d|"
            rf"\d{{2}}{_GAP}\d{{2}}{_GAP}\d{{2}}{_GAP}\d{{2}}{_GAP}[A-Z]{_GAP}\d{{3}}"
        ),
        _PENSION,
        checks.social_insurance,
        True,
    ),
    _Kind(
        "health insurance number",
        _shape(rf"[A-Z]{_GAP}(?:\d{_GAP}){{8}}\d"),
        _HEALTH,
        checks.health_insurance,
        False,
    ),
    _Kind(
        "tax number",
        _shape(rf"[1-9]{_GAP}(?:\d{_GAP}){{9}}\d"),
        _TAX,
        _idnr,
        True,
    ),
    _Kind(
        "tax number",
        _shape(
            r"\d{2,3}\s?[/ -]\s?\d{3,4}\s?[/ -]\s?\d{4,5}|\d\s?\d{9,12}|\d{3}[/ ]\d{5}|\d{3,5}[ /]?\d{5}|"
            r"[0-3]\d\s?\d\d(?:\s?\d{3}){3}"
        ),
        _TAX,
        _no,
        False,
    ),
    _Kind(
        "tax number",
        _shape(
            rf"(?:DE|D\sE){_GAP}(?:\d{_GAP}){{8}}\d|ATU{_GAP}\d{{8}}|FR{_GAP}\w\w{_GAP}\d{{9}}|"
            rf"GB{_GAP}\d{{3}}{_GAP}\d{{4}}{_GAP}\d{{2}}|CHE-?\d{{3}}\.\d{{3}}\.\d{{3}}"
        ),
        _VAT,
        _vat,
        True,
    ),
    _Kind(
        "social security number",
        _shape(r"\d{3}\s?-\s?\d{2}\s?-\s?\d{4}|\d{3}[ .]\d{2}[ .]\d{4}"),
        _SSN,
        _ssn,
        True,
    ),
    _Kind("social security number", _shape(rf"(?:\d{_GAP}){{8}}\d"), _SSN, _no, False),
    _Kind(
        "social security number",
        _shape(rf"[A-Z]{_GAP}[A-Z]{_GAP}(?:\d{_GAP}){{6}}[A-D]"),
        _NINO,
        _nino,
        True,
    ),
    _Kind(
        "social security number",
        _shape(
            rf"[1-478]{_GAP}\d\d{_GAP}(?:0[1-9]|1[0-2]|[2-9]\d){_GAP}(?:\d\d|"
            rf"2[AB]){_GAP}\d{{3}}{_GAP}\d{{3}}"
            rf"(?:{_GAP}(?:cl[ée])?\s?\d\d)?"
        ),
        _NIR,
        _nir,
        True,
    ),
    _Kind(
        "social security number",
        _shape(r"756[. ]?\d{4}[. ]?\d{4}[. ]?\d{2}"),
        words(r"ahv|avs|social|sozial"),
        checks.article_number,
        True,
    ),
    _Kind("social security number", _shape(r"\d{4}\s?[-/]?\s?\d{6}"), _AUSTRIAN, _no, False),
    _Kind("social security number", _shape(r"\d{4}\s?[-/]?\s?\d{6}"), _AUSTRIAN, _austrian, True),
    _Kind(
        "health insurance number",
        _shape(r"[1-9][A-Z][A-Z0-9]\d-?[A-Z][A-Z0-9]\d-?[A-Z]{2}\d\d"),
        words(r"medicare|mbi\b|beneficiary|insurance"),
        _no,
        False,
    ),
    _Kind(
        "health insurance number",
        _shape(rf"(?:\d{_GAP}){{9}}\d"),
        _NHS,
        _nhs,
        False,
    ),
)
_NHS_GROUPED = _shape(r"\d{3}[ -]\d{3}[ -]\d{4}")
_PAPERS = re.compile(
    rf"{_EDGE}(?=[A-Z0-9]*\d)(?:[A-Z0-9]{{6,18}}|[A-Z]{{0,3}}[ -]?\d(?:[ -]?[A-Z0-9]){{5,11}}){_STOP}",
)
_PAPERS_LOOSE = re.compile(rf"{_EDGE}(?=[a-z0-9]*\d[a-z0-9]*\d)[a-z0-9]{{8,12}}{_STOP}")


def find(text: str) -> Iterator[Found]:
    """Tax, social security, health insurance and identity document numbers in folded text."""
    for kind in _KINDS:
        for match in kind.shape.finditer(text):
            if _counts(kind, text, match):
                yield Found(kind.kind, match.start(), match.end(), 80)
    for match in _NHS_GROUPED.finditer(text):
        if checks.valid("gb.nhs", digits_of(match.group())) and not speaks_against(text, match.start()):
            yield Found("health insurance number", match.start(), match.end(), 79)
    yield from _papers(text)
    yield from _personal(text)


def _counts(kind: _Kind, text: str, match: re.Match[str]) -> bool:
    compact = "".join(c for c in match.group() if c.isalnum()).upper()
    if kind.alone and kind.check(compact):
        return not speaks_against(text, match.start()) or speaks_for(text, match.start(), kind.context)
    after = match.end() if kind.alone else -1
    spoken = speaks_for(text, match.start(), kind.context, after=after, behind=44)
    return spoken and (kind.trusted or kind.check(compact))


def _papers(text: str) -> Iterator[Found]:
    """Numbers of passports, identity cards and driving licences, which need their name before them."""
    if not _DOCUMENT.search(text):
        return
    for pattern in (_PAPERS, _PAPERS_LOOSE):
        for match in pattern.finditer(text):
            compact = "".join(c for c in match.group() if c.isalnum())
            if _mixed(compact) and speaks_for(text, match.start(), _DOCUMENT, window=36):
                yield Found("identity document number", match.start(), match.end(), 72)


def _personal(text: str) -> Iterator[Found]:
    """Numbers under which a firm, an insurer or a school keeps one person, right behind their name."""
    for label in _PERSONAL.finditer(text):
        match = _PERSONAL_NUMBER.match(text, label.end())
        if match and len(digits_of(match["number"])) >= 4:
            yield Found("personal number", *match.span("number"), 71)
