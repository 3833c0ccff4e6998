"""The smallest set of margins that contradict one another in a sample, found by linear programmes.

A set of margins can be raked to exactly when some weights above zero meet them all. Whether there are such
weights is a linear programme over collapsed cells: two of them, the smallest total violation and, where that
is zero, the largest share of its equal weight that everybody can keep. Their dual solutions are certificates:
the margins with a multiplier contradict one another by themselves. Leaving out one after the other makes
the set irreducible, and smaller sets are tried where there are few enough.

Source: Chinneck and Dravnieks, ORSA Journal on Computing 3 (1991), 157-168 (elastic and deletion filters).
"""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from grounding.population import conditions
from grounding.population.checks import Problem
from grounding.population.conditions import Clock, Row, System
from personas.arrays import FloatArray

_MOST_SETS = 10
_FIRST = (4, 16)  # margins that are searched by themselves first, where there are many
_MOST_SMALLER = 400
_MOST_CELLS = 60
_MULTIPLIER = 1e-7
_TOLD = 8  # sides of conditions of a contradiction that are told


@dataclass(frozen=True)
class Contradiction:
    """Margins that cannot be met together, though all but any one of them can.

    Attributes:
        blocks: indices of the margins.
        rows: the sides of their conditions that suffice; empty where there are too many to name.
        forced: whether the margins can be met, but only by giving some people no weight at all.
        smallest: whether every smaller set was tried; otherwise none can be left out of this one.
    """

    blocks: tuple[int, ...]
    rows: tuple[Row, ...]
    forced: bool
    smallest: bool


def find(
    posed: System, likely: Sequence[int], met: Callable[[Sequence[int]], bool], clock: Clock
) -> list[Problem]:
    """The contradictions among margins: irreducible sets, one after the other.

    After each, one margin of the set is left out and the rest is searched again.

    Args:
        posed: the margins.
        likely: those to search, the likeliest to contradict others first.
        met: whether some margins can be met, as far as a quick attempt shows.
        clock: most time spent; says whether it sufficed.
    """
    left = list(likely)
    found: list[Problem] = []
    while left and len(found) < _MOST_SETS and not met(left):
        clash = contradiction_in(posed, left, clock)
        if clash is None:
            break
        found.append(_problem(posed, clash))
        left.remove(clash.blocks[-1])
    return found


def contradiction_in(posed: System, among: Sequence[int], clock: Clock) -> Contradiction | None:
    """One irreducible contradiction among some of the margins, or ``None`` where they can be met.

    The first few margins are searched by themselves first, so put the likeliest there.
    """
    sizes = [size for size in _FIRST if 2 * size < len(among)]
    proofs = (_certificate(posed, among[:size], clock) for size in [*sizes, len(among)])
    proof = next((p for p in proofs if p is not None), None)
    if proof is None:
        return None
    proof = _reduced(posed, proof, clock)
    smaller, smallest = _smaller(posed, among, len(proof.blocks), clock)
    if smaller is not None:
        proof = smaller
    rows = _cells_of(posed, proof, clock)
    return Contradiction(proof.blocks, rows, proof.forced, smallest or len(proof.blocks) <= 2)


@dataclass(frozen=True)
class _Proof:
    """Margins that contradict one another, by the sides of their conditions that say so."""

    rows: tuple[Row, ...]
    forced: bool

    @property
    def blocks(self) -> tuple[int, ...]:
        return tuple(sorted({row.block for row in self.rows}))


def _certificate(posed: System, among: Sequence[int], clock: Clock) -> _Proof | None:
    """Why some margins cannot be met together, or ``None`` where they can (or time is up)."""
    if not among or clock.over():
        return None
    violated = conditions.violation(posed, among, clock)
    if violated.status != "optimal":
        return None
    if violated.value > conditions.VIOLATED:
        return _Proof(_used(posed, among, violated.duals), forced=False)
    if posed.bounded:
        return None
    kept = conditions.kept(posed, among, clock)
    if kept.status != "optimal" or kept.value > conditions.KEPT:
        return None
    return _Proof(_used(posed, among, kept.duals), forced=True)


def _used(posed: System, among: Sequence[int], duals: FloatArray) -> tuple[Row, ...]:
    """The sides of the conditions that a dual solution uses."""
    rows: list[Row] = []
    start = 0
    for i in among:
        width = len(posed.blocks[i].wanted)
        # A constant on all cells of a margin says only that its shares sum to one.
        own = duals[start : start + width]
        own = own - _commonest(own) if width > 1 else own
        rows += [Row(i, int(c), int(np.sign(own[c]))) for c in np.flatnonzero(np.abs(own) > _MULTIPLIER)]
        start += width
    return tuple(rows)


def _commonest(values: FloatArray) -> float:
    found, count = np.unique(np.round(values, 9), return_counts=True)
    best = found[count == count.max()]
    return float(best[np.abs(best - np.median(values)).argmin()])


def _reduced(posed: System, proof: _Proof, clock: Clock) -> _Proof:
    """A proof none of whose margins can be left out."""
    needed: set[int] = set()
    while True:
        open_ = [b for b in proof.blocks if b not in needed]
        if not open_ or clock.over():
            return proof
        less = _certificate(posed, [b for b in proof.blocks if b != open_[-1]], clock)
        if less is None:
            needed.add(open_[-1])
        else:
            proof = less


def _smaller(posed: System, among: Sequence[int], size: int, clock: Clock) -> tuple[_Proof | None, bool]:
    """A contradiction of fewer margins, the fewest first; and whether all smaller sets were tried."""
    for fewer in range(2, size):
        if math.comb(len(among), fewer) > _MOST_SMALLER:
            return None, False
        for chosen in itertools.combinations(among, fewer):
            proof = _certificate(posed, chosen, clock)
            if proof is not None:
                return proof, True
            if clock.over():
                return None, False
    return None, True


def _cells_of(posed: System, proof: _Proof, clock: Clock) -> tuple[Row, ...]:
    """Sides of conditions none of which can be left out; empty where there are too many to try."""
    rows = list(proof.rows)
    if len(rows) > _MOST_CELLS or not _sides_clash(posed, rows, proof.forced, clock):
        return ()
    for row in sorted(rows, key=lambda r: posed.blocks[r.block].wanted[r.cell]):
        if clock.over():
            break
        less = [r for r in rows if r != row]
        if less and _sides_clash(posed, less, proof.forced, clock):
            rows = less
    return tuple(rows)


def _sides_clash(posed: System, rows: Sequence[Row], forced: bool, clock: Clock) -> bool:
    """Whether sides of conditions contradict one another."""
    if not forced:
        found = conditions.sides_violated(posed, rows, clock)
        return found.status == "optimal" and found.value > conditions.VIOLATED
    found = conditions.sides_kept(posed, rows, clock)
    return found.status == "optimal" and found.value <= conditions.KEPT


def _problem(posed: System, clash: Contradiction) -> Problem:
    targets = [posed.blocks[i].target for i in clash.blocks]
    named = series([f"{t.name} ({t.source})" for t in targets])
    text = f"margins {named} contradict one another in this sample"
    if clash.rows:
        text += f": {stated(posed, clash.rows)} "
        text += f"leave some {posed.units} no weight at all" if clash.forced else "cannot hold together"
    elif clash.forced:
        text += f": together they leave some {posed.units} no weight at all"
    kind = "no smaller set does" if clash.smallest else "without any one of them the others can be met"
    fix = "leave one of them out, merge levels, or correct a recode"
    return Problem("contradiction", tuple(t.name for t in targets), f"{text} ({kind})", fix)


def stated(posed: System, rows: Sequence[Row], most: int = _TOLD) -> str:
    """Sides of conditions in words: ``age: young at least 40.00 % and sex: male at most 30.00 %``.

    Of more than ``most`` those are told that the people, each counted once, miss by most.
    """
    if len(rows) <= most:
        return series([_side(posed, row) for row in rows])
    worst = sorted(rows, key=lambda row: _missed(posed, row), reverse=True)[:most]
    return f"{', '.join(_side(posed, row) for row in worst)} and {len(rows) - most} more"


def _missed(posed: System, row: Row) -> float:
    """By how much of all people (or households), each counted once, a side of a condition is not met."""
    block = posed.blocks[row.block]
    return float(row.sign * (block.wanted[row.cell] - block.sums(posed.sizes)[row.cell]))


def _side(posed: System, row: Row) -> str:
    block = posed.blocks[row.block]
    return f"{block.labels[row.cell]} {'at least' if row.sign > 0 else 'at most'} {block.amounts[row.cell]}"


def series(parts: Sequence[str]) -> str:
    """``a, b and c``."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
