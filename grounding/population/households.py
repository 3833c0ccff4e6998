"""Households weighted together with their persons: one weight for each household, margins of both met."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from grounding.population import calibration, checks, conflict, household_conditions, iteration, preflight
from grounding.population.checks import Placed, Problem
from grounding.population.conditions import Clock, System
from grounding.population.contradiction import find
from grounding.population.groups import Missing
from grounding.population.household_conditions import HouseholdConditions
from grounding.population.margins import Target
from grounding.population.response import Bounded, Free, Response
from grounding.population.spans import span, spans
from personas.arrays import FloatArray, IntArray
from personas.errors import DataError
from personas.panel import UNKNOWN, Panel
from personas.wording import counted

_SHOWN = 3


@dataclass(frozen=True)
class HouseholdFit:
    """Weights of households, which all their persons bear, and how well they meet both kinds of margins.

    Attributes:
        households: weight of each household, shape (n_households,), mean 1.
        persons: weight of each person, that of the household; shape (n_persons,).
        household_errors: for each household target the largest absolute difference between achieved and
            official shares of households.
        person_errors: for each person target the same for shares of persons.
        persons_per_household: weighted mean number of persons.
        rounds: steps of Newton's method that were made.
        converged: whether every error is within the tolerance, judged by the achieved shares.
    """

    households: FloatArray
    persons: FloatArray
    household_errors: tuple[float, ...]
    person_errors: tuple[float, ...]
    persons_per_household: float
    rounds: int
    converged: bool


def fit(
    persons: Panel,
    household_ids: Sequence[str],
    person_targets: Sequence[Target],
    household_panel: Panel,
    household_targets: Sequence[Target],
    base: FloatArray | None = None,
    cap: float | None = None,
    floor: float = 0.0,
    missing: Missing = "ignore",
    persons_per_household: float | None = None,
    tolerance: float = 1e-9,
    max_rounds: int = 100,
) -> HouseholdFit:
    """One weight for each household, as near to the base weights as margins of households and persons allow.

    The weights are min(max(base x exp(sum of multipliers), floor), cap), the multipliers being one for each
    household cell and one for each person cell times the persons of the household in it. Shares of persons
    are met among all persons of the weighted households; how many persons a household has on average
    follows from the margins, or is given.

    Args:
        persons: the persons; their weights are not used.
        household_ids: household of each person, as in ``household_panel.ids``; shape (n_persons,).
        person_targets: official shares of persons.
        household_panel: the households, each once.
        household_targets: official shares of households.
        base: base weight of each household; the household panel's own where none are given.
        cap: largest weight of a household as a multiple of the mean household's.
        floor: smallest weight of a household alike.
        missing: what becomes of persons or households without a value in a margin; see ``raking.fit``. As a
            category, persons keep the share that they have under the base weights.
        persons_per_household: official mean size of a household; free where not given.
        tolerance: largest absolute difference in shares that counts as met.
        max_rounds: most steps made.

    Raises:
        ValueError: no targets, bounds out of range, or weights of another length.
        DataError: a household has no persons or a person no household; a base weight or a margin has a
            problem of its own; without bounds, margins that cannot be met together.

    Source: generalised raking, Deville and Sarndal, JASA 87 (1992), 376-382, with integrated household
        weights after Lemaitre and Dufour, Survey Methodology 13 (1987), 199-207; it has the fixed point of
        iterative proportional updating (Ye et al., Transportation Research Board 2009) in fewer steps.
    """
    start = household_panel.weights if base is None else base
    home = _homes(persons, household_ids, household_panel)
    found, placed = _checked(
        persons, person_targets, household_panel, household_targets, start, cap, floor, missing
    )
    checks.refuse(found)
    posed = household_conditions.posed(placed, home, start / start.mean(), persons_per_household, missing)
    response = _response(start / start.mean(), cap, floor)
    weights, rounds = _solved(posed, response, tolerance, max_rounds)
    errors = posed.errors(weights)
    converged = max(errors) <= tolerance
    if cap is None and floor == 0 and _suspected(weights, start, converged):
        checks.refuse(find(_system(posed), range(len(posed.blocks)), _never_met, Clock(preflight.SECONDS)))
        if not converged:
            raise DataError(_unmet(posed, errors, rounds, tolerance))
    kinds = posed.household_margins, posed.household_margins + posed.person_margins
    return HouseholdFit(
        households=weights,
        persons=weights[home],
        household_errors=tuple(errors[: kinds[0]]),
        person_errors=tuple(errors[kinds[0] : kinds[1]]),
        persons_per_household=float(weights @ posed.members / weights.sum()),
        rounds=rounds,
        converged=converged,
    )


def problems(
    persons: Panel,
    household_ids: Sequence[str],
    person_targets: Sequence[Target],
    household_panel: Panel,
    household_targets: Sequence[Target],
    base: FloatArray | None = None,
    cap: float | None = None,
    floor: float = 0.0,
    as_shares: bool = False,
    missing: Missing = "ignore",
    persons_per_household: float | None = None,
    seconds: float = preflight.SECONDS,
) -> tuple[Problem, ...]:
    """All problems before the fit: of weights, of each margin, of margins together, and of the bounds.

    Arguments as in ``fit`` and ``preflight.problems``.

    Raises:
        ValueError: as ``fit``.
        DataError: a household has no persons or a person no household.
    """
    start = household_panel.weights if base is None else base
    home = _homes(persons, household_ids, household_panel)
    found, placed = _checked(
        persons, person_targets, household_panel, household_targets, start, cap, floor, missing, as_shares
    )
    if any(p.blocks for p in found):
        return tuple(found)
    usable = start / start.mean()
    posed = household_conditions.posed(placed, home, usable, persons_per_household, missing)
    clock = Clock(seconds)
    weights, _ = _solved(posed, _response(usable, None, 0.0), preflight.TOLERANCE, 100)
    if _suspected(weights, start, max(posed.errors(weights)) <= preflight.TOLERANCE):
        found += find(_system(posed), range(len(posed.blocks)), _never_met, clock)
    if not any(p.blocks for p in found) and (cap is not None or floor > 0):
        weights, _ = _solved(posed, _response(usable, cap, floor), preflight.TOLERANCE, 100)
        if max(posed.errors(weights)) > preflight.TOLERANCE:
            found += preflight.bound_problems(_system(posed), cap, floor, clock)
    if clock.late:
        found.append(preflight.unfinished(seconds))
    return tuple(found)


def in_groups(homes: Panel, attribute: str, household_targets: Sequence[Target]) -> Panel:
    """The households with numbers of an attribute in the groups of the first margin that uses it.

    With a margin of ``1``, ``2`` and ``3 or more``, a household of 5 has ``3 or more``. Numbers in no group,
    and groups that are no ranges of numbers, are left as they are.
    """
    use = next((t for t in household_targets if attribute in t.attributes), None)
    if use is None:
        return homes
    axis, column = use.attributes.index(attribute), homes.attributes.index(attribute)
    groups = spans([cell[axis] for cell in use.cells]) or {}
    names: list[str] = []
    for level in homes.levels[column]:
        size = span(level)
        inside = [g for g, ends in groups.items() if size and ends.low <= size.low <= size.high <= ends.high]
        names.append(inside[0] if len(inside) == 1 else level)
    kept = tuple(dict.fromkeys(names))
    place = np.array([*(kept.index(name) for name in names), UNKNOWN], dtype=np.int64)
    codes = homes.codes.copy()
    codes[:, column] = place[codes[:, column]]  # UNKNOWN = -1 picks the last
    levels = tuple(kept if i == column else old for i, old in enumerate(homes.levels))
    return replace(homes, levels=levels, codes=codes)


def _checked(
    persons: Panel,
    person_targets: Sequence[Target],
    household_panel: Panel,
    household_targets: Sequence[Target],
    base: FloatArray,
    cap: float | None,
    floor: float,
    missing: Missing,
    as_shares: bool = True,
) -> tuple[list[Problem], tuple[Placed, Placed]]:
    """Problems of base weights and of each margin, and the households and persons placed in theirs."""
    checks.check_arguments([*household_targets, *person_targets], cap, floor)
    found = checks.base_problems(household_panel, base)
    for_households, households = checks.margin_problems(
        household_panel, household_targets, as_shares, missing
    )
    for_persons, placed = checks.margin_problems(persons, person_targets, as_shares, missing)
    return [*found, *for_households, *for_persons], (households, placed)


def _homes(persons: Panel, household_ids: Sequence[str], household_panel: Panel) -> IntArray:
    """Row of the household of each person."""
    if len(household_ids) != len(persons):
        raise ValueError(f"household_ids must name {len(persons)} households, got {len(household_ids)}")
    index = {household: i for i, household in enumerate(household_panel.ids)}
    stray = [i for i, household in enumerate(household_ids) if household not in index]
    if stray:
        named = ", ".join(f"{persons.ids[i]!r} ({household_ids[i]!r})" for i in stray[:_SHOWN])
        raise DataError(
            f"{counted(len(stray), 'person belongs', 'persons belong')} to a household that is not among the "
            f"{len(index):,} households: "
            f"{named}; add the household or leave the persons out"
        )
    home = np.array([index[household] for household in household_ids], dtype=np.int64)
    empty = np.flatnonzero(np.bincount(home, minlength=len(index)) == 0)
    if empty.size:
        named = ", ".join(repr(household_panel.ids[int(i)]) for i in empty[:_SHOWN])
        raise DataError(
            f"{counted(empty.size, 'household has', 'households have')} no persons: {named}; "
            "leave them out or add their persons"
        )
    return home


def _response(base: FloatArray, cap: float | None, floor: float) -> Response:
    if cap is None and floor == 0:
        return Free(base)
    return Bounded.over(base, None, np.ones(len(base)), floor, np.inf if cap is None else cap)


def _solved(
    posed: HouseholdConditions, response: Response, tolerance: float, most: int
) -> tuple[FloatArray, int]:
    """Weights of the households with mean 1, and the steps made."""
    count = len(posed.members)

    def worst(mass: FloatArray) -> float:
        return max(*posed.errors(mass), abs(float(mass.sum()) / count - 1.0))

    factor = iteration.scaled(response, np.ones(count), count)
    found = calibration.solve(
        [*posed.blocks, calibration.everybody(count)], response, factor, float(count), worst, tolerance, most
    )
    factor = iteration.scaled(response, found.factor, count)
    return response.mass(factor), found.steps


def _suspected(weights: FloatArray, base: FloatArray, met: bool) -> bool:
    """Whether weights without bounds missed a margin, or met all by leaving a household next to none."""
    return not met or float((weights / base * base.mean()).min()) < conflict.VANISHING


def _system(posed: HouseholdConditions) -> System:
    count = len(posed.members)
    return System(posed.blocks, np.full(count, 1.0 / count), units="households")


def _never_met(some: Sequence[int]) -> bool:
    """No quick attempt is made: linear programmes decide."""
    return False


def _unmet(posed: HouseholdConditions, errors: Sequence[float], rounds: int, tolerance: float) -> str:
    named = [
        f"{block.target.name} ({block.target.source}) is off by {100 * error:.2g} points"
        for block, error in zip(posed.blocks, errors, strict=True)
        if error > tolerance
    ]
    return (
        f"weighting households did not meet the margins after {counted(rounds, 'step')}: {'; '.join(named)}. "
        "No contradiction was found: what they call for is very rare among the households; merge thin "
        "levels, leave a margin out, or set a cap, which accepts the remaining error and reports it"
    )
