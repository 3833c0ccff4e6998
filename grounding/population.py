"""Persons drawn from weighted people, and values drawn from an official margin."""

import numpy as np

from grounding.margins import Target
from personas.arrays import FloatArray, IntArray
from personas.errors import DataError
from personas.panel import Panel


def draw(panel: Panel, size: int, rng: np.random.Generator) -> IntArray:
    """Rows of the people behind ``size`` persons, shape (size,), in random order.

    Systematic sampling with probability proportional to weight along the people sorted by their attributes
    (the first attribute first; people alike in random order): somebody with a share p of the weight is
    drawn floor(size p) or ceil(size p) times, and every sorted run of people likewise: the first attribute's
    shares are met to within one person, the others' more closely than by drawing at random.

    Raises:
        ValueError: ``size`` is below 1, or nobody has a positive weight.

    Source: Madow, Annals of Mathematical Statistics 20 (1949), 333-354.
    """
    shuffled = rng.permutation(len(panel))
    order = shuffled[np.lexsort(panel.codes[shuffled].T[::-1])] if panel.attributes else shuffled
    return rng.permutation(order[_systematic(panel.weights[order], size, rng)])


def impute_from_margin(panel: Panel, target: Target, rng: np.random.Generator) -> list[str]:
    """A value of the target's attribute for each person, shape (n_persons,), independent of all else.

    Each value is given to floor(n p) or ceil(n p) people, p being its official share, in random order.

    Raises:
        ValueError: the target is not of exactly one attribute, or the panel is empty.
        DataError: the panel has the attribute already.
    """
    if len(target.attributes) != 1:
        raise ValueError(f"values are drawn from a margin of one attribute, got {target.name}")
    if target.attributes[0] in panel.attributes:
        raise DataError(
            f"attribute {target.attributes[0]!r} is known in the panel already; only what was not observed "
            "is drawn from a margin, so remove it from impute or from the source"
        )
    cells = rng.permutation(_systematic(target.shares, len(panel), rng))
    return [target.cells[cell][0] for cell in cells.tolist()]


def _systematic(weights: FloatArray, size: int, rng: np.random.Generator) -> IntArray:
    """Indices into ``weights`` at ``size`` equal steps of the cumulated weight from a random start."""
    positive = np.flatnonzero(weights > 0)
    if size < 1 or not positive.size:
        raise ValueError(
            f"size must be >= 1 and some weight positive, got {size} and {positive.size} positive"
        )
    cumulated = np.cumsum(weights[positive])
    steps: FloatArray = (np.arange(size, dtype=np.float64) + rng.random()) * (cumulated[-1] / size)
    # Rounding may put the last step onto the total itself.
    place: IntArray = np.searchsorted(cumulated, steps, side="right")
    return positive[place.clip(max=len(positive) - 1)]
