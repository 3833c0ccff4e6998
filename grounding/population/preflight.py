"""Everything that stands between people and their margins, said before the fit."""

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from grounding.population import checks, conditions, conflict, contradiction, iteration
from grounding.population.checks import Placed, Problem
from grounding.population.conditions import Clock, System
from grounding.population.groups import Groups, Missing, grouped
from grounding.population.margins import Target
from personas.arrays import FloatArray
from personas.panel import Panel

__all__ = ["Problem", "check", "problems"]

SECONDS = 60.0
"""Most time spent on linear programmes, unless asked otherwise."""
TOLERANCE = conflict.TOLERANCE
"""Largest difference in shares at which a margin counts as met."""
_ROUNDS = 200
_TOLD = 3  # cells that bounds leave unmet that are told


def problems(
    panel: Panel,
    targets: Sequence[Target],
    base: FloatArray | None = None,
    cap: float | None = None,
    floor: float = 0.0,
    as_shares: bool = False,
    missing: Missing = "ignore",
    seconds: float = SECONDS,
) -> tuple[Problem, ...]:
    """All problems, those of base weights first, then of each margin, of margins together, and of the bounds.

    A margin with a problem of its own is left out of the search for contradictions. Whether the rest can be
    met is shown by a fit; where it fails, linear programmes find the smallest sets of margins that contradict
    one another. A problem that does not block (``Problem.blocks``) is something to know: missing values that
    are dealt with, and bounds that cannot be kept, whose price the fit states as an error.

    Args:
        panel: the people.
        targets: official shares.
        base: base weights, shape (n_persons,); the panel's own where none are given.
        cap: largest weight as a multiple of the mean.
        floor: smallest weight as a multiple of the mean.
        as_shares: whether margins that count different populations are used for their shares.
        missing: what becomes of missing values; see ``raking.fit``.
        seconds: most time spent on linear programmes; where it did not suffice, the last entry says so.

    Raises:
        ValueError: no targets, bounds out of range, or base weights of another length.
    """
    checks.check_arguments(targets, cap, floor)
    start = panel.weights if base is None else base
    odd = checks.base_problems(panel, start)
    found, placed = checks.margin_problems(panel, targets, as_shares, missing)
    found = [*odd, *found]
    sound = [i for i, good in enumerate(placed.sound) if good]
    if sound and len(panel):
        # Whether margins can be met does not depend on base weights; only the share of the unknown does.
        usable = np.ones(len(panel)) if odd else start
        found += _together(_groups(placed, sound, usable, missing), cap, floor, seconds)
    return tuple(found)


def check(
    panel: Panel,
    targets: Sequence[Target],
    base: FloatArray | None = None,
    cap: float | None = None,
    floor: float = 0.0,
    as_shares: bool = False,
    missing: Missing = "ignore",
    seconds: float = SECONDS,
) -> tuple[Problem, ...]:
    """The problems that do not block, where none does; arguments as in ``problems``.

    Raises:
        DataError: at least one does; lists them all.
        ValueError: as ``problems``.
    """
    found = problems(panel, targets, base, cap, floor, as_shares, missing, seconds)
    checks.refuse(found)
    return found


def _groups(placed: Placed, sound: Sequence[int], base: FloatArray, missing: Missing) -> Groups:
    return grouped([placed.places[i] for i in sound], [placed.targets[i] for i in sound], base, missing)


def _together(groups: Groups, cap: float | None, floor: float, seconds: float) -> list[Problem]:
    """What keeps sound margins from being met together."""
    fitted = iteration.solve(groups, None, 0.0, TOLERANCE, _ROUNDS)
    clock = Clock(seconds)
    found = conflict.reasons(groups, fitted, clock) if conflict.suspected(fitted) else []
    if not found and (cap is not None or floor > 0):
        bounded = iteration.solve(groups, cap, floor, TOLERANCE, _ROUNDS)
        if bounded.worst > TOLERANCE:
            found += bound_problems(conditions.system(groups), cap, floor, clock)
    if clock.late:
        found.append(unfinished(seconds))
    return found


def bound_problems(posed: System, cap: float | None, floor: float, clock: Clock) -> list[Problem]:
    """Why weights within bounds cannot meet margins that could be met without them."""
    bounded = replace(posed, floor=floor, cap=math.inf if cap is None else cap)
    clash = contradiction.contradiction_in(bounded, range(len(posed.blocks)), clock)
    if clash is None:
        return []
    targets = [posed.blocks[i].target for i in clash.blocks]
    bounds = "" if cap is None else f"cap {cap:g}"
    if floor > 0:
        bounds += f"{' and ' if bounds else ''}floor {floor:g}"
    stated = f": {contradiction.stated(posed, clash.rows, _TOLD)}" if clash.rows else ""
    text = (
        f"weights within {bounds} (times the mean weight) cannot meet "
        f"{contradiction.series([f'{t.name} ({t.source})' for t in targets])}{stated}"
    )
    return [Problem("bounds", tuple(t.name for t in targets), text, _advice(bounded, clock), blocks=False)]


def _advice(bounded: System, clock: Clock) -> str:
    """Which bound would do."""
    rest = "or accept the remaining error, which the fit reports"
    least = conditions.smallest_cap(bounded, clock) if bounded.cap < math.inf else None
    if least is not None and least.status == "optimal":
        return f"the smallest cap with which all margins can be met is {_up(least.value)}; raise it, {rest}"
    most = conditions.largest_floor(bounded, clock)
    if most.status == "optimal" and least is not None and least.status == "infeasible":
        return f"no cap is large enough for this floor: the largest possible is {_down(most.value)}, {rest}"
    if most.status == "optimal" and least is None:
        return f"the largest floor with which all margins can be met is {_down(most.value)}; lower it, {rest}"
    return f"widen the bounds, {rest}"


def _up(value: float) -> str:
    return f"{math.ceil(value * 1000 - 1e-6) / 1000:g}"


def _down(value: float) -> str:
    return f"{math.floor(value * 1000 + 1e-6) / 1000:g}"


def unfinished(seconds: float) -> Problem:
    """That the time for linear programmes was up."""
    text = f"the search for contradictions was stopped after {seconds:g} seconds; there may be more"
    return Problem("unfinished", (), text, "settle what was found and try again", blocks=False)


def told(known: Sequence[Problem], report: Callable[[str], None]) -> tuple[str, ...]:
    """Reports what is to be known before a fit that goes ahead; returns what was said about bounds."""
    for problem in known:
        report(f"to know: {problem}")
    return tuple(str(problem) for problem in known if problem.kind == "bounds")
