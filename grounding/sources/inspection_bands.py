"""Labels with numbers in them: bands of income and age, counts, and how often something happens."""

import re
from collections.abc import Mapping

from grounding.sources.inspection_words import listed, plain


def _by_word(words: Mapping[float, str]) -> dict[str, float]:
    """Word -> number, from number -> words separated by bars."""
    return {word: number for number, listing in words.items() for word in listing.split("|")}


_THOUSANDS = re.compile(r"(?<=\d)[., ](?=\d{3}(?!\d))")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)?\s*(?:k\b|tsd\b|m\b|mio\b)?")
_FEET = re.compile(r"(\d)'\s*(\d{1,2})?\"?")
_WORDS = _by_word(
    {
        0.0: "none|no|zero|keine|kein|keinmal|never|nie",
        1.0: "once|one|einmal|eine|ein",
        2.0: "twice|two|zweimal|zwei",
        3.0: "three|dreimal|drei",
        4.0: "four|vier|viermal",
        5.0: "five|fuenf",
        6.0: "six|sechs",
        7.0: "seven|sieben",
        8.0: "eight|acht",
        9.0: "nine|neun",
        10.0: "ten|zehn",
    }
)
_BELOW = re.compile(
    r"\b(under|less|below|unter|weniger|bis|up to|younger|juenger|fewer|at most|hoechstens|max|lt)\b|<"
)
_ABOVE = re.compile(
    r"\b(over|more|above|ueber|mehr|older|aelter|ab|plus|at least|mindestens|greater|up|oder mehr|gt)\b|>|\+"
)
_UNITS = _by_word(
    {
        1.0: "minute|minutes|min|mins|minuten",
        60.0: "hour|hours|hrs|hr|stunde|stunden|std",
        1440.0: "day|days|tag|tage|tagen",
        10080.0: "week|weeks|woche|wochen",
        43800.0: "month|months|monat|monate|monaten",
        525600.0: "year|years|jahr|jahre|jahren",
    }
)
_NAMES_NUMBERED_THINGS = listed(
    "area|arm|block|brand|cell|concept|condition|filiale|form|gebiet|group|gruppe|item|konzept|list|liste|"
    "location|marke|option|product|produkt|region|room|sample|scenario|site|standort|store|szenario|task|team|"
    "treatment|typ|type|variante|version|wave|welle|zone"
)


def units(label: str) -> frozenset[float]:
    """Units of time that a label names, in minutes."""
    return frozenset(_UNITS[w] for w in re.findall(r"[^\W\d_]+", plain(label)) if w in _UNITS)


def band(label: str, timed: bool = False) -> tuple[float, int] | None:
    """Where a band of numbers stands among others: its lowest number, and -1/+1 for open ends.

    ``Under $5,000`` is (5000, -1), ``$5,000 to $9,999`` (5000, 0), ``1.000 bis unter 2.000 Euro`` (1000, 0),
    ``65 and older`` (65, 1). Where ``timed``, in minutes. ``None`` where the label has no number.
    """
    text = _THOUSANDS.sub("", label.lower().translate({0xE4: "ae", 0xF6: "oe", 0xFC: "ue", 0xDF: "ss"}))
    if text.startswith("[") and text.endswith("]"):
        return None  # a list that a program wrote
    feet = _FEET.search(text)
    if feet:
        return float(feet[1]) * 12 + float(feet[2] or 0), _open_end(text)
    found = _values(_NUMBER.findall(text))
    words = re.findall(r"[^\W\d_]+", text)
    if not found:
        found = [float(_WORDS[w]) for w in words if w in _WORDS][:2]
    if not found or _NAMES_NUMBERED_THINGS & set(words):
        return None
    scale = [_UNITS[w] for w in words if w in _UNITS] if timed else []
    size = found[0] * (scale[0] if scale else 1.0)
    return size, _open_end(text) if len(found) == 1 else 0


def _open_end(text: str) -> int:
    below, above = _BELOW.search(text), _ABOVE.search(text)
    if below and above:
        # "up to" holds an "up", and "no more than" a "more": the first word decides.
        return -1 if below.start() <= above.start() else 1
    return -1 if below else 1 if above else 0


def _values(numbers: list[str]) -> list[float]:
    """The numbers in full: in ``40-75k`` both ends are thousands."""
    factors = [1e3 if re.search(r"k|tsd", n) else 1e6 if "m" in n else 1.0 for n in numbers]
    bare = [float(re.sub(r"[^\d.,]", "", n).replace(",", ".")) for n in numbers]
    if len(bare) > 1 and factors[0] == 1.0 and factors[1] > 1.0 and bare[0] < bare[1]:
        factors[0] = factors[1]
    return [b * f for b, f in zip(bare, factors, strict=True)]


def others(label: str) -> frozenset[str]:
    """What a band says beside its numbers: words that other bands of the same question should share."""
    words = set(re.findall(r"[^\W\d_]+", plain(label)))
    return frozenset(words - set(_WORDS) - set(_UNITS) - _CONNECTIVES)


_CONNECTIVES = listed(
    "a|ab|about|above|aelter|als|alt|and|at|below|between|bis|brutto|ca|chf|cm|dollar|dollars|etwa|"
    "eur|euro|euros|feet|fewer|from|ft|gbp|hoechstens|in|gt|inches|juenger|just|k|kg|least|less|lt|m|mal|"
    "max|mehr|min|mindestens|mio|months|more|most|netto|oder|of|old|older|only|or|over|people|per|"
    "person|personen|persons|plus|pro|than|the|time|times|to|tsd|ueber|und|under|unter|up|usd|von|"
    "weniger|younger|zu|zwischen"
)

_PER_YEAR = _by_word(
    {
        365.0: "day|days|daily|tag|tage|tagen|taeglich",
        52.0: "week|weeks|wk|wks|weekly|woche|wochen|woechentlich|weekend",
        26.0: "fortnight|fortnightly",
        12.0: "month|months|mth|monthly|monat|monate|monaten|monatlich",
        4.0: "quarter|quarterly|quartal",
        1.0: "year|years|yr|yrs|yearly|annually|jahr|jahre|jahren|jaehrlich",
    }
)
_VAGUE = _by_word(
    {
        0.0: "never|nie|niemals|not at all|never ever|noch nie|gar nicht",
        0.5: "hardly ever|almost never|fast nie|very rarely|sehr selten|so gut wie nie",
        1.0: "rarely|seldom|selten|not often|not very often|eher selten|rare",
        0.8: "less often|less frequently|seltener|noch seltener|less than that",
        6.0: (
            "once in a while|now and then|ab und zu|hin und wieder|from time to time|occasionally|"
            "gelegentlich|sporadic|sporadically|every now and then"
        ),
        10.0: "sometimes|manchmal|some of the time|teilweise",
        30.0: "about half the time|half the time|etwa die haelfte der zeit|half of the time",
        70.0: "regularly|regelmaessig|fairly often|quite often|ziemlich oft|eher oft",
        90.0: "often|oft|frequently|haeufig|a lot of the time|oefter",
        120.0: "usually|meistens|most of the time|mostly|meist|generally",
        150.0: "very often|sehr oft|sehr haeufig|very frequently|constantly",
        300.0: "almost always|nearly always|fast immer|nahezu immer|every chance i get",
        400.0: "always|immer|all the time|all of the time|every time|jedes mal|staendig",
    }
)
_SEVERAL = re.compile(r"\b(few|several|sevrl|multiple|some|mehrmals|mehrere|couple|paar)\b")
_EVERY = re.compile(
    r"\b(?:every|each|alle|jede[nrs]?)\b"
    r"(?: (other|second|half|halbe[ns]?|zweite[nrs]?|two|zwei|three|drei|four|vier|six|sechs|\d+))?"
)
_STEPS = {"other": 2.0, "second": 2.0, "half": 0.5, "halbe": 0.5, "halben": 0.5, "halbes": 0.5}
_RANGE = re.compile(r"(\d+)(?:\s*(?:to|-|–|or|bis|oder)\s*(\d+))?")


def rate(label: str) -> float | None:
    """Times a year that a label means: ``never`` 0, ``2 to 3 days a week`` 130; ``None`` for other labels."""
    text = plain(label)
    if text in _VAGUE:
        return _VAGUE[text]
    unit = next((w for w in reversed(re.findall(r"[a-z]+", text)) if w in _PER_YEAR), None)
    if unit is not None and re.search(r"\b(old|alt|ago|vor|older|aelter)\b|\$|€", text) is None:
        return _counted(text, _PER_YEAR[unit])
    parts = [_VAGUE[p.strip()] for p in re.split(r"[/,]| or | oder ", text) if p.strip() in _VAGUE]
    if parts:
        return sum(parts) / len(parts)
    return next((_VAGUE[w] for w in _ends(text) if w in _VAGUE), None)


def _ends(text: str) -> list[str]:
    """Beginnings of a label, the longest first, and the ends of a short one: ``nutze ich nie``."""
    words = text.split()
    heads = [" ".join(words[:n]) for n in range(min(len(words), 5), 0, -1)]
    return heads + ([" ".join(words[-n:]) for n in (3, 2, 1)] if len(words) <= 5 else [])


def _counted(text: str, per_year: float) -> float | None:
    every = _EVERY.search(text)
    numbers = _RANGE.search(text)
    if every:
        step = every[1] or "1"
        times = 1 / (float(step) if step.isdigit() else _STEPS.get(step) or float(_WORDS.get(step, 2)))
    elif numbers:
        times = (float(numbers[1]) + float(numbers[2] or numbers[1])) / 2
    else:
        times = _in_words(text)
    if times is None or times == 0:
        return times
    if re.search(r"\b(less|lt|weniger|seltener|fewer|never|or less|at most)\b", text):
        times *= 0.6
    elif re.search(r"\b(more|mehr|oefter|haeufiger|at least|mindestens)\b", text):
        times *= 1.6
    elif re.search(r"\b(nearly|nrly|almost|fast)\b", text) and " or " not in text:
        times *= 0.9
    return times * per_year


def _in_words(text: str) -> float | None:
    if _SEVERAL.search(text):
        return 3.0
    counts = [float(_WORDS[w]) for w in re.findall(r"[a-z]+", text) if w in _WORDS and w not in ("no", "ein")]
    if counts:
        return sum(counts) / len(counts)
    adverb = r"\b(daily|weekly|monthly|yearly|annually|quarterly|fortnightly|\w+(ae|oe)?(e|o)?(g|ch|t)lich)\b"
    return 1.0 if re.search(adverb, text) or re.search(r"\b(an?|per|pro|im)\b", text) else None
