"""Scores of single answers: does a model know who says what, and not only how many?"""

import numpy as np

from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray
from validation import intervals
from validation.results import Estimate
from validation.scored import Scored

FLOOR = 1e-6
_NEGLIGIBLE = 1e-10


def log_scores(scored: Scored, answers: Answers) -> FloatArray:
    """Log probability of each real answer in nats, (n_people, n_questions); NaN where there is no answer.

    A probability below ``FLOOR`` counts as ``FLOOR``: an answer called impossible costs 13.8 nats instead
    of making the mean infinite. ``impossible`` counts them, and reports say so.

    Args:
        scored: distributions over the same people, in the order of ``answers``.
        answers: real answers; their questions are looked up by name.
    """
    columns = [_probability(scored, answers, q.name) for q in answers.questions]
    return np.log(np.maximum(np.stack(columns, axis=1), FLOOR))


def impossible(scored: Scored, answers: Answers) -> int:
    """Number of real answers to which the distributions give a probability below ``FLOOR``."""
    return sum(int(np.sum(_probability(scored, answers, q.name) < FLOOR)) for q in answers.questions)


def mean_log_score(scores: FloatArray, weights: FloatArray) -> float:
    """Weighted mean over all answers given, in nats. Raises: ValueError where there is none."""
    total, size = _sums(scores, weights[None, :])
    if not size.sum() > 0:
        raise ValueError("a mean log score needs at least one answer with a positive weight")
    return float(total.sum() / size.sum())


def log_score_difference(
    model: FloatArray, baseline: FloatArray, weights: FloatArray, drawn: FloatArray, rng: np.random.Generator
) -> Estimate:
    """Mean log score of the model less that of a baseline, with a paired two-way interval.

    Args:
        model: ``log_scores`` of the model, (n_people, n_questions).
        baseline: those of the baseline for the same answers.
        weights: people's weights.
        drawn: how often each person is drawn, (replicates, n_people).
        rng: draws the questions of each replicate.
    """
    difference = model - baseline
    questions = difference.shape[1]
    total, size = _sums(difference, drawn * weights)
    again = intervals.counts(questions, len(drawn), rng)
    replicates = (total * again).sum(axis=1) / (size * again).sum(axis=1)
    return intervals.recentred(mean_log_score(difference, weights), replicates, questions)


def person_signal(scored: Scored, answers: Answers, weights: FloatArray) -> float | None:
    """Correlation of expected and real answers once each question's mean is taken out of both.

    Answers are places on the scale; only ordinal questions count. It is what remains of a model when
    knowing the overall shares helps no more. ``None`` where it is undefined: no ordinal question, no
    spread in the real answers, or the same expectation for everybody (as the item share has it).

    Args:
        scored: distributions over the same people, in the order of ``answers``.
        answers: real answers.
        weights: people's weights.
    """
    covariance = expected_square = real_square = 0.0
    for question in answers.questions:
        chosen = answers.column(question.name)
        given = (chosen != NO_ANSWER) & (weights > 0)
        if question.scale != "ordinal" or not np.any(given):
            continue
        places, w = question.positions(), weights[given]
        expected = _centred((scored.distribution(question.name) @ places)[given], w)
        real = _centred(places[chosen[given]], w)
        covariance += float(w @ (expected * real))
        expected_square += float(w @ expected**2)
        real_square += float(w @ real**2)
    # Single precision leaves a trace of spread in distributions that are the same for everybody.
    if real_square <= 0.0 or expected_square <= _NEGLIGIBLE * real_square:
        return None
    return covariance / float(np.sqrt(expected_square * real_square))


def _centred(values: FloatArray, weights: FloatArray) -> FloatArray:
    return values - (weights @ values) / weights.sum()


def _probability(scored: Scored, answers: Answers, name: str) -> FloatArray:
    """Probability of each person's answer, (n_people,); NaN where there is none."""
    chosen = answers.column(name)
    given = chosen != NO_ANSWER
    found = np.full(len(chosen), np.nan)
    found[given] = scored.distribution(name)[given, chosen[given]]
    return found


def _sums(scores: FloatArray, drawn: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weighted sum of scores and weight of answers given, each (replicates, n_questions)."""
    given = ~np.isnan(scores)
    return drawn @ np.where(given, scores, 0.0), drawn @ given.astype(np.float64)
