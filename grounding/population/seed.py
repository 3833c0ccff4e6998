"""How attributes go together: a reference sample's table, smoothed so that what it lacks stays possible."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grounding.population.weights import effective_base
from personas.arrays import FloatArray, IntArray
from personas.panel import UNKNOWN

MOST_CELLS = 1_000_000  # a table of no more combinations is held whole
_DRAWS = 300_000  # otherwise so many combinations are drawn
_PAIR_ROUNDS = 30
_PAIR_CHANGE = 1e-4


@dataclass(frozen=True)
class Seed:
    """Shares of combinations of values before they are fitted to margins.

    Attributes:
        codes: the combinations, shape (n_cells, n_attributes).
        shares: shape (n_cells,), sum to one.
        smoothing: weight of the smoothing distribution; 1 without a sample.
        observed: how many combinations occur in the sample.
        complete: people of the sample of whom every attribute is known.
        whole: whether all possible combinations are there.
    """

    codes: IntArray
    shares: FloatArray
    smoothing: float
    observed: int
    complete: int
    whole: bool


@dataclass(frozen=True)
class _Tree:
    """Each attribute depends on one other, or on none: shares given the parent's value, (parent, own)."""

    order: tuple[int, ...]
    parents: tuple[int, ...]  # -1 for none
    tables: tuple[FloatArray, ...]


def table(
    official: Sequence[FloatArray], codes: IntArray | None, weights: FloatArray, rng: np.random.Generator
) -> Seed:
    """The seed table for attributes with these official shares.

    ``(1 - s) * sample + s * pairs``: the sample's weighted table of people of whom everything is known,
    and the distribution that has the sample's tables of pairs of attributes and nothing beyond pairs (each
    pair drawn towards independence first). The weight ``s`` is the one with the least expected squared error,
    ``(1 - sum p^2) / ((n - 1) sum (pairs - p)^2)`` with n the effective base, and at least 1 / (n + 1): a
    combination that the sample lacks is rare, never impossible. Impossible is only what a margin says is
    nobody. Without a sample everything is independent.

    Up to a million combinations are all held; beyond that, those of the sample and 300,000 drawn from a
    distribution in which each attribute depends on one other (the tree of strongest pairs, Chow and Liu).

    Args:
        official: shares of the levels of each attribute.
        codes: the sample, ``UNKNOWN`` where missing (a column of these for an attribute that it lacks, which
            is then independent), shape (n_people, n_attributes); ``None`` without a sample.
        weights: of the sample's people.
        rng: for the combinations drawn from the tree.

    Source: Hausser and Strimmer, JMLR 10 (2009), 1469-1484, equation 7 (shrinkage weight, there towards equal
    shares); Chow and Liu, IEEE Trans. Inf. Theory 14 (1968), 462-467.
    """
    sizes = tuple(len(s) for s in official)
    single = [_single(o, None if codes is None else codes[:, a], weights) for a, o in enumerate(official)]
    pairs = {} if codes is None else _pairs(codes, weights, single)
    tree = _tree(single, pairs)
    there, shares, base, complete = _observed(codes, weights, sizes)
    possible = float(np.prod([float(k) for k in sizes]))
    whole = possible <= MOST_CELLS
    if whole:
        cells = np.stack(np.unravel_index(np.arange(int(possible)), sizes), axis=1).astype(np.int64)
        smooth = _density(tree, cells)
        place = np.ravel_multi_index(tuple(there.T), sizes)
    else:
        drawn = _sampled(tree, _DRAWS, rng)
        cells, number = _distinct(np.concatenate([there, drawn]), sizes)
        place = number[: len(there)]
        smooth = np.bincount(number[len(there) :], minlength=len(cells)) / _DRAWS
    smooth = _with_pairs(cells, smooth, pairs)
    if not len(there):
        return Seed(cells, smooth, 1.0, 0, complete, whole)
    at_sample = smooth[place] if whole else _density(tree, there)
    squares = float(np.sum(smooth**2)) if whole else float(_density(tree, cells) @ smooth)
    weight = _shrinkage(shares, at_sample, squares, base)
    seed = weight * smooth
    seed[place] += (1.0 - weight) * shares
    return Seed(cells, seed / seed.sum(), weight, len(there), complete, whole)


def _observed(
    codes: IntArray | None, weights: FloatArray, sizes: tuple[int, ...]
) -> tuple[IntArray, FloatArray, float, int]:
    """Combinations that occur among people of whom all is known, their shares, effective base and people."""
    nobody = np.zeros((0, len(sizes)), dtype=np.int64), np.zeros(0), 0.0, 0
    if codes is None:
        return nobody
    complete = np.all(codes != UNKNOWN, axis=1) & (weights > 0)
    if not complete.any():
        return nobody
    there, place = _distinct(codes[complete], sizes)
    shares = np.bincount(place, weights=weights[complete]) / weights[complete].sum()
    return there, shares, effective_base(weights[complete]), int(complete.sum())


def _shrinkage(shares: FloatArray, smooth: FloatArray, squares: float, base: float) -> float:
    """Weight of the smoothing distribution: ``squares`` is its sum of squares over all cells."""
    apart = squares - 2 * float(shares @ smooth) + float(np.sum(shares**2))
    floor = 1.0 / (base + 1.0)
    if apart <= 0 or base <= 1:
        return 1.0
    return min(1.0, max(floor, (1.0 - float(np.sum(shares**2))) / ((base - 1.0) * apart)))


def _pairs(
    codes: IntArray, weights: FloatArray, single: list[FloatArray]
) -> dict[tuple[int, int], FloatArray]:
    """Shares of the combinations of each pair of attributes that the sample has."""
    found: dict[tuple[int, int], FloatArray] = {}
    for a in range(len(single)):
        for b in range(a):
            joint = _pair(codes[:, [a, b]], weights, single[a], single[b])
            if joint is not None:
                found[a, b] = joint
    return found


def _with_pairs(cells: IntArray, shares: FloatArray, pairs: dict[tuple[int, int], FloatArray]) -> FloatArray:
    """The shares fitted to the tables of pairs in turn, as far as a few rounds get; they sum to one."""
    places = {key: cells[:, key[0]] * joint.shape[1] + cells[:, key[1]] for key, joint in pairs.items()}
    shares = shares / shares.sum()
    for _ in range(_PAIR_ROUNDS):
        before = shares
        for key, joint in pairs.items():
            sums = np.bincount(places[key], weights=shares, minlength=joint.size)
            shares = (
                shares * np.where(sums > 0, joint.ravel() / np.where(sums > 0, sums, 1.0), 0.0)[places[key]]
            )
        shares = shares / shares.sum()
        if 0.5 * float(np.abs(shares - before).sum()) < _PAIR_CHANGE:
            break
    return shares


def _tree(single: list[FloatArray], pairs: dict[tuple[int, int], FloatArray]) -> _Tree:
    """The tree with the largest sum of mutual information; what the sample lacks stands alone."""
    n = len(single)
    joint = pairs | {(b, a): found.T for (a, b), found in pairs.items()}
    strength = np.zeros((n, n))
    for (a, b), found in joint.items():
        strength[a, b] = _information(found)
    order, parents = [0], [-1]
    while len(order) < n:  # Prim's algorithm
        rest = [a for a in range(n) if a not in order]
        links = strength[np.ix_(rest, order)]
        best = int(links.argmax())
        child, parent = rest[best // len(order)], order[best % len(order)]
        order.append(child)
        parents.append(parent if links.max() > 0 else -1)
    tables: list[FloatArray] = []
    for child, parent in zip(order, parents, strict=True):
        given = single[child][None] if parent < 0 else joint[parent, child]
        total = given.sum(axis=1, keepdims=True)
        tables.append(np.where(total > 0, given / np.where(total > 0, total, 1.0), single[child]))
    return _Tree(tuple(order), tuple(parents), tuple(tables))


def _single(official: FloatArray, codes: IntArray | None, weights: FloatArray) -> FloatArray:
    """The sample's shares of one attribute with one person's worth of the official ones."""
    if codes is None or not np.any((codes != UNKNOWN) & (weights > 0)):
        return official / official.sum()
    known = (codes != UNKNOWN) & (weights > 0)
    base = effective_base(weights[known])
    sample = np.bincount(codes[known], weights=weights[known], minlength=len(official))
    return (base * sample / sample.sum() + official / official.sum()) / (base + 1.0)


def _pair(codes: IntArray, weights: FloatArray, first: FloatArray, second: FloatArray) -> FloatArray | None:
    """Shares of two attributes' combinations, drawn towards independence; ``None`` where never both known."""
    known = np.all(codes != UNKNOWN, axis=1) & (weights > 0)
    if not known.any():
        return None
    found = np.zeros((len(first), len(second)))
    np.add.at(found, (codes[known, 0], codes[known, 1]), weights[known])
    found /= found.sum()
    apart = np.outer(first, second)
    weight = _shrinkage(found.ravel(), apart.ravel(), float(np.sum(apart**2)), effective_base(weights[known]))
    return (1.0 - weight) * found + weight * apart


def _information(joint: FloatArray) -> float:
    apart = np.outer(joint.sum(axis=1), joint.sum(axis=0))
    there = joint > 0
    return float(np.sum(joint[there] * np.log(joint[there] / apart[there])))


def _density(tree: _Tree, cells: IntArray) -> FloatArray:
    result = np.ones(len(cells))
    for child, parent, given in zip(tree.order, tree.parents, tree.tables, strict=True):
        result *= given[cells[:, parent] if parent >= 0 else 0, cells[:, child]]
    return result


def _sampled(tree: _Tree, size: int, rng: np.random.Generator) -> IntArray:
    cells = np.zeros((size, len(tree.order)), dtype=np.int64)
    for child, parent, given in zip(tree.order, tree.parents, tree.tables, strict=True):
        cumulated = np.cumsum(given, axis=1)
        cumulated /= cumulated[:, -1:]
        above = cumulated[cells[:, parent] if parent >= 0 else np.zeros(size, dtype=np.int64)]
        cells[:, child] = np.sum(above <= rng.random(size)[:, None], axis=1)
    return cells


def _distinct(codes: IntArray, sizes: tuple[int, ...]) -> tuple[IntArray, IntArray]:
    """The distinct rows, and the number of each row among them."""
    key, span = np.zeros(len(codes), dtype=np.int64), 1
    for column, size in zip(codes.T, sizes, strict=True):
        if span * size > 2**62:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
            span = len(key)
        key, span = key * size + column, span * size
    _, example, place = np.unique(key, return_index=True, return_inverse=True)
    return codes[example], place.reshape(-1).astype(np.int64)
