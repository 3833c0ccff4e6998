"""Eurostat data sets that make a margin table, and which of their figures are complete enough to be one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grounding.population.eurostat import Answer, Observation, Structure
from personas.errors import DataError, UnknownName
from reference_data import Unit, countries

GEO = "geo"
FLAGS = {
    "b": "break in the series",
    "c": "confidential",
    "d": "definition differs",
    "e": "estimated",
    "f": "forecast",
    "n": "not significant",
    "p": "provisional",
    "r": "revised",
    "s": "Eurostat's estimate",
    "u": "low reliability",
    "z": "not applicable",
}


@dataclass(frozen=True)
class Edition:
    """A Eurostat data set that makes a margin table.

    Attributes:
        code: of the data set.
        fixed: dimension of Eurostat -> the one code that is taken.
        kept: dimension of Eurostat -> its name in the table; the country comes first by itself.
        words: dimension of Eurostat -> code -> category in words.
        unit: what is counted.
        scale: by which figures are multiplied.
        basis: what the figures stand on.
        note: which population it is.
    """

    code: str
    fixed: Mapping[str, str]
    kept: Mapping[str, str]
    words: Mapping[str, Mapping[str, str]]
    unit: Unit
    scale: float
    basis: str
    note: str


_SEX = {"M": "male", "F": "female"}
_SINGLE = {"Y_LT1": "0", **{f"Y{age}": str(age) for age in range(1, 100)}, "Y_OPEN": "100"}
_FIVE = {
    "Y_LT5": "0-4",
    **{f"Y{a}-{a + 4}": f"{a}-{a + 4}" for a in range(5, 85, 5)},
    "Y_GE85": "85 and over",
}
_ISCED = {
    "ED0-2": "lower secondary or less",
    "ED3_4": "upper secondary or post-secondary",
    "ED5-8": "tertiary",
}
EDITIONS = (
    Edition(
        code="edat_lfse_03",
        fixed={"freq": "A", "unit": "PC", "sex": "T", "age": "Y15-64"},
        kept={"isced11": "education"},
        words={"isced11": _ISCED},
        unit="percent",
        scale=1.0,
        basis="European Union Labour Force Survey",
        note="People aged 15 to 64 in private households, both sexes, by highest level completed.",
    ),
    Edition(
        code="demo_pjan",
        fixed={"freq": "A", "unit": "NR"},
        kept={"sex": "sex", "age": "age"},
        words={"sex": _SEX, "age": _SINGLE},
        unit="people",
        scale=1.0,
        basis="population on 1 January, Eurostat",
        note="Residents on 1 January by sex and single year of age; age 100 stands for 100 and over.",
    ),
    Edition(
        code="demo_pjangroup",
        fixed={"freq": "A", "unit": "NR"},
        kept={"sex": "sex", "age": "age"},
        words={"sex": _SEX, "age": _FIVE},
        unit="people",
        scale=1.0,
        basis="population on 1 January, Eurostat",
        note="Residents on 1 January by sex and five-year age group.",
    ),
)
_EUROSTAT = {"Greece": "EL", "United Kingdom": "UK"}


Cell = tuple[str, ...]


@dataclass(frozen=True)
class Complete:
    """The figures of the countries that have all of theirs.

    Attributes:
        rows: country and categories -> figure.
        vintage: the year.
        left_out: country -> why it is not here.
        flags: flag and its meaning -> how many of the figures carry it.
    """

    rows: dict[Cell, float]
    vintage: str
    left_out: dict[str, str]
    flags: dict[str, int]


def names() -> list[str]:
    """Codes of the Eurostat data sets that can be fetched."""
    return [edition.code for edition in EDITIONS]


def get(name: str) -> Edition:
    """The data set of this code. Raises: UnknownName, listing those that can be fetched."""
    for edition in EDITIONS:
        if edition.code == name:
            return edition
    raise UnknownName("Eurostat data set", name, names())


def choose_countries(only: Sequence[str], structure: Structure) -> dict[str, str]:
    """Eurostat's code -> English name of each country to ask for; all that are known where ``only`` is empty.

    Raises:
        DataError: a country that is not known, or that the data set lacks.
    """
    known = {_EUROSTAT.get(c.name, c.code): c.name for c in countries.COUNTRIES if c.code and c.code != "US"}
    there = {code: name for code, name in known.items() if code in structure.codes.get(GEO, known)}
    if not only:
        return there
    try:
        chosen = [countries.name(text) for text in only]
    except KeyError as error:
        raise DataError(str(error.args[0])) from None
    missing = [name for name in chosen if name not in there.values()]
    if missing:
        raise DataError(
            f"{structure.code} has no figures for {missing[0]}; it has {', '.join(there.values())}"
        )
    return {code: name for code, name in there.items() if name in chosen}


def request_key(edition: Edition, structure: Structure, geo: list[str]) -> dict[str, list[str]]:
    """Dimension -> codes to ask for.

    Raises:
        DataError: Eurostat has given the data set a new dimension, or taken a code away.
    """
    key = {GEO: geo, **{d: [code] for d, code in edition.fixed.items()}}
    key |= {d: list(words) for d, words in edition.words.items()}
    for dimension, codes in structure.codes.items():
        if dimension not in key:
            raise DataError(
                f"Eurostat has changed {edition.code}: it has a new dimension {dimension!r}; this version of "
                "mirrorpanel cannot fetch it. Download the table by hand and name it under 'tables'"
            )
        gone = [code for code in key[dimension] if code not in codes]
        if gone:
            raise DataError(
                f"Eurostat has changed {edition.code}: {dimension} has no code {gone[0]!r} any more; it has "
                f"{', '.join(list(codes)[:12])}. Download the table by hand and name it under 'tables'"
            )
    return {dimension: codes for dimension, codes in key.items() if dimension in structure.codes}


def complete(edition: Edition, answer: Answer, wanted: Mapping[str, str], year: int | None) -> Complete:
    """The figures of every country that is complete, and why the others are left out.

    Args:
        edition: the data set.
        answer: what Eurostat sent.
        wanted: Eurostat's code -> name of each country.
        year: which year; the newest that most countries have where ``None``.

    Raises:
        DataError: there are no figures, or no country has all of its own.
    """
    if not any(o.value is not None for o in answer.observations):
        raise DataError(
            f"Eurostat has no figure in {edition.code} for {_some(list(wanted.values()))}"
            f"{'' if year is None else f' in {year}'}; nothing was written. Asked: {answer.query}"
        )
    vintage = str(year) if year is not None else _newest(answer.observations)
    rows: dict[Cell, float] = {}
    left_out: dict[str, str] = {}
    flags: Counter[str] = Counter()
    for code, country in wanted.items():
        found = [o for o in answer.observations if o.key.get(GEO) == code and _belongs(edition, o)]
        reason = _incomplete(edition, found, vintage)
        if reason:
            left_out[country] = reason
            continue
        for o in found:
            if o.period == vintage and o.value is not None:
                words = (edition.words[d][o.key[d]] for d in edition.kept)
                rows[country, *words] = o.value * edition.scale
                flags.update(o.flags)
    if not rows:
        reasons = "; ".join(f"{country}: {reason}" for country, reason in list(left_out.items())[:3])
        raise DataError(
            f"no country is complete in {edition.code} for {vintage} ({reasons}); nothing was written"
        )
    meanings = {f"{flag}: {FLAGS.get(flag, 'not known here')}": n for flag, n in sorted(flags.items())}
    return Complete(rows, vintage, left_out, meanings)


def _newest(observations: Sequence[Observation]) -> str:
    """The year that most countries have as their last one; the later of two as frequent."""
    last: dict[str, str] = {}
    for o in observations:
        if o.value is not None:
            last[o.key[GEO]] = max(o.period, last.get(o.key[GEO], ""))
    return max(Counter(last.values()).items(), key=lambda item: (item[1], item[0]))[0]


def _belongs(edition: Edition, o: Observation) -> bool:
    return all(o.key.get(d) in words for d, words in edition.words.items())


def _incomplete(edition: Edition, found: Sequence[Observation], vintage: str) -> str:
    """Why a country cannot be used; empty where all of its figures are there."""
    cells = 1
    for words in edition.words.values():
        cells *= len(words)
    values = [o for o in found if o.period == vintage and o.value is not None]
    if not values:
        last = max((o.period for o in found if o.value is not None), default="")
        return f"no figure for {vintage}" + (f", the last one is for {last}" if last else "")
    if len(values) < cells:
        secret = any("c" in o.flags for o in found if o.value is None)
        return f"{cells - len(values)} of {cells} figures are missing" + (" (confidential)" if secret else "")
    whole = sum(o.value or 0.0 for o in values)
    if edition.unit == "percent" and abs(whole - 100.0) > 1.0:
        return f"its figures add up to {whole:.1f} per cent"
    return ""


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more countries" if len(names) > 3 else "")
