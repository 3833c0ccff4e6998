"""Official tables turned into targets: the share of the population in each cell of a person's attributes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from grounding.population.spans import Span, span
from personas.arrays import FloatArray, IntArray
from personas.errors import DataError
from personas.panel import UNKNOWN, Panel
from personas.wording import counted, listing, percent
from reference_data import MarginTable

LARGEST_TOTAL_GAP = 0.005
OPEN_END = 85.0
"""Least end of a bin that is taken to have none and so holds ``65 and over``: many surveys end age there."""
Places: TypeAlias = NDArray[np.int32] | NDArray[np.int64]
"""Cell of each person; negative where in none."""
OUTSIDE = -2
"""Place of a person whose value is in no cell of a margin."""


@dataclass(frozen=True)
class Target:
    """The official share of each cell of one or more attributes.

    Attributes:
        attributes: names of the person attributes.
        cells: one value for each attribute, for each cell.
        shares: share of the population in each cell, shape (n_cells,), sums to one.
        total: people counted by the table within these cells.
        source: office and publication.
        vintage: date or year that the counts stand for.
        licence: terms of use.
        unit: what the total counts: people, households, or percent, which is no number of people.
        basis: the population count that the figures stand on; empty where it is not known.
    """

    attributes: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    shares: FloatArray
    total: float
    source: str
    vintage: str
    licence: str
    unit: str = "people"
    basis: str = ""

    @property
    def name(self) -> str:
        """The attributes as a margin is called in text: ``age_group × sex``."""
        return " × ".join(self.attributes)

    @property
    def origin(self) -> str:
        """Source and vintage in words; the source alone where the vintage is not stated."""
        return f"{self.source}, {self.vintage}" if self.vintage else self.source

    @property
    def bearers(self) -> str:
        """Who is in its cells, in words: people or households."""
        return "households" if self.unit == "households" else "people"

    def counted(self, number: int) -> str:
        """So many of its bearers in words: ``1 person``, ``1,192 people``, ``3 households``."""
        if self.unit == "households":
            return counted(number, "household")
        return counted(number, "person", "people")

    def having(self, number: int) -> str:
        """How many of its bearers have something, in words: ``1 person has``, ``1,192 people have``."""
        return f"{self.counted(number)} {'has' if number == 1 else 'have'}"

    def label(self, cell: int) -> str:
        """One cell in words: ``age_group: 18-24, sex: female``."""
        return ", ".join(f"{a}: {v}" for a, v in zip(self.attributes, self.cells[cell], strict=True))


def target(
    table: MarginTable,
    attributes: Mapping[str, str],
    levels: Mapping[str, Mapping[str, Sequence[str]]],
    bins: Mapping[str, Mapping[str, tuple[float, float]]],
) -> Target:
    """The target that an official table sets for a panel's attributes.

    An attribute named in ``levels`` is recoded by it; otherwise one named in ``bins`` takes the official
    values as numbers or ranges of numbers (``15-19``, ``85 and over``), which a bin must hold whole, and
    those outside every bin do not belong to the population; otherwise the official values are the
    attribute's values. Dimensions that are not asked for are summed out.

    Args:
        table: the official counts.
        attributes: dimension of the table -> attribute of the persons.
        levels: attribute -> its values -> the official categories that each one covers.
        bins: attribute -> its values -> lowest and highest official number, both included.

    Raises:
        DataError: a dimension that the table lacks, an official category that no level covers or that two
            cover, a level that names a category that is not in the table, a bin that covers no row
            or cuts through a group, or numbers expected where the table has words.
    """
    _check_attributes(table, attributes, levels)
    columns = [table.dimensions.index(dimension) for dimension in attributes]
    recodes = [
        _recode(table, dimension, attribute, levels.get(attribute), bins.get(attribute))
        for dimension, attribute in attributes.items()
    ]
    counts: dict[tuple[str, ...], float] = {}
    for values, count in table.rows:
        cell = [recode.get(values[column]) for recode, column in zip(recodes, columns, strict=True)]
        inside = tuple(value for value in cell if value is not None)
        if len(inside) == len(cell):
            counts[inside] = counts.get(inside, 0.0) + count
    total = sum(counts.values())
    if total <= 0:
        raise DataError(f"table {table.name} counts nobody within {', '.join(attributes.values())}")
    shares = np.array(list(counts.values()), dtype=np.float64) / total
    names = tuple(attributes.values())
    return Target(
        attributes=names,
        cells=tuple(counts),
        shares=shares,
        total=total,
        source=table.source,
        vintage=table.vintage,
        licence=table.licence,
        unit=table.unit,
        basis=table.basis,
    )


def check_totals(targets: Sequence[Target], as_shares: bool) -> None:
    """Returns when the targets count the same number of people to within 0.5 %, or are taken as shares.

    Raises:
        DataError: they do not; the smallest and the largest total are named with their sources.
    """
    gap = "" if as_shares else totals_apart(targets)
    if gap:
        raise DataError(gap)


def totals_apart(targets: Sequence[Target]) -> str:
    """The smallest and the largest total, in words, where they are more than 0.5 % apart; else empty.

    Tables in per cent count nobody and are left out.
    """
    counts = [t for t in targets if t.unit != "percent"]
    if not counts:
        return ""
    low, high = min(counts, key=lambda t: t.total), max(counts, key=lambda t: t.total)
    gap = high.total / low.total - 1.0
    if gap <= LARGEST_TOTAL_GAP:
        return ""
    return (
        f"margins count different populations: {high.name} has {high.total:,.0f} {high.bearers} "
        f"({high.origin}), {low.name} has {low.total:,.0f} ({low.origin}), a gap of {percent(gap, 1)} where "
        f"{percent(LARGEST_TOTAL_GAP, 1)} is allowed; take both from one population (a margin without "
        "age counts children too: where: {age: 18+} keeps adults), or set as_shares: true to use each for "
        "its shares only"
    )


def cells_of(panel: Panel, target: Target) -> IntArray:
    """Index of the target cell that each person is in, shape (n_persons,).

    ``UNKNOWN`` where one of the attributes is not known.

    Raises:
        DataError: the panel lacks an attribute, or people have values for which there is no target cell.
    """
    lacking = lacks(panel, target)
    if lacking:
        raise DataError(lacking)
    cells = places_of(panel, target)
    outside = outsiders(panel, target, cells)
    if outside:
        raise DataError(outside)
    return cells.astype(np.int64)


def lacks(panel: Panel, target: Target) -> str:
    """Which attribute of the target the panel does not have, in words; empty where it has them all."""
    missing = [a for a in target.attributes if a not in panel.attributes]
    if not missing:
        return ""
    return (
        f"margin {target.name} ({target.source}) needs attribute {missing[0]!r}, which the panel lacks; "
        f"it has {', '.join(panel.attributes)}"
    )


def places_of(panel: Panel, target: Target) -> Places:
    """Index of the target cell that each person is in; ``UNKNOWN`` or ``OUTSIDE`` where in none.

    The panel must have the target's attributes.
    """
    values = [tuple(dict.fromkeys(column)) for column in zip(*target.cells, strict=True)]
    columns = [panel.attributes.index(attribute) for attribute in target.attributes]
    # The last two places of each axis: a value without a target, and UNKNOWN, whose code -1 picks the last.
    table = np.full(tuple(len(v) + 2 for v in values), OUTSIDE, dtype=np.int32)
    for index, cell in enumerate(target.cells):
        table[tuple(v.index(value) for v, value in zip(values, cell, strict=True))] = index
    for axis in range(len(values)):
        table[(slice(None),) * axis + (-1,)] = UNKNOWN
    for axis, (column, official) in enumerate(zip(columns, values, strict=True)):
        index = {value: i for i, value in enumerate(official)}
        here = [index.get(value, len(official)) for value in panel.levels[column]]
        table = table.take([*here, len(official) + 1], axis=axis)
    codes = [panel.codes[:, column] for column in columns]
    return table[codes[0]] if len(codes) == 1 else table[tuple(codes)]


def outsiders(panel: Panel, target: Target, places: Places) -> str:
    """How many have a value without a target, the first of them, and what to do; empty where none has."""
    outside = np.flatnonzero(places == OUTSIDE)
    if not outside.size:
        return ""
    first = panel.person(int(outside[0]))
    value = ", ".join(f"{a}: {first.attributes[a]}" for a in target.attributes)
    return (
        f"{target.having(outside.size)} a value for which margin {target.name} ({target.source}) has "
        f"no target: {'person' if target.bearers == 'people' else 'household'} {first.id!r} has {value}; "
        + _remedy(target, first.attributes)
    )


def _remedy(target: Target, found: Mapping[str, str | None]) -> str:
    """What the margin has, and what to do about somebody with other values."""
    who = target.bearers
    for axis, attribute in enumerate(target.attributes):
        levels = tuple(dict.fromkeys(cell[axis] for cell in target.cells))
        if found[attribute] not in levels:
            return (
                f"for {attribute} the margin has {listing(levels)}. Where the table does not count "
                f"{found[attribute]!r}, list its code under 'missing' of attribute {attribute!r}, so that "
                f"these {who} keep their weight there; or merge it with another level, in 'values' of the "
                f"attribute; or let the margin count it, in 'where' or 'levels'; or leave these {who} out"
            )
    return (
        f"the margin has {listing([target.label(i) for i in range(len(target.cells))])}. Merge levels, or "
        f"use the attributes as margins of their own, or leave these {who} out"
    )


def _check_attributes(
    table: MarginTable, attributes: Mapping[str, str], levels: Mapping[str, Mapping[str, Sequence[str]]]
) -> None:
    where = f"table {table.name}"
    if not attributes or len(set(attributes.values())) != len(attributes):
        raise DataError(
            f"{where}: name one attribute for each dimension used, each once; found {dict(attributes)}"
        )
    for dimension in attributes:
        if dimension not in table.dimensions:
            raise DataError(f"{where} has no dimension {dimension!r}; it has {', '.join(table.dimensions)}")
    for attribute in levels:
        if attribute not in attributes.values():
            raise DataError(
                f"{where}: levels are given for {attribute!r}, which is none of its attributes: "
                f"{', '.join(attributes.values())}"
            )


def _recode(
    table: MarginTable,
    dimension: str,
    attribute: str,
    levels: Mapping[str, Sequence[str]] | None,
    bins: Mapping[str, tuple[float, float]] | None,
) -> dict[str, str]:
    """Official category -> attribute value; a category that is missing lies outside the population."""
    column = table.dimensions.index(dimension)
    categories = list(dict.fromkeys(values[column] for values, _ in table.rows))
    where = f"table {table.name}, {dimension} as {attribute}"
    if levels is not None:
        return _by_levels(where, categories, levels)
    if bins is not None:
        return _by_bins(where, categories, bins)
    return {category: category for category in categories}


def _by_levels(where: str, categories: list[str], levels: Mapping[str, Sequence[str]]) -> dict[str, str]:
    recode: dict[str, str] = {}
    for level, covered in levels.items():
        for category in covered:
            if category not in categories:
                raise DataError(
                    f"{where}: level {level!r} names {category!r}, which is not in the table; "
                    f"it has {listing(categories)}"
                )
            if category in recode:
                raise DataError(f"{where}: {category!r} is given to {recode[category]!r} and to {level!r}")
            recode[category] = level
        if not covered:
            raise DataError(f"{where}: level {level!r} covers no official category")
    left = [category for category in categories if category not in recode]
    if left:
        raise DataError(f"{where}: no level covers {listing(left)}; give each official category to a level")
    return recode


def _by_bins(where: str, categories: list[str], bins: Mapping[str, tuple[float, float]]) -> dict[str, str]:
    recode: dict[str, str] = {}
    numbers = {category: _numbers(where, category) for category in categories}
    for name, ends in bins.items():
        touched = [c for c, n in numbers.items() if n.low <= ends[1] and n.high >= ends[0]]
        this = f"{where}: bin {name!r} ({ends[0]:g} to {ends[1]:g})"
        if not touched:
            ordered = sorted(categories, key=lambda c: numbers[c])
            raise DataError(
                f"{this} covers no official row; the table goes from {ordered[0]} to {ordered[-1]}"
            )
        cut = [c for c in touched if not _inside(numbers[c], ends)]
        if cut:
            raise DataError(
                f"{this} cuts through {listing(cut)}, which the table counts whole; choose bins that begin "
                f"and end where its groups do: {listing(categories, 30)}"
            )
        for category in touched:
            if category in recode:
                raise DataError(f"{where}: {category} lies in bin {recode[category]!r} and in bin {name!r}")
            recode[category] = name
    return recode


def _inside(numbers: Span, ends: tuple[float, float]) -> bool:
    """Whether a bin holds a group whole; one without an end, such as 85 and over, where it reaches far."""
    low, high = ends
    if numbers.high == math.inf:
        return low <= numbers.low and high >= max(numbers.low, OPEN_END)
    return low <= numbers.low and numbers.high <= high


def _numbers(where: str, category: str) -> Span:
    found = span(category)
    if found is None:
        raise DataError(
            f"{where}: bins need numbers or ranges of them, the table has {category!r}; recode it by levels"
        )
    return found
