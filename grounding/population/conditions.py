"""Whether weights can meet conditions at all, asked as linear programmes over collapsed cells."""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from grounding.population import programme
from grounding.population.calibration import Block, identity
from grounding.population.groups import Groups, distinct
from grounding.population.response import weighted_counts
from personas.arrays import FloatArray, IntArray

VIOLATED = 1e-8
"""In shares: a violation no larger than this is the solver's rounding."""
KEPT = 1e-9
"""Of equal weights: people who can keep no more than this of theirs are left without weight."""


@dataclass(frozen=True)
class System:
    """Margins as conditions on units, with what is needed to ask whether they can be met.

    Attributes:
        blocks: the margins.
        sizes: share of the people (or households) in each unit; sums to 1.
        floor: smallest weight as a multiple of the mean.
        cap: largest weight, or infinity.
        units: what bears the weights, in words.
    """

    blocks: tuple[Block, ...]
    sizes: FloatArray
    floor: float = 0.0
    cap: float = math.inf
    units: str = "people"

    @property
    def bounded(self) -> bool:
        """Whether weights are bounded; otherwise they must be above zero."""
        return self.floor > 0 or self.cap < math.inf


@dataclass
class Clock:
    """Time left; ``late`` is set once something had to be left undone."""

    seconds: float
    started: float = field(default_factory=time.monotonic)
    late: bool = False

    def left(self) -> float:
        """Seconds left."""
        return self.seconds - (time.monotonic() - self.started)

    def over(self) -> bool:
        """Whether no time is left; if so, that is noted."""
        self.late = self.late or self.left() <= 0
        return self.late


@dataclass(frozen=True)
class Row:
    """One side of the condition on one cell: at least (``sign`` 1) or at most (-1) what is wanted."""

    block: int
    cell: int
    sign: int


def system(groups: Groups) -> System:
    """The margins of people in collapsed cells."""
    blocks = [
        identity(m.target, [m.label(c) for c in range(len(m.shares))], m.codes, m.shares)
        for m in groups.margins
    ]
    return System(tuple(blocks), groups.people / groups.people.sum())


@dataclass(frozen=True)
class Verdict:
    """What a linear programme says about some conditions.

    Attributes:
        status: ``optimal``, or ``infeasible`` or ``stopped``, without the rest.
        value: smallest total violation, or largest part of equal weights that everybody keeps.
        duals: multiplier of each cell's condition, one margin after the other; positive where the cell is
            wanted larger than it can be.
    """

    status: str
    value: float
    duals: FloatArray


def violation(posed: System, among: Sequence[int], clock: Clock) -> Verdict:
    """The smallest sum of violations over all cells of some margins."""
    matrix, wanted, sizes = _conditions(posed, among)
    columns, rows = len(sizes), len(wanted)
    low, high = _limits(posed, sizes)
    slack, total = programme.eye(rows), programme.row(np.ones(columns))
    found = programme.minimise(
        np.append(np.zeros(columns), np.ones(2 * rows)),
        (programme.stacked([[matrix, slack, -slack], [total, None, None]]), np.append(wanted, 1.0)),
        None,
        np.append(low, np.zeros(2 * rows)),
        np.append(high, np.full(2 * rows, np.inf)),
        clock.left(),
    )
    return _verdict(found, found.value, clock)


def kept(posed: System, among: Sequence[int], clock: Clock) -> Verdict:
    """The largest part of equal weights that everybody keeps while some margins are met; at most 1."""
    matrix, wanted, sizes = _conditions(posed, among)
    columns = len(sizes)
    # A unit's weight is what everybody keeps (size x part) and something above it.
    part = programme.column(matrix @ sizes)
    found = programme.minimise(
        np.append(np.zeros(columns), -1.0),
        (
            programme.stacked([[matrix, part], [programme.row(np.ones(columns)), programme.row(np.ones(1))]]),
            np.append(wanted, 1.0),
        ),
        None,
        np.append(np.zeros(columns), -1.0),
        np.append(np.full(columns, np.inf), 1.0),
        clock.left(),
    )
    return _verdict(found, -found.value, clock)


def sides_violated(posed: System, rows: Sequence[Row], clock: Clock) -> Verdict:
    """The smallest largest violation of some sides of conditions."""
    sides, wanted, sizes = _sides(posed, rows)
    columns = len(sizes)
    low, high = _limits(posed, sizes)
    found = programme.minimise(
        np.append(np.zeros(columns), 1.0),
        (programme.stacked([[programme.row(np.ones(columns)), programme.row(np.zeros(1))]]), np.ones(1)),
        (programme.stacked([[-sides, programme.column(-np.ones(len(rows)))]]), -wanted),
        np.append(low, 0.0),
        np.append(high, np.inf),
        clock.left(),
    )
    return _verdict(found, found.value, clock)


def sides_kept(posed: System, rows: Sequence[Row], clock: Clock) -> Verdict:
    """The largest part of equal weights that everybody keeps while some sides of conditions hold."""
    sides, wanted, sizes = _sides(posed, rows)
    columns = len(sizes)
    found = programme.minimise(
        np.append(np.zeros(columns), -1.0),
        (programme.stacked([[programme.row(np.ones(columns)), programme.row(np.ones(1))]]), np.ones(1)),
        (programme.stacked([[-sides, programme.column(-(sides @ sizes))]]), -wanted),
        np.append(np.zeros(columns), -1.0),
        np.append(np.full(columns, np.inf), 1.0),
        clock.left(),
    )
    return _verdict(found, -found.value, clock)


def smallest_cap(posed: System, clock: Clock) -> Verdict:
    """The smallest cap at which weights at or above the floor meet all margins."""
    matrix, wanted, sizes = _conditions(posed, range(len(posed.blocks)))
    columns = len(sizes)
    found = programme.minimise(
        np.append(np.zeros(columns), 1.0),
        (
            programme.stacked(
                [
                    [matrix, programme.column(np.zeros(len(wanted)))],
                    [programme.row(np.ones(columns)), programme.row(np.zeros(1))],
                ]
            ),
            np.append(wanted, 1.0),
        ),
        (programme.stacked([[programme.eye(columns), programme.column(-sizes)]]), np.zeros(columns)),
        np.append(posed.floor * sizes, 1.0),
        np.full(columns + 1, np.inf),
        clock.left(),
    )
    return _verdict(found, found.value, clock)


def largest_floor(posed: System, clock: Clock) -> Verdict:
    """The largest floor at which weights meet all margins, whatever the cap."""
    return kept(replace(posed, floor=0.0, cap=math.inf), range(len(posed.blocks)), clock)


def _verdict(found: programme.Optimum, value: float, clock: Clock) -> Verdict:
    clock.late = clock.late or found.status == "stopped"
    return Verdict(found.status, value, found.duals)


def _limits(posed: System, sizes: FloatArray) -> tuple[FloatArray, FloatArray]:
    high = posed.cap * sizes if posed.cap < math.inf else np.full(len(sizes), np.inf)
    return posed.floor * sizes, high


def _conditions(posed: System, among: Sequence[int]) -> tuple[Any, FloatArray, FloatArray]:
    """Conditions of some margins on the units that they tell apart: matrix, right-hand side, sizes."""
    blocks = [posed.blocks[i] for i in among]
    unit, count = distinct([(b.codes, b.n_profiles + 1) for b in blocks])
    member = np.zeros(count, dtype=np.int64)
    member[unit] = np.arange(len(unit))
    sizes = weighted_counts(unit, posed.sizes, count)
    parts = [[programme.incidence(b.codes[member], count, b.profiles, len(b.wanted))] for b in blocks]
    return programme.stacked(parts), np.concatenate([b.wanted for b in blocks]), sizes


def _sides(posed: System, rows: Sequence[Row]) -> tuple[Any, FloatArray, FloatArray]:
    """Sides of conditions, all turned to ``at least``: matrix, right-hand side, sizes of the units."""
    among = sorted({row.block for row in rows})
    matrix, wanted, sizes = _conditions(posed, among)
    starts = np.concatenate([[0], np.cumsum([len(posed.blocks[i].wanted) for i in among])])
    places: IntArray = np.array([starts[among.index(r.block)] + r.cell for r in rows], dtype=np.int64)
    signs = np.array([float(r.sign) for r in rows])
    return programme.diagonal(signs) @ matrix.tocsr()[places], signs * wanted[places], sizes
