"""When a question is too unlike those trained on: a bound under which left-out questions were worse."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from personas.arrays import FloatArray
from personas.measures.permutation import p_value

USUAL = 0.2
"""Bound where the questions left out are too few or too alike to tell."""
_SHARES = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3)
_FEWEST = 10  # questions on either side of a bound
_CLEARLY = 0.05
_PERMUTATIONS = 999


class Support(NamedTuple):
    """A bound on the support of a question, and what was found on both sides of it.

    Attributes:
        least: questions with less support are flagged.
        flagged: share of the distance from the uniform guess that was closed for left-out questions under it.
        others: the same above it. Both ``None`` where no bound tells worse questions from better ones.
        share: share of the left-out questions that were flagged.
        p: probability of so large a difference between random halves of these sizes.
    """

    least: float
    flagged: float | None
    others: float | None
    share: float
    p: float | None


def calibrated(support: FloatArray, predicted: Sequence[FloatArray], real: Sequence[FloatArray]) -> Support:
    """The bound below which predictions of left-out questions were most clearly worse.

    The gap closed of a group of questions is ``1 - sum d(model) / sum d(uniform)``, d the total variation
    distance to the real shares. Of the bounds that flag 5 to 30 % of the questions the one with the largest
    difference is taken, if a permutation test of that largest difference is below .05.

    Args:
        support: of each question when it was left out, (n_questions,).
        predicted: shares predicted of each question when it was left out.
        real: its real shares.
    """
    off = np.array([0.5 * np.abs(p - r).sum() for p, r in zip(predicted, real, strict=True)])
    even = np.array([0.5 * np.abs(1.0 / len(r) - r).sum() for r in real])
    order = np.argsort(support, kind="stable")
    sizes = [s for share in _SHARES if (s := round(share * len(order))) >= _FEWEST]
    sizes = [s for s in sizes if len(order) - s >= _FEWEST and support[order[s - 1]] < support[order[s]]]
    if not sizes:
        return Support(USUAL, None, None, float(np.mean(support < USUAL)) if len(support) else 0.0, None)
    differences = [_difference(order, size, off, even) for size in sizes]
    best = int(np.argmax(differences))
    rng = np.random.default_rng(len(order))
    random = [
        max(_difference(shuffled, size, off, even) for size in sizes)
        for shuffled in (rng.permutation(order) for _ in range(_PERMUTATIONS))
    ]
    p = p_value(differences[best], np.array(random))
    if p > _CLEARLY:
        return Support(USUAL, None, None, float(np.mean(support < USUAL)), p)
    size = sizes[best]
    low, high = order[:size], order[size:]
    bound = 0.5 * float(support[order[size - 1]] + support[order[size]])
    return Support(bound, _closed(low, off, even), _closed(high, off, even), size / len(order), p)


def _difference(order: np.ndarray, size: int, off: FloatArray, even: FloatArray) -> float:
    return _closed(order[size:], off, even) - _closed(order[:size], off, even)


def _closed(questions: np.ndarray, off: FloatArray, even: FloatArray) -> float:
    return 1.0 - float(off[questions].sum() / max(even[questions].sum(), 1e-12))
