"""Gradient boosting: trees over the attributes, as many as help people left out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from personas.arrays import FloatArray, IntArray
from personas.panel import Panel
from training.dataset import TrainingData
from training.ladder.rungs import learners
from training.ladder.rungs.columns import (
    Column,
    Constant,
    Design,
    Predictor,
    QuestionModels,
    folds,
    log_likelihood,
    question_models,
)
from training.threads import one_thread

_SEED = 1


@dataclass(frozen=True)
class Boosted:
    """The predictor of one question."""

    design: Design
    column: Column
    probabilities: Callable[[FloatArray], FloatArray]

    def predict(self, panel: Panel) -> FloatArray:
        """See ``Predictor``."""
        return self.column.smoothed(self.probabilities(_categories(self.design.codes(panel))))


def fit(data: TrainingData, seconds: float = float("inf")) -> QuestionModels:
    """Boosted trees for every question, as far as ``seconds`` reach, by scikit-learn.

    Trees of eight leaves, learning rate .06, attributes as unordered categories. The number of trees is the
    one that served a quarter of the people, left out, best; zero means the item share. All people are then
    fitted with that number. Mixed with the item share as far as that was shrunk.
    """
    design = Design(data.people)
    codes, fold = design.codes(data.people), folds(data.people.ids)
    with one_thread():
        return question_models("gradient boosting", data, lambda c: _fit(c, design, codes, fold), seconds)


def _fit(column: Column, design: Design, codes: IntArray, fold: IntArray) -> Predictor:
    inside = column.take(np.flatnonzero(fold[column.who] == 0))
    outside = column.take(np.flatnonzero(fold[column.who] != 0))
    n_options = len(column.share)
    if len(inside.who) == 0 or len(np.unique(outside.chosen)) < 2:
        return Constant(column.share)
    same = np.broadcast_to(column.share, (len(inside.who), n_options))
    none = log_likelihood(same, inside)
    trees = learners.best_number_of_trees(
        _rows(outside, codes), _rows(inside, codes), column.smoothed, n_options, none, _SEED
    )
    if trees == 0:
        return Constant(column.share)
    model = learners.boosted_trees(*_rows(column, codes), n_options, trees, _SEED)
    return Boosted(design, column, learners.probabilities(model, n_options))


def _rows(column: Column, codes: IntArray) -> tuple[FloatArray, IntArray, FloatArray]:
    return _categories(codes[column.who]), column.chosen, column.weights


def _categories(codes: IntArray) -> FloatArray:
    """Levels as categories; NaN where the level did not occur in training."""
    return np.where(codes >= 0, codes, np.nan).astype(np.float64)
