"""What a cap on the weights buys and what it costs."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grounding.population import checks, households, iteration
from grounding.population.groups import Groups, Missing, grouped
from grounding.population.margins import Target
from grounding.population.weights import design_effect
from personas.arrays import FloatArray
from personas.panel import Panel

CAPS: tuple[float | None, ...] = (1.5, 2.0, 3.0, 5.0, 8.0, 10.0, None)
TOLERANCE = 1e-9
_ROUNDS = 400


@dataclass(frozen=True)
class CapPoint:
    """The weights under one cap.

    Attributes:
        cap: largest weight allowed as a multiple of the mean; ``None`` where there is no cap.
        effective_base: number of equally weighted people who would be as precise.
        design_effect: factor by which unequal weights inflate variances.
        largest_weight: as a multiple of the mean.
        worst_residual: largest absolute difference between an achieved and an official share.
        worst_cell: the cell with it, in words.
        converged: whether the margins are met, to 1e-9.
    """

    cap: float | None
    effective_base: float
    design_effect: float
    largest_weight: float
    worst_residual: float
    worst_cell: str
    converged: bool


def curve(
    panel: Panel,
    targets: Sequence[Target],
    base: FloatArray | None = None,
    caps: Sequence[float | None] = CAPS,
    floor: float = 0.0,
    missing: Missing = "ignore",
) -> tuple[CapPoint, ...]:
    """One point for each cap: the same raking under each.

    Margins that contradict one another are no error here: no point converges, and the residual says how far
    off they are.

    Raises:
        ValueError: no targets, a cap of 1 or less, a floor out of range.
        DataError: a base weight or a margin has a problem of its own; see ``checks``.
    """
    start = panel.weights if base is None else base
    for cap in caps:
        checks.check_arguments(targets, cap, floor)
    odd = checks.base_problems(panel, start)
    found, placed = checks.margin_problems(panel, targets, True, missing)
    checks.refuse([*odd, *found])
    groups = grouped(placed.places, placed.targets, start, missing)
    return tuple(_point(groups, cap, floor) for cap in caps)


def of_households(
    persons: Panel,
    household_ids: Sequence[str],
    person_targets: Sequence[Target],
    household_panel: Panel,
    household_targets: Sequence[Target],
    floor: float = 0.0,
    missing: Missing = "ignore",
    caps: Sequence[float | None] = CAPS,
) -> tuple[CapPoint, ...]:
    """One point for each cap on the weights of households; the effective base is that of the persons.

    The worst residual is over the margins of households and of persons, and the margin stands for the cell.

    Raises:
        ValueError: as ``households.fit``.
        DataError: as ``households.fit``.
    """
    names = [t.name for t in (*household_targets, *person_targets)]
    points: list[CapPoint] = []
    for cap in caps:
        fitted = households.fit(
            persons, household_ids, person_targets, household_panel, household_targets,
            cap=cap, floor=floor, missing=missing,
        )  # fmt: skip
        errors = (*fitted.household_errors, *fitted.person_errors)
        worst = max(range(len(errors)), key=errors.__getitem__)
        effect = design_effect(fitted.persons)
        points.append(
            CapPoint(
                cap=cap,
                effective_base=len(persons) / effect,
                design_effect=effect,
                largest_weight=float(fitted.households.max() / fitted.households.mean()),
                worst_residual=errors[worst],
                worst_cell=names[worst],
                converged=fitted.converged,
            )
        )
    return tuple(points)


def _point(groups: Groups, cap: float | None, floor: float) -> CapPoint:
    found = iteration.solve(groups, cap, floor, TOLERANCE, _ROUNDS)
    weights = groups.weights(found.factor, cap, floor)
    gaps = [np.abs(margin.gaps(found.mass)) for margin in groups.margins]
    worst = max(range(len(gaps)), key=lambda m: float(gaps[m].max()))
    effect = design_effect(weights)
    return CapPoint(
        cap=cap,
        effective_base=len(weights) / effect,
        design_effect=effect,
        largest_weight=float(weights.max() / weights.mean()),
        worst_residual=float(gaps[worst].max()),
        worst_cell=groups.margins[worst].label(int(gaps[worst].argmax())),
        converged=found.worst <= TOLERANCE,
    )
