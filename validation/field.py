"""Fielding: every person answers every question, in batches that are written whole or not at all."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import NamedTuple, Protocol

import numpy as np

from personas.answer import NO_ANSWER
from personas.arrays import FloatArray, IntArray
from personas.models.asked import Asked, AskedModel, Missing
from personas.models.base import AnswerModel
from personas.models.drawing import Drawing, independently
from personas.panel import Panel
from personas.question import Question

_IN_VAIN = 10  # batches in a row that a model that was given up answers nothing of, before the rest is left


@dataclass(frozen=True)
class AnswerBatch:
    """Answers of some persons to all questions of a run.

    Attributes:
        persons: ids, shape (n_persons,).
        questions: the questions asked.
        distributions: one (n_persons, n_options) array for each question; NaN where no answer came.
        drawn: index of the option drawn, shape (n_persons, n_questions); ``NO_ANSWER`` where none came.
        seconds: how long these answers took; in a fielding also keeping the batch before.
        missing: the answers that did not come, and why.
        given_up: asking others now would be in vain.
    """

    persons: tuple[str, ...]
    questions: tuple[Question, ...]
    distributions: list[FloatArray]
    drawn: IntArray
    seconds: float
    missing: tuple[Missing, ...] = ()
    given_up: bool = False

    @property
    def answers(self) -> int:
        """Answers that came."""
        return self.drawn.size - len(self.missing)


class AnswerSink(Protocol):
    """Where answers go; ``write`` and ``mend`` keep a whole batch or nothing of it."""

    def done(self) -> set[str]:
        """Ids of the persons who have been asked, whether all their answers came or not."""
        ...

    def failed(self) -> list[tuple[str, str]]:
        """Person and question of answers that failed and are worth asking for again, by question."""
        ...

    def write(self, batch: AnswerBatch) -> None:
        """Keeps one batch."""
        ...

    def mend(self, batch: AnswerBatch) -> None:
        """Keeps what came of asking again; the persons have been asked before."""
        ...


@dataclass(frozen=True)
class Fielded:
    """How a fielding went.

    Attributes:
        answers: that came now.
        resumed: asked for before, whether they came or not.
        seconds: of this process.
        unwritten: those of the seconds that no batch holds: keeping the last one.
        stopped: it was told to stop and persons are left who have not been asked.
    """

    answers: int
    resumed: int
    seconds: float
    unwritten: float
    stopped: bool = False


class Part(NamedTuple):
    """A part of a run: some persons of its panel, by row, and what they are asked."""

    rows: IntArray
    questions: tuple[Question, ...]


class Answerer(Protocol):
    """Who answers the parts of a run: this process (``here``), or several (``validation.cluster``)."""

    def __call__(
        self, model: AnswerModel, panel: Panel, parts: Iterator[Part], how: "Fielding"
    ) -> Iterator[AnswerBatch]:
        """The answers to all parts, in whatever order; a part is taken when somebody is free for it."""
        ...


def here(model: AnswerModel, panel: Panel, parts: Iterator[Part], how: "Fielding") -> Iterator[AnswerBatch]:
    """Answers in this process, one part after the other; see ``Answerer``."""
    for rows, questions in parts:
        yield answer(model, panel.take(rows), questions, how.seed, how.drawing)


@dataclass(frozen=True)
class Fielding:
    """How answers are fielded, whatever the model.

    Attributes:
        seed: of the draws, which depend on (seed, person, question) alone.
        batch: persons written at once.
        drawing: how answers are drawn from their distributions.
        stop: asked before each batch; once it says so, what has been written stays and the rest is left.
        answerer: who answers.
        enough: asked before each batch whether there are answers enough (``validation.stopping``); what
            failed is asked again all the same.
    """

    seed: int
    batch: int
    drawing: Drawing = independently
    stop: Callable[[], bool] = lambda: False
    answerer: Answerer = here
    enough: Callable[[], bool] = lambda: False


def field(
    model: AnswerModel,
    panel: Panel,
    questions: Sequence[Question],
    sink: AnswerSink,
    how: Fielding,
    progress: Callable[[int], None],
) -> Fielded:
    """Asks all persons who have not been asked yet, then once more for the answers that failed.

    A model that was given up may be back for the next batch; after ten in a row the rest is left.

    Args:
        model: gives the answer distributions.
        panel: the persons, with the answers that are known of them.
        questions: asked of everybody.
        sink: keeps the batches; asked first what it has.
        how: seed, batches and draws.
        progress: called with the number of answers asked for after each batch.
    """
    done = sink.done()
    left = np.array([i for i, person in enumerate(panel.ids) if person not in done], dtype=np.int64)
    resumed = (len(panel) - len(left)) * len(questions)
    started = time.monotonic()
    if resumed:
        progress(resumed)
    mark, came, barren = time.monotonic(), 0, 0
    stop = how.stop
    how = replace(how, stop=lambda: barren >= _IN_VAIN or stop())
    for batch in how.answerer(model, panel, _first(left, questions, how), how):
        ready = time.monotonic()
        sink.write(replace(batch, seconds=ready - mark))
        mark = ready
        came += batch.answers
        barren = barren + 1 if batch.given_up and not batch.answers else 0
        progress(batch.drawn.size)
    for batch in how.answerer(model, panel, _again(panel, questions, how, sink.failed()), how):
        ready = time.monotonic()
        sink.mend(replace(batch, seconds=ready - mark))
        mark = ready
        came += batch.answers
    ended = time.monotonic()
    return Fielded(came, resumed, ended - started, ended - mark, len(sink.done()) < len(panel))


def _first(left: IntArray, questions: Sequence[Question], how: Fielding) -> Iterator[Part]:
    """All questions to so many persons at a time."""
    for start in range(0, len(left), how.batch):
        if how.stop() or how.enough():
            return
        yield Part(left[start : start + how.batch], tuple(questions))


def _again(
    panel: Panel, questions: Sequence[Question], how: Fielding, failed: Sequence[tuple[str, str]]
) -> Iterator[Part]:
    """Answers that failed, question by question."""
    place = {person: i for i, person in enumerate(panel.ids)}
    by_name = {q.name: q for q in questions}
    for name, some in groupby(failed, key=lambda f: f[1]):
        if how.stop():
            return
        yield Part(np.array([place[person] for person, _ in some], dtype=np.int64), (by_name[name],))


def answer(
    model: AnswerModel,
    panel: Panel,
    questions: Sequence[Question],
    seed: int,
    drawing: Drawing = independently,
) -> AnswerBatch:
    """Distributions and draws of a whole panel."""
    started = time.monotonic()
    asked = _ask(model, panel, questions)
    drawn = drawing(panel, questions, asked.distributions, seed)
    for person, question, *_ in asked.missing:
        drawn[person, question] = NO_ANSWER
    seconds = time.monotonic() - started
    return AnswerBatch(
        panel.ids, tuple(questions), asked.distributions, drawn, seconds, asked.missing, asked.given_up
    )


def _ask(model: "AnswerModel | AskedModel", panel: Panel, questions: Sequence[Question]) -> Asked:
    if isinstance(model, AskedModel):
        return model.ask(panel, questions)
    return Asked(model.distributions(panel, questions))
