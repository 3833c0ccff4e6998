"""The rounds of raking: each margin in turn, and Newton's method where the rounds are slow."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grounding.population import calibration
from grounding.population.groups import Groups, Margin
from grounding.population.response import Free, Response
from personas.arrays import FloatArray

_EASY = 12  # rounds before Newton's method is tried
_EASY_BOUNDED = 4  # the same under bounds, where each round is slower and there are more of them
_NEWTON_STEPS = 120
_LARGEST_SYSTEM = 1500  # cells of all margins together, beyond which Newton's method is not tried
_HEADROOM = 1e9
_PATIENCE = 20
_PROGRESS = 0.99  # stalled: less than 1 % of the largest error gone in _PATIENCE rounds
_SCALE_STEPS = 60


@dataclass(frozen=True)
class Fitted:
    """Where the rounds ended.

    Attributes:
        factor: what the base weights of each group are multiplied by, shape (n_groups,).
        mass: weight of each group, shape (n_groups,).
        rounds: passes over all margins, and steps of Newton's method.
        worst: largest absolute difference between an achieved and a wanted share.
    """

    factor: FloatArray
    mass: FloatArray
    rounds: int
    worst: float


def solve(groups: Groups, cap: float | None, floor: float, tolerance: float, most: int) -> Fitted:
    """The factors that meet all margins, or come as near as the rounds bring them."""
    response = groups.response(cap, floor)
    bounded = not isinstance(response, Free)
    factor = np.ones(len(groups.people))
    if bounded:
        factor = scaled(response, factor, len(groups.base))
    found = _rounds(groups, response, factor, tolerance, min(most, _EASY_BOUNDED if bounded else _EASY))
    if found.worst <= tolerance or found.rounds == most:
        return found
    cells = sum(len(margin.shares) for margin in groups.margins)
    if cells <= _LARGEST_SYSTEM:
        found = _newton(groups, response, found, tolerance, min(_NEWTON_STEPS, most - found.rounds))
        if found.worst <= tolerance:
            return found
    rest = _rounds(groups, response, found.factor, tolerance, most - found.rounds)
    return Fitted(rest.factor, rest.mass, found.rounds + rest.rounds, rest.worst)


def largest_gap(margins: Sequence[Margin], mass: FloatArray) -> float:
    """The largest absolute difference between an achieved and a wanted share."""
    return max(float(np.abs(margin.gaps(mass)).max()) for margin in margins)


def _newton(groups: Groups, response: Response, start: Fitted, tolerance: float, most: int) -> Fitted:
    blocks = [calibration.identity(m.target, (), m.codes, m.shares) for m in groups.margins]
    if not any(margin.everybody_known for margin in groups.margins):
        blocks.append(calibration.everybody(len(start.factor)))
    found = calibration.solve(
        blocks,
        response,
        start.factor,
        float(len(groups.base)),
        lambda mass: largest_gap(groups.margins, mass),
        tolerance,
        most,
    )
    mass = response.mass(found.factor)
    return Fitted(found.factor, mass, start.rounds + found.steps, found.worst)


def _rounds(groups: Groups, response: Response, factor: FloatArray, tolerance: float, most: int) -> Fitted:
    """Iterative proportional fitting: each margin in turn, until all are met at once."""
    mass = response.mass(factor)
    worst = [largest_gap(groups.margins, mass)]
    while True:
        rounds = len(worst) - 1
        stalled = rounds >= _PATIENCE and worst[-1] > _PROGRESS * worst[-1 - _PATIENCE]
        if worst[-1] <= tolerance or rounds == most or stalled:
            return Fitted(factor, mass, rounds, worst[-1])
        if isinstance(response, Free):
            mass = _once_free(groups, mass)
            factor = mass / response.base
        else:
            factor = _once_bounded(groups, response, factor)
            mass = response.mass(factor)
        worst.append(largest_gap(groups.margins, mass))


def _once_free(groups: Groups, mass: FloatArray) -> FloatArray:
    for margin in groups.margins:
        mass = mass * _ratios(margin, mass)
    return mass


def _once_bounded(groups: Groups, response: Response, factor: FloatArray) -> FloatArray:
    low, high = response.limits()
    for margin in groups.margins:
        factor = factor * _ratios(margin, response.mass(factor))
    # Somebody whom a bound holds back would be moved without end.
    factor = np.clip(factor, low / _HEADROOM, high * _HEADROOM)
    return scaled(response, factor, len(groups.base))


def _ratios(margin: Margin, mass: FloatArray) -> FloatArray:
    """What each group is multiplied by to meet the margin; 1 where it is not known."""
    achieved = margin.achieved(mass)
    wanted = margin.shares * achieved.sum()
    ratio = np.divide(wanted, achieved, out=np.ones_like(achieved), where=achieved > 0)
    return np.append(ratio, 1.0).take(margin.codes, mode="wrap")  # UNKNOWN = -1 picks the last


def scaled(response: Response, factor: FloatArray, people: int) -> FloatArray:
    """``factor`` times the one number that gives the weights within their bounds the mean 1.

    Newton's method between the two nearest numbers known to be too small and too large.
    """
    low, high, scale = 0.0, np.inf, 1.0
    for _ in range(_SCALE_STEPS):
        gap = float(response.mass(factor * scale).sum()) - people
        if abs(gap) <= 1e-13 * people:
            break
        low, high = (scale, high) if gap < 0 else (low, scale)
        slope = float(response.slope(factor * scale).sum())
        log_step = -gap / slope if slope > 0 else np.inf
        step = scale * np.exp(np.clip(log_step, -2.0, 2.0)) if np.isfinite(log_step) else -1.0
        if not low < step < high:
            step = np.sqrt(low * high) if low > 0 and high < np.inf else scale * (4.0 if gap < 0 else 0.25)
        if step == scale:
            break
        scale = float(step)
    return factor * scale
