"""What weighting costs and what it achieves, as numbers."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grounding.population.margins import Target, cells_of
from personas.arrays import FloatArray
from personas.panel import UNKNOWN, Panel

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)


@dataclass(frozen=True)
class MarginFit:
    """One cell of a margin before and after weighting.

    Attributes:
        attributes: what the margin is by.
        cell: one value for each attribute.
        official: official share.
        unweighted: share of the people, among those for whom the attributes are known.
        weighted: share of the weight, among the same.
        base: number of people in the cell.
    """

    attributes: tuple[str, ...]
    cell: tuple[str, ...]
    official: float
    unweighted: float
    weighted: float
    base: int


@dataclass(frozen=True)
class WeightQuantile:
    """A quantile of weights.

    Attributes:
        at: part of the people whose weight is no larger; 0.5 is the median.
        weight: as a multiple of the mean weight.
    """

    at: float
    weight: float


@dataclass(frozen=True)
class Weighting:
    """Diagnostics of a set of weights.

    Attributes:
        people: number of people.
        design_effect: factor by which unequal weights inflate variances.
        effective_base: number of equally weighted people who would be as precise.
        largest_weight: as a multiple of the mean weight.
        largest_margin_error: largest absolute difference between a weighted and an official share; ``None``
            where no margins were set.
        margins: one entry for each cell of each target.
        quantiles: of the weights; see ``QUANTILES``.
    """

    people: int
    design_effect: float
    effective_base: float
    largest_weight: float
    largest_margin_error: float | None
    margins: tuple[MarginFit, ...]
    quantiles: tuple[WeightQuantile, ...] = ()


def design_effect(weights: FloatArray) -> float:
    """Factor by which unequal weights inflate the variance of a mean: n sum(w^2) / (sum w)^2.

    ``design_effect([1, 1, 2])`` is 3 x 6 / 16 = 1.125.

    Raises:
        ValueError: no weights, a negative or infinite one, or none above zero.

    Source: Kish, Journal of Official Statistics 8 (1992), 183-200: 1 + the squared coefficient of variation.
    """
    if not weights.size or not np.all(np.isfinite(weights) & (weights >= 0)) or not np.any(weights > 0):
        raise ValueError("weights must be finite numbers >= 0, at least one of them above 0")
    relative = weights / weights.max()
    return float(len(relative) * np.sum(relative**2) / np.sum(relative) ** 2)


def effective_base(weights: FloatArray) -> float:
    """Number of equally weighted people who would be as precise: (sum w)^2 / sum(w^2).

    ``effective_base([1, 1, 2])`` is 16 / 6 = 2.67. Raises: ValueError, as ``design_effect``.
    """
    return len(weights) / design_effect(weights)


def quantiles(weights: FloatArray) -> tuple[WeightQuantile, ...]:
    """Quantiles of the weights as multiples of their mean, each person counted once.

    Between two people the quantile is interpolated: of [1, 1, 2] the median is 0.75 (mean 1.333).

    Raises:
        ValueError: as ``design_effect``.

    Source: Hyndman and Fan, American Statistician 50 (1996), 361-365, type 7.
    """
    design_effect(weights)
    values = np.quantile(weights, QUANTILES) / weights.mean()
    return tuple(WeightQuantile(q, w) for q, w in zip(QUANTILES, values.tolist(), strict=True))


def weighting(panel: Panel, weights: FloatArray, targets: Sequence[Target]) -> Weighting:
    """Diagnostics of ``weights``, shape (n_persons,), against ``targets``.

    People for whom a margin's attribute is unknown are left out of that margin.

    Raises:
        ValueError: no targets, or weights of another length or without a positive one.
        DataError: a target's attribute is missing, or somebody has a value without a target.
    """
    if not targets or weights.shape != (len(panel),):
        raise ValueError(
            f"need at least one target and {len(panel)} weights, got {len(targets)} and {weights.shape}"
        )
    margins = tuple(row for target in targets for row in _fits(panel, weights, target))
    return Weighting(
        people=len(panel),
        design_effect=design_effect(weights),
        effective_base=effective_base(weights),
        largest_weight=float(weights.max() / weights.mean()),
        largest_margin_error=max(abs(m.weighted - m.official) for m in margins),
        margins=margins,
        quantiles=quantiles(weights),
    )


def _fits(panel: Panel, weights: FloatArray, target: Target) -> list[MarginFit]:
    cells = cells_of(panel, target)
    known = cells != UNKNOWN
    people = np.bincount(cells[known], minlength=len(target.cells))
    weight = np.bincount(cells[known], weights=weights[known], minlength=len(target.cells))
    if weight.sum() <= 0:
        raise ValueError(f"nobody with a positive weight is known in margin {target.name}")
    return [
        MarginFit(target.attributes, cell, official, unweighted, weighted, base)
        for cell, official, unweighted, weighted, base in zip(
            target.cells,
            target.shares.tolist(),
            (people / people.sum()).tolist(),
            (weight / weight.sum()).tolist(),
            people.tolist(),
            strict=True,
        )
    ]
