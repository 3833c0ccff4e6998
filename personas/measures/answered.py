"""The answers that count, question by question: what every score of single answers begins with."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray, IntArray
from personas.measures import distances
from personas.question import Question


class Answered(NamedTuple):
    """One question, with only the people who answered it and have a positive weight.

    Attributes:
        question: the question.
        distribution: what was predicted for each of them, (n, n_options).
        chosen: what they chose, (n,).
        weights: their weights, (n,), all above 0.
    """

    question: Question
    distribution: FloatArray
    chosen: IntArray
    weights: FloatArray


def answered(distributions: Sequence[FloatArray], answers: Answers, weights: FloatArray) -> list[Answered]:
    """The questions that anybody with a positive weight answered, in their order.

    Args:
        distributions: for each question of ``answers`` one array (n_people, n_options), row by row.
        answers: real answers.
        weights: people's weights, (n_people,).

    Raises:
        ValueError: nobody with a positive weight answered anything, a shape does not fit, a weight is
            negative or no number, or a row is no distribution (says which).
    """
    _check(distributions, answers, weights)
    found: list[Answered] = []
    for question, distribution, chosen in zip(
        answers.questions, distributions, answers.chosen.T, strict=True
    ):
        given = (chosen != NO_ANSWER) & (weights > 0)
        if np.any(given):
            distances.check(distribution[given], f"answer distribution of {question.name!r}")
            found.append(Answered(question, distribution[given], chosen[given], weights[given]))
    if not found:
        raise ValueError("a score of answers needs at least one answer with a positive weight")
    return found


def _check(distributions: Sequence[FloatArray], answers: Answers, weights: FloatArray) -> None:
    people = len(answers.chosen)
    if weights.shape != (people,) or not np.all((weights >= 0) & np.isfinite(weights)):
        raise ValueError(f"weights must be {people} numbers >= 0, one for each row of answers")
    if len(distributions) != len(answers.questions):
        raise ValueError(f"{len(distributions)} distributions for {len(answers.questions)} questions")
    for question, distribution in zip(answers.questions, distributions, strict=True):
        expected = (people, len(question.options))
        if distribution.shape != expected:
            raise ValueError(f"{question.name!r} needs shape {expected}, got {distribution.shape}")
