"""Persons drawn from weighted people, and values drawn from an official margin."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grounding.population import cube
from grounding.population.margins import Target, cells_of
from personas.arrays import FloatArray, IntArray
from personas.errors import DataError
from personas.panel import Panel

MOST_CELLS = 250
_MOST_UNITS = 10_000  # the cube method looks at no more units one by one
_PAIR_IMPORTANCE = 0.3  # of a pair's cell beside the level of an attribute, for the last persons
_FREE = 1e-9
_LARGEST_KEY = 2**62


@dataclass(frozen=True)
class AttributeGap:
    """How far the persons are from the weighted people in one attribute or joint margin.

    Attributes:
        attribute: its name; names joined by `` × `` for a joint margin.
        value: the value where the gap is largest; ``None`` for unknown.
        drawn: share of the persons with this value.
        weighted: share of the weight with this value.
        points: the gap between them in percentage points, without its sign.
    """

    attribute: str
    value: str | None
    drawn: float
    weighted: float
    points: float


@dataclass(frozen=True)
class DrawingError:
    """What drawing whole persons costs: shares of the persons beside those of the weighted people.

    Attributes:
        persons: how many were drawn.
        people: how many different people stand behind them.
        by_attribute: the largest gap of each attribute, and of each joint margin.
        mean: mean gap over all values, in percentage points.
        largest: the largest, in percentage points.
        expected: what ``mean`` would be on average for as many persons drawn at random by weight.
    """

    persons: int
    people: int
    by_attribute: tuple[AttributeGap, ...]
    mean: float
    largest: float
    expected: float

    @property
    def sentence(self) -> str:
        """The error in words, for a report."""
        worst = max(self.by_attribute, key=lambda a: a.points)
        return (
            f"{self.persons:,} persons stand for {self.people:,} different people; their shares differ from "
            f"the weighted ones by {_points(self.mean)} points on average and by {_points(self.largest)} at "
            f"most ({worst.attribute}: {'unknown' if worst.value is None else worst.value}); drawing at "
            f"random would cost {_points(self.expected)} points on average"
        )


def _points(value: float) -> str:
    """Two decimals; below .005 the first figure that is not zero, as far as the fourth place."""
    if value >= 0.005 or value == 0:
        return f"{value:.2f}"
    return f"{value:.1g}" if value >= 0.0001 else "less than 0.0001"


@dataclass(frozen=True)
class Filled:
    """An attribute with several copies of its values.

    Attributes:
        attribute: its name.
        codes: shape (n_people, copies).
        copy: which copy each person has, shape (n_persons,).
    """

    attribute: str
    codes: IntArray
    copy: IntArray


def draw(panel: Panel, size: int, rng: np.random.Generator, targets: Sequence[Target] = ()) -> IntArray:
    """Rows of the people behind ``size`` persons, shape (size,), in random order.

    Somebody with a share p of the weight is drawn floor(size p) or ceil(size p) times, in proportion to the
    weight. Which of the two is decided by the cube method along the people sorted by their attributes, so
    that the persons' shares in every attribute, in the targets and in as many pairs of attributes as
    ``MOST_CELLS`` cells allow (pairs with few cells first) are the weighted ones to within about one person,
    seldom more than one and a half.

    This is systematic sampling in proportion to weight after a sort, carried from the first attribute of the
    sort to all of them: for 1,000 persons from 10,000 people with ten attributes the gaps are a tenth of
    those that steps along the sorted people leave (.04 instead of .41 points on average).

    With more than 10,000 people to decide on, neighbours in the sorted order first settle it between them,
    pair after pair, until 10,000 are left, whose probabilities then make up for what that cost (each
    changes by little, and by nothing on average).

    Args:
        panel: weighted people.
        size: how many persons.
        rng: source of the draw.
        targets: joint margins whose shares are to be kept as well; people who are unknown there are a cell
            of their own.

    Raises:
        ValueError: ``size`` is below 1, or nobody has a positive weight.
        DataError: a target's attribute is missing, or somebody has a value without a target.

    Source: Deville and Tillé, Biometrika 91 (2004), 893-912 (cube method) and 85 (1998), 89-101 (pivotal
    method, for the neighbours).
    """
    joint = [cells_of(panel, t) for t in targets if len(t.attributes) > 1]
    return drawn(panel.codes, panel.weights, size, rng, joint)


def drawn(
    codes: IntArray, weights: FloatArray, size: int, rng: np.random.Generator, joint: Sequence[IntArray] = ()
) -> IntArray:
    """As ``draw``, for codes of shape (n_people, n_attributes) and further cells to keep, -1 for unknown."""
    positive = np.flatnonzero(weights > 0)
    if size < 1 or not positive.size:
        raise ValueError(
            f"size must be >= 1 and some weight positive, got {size} and {positive.size} positive"
        )
    expected = weights[positive] * (size / weights[positive].sum())
    whole = np.floor(expected + _FREE).astype(np.int64)
    part = np.maximum(expected - whole, 0.0)
    part[part < _FREE] = 0.0
    if (missing := size - int(whole.sum()) - float(part.sum())) and part.any():
        part *= 1.0 + missing / part.sum()  # rounding errors of the sum only
    order = _serpentine(codes[positive], rng)
    cells, importance = _cells(codes[positive], [j[positive] for j in joint])
    times = whole
    times[order] += _settled(part[order], cells[order], importance, rng)
    return rng.permutation(np.repeat(positive, times))


def errors(
    panel: Panel, rows: IntArray, targets: Sequence[Target] = (), filled: Sequence[Filled] = ()
) -> DrawingError:
    """How far the persons drawn are from the weighted people, in percentage points.

    Shares are of all persons and of all the weight, so unknown is a value like the others. A gap of 41.3 %
    of the persons to 41.0 % of the weight is 0.3 points.

    Args:
        panel: the weighted people.
        rows: of the people behind the persons, shape (n_persons,).
        targets: joint margins to compare as well.
        filled: attributes with several copies, which differ between the persons: their shares are compared
            with the weighted ones over all copies.

    Raises:
        ValueError: nobody was drawn, or the panel has no attributes and there are no targets.
        DataError: a target's attribute is missing, or somebody has a value without a target.
    """
    joint = [t for t in targets if len(t.attributes) > 1]
    names = [*panel.attributes, *(t.name for t in joint)]
    labels = [*panel.levels, *(tuple(t.label(c) for c in range(len(t.cells))) for t in joint)]
    several = {f.attribute: f for f in filled}
    columns = [
        several[a].codes if a in several else panel.codes[:, [c]] for c, a in enumerate(panel.attributes)
    ]
    columns += [cells_of(panel, t)[:, None] for t in joint]
    if not rows.size or not columns:
        raise ValueError(
            f"need at least one person and one attribute, got {rows.size} persons, {len(columns)} attributes"
        )
    share = panel.weights / panel.weights.sum()
    found: list[AttributeGap] = []
    gaps: list[FloatArray] = []
    weighted: list[FloatArray] = []
    for name, values, column in zip(names, labels, columns, strict=True):
        size = len(values) + 1  # unknown comes first
        chosen = column[rows, several[name].copy if name in several else 0]
        here = np.bincount(chosen + 1, minlength=size) / rows.size
        spread = np.repeat(share / column.shape[1], column.shape[1])
        there = np.bincount(column.ravel() + 1, weights=spread, minlength=size).astype(np.float64)
        gap, worst = np.abs(here - there), int(np.abs(here - there).argmax())
        value = values[worst - 1] if worst else None
        found.append(
            AttributeGap(name, value, float(here[worst]), float(there[worst]), 100 * float(gap[worst]))
        )
        occurs = (there > 0) | (here > 0)
        gaps.append(gap[occurs])
        weighted.append(there[occurs])
    return DrawingError(
        persons=len(rows),
        people=len(np.unique(rows)),
        by_attribute=tuple(found),
        mean=100 * float(np.concatenate(gaps).mean()),
        largest=max(f.points for f in found),
        expected=100 * _at_random(np.concatenate(weighted), rows.size),
    )


def _at_random(shares: FloatArray, size: int) -> float:
    """Mean gap of persons drawn at random: sqrt(2 / pi) standard deviations, as of a normal distribution."""
    return float(np.sqrt(2 / np.pi * np.clip(shares * (1 - shares), 0, None) / size).mean())


def impute_from_margin(panel: Panel, target: Target, rng: np.random.Generator) -> list[str]:
    """A value of the target's attribute for each person, shape (n_persons,), independent of all else.

    Each value is given to floor(n p) or ceil(n p) people, p being its official share, in random order.

    Raises:
        ValueError: the target is not of exactly one attribute, or the panel is empty.
        DataError: the panel has the attribute already.
    """
    if len(target.attributes) != 1:
        raise ValueError(f"values are drawn from a margin of one attribute, got {target.name}")
    if target.attributes[0] in panel.attributes:
        raise DataError(
            f"attribute {target.attributes[0]!r} is known in the panel already; only what was not observed "
            "is drawn from a margin, so remove it from impute or from the source"
        )
    if not len(panel):
        raise ValueError("the panel is empty")
    cumulated = np.cumsum(target.shares) * (len(panel) / target.shares.sum())
    steps = np.arange(len(panel), dtype=np.float64) + rng.random()
    place: IntArray = np.searchsorted(cumulated, steps, side="right")
    last = int(np.flatnonzero(target.shares > 0)[-1])  # rounding may put the last step beyond the end
    return [target.cells[cell][0] for cell in rng.permutation(place.clip(max=last)).tolist()]


def _serpentine(codes: IntArray, rng: np.random.Generator) -> IntArray:
    """The people sorted by their attributes, the first one first, every other run of a level backwards.

    People alike come in random order; the turns make neighbours at the end of a run alike too.
    """
    shuffled = rng.permutation(len(codes))
    key, span = np.zeros(len(codes), dtype=np.int64), 1
    for column in codes[shuffled].T:
        size = int(column.max()) + 2
        if span * size > _LARGEST_KEY:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
            span = len(key)
        key = _turned(key, column, size)
        span *= size
    return shuffled[np.argsort(key, kind="stable")]


def _turned(key: IntArray, column: IntArray, size: int) -> IntArray:
    """The key with one more digit (Gray code): where the key so far is odd, backwards."""
    return key * size + np.where(key % 2 == 1, size - 2 - column, column + 1)


def _cells(codes: IntArray, joint: Sequence[IntArray]) -> tuple[IntArray, FloatArray]:
    """The cells to balance that each person is in, (n_people, n), and how much each cell matters."""
    columns = [c + 1 for c in [*codes.T, *joint]]  # unknown comes first
    sizes = [int(c.max()) + 1 for c in columns]
    first = len(columns)
    room = MOST_CELLS - sum(sizes)
    attributes = codes.shape[1]
    pairs = [(sizes[a] * sizes[b], a, b) for a in range(attributes) for b in range(a + 1, attributes)]
    for cells, a, b in sorted(pairs):
        if cells > room:
            break
        columns.append(columns[a] * sizes[b] + columns[b])
        sizes.append(cells)
        room -= cells
    starts = np.cumsum([0, *sizes])
    importance = np.ones(int(starts[-1]))
    importance[starts[first] :] = _PAIR_IMPORTANCE
    stacked = (
        np.column_stack([c + s for c, s in zip(columns, starts, strict=False)])
        if columns
        else np.zeros((len(codes), 0), dtype=np.int64)
    )
    return _fewer(stacked, importance)


def _fewer(cells: IntArray, importance: FloatArray) -> tuple[IntArray, FloatArray]:
    """The same with all but the ``MOST_CELLS`` largest cells thrown together."""
    if len(importance) <= MOST_CELLS:
        return cells, importance
    count = np.bincount(cells.reshape(-1), minlength=len(importance))
    kept = np.sort(np.argsort(-count, kind="stable")[: MOST_CELLS - 1])
    number = np.full(len(importance), len(kept), dtype=np.int64)
    number[kept] = np.arange(len(kept))
    return number[cells], np.append(importance[kept], 0.0)


def _settled(x: FloatArray, cells: IntArray, importance: FloatArray, rng: np.random.Generator) -> IntArray:
    """0 or 1 for each of the sorted people, shape (n_people,)."""
    result = x.copy()
    alive = np.flatnonzero(x > 0)
    while alive.size > _MOST_UNITS:
        alive = _duels(result, alive, rng)
    if alive.size and alive.size < np.count_nonzero(x):
        result[alive] = _made_up(result, x, alive, cells, len(importance))
    result[alive] = cube.rounded(result[alive], cells[alive], importance, rng)
    return (result > 0.5).astype(np.int64)


def _duels(x: FloatArray, alive: IntArray, rng: np.random.Generator) -> IntArray:
    """Neighbours settle in pairs, in place: one of each gets 0 or 1, the other what is left of their sum."""
    left, right = alive[: len(alive) // 2 * 2].reshape(-1, 2).T
    a, b = x[left], x[right]
    both, u = a + b, rng.random(len(left))
    small = both < 1.0
    with np.errstate(divide="ignore", invalid="ignore"):
        wins = np.where(small, u < a / both, u < (1.0 - b) / (2.0 - both))
    high, low = np.where(small, both, 1.0), np.where(small, 0.0, both - 1.0)
    x[left], x[right] = np.where(wins, high, low), np.where(wins, low, high)
    return alive[(x[alive] > _FREE) & (x[alive] < 1.0 - _FREE)]


def _made_up(result: FloatArray, x: FloatArray, alive: IntArray, cells: IntArray, n_cells: int) -> FloatArray:
    """Probabilities of those ``alive`` that bring every cell's sum back to that of ``x``, as far as may be.

    Their odds are multiplied by a factor for each cell (calibration by the logit method, Deville and
    Särndal 1992), so that they stay probabilities; a cell with next to nobody alive is not forced.
    """
    wide = np.zeros((len(alive), n_cells))
    np.add.at(wide, (np.arange(len(alive))[:, None], cells[alive]), 1.0)
    settled = result.copy()
    settled[alive] = 0.0
    wanted = _sums(x - settled, cells, n_cells)
    total = round(float(x.sum())) - float(settled.sum())
    odds = np.log(result[alive]) - np.log1p(-result[alive])
    for _ in range(4):
        now = _logistic(odds)
        curvature = (wide * (now * (1.0 - now))[:, None]).T @ wide + np.eye(n_cells)
        odds = odds + np.clip(wide @ np.linalg.solve(curvature, wanted - now @ wide), -2.0, 2.0)
    for _ in range(50):
        now = _logistic(odds)
        if abs(total - now.sum()) < 1e-9:
            break
        odds = odds + np.clip((total - now.sum()) / (now * (1.0 - now)).sum(), -2.0, 2.0)
    return _logistic(odds)


def _logistic(odds: FloatArray) -> FloatArray:
    return 1.0 / (1.0 + np.exp(-np.clip(odds, -30.0, 30.0)))


def _sums(x: FloatArray, cells: IntArray, n_cells: int) -> FloatArray:
    sums = np.zeros(n_cells)
    for column in cells.T:
        sums += np.bincount(column, weights=x, minlength=n_cells)
    return sums
