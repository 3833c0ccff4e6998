"""Margins of households and of persons as conditions on the weights of households."""

from dataclasses import dataclass

import numpy as np

from grounding.population.calibration import Block, identity
from grounding.population.checks import Placed
from grounding.population.groups import Missing
from grounding.population.margins import Places, Target
from personas.arrays import FloatArray, IntArray
from personas.panel import UNKNOWN
from personas.wording import percent


@dataclass(frozen=True)
class HouseholdConditions:
    """The conditions on households; the margins of households come first, then those of persons.

    Attributes:
        blocks: one for each margin, and one for the mean size of a household where that is given.
        members: persons in each household, shape (n_households,).
        home: household of each person, shape (n_persons,).
        household_margins: how many of the blocks are margins of households.
        person_margins: how many are margins of persons.
        units: for each block, how many of its units each household has: 1, or its persons who are known.
    """

    blocks: tuple[Block, ...]
    members: FloatArray
    home: IntArray
    household_margins: int
    person_margins: int
    units: tuple[FloatArray, ...]

    def errors(self, weights: FloatArray) -> list[float]:
        """Largest absolute difference in shares for each margin; of the mean household size for its own."""
        found: list[float] = []
        for block, units in zip(self.blocks, self.units, strict=True):
            total = float(weights @ units)
            found.append(float(np.abs(block.sums(weights) - block.wanted * weights.sum()).max()) / total)
        return found


def posed(
    placed: tuple[Placed, Placed],
    home: IntArray,
    base: FloatArray,
    persons_per_household: float | None,
    missing: Missing,
) -> HouseholdConditions:
    """The conditions of margins whose households and persons have been placed.

    Args:
        placed: households in their margins, and persons in theirs.
        home: household of each person.
        base: base weight of each household; gives the share of the unknown where they are a category.
        persons_per_household: official mean size, or ``None`` where it is free.
        missing: what becomes of those without a value.
    """
    households, persons = placed
    members = np.bincount(home, minlength=len(base)).astype(np.float64)
    blocks: list[Block] = []
    units: list[FloatArray] = []
    for target, places in zip(households.targets, households.places, strict=True):
        codes, shares = _with_unknown(places, target, base, missing)
        blocks.append(identity(target, _labels(target, len(shares)), codes, shares))
        units.append((codes != UNKNOWN).astype(np.float64))
    for target, places in zip(persons.targets, persons.places, strict=True):
        codes, shares = _with_unknown(places, target, base[home], missing)
        blocks.append(_person_block(target, codes, shares, home, len(base)))
        known = codes != UNKNOWN
        units.append(np.bincount(home[known], minlength=len(base)).astype(np.float64))
    if persons_per_household is not None:
        blocks.append(_size_block(members, persons_per_household))
        units.append(members)
    return HouseholdConditions(
        tuple(blocks), members, home, len(households.targets), len(persons.targets), tuple(units)
    )


def _with_unknown(
    places: Places, target: Target, base: FloatArray, missing: Missing
) -> tuple[IntArray, FloatArray]:
    """Cells and shares wanted, the unknown as the last cell where they are a category."""
    codes = places.astype(np.int64)
    unknown = float(base[codes == UNKNOWN].sum() / base.sum())
    if missing != "category" or unknown == 0:
        return codes, target.shares
    codes = np.where(codes == UNKNOWN, len(target.shares), codes)
    return codes, np.append(target.shares * (1 - unknown), unknown)


def _labels(target: Target, cells: int) -> list[str]:
    return [target.label(c) if c < len(target.cells) else f"{target.name}: unknown" for c in range(cells)]


def _person_block(
    target: Target, codes: IntArray, shares: FloatArray, home: IntArray, households: int
) -> Block:
    """Persons of a household in each cell, less the cell's share of its persons; these must sum to zero."""
    known = codes != UNKNOWN
    width = len(shares)
    key = home[known] * width + codes[known]
    counts = np.bincount(key, minlength=households * width).reshape(households, width)
    kinds, kind = np.unique(counts, axis=0, return_inverse=True)
    profiles = kinds - kinds.sum(axis=1, keepdims=True) * shares
    amounts = tuple(percent(share, 2) for share in shares.tolist())
    labels = tuple(f"persons with {label}" for label in _labels(target, width))
    return Block(target, labels, amounts, kind.reshape(-1).astype(np.int64), profiles, np.zeros(width))


def _size_block(members: FloatArray, mean: float) -> Block:
    sizes, kind = np.unique(members, return_inverse=True)
    target = Target(("persons per household",), (("mean",),), np.ones(1), 1.0, "given", "", "")
    wanted = np.array([mean])
    return Block(target, ("persons per household",), (f"{mean:.4g}",), kind, sizes[:, None], wanted)
