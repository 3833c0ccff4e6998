"""Learners of scikit-learn: the one typed module around it, loaded when something is fitted."""

from collections.abc import Callable
from typing import Any

import numpy as np

from personas.arrays import FloatArray, IntArray

Probabilities = Callable[[FloatArray], FloatArray]
"""Features (n, width) -> distribution over all options of the question, (n, n_options)."""

_LEARNING_RATE, _LEAVES, _MOST_TREES = 0.06, 8, 150


def multinomial_ridge(
    features: FloatArray, chosen: IntArray, weights: FloatArray, n_options: int, variance: float
) -> Probabilities:
    """A multinomial logit with a Gaussian prior of ``variance`` on its slopes; the intercept is free.

    With two options the fit is the binary logit, whose one slope stands for the difference of two. Options
    that nobody chose get probability zero; the caller smooths.
    """
    from sklearn.linear_model import (  # pyright: ignore[reportMissingTypeStubs]
        LogisticRegression,
    )

    model: Any = LogisticRegression(C=variance, max_iter=500, tol=1e-4)
    model.fit(features, chosen, sample_weight=weights)
    return _spread(model, n_options)


def boosted_trees(
    codes: FloatArray, chosen: IntArray, weights: FloatArray, n_options: int, trees: int, seed: int
) -> Any:
    """Gradient-boosted trees over attributes as categories; NaN is unknown, a branch of its own.

    Returned as the library's object for ``stages`` and ``probabilities``.
    """
    from sklearn.ensemble import (  # pyright: ignore[reportMissingTypeStubs]
        HistGradientBoostingClassifier,
    )

    learner: Any = HistGradientBoostingClassifier
    model: Any = learner(
        learning_rate=_LEARNING_RATE,
        max_iter=trees,
        max_leaf_nodes=_LEAVES,
        min_samples_leaf=max(2, min(20, len(chosen) // 10)),
        l2_regularization=1.0,
        categorical_features=[True] * codes.shape[1],
        early_stopping=False,
        random_state=seed,
    )
    return model.fit(codes, chosen, sample_weight=weights)


def best_number_of_trees(
    outside: tuple[FloatArray, IntArray, FloatArray],
    inside: tuple[FloatArray, IntArray, FloatArray],
    smoothed: Callable[[FloatArray], FloatArray],
    n_options: int,
    none: float,
    seed: int,
) -> int:
    """How many trees, fitted to ``outside``, give the answers ``inside`` the best log-likelihood; 0 for none.

    Args:
        outside: codes, chosen options and weights to fit to.
        inside: those to score.
        smoothed: applied to each distribution before it is scored.
        n_options: of the question.
        none: log-likelihood of the answers inside without any tree.
        seed: of the learner.
    """
    codes, chosen, weights = inside
    model = boosted_trees(*outside, n_options, _MOST_TREES, seed)
    best, number, since = none, 0, 0
    for trees, staged in enumerate(model.staged_predict_proba(codes), start=1):
        own = smoothed(_widened(np.asarray(staged), model.classes_, n_options))
        score = float(weights @ np.log(own[np.arange(len(chosen)), chosen]))
        if score > best:
            best, number, since = score, trees, 0
        since += 1
        if since > 20:
            break
    return number


def probabilities(model: Any, n_options: int) -> Probabilities:
    """The distributions that boosted trees predict."""
    return _spread(model, n_options)


def _spread(model: Any, n_options: int) -> Probabilities:
    def predict(features: FloatArray) -> FloatArray:
        if len(features) == 0:  # which scikit-learn refuses
            return np.zeros((0, n_options))
        return _widened(np.asarray(model.predict_proba(features)), model.classes_, n_options)

    return predict


def _widened(found: FloatArray, classes: IntArray, n_options: int) -> FloatArray:
    """Probabilities of the options that occurred, with zeros for the others, shape (n, n_options)."""
    out = np.zeros((len(found), n_options))
    out[:, classes] = found
    return out
