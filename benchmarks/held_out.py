"""A survey parted into people and questions to learn from and to be scored on."""

from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np

from grounding import blocks
from grounding.splits import Split
from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray, IntArray
from personas.panel import Panel
from personas.question import Question
from training.dataset import TrainingData

Rule = Literal["beginning", "blocks"]
_BEGINNING = 60
FEWEST = 20
"""Answers that a question must have on either side of the split."""


class Part(NamedTuple):
    """People with some of their answers."""

    people: Panel
    answers: Answers

    @property
    def weights(self) -> FloatArray:
        """Weights of the people, with mean one."""
        return self.people.weights / self.people.weights.mean()

    def only(self, names: Sequence[str]) -> "Part":
        """The same people with their answers to these questions."""
        return Part(self.people, self.answers.only(names))

    def take(self, rows: IntArray) -> "Part":
        """Some of the people."""
        return Part(self.people.take(rows), self.answers.take(rows))

    def data(self) -> TrainingData:
        """As what a model is fitted on."""
        return TrainingData(self.people, self.answers, self.weights)


class Halves(NamedTuple):
    """One split of a survey.

    Attributes:
        train: the people learned from, with all their answers.
        test: the people held out, with all their answers.
        seen: names of the questions learned from.
        unseen: names of the questions held out.
        split: for the record of what is fitted.
    """

    train: Part
    test: Part
    seen: tuple[str, ...]
    unseen: tuple[str, ...]
    split: Split


def batteries(questions: Sequence[Question], rule: Rule) -> list[tuple[str, ...]]:
    """Names of questions that are held out together: same first 60 characters, or ``grounding.blocks``."""
    if rule == "blocks":
        return [tuple(names) for names in blocks.blocks(questions)]
    groups: dict[str, list[str]] = {}
    for question in questions:
        groups.setdefault(question.text[:_BEGINNING], []).append(question.name)
    return [tuple(names) for names in groups.values()]


def halves(people: Panel, answers: Answers, seed: int, n_people: int, n_questions: int, rule: Rule) -> Halves:
    """About ``n_questions`` questions in whole batteries and ``n_people`` people held out, by seed.

    Questions with fewer than ``FEWEST`` answers on either side are in neither part.
    """
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(people))
    test = Part(people, answers).take(np.sort(order[:n_people]))
    train = Part(people, answers).take(np.sort(order[n_people:]))
    known = np.minimum(*((part.answers.chosen != NO_ANSWER).sum(axis=0) for part in (train, test)))
    kept = {q.name for q, n in zip(answers.questions, known, strict=True) if n >= FEWEST}
    groups = batteries(answers.questions, rule)
    out: list[str] = []
    for place in rng.permutation(len(groups)):
        group = groups[int(place)]
        # A battery so large that it would hold out far more than asked for waits for another seed.
        if len(out) < n_questions and len(out) + len(group) <= 1.25 * n_questions:
            out += group
    unseen = tuple(q.name for q in answers.questions if q.name in kept and q.name in set(out))
    seen = tuple(q.name for q in answers.questions if q.name in kept and q.name not in set(out))
    return Halves(train, test, seen, unseen, Split(seed, n_people / len(people), tuple(sorted(out))))
