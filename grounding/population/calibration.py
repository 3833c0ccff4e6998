"""Newton's method for weights that meet linear conditions: many rounds of raking in a few steps."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from grounding.population.margins import Target
from grounding.population.response import Response, weighted_counts
from personas.arrays import FloatArray, IntArray
from personas.panel import UNKNOWN
from personas.wording import percent

_LARGEST_STEP = 3.0  # in log weight
_HALVINGS = 12
_DOUBLINGS = 5
_FARTHEST = 1e120  # of a factor; bounds may hold units whose factors matter to others only
_PATIENCE = 40  # under tight bounds multipliers travel far before the error falls
_RIDGE = 1e-13
_MANY = 12  # margins, from which one product of tables is faster than many crossings of two margins
_LARGEST_TABLE = 20_000_000


@dataclass(frozen=True)
class Block:
    """One margin as conditions on units: what each unit adds to each cell, and what the cells must come to.

    Attributes:
        target: the official shares.
        labels: each cell in words.
        amounts: what it officially is, in words.
        codes: profile of each unit, shape (n_units,).
        profiles: what a unit of each profile adds to each cell, shape (n_profiles, n_cells); ``None`` where
            a unit of code c adds its weight to cell c, and one of ``UNKNOWN`` to none.
        wanted: what the cells come to, as multiples of the weight of all units; shape (n_cells,).
    """

    target: Target
    labels: tuple[str, ...]
    amounts: tuple[str, ...]
    codes: IntArray
    profiles: FloatArray | None
    wanted: FloatArray

    @property
    def n_profiles(self) -> int:
        """How many profiles there are; that of the unknown not counted."""
        return len(self.wanted) if self.profiles is None else len(self.profiles)

    def sums(self, mass: FloatArray) -> FloatArray:
        """What the cells come to, shape (n_cells,)."""
        by_profile = weighted_counts(self.codes + 1, mass, self.n_profiles + 1)[1:]
        return by_profile if self.profiles is None else by_profile @ self.profiles

    def spread(self, multipliers: FloatArray) -> FloatArray:
        """The multipliers of its cells brought to each unit, shape (n_units,)."""
        by_profile = multipliers if self.profiles is None else self.profiles @ multipliers
        return np.append(by_profile, 0.0)[self.codes]  # UNKNOWN = -1 picks the last

    def crossed(self, other: "Block", slope: FloatArray) -> FloatArray:
        """Derivative of this margin's sums by the other's multipliers, shape (n_cells, n_cells of other)."""
        width = other.n_profiles + 1
        key = (self.codes + 1) * width + other.codes + 1
        table = weighted_counts(key, slope, (self.n_profiles + 1) * width)
        table = table.reshape(self.n_profiles + 1, width)[1:, 1:]
        if self.profiles is not None:
            table = self.profiles.T @ table
        return table if other.profiles is None else table @ other.profiles

    def table(self) -> FloatArray:
        """What each unit adds to each cell, shape (n_units, n_cells)."""
        profiles = np.eye(len(self.wanted)) if self.profiles is None else self.profiles
        return np.vstack([profiles, np.zeros(len(self.wanted))])[self.codes]


def identity(target: Target, labels: Sequence[str], codes: IntArray, shares: FloatArray) -> Block:
    """The conditions that cells have these shares of the weight of all who are known.

    Where some are unknown, the condition on a cell is its weight less its share of the known's, and zero.
    """
    amounts = tuple(percent(share, 2) for share in shares.tolist())
    if not np.any(codes == UNKNOWN):
        return Block(target, tuple(labels), amounts, codes, None, shares)
    profiles = np.vstack([np.eye(len(shares)) - shares, np.zeros(len(shares))])
    places = np.where(codes == UNKNOWN, len(shares), codes)
    return Block(target, tuple(labels), amounts, places, profiles, np.zeros(len(shares)))


def everybody(units: int) -> Block:
    """The condition that all units together have the weight that they are to have."""
    target = Target(("all",), (("all",),), np.ones(1), 1.0, "", "", "")
    return Block(target, ("all",), (percent(1),), np.zeros(units, dtype=np.int64), None, np.ones(1))


@dataclass(frozen=True)
class Solution:
    """Where Newton's method ended.

    Attributes:
        factor: of each unit's base weights, shape (n_units,).
        steps: how many were made.
        worst: largest error at ``factor``, as the caller measures it.
    """

    factor: FloatArray
    steps: int
    worst: float


def solve(
    blocks: Sequence[Block],
    response: Response,
    factor: FloatArray,
    total: float,
    worst: Callable[[FloatArray], float],
    tolerance: float,
    most: int,
) -> Solution:
    """The factors at which all blocks come to what is wanted, exp(sum of a unit's multipliers).

    Newton's method on the dual of raking (minimise the distance of the weights from the base weights under
    the conditions), each step shortened until the slope along it has fallen, and lengthened where it has
    not. Ends where ``worst`` is within
    the tolerance, after ``most`` steps, or where the error no longer falls; the best found is returned.

    Source: Deville and Sarndal, JASA 87 (1992), 376-382.
    """
    best = Solution(factor, 0, worst(response.mass(factor)))
    since = 0
    for step in range(1, most + 1):
        if best.worst <= tolerance or since > _PATIENCE:
            break
        direction, wanted = _direction(blocks, response, factor, total)
        if not np.all(np.isfinite(direction)):
            break
        factor = _along(response, factor, direction, wanted)
        found = worst(response.mass(factor))
        since = 0 if found < 0.7 * best.worst else since + 1
        best = (
            Solution(factor, step, found) if found < best.worst else Solution(best.factor, step, best.worst)
        )
    return best


def _direction(
    blocks: Sequence[Block], response: Response, factor: FloatArray, total: float
) -> tuple[FloatArray, float]:
    """Change of each unit's log factor, none above ``_LARGEST_STEP``, and what it is wanted to yield."""
    wanted = np.concatenate([block.wanted * total for block in blocks])
    gradient = wanted - np.concatenate([block.sums(response.mass(factor)) for block in blocks])
    hessian, edges = _hessian(blocks, response.slope(factor))
    # Margins that all sum to the same total leave the matrix singular; so do cells that bounds hold entirely.
    least = 1e-9 * max(1.0, float(np.trace(hessian)) / len(wanted))
    scale = 1.0 / np.sqrt(np.maximum(np.diag(hessian), least))
    scaled = hessian * scale[:, None] * scale + np.eye(len(wanted)) * _RIDGE * len(wanted)
    try:
        multipliers = scale * np.linalg.solve(scaled, scale * gradient)
    except np.linalg.LinAlgError:
        return np.full(len(factor), np.nan), np.nan
    parts = zip(blocks, edges[:-1], edges[1:], strict=True)
    direction = sum((b.spread(multipliers[i:j]) for b, i, j in parts), np.zeros(len(factor)))
    shrink = min(1.0, _LARGEST_STEP / max(float(np.abs(direction).max()), 1e-300))
    return direction * shrink, float(multipliers @ wanted) * shrink


def _hessian(blocks: Sequence[Block], slope: FloatArray) -> tuple[FloatArray, IntArray]:
    """Second derivative of the dual, and where each block begins in it."""
    edges = np.concatenate([[0], np.cumsum([len(block.wanted) for block in blocks])]).astype(np.int64)
    if len(blocks) >= _MANY and len(slope) * edges[-1] <= _LARGEST_TABLE:
        table = np.hstack([block.table() for block in blocks])
        return table.T @ (table * slope[:, None]), edges
    hessian = np.zeros((int(edges[-1]), int(edges[-1])))
    for i, one in enumerate(blocks):
        for j, other in enumerate(blocks[: i + 1]):
            part = one.crossed(other, slope)
            hessian[edges[i] : edges[i + 1], edges[j] : edges[j + 1]] = part
            hessian[edges[j] : edges[j + 1], edges[i] : edges[i + 1]] = part.T
    return hessian, edges


def _along(response: Response, factor: FloatArray, direction: FloatArray, wanted: float) -> FloatArray:
    """``factor`` moved along the direction until the dual, convex along it, has stopped to fall there.

    Its derivative along the way is what the direction yields less what it is wanted to yield. Where bounds
    hold most of those whom the direction moves, the derivative hardly changes, and the step is doubled.
    """

    def slope(step: float) -> float:
        return float(direction @ response.mass(_moved(factor, step * direction))) - wanted

    first = abs(slope(0.0))
    step, here = 1.0, slope(1.0)
    if here < -0.5 * first:
        for _ in range(_DOUBLINGS):
            here = slope(2 * step)
            if here > 0:
                break
            step *= 2
        return _moved(factor, step * direction)
    for _ in range(_HALVINGS):
        if here <= 0.5 * first:
            break
        step /= 2
        here = slope(step)
    return _moved(factor, step * direction)


def _moved(factor: FloatArray, by: FloatArray) -> FloatArray:
    return np.clip(factor * np.exp(by), 1 / _FARTHEST, _FARTHEST)
