"""Answers: what people chose, or what simulated persons were drawn to say."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from personas.arrays import FloatArray, IntArray
from personas.question import Question

NO_ANSWER = -1


@dataclass(frozen=True)
class Answers:
    """Chosen options of people or persons.

    Attributes:
        questions: the questions, one for each column of ``chosen``.
        chosen: index of the option, shape (n_persons, n_questions); ``NO_ANSWER`` where not asked or refused.
    """

    questions: tuple[Question, ...]
    chosen: IntArray

    def __post_init__(self) -> None:
        if self.chosen.ndim != 2 or self.chosen.shape[1] != len(self.questions):
            raise ValueError(f"chosen must have {len(self.questions)} columns, got shape {self.chosen.shape}")

    def column(self, name: str) -> IntArray:
        """Chosen options of one question, shape (n_persons,); ``KeyError`` names an unknown question."""
        names = [q.name for q in self.questions]
        if name not in names:
            raise KeyError(f"no question {name!r}; there are {', '.join(names)}")
        return self.chosen[:, names.index(name)]

    def take(self, rows: IntArray) -> "Answers":
        """The answers of the people in ``rows``."""
        return Answers(self.questions, self.chosen[rows])

    def only(self, names: Sequence[str]) -> "Answers":
        """The answers to the questions named, in that order."""
        by_name = {q.name: q for q in self.questions}
        chosen = np.stack([self.column(n) for n in names], axis=1)
        return Answers(tuple(by_name[n] for n in names), chosen)


def shares(chosen: IntArray, n_options: int, weights: FloatArray) -> FloatArray:
    """Weighted share of each option among those who answered, shape (n_options,).

    ``shares([0, 1, 1, -1], 2, [1, 1, 2, 9])`` is ``[.25, .75]``.

    Raises:
        ValueError: nobody with a positive weight answered.
    """
    answered = chosen != NO_ANSWER
    total = np.bincount(chosen[answered], weights=weights[answered], minlength=n_options)
    if total.sum() <= 0:
        raise ValueError("shares need at least one answer with a positive weight")
    return total / total.sum()
