"""Official margins: counts of people or households, each with its source, basis, vintage and licence."""

import csv
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from reference_data import countries
from reference_data.folders import folder

Unit = Literal["people", "households", "percent"]
COUNTRY = "country"
"""The dimension of tables that count several countries."""


@dataclass(frozen=True)
class MarginTable:
    """Counts by the values of one or more dimensions, as an office publishes them.

    Attributes:
        name: name of the table in this package, or in the grounding file that brings it.
        country: whose population is counted; several are named together.
        dimensions: what is counted by.
        rows: the value of each dimension, and the count.
        unit: what is counted: people, households, or percent of one whole.
        source: office and publication.
        vintage: date or year that the counts stand for.
        licence: terms of use, as the source states them.
        retrieved: date of retrieval, empty where it is not known.
        note: which population it is, and what was changed on the way here.
        basis: the population count that the figures stand on, such as ``Zensus 2022``; empty where unknown.
        attribution: the words by which the licence wants the source named; empty where it wants none.
    """

    name: str
    country: str
    dimensions: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], float], ...]
    unit: str
    source: str
    vintage: str
    licence: str
    retrieved: str
    note: str
    basis: str = ""
    attribution: str = ""

    @cached_property
    def total(self) -> float:
        """Sum of all counts; of several wholes where the unit is percent."""
        return sum(count for _, count in self.rows)

    def categories(self, dimension: str) -> tuple[str, ...]:
        """The values of a dimension, in the table's order. Raises: KeyError, listing the dimensions."""
        if dimension not in self.dimensions:
            raise KeyError(f"table {self.name} has no dimension {dimension!r}; it has {self.dimensions}")
        column = self.dimensions.index(dimension)
        return tuple(dict.fromkeys(values[column] for values, _ in self.rows))

    def counts(self, country: str) -> bool:
        """Whether the country (by its English name) is the one, or among those, that the table counts."""
        return country == self.country or (COUNTRY in self.dimensions and country in self.categories(COUNTRY))


class _Description(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    country: str
    dimensions: tuple[str, ...]
    unit: Unit
    basis: str
    source: str
    vintage: str
    licence: str
    attribution: str
    retrieved: str
    note: str


def margin_names(country: str = "") -> list[str]:
    """Names of the margin tables, sorted; only those that count ``country`` where one is named.

    A country may be named in English, in German or by its ISO code. Raises: KeyError for an unknown one.
    """
    if not country:
        return sorted(_descriptions())
    name = countries.name(country)
    return [n for n in margin_names() if any(margin(n).counts(c) for c in (name, *countries.parts(name)))]


@cache
def margin(name: str) -> MarginTable:
    """The margin table of this name. Raises: KeyError, listing the names that there are."""
    if name not in _descriptions():
        raise KeyError(f"no margin table {name!r}; there are {', '.join(margin_names())}")
    about = _descriptions()[name]
    with (folder("margins") / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file)
        header = next(lines)
        if header != [*about.dimensions, about.unit]:
            raise ValueError(f"{name}.csv has columns {header}, tables.yaml says {about.dimensions}")
        rows = tuple((tuple(line[:-1]), float(line[-1])) for line in lines)
    return MarginTable(name=name, rows=rows, **about.model_dump())


def levels(dimension: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """Ready recodes of a dimension: name of the recode -> attribute value -> official categories.

    They are written into ``levels`` of a margin; empty where none ships. NUTS codes -> names of German
    states, say, or German words -> the English ones of the tables.
    """
    return dict(_levels().get(dimension, {}))


def levels_for(table: MarginTable, dimension: str) -> dict[str, dict[str, tuple[str, ...]]]:
    """The ready recodes that fit this table: they give each of its categories a value, and name no other."""
    categories = set(table.categories(dimension))
    fitting: dict[str, dict[str, tuple[str, ...]]] = {}
    for name, recode in levels(dimension).items():
        kept = {value: tuple(c for c in covered if c in categories) for value, covered in recode.items()}
        kept = {value: covered for value, covered in kept.items() if covered}
        if {c for covered in kept.values() for c in covered} == categories:
            fitting[name] = kept
    return fitting


@cache
def _levels() -> dict[str, dict[str, dict[str, tuple[str, ...]]]]:
    text = (folder("margins") / "levels.yaml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, dict[str, dict[str, tuple[str, ...]]]]).validate_python(yaml.safe_load(text))


@cache
def _descriptions() -> dict[str, _Description]:
    text = (folder("margins") / "tables.yaml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, _Description]).validate_python(yaml.safe_load(text))
