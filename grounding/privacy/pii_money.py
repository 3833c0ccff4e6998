"""Numbers that move money: IBAN, payment cards, accounts, bank codes."""

import re
from collections.abc import Iterator

from grounding.privacy import pii_checks as checks
from grounding.privacy.pii_context import Found, digits_of, speaks_against, speaks_for, words

_IBAN_START = re.compile(
    r"(?<![^\W_])([A-Z])[\s.-]?([A-Z])[\s.:-]{0,2}\d[\s.-]?\d(?=[\s.:/_-]{0,3}[A-Z0-9])", re.IGNORECASE
)
_IBAN_FILL = re.compile(r"[\s.:/_-]{0,3}([A-Za-z0-9])")
_IBAN_WORDS = words(
    r"iban|konto|account|überweis|ueberweis|transfer|bank|sepa|lastschrift|compte|erstatt|"
    r"refund"
)
_CARD = re.compile(r"(?<![^\W_])(?<!\d[.,])\d(?:[\s._/*-]{0,3}\d){11,18}(?![\s-]?\d)(?![^\W_])")
_CARD_WORDS = words(
    r"card|karte|kreditkarte|kartennummer|visa|master|amex|american express|maestro|debit|credit|cc\b|carte|"
    r"diners|discover|jcb\b|pan\b"
)
_CARD_CODE = re.compile(
    r"(?<![^\W\d_])(?:cvv2?|cvc2?|cid|card (?:security|verification) code|kartenprüfnummer|prüfziffer|"
    r"sicherheitscode)\s?(?:code\s?)?(?::|=|is|ist|lautet)?\s?(?P<code>\d{3,4})(?!\d)",
    re.IGNORECASE,
)
_ACCOUNT = re.compile(r"(?<![^\W_])\d(?:[\s.-]?\d){5,11}(?![^\W_])")
_ACCOUNT_WORDS = words(
    r"konto(?:nummer|nr|-nr)?\b|kto\b|kto-?nr|account (?:no|num|#)|acct|acc\.? ?(?:no|num)|"
    r"account:|account\b|"
    r"bankverbindung|depot(?:nummer|nr)?|routing|sort code|sort-code|blz|bankleitzahl|n° de compte"
)
_BIC = re.compile(r"(?<![^\W_])[A-Z]{4}\s?[A-Z]{2}\s?[A-Z0-9]{2}(?:\s?[A-Z0-9]{3})?(?![^\W_])", re.IGNORECASE)
_BIC_WORDS = words(r"bic\b|swift")
_SORT_CODE = re.compile(r"(?<![\d-])\d\d[- ]\d\d[- ]\d\d(?![\d-])")


def names_bank(text: str) -> bool:
    """Whether the text speaks of a bank code, which may have no digits."""
    lower = text.lower()
    return "bic" in lower or "swift" in lower


def find(text: str) -> Iterator[Found]:
    """IBANs, payment card numbers, account numbers and bank codes in folded text."""
    yield from _ibans(text)
    for match in _CARD.finditer(text):
        number = digits_of(match.group())
        spoken = speaks_for(text, match.start(), _CARD_WORDS)
        if spoken or (_card_alone(number) and not speaks_against(text, match.start())):
            yield Found("card number", match.start(), match.end(), 84)
    for match in _CARD_CODE.finditer(text):
        yield Found("card number", *match.span("code"), 71)
    if _ACCOUNT_WORDS.search(text):
        yield from _accounts(text)
    if _BIC_WORDS.search(text):
        for match in _BIC.finditer(text):
            if speaks_for(text, match.start(), _BIC_WORDS, window=24) and _looks_like_code(match.group()):
                yield Found("bank code", match.start(), match.end(), 71)


def _accounts(text: str) -> Iterator[Found]:
    for pattern in (_ACCOUNT, _SORT_CODE):
        for match in pattern.finditer(text):
            if speaks_for(text, match.start(), _ACCOUNT_WORDS, window=26):
                yield Found("bank account", match.start(), match.end(), 71)


def _card_alone(number: str) -> bool:
    return checks.card(number) and not (len(number) <= 14 and checks.article_number(number))


def _looks_like_code(word: str) -> bool:
    compact = word.replace(" ", "")
    return compact.isupper() or any(c.isdigit() for c in compact)


def _ibans(text: str) -> Iterator[Found]:
    for match in _IBAN_START.finditer(text):
        country = (match[1] + match[2]).upper()
        length = checks.iban_lengths().get(country)
        if length is None:
            continue
        number, end = _collect(text, match.start(), length)
        if _is_iban(text, match.start(), number, length, text[end : end + 1]):
            yield Found("iban", match.start(), end, 88)


def _is_iban(text: str, start: int, number: str, length: int, following: str) -> bool:
    """Right check digits; or the shape alone, where the words around say that it is an account."""
    if len(number) == length and checks.iban(number) and not following.isalnum():
        return True
    digits = len(digits_of(number))
    return (
        len(number) >= 12
        and digits >= min(10, len(number) - 6)
        and speaks_for(text, start, _IBAN_WORDS, window=60)
    )


def _collect(text: str, start: int, length: int) -> tuple[str, int]:
    """Up to ``length`` letters and digits from ``start``, upper case, and where they end.

    After the two check digits a word without a digit ends the number, so that text behind a number
    that is too short is left alone.
    """
    number, end = "", start
    while len(number) < length:
        match = _IBAN_FILL.match(text, end)
        if match is None or (match.start(1) > end and len(number) >= 8 and _is_word(text, match.start(1))):
            break
        number += match[1].upper()
        end = match.end()
    return number, end


_WORD = re.compile(r"[^\W\d_]{2,}(?![^\W_])")


def _is_word(text: str, at: int) -> bool:
    match = _WORD.match(text, at)
    return match is not None and not (match.group().isupper() and len(match.group()) <= 4)
