"""Chained equations for attributes with levels: each is drawn from a multinomial regression on the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from personas import draws
from personas.arrays import BoolArray, FloatArray, IntArray
from personas.panel import UNKNOWN

ROUNDS = 10
_PRIOR_PRECISION = 0.25  # of a coefficient: a standard deviation of 2 on the logit scale
_INTERCEPT_PRECISION = 1e-4
_LARGEST_KEY = 2**62


@dataclass(frozen=True)
class Columns:
    """The attributes that take part, people in an order that does not depend on the file.

    Attributes:
        names: of the attributes.
        codes: shape (n_people, n_attributes); ``UNKNOWN`` where missing.
        sizes: number of levels of each.
        weights: of the people, positive for somebody observed in each attribute.
        ids: of the people.
    """

    names: tuple[str, ...]
    codes: IntArray
    sizes: tuple[int, ...]
    weights: FloatArray
    ids: tuple[str, ...]


@dataclass(frozen=True)
class _Gap:
    """One attribute with missing values, and the draws that fill them."""

    place: int
    observed: IntArray
    missing: IntArray
    levels: IntArray  # levels that occur among the observed


def chain(columns: Columns, copies: Sequence[int], seed: int, name: str) -> IntArray:
    """The codes with every gap filled, shape (copies, n_people, n_attributes).

    Round after round, attribute after attribute (fewest gaps first), each attribute's gaps are drawn from
    its multinomial regression on all the others as they stand. One round suffices where only one attribute
    has gaps. Every copy has its own Exp(1) weight for each person and attribute (Bayesian bootstrap), with
    which its regressions are fitted, so copies differ by the uncertainty of the coefficients, too.

    Args:
        columns: at least one person is observed in each attribute.
        copies: numbers of the completed data sets.
        seed: of the draws, which are functions of person, attribute, round and copy.
        name: of what is imputed; another name draws other values.
    """
    gaps = _gaps(columns)
    filled = np.repeat(columns.codes[None], len(copies), axis=0)
    rounds = 1 if len(gaps) <= 1 else ROUNDS
    for place, copy in enumerate(copies):
        start: dict[int, FloatArray] = {}
        boots = {g.place: _bootstrap(columns, g, copy, seed, name) for g in gaps}
        for gap in gaps:
            filled[place, gap.missing, gap.place] = _from_margin(
                columns, gap, boots[gap.place], copy, seed, name
            )
        for number in range(rounds):
            for gap in gaps:
                question = f"model {name}: {columns.names[gap.place]} round {number} copy {copy}"
                uniform = draws.uniforms(seed, [columns.ids[int(i)] for i in gap.missing], [question])[:, 0]
                drawn, fitted = _redrawn(
                    columns, gap, filled[place], boots[gap.place], uniform, start.get(gap.place)
                )
                filled[place, gap.missing, gap.place] = drawn
                start[gap.place] = fitted
    return filled


def fit(
    profiles: IntArray, sizes: Sequence[int], counts: FloatArray, start: FloatArray | None = None
) -> FloatArray:
    """Coefficients of a multinomial regression, shape (1 + levels of all predictors, n_levels).

    The first row is the intercept; then comes one row for each level of each predictor, with the level left
    to the prior to identify rather than compared with a first one.

    Maximises ``sum counts * log softmax(x @ b) - sum precision * b^2 / 2`` with precision .25 (a normal
    prior with standard deviation 2), next to none for the intercept, the first row.

    Args:
        profiles: code of each predictor, none unknown, shape (n_profiles, n_predictors).
        sizes: number of levels of each predictor.
        counts: weighted people of each profile and level, shape (n_profiles, n_levels).
        start: coefficients to begin with.
    """
    from scipy.linalg import solve_triangular
    from scipy.optimize import minimize

    # Sparse, also because threaded dense products this small take a hundred times as long on a busy machine.
    x = _design(profiles, sizes)
    total, shape = counts.sum(axis=1), (x.shape[1], counts.shape[1])
    precision = np.full(shape, _PRIOR_PRECISION)
    precision[0] = _INTERCEPT_PRECISION
    scale = 1.0 / total.sum()
    # Coordinates in which the loss is nearly round: the bound of Böhning, AISM 44 (1992), on its curvature.
    bound: FloatArray = 0.5 * (x.T @ x.multiply(total[:, None])).toarray() + np.diag(precision[:, 0])
    lower = np.linalg.cholesky(bound)
    inverse: FloatArray = solve_triangular(lower, np.eye(len(lower)), lower=True)

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        b: FloatArray = inverse.T @ flat.reshape(shape)
        log_p = _log_softmax(x @ b)
        slope: FloatArray = x.T @ (total[:, None] * np.exp(log_p) - counts) + precision * b
        value = -float(np.sum(counts * log_p)) + 0.5 * float(np.sum(precision * b**2))
        return value * scale, (inverse @ slope * scale).reshape(-1)

    first: FloatArray = np.zeros(shape) if start is None else lower.T @ start
    options: Any = {"maxiter": 500, "maxcor": 20, "gtol": 1e-7, "ftol": 1e-11}
    found = minimize(loss, first.reshape(-1), jac=True, method="L-BFGS-B", options=options)
    best: FloatArray = np.asarray(found.x, dtype=np.float64).reshape(shape)
    return inverse.T @ best


def _gaps(columns: Columns) -> list[_Gap]:
    found: list[_Gap] = []
    for place in range(len(columns.names)):
        column = columns.codes[:, place]
        known: BoolArray = column != UNKNOWN
        usable = np.flatnonzero(known & (columns.weights > 0))
        if not known.all():
            found.append(_Gap(place, usable, np.flatnonzero(~known), np.unique(column[usable])))
    return sorted(found, key=lambda g: len(g.missing))


def _bootstrap(columns: Columns, gap: _Gap, copy: int, seed: int, name: str) -> FloatArray:
    """Weights of the observed people in one copy; they sum to their number."""
    question = f"model {name}: {columns.names[gap.place]} people copy {copy}"
    uniform = draws.uniforms(seed, [columns.ids[int(i)] for i in gap.observed], [question])[:, 0]
    weights = columns.weights[gap.observed] * -np.log1p(-uniform)
    return weights * (len(weights) / weights.sum())


def _from_margin(columns: Columns, gap: _Gap, boot: FloatArray, copy: int, seed: int, name: str) -> IntArray:
    """First values: drawn from the observed shares, independently of all else."""
    question = f"model {name}: {columns.names[gap.place]} start copy {copy}"
    uniform = draws.uniforms(seed, [columns.ids[int(i)] for i in gap.missing], [question])[:, 0]
    shares = np.bincount(columns.codes[gap.observed, gap.place], weights=boot)[gap.levels]
    cumulated = np.cumsum(shares / shares.sum())
    return gap.levels[np.searchsorted(cumulated, uniform, side="right").clip(max=len(gap.levels) - 1)]


def _redrawn(
    columns: Columns,
    gap: _Gap,
    filled: IntArray,
    boot: FloatArray,
    uniform: FloatArray,
    start: FloatArray | None,
) -> tuple[IntArray, FloatArray]:
    """New values for one attribute's gaps, and the coefficients behind them."""
    others = [a for a in range(len(columns.names)) if a != gap.place]
    sizes = [columns.sizes[a] for a in others]
    of_person, profiles = _distinct(filled[:, others], sizes)
    chosen: IntArray = filled[gap.observed, gap.place]
    level: IntArray = np.searchsorted(gap.levels, chosen)
    cell = of_person[gap.observed] * len(gap.levels) + level
    sums = np.bincount(cell, weights=boot, minlength=len(profiles) * len(gap.levels))
    counts = sums.reshape(len(profiles), -1).astype(np.float64)
    used = counts.sum(axis=1) > 0
    fitted = fit(profiles[used], sizes, counts[used], start)
    needed, back = np.unique(of_person[gap.missing], return_inverse=True)
    shares = np.exp(_log_softmax(_design(profiles[needed], sizes) @ fitted))
    return gap.levels[draws.draw(shares[back.reshape(-1)], uniform)], fitted


def _distinct(codes: IntArray, sizes: Sequence[int]) -> tuple[IntArray, IntArray]:
    """Number of each person's profile, and the distinct profiles."""
    key, span = np.zeros(len(codes), dtype=np.int64), 1
    for column, size in zip(codes.T, sizes, strict=True):
        if span * size > _LARGEST_KEY:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
            span = len(key)
        key, span = key * size + column, span * size
    _, example, place = np.unique(key, return_index=True, return_inverse=True)
    return place.reshape(-1).astype(np.int64), codes[example]


def _design(profiles: IntArray, sizes: Sequence[int]) -> Any:
    """An intercept and one column for each level of each predictor, sparse, (n_profiles, 1 + levels)."""
    from scipy.sparse import csr_array

    starts = np.cumsum([1, *sizes])
    index = np.column_stack([np.zeros(len(profiles), dtype=np.int64), profiles + starts[:-1]])
    rows: IntArray = np.arange(0, index.size + 1, index.shape[1], dtype=np.int64)
    return csr_array((np.ones(index.size), index.reshape(-1), rows), shape=(len(profiles), int(starts[-1])))


def _log_softmax(scores: FloatArray) -> FloatArray:
    scores = scores - scores.max(axis=1, keepdims=True)
    return scores - np.log(np.exp(scores).sum(axis=1, keepdims=True))
