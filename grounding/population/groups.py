"""People who share the cell of every target, handled as one: collapsed cells."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from grounding.population.margins import Places, Target
from grounding.population.response import Bounded, Free, Response, weighted_counts
from personas.arrays import BoolArray, FloatArray, IntArray
from personas.panel import UNKNOWN

Missing = Literal["ignore", "category", "refuse"]
"""What becomes of people without a value: left out of the margin, a category of their own, or refused."""

_DENSE = 1 << 22
_CHUNK = 1 << 17
_NOBODY = np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class Margin:
    """A target over units (groups of people who are alike) and the shares wanted.

    Attributes:
        target: the official shares.
        codes: cell of each unit, ``UNKNOWN`` where it is not known; where the unknown are a category of
            their own, it is the last cell. Shape (n_units,).
        shares: shares wanted, shape (n_cells,), or (n_cells + 1,) with the unknown last.
    """

    target: Target
    codes: IntArray
    shares: FloatArray

    @property
    def everybody_known(self) -> bool:
        """Whether each unit is in a cell, so that the cells' weights sum to the total."""
        return not bool(np.any(self.codes == UNKNOWN))

    @property
    def unknown(self) -> BoolArray:
        """Which units are in none of the official cells, shape (n_units,)."""
        return (self.codes == UNKNOWN) | (self.codes >= len(self.target.shares))

    def label(self, cell: int) -> str:
        """One cell in words; the category of the unknown included."""
        if cell < len(self.target.cells):
            return self.target.label(cell)
        return f"{self.target.name}: unknown"

    def achieved(self, mass: FloatArray) -> FloatArray:
        """Weight in each cell, shape (n_cells,)."""
        # The unknown come first (UNKNOWN = -1) and are cut off.
        sums = weighted_counts(self.codes + 1, mass, len(self.shares) + 1)
        return sums[1:]

    def gaps(self, mass: FloatArray) -> FloatArray:
        """Achieved less wanted share in each cell, among those known; shape (n_cells,)."""
        achieved = self.achieved(mass)
        return achieved / achieved.sum() - self.shares


@dataclass(frozen=True)
class Groups:
    """All people by groups.

    Attributes:
        of_person: group of each person, shape (n_persons,); ``None`` where each person is a group.
        people: number of people in each group.
        base: base weights with mean 1, shape (n_persons,).
        margins: the targets over the groups.
    """

    of_person: IntArray | None
    people: FloatArray
    base: FloatArray
    margins: tuple[Margin, ...]

    def response(self, cap: float | None, floor: float) -> Response:
        """The weight of each group as a function of the factor that its base weights are multiplied by."""
        if cap is None and floor == 0:
            if self.of_person is None:
                return Free(self.base)
            return Free(weighted_counts(self.of_person, self.base, len(self.people)))
        high = np.inf if cap is None else cap
        return Bounded.over(self.base, self.of_person, self.people, floor, high)

    def weights(self, factor: FloatArray, cap: float | None, floor: float) -> FloatArray:
        """Weight of each person, shape (n_persons,)."""
        lifted = self.base * (factor if self.of_person is None else factor[self.of_person])
        if cap is None and floor == 0:
            return lifted
        return np.clip(lifted, floor, cap, out=lifted)


def grouped(
    places: Sequence[Places], targets: Sequence[Target], base: FloatArray, missing: Missing
) -> Groups:
    """The people as groups.

    Args:
        places: for each target the cell of each person, ``UNKNOWN`` where not known; any integer type.
        targets: official shares.
        base: base weights, all above 0, shape (n_persons,); they are brought to mean 1.
        missing: with ``category`` the unknown become a cell that keeps its share of the base weights.
    """
    base = base / base.mean()
    margins = [_margin(p, t, base, missing) for p, t in zip(places, targets, strict=True)]
    of_person, n_groups = distinct([(p, len(m.shares) + 1) for p, m in zip(places, margins, strict=True)])
    if 2 * n_groups > len(base):
        rows = [_with_unknown(p.astype(np.int64), m) for p, m in zip(places, margins, strict=True)]
        whole = tuple(Margin(m.target, r, m.shares) for m, r in zip(margins, rows, strict=True))
        return Groups(None, np.ones(len(base)), base, whole)
    member = np.zeros(n_groups, dtype=np.int64)
    member[of_person] = np.arange(len(base))  # any one of a group stands for all its cells
    cells = [_with_unknown(p[member].astype(np.int64), m) for p, m in zip(places, margins, strict=True)]
    people = np.bincount(of_person, minlength=n_groups).astype(np.float64)
    return Groups(
        of_person,
        people,
        base,
        tuple(Margin(m.target, c, m.shares) for m, c in zip(margins, cells, strict=True)),
    )


def _margin(places: Places, target: Target, base: FloatArray, missing: Missing) -> Margin:
    """The shares wanted; the codes are still to come."""
    if missing == "category":
        unknown = float(base[places == UNKNOWN].sum() / len(base))
        if unknown > 0:
            return Margin(target, _NOBODY, np.append(target.shares * (1 - unknown), unknown))
    return Margin(target, _NOBODY, target.shares)


def _with_unknown(codes: IntArray, margin: Margin) -> IntArray:
    extra = len(margin.shares) > len(margin.target.shares)
    return np.where(codes == UNKNOWN, len(margin.target.shares), codes) if extra else codes


def distinct(keys: Sequence[tuple[Places, int]]) -> tuple[IntArray, int]:
    """Number of each person's combination of keys, and how many combinations occur.

    Each key is (values, size) with -1 <= value < size - 1.
    """
    combined, span = np.zeros(len(keys[0][0]), dtype=np.int64), 1
    for values, size in keys:
        if span * size > _DENSE:
            combined, span = _renumbered(combined, span)
        for start in range(0, len(combined), _CHUNK):  # in pieces that stay in the processor's cache
            part = combined[start : start + _CHUNK]
            part *= size
            part += values[start : start + _CHUNK]
            part += 1
        span *= size
    return _renumbered(combined, span)


def _renumbered(key: IntArray, span: int) -> tuple[IntArray, int]:
    """``key`` numbered from 0 without gaps, and how many numbers occur."""
    if span > _DENSE:
        used, place = np.unique(key, return_inverse=True)
        return place.astype(np.int64), len(used)
    present = np.zeros(span, dtype=np.bool_)
    present[key] = True
    number = np.cumsum(present) - 1
    return number.take(key), int(present.sum())
