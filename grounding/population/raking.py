"""Raking: weights that meet official margins and stay as close to the base weights as they can."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grounding.population import checks, conditions, conflict, disagreement, iteration
from grounding.population.groups import Groups, Margin, Missing, grouped
from grounding.population.margins import Places, Target
from personas.arrays import FloatArray
from personas.errors import DataError
from personas.panel import Panel
from personas.wording import counted, percent

_SECONDS = 60.0  # most time spent on finding out why margins were not met


@dataclass(frozen=True)
class Raking:
    """Raked weights and how well they meet the margins.

    Attributes:
        weights: shape (n_persons,), mean 1.
        rounds: passes over all targets and steps of Newton's method that were made.
        errors: for each target the largest absolute difference between achieved and wanted shares; with the
            unknown as a category theirs is among them.
        converged: whether every error is within the tolerance, judged by the achieved shares.
    """

    weights: FloatArray
    rounds: int
    errors: tuple[float, ...]
    converged: bool


def fit(
    panel: Panel,
    targets: Sequence[Target],
    base: FloatArray | None = None,
    cap: float | None = None,
    floor: float = 0.0,
    missing: Missing = "ignore",
    tolerance: float = 1e-9,
    max_rounds: int = 1000,
) -> Raking:
    """Weights that meet all targets at once: the base weights times one factor for each cell of each margin.

    Rounds of iterative proportional fitting on collapsed cells, and Newton's method where they are slow. With
    bounds a person counts as min(max(lifted weight, floor), cap) while the lifted weight goes on being
    multiplied, so that the result is the truncated raking estimator; what the bounds leave unmet is reported
    in ``errors``. People for whom an attribute is unknown keep their weight there and the margin is met among
    those known (``ignore``); or they are a category with its share of the base weights (``category``).

    Args:
        panel: the people; their attributes are compared with the targets' by name and value.
        targets: official shares.
        base: weights to start from, shape (n_persons,); the panel's own where none are given.
        cap: largest weight allowed, as a multiple of the mean weight; greater than 1.
        floor: smallest weight allowed, as a multiple of the mean weight; from 0 to below 1.
        missing: ``ignore``, ``category``, or ``refuse``, where missing values are an error.
        tolerance: largest absolute difference in shares that counts as met.
        max_rounds: most rounds made; fewer where the margins are met or the largest error no longer falls.

    Raises:
        ValueError: no targets, a cap or floor out of range, or base weights of another length.
        DataError: before fitting, every problem of the base weights and of each margin by itself (see
            ``checks``), and two margins that contradict each other; after fitting without bounds, margins
            that were not met, with the smallest set that contradicts itself.

    Source: Deming and Stephan, Annals of Mathematical Statistics 11 (1940), 427-444. Bounds: Deville and
        Sarndal, JASA 87 (1992), 376-382, the multiplicative method truncated; departure: the bounds are on
        the weight itself, not on its ratio to the base weight.
    """
    start = panel.weights if base is None else base
    checks.check_arguments(targets, cap, floor)
    odd = checks.base_problems(panel, start)
    found, placed = checks.margin_problems(panel, targets, True, missing)
    checks.refuse([*odd, *found])
    groups = grouped(placed.places, placed.targets, start, missing)
    return _raked(groups, cap, floor, tolerance, max_rounds)


def fit_places(
    places: Sequence[Places],
    targets: Sequence[Target],
    base: FloatArray,
    cap: float | None = None,
    floor: float = 0.0,
    missing: Missing = "ignore",
    tolerance: float = 1e-9,
    max_rounds: int = 1000,
) -> Raking:
    """The same for people who are placed already, as ``margins.places_of`` does; nothing is checked.

    Args:
        places: for each target the cell of each person, ``UNKNOWN`` where not known; any integer type.
        targets: official shares; each cell with a share above 0 needs somebody in it.
        base: base weights, all above 0, shape (n_persons,).
        cap: as in ``fit``; so are the others.
        floor: see ``fit``.
        missing: see ``fit``.
        tolerance: see ``fit``.
        max_rounds: see ``fit``.

    Raises:
        ValueError: no targets, or a cap or floor out of range.
        DataError: margins that were not met without bounds.
    """
    checks.check_arguments(targets, cap, floor)
    return _raked(grouped(places, targets, base, missing), cap, floor, tolerance, max_rounds)


def _raked(groups: Groups, cap: float | None, floor: float, tolerance: float, max_rounds: int) -> Raking:
    found = iteration.solve(groups, cap, floor, tolerance, max_rounds)
    if cap is None and floor == 0:
        if conflict.suspected(found, tolerance):
            _refuse(groups, found, tolerance)
    elif found.worst > tolerance:
        checks.refuse(disagreement.between_pairs(groups.margins))
    weights = groups.weights(found.factor, cap, floor)
    errors = tuple(float(np.abs(m.gaps(found.mass)).max()) for m in groups.margins)
    return Raking(weights, found.rounds, errors, max(errors) <= tolerance)


def _refuse(groups: Groups, found: iteration.Fitted, tolerance: float) -> None:
    """Raises where margins were not met, or cannot be met by weights above zero."""
    reasons = conflict.reasons(groups, found, conditions.Clock(_SECONDS))
    checks.refuse(reasons)
    if found.worst <= tolerance:
        return
    lines = [line for m in groups.margins if (line := _gap(m, found.mass, tolerance))]
    raise DataError(
        f"raking did not meet the margins after {counted(found.rounds, 'round')}: {'; '.join(lines)}. "
        "No contradiction was found: some combination of values that they call for is very rare in the "
        "sample; merge thin levels, leave a margin out, or set a cap, which accepts the remaining error and "
        "reports it"
    )


def _gap(margin: Margin, mass: FloatArray, tolerance: float) -> str:
    gaps = margin.gaps(mass)
    cell = int(np.abs(gaps).argmax())
    if abs(gaps[cell]) <= tolerance:
        return ""
    return (
        f"{margin.label(cell)} is {percent(margin.shares[cell] + gaps[cell], 4)}, officially "
        f"{percent(margin.shares[cell], 4)} ({margin.target.source}), {100 * abs(gaps[cell]):.2g} points off"
    )
