"""Do simulated people differ from one another as much as real ones do?

Models tend to answer too much alike. Both ratios compare what one draw for each of the real people would show
with what they did answer: 1 is right, below 1 too much alike. Nothing is drawn; expectations are worked out.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from personas.answer import NO_ANSWER
from personas.arrays import FloatArray, IntArray
from personas.measures import distances


class _Cell(NamedTuple):
    """People of one cell who answered; ``share`` are their weights, summing to one; ``weight`` the sum."""

    distribution: FloatArray
    chosen: IntArray
    share: FloatArray
    weight: float


def variance_ratio(
    distribution: FloatArray,
    chosen: IntArray,
    weights: FloatArray,
    positions: FloatArray,
    cells: IntArray | None = None,
) -> float | None:
    """Variance of simulated answers over that of the real ones, for one question; 1 is right.

    One answer is drawn for each of the same people: the draws' weighted variance is expected to be
    ``sum_i s_i E_i[x^2] - (sum_i s_i m_i)^2 - sum_i s_i^2 v_i``, with ``s`` the weights divided by their sum
    and ``m_i, v_i`` mean and variance of the distribution of person i. The first two terms are the total
    variance of the mixture (between people and within); the last is what a sample of this size loses by
    having its own mean, which the real answers lose as well. Two people, both ``[.5, .5]`` at -1 and 1, who
    chose one end each: ``(1 - .5) / 1 = .5``, since two draws differ only half of the time.

    Args:
        distribution: what was predicted, (n_people, n_options).
        chosen: real answers, (n_people,); ``NO_ANSWER`` where there is none, and then the person is left out.
        weights: people's weights, (n_people,).
        positions: place of each option on the scale, (n_options,).
        cells: a code for each person, (n_people,); variances are then those within cells, averaged by
            weight on both sides before the ratio is taken. Negative codes are in no cell.

    Returns:
        ``None`` where the real answers do not vary (also: options without an order, whose places are all 0).

    Raises:
        ValueError: nobody with a positive weight answered, or shapes do not fit.
    """
    if positions.shape != (distribution.shape[-1],):
        raise ValueError(f"positions must be {distribution.shape[-1]} numbers, got shape {positions.shape}")

    def simulated(cell: _Cell) -> float:
        means = cell.distribution @ positions
        squares = cell.distribution @ np.square(positions)
        own = np.square(cell.share) @ (squares - np.square(means))
        return float(cell.share @ squares - (cell.share @ means) ** 2 - own)

    def real(cell: _Cell) -> float:
        places = positions[cell.chosen]
        if np.all(places == places[0]):  # rounding would leave a trace
            return 0.0
        return float(cell.share @ np.square(places - cell.share @ places))

    return _ratio(_cells(distribution, chosen, weights, cells), simulated, real)


def entropy_ratio(
    distribution: FloatArray, chosen: IntArray, weights: FloatArray, cells: IntArray | None = None
) -> float | None:
    """Entropy of simulated shares over that of the real ones, for one question; 1 is right.

    ``H = -sum_o r_o log r_o``. The simulated side is the entropy expected of the shares of one draw for each
    of the same people, ``-sum_o E[(k/n) log(k/n)]`` with ``k ~ Binomial(n, p_o)``, ``p`` the mean
    distribution and n the effective base ``(sum w)^2 / sum w^2``, rounded: shares of few people have less
    entropy than those of many (a single person's have none), and the real ones suffer it too. Two people,
    both ``[.5, .5]``, who chose different options: ``.347 / .693 = .5``.

    That people's distributions differ makes the count vary a little less than the binomial; this is left out.

    Args:
        distribution: what was predicted, (n_people, n_options).
        chosen: real answers, (n_people,); ``NO_ANSWER`` where there is none, and then the person is left out.
        weights: people's weights, (n_people,).
        cells: a code for each person, (n_people,); entropies are then those within cells, averaged by weight
            on both sides before the ratio is taken. Negative codes are in no cell.

    Returns:
        ``None`` where all real answers are the same (in every cell).

    Raises:
        ValueError: nobody with a positive weight answered, or shapes do not fit.
    """
    from scipy.stats import binom

    def simulated(cell: _Cell) -> float:
        base = max(1, round(1.0 / float(np.square(cell.share).sum())))
        found: FloatArray = np.arange(base + 1, dtype=np.float64)
        terms = _surprise(found / base)
        return sum(float(binom.pmf(found, base, min(p, 1.0)) @ terms) for p in cell.share @ cell.distribution)

    def real(cell: _Cell) -> float:
        if np.all(cell.chosen == cell.chosen[0]):  # rounding would leave a trace
            return 0.0
        n_options = cell.distribution.shape[1]
        counted = [float(cell.share[cell.chosen == o].sum()) for o in range(n_options)]
        return float(_surprise(np.array(counted)).sum())

    return _ratio(_cells(distribution, chosen, weights, cells), simulated, real)


def _ratio(
    cells: Iterator[_Cell], simulated: Callable[[_Cell], float], real: Callable[[_Cell], float]
) -> float | None:
    above = below = 0.0
    empty = True
    for cell in cells:
        above += cell.weight * simulated(cell)
        below += cell.weight * real(cell)
        empty = False
    if empty:
        raise ValueError("a ratio of dispersion needs at least one answer with a positive weight")
    return above / below if below > 0 else None


def _cells(
    distribution: FloatArray, chosen: IntArray, weights: FloatArray, cells: IntArray | None
) -> Iterator[_Cell]:
    codes = np.zeros(len(chosen), dtype=np.int64) if cells is None else cells
    if not distribution.shape[:1] == chosen.shape == weights.shape == codes.shape:
        raise ValueError(
            f"distribution, chosen, weights and cells need the same people; got {len(distribution)}, "
            f"{len(chosen)}, {len(weights)} and {len(codes)}"
        )
    given = (chosen != NO_ANSWER) & (weights > 0) & (codes >= 0)
    for code in np.unique(codes[given]):
        rows = given & (codes == code)
        distances.check(distribution[rows], "answer distribution")
        weight = float(weights[rows].sum())
        yield _Cell(distribution[rows], chosen[rows], weights[rows] / weight, weight)


def _surprise(shares: FloatArray) -> FloatArray:
    """``-r log r``, 0 for a share of 0."""
    positive = shares > 0
    found = np.zeros(len(shares))
    found[positive] = -shares[positive] * np.log(shares[positive])
    return found
