"""Logit rungs: multinomial and ordered, with a ridge chosen on people left out."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from personas.arrays import FloatArray, IntArray
from personas.panel import Panel
from training.dataset import TrainingData
from training.ladder.rungs import learners, ordered
from training.ladder.rungs.columns import (
    Column,
    Constant,
    Design,
    Predictor,
    QuestionModels,
    columns,
    cross_folds,
    folds,
    log_likelihood,
    question_models,
)
from training.threads import one_thread

VARIANCES = (0.003, 0.01, 0.03, 0.1, 0.3, 1.0)
"""Prior variances of a slope that are tried; the ridge is one over it."""
MOST_TUNED = 60
"""Questions that get a ridge of their own, where there are more."""

_COMMON = 2.0  # how many questions the mean of all counts as when a question's own ridge is chosen

Fit = Callable[[FloatArray, Column, float], Callable[[FloatArray], FloatArray]]
"""Features of those who answered, their answers and a variance -> what predicts from features."""


@dataclass(frozen=True)
class Logit:
    """The predictor of one question."""

    design: Design
    column: Column
    probabilities: Callable[[FloatArray], FloatArray]

    def predict(self, panel: Panel) -> FloatArray:
        """See ``Predictor``."""
        return self.column.smoothed(self.probabilities(self.design.dummies(panel)))


def multinomial(data: TrainingData, seconds: float = float("inf")) -> QuestionModels:
    """A multinomial logit of every question on the attributes as dummies, by scikit-learn.

    Each question has the ridge (or none of the attributes, only the item share) with the highest
    cross-validated log-likelihood of people left out, where two parts of the mean over all questions are
    added to its own: a single small question cannot tell. On 40 questions of the General Social Survey this
    was better than one ridge for all, and than one for each alone, for 3,404, 300 and 100 people. Beyond
    ``MOST_TUNED`` questions, evenly spread, the others take what is best in the mean.

    Dummies are centred, unknown is a level of its own, and a level new in prediction counts as average. What
    is fitted is mixed with the item share as far as that was shrunk, so separation and options that nobody
    chose do no harm. Why not statsmodels' ``MNLogit``: it has no ridge, and without one dummies separate
    small panels; the tests hold both to the same numbers where the penalty vanishes.
    """
    return _fit("multinomial logit", data, seconds, lambda column: _multinomial)


def ordinal(data: TrainingData, seconds: float = float("inf")) -> QuestionModels:
    """The same with proportional odds where the scale is ordinal and has more than two options."""

    def chosen(column: Column) -> Fit:
        steps = column.question.scale == "ordinal" and len(column.share) > 2
        return _ordered if steps else _multinomial

    return _fit("ordered logit", data, seconds, chosen)


def _fit(name: str, data: TrainingData, seconds: float, fit_of: Callable[[Column], Fit]) -> QuestionModels:
    design = Design(data.people)
    features = design.dummies(data.people)
    made = columns(data)
    with one_thread():
        variances = _variances(made, features, folds(data.people.ids), fit_of)

    def fitted(column: Column) -> Predictor:
        variance = variances[column.question.name]
        if variance is None:
            return Constant(column.share)
        return Logit(design, column, fit_of(column)(features[column.who], column, variance))

    with one_thread():
        return question_models(name, data, fitted, seconds, made)


def _variances(
    made: Sequence[Column], features: FloatArray, fold: IntArray, fit_of: Callable[[Column], Fit]
) -> dict[str, float | None]:
    """For each question the variance that serves people left out best; ``None`` is the item share."""
    fitting = [c for c in made if len(np.unique(c.chosen)) > 1]
    some = fitting[:: max(1, -(-len(fitting) // MOST_TUNED))]
    if not some:
        return {c.question.name: None for c in made}
    table = np.stack([_scores(c, features, fold, fit_of(c)) for c in some])
    common = table.mean(axis=0)
    choices = (None, *VARIANCES)
    chosen: dict[str, float | None] = {c.question.name: choices[int(np.argmax(common))] for c in made}
    for column, own in zip(some, table, strict=True):
        chosen[column.question.name] = choices[int(np.argmax(own + _COMMON * common))]
    return chosen


def _scores(column: Column, features: FloatArray, fold: IntArray, fit: Fit) -> FloatArray:
    """Log-likelihood of people left out: with the item share, then with each variance."""
    found = np.zeros(1 + len(VARIANCES))
    for outside, inside in cross_folds(column, fold):
        found[0] += log_likelihood(_same(inside), inside)
        for i, variance in enumerate(VARIANCES, start=1):
            predicted = fit(features[outside.who], outside, variance)(features[inside.who])
            found[i] += log_likelihood(inside.smoothed(predicted), inside)
    return found


def _same(column: Column) -> FloatArray:
    return np.broadcast_to(column.share, (len(column.who), len(column.share)))


def _multinomial(features: FloatArray, column: Column, variance: float) -> learners.Probabilities:
    return learners.multinomial_ridge(features, column.chosen, column.weights, len(column.share), variance)


def _ordered(features: FloatArray, column: Column, variance: float) -> learners.Probabilities:
    fitted = ordered.fit(features, column.chosen, column.weights, len(column.share), 1.0 / variance)
    return fitted.probabilities
