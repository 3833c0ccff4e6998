"""Scores of single answers: does a model know who says what, and not only how many?

Pooled over questions: every answer given counts by its person's weight. Distributions are in the order of the
answers' questions, one array (n_people, n_options) for each, of the same people row by row.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray, IntArray
from personas.measures.answered import answered

FLOOR = 1e-6
_NEGLIGIBLE = 1e-10
_TIE = 1e-12
_ROUNDING = 1e-20


class Macro(NamedTuple):
    """Means over options and then over questions: every option counts alike, however rare.

    Attributes:
        precision: of those predicted to choose an option, the share who do.
        recall: of those who choose an option, the share predicted to.
        f1: harmonic mean of the two, option by option.
    """

    precision: float
    recall: float
    f1: float


def shares(distribution: FloatArray, weights: FloatArray) -> FloatArray:
    """Expected weighted share of each option, (n_options,), from distributions (n_people, n_options).

    ``shares([[1, 0], [.5, .5]], [1, 3])`` is ``[.625, .375]``.

    Raises:
        ValueError: nobody has a positive weight.
    """
    total = weights @ distribution
    if not total.sum() > 0:
        raise ValueError("shares need at least one person with a positive weight")
    return total / total.sum()


def probabilities(distribution: FloatArray, chosen: IntArray) -> FloatArray:
    """Probability given to each person's answer, (n_people,); NaN where there is none."""
    given = chosen != NO_ANSWER
    found = np.full(len(chosen), np.nan)
    found[given] = distribution[given, chosen[given]]
    return found


def log_scores(distribution: FloatArray, chosen: IntArray) -> FloatArray:
    """Log probability of each person's answer in nats, (n_people,); NaN where there is none.

    A probability below ``FLOOR`` counts as ``FLOOR``: an answer called impossible costs 13.8 nats instead
    of making the mean infinite. ``log_scores([[.5, .5], [1, 0]], [0, 1])`` is ``[-.693, -13.8]``.
    """
    return np.log(np.maximum(probabilities(distribution, chosen), FLOOR))


def sums(scores: FloatArray, drawn: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weighted sum of scores and weight of the answers given, each (replicates, n_questions).

    Args:
        scores: one for each answer, (n_people, n_questions); NaN where there is no answer.
        drawn: weight of each person in each replicate, (replicates, n_people).
    """
    given = ~np.isnan(scores)
    return drawn @ np.where(given, scores, 0.0), drawn @ given.astype(np.float64)


def mean(scores: FloatArray, weights: FloatArray) -> float:
    """Weighted mean of scores (n_people, n_questions) over all answers given; NaN is no answer.

    Raises:
        ValueError: there is no answer with a positive weight.
    """
    total, size = sums(scores, weights[None, :])
    if not size.sum() > 0:
        raise ValueError("a mean over answers needs at least one answer with a positive weight")
    return float(total.sum() / size.sum())


def log_loss(distributions: Sequence[FloatArray], answers: Answers, weights: FloatArray) -> float:
    """Mean of ``-log p(real answer)`` in nats; 0 for certainty that is right, ``log k`` for k options alike.

    Probabilities below ``FLOOR`` count as ``FLOOR``. With ``[.5, .5]`` and ``[.8, .2]`` for two people who
    chose the first option: ``(.693 + .223) / 2 = .458``.

    Raises:
        ValueError: nobody with a positive weight answered, or shapes do not fit (says which).

    Source: Good, "Rational decisions", Journal of the Royal Statistical Society B 14 (1952).
    """
    return -_pooled(log_scores, distributions, answers, weights)


def brier(distributions: Sequence[FloatArray], answers: Answers, weights: FloatArray) -> float:
    """Mean of ``sum_o (p_o - [answer is o])^2``: 0 for certainty that is right, 2 for one that is wrong.

    The original form over all options, so for two options twice what is often called so. ``[.7, .2, .1]``
    for a person who chose the first: ``.09 + .04 + .01 = .14``.

    Raises:
        ValueError: nobody with a positive weight answered, or shapes do not fit (says which).

    Source: Brier, "Verification of forecasts expressed in terms of probability", Monthly Weather Review
    78 (1950).
    """
    return _pooled(_squared_errors, distributions, answers, weights)


def accuracy(distributions: Sequence[FloatArray], answers: Answers, weights: FloatArray) -> float:
    """Share of answers that are the option called most probable.

    Where several options are equally probable, one of them is right by chance: the answer counts as one
    divided by their number, so that the order of options does not matter. It rewards naming the most
    frequent option, so it is shown beside log loss and never alone. ``[.6, .4]`` and ``[.5, .5]`` for two
    people who chose the first: ``(1 + .5) / 2 = .75``.

    Raises:
        ValueError: nobody with a positive weight answered, or shapes do not fit (says which).
    """
    return _pooled(_hits, distributions, answers, weights)


def macro(distributions: Sequence[FloatArray], answers: Answers, weights: FloatArray) -> Macro:
    """Precision, recall and F1 of the options called most probable, for items that classify people.

    For option o, with weights: ``precision = hits / predicted``, ``recall = hits / chosen``,
    ``F1 = 2 hits / (predicted + chosen)``; ties are split as in ``accuracy``. An option that is never
    predicted has no precision, one that nobody chose has no recall, and each is left out of that mean; an
    option chosen but never predicted has recall and F1 of 0. Predicted a, a, b for answers a, b, b: precision
    ``(1/2 + 1) / 2 = .75``, recall ``(1 + 1/2) / 2 = .75``, F1 ``(2/3 + 2/3) / 2 = .667``. Questions that
    nobody answered are left out.

    Raises:
        ValueError: nobody with a positive weight answered, or shapes do not fit (says which).

    Source: van Rijsbergen, "Information Retrieval" (1979), chapter 7; means over classes as in Sokolova and
    Lapalme, "A systematic analysis of performance measures for classification tasks", Information
    Processing and Management 45 (2009), table 3 (but F1 is averaged, not taken of the averages).
    """
    found: list[tuple[float, float, float]] = []
    for _, distribution, real, w in answered(distributions, answers, weights):
        predicted = _most_probable(distribution) * w[:, None]
        hits = np.bincount(real, predicted[np.arange(len(real)), real], predicted.shape[1])
        called, had = predicted.sum(axis=0), np.bincount(real, w, predicted.shape[1])
        parts = ((hits, called), (hits, had), (2 * hits, called + had))
        precision, recall, f1 = (float(np.mean(top[low > 0] / low[low > 0])) for top, low in parts)
        found.append((precision, recall, f1))
    precision, recall, f1 = np.mean(found, axis=0).tolist()
    return Macro(precision, recall, f1)


def signal(distributions: Sequence[FloatArray], answers: Answers, weights: FloatArray) -> float | None:
    """Correlation of expected and real answers once each question's mean is taken out of both.

    ``sum w e r / sqrt(sum w e^2 * sum w r^2)`` over all answers, with ``e`` the expected and ``r`` the real
    place on the scale, each less its weighted mean in that question. Only ordinal questions count. It is
    what remains of a model when knowing the overall shares helps no more. Two people at the two ends of a
    scale, each expected a little to the right side: 1. ``None`` where it is undefined: no ordinal question,
    no spread in the real answers, or the same expectation for everybody (as the item share has it).

    Raises:
        ValueError: nobody with a positive weight answered, or shapes do not fit (says which).
    """
    covariance = expected_square = real_square = size = 0.0
    for question, distribution, chosen, w in answered(distributions, answers, weights):
        if question.scale != "ordinal":
            continue
        places = question.positions()
        expected = _centred(distribution @ places, w)
        real = _centred(places[chosen], w)
        covariance += float(w @ (expected * real))
        expected_square += float(w @ expected**2)
        real_square += float(w @ real**2)
        size += float(w.sum())
    # Single precision leaves a trace of spread in distributions that are the same for everybody.
    if real_square <= _ROUNDING * size or expected_square <= _NEGLIGIBLE * real_square:
        return None
    return covariance / float(np.sqrt(expected_square * real_square))


def _centred(values: FloatArray, weights: FloatArray) -> FloatArray:
    return values - (weights @ values) / weights.sum()


def _pooled(
    score: Callable[[FloatArray, IntArray], FloatArray],
    distributions: Sequence[FloatArray],
    answers: Answers,
    weights: FloatArray,
) -> float:
    """Weighted mean of ``score`` over all answers given."""
    found = answered(distributions, answers, weights)
    total = sum(float(q.weights @ score(q.distribution, q.chosen)) for q in found)
    return total / sum(float(q.weights.sum()) for q in found)


def _squared_errors(distribution: FloatArray, chosen: IntArray) -> FloatArray:
    right = probabilities(distribution, chosen)
    return np.square(distribution).sum(axis=1) - 2 * right + 1


def _hits(distribution: FloatArray, chosen: IntArray) -> FloatArray:
    return probabilities(_most_probable(distribution), chosen)


def _most_probable(distribution: FloatArray) -> FloatArray:
    """1 at the most probable option of each row, shared where several are, (n_people, n_options)."""
    top = (distribution >= distribution.max(axis=1, keepdims=True) - _TIE).astype(np.float64)
    return top / top.sum(axis=1, keepdims=True)
