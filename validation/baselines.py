"""Baselines: what a model must beat before anything is claimed for it.

Each keeps the panel with its attributes, so that segments can be taken of it, whatever its answers ignore.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import numpy as np

from grounding import prior
from grounding.sources.toplines import Anchor
from personas.answer import Answers
from personas.arrays import FloatArray
from personas.models.base import AnswerModel
from personas.panel import Panel
from personas.question import Question
from validation.scored import Scored

UNIFORM = "uniform"
ITEM_SHARE = "item_share"
EMPTY_PERSONA = "empty_persona"
SHUFFLED_PERSONA = "shuffled_persona"
UNTUNED = "untuned"


class IteratingModel(Protocol):
    """A model that can be stopped between persons, since a pass over all of them would take too long."""

    def iterate(
        self, panel: Panel, questions: Sequence[Question]
    ) -> Iterator[tuple[slice, list[FloatArray]]]:
        """Rows of the panel, in its order, with their distributions, (rows, n_options) for each question."""
        ...


def uniform(panel: Panel, questions: Sequence[Question]) -> Scored:
    """The guess that knows nothing: every option as likely as any other."""
    return _same_for_all(panel, questions, [_even(q) for q in questions])


def item_share(
    panel: Panel,
    questions: Sequence[Question],
    train_answers: Answers,
    train_weights: FloatArray,
    anchors: Sequence[Anchor] = (),
) -> Scored:
    """For everybody the share that each option has among the training answers, shrunk a little.

    The strongest baseline for shares: it is the real answer up to sampling noise, and knows nothing of
    persons. Shrinkage is ``grounding.prior.item_shares``. ``anchors`` are the published shares that the model
    was fitted with, so that it is not ahead for having read them.

    Raises:
        ValueError: a question has no training answers (it is unseen, and this baseline has nothing to
            say about it).
    """
    known = {q.name for q in train_answers.questions}
    unseen = [q.name for q in questions if q.name not in known]
    if unseen:
        raise ValueError(f"question {unseen[0]!r} has no training answers; leave unseen questions out")
    answers = train_answers.only([q.name for q in questions])
    asked = {q.name for q in questions}
    known_shares = [a for a in anchors if a.question in asked]
    return _same_for_all(panel, questions, prior.item_shares(answers, train_weights, known_shares).shares)


def empty_persona(model: AnswerModel, panel: Panel, questions: Sequence[Question]) -> Scored:
    """The model's answers where it is told nothing about the person."""
    nobody = panel.take(np.zeros(1, dtype=np.int64)).empty()
    rows = [d[0] for d in model.distributions(nobody, questions)]
    return _same_for_all(panel, questions, rows)


def shuffled_persona(
    model: AnswerModel, panel: Panel, questions: Sequence[Question], rng: np.random.Generator
) -> Scored:
    """The model's answers where every person is described by the attributes of another.

    The persons keep their own attributes in the result: a model that uses who it speaks for loses its
    segments here, while overall shares stay the same.
    """
    distributions = model.distributions(panel.shuffled(rng), questions)
    return Scored(panel, tuple(questions), tuple(distributions))


def untuned(
    model: IteratingModel,
    panel: Panel,
    questions: Sequence[Question],
    seconds: float,
    least: int,
    rng: np.random.Generator,
    clock: Callable[[], float] = time.monotonic,
) -> Scored:
    """The answers of the untuned model on as many persons, in random order, as fit into ``seconds``.

    Always at least ``least`` persons, or the whole panel where it is smaller; whether there is time for
    more is asked after each batch of ``model.iterate``. The result holds only the persons scored.

    Raises:
        ValueError: ``least`` is below 1.
    """
    if least < 1:
        raise ValueError(f"least must be >= 1, got {least}")
    order = rng.permutation(len(panel))
    end = clock() + seconds
    batches: list[list[FloatArray]] = []
    done = 0
    for rows, distributions in model.iterate(panel.take(order), questions):
        batches.append(distributions)
        done = rows.stop
        if done >= least and clock() >= end:
            break
    found = tuple(np.concatenate([b[q] for b in batches]) for q in range(len(questions)))
    return Scored(panel.take(order[:done]), tuple(questions), found)


def _even(question: Question) -> FloatArray:
    return np.full(len(question.options), 1.0 / len(question.options))


def _same_for_all(panel: Panel, questions: Sequence[Question], rows: Sequence[FloatArray]) -> Scored:
    spread = tuple(np.broadcast_to(row, (len(panel), len(row))) for row in rows)
    return Scored(panel, tuple(questions), spread)
