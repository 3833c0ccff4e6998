"""Multinomial logit on attributes, by scikit-learn: an independent implementation to compare with."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks.held_out import Part
from personas.answer import NO_ANSWER
from personas.arrays import FloatArray, IntArray
from personas.panel import Panel

PENALTIES = (0.003, 0.01, 0.03, 0.1, 0.3)
"""Inverse ridges that are tried; the same for all questions."""
FOLDS, SAMPLE = 3, 60


class Logit(NamedTuple):
    """Expected answers of the people held out, and the inverse ridge that was chosen."""

    distributions: list[FloatArray]
    penalty: float


def logit(train: Part, test: Part, rng: np.random.Generator) -> Logit:
    """A logit for each question, ridge tuned on people left out over ``SAMPLE`` of the questions.

    Attributes are indicators of their levels; one that is unknown is zero everywhere. A class that nobody
    chose in training gets the share of one answer.
    """
    x, new = indicators(train.people), indicators(test.people)
    columns = train.answers.chosen.T
    some = rng.choice(len(columns), min(SAMPLE, len(columns)), replace=False)
    fold = rng.permutation(np.arange(len(x)) % FOLDS)
    losses = [_left_out(x, [columns[i] for i in some], train.weights, fold, c) for c in PENALTIES]
    best = PENALTIES[int(np.argmin(losses))]
    sizes = [len(q.options) for q in train.answers.questions]
    pairs = zip(columns, sizes, strict=True)
    return Logit([_fit(x, chosen, train.weights, new, n, best) for chosen, n in pairs], best)


def indicators(people: Panel) -> FloatArray:
    """One column for each level of each attribute, shape (n_people, n_levels)."""
    parts = [
        (codes[:, None] == np.arange(len(levels))[None, :]).astype(np.float64)
        for codes, levels in zip(people.codes.T, people.levels, strict=True)
    ]
    return np.concatenate(parts, axis=1)


def _left_out(
    x: FloatArray, columns: Sequence[IntArray], weights: FloatArray, fold: IntArray, penalty: float
) -> float:
    total = size = 0.0
    for chosen in columns:
        n_options = int(chosen.max()) + 1
        for f in range(FOLDS):
            inside, outside = fold != f, (fold == f) & (chosen != NO_ANSWER)
            found = _fit(x[inside], chosen[inside], weights[inside], x[outside], n_options, penalty)
            right = found[np.arange(len(found)), chosen[outside]]
            total -= float(weights[outside] @ np.log(right))
            size += float(weights[outside].sum())
    return total / size


def _fit(
    x: FloatArray, chosen: IntArray, weights: FloatArray, new: FloatArray, n_options: int, penalty: float
) -> FloatArray:
    """Probabilities (n_new, n_options)."""
    from sklearn.linear_model import LogisticRegression  # pyright: ignore[reportMissingTypeStubs]

    rows = chosen != NO_ANSWER
    classes = np.unique(chosen[rows])
    found = np.full((len(new), n_options), 1.0 / (rows.sum() + n_options))
    if len(classes) == 1:
        found[:, classes[0]] = 1.0
    else:
        model: Any = LogisticRegression(C=penalty, max_iter=200, tol=1e-3)
        model.fit(x[rows], chosen[rows], sample_weight=weights[rows])
        found[:, classes] = model.predict_proba(new)
    return found / found.sum(axis=1, keepdims=True)
