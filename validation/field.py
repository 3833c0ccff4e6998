"""Fielding: every person answers every question, in batches that are written whole or not at all."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from personas.arrays import FloatArray, IntArray
from personas.models.base import AnswerModel
from personas.models.drawing import Drawing, independently
from personas.panel import Panel
from personas.question import Question


@dataclass(frozen=True)
class AnswerBatch:
    """Answers of some persons to all questions of a run.

    Attributes:
        persons: ids, shape (n_persons,).
        questions: the questions asked.
        distributions: one (n_persons, n_options) array for each question.
        drawn: index of the option drawn, shape (n_persons, n_questions).
        seconds: how long these answers took; in a fielding also keeping the batch before.
    """

    persons: tuple[str, ...]
    questions: tuple[Question, ...]
    distributions: list[FloatArray]
    drawn: IntArray
    seconds: float


class AnswerSink(Protocol):
    """Where answers go; ``write`` keeps a whole batch or nothing of it."""

    def done(self) -> set[str]:
        """Ids of the persons whose answers are already kept."""
        ...

    def write(self, batch: AnswerBatch) -> None:
        """Keeps one batch."""
        ...


@dataclass(frozen=True)
class Fielded:
    """How a fielding went: answers kept now, answers found from before, seconds of this process.

    ``unwritten`` are those of the seconds that no batch holds: keeping the last one.
    """

    answers: int
    resumed: int
    seconds: float
    unwritten: float


def field(
    model: AnswerModel,
    panel: Panel,
    questions: Sequence[Question],
    seed: int,
    sink: AnswerSink,
    batch: int,
    progress: Callable[[int], None],
    drawing: Drawing = independently,
) -> Fielded:
    """Answers of all persons that the sink does not have yet.

    Args:
        model: gives the answer distributions.
        panel: the persons, with the answers that are known of them.
        questions: asked of everybody.
        seed: of the draws, which depend on (seed, person, question) alone.
        sink: keeps the batches; asked first what it has.
        batch: persons written at once.
        progress: called with the number of answers after each batch.
        drawing: how answers are drawn from their distributions.
    """
    done = sink.done()
    left = np.array([i for i, person in enumerate(panel.ids) if person not in done], dtype=np.int64)
    resumed = (len(panel) - len(left)) * len(questions)
    started = time.monotonic()
    if resumed:
        progress(resumed)
    mark = time.monotonic()
    for rows in _batches(left, batch):
        answered = answer(model, panel.take(rows), questions, seed, drawing)
        ready = time.monotonic()
        sink.write(replace(answered, seconds=ready - mark))
        mark = ready
        progress(len(rows) * len(questions))
    ended = time.monotonic()
    return Fielded(len(left) * len(questions), resumed, ended - started, ended - mark)


def answer(
    model: AnswerModel,
    panel: Panel,
    questions: Sequence[Question],
    seed: int,
    drawing: Drawing = independently,
) -> AnswerBatch:
    """Distributions and draws of a whole panel."""
    started = time.monotonic()
    distributions = model.distributions(panel, questions)
    drawn = drawing(panel, questions, distributions, seed)
    return AnswerBatch(panel.ids, tuple(questions), distributions, drawn, time.monotonic() - started)


def _batches(rows: IntArray, size: int) -> Iterator[IntArray]:
    for start in range(0, len(rows), size):
        yield rows[start : start + size]
