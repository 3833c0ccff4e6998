"""How answers of the same people go together: correlations of questions, and how far two sets differ."""

import numpy as np

from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray


def correlations(answers: Answers, weights: FloatArray, fewest: int = 100) -> FloatArray:
    """Weighted correlation of every two questions over who answered both, (n_questions, n_questions).

    An answer is its place on the scale, ``Question.positions``. NaN where fewer than ``fewest`` answered
    both, or all of them gave one of the two the same answer, and for questions of more than two options
    without an order, whose options have no place.
    """
    given = answers.chosen != NO_ANSWER
    values = np.zeros(given.shape)
    for q, question in enumerate(answers.questions):
        places = np.linspace(-1.0, 1.0, 2) if len(question.options) == 2 else question.positions()
        values[:, q] = np.where(given[:, q], places[answers.chosen[:, q]], 0.0)
    # Sums over those who answered both of a pair: rows belong to the first question, columns to the second.
    both = given.astype(np.float64)
    heavy = weights[:, None] * both
    total, mean = heavy.T @ both, (heavy * values).T @ both
    square, product = (heavy * values**2).T @ both, (heavy * values).T @ values
    with np.errstate(invalid="ignore", divide="ignore"):
        mean, square, product = mean / total, square / total, product / total
        variance = np.maximum(square - mean**2, 0.0)
        variance[variance < 1e-12] = np.nan
        found = (product - mean * mean.T) / np.sqrt(variance * variance.T)
    found[both.T @ both < fewest] = np.nan
    return found


def distance(first: FloatArray, second: FloatArray) -> float:
    """Root mean square difference of two correlation matrices, over the pairs that both have.

    Raises:
        ValueError: there is no such pair.
    """
    upper = np.triu_indices(len(first), 1)
    gap = (first - second)[upper]
    gap = gap[~np.isnan(gap)]
    if not len(gap):
        raise ValueError("no two questions have a correlation in both matrices")
    return float(np.sqrt(np.mean(np.square(gap))))
