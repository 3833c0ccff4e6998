"""The weight of a group of people as a function of the factor that their base weights are multiplied by."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from personas.arrays import BoolArray, FloatArray, IntArray


def weighted_counts(codes: IntArray, weights: FloatArray, size: int) -> FloatArray:
    """Sum of the weights of those who have each code, shape (size,)."""
    return np.bincount(codes, weights=weights, minlength=size).astype(np.float64, copy=False)


class Response(Protocol):
    """Weight of each unit under a factor."""

    def mass(self, factor: FloatArray) -> FloatArray:
        """Weight of each unit, shape (n_units,)."""
        ...

    def slope(self, factor: FloatArray) -> FloatArray:
        """Derivative of the weight by log factor: the weight of those whom no bound holds."""
        ...

    def limits(self) -> tuple[FloatArray, FloatArray]:
        """Smallest and largest factor at which anything still moves, shape (n_units,) each."""
        ...


@dataclass(frozen=True)
class Free:
    """Weights without bounds: base weight times factor."""

    base: FloatArray  # (n_units,) base weight of each unit

    def mass(self, factor: FloatArray) -> FloatArray:
        """Weight of each unit."""
        return self.base * factor

    def slope(self, factor: FloatArray) -> FloatArray:
        """The same: an exponential is its own derivative."""
        return self.base * factor

    def limits(self) -> tuple[FloatArray, FloatArray]:
        """None."""
        return np.zeros_like(self.base), np.full_like(self.base, np.inf)


@dataclass(frozen=True)
class Bounded:
    """Weights held between a floor and a cap: each person counts as min(max(base x factor, floor), cap).

    Within a unit the base weights are sorted and summed up from below, so that the unit's weight costs two
    searches however many people it has, and none where no bound reaches into the unit.

    Attributes:
        base: base weights, sorted within each unit, one unit after the other; shape (n_persons,).
        summed: base weights summed up from the first person on, shape (n_persons + 1,).
        start: first person of each unit and the number of all, shape (n_units + 1,).
        floor: smallest weight.
        cap: largest weight, or infinity.
    """

    base: FloatArray
    summed: FloatArray
    start: IntArray
    total: FloatArray  # (n_units,) sum of the base weights
    floor: float
    cap: float

    @classmethod
    def over(
        cls, base: FloatArray, of_person: IntArray | None, people: FloatArray, floor: float, cap: float
    ) -> "Bounded":
        """The weights of the units that persons belong to; each person is one where ``of_person`` is None."""
        start = np.concatenate([[0], np.cumsum(people)]).astype(np.int64)
        if of_person is None:
            ordered, total = base, base
        else:
            ordered = base[_order(base, of_person)]
            total = weighted_counts(of_person, base, len(people))
        return cls(ordered, np.concatenate([[0.0], np.cumsum(ordered)]), start, total, floor, cap)

    def mass(self, factor: FloatArray) -> FloatArray:
        """Weight of each unit."""
        low, high = self._held(factor)
        mass = self._between(factor, low, high)
        if self.floor > 0:
            mass += self.floor * (low - self.start[:-1])
        if self.cap < np.inf:
            mass += self.cap * (self.start[1:] - high)
        return mass

    def slope(self, factor: FloatArray) -> FloatArray:
        """Weight of those in each unit whom no bound holds."""
        return self._between(factor, *self._held(factor))

    def limits(self) -> tuple[FloatArray, FloatArray]:
        """Factors at which the floor holds everybody in a unit, and at which the cap does."""
        with np.errstate(invalid="ignore"):
            return self.floor / self.base[self.start[1:] - 1], self.cap / self.base[self.start[:-1]]

    def _held(self, factor: FloatArray) -> tuple[IntArray, IntArray]:
        """First person of each unit above the floor, and the first at the cap."""
        low, high = self.start[:-1], self.start[1:]
        if self.floor > 0:
            reached = np.flatnonzero(self.base[low] * factor < self.floor)
            low = self._moved(low, reached, self.floor / factor[reached])
        if self.cap < np.inf:
            reached = np.flatnonzero(self.base[self.start[1:] - 1] * factor > self.cap)
            high = self._moved(high, reached, self.cap / factor[reached])
        return low, high

    def _moved(self, place: IntArray, units: IntArray, bound: FloatArray) -> IntArray:
        """``place`` with the first person of each of ``units`` whose base weight is above its bound."""
        place = place.copy()
        low, high = self.start[units], self.start[units + 1]
        while True:
            open_: BoolArray = low < high
            if not open_.any():
                break
            middle = (low + high) >> 1
            below = open_ & (self.base[np.minimum(middle, len(self.base) - 1)] <= bound)
            low = np.where(below, middle + 1, low)
            high = np.where(open_ & ~below, middle, high)
        place[units] = low
        return place

    def _between(self, factor: FloatArray, low: IntArray, high: IntArray) -> FloatArray:
        whole = (high - low) == (self.start[1:] - self.start[:-1])
        part = np.where(whole, self.total, self.summed[high] - self.summed[low])
        # Where the first at the cap lies before the first above the floor, the two bounds are one.
        return np.where(high > low, part, 0.0) * factor


def _order(base: FloatArray, of_person: IntArray) -> IntArray:
    """People by unit, and within it by base weight."""
    by_weight = np.argsort(base)
    return by_weight[np.argsort(of_person[by_weight], kind="stable")]
