"""Random weighting problems: impossible ones with a known culprit, and possible ones that look alike."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grounding.population.groups import Missing
from grounding.population.margins import Target
from personas.arrays import BoolArray, FloatArray, IntArray
from personas.panel import UNKNOWN, Panel


@dataclass(frozen=True)
class Case:
    """A weighting problem.

    Attributes:
        kind: what was planted; ``possible`` where nothing was.
        panel: the people; weights are the base weights unless ``base`` is given.
        targets: the margins.
        base: base weights that a panel could not hold (negative ones).
        cap: largest weight.
        floor: smallest weight.
        missing: what becomes of missing values.
        expected: kind of the problem that must be reported.
        culprits: names of the margins that it must name.
        words: what its message must contain.
    """

    kind: str
    panel: Panel
    targets: tuple[Target, ...]
    base: FloatArray
    cap: float | None = None
    floor: float = 0.0
    missing: Missing = "ignore"
    expected: str = ""
    culprits: tuple[str, ...] = ()
    words: tuple[str, ...] = ()


def possible(rng: np.random.Generator, crossed: bool = True) -> Case:
    """People and margins that some weights above zero meet: the margins were counted with such weights."""
    attributes = int(rng.integers(4, 8))
    people = int(rng.integers(60, 600))
    sizes = rng.integers(2, 5, attributes)
    codes = np.stack([rng.choice(k, people, p=rng.dirichlet(np.full(k, 6.0))) for k in sizes], axis=1)
    for column, size in enumerate(sizes):
        codes[:size, column] = rng.permutation(size)  # everybody's level occurs
    truth = np.exp(rng.normal(0, 0.5, people))
    names = tuple(f"x{i}" for i in range(attributes))
    levels = tuple(tuple(f"v{j}" for j in range(k)) for k in sizes)
    base = np.exp(rng.normal(0, 0.4, people))
    panel = Panel(tuple(f"id{i}" for i in range(people)), names, levels, codes.astype(np.int64), base)
    sets: list[tuple[int, ...]] = [(i,) for i in range(attributes)]
    if crossed:
        sets[0] = (0, 1)
    return Case("possible", panel, tuple(counted(panel, s, truth) for s in sets), base)


def counted(panel: Panel, columns: Sequence[int], weights: FloatArray) -> Target:
    """The margin that the people have under some weights, among those for whom it is known."""
    codes = panel.codes[:, list(columns)]
    known = np.all(codes != UNKNOWN, axis=1)
    cells, place = np.unique(codes[known], axis=0, return_inverse=True)
    sums = np.bincount(place.reshape(-1), weights=weights[known])
    rows: list[list[int]] = cells.tolist()
    values = tuple(tuple(panel.levels[c][v] for c, v in zip(columns, row, strict=True)) for row in rows)
    name = "-".join(panel.attributes[c] for c in columns)
    names = tuple(panel.attributes[c] for c in columns)
    return Target(names, values, sums / sums.sum(), 1000.0, f"office {name}", "2020", "")


def possible_of_many_kinds(rng: np.random.Generator) -> Case:
    """A possible problem, perhaps with missing values, bounds or few people."""
    case = possible(rng)
    truth = np.exp(rng.normal(0, 0.5, len(case.panel)))
    kind = rng.integers(4)
    if kind == 1:
        return _with_missing(case, truth, rng)
    if kind == 2:
        ratio = truth / truth.mean()
        recount = tuple(counted(case.panel, _columns(case.panel, t), truth) for t in case.targets)
        cap = max(1.05, float(ratio.max()) * 1.05)
        return replace(case, targets=recount, cap=cap, floor=float(ratio.min()) * 0.9)
    if kind == 3:  # few people: many combinations do not occur
        few = case.panel.take(np.arange(max(12, len(case.panel) // 8)))
        recount = tuple(counted(few, _columns(few, t), truth[: len(few)]) for t in case.targets)
        return replace(case, panel=few, targets=recount, base=few.weights)
    return case


def _with_missing(case: Case, truth: FloatArray, rng: np.random.Generator) -> Case:
    codes = case.panel.codes.copy()
    codes[rng.random(len(codes)) < 0.15, 2] = UNKNOWN
    panel = replace(case.panel, codes=codes)
    missing: Missing = "category" if rng.random() < 0.5 else "ignore"
    if missing == "category":  # the unknown keep the share that they have under the base weights
        gone = codes[:, 2] == UNKNOWN
        share = case.base[gone].sum() / case.base.sum()
        truth = _given(truth, gone, share)
    recount = tuple(counted(panel, _columns(panel, t), truth) for t in case.targets)
    return replace(case, panel=panel, targets=recount, missing=missing)


def _given(weights: FloatArray, inside: BoolArray, share: float) -> FloatArray:
    """The weights scaled so that those inside have this share of all."""
    inner = float(weights[inside].sum())
    outer = float(weights[~inside].sum())
    return np.asarray(np.where(inside, weights * (share / inner), weights * ((1 - share) / outer)))


def _columns(panel: Panel, target: Target) -> list[int]:
    return [panel.attributes.index(a) for a in target.attributes]


def _planted(case: Case, kind: str, expected: str, culprits: Sequence[str], words: Sequence[str]) -> Case:
    return replace(case, kind=kind, expected=expected, culprits=tuple(culprits), words=tuple(words))


def _swapped(case: Case, index: int, target: Target) -> Case:
    targets = list(case.targets)
    targets[index] = target
    return replace(case, targets=tuple(targets))


def _any(case: Case, rng: np.random.Generator) -> int:
    """A one-way margin."""
    return int(rng.integers(1, len(case.targets)))


def totals(rng: np.random.Generator) -> Case:
    """A margin that counts other people than the rest."""
    case = possible(rng)
    index = _any(case, rng)
    other = replace(case.targets[index], total=1000.0 * float(rng.choice([0.5, 0.98, 1.02, 30.0])))
    return _planted(_swapped(case, index, other), "totals", "totals", [other.name], [other.source])


def absent(rng: np.random.Generator) -> Case:
    """An official category that nobody in the sample has."""
    case = possible(rng)
    index = _any(case, rng)
    old = case.targets[index]
    share = float(rng.uniform(1e-4, 0.3))
    new = replace(old, cells=(*old.cells, ("nowhere",)), shares=np.append(old.shares * (1 - share), share))
    return _planted(_swapped(case, index, new), "absent", "absent", [new.name], ["nowhere", new.source])


def surplus(rng: np.random.Generator) -> Case:
    """People with a value that the margin does not have."""
    case = possible(rng)
    index = _any(case, rng)
    old = case.targets[index]
    shares = old.shares[:-1] / old.shares[:-1].sum()
    new = replace(old, cells=old.cells[:-1], shares=shares)
    return _planted(_swapped(case, index, new), "surplus", "surplus", [new.name], [old.cells[-1][0]])


def empty_cell(rng: np.random.Generator) -> Case:
    """A combination of levels that both occur, and that nobody in the sample has together."""
    case = possible(rng)
    codes = case.panel.codes
    keep = ~((codes[:, 0] == 0) & (codes[:, 1] == 0))
    codes[:3, :2] = [[0, 1], [1, 0], [1, 1]]
    keep[:3] = True
    panel = case.panel.take(keep)
    target = case.targets[0]
    cells = tuple((a, b) for a in panel.levels[0] for b in panel.levels[1])
    found = {c for c in cells if _present(panel, c)}
    cells = tuple(c for c in cells if c in found or c == ("v0", "v0"))
    shares = rng.dirichlet(np.full(len(cells), 5.0))
    new = replace(target, cells=cells, shares=shares)
    case = replace(_swapped(case, 0, new), panel=panel, base=panel.weights)
    return _planted(case, "empty cell", "empty cell", [new.name], ["x0: v0, x1: v0"])


def _present(panel: Panel, cell: tuple[str, ...]) -> bool:
    codes = [levels.index(v) for levels, v in zip(panel.levels, cell, strict=False)]
    return bool(np.any(np.all(panel.codes[:, :2] == codes, axis=1)))


def missing(rng: np.random.Generator) -> Case:
    """Missing values where they are refused, or a margin that nobody is known in."""
    case = possible(rng)
    index = _any(case, rng)
    column = _columns(case.panel, case.targets[index])[0]
    codes = case.panel.codes.copy()
    everybody = rng.random() < 0.3
    gone = np.ones(len(codes), dtype=np.bool_) if everybody else rng.random(len(codes)) < 0.2
    gone[0] = True
    codes[gone, column] = UNKNOWN
    case = replace(case, panel=replace(case.panel, codes=codes), missing="ignore" if everybody else "refuse")
    words = ["unknown" if everybody else f"{gone.sum():,} of {len(codes):,} people"]
    return _planted(case, "missing", "missing", [case.targets[index].name], words)


def base_weights(rng: np.random.Generator) -> Case:
    """Base weights below zero, zero, no numbers, or all zero."""
    case = possible(rng)
    base = case.base.copy()
    row = int(rng.integers(len(base)))
    value = float(rng.choice([-1.0, 0.0, np.nan, np.inf]))
    base[row] = value
    if rng.random() < 0.2:
        base, row, value = np.zeros(len(base)), 0, 0.0
    case = replace(case, base=base)
    return _planted(case, "base", "base", [], [f"'id{row}'", f"{value:g}"])


def one_category(rng: np.random.Generator) -> Case:
    """A sample in which one category of a margin holds everything."""
    case = possible(rng)
    index = _any(case, rng)
    codes = case.panel.codes.copy()
    codes[:, _columns(case.panel, case.targets[index])[0]] = 0
    case = replace(case, panel=replace(case.panel, codes=codes))
    name = case.targets[index].name
    return _planted(case, "one category", "one category", [name], ["one category holds everything", "v1"])


def shared_attribute(rng: np.random.Generator) -> Case:
    """A joint margin and one of its attributes by another source that says otherwise."""
    case = possible(rng)
    truth = np.exp(rng.normal(0, 0.5, len(case.panel)))
    old = counted(case.panel, (1,), truth)
    joint = case.targets[0]
    inside = np.array(
        [sum(s for c, s in zip(joint.cells, joint.shares, strict=True) if c[1] == v[0]) for v in old.cells]
    )
    shift = float(rng.choice([1e-6, 1e-4, 0.01, 0.1])) * inside[0]
    apart: FloatArray = inside - shift / (len(inside) - 1)
    apart[0] = inside[0] + shift
    other = replace(old, shares=apart, source="office other")
    case = replace(case, targets=(joint, *case.targets[2:], other))
    return _planted(
        case, "shared attribute", "contradiction", [joint.name, other.name], [joint.source, "office other"]
    )


def confined(rng: np.random.Generator) -> Case:
    """A level that occurs only together with a level of another margin that is officially smaller."""
    case = possible(rng, crossed=False)
    codes = case.panel.codes
    codes[codes[:, 2] == 0, 3] = 0
    small = float(rng.uniform(0.05, 0.4))
    big = small + float(rng.choice([1e-4, 0.01, 0.1]))
    case = _shares(_shares(case, 2, big), 3, small)
    return _planted(case, "confined", "contradiction", ["x2", "x3"], ["x2: v0", "x3: v0"])


def exclusive(rng: np.random.Generator) -> Case:
    """Levels that exclude one another and lie within a level that is too small for all of them together."""
    case = possible(rng, crossed=False)
    parts = int(rng.integers(2, len(case.panel.attributes) - 1))
    codes = case.panel.codes
    of_one = rng.integers(0, parts + 2, len(codes))  # which part, if any, somebody belongs to
    of_one[: parts + 2] = np.arange(parts + 2)
    for part in range(parts):
        column = 1 + part
        others = rng.integers(1, len(case.panel.levels[column]), len(codes))
        codes[:, column] = np.where(of_one == part, 0, others)
    rest = rng.integers(0, len(case.panel.levels[0]), len(codes))
    codes[:, 0] = np.where(of_one < parts, 0, np.where(of_one == parts, 1, rest))
    room = float(rng.uniform(0.3, 0.7))
    each = room / parts * (1 + float(rng.choice([0.0, 1e-4, 0.01, 0.1])))
    case = _recounted(case, parts + 1)
    for part in range(parts):
        case = _shares(case, 1 + part, each)
    case = _shares(case, 0, room)
    names = [f"x{i}" for i in range(parts + 1)]
    return _planted(case, "exclusive", "contradiction", names, [f"x{i}" for i in range(parts + 1)])


def _recounted(case: Case, first: int) -> Case:
    targets = [
        *case.targets[:first],
        *(counted(case.panel, (i,), case.base) for i in range(first, len(case.targets))),
    ]
    return replace(case, targets=tuple(targets))


def _shares(case: Case, index: int, first: float) -> Case:
    """A one-way margin with a share given to its first level, and the rest as the sample has it."""
    column: IntArray = case.panel.codes[:, index]
    levels = case.panel.levels[index]
    people = np.bincount(column, minlength=len(levels)).astype(np.float64)
    people[0] = 0.0
    shares = people / people.sum() * (1 - first)
    shares[0] = first
    found = [i for i in range(len(levels)) if shares[i] > 0]
    old = case.targets[index]
    new = replace(old, cells=tuple((levels[i],) for i in found), shares=shares[found])
    return _swapped(case, index, new)


def low_cap(rng: np.random.Generator) -> Case:
    """A cap below what a level needs: its official share is more than cap times its share of the people."""
    case = possible(rng, crossed=False)
    share = float(np.count_nonzero(case.panel.codes[:, 2] == 0) / len(case.panel))
    needed = float(rng.uniform(1.2, min(4.0, 0.95 / share))) if share < 0.75 else 0.5 + 0.5 / share
    case = replace(
        _level(case, 2, needed * share, rng), cap=1.0 + (needed - 1.0) * float(rng.uniform(0.3, 0.99))
    )
    return _planted(case, "cap", "bounds", ["x2"], ["x2: v", "smallest cap"])


def high_floor(rng: np.random.Generator) -> Case:
    """A floor above what a level may have."""
    case = possible(rng, crossed=False)
    share = float(np.count_nonzero(case.panel.codes[:, 2] == 0) / len(case.panel))
    least = float(rng.uniform(0.1, 0.8))
    case = replace(
        _level(case, 2, least * share, rng), floor=least + (1 - least) * float(rng.uniform(0.05, 0.5))
    )
    return _planted(case, "floor", "bounds", ["x2"], ["x2: v", "floor"])


def _level(case: Case, index: int, share: float, rng: np.random.Generator) -> Case:
    """All margins counted with weights that give the first level of one attribute a share."""
    truth = np.exp(rng.normal(0, 0.3, len(case.panel)))
    inside = case.panel.codes[:, index] == 0
    truth = _given(truth, inside, share)
    recount = tuple(counted(case.panel, _columns(case.panel, t), truth) for t in case.targets)
    return replace(case, targets=recount)


IMPOSSIBLE: tuple[Callable[[np.random.Generator], Case], ...] = (
    totals,
    absent,
    surplus,
    empty_cell,
    missing,
    base_weights,
    one_category,
    shared_attribute,
    confined,
    exclusive,
    low_cap,
    high_floor,
)
