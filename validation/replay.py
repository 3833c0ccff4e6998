"""Replay: the answers of a run beside those that the same persons give anew, bit by bit."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from personas.answer import NO_ANSWER
from personas.arrays import BoolArray, FloatArray, IntArray
from personas.question import Question
from validation.field import AnswerBatch


class Difference(NamedTuple):
    """The first answer that is not the same.

    Attributes:
        person: its person.
        question: its question.
        stored: the option drawn then, ``None`` where no answer came.
        new: the option drawn now, ``None`` where none came.
        distance: the largest difference of a probability; ``None`` where an answer came only once.
    """

    person: str
    question: str
    stored: str | None
    new: str | None
    distance: float | None


@dataclass(frozen=True)
class Compared:
    """What a replay found.

    Attributes:
        answers: compared, whether they came or not.
        draws: where another option was drawn, or an answer came only once.
        distributions: rows of which a bit differs.
        largest: the largest difference of a probability.
        first: the first answer that differs, in the order in which persons were asked; ``None`` without any.
    """

    answers: int = 0
    draws: int = 0
    distributions: int = 0
    largest: float = 0.0
    first: Difference | None = None

    @property
    def identical(self) -> bool:
        """Nothing differs, not in the last bit."""
        return self.first is None

    def plus(self, later: "Compared") -> "Compared":
        """Both together; ``later`` are answers of persons who were asked later."""
        return Compared(
            self.answers + later.answers,
            self.draws + later.draws,
            self.distributions + later.distributions,
            max(self.largest, later.largest),
            self.first or later.first,
        )


def compare(distributions: Sequence[FloatArray], drawn: IntArray, new: AnswerBatch) -> Compared:
    """Stored answers against those that the same persons gave anew.

    Args:
        distributions: (n_persons, n_options) for each question of ``new``; NaN where no answer came.
        drawn: (n_persons, n_questions); ``NO_ANSWER`` where none came.
        new: answers of the same persons to the same questions, in the same order.

    Raises:
        ValueError: shapes differ.
    """
    if drawn.shape != new.drawn.shape or len(distributions) != len(new.questions):
        raise ValueError(f"stored answers {drawn.shape} do not fit the new ones {new.drawn.shape}")
    pairs = list(zip(distributions, new.distributions, strict=True))
    changed = np.stack([_changed(old, now) for old, now in pairs], axis=1)  # (n_persons, n_questions)
    distance = np.stack([_distance(old, now) for old, now in pairs], axis=1)
    redrawn = drawn != new.drawn
    largest = float(np.nanmax(distance, initial=0.0, where=~np.isnan(distance)))
    cells = np.argwhere(changed | redrawn)
    return Compared(
        answers=drawn.size,
        draws=int(redrawn.sum()),
        distributions=int(changed.sum()),
        largest=largest,
        first=_difference(drawn, new, distance, *cells[0].tolist()) if len(cells) else None,
    )


def _changed(stored: FloatArray, new: FloatArray) -> BoolArray:
    """Rows of which a bit differs; two rows without an answer are alike whatever NaN they hold."""
    if stored.shape != new.shape:
        raise ValueError(f"stored distributions {stored.shape} do not fit the new ones {new.shape}")
    one, other = (np.ascontiguousarray(a, dtype=np.float64).view(np.int64) for a in (stored, new))
    both = np.isnan(stored).all(axis=1) & np.isnan(new).all(axis=1)
    return (one != other).any(axis=1) & ~both


def _distance(stored: FloatArray, new: FloatArray) -> FloatArray:
    """Largest difference of a probability in each row, NaN where one of the answers did not come."""
    return np.abs(stored - new).max(axis=1)


def _difference(drawn: IntArray, new: AnswerBatch, distance: FloatArray, i: int, j: int) -> Difference:
    question, far = new.questions[j], float(distance[i, j])
    stored, now = _option(question, int(drawn[i, j])), _option(question, int(new.drawn[i, j]))
    return Difference(new.persons[i], question.name, stored, now, None if np.isnan(far) else far)


def _option(question: Question, chosen: int) -> str | None:
    return None if chosen == NO_ANSWER else question.options[chosen]
