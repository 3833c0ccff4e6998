"""What one pass reads: some people and questions that most of them answered."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np

from personas.arrays import BoolArray, IntArray
from training.dataset import TrainingData

_ENOUGH = 0.5  # of a part's questions, that somebody who joins its first person has answered


class Part(NamedTuple):
    """One pass: some people, or groups, with some questions.

    Attributes:
        questions: columns of the training questions, in the order of the tree.
        people: rows of the people.
        groups: rows of ``GroupTargets``, read behind the people as partial personas.
        codes: attributes of the people as they are read, after dropout.
        seed: of PyTorch's own draws in the pass, so that they do not depend on who computes it.
    """

    questions: IntArray
    people: IntArray
    groups: IntArray
    codes: IntArray
    seed: int = 0


def part_of(
    data: TrainingData,
    answered: BoolArray,
    lengths: IntArray,
    tokens: int,
    most_people: int,
    rng: np.random.Generator,
) -> Part:
    """A random person, questions that this person answered, and others who answered most of the same.

    Surveys ask each person some of their questions; a random person with random questions would leave most
    of a pass without answers.

    Args:
        data: people and answers.
        answered: whose answers to which questions count, shape (n_people, n_questions).
        lengths: tokens of each question with its options, shape (n_questions,).
        tokens: of all questions of the pass.
        most_people: in the pass.
        rng: of the draw.
    """
    willing = np.flatnonzero(answered.any(axis=1))
    first = int(rng.choice(willing))
    asked = rng.permutation(np.flatnonzero(answered[first]))
    fits = np.cumsum(lengths[asked]) <= tokens
    questions = np.sort(asked[fits] if fits.any() else asked[:1])
    common = answered[:, questions].mean(axis=1)
    common[first] = 0.0
    near = np.flatnonzero(common >= _ENOUGH)
    others = rng.permutation(near)[: most_people - 1]
    people = np.array([first, *others], dtype=np.int64)
    return Part(questions, people, np.zeros(0, dtype=np.int64), data.people.codes[people])


def split_people(
    data: TrainingData, share: float, rng: np.random.Generator
) -> tuple[TrainingData, TrainingData]:
    """People to learn from and people to stop by, a ``share`` of all; both keep all questions."""
    n = len(data.people)
    order = rng.permutation(n)
    cut = max(1, round(share * n))
    return _taken(data, np.sort(order[cut:])), _taken(data, np.sort(order[:cut]))


def _taken(data: TrainingData, index: IntArray) -> TrainingData:
    people = data.people.take(index)
    return replace(data, people=people, answers=data.answers.take(index), weights=data.weights[index])
