"""Official tables turned into targets: the share of the population in each cell of a person's attributes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from personas.arrays import FloatArray, IntArray
from personas.errors import DataError
from personas.panel import UNKNOWN, Panel
from reference_data import MarginTable

LARGEST_TOTAL_GAP = 0.005
_NO_TARGET = -2


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
    """

    attributes: tuple[str, ...]
    cells: tuple[tuple[str, ...], ...]
    shares: FloatArray
    total: float
    source: str
    vintage: str
    licence: str

    @property
    def name(self) -> str:
        """The attributes as a margin is called in text: ``age_group x sex``."""
        return " x ".join(self.attributes)

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
    values as numbers and those outside every bin do not belong to the population; otherwise the official
    values are the attribute's values. Dimensions that are not asked for are summed out.

    Args:
        table: the official counts.
        attributes: dimension of the table -> attribute of the persons.
        levels: attribute -> its values -> the official categories that each one covers.
        bins: attribute -> its values -> lowest and highest official number, both included.

    Raises:
        DataError: a dimension that the table lacks, an official category that no level covers or that two
            cover, a level that names a category that is not in the table, a bin that covers no row, or
            numbers expected where the table has words.
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
    return Target(names, tuple(counts), shares, total, table.source, table.vintage, table.licence)


def check_totals(targets: Sequence[Target], as_shares: bool) -> None:
    """Returns when the targets count the same number of people to within 0.5 %, or are taken as shares.

    Raises:
        DataError: they do not; the smallest and the largest total are named with their sources.
    """
    if as_shares or not targets:
        return
    low, high = min(targets, key=lambda t: t.total), max(targets, key=lambda t: t.total)
    gap = high.total / low.total - 1.0
    if gap > LARGEST_TOTAL_GAP:
        raise DataError(
            f"margins count different populations: {high.name} has {high.total:,.0f} people ({high.source}, "
            f"{high.vintage}), {low.name} has {low.total:,.0f} ({low.source}, {low.vintage}), a gap of "
            f"{gap:.1%} where {LARGEST_TOTAL_GAP:.1%} is allowed; take both from one population, or set "
            "as_shares: true to use each for its shares only"
        )


def cells_of(panel: Panel, target: Target) -> IntArray:
    """Index of the target cell that each person is in, shape (n_persons,).

    ``UNKNOWN`` where one of the attributes is not known.

    Raises:
        DataError: the panel lacks an attribute, or people have values for which there is no target cell.
    """
    missing = [a for a in target.attributes if a not in panel.attributes]
    if missing:
        raise DataError(
            f"margin {target.name} ({target.source}) needs attribute {missing[0]!r}, which the panel lacks; "
            f"it has {', '.join(panel.attributes)}"
        )
    values = [tuple(dict.fromkeys(column)) for column in zip(*target.cells, strict=True)]
    shape = tuple(len(v) + 1 for v in values)  # the last place of each axis: values without a target
    table = np.full(shape, _NO_TARGET, dtype=np.int64)
    for index, cell in enumerate(target.cells):
        table[tuple(v.index(value) for v, value in zip(values, cell, strict=True))] = index
    known = np.ones(len(panel), dtype=np.bool_)
    places: list[IntArray] = []
    for attribute, official in zip(target.attributes, values, strict=True):
        column = panel.attributes.index(attribute)
        codes = panel.codes[:, column]
        known &= codes != UNKNOWN
        here = [official.index(v) if v in official else len(official) for v in panel.levels[column]]
        places.append(np.array([*here, len(official)], dtype=np.int64)[codes])  # UNKNOWN = -1 picks the last
    cells = np.where(known, table[tuple(places)], UNKNOWN)
    _check_covered(panel, target, cells)
    return cells


def _check_covered(panel: Panel, target: Target, cells: IntArray) -> None:
    outside = np.flatnonzero(cells == _NO_TARGET)
    if not outside.size:
        return
    first = panel.person(int(outside[0]))
    value = ", ".join(f"{a}: {first.attributes[a]}" for a in target.attributes)
    raise DataError(
        f"{outside.size} people have a value for which margin {target.name} ({target.source}) has no target: "
        f"person {first.id!r} has {value}; the margin has "
        f"{_listing([target.label(i) for i in range(len(target.cells))])}. "
        "Recode the attribute or the margin, or leave these people out"
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
                    f"it has {_listing(categories)}"
                )
            if category in recode:
                raise DataError(f"{where}: {category!r} is given to {recode[category]!r} and to {level!r}")
            recode[category] = level
        if not covered:
            raise DataError(f"{where}: level {level!r} covers no official category")
    left = [category for category in categories if category not in recode]
    if left:
        raise DataError(f"{where}: no level covers {_listing(left)}; give each official category to a level")
    return recode


def _by_bins(where: str, categories: list[str], bins: Mapping[str, tuple[float, float]]) -> dict[str, str]:
    recode: dict[str, str] = {}
    numbers = {category: _number(where, category) for category in categories}
    for name, (low, high) in bins.items():
        covered = [category for category, number in numbers.items() if low <= number <= high]
        if not covered:
            raise DataError(
                f"{where}: bin {name!r} ({low:g} to {high:g}) covers no official row; the table goes from "
                f"{min(numbers.values()):g} to {max(numbers.values()):g}"
            )
        for category in covered:
            if category in recode:
                raise DataError(f"{where}: {category} lies in bin {recode[category]!r} and in bin {name!r}")
            recode[category] = name
    return recode


def _number(where: str, category: str) -> float:
    try:
        return float(category)
    except ValueError:
        raise DataError(
            f"{where}: bins need numbers, the table has {category!r}; recode it by levels"
        ) from None


def _listing(names: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(repr(name) for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
