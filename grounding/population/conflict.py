"""Why a fit did not meet its margins: all contradictions among them."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from grounding.population import conditions, contradiction, disagreement, iteration
from grounding.population.checks import Problem
from grounding.population.conditions import Clock
from grounding.population.disagreement import Clash
from grounding.population.groups import Groups
from grounding.population.iteration import Fitted

TOLERANCE = 1e-9
"""Largest difference in shares at which a margin counts as met."""
_ROUNDS = 200
VANISHING = 1e-6
"""Of the base weight: what a fit leaves to people for whom the margins have no room."""


def suspected(fitted: Fitted, tolerance: float = TOLERANCE) -> bool:
    """Whether a fit without bounds missed a margin, or met them by leaving somebody next to no weight."""
    return fitted.worst > tolerance or float(fitted.factor.min()) < VANISHING


def reasons(groups: Groups, fitted: Fitted, clock: Clock) -> list[Problem]:
    """All contradictions among the margins that a fit without bounds did not meet.

    Pairs are compared first; linear programmes search what is left without them, the margins that were
    missed most first, and only where a fit to these fails too.
    """
    pairs = disagreement.clashes(groups.margins) if fitted.worst > TOLERANCE else []
    without = _cover(pairs)
    missed = [-float(np.abs(m.gaps(fitted.mass)).max()) for m in groups.margins]
    likely = [int(i) for i in np.argsort(missed, kind="stable") if i not in without]

    def met(some: Sequence[int]) -> bool:
        if len(some) == len(groups.margins):
            return False  # that is the fit that failed
        part = replace(groups, margins=tuple(groups.margins[i] for i in some))
        return not suspected(iteration.solve(part, None, 0.0, TOLERANCE, _ROUNDS))

    told = disagreement.between_pairs(groups.margins, pairs)
    return [*told, *contradiction.find(conditions.system(groups), likely, met, clock)]


def _cover(pairs: Sequence[Clash]) -> list[int]:
    """Margins without which none of the pairs is left."""
    without: list[int] = []
    left = list(pairs)
    while left:
        without.append(disagreement.hub(left))
        left = [pair for pair in left if without[-1] not in (pair.one, pair.other)]
    return without
