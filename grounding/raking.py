"""Raking: weights that meet official margins and stay as close to the base weights as they can."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grounding.margins import Target, cells_of
from personas.arrays import BoolArray, FloatArray, IntArray
from personas.errors import DataError
from personas.panel import UNKNOWN, Panel

_DENSE = 1 << 22
_HEADROOM = 1e9
_PATIENCE = 20
_PROGRESS = 0.99  # stalled: less than 1 % of the largest error gone in _PATIENCE rounds


@dataclass(frozen=True)
class Raking:
    """Raked weights and how well they meet the margins.

    Attributes:
        weights: shape (n_persons,), mean 1.
        rounds: passes over all targets that were made.
        errors: for each target the largest absolute difference between achieved and official shares.
        converged: whether every error is within the tolerance, judged by the achieved shares.
    """

    weights: FloatArray
    rounds: int
    errors: tuple[float, ...]
    converged: bool


@dataclass(frozen=True)
class _Margin:
    """A target over groups of people: the target cell of each group and the shares wanted."""

    target: Target
    cells: IntArray  # (n_groups,), UNKNOWN where the attribute is not known

    def achieved(self, mass: FloatArray) -> FloatArray:
        """Weight in each target cell, shape (n_cells,)."""
        # The unknown come first (UNKNOWN = -1) and are cut off.
        sums = np.bincount(self.cells + 1, weights=mass, minlength=len(self.target.shares) + 1)
        return sums[1:].astype(np.float64)

    def factors(self, mass: FloatArray) -> FloatArray:
        """What each group is multiplied by to meet the target; 1 where the attribute is not known."""
        achieved = self.achieved(mass)
        wanted = self.target.shares * achieved.sum()
        ratio = np.divide(wanted, achieved, out=np.ones_like(achieved), where=achieved > 0)
        return np.append(ratio, 1.0)[self.cells]  # UNKNOWN = -1 picks the last

    def gaps(self, mass: FloatArray) -> FloatArray:
        """Achieved less official share in each target cell, shape (n_cells,)."""
        achieved = self.achieved(mass)
        return achieved / achieved.sum() - self.target.shares


@dataclass(frozen=True)
class _Groups:
    """People who share every target cell (and, under a cap, the base weight), handled as one."""

    of_person: IntArray  # (n_persons,)
    count: FloatArray  # people in each group
    base: FloatArray  # their mean base weight
    margins: tuple[_Margin, ...]


def fit(
    panel: Panel,
    targets: Sequence[Target],
    base: FloatArray | None = None,
    cap: float | None = None,
    tolerance: float = 1e-9,
    max_rounds: int = 1000,
) -> Raking:
    """Weights that meet all targets at once, by iterative proportional fitting.

    Each round multiplies the people of each target cell by official / achieved share. People for whom an
    attribute is unknown keep their weight there, and the margin is met among those known. With a cap, a
    person counts as min(lifted weight, cap) while the lifted weight goes on being multiplied, so the fixed
    point is the truncated raking estimator; what the cap leaves unmet is reported in ``errors``.

    Args:
        panel: the people; their attributes are compared with the targets' by name and value.
        targets: official shares.
        base: weights to start from, shape (n_persons,); the panel's own where none are given.
        cap: largest weight allowed, as a multiple of the mean weight; greater than 1.
        tolerance: largest absolute difference in shares that counts as met.
        max_rounds: most rounds made; fewer where the margins are met or the largest error no longer falls.

    Raises:
        ValueError: no targets, a cap of 1 or less, or base weights of another length.
        DataError: before fitting, where the targets cannot be met by these people (nobody has an official
            value, somebody has a value without a target, a base weight is not positive, an attribute is
            missing, two margins contradict each other in this sample); after it, where they were not met.

    Source: Deming and Stephan, Annals of Mathematical Statistics 11 (1940), 427-444. Bounds: Deville and
        Sarndal, JASA 87 (1992), 376-382, the multiplicative method truncated above; departure: the bound is
        on the weight itself, not on its ratio to the base weight.
    """
    if not targets:
        raise ValueError("raking needs at least one target")
    if cap is not None and not cap > 1.0:
        raise ValueError(f"cap must be > 1 (times the mean weight), got {cap:g}")
    start = _checked_base(panel, panel.weights if base is None else base)
    groups = _group(panel, targets, start, by_weight=cap is not None)
    for margin in groups.margins:
        _check_present(margin, groups.count)
    _check_possible(groups.margins)
    lifted, rounds = _iterate(groups, np.inf if cap is None else cap, tolerance, max_rounds)
    final = lifted if cap is None else np.minimum(lifted, cap)
    gaps = [margin.gaps(final * groups.count) for margin in groups.margins]
    errors = tuple(float(np.abs(g).max()) for g in gaps)
    converged = max(errors) <= tolerance
    if not converged and cap is None:
        raise DataError(_unmet(groups.margins, gaps, rounds, tolerance))
    return Raking(start * (final / groups.base)[groups.of_person], rounds, errors, converged)


def _iterate(groups: _Groups, cap: float, tolerance: float, max_rounds: int) -> tuple[FloatArray, int]:
    """Lifted weight of each group, with mean 1 once capped, and the rounds made."""
    lifted = _scaled(groups.base, groups.count, cap)
    worst: list[float] = []
    while True:
        mass = np.minimum(lifted, cap) * groups.count
        worst.append(max(float(np.abs(m.gaps(mass)).max()) for m in groups.margins))
        rounds = len(worst) - 1
        stalled = rounds >= _PATIENCE and worst[-1] > _PROGRESS * worst[-1 - _PATIENCE]
        if worst[-1] <= tolerance or rounds == max_rounds or stalled:
            return lifted, rounds
        for margin in groups.margins:
            lifted = lifted * margin.factors(np.minimum(lifted, cap) * groups.count)
        # Somebody whom the cap holds back would be lifted without end.
        lifted = np.minimum(_scaled(lifted, groups.count, cap), cap * _HEADROOM)


def _scaled(lifted: FloatArray, count: FloatArray, cap: float) -> FloatArray:
    """``lifted`` times the one number that gives min(lifted, cap) the mean 1 over all people."""
    people = count.sum()
    held = np.zeros(len(lifted), dtype=np.bool_)
    while True:
        room = people - (cap * count[held].sum() if held.any() else 0.0)
        scaled = lifted * (room / (lifted * count)[~held].sum())
        over = held | (scaled > cap)
        if np.array_equal(over, held):
            return scaled
        held = over


def _checked_base(panel: Panel, base: FloatArray) -> FloatArray:
    """The base weights with mean 1."""
    if base.shape != (len(panel),):
        raise ValueError(f"base must have shape ({len(panel)},), got {base.shape}")
    if not len(panel):
        raise DataError("raking needs people; the panel is empty")
    wrong = np.flatnonzero(~(np.isfinite(base) & (base > 0)))
    if wrong.size:
        first = int(wrong[0])
        raise DataError(
            f"{wrong.size} people have a base weight that is not a positive number: person "
            f"{panel.ids[first]!r} has {base[first]:g}; raking multiplies and cannot lift them, so leave "
            "them out or give them a weight"
        )
    return base / base.mean()


def _group(panel: Panel, targets: Sequence[Target], base: FloatArray, by_weight: bool) -> _Groups:
    cells = [cells_of(panel, target) for target in targets]
    keys = [(c + 1, len(t.cells) + 1) for c, t in zip(cells, targets, strict=True)]
    if by_weight:
        values, place = np.unique(base, return_inverse=True)
        keys.append((place.astype(np.int64), len(values)))
    of_person, n_groups = _distinct(keys)
    count = np.bincount(of_person, minlength=n_groups).astype(np.float64)
    member = np.zeros(n_groups, dtype=np.int64)
    member[of_person] = np.arange(len(base))  # any one of a group stands for all its cells
    margins = tuple(_Margin(t, c[member]) for t, c in zip(targets, cells, strict=True))
    return _Groups(
        of_person, count, np.bincount(of_person, weights=base, minlength=n_groups) / count, margins
    )


def _distinct(keys: Sequence[tuple[IntArray, int]]) -> tuple[IntArray, int]:
    """Number of each person's combination of keys, and how many combinations occur.

    Each key is (values, size) with 0 <= value < size.
    """
    combined, span = np.zeros_like(keys[0][0]), 1
    for values, size in keys:
        if span * size > _DENSE:
            combined, span = _renumbered(combined, span)
        combined, span = combined * size + values, span * size
    return _renumbered(combined, span)


def _renumbered(key: IntArray, span: int) -> tuple[IntArray, int]:
    """``key`` numbered from 0 without gaps, and how many numbers occur."""
    if span > _DENSE:
        used, place = np.unique(key, return_inverse=True)
        return place.astype(np.int64), len(used)
    present = np.zeros(span, dtype=np.bool_)
    present[key] = True
    return (np.cumsum(present) - 1)[key], int(present.sum())


def _check_present(margin: _Margin, count: FloatArray) -> None:
    """Raises where an official cell has nobody, or people stand where officially there is nobody."""
    target, people = margin.target, margin.achieved(count)
    absent = np.flatnonzero((people == 0) & (target.shares > 0))
    if absent.size:
        cells = ", ".join(f"{target.label(int(c))} ({target.shares[c]:.2%})" for c in absent[:5])
        more = f" and {absent.size - 5} more" if absent.size > 5 else ""
        raise DataError(
            f"margin {target.name} ({target.source}): nobody in the sample of {count.sum():.0f} people has "
            f"{cells}{more}; no weight can make up for that. Merge such a level with a neighbour, in the "
            "margin and in the attribute, or leave the margin out"
        )
    surplus = np.flatnonzero((people > 0) & (target.shares == 0))
    if surplus.size:
        cell = int(surplus[0])
        raise DataError(
            f"margin {target.name} ({target.source}): {people[cell]:.0f} people have {target.label(cell)}, "
            "whose official share is 0; merge the level with a neighbour or leave these people out"
        )


def _check_possible(margins: Sequence[_Margin]) -> None:
    """Raises where one cell of a margin is confined to cells of another that are too small to hold it.

    Only margins whose attributes are known for everybody can contradict each other for certain.
    """
    whole = [m for m in margins if not np.any(m.cells == UNKNOWN)]
    for one in whole:
        for other in whole:
            if one is not other:
                _check_room(one, other)


def _check_room(one: _Margin, other: _Margin) -> None:
    together = _together(one, other)  # (cells of one, cells of other)
    room = together @ other.target.shares
    tight = np.flatnonzero(one.target.shares > room + 1e-6)
    if not tight.size:
        return
    cell = int(tight[0])
    partners = [other.target.label(int(p)) for p in np.flatnonzero(together[cell])]
    shown = "; ".join(partners[:5]) + (f"; and {len(partners) - 5} more" if len(partners) > 5 else "")
    raise DataError(
        f"impossible combination: {one.target.label(cell)} is officially {one.target.shares[cell]:.2%} "
        f"({one.target.source}), but in the sample it occurs only with [{shown}], officially "
        f"{room[cell]:.2%} together ({other.target.source}); no weights meet both. Merge "
        "levels, correct the recode, or leave one of the two margins out"
    )


def _together(one: _Margin, other: _Margin) -> BoolArray:
    occurs = np.zeros((len(one.target.cells), len(other.target.cells)), dtype=np.bool_)
    occurs[one.cells, other.cells] = True
    return occurs


def _unmet(margins: Sequence[_Margin], gaps: Sequence[FloatArray], rounds: int, tolerance: float) -> str:
    lines: list[str] = []
    for margin, gap in zip(margins, gaps, strict=True):
        cell, official = int(np.abs(gap).argmax()), margin.target.shares
        if abs(gap[cell]) > tolerance:
            lines.append(
                f"{margin.target.label(cell)} is {official[cell] + gap[cell]:.4%}, officially "
                f"{official[cell]:.4%} ({margin.target.source}), {100 * abs(gap[cell]):.2g} points off"
            )
    return (
        f"raking did not meet the margins after {rounds} rounds: {'; '.join(lines)}. Some combination of "
        "values that they call for is too rare in the sample or the margins contradict each other: merge "
        "thin levels, leave a margin out, or set a cap, which accepts the remaining error and reports it"
    )
