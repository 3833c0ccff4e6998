"""Two margins that cannot both be met: found by comparing them, without a linear programme."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from grounding.population.checks import Problem
from grounding.population.groups import Margin
from personas.arrays import BoolArray, FloatArray
from personas.panel import UNKNOWN
from personas.wording import percent

_ROUNDING = 1e-9
_TIGHT = 1e-6
_SHOWN = 5
_MANY = 4  # margins that one contradicts, from which on they are counted and not told one by one


class Clash(NamedTuple):
    """Two margins, by their places in a list, and why they contradict each other."""

    one: int
    other: int
    problem: Problem


def clashes(margins: Sequence[Margin]) -> list[Clash]:
    """All pairs of margins that contradict each other, the first reason found for each.

    Either they give other shares to an attribute that they share, or one cell of a margin is confined in the
    sample to cells of the other that are too small to hold it. Only margins that leave nobody out (see
    ``Margin.everybody_known``) or the same people can contradict each other for certain.
    """
    found: list[Clash] = []
    for i, one in enumerate(margins):
        for j, other in enumerate(margins[i + 1 :], i + 1):
            problem = _pair(one, other)
            if problem is not None:
                found.append(Clash(i, j, problem))
    return found


def hub(found: Sequence[Clash]) -> int:
    """The margin in most of the clashes; of those in as many, the last."""
    counts = Counter(place for clash in found for place in (clash.one, clash.other))
    return max(counts, key=lambda place: (counts[place], place))


def between_pairs(margins: Sequence[Margin], found: Sequence[Clash] | None = None) -> list[Problem]:
    """The clashes as problems; a margin that contradicts many others is one problem, which counts them."""
    left = clashes(margins) if found is None else list(found)
    problems: list[Problem] = []
    while left:
        centre = hub(left)
        own = [c for c in left if centre in (c.one, c.other)]
        if len(own) < _MANY:
            return [*problems, *(c.problem for c in left)]
        left = [c for c in left if c not in own]
        others = [margins[c.one + c.other - centre] for c in own[1:]]
        named = ", ".join(f"{m.target.name} ({m.target.origin})" for m in others[:_SHOWN])
        more = f" and {len(others) - _SHOWN} more" if len(others) > _SHOWN else ""
        middle = margins[centre].target
        text = f"; {middle.name} ({middle.origin}) also contradicts {named}{more}"
        problems.append(replace(own[0].problem, message=own[0].problem.message + text))
    return problems


def _pair(one: Margin, other: Margin) -> Problem | None:
    if not np.array_equal(one.codes == UNKNOWN, other.codes == UNKNOWN):
        return None
    broad = len(one.target.attributes) > len(other.target.attributes)
    shared = _shared(other, one) if broad else _shared(one, other)
    return shared or _confined(one, other) or _confined(other, one)


def _shared(one: Margin, other: Margin) -> Problem | None:
    """Other shares for the attributes that both have."""
    shared = [a for a in one.target.attributes if a in other.target.attributes]
    if not shared or not np.array_equal(one.unknown, other.unknown):
        return None
    first, second = _summed(one, shared), _summed(other, shared)
    apart = {cell: abs(first.get(cell, 0.0) - second.get(cell, 0.0)) for cell in {**first, **second}}
    cell = max(apart, key=lambda c: apart[c])
    if apart[cell] <= _ROUNDING:
        return None
    label = ", ".join(f"{a}: {v}" for a, v in zip(shared, cell, strict=True))
    shares = [f.get(cell, 0.0) for f in (first, second)]
    digits = next((d for d in (2, 4, 6, 8) if percent(shares[0], d) != percent(shares[1], d)), 10)
    also = sum(value > _ROUNDING for value in apart.values()) - 1
    text = (
        f"margins {one.target.name} and {other.target.name} contradict each other: {label} is officially "
        f"{percent(shares[0], digits)} ({one.target.origin}), but officially {percent(shares[1], digits)} "
        f"together ({other.target.origin})" + (f"; and so for {also} more" if also else "")
    )
    fix = "take both from one source and date, correct the recode, or leave one of the two out"
    return Problem("contradiction", (one.target.name, other.target.name), text, fix)


def _summed(margin: Margin, shared: Sequence[str]) -> dict[tuple[str, ...], float]:
    """The margin's shares of the attributes named."""
    places = [margin.target.attributes.index(a) for a in shared]
    sums: dict[tuple[str, ...], float] = {}
    for cell, share in zip(margin.target.cells, margin.shares.tolist(), strict=False):
        key = tuple(cell[p] for p in places)
        sums[key] = sums.get(key, 0.0) + share
    return sums


def _confined(one: Margin, other: Margin) -> Problem | None:
    """A cell of ``one`` that is found only with cells of ``other`` that are too small for it."""
    together = _together(one, other)  # (cells of one, cells of other)
    room: FloatArray = together @ other.shares
    tight = np.flatnonzero(one.shares > room + _TIGHT)
    if not tight.size:
        return None
    cell = int(tight[0])
    partners = [other.label(int(p)) for p in np.flatnonzero(together[cell])]
    shown = "; ".join(partners[:_SHOWN])
    shown += f"; and {len(partners) - _SHOWN} more" if len(partners) > _SHOWN else ""
    text = (
        f"impossible combination: {one.label(cell)} is officially {percent(one.shares[cell], 2)} "
        f"({one.target.origin}), but in the sample it occurs only with [{shown}], officially "
        f"{percent(room[cell], 2)} together ({other.target.origin}); no weights meet both"
    )
    fix = "merge levels, correct the recode, or leave one of the two margins out"
    return Problem("contradiction", (one.target.name, other.target.name), text, fix)


def _together(one: Margin, other: Margin) -> BoolArray:
    known = one.codes != UNKNOWN
    occurs = np.zeros((len(one.shares), len(other.shares)), dtype=np.bool_)
    occurs[one.codes[known], other.codes[known]] = True
    return occurs
