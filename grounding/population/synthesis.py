"""Modelled people where there are no survey rows, from margins and one reference sample.

Margins say how many, the sample what goes with what: its (smoothed) table is fitted to the margins by
iterative proportional fitting, which keeps the table's odds ratios; whole people are then drawn from the
fitted table. These people exist in no data set.

Source: Deming and Stephan, Annals of Mathematical Statistics 11 (1940), 427-444; Beckman, Baggerly and McKay,
Transportation Research A 30 (1996), 415-429 (synthetic populations). Departures: the smoothing (``seed``)
and whole people by the cube method (``drawing``).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from grounding.population import drawing, seed
from grounding.population.margins import Target
from personas.arrays import FloatArray, IntArray
from personas.errors import DataError
from personas.panel import UNKNOWN, Panel
from personas.wording import percent

TOLERANCE = 1e-9
LARGEST_GAP = 0.005  # margins that disagree by more have no table in common worth drawing from
_ROUNDS = 500
Origin = Literal["margin", "sample", "independent"]


@dataclass(frozen=True)
class Table:
    """The fitted table of the population: combinations of values and their shares.

    Attributes:
        attributes: names.
        levels: values of each.
        codes: index into ``levels``, shape (n_cells, n_attributes).
        shares: share of the population, shape (n_cells,), sum to one.
    """

    attributes: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    codes: IntArray
    shares: FloatArray


@dataclass(frozen=True)
class MarginGap:
    """Largest gaps to one margin in percentage points: of the fitted table, and of the whole people drawn."""

    name: str
    source: str
    table: float
    people: float


@dataclass(frozen=True)
class Association:
    """How two attributes go together, as Cramér's V (0 not at all, 1 fully).

    Attributes:
        first: an attribute.
        second: another.
        origin: where it comes from: a joint margin, the sample, or neither (independent).
        sample: in the sample; ``None`` where it does not have both.
        people: among the modelled people.
    """

    first: str
    second: str
    origin: Origin
    sample: float | None
    people: float


@dataclass(frozen=True)
class Diagnostics:
    """What the synthesis rests on and how well it meets the margins.

    Attributes:
        possible: combinations of values that there could be.
        cells: combinations that the table holds.
        observed: combinations that occur in the sample.
        sample: people of the sample of whom everything is known.
        smoothing: weight of the smoothing distribution in the seed; 1 without a sample.
        margins: one entry for each margin.
        associations: one entry for each pair of attributes.
        sentences: the same in words, for a report.
    """

    possible: float
    cells: int
    observed: int
    sample: int
    smoothing: float
    margins: tuple[MarginGap, ...]
    associations: tuple[Association, ...]
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Synthetic:
    """Modelled people with equal weights, the table they are drawn from, and what it rests on."""

    panel: Panel
    table: Table
    diagnostics: Diagnostics


def people(
    targets: Sequence[Target], sample: Panel | None, size: int, rng: np.random.Generator, prefix: str = "m"
) -> Synthetic:
    """Modelled people whose attributes are those of the margins, ids ``m00001`` and so on, weights 1.

    Args:
        targets: official shares; an attribute has the same values in every margin that has it.
        sample: reference sample; its attributes that no margin has are left out, one that it lacks is
            independent of the others but for joint margins. Somebody of whom one attribute is unknown still
            counts for the pairs that are known. Without a sample all is independent but for joint margins.
        size: how many people.
        rng: source of the draw.
        prefix: start of the ids.

    Raises:
        DataError: margins disagree on an attribute's values or, by more than half a point, on a share; the
            sample has a value that the margins lack, or no person with a positive weight.
        ValueError: no target, or a size below 1.
    """
    if not targets or size < 1:
        raise ValueError(f"need at least one margin and a size >= 1, got {len(targets)} and {size}")
    attributes, levels = _levels(targets)
    codes = None if sample is None else _sample_codes(sample, attributes, levels)
    official = [_single(name, values, targets) for name, values in zip(attributes, levels, strict=True)]
    start = seed.table(official, codes, np.zeros(0) if sample is None else sample.weights, rng)
    cells = [_cells(start.codes, attributes, levels, t) for t in targets]
    shares, gaps = _fitted(start, cells, targets)
    joint = [c for c, t in zip(cells, targets, strict=True) if len(t.attributes) > 1]
    rows = drawing.drawn(start.codes, shares, size, rng, joint)
    digits = max(5, len(str(size)))
    ids = tuple(f"{prefix}{i:0{digits}d}" for i in range(1, size + 1))
    panel = Panel(ids, attributes, levels, start.codes[rows], np.ones(size))
    margins = tuple(
        MarginGap(t.name, t.source, 100 * g, 100 * _gap(np.bincount(c[rows], minlength=len(t.cells)), t))
        for t, c, g in zip(targets, cells, gaps, strict=True)
    )
    pairs = _associations(panel, targets, codes, sample)
    possible = float(np.prod([float(len(v)) for v in levels]))
    bare = Diagnostics(
        possible, len(start.codes), start.observed, start.complete, start.smoothing, margins, pairs, ()
    )
    words = _sentences(bare, size, start, () if sample is None else sample.attributes)
    told = replace(bare, sentences=words)
    return Synthetic(panel, Table(attributes, levels, start.codes, shares), told)


def _levels(targets: Sequence[Target]) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The attributes of the margins and their values, each in the order of the first margin that has it."""
    found: dict[str, tuple[Target, tuple[str, ...]]] = {}
    for target in targets:
        for attribute, column in zip(target.attributes, zip(*target.cells, strict=True), strict=True):
            values = tuple(dict.fromkeys(column))
            other, known = found.setdefault(attribute, (target, values))
            if odd := sorted(set(known) ^ set(values)):
                raise DataError(
                    f"margins {other.name} ({other.source}) and {target.name} ({target.source}) have "
                    f"different values of {attribute!r}: only one of them has "
                    f"{', '.join(map(repr, odd[:6]))}; recode one by levels or bins so that both have the "
                    "same"
                )
    return tuple(found), tuple(values for _, values in found.values())


def _sample_codes(
    sample: Panel, attributes: tuple[str, ...], levels: tuple[tuple[str, ...], ...]
) -> IntArray:
    """The sample in the margins' values, ``UNKNOWN`` in an attribute that it lacks."""
    if not np.any(sample.weights > 0):
        raise DataError(f"the reference sample of {len(sample)} people has nobody with a positive weight")
    if not set(sample.attributes) & set(attributes):
        raise DataError(
            f"the reference sample has none of the margins' attributes: it has "
            f"{', '.join(sample.attributes)}; they have {', '.join(attributes)}. Name its attributes as the "
            "margins do, or leave it out"
        )
    codes = np.full((len(sample), len(attributes)), UNKNOWN, dtype=np.int64)
    for a, (attribute, values) in enumerate(zip(attributes, levels, strict=True)):
        if attribute not in sample.attributes:
            continue
        column = sample.attributes.index(attribute)
        number = np.array([_place(v, values) for v in sample.levels[column]] + [UNKNOWN], dtype=np.int64)
        codes[:, a] = number[sample.codes[:, column]]
        strange = np.flatnonzero((codes[:, a] == UNKNOWN) & (sample.codes[:, column] != UNKNOWN))
        if strange.size:
            person = sample.person(int(strange[0]))
            raise DataError(
                f"{strange.size:,} people of the reference sample have a value of {attribute!r} that no "
                f"margin has: person {person.id!r} has {person.attributes[attribute]!r}; the margins have "
                f"{', '.join(map(repr, values[:12]))}. Recode the sample or leave these people out"
            )
    return codes


def _place(value: str, values: tuple[str, ...]) -> int:
    return values.index(value) if value in values else UNKNOWN


def _single(attribute: str, values: tuple[str, ...], targets: Sequence[Target]) -> FloatArray:
    """Official shares of one attribute, from the first margin that has it."""
    target = next(t for t in targets if attribute in t.attributes)
    place = target.attributes.index(attribute)
    shares = np.zeros(len(values))
    for cell, share in zip(target.cells, target.shares.tolist(), strict=True):
        shares[values.index(cell[place])] += share
    return shares


def _cells(
    codes: IntArray, attributes: tuple[str, ...], levels: tuple[tuple[str, ...], ...], target: Target
) -> IntArray:
    """Cell of the margin for each combination, the number of cells for one that it does not list."""
    columns = [attributes.index(a) for a in target.attributes]
    table = np.full([len(levels[c]) for c in columns], len(target.cells), dtype=np.int64)
    for number, cell in enumerate(target.cells):
        table[tuple(levels[c].index(v) for c, v in zip(columns, cell, strict=True))] = number
    return table[tuple(codes[:, c] for c in columns)]


def _fitted(
    start: seed.Seed, cells: Sequence[IntArray], targets: Sequence[Target]
) -> tuple[FloatArray, list[float]]:
    """The seed fitted to the margins, and the largest gap to each."""
    shares = start.shares.copy()
    gaps = [1.0] * len(targets)
    for _ in range(_ROUNDS):
        for cell, target in zip(cells, targets, strict=True):
            size = len(target.cells)
            sums = np.bincount(cell, weights=shares, minlength=size)[:size].astype(np.float64)
            _check_reachable(sums, target, start.whole)
            factor = np.where(sums > 0, target.shares / np.where(sums > 0, sums, 1.0), 0.0)
            shares *= np.append(factor, 0.0)[cell]
        gaps = [
            _gap(np.bincount(c, weights=shares, minlength=len(t.cells)), t)
            for c, t in zip(cells, targets, strict=True)
        ]
        if max(gaps) <= TOLERANCE:
            break
    worst = int(np.argmax(gaps))
    if gaps[worst] > LARGEST_GAP:
        last = targets[-1]
        raise DataError(
            f"no table of people meets all margins: with the others met, {targets[worst].name} "
            f"({targets[worst].source}) is {100 * gaps[worst]:.2g} points off, while {last.name} "
            f"({last.source}) holds; the margins contradict each other. Take them from one population, or "
            "leave one out"
        )
    return shares / shares.sum(), gaps


def _check_reachable(sums: FloatArray, target: Target, whole: bool) -> None:
    empty = np.flatnonzero((sums <= 0) & (target.shares > 0))
    if empty.size:
        why = (
            "every combination with it is nobody in another margin"
            if whole
            else "it is too rare among the combinations that the table can hold"
        )
        cell = int(empty[0])
        raise DataError(
            f"margin {target.name} ({target.source}) has {percent(target.shares[cell], 4)} "
            f"{target.label(cell)}, but {why}; merge levels or leave a margin out"
        )


def _gap(found: np.ndarray, target: Target) -> float:
    """Largest difference of the shares from the margin, unlisted combinations counted as one."""
    shares = found / found.sum()
    official = np.append(target.shares, np.zeros(len(shares) - len(target.shares)))
    return float(np.abs(shares - official).max())


def _associations(
    panel: Panel, targets: Sequence[Target], codes: IntArray | None, sample: Panel | None
) -> tuple[Association, ...]:
    found: list[Association] = []
    for a, first in enumerate(panel.attributes):
        for b in range(a + 1, len(panel.attributes)):
            second, own = panel.attributes[b], None
            if codes is not None and sample is not None:
                own = _cramer(codes[:, [a, b]], sample.weights)
            origin: Origin = "independent" if own is None else "sample"
            if any({first, second} <= set(t.attributes) for t in targets):
                origin = "margin"
            here = _cramer(panel.codes[:, [a, b]], panel.weights)
            found.append(Association(first, second, origin, own, 0.0 if here is None else here))
    return tuple(found)


def _cramer(codes: IntArray, weights: FloatArray) -> float | None:
    """Cramér's V of two columns; ``None`` where both are known for nobody, 0 where one does not vary."""
    known = np.all(codes != UNKNOWN, axis=1) & (weights > 0)
    if not known.any():
        return None
    table = np.zeros(codes[known].max(axis=0) + 1)
    np.add.at(table, (codes[known, 0], codes[known, 1]), weights[known])
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0] / table.sum()
    if min(table.shape) < 2:
        return 0.0
    apart = np.outer(table.sum(axis=1), table.sum(axis=0))
    return float(np.sqrt(np.sum((table - apart) ** 2 / apart) / (min(table.shape) - 1)))


def _points(gap: float) -> str:
    """A gap in percentage points; below a ten-thousandth of one the computer's own rounding would show."""
    return f"{max(gap, 1e-4):.2g} points"


def _sentences(found: Diagnostics, size: int, start: seed.Seed, of_sample: Sequence[str]) -> tuple[str, ...]:
    worst = max(found.margins, key=lambda m: m.people)
    words = [f"Modelled: these {size:,} people exist in no data set; every attribute of theirs is modelled."]
    names: dict[Origin, list[str]] = {"margin": [], "sample": [], "independent": []}
    for pair in found.associations:
        names[pair.origin].append(f"{pair.first} × {pair.second}")
    if names["margin"]:
        words.append(f"Official joint margins say how these go together: {', '.join(names['margin'])}.")
    if names["sample"]:
        words.append(
            f"The reference sample ({found.sample:,} people of whom everything is known, {found.observed:,} "
            f"different combinations) says how these go together: {', '.join(names['sample'])}."
        )
    if names["independent"]:
        words.append(
            f"Nothing says how these go together, so they are independent but for what other attributes "
            f"imply: {', '.join(names['independent'])}. Do not report crossings of them."
        )
    if found.sample:
        words.append(
            f"The sample's table is smoothed with a weight of {percent(found.smoothing)} towards one that "
            "has its pairs of attributes and nothing beyond pairs, so that combinations missing from the "
            "sample by chance can occur."
        )
    here = {name for pair in found.associations for name in (pair.first, pair.second)}
    if unused := [name for name in of_sample if here and name not in here]:
        words.append(f"The sample's {', '.join(unused)} has no margin and is left out.")
    if not start.whole:
        words.append(
            f"Of {found.possible:,.0f} possible combinations the table holds {found.cells:,}: those of the "
            "sample and those drawn from the smoothing distribution."
        )
    words.append(
        f"Margins are met to within {_points(max(m.table for m in found.margins))} by the table and "
        f"{_points(worst.people)} by whole people (largest gap: {worst.name})."
    )
    return tuple(words)
