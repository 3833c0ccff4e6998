"""How far weighting moved what it was not asked to move, and how far that is from official figures."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grounding.population.margins import Target, cells_of
from personas.arrays import FloatArray
from personas.panel import UNKNOWN, Panel


@dataclass(frozen=True)
class Moved:
    """One level of an attribute that was not raked on, before and after weighting.

    Attributes:
        attribute: name of the attribute.
        level: its value.
        people: number of people who have it.
        before: share under the base weights, among those for whom it is known.
        after: share under the weights.
        asmd: absolute standardised mean difference between the two; ``None`` where it is undefined,
            everybody or nobody having the level in both.
    """

    attribute: str
    level: str
    people: int
    before: float
    after: float
    asmd: float | None


@dataclass(frozen=True)
class Distance:
    """One cell of an official table that was not raked on, before and after weighting.

    Attributes:
        attributes: what the table is by.
        cell: one value for each attribute.
        official: official share.
        before: share under the base weights.
        after: share under the weights.
        asmd_before: absolute standardised mean difference to the official share under the base weights;
            ``None`` where the official share is 0 or 1.
        asmd_after: the same under the weights.
        source: office and publication of the table.
    """

    attributes: tuple[str, ...]
    cell: tuple[str, ...]
    official: float
    before: float
    after: float
    asmd_before: float | None
    asmd_after: float | None
    source: str


def asmd_between(first: float, second: float) -> float | None:
    """Absolute standardised mean difference of two shares: |p - q| / sqrt((p(1 - p) + q(1 - q)) / 2).

    ``asmd_between(0.5, 0.6)`` is 0.1 / sqrt(0.245) = 0.202. ``None`` where both variances are 0.

    Source: Austin, Statistics in Medicine 28 (2009), 3083-3107, equation for dichotomous variables;
        departure: it is taken between one sample under two weights, not between two groups.
    """
    spread = (first * (1 - first) + second * (1 - second)) / 2
    return abs(first - second) / math.sqrt(spread) if spread > 1e-15 else None


def asmd_to(share: float, official: float) -> float | None:
    """Absolute standardised mean difference of a share to an official one: |p - q| / sqrt(q(1 - q)).

    ``asmd_to(0.6, 0.5)`` is 0.2. ``None`` where the official share is 0 or 1.

    Source: ``asmd`` of the Python package balance (Sarig, Galili and Eilat, arXiv 2307.06024), which divides
        by the standard deviation in the target population; departure: each level of an attribute counts,
        none is left out as a reference, and the official share takes the place of a target sample.
    """
    spread = official * (1 - official)
    return abs(share - official) / math.sqrt(spread) if spread > 1e-15 else None


def moved(panel: Panel, base: FloatArray, weights: FloatArray, raked: Sequence[Target]) -> tuple[Moved, ...]:
    """Each level of each attribute that no target uses, before and after weighting.

    People for whom an attribute is unknown are left out of it; an attribute known for nobody is left out.

    Raises:
        ValueError: base weights or weights of another length than the panel.
    """
    _check(panel, base, weights)
    used = {attribute for target in raked for attribute in target.attributes}
    found: list[Moved] = []
    for column, (attribute, levels) in enumerate(zip(panel.attributes, panel.levels, strict=True)):
        codes = panel.codes[:, column]
        known = codes != UNKNOWN
        if attribute in used or not known.any():
            continue
        people = np.bincount(codes[known], minlength=len(levels)).tolist()
        shares = [_shares(codes[known], w[known], len(levels)) for w in (base, weights)]
        for level, count, before, after in zip(levels, people, *shares, strict=True):
            found.append(Moved(attribute, level, count, before, after, asmd_between(before, after)))
    return tuple(found)


def distances(
    panel: Panel, base: FloatArray, weights: FloatArray, tables: Sequence[Target]
) -> tuple[Distance, ...]:
    """Each cell of official tables that were not raked on, before and after weighting.

    People for whom an attribute of a table is unknown are left out of it.

    Raises:
        ValueError: base weights or weights of another length than the panel, or nobody known in a table.
        DataError: the panel lacks an attribute, or somebody has a value that the table does not.
    """
    _check(panel, base, weights)
    found: list[Distance] = []
    for table in tables:
        cells = cells_of(panel, table)
        known = cells != UNKNOWN
        if not known.any():
            raise ValueError(f"nobody is known in table {table.name}")
        shares = [_shares(cells[known], w[known], len(table.cells)) for w in (base, weights)]
        rows = zip(table.cells, table.shares.tolist(), *shares, strict=True)
        for cell, official, before, after in rows:
            apart = asmd_to(before, official), asmd_to(after, official)
            found.append(Distance(table.attributes, cell, official, before, after, *apart, table.source))
    return tuple(found)


def mean_asmd(values: Sequence[float | None]) -> float | None:
    """Mean of the differences that are defined; ``None`` where none is."""
    defined = [value for value in values if value is not None]
    return sum(defined) / len(defined) if defined else None


def _check(panel: Panel, base: FloatArray, weights: FloatArray) -> None:
    if base.shape != (len(panel),) or weights.shape != (len(panel),):
        raise ValueError(f"need {len(panel)} base weights and weights, got {base.shape} and {weights.shape}")


def _shares(codes: np.ndarray, weights: FloatArray, levels: int) -> list[float]:
    sums = np.bincount(codes, weights=weights, minlength=levels)
    return (sums / sums.sum()).tolist()
