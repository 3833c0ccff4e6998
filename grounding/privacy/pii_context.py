"""What the words around a number say about it."""

import re
from functools import lru_cache
from typing import NamedTuple


class Found(NamedTuple):
    """A find in folded text.

    Attributes:
        kind: what was found, as its placeholder says.
        start: first character.
        end: behind the last character.
        rank: which find wins where two overlap; the higher.
    """

    kind: str
    start: int
    end: int
    rank: int


_WINDOW = 44
_NUMBER_WORD = r"(?:[\s.:#/-]*(?:nr|no|number|nummer|numéro|num|id|code|#)\b\.?)?"
NOT_A_PERSON = re.compile(
    r"(?<![^\W\d_])(?:art(?:ikel|icle)?s?|sku|ean(?:-?1?[38])?|gtin(?:-?1[34])?|upc(?:-a)?|"
    r"isbn(?:-1[03])?|issn|"
    r"asin|mpn|pzn|han|dewey|best(?=\.?-?\s?nr)|bestell(?:ung|nummer|nr|code)?|order(?:ed)?|auftrags?(?:nummer|nr)?|invoice|"
    r"rechnungs?(?:nummer|nr)?|beleg(?:nummer|nr)?|quittung|receipt|reference|referenz|ref|"
    r"ticket(?:nummer|nr)|ticket|"
    r"serial|serien(?:nummer|nr)?|s/n|sn|model|modell(?:nummer|nr)?|modèle|"
    r"part(?=[\s.#-]*(?:no|num|nr|#|\d))|"
    r"(?:ersatz)?teile?(?:nummer|nr)?|chargen?(?:nummer|nr)|(?-i:Charge)|"
    r"batch|lot|los|tracking|sendungs?(?:nummer|nr)?|paket(?:nummer|nr)|(?:parcel|shipment|"
    r"paket)(?=\s(?:no|nr|number|#|\d))|version|firmware|"
    r"build|release|katalog(?:nummer|nr)?|catalog(?:ue)?|hersteller(?:nummer|nr)?|item|product|"
    r"produkt(?:nummer|nr|code)?|typ|type|barcode|strichcode|qr|vorgangs?(?:nummer|nr)?|case|"
    r"patent(?:nummer)?|din|iso|iec|norm|gutschein(?:code|nummer)?|voucher|coupon|promo|"
    r"rabattcode|lager(?:nummer|platz|ort)?|stock|inventar(?:nummer|nr)?|"
    r"zählerstand|material(?:nummer|nr)?|sachnummer|kunden(?:nummer|nr)|customer (?:no|number|id)|"
    r"farb(?:e|code|nummer)|colou?r|größe|size|seiten?|page|kapitel|chapter|section|abschnitt|"
    r"ziffer|paragraph|"
    r"transaction|transaktions?(?:nummer|nr)?|flug|flight|zug|hash|commit|revision|rev|api|port|"
    r"registry|handelsregister|hrb|wkn|isin|wertpapier\w*|fragebogen\w*|questionnaire|umfrage|survey)"
    rf"(?:nummern?|nr|code)?\b\.?{_NUMBER_WORD}",
    re.IGNORECASE,
)
UNIT = re.compile(
    r"\s?(?:[%€$£°]|eur\b|usd\b|gbp\b|chf\b|k?g\b|m?l\b|[kcm]?m\b|[kmgt]b\b|mah\b|k?w\b|kwh\b|"
    r"stück|stk|pcs\b|"
    r"units?\b|uhr\b|euros?\b|pounds?\b|dollars?\b|people\b|personen\b|einwohner|points?\b|punkte\b|minuten|"
    r"minutes|stunden|hours|tage\b|days\b|jahre\b|years\b|mal\b|times\b|pixels?\b|px\b|mio\b|million|views|"
    r"aufrufe|items?\b|exemplare|copies|steps|schritte|km/h|mph|h\b|lbs?\b|oz\b)",
    re.IGNORECASE,
)
CURRENCY_BEFORE = re.compile(
    r"(?:[€$£]|\b(?:EUR|USD|GBP|CHF|Preis|price|Betrag|amount|total|Summe)\b)\s?:?\s?$"
)


@lru_cache(maxsize=64)
def words(pattern: str) -> re.Pattern[str]:
    """A pattern of context words, without regard to case."""
    return re.compile(rf"(?<![^\W\d_])(?:{pattern})", re.IGNORECASE)


def speaks_for(
    text: str, start: int, pattern: re.Pattern[str], window: int = _WINDOW, after: int = -1, behind: int = 20
) -> bool:
    """Whether a context word stands before ``start`` (or behind ``after``) with no other label nearer."""
    if after >= 0 and pattern.search(text, after, min(len(text), after + behind)):
        return True
    low = max(0, start - window)
    spoken = _last(pattern, text, low, start)
    return spoken >= 0 and _last(NOT_A_PERSON, text, low, start) <= spoken


def speaks_against(text: str, start: int, window: int = 30) -> bool:
    """Whether the label before ``start`` names a thing and not a person: article, order, version, ..."""
    low = max(0, start - window)
    return _last(NOT_A_PERSON, text, low, start) >= 0


def _last(pattern: re.Pattern[str], text: str, low: int, high: int) -> int:
    """End of the last match within ``text[low:high]``; -1 where there is none."""
    last = -1
    for match in pattern.finditer(text, low, high):
        last = match.end()
    return last


def digits_of(text: str) -> str:
    """Only the digits."""
    return "".join(c for c in text if "0" <= c <= "9")


_MIXED = re.compile(
    r"(?<=[\d+])[OoQIl|](?=[\s/.()-]{0,2}[\dOoQIl|])|(?<![^\W\d_])[OoIl](?=\d{2})|"
    r"(?<=\d\d)[OoIl](?![^\W_])"
)
_ZEROS = re.compile(
    r"(?<![^\W_])[\dOo()+/.-]*\d[\dOo()+/.-]*(?![^\W_])|(?<![^\W_])\(?O{1,2}\)?(?=[\s/.-]{0,2}\d)"
)
_ZERO = str.maketrans("Oo", "00")
_AS_DIGIT = str.maketrans("OoQIl|", "000111")


def as_digits(text: str) -> str:
    """The text, equally long, with letters that stand between digits read as the digits they look like."""
    zeros = _ZEROS.sub(lambda m: m.group().translate(_ZERO), text)
    return _MIXED.sub(lambda m: m.group().translate(_AS_DIGIT), zeros)
