"""Scores of single answers of what was mirrored: the arithmetic is that of ``personas.measures.scores``."""

import numpy as np

from personas.answer import Answers
from personas.arrays import FloatArray
from personas.measures import scores
from validation.scored import Scored


def log_scores(scored: Scored, answers: Answers) -> FloatArray:
    """Log probability of each real answer in nats, (n_people, n_questions); NaN where there is no answer.

    A probability below ``scores.FLOOR`` counts as that much; ``impossible`` counts them, and reports say so.

    Args:
        scored: distributions over the same people, in the order of ``answers``.
        answers: real answers; their questions are looked up by name.
    """
    columns = zip(_distributions(scored, answers), answers.chosen.T, strict=True)
    return np.stack([scores.log_scores(d, chosen) for d, chosen in columns], axis=1)


def impossible(scored: Scored, answers: Answers) -> int:
    """Number of real answers to which the distributions give a probability below ``scores.FLOOR``."""
    columns = zip(_distributions(scored, answers), answers.chosen.T, strict=True)
    return sum(int(np.sum(scores.probabilities(d, chosen) < scores.FLOOR)) for d, chosen in columns)


def person_signal(scored: Scored, answers: Answers, weights: FloatArray) -> float | None:
    """``scores.signal`` of the distributions over the same people, in the order of ``answers``."""
    return scores.signal(_distributions(scored, answers), answers, weights)


def _distributions(scored: Scored, answers: Answers) -> list[FloatArray]:
    return [scored.distribution(q.name) for q in answers.questions]
