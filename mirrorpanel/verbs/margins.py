"""``data margins`` and ``data refresh``: which official margins there are, and newer ones of Eurostat."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import yaml

import reference_data
from grounding.population import refresh as eurostat
from grounding.population import tables
from grounding.population.eurostat import Service
from grounding.population.refresh import Fetched
from grounding.population.spans import spans
from personas.errors import UnknownName
from reference_data import Absence, MarginTable, countries

_GROUPS = {"18-34": (18, 34), "35-49": (35, 49), "50-64": (50, 64), "65 and over": (65, 120)}
_STARTS = ((20, 35, 50, 65), (20, 40, 60))


@dataclass(frozen=True)
class Overview:
    """The margins that there are, and what to say where there are none.

    Attributes:
        country: English name; empty where all countries were asked for.
        topic: empty where all topics were asked for.
        tables: those that fit, sorted by country and name.
        absent: topics that were looked for and not found for the country, or the one that was asked for.
    """

    country: str
    topic: str
    tables: tuple[MarginTable, ...]
    absent: tuple[Absence, ...]


@dataclass(frozen=True)
class Shown:
    """One table with all that is needed to use it.

    Attributes:
        table: the table, of one country where one was asked for.
        categories: dimension -> its categories.
        levels: dimension -> names of ready recodes -> attribute value -> categories.
        use: the lines of a grounding file that use it.
    """

    table: MarginTable
    categories: Mapping[str, tuple[str, ...]]
    levels: Mapping[str, Mapping[str, Mapping[str, tuple[str, ...]]]]
    use: str


def overview(country: str = "", topic: str = "") -> Overview:
    """The margins for a country (by name or code) and a topic; all of them where both are empty.

    Where there are none, ``absent`` says so and what there is; that is an answer, not an error.
    """
    asked = reference_data.topic(topic) if topic else ""
    try:
        name = countries.name(country) if country else ""
    except KeyError:
        unknown = reference_data.absent(country, topic or "all topics")
        return Overview(country, asked, (), () if unknown is None else (unknown,))
    found = [reference_data.margin(n) for n in reference_data.margin_names(name)]
    fitting = [_of(t, name) for t in found if not asked or asked in reference_data.topics(t)]
    ordered = tuple(sorted(fitting, key=lambda t: (t.country != name, t.country, t.name)))
    return Overview(name, asked, ordered, _absent(name, asked))


def _of(table: MarginTable, country: str) -> MarginTable:
    """The part of a table of several countries that counts the one asked for."""
    several = country and tables.COUNTRY in table.dimensions
    return tables.filtered(table, {tables.COUNTRY: country}) if several else table


def _absent(country: str, topic: str) -> tuple[Absence, ...]:
    if country and topic:
        missing = reference_data.absent(country, topic)
        return () if missing is None else (missing,)
    wanted = [e for e in reference_data.absences() if not topic or e.topic == topic]
    wanted = [e for e in wanted if not country or e.country == country]
    found = (reference_data.absent(e.country, e.topic) for e in wanted)
    return tuple(a for a in found if a is not None)


def show(name: str, country: str = "") -> Shown:
    """A table with its categories and the lines that use it.

    Raises:
        UnknownName: there is no such table.
        DataError: the table does not count the country.
    """
    if name not in reference_data.margin_names():
        raise UnknownName("margin table", name, reference_data.margin_names())
    table = reference_data.margin(name)
    if country and tables.COUNTRY in table.dimensions:
        table = tables.filtered(table, {tables.COUNTRY: country})
    levels = {d: reference_data.levels_for(table, d) for d in table.dimensions if d != tables.COUNTRY}
    return Shown(
        table=table,
        categories={d: table.categories(d) for d in table.dimensions},
        levels={d: recodes for d, recodes in levels.items() if recodes},
        use=usage(table),
    )


def usage(table: MarginTable) -> str:
    """The lines of a grounding file that use the table, with attributes named after its dimensions.

    Single years of age are cut by bins; groups are named by ``levels`` where the survey's differ.
    """
    dimensions = [d for d in table.dimensions if d != tables.COUNTRY]
    names = {d: "age_group" if d == "age" else d for d in dimensions}
    where: dict[str, str] = {}
    if tables.COUNTRY in table.dimensions:
        where[tables.COUNTRY] = table.categories(tables.COUNTRY)[0]
    margin: dict[str, object] = {"table": table.name, "attributes": names}
    if "age" in dimensions:
        margin |= _ages(table.categories("age"), where)
    if where:
        margin["where"] = where
    inside: dict[str, object] = {"margins": [margin]}
    if table.unit == "households":
        inside = {"households": inside}
    lines = yaml.safe_dump(inside, allow_unicode=True, sort_keys=False, default_flow_style=None, width=110)
    return _example(table) + lines


def _example(table: MarginTable) -> str:
    """A remark above the lines of a table of several countries, none of which was asked for."""
    several = table.categories(tables.COUNTRY) if tables.COUNTRY in table.dimensions else ()
    if len(several) < 2:
        return ""
    return f"# {several[0]} only stands in: name your country under 'where', or ask with --country\n"


def _ages(categories: tuple[str, ...], where: dict[str, str]) -> dict[str, object]:
    """Bins for single years; whole groups from 20 on (added to ``where``) for tables of groups."""
    numbers = spans(categories)
    if numbers is None or all(n.low == n.high for n in numbers.values()):
        return {"bins": {"age_group": {group: list(ends) for group, ends in _GROUPS.items()}}}
    lows = {n.low for n in numbers.values()}
    starts = next(s for s in _STARTS if lows.issuperset(s))
    groups: dict[str, list[str]] = {}
    for low, following in zip(starts, (*starts[1:], math.inf), strict=True):
        name = f"{low} and over" if following == math.inf else f"{low}-{following - 1:g}"
        groups[name] = [c for c, n in numbers.items() if low <= n.low < following]
    where["age"] = f"{starts[0]}+"
    return {"levels": {"age_group": groups}}


def refresh(
    name: str,
    out: Path,
    only: Sequence[str],
    year: int | None,
    report: Callable[[str], None],
    service: Service | None = None,
) -> Fetched:
    """Fetches a newer edition of a Eurostat table today.

    Raises:
        UnknownName: no such data set.
        DataError: see ``grounding.population.refresh.refresh``.
    """
    return eurostat.refresh(name, out, datetime.now(UTC).date(), only, year, service, report)
