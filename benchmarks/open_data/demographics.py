"""Attributes with the same names and levels in every survey.

The levels are those of the example study. Where a survey has bands of its own that cut across the common
ones, the attribute keeps the survey's words; ``age_range``, ``schooling`` and ``income_level`` are coarse
enough for all (their edges are met within five years and about $10,000).
"""

from collections.abc import Mapping, Sequence

AGES = ((18, 24), (25, 34), (35, 44), (45, 54), (55, 64), (65, 120))
RANGES = ((18, 29, "under 30"), (30, 44, "30 to 44"), (45, 59, "45 to 59"), (60, 120, "60 and over"))
INCOMES = (
    (25_000, "under $25,000"), (50_000, "$25,000 to $49,999"), (75_000, "$50,000 to $74,999"),
    (100_000, "$75,000 to $99,999"), (150_000, "$100,000 to $149,999"), (float("inf"), "$150,000 or more"),
)  # fmt: skip
LEVELS = ((40_000, "lower income"), (100_000, "middle income"), (float("inf"), "higher income"))

LESS, SCHOOL, SOME, BACHELOR, GRADUATE = (
    "less than high school", "high school", "some college", "bachelor's degree", "graduate degree",
)  # fmt: skip


def age_group(age: float | None) -> str | None:
    """Ten-year group of an age in years; ``None`` where unknown or under 18."""
    if age is None or not age >= 18:
        return None
    low, high = next(band for band in AGES if age <= band[1])
    return "65 and over" if low == 65 else f"{low}-{high}"


def age_range(age: float | None) -> str | None:
    """One of four life stages."""
    return None if age is None or not age >= 18 else next(text for _, high, text in RANGES if age <= high)


def income_group(dollars: float | None) -> str | None:
    """Group of a yearly household income, or of the middle of a band."""
    return None if dollars is None else next(text for top, text in INCOMES if dollars < top)


def income_level(dollars: float | None) -> str | None:
    """Lower (under about $40,000), middle or higher (from about $100,000) household income."""
    return None if dollars is None else next(text for top, text in LEVELS if dollars < top)


def recoded(values: Sequence[object], mapping: Mapping[str, str | None]) -> list[str | None]:
    """Each value through the mapping; what the mapping lacks is unknown."""
    return [mapping.get(str(v)) for v in values]


REGIONS = {
    "New England": "Northeast", "Middle Atlantic": "Northeast", "East North Central": "Midwest",
    "West North Central": "Midwest", "South Atlantic": "South", "East South Central": "South",
    "West South Central": "South", "Mountain": "West", "Pacific": "West",
}  # fmt: skip
"""Census divisions within census regions."""

SCHOOLING = {
    LESS: "no college", SCHOOL: "no college", "high school or less": "no college",
    SOME: "some college", "associate's degree": "some college",
    BACHELOR: "college degree", GRADUATE: "college degree", "bachelor's degree or more": "college degree",
}  # fmt: skip

MONEY = {
    "$0-$9,999": 5_000.0, "$10,000-$24,999": 17_500.0, "$25,000-$49,999": 37_500.0, "$0-$24,999": 12_500.0,
    "$50,000-$74,999": 62_500.0, "$75,000-$99,999": 87_500.0, "$100,000-$124,999": 112_500.0,
    "$125,000-$149,999": 137_500.0, "$150,000-$174,999": 162_500.0, "$175,000-$199,999": 187_500.0,
    "$200,000+": 250_000.0, "$150,000+": 200_000.0, "150000": 200_000.0, "$100,000-$149,999": 125_000.0,
}  # fmt: skip
"""Middle of the income bands of SurveyMonkey, which stand in the data with and without spaces."""


def schooling(education: Sequence[str | None]) -> list[str | None]:
    """No college, some college or a college degree."""
    return [None if e is None else SCHOOLING[e] for e in education]


def surveymonkey_income(values: Sequence[object]) -> dict[str, list[str | None]]:
    """``household_income`` and ``income_level``; the one band from $50,000 to $99,999 keeps its own words."""
    texts = [str(v).replace(" to ", "-").replace(" - ", "-").replace(" and up", "+") for v in values]
    wide = {"$50,000-$99,999": "$50,000 to $99,999"}
    return {
        "household_income": [wide.get(t) or income_group(MONEY.get(t)) for t in texts],
        "income_level": ["middle income" if t in wide else income_level(MONEY.get(t)) for t in texts],
    }
