"""Check digits of numbers that stand for people; the untyped python-stdnum stays behind this module."""

from functools import lru_cache
from importlib import import_module
from typing import Any

from grounding.privacy.pii_gazetteer import word_set

_ISSUERS = (
    (("4",), (13, 16, 19)),
    (tuple(str(n) for n in range(51, 56)), (16,)),
    (tuple(str(n) for n in range(2221, 2721)), (16,)),
    (("34", "37"), (15,)),
    (("6011", "65", *(str(n) for n in range(644, 650))), (16, 19)),
    (("36", "38", "39", *(str(n) for n in range(300, 306))), (14,)),
    (tuple(str(n) for n in range(3528, 3590)), (16,)),
    (("62",), (16, 17, 18, 19)),
)
_MAESTRO = ("50", "56", "57", "58", "6")


@lru_cache(maxsize=32)
def _stdnum(module: str) -> Any:
    return import_module(f"stdnum.{module}")


def valid(module: str, number: str) -> bool:
    """Whether python-stdnum's ``module``, such as ``de.idnr``, accepts the number."""
    return bool(_stdnum(module).is_valid(number))


def luhn(number: str) -> bool:
    """Whether the last digit is the Luhn check digit. Source: ISO/IEC 7812-1, annex B."""
    return valid("luhn", number)


def card(number: str) -> bool:
    """Whether length and first digits belong to a card issuer and the Luhn digit is right.

    Source: ISO/IEC 7812-1 and the issuers' published ranges (Visa, Mastercard, American Express, Discover,
    Diners, JCB, UnionPay); Maestro's wide range is left to ``maestro``.
    """
    known = any(number.startswith(first) and len(number) in lengths for first, lengths in _ISSUERS)
    return known and len(set(number)) > 1 and luhn(number)


def maestro(number: str) -> bool:
    """Whether a number of 12 to 19 digits starts as Maestro cards do and its Luhn digit is right."""
    return 12 <= len(number) <= 19 and number.startswith(_MAESTRO) and luhn(number)


def social_insurance(number: str) -> bool:
    """Whether a German pension insurance number (``15070649C103``) has a date and its check digit.

    Source: VKVV (Versicherungsnummern-, Kontoführungs- und Versicherungsverlaufsverordnung) § 2.
    """
    if len(number) != 12 or not 1 <= int(number[4:6]) <= 12 or not 1 <= int(number[2:4]) % 50 <= 31:
        return False
    letter = f"{ord(number[8]) - 64:02d}"
    digits = number[:8] + letter + number[9:11]
    total = sum(_cross(int(d) * w) for d, w in zip(digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1), strict=True))
    return total % 10 == int(number[11])


def health_insurance(number: str) -> bool:
    """Whether the unchangeable part of a German health insurance number (``A123456780``) has its check digit.

    Source: GKV-Spitzenverband, Richtlinie Krankenversichertennummer nach § 290 SGB V.
    """
    digits = f"{ord(number[0]) - 64:02d}" + number[1:9]
    total = sum(_cross(int(d) * (1 + i % 2)) for i, d in enumerate(digits))
    return total % 10 == int(number[9])


def article_number(number: str) -> bool:
    """Whether the number is an EAN-8, UPC-A, EAN-13 or GTIN-14 with the right check digit (GS1)."""
    if len(number) not in (8, 12, 13, 14):
        return False
    total = sum(int(d) * (3 if i % 2 == 0 else 1) for i, d in enumerate(reversed(number[:-1])))
    return (10 - total % 10) % 10 == int(number[-1])


def iban(number: str) -> bool:
    """Whether the two check digits of an IBAN are right. Source: ISO 13616, ISO 7064 mod 97-10."""
    moved = number[4:] + number[:4]
    return int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def iban_lengths() -> dict[str, int]:
    """Country -> characters of its IBAN. Source: SWIFT IBAN registry."""
    return _IBAN_LENGTHS


def _cross(number: int) -> int:
    return number // 10 + number % 10


_IBAN_LENGTHS = {
    pair[:2]: int(pair[2:])
    for pair in sorted(
        word_set(
            "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 "
            "EG29 ES24 FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IS26 IT27 JO30 KW30 "
            "KZ20 LB28 LI21 LT20 LU20 LV21 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 "
            "QA29 RO24 RS22 SA24 SE24 SI19 SK24 SM27 TN24 TR26 UA29 VA22 VG24 XK20"
        )
    )
}
