"""Demographic cells: the shares of people alike in a few attributes, shrunk towards the item share."""

from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

from personas.arrays import FloatArray, IntArray
from personas.panel import Panel
from training.dataset import TrainingData
from training.ladder.rungs.columns import Column, Constant, Design, Predictor, QuestionModels, question_models

_STRENGTHS: FloatArray = np.geomspace(1.0, 3000.0, 25)
_MOST_ATTRIBUTES = 3


@dataclass(frozen=True)
class Cells:
    """Shares of one question by cell.

    Attributes:
        design: levels of all attributes.
        crossed: columns of the attributes that make the cells.
        strength: how many people the item share counts as in each cell.
        shares: by cell, shape (n_cells + 1, n_options); the last is the item share, for people in no cell.
    """

    design: Design
    crossed: tuple[int, ...]
    strength: float
    shares: FloatArray

    def predict(self, panel: Panel) -> FloatArray:
        """See ``Predictor``."""
        return self.shares[_cells(self.design.codes(panel), self.crossed, self.design.sizes)]


def fit(data: TrainingData) -> QuestionModels:
    """Cell shares of every question.

    ``(counts + kappa * item share) / (n + kappa)`` in each cell, with counts in people of the effective
    base. Attributes are added one after the other, three at most, each the one that raises the
    Dirichlet-multinomial evidence of the counts the most, and only while the log evidence rises by more than
    ``log(number of attributes)``: the price of having chosen among so many. ``kappa`` maximises the same
    evidence. Without an attribute that pays, everybody has the item share.

    Source: Minka, "Estimating a Dirichlet distribution" (2000), eq. 53, the evidence; the search is ours.
    """
    design = Design(data.people)
    codes = design.codes(data.people)
    return question_models("demographic cells", data, lambda column: _fit(column, design, codes))


def _fit(column: Column, design: Design, codes: IntArray) -> Predictor:
    own, indicators = codes[column.who], column.indicators()
    price = float(np.log(max(2, codes.shape[1])))
    crossed: tuple[int, ...] = ()
    best, strength = float(indicators.sum(axis=0) @ np.log(column.share)), np.inf
    while len(crossed) < min(_MOST_ATTRIBUTES, codes.shape[1]):
        tried = [
            (*_evidence(_counts(own, (*crossed, a), design.sizes, indicators), column.share), a)
            for a in range(codes.shape[1])
            if a not in crossed
        ]
        evidence, kappa, attribute = max(tried)
        if evidence <= best + price:
            break
        best, strength, crossed = evidence, kappa, (*crossed, attribute)
    if not crossed:
        return Constant(column.share)
    counts = _counts(own, crossed, design.sizes, indicators)
    shares = (counts + strength * column.share) / (counts.sum(axis=1, keepdims=True) + strength)
    return Cells(design, crossed, strength, np.vstack([shares, column.share]))


def _cells(codes: IntArray, crossed: tuple[int, ...], sizes: list[int]) -> IntArray:
    """Cell of each person, (n,); the number of cells, that is one more than the last, for who is in none."""
    cell = np.zeros(len(codes), dtype=np.int64)
    outside = np.zeros(len(codes), dtype=np.bool_)
    for a in crossed:
        cell = cell * sizes[a] + codes[:, a]
        outside |= codes[:, a] < 0
    return np.where(outside, int(np.prod([sizes[a] for a in crossed])), cell)


def _counts(
    codes: IntArray, crossed: tuple[int, ...], sizes: list[int], indicators: FloatArray
) -> FloatArray:
    """Counts in every cell, shape (n_cells, n_options)."""
    n_cells = int(np.prod([sizes[a] for a in crossed]))
    cell = _cells(codes, crossed, sizes)
    counts = [np.bincount(cell, weights=w, minlength=n_cells)[:n_cells] for w in indicators.T]
    return np.stack(counts, axis=1).astype(np.float64)


def _evidence(counts: FloatArray, share: FloatArray) -> tuple[float, float]:
    """The highest log evidence of the counts around the item share, and the strength that gives it."""
    filled = counts[counts.sum(axis=1) > 0]
    totals = filled.sum(axis=1)
    strengths = _STRENGTHS[:, None]
    alpha = _STRENGTHS[:, None, None] * share  # (n_strengths, 1, n_options)
    cells = _log_gamma(strengths) - _log_gamma(strengths + totals)  # (n_strengths, n_cells)
    options = (_log_gamma(alpha + filled) - _log_gamma(alpha)).sum(axis=2)
    found = (cells + options).sum(axis=1)
    best = int(np.argmax(found))
    return float(found[best]), float(_STRENGTHS[best])


def _log_gamma(values: FloatArray) -> FloatArray:
    return np.asarray(gammaln(values), dtype=np.float64)
