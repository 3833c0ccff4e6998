"""The answers to one question as a rung fits them, and the model that has one predictor for each question."""

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import numpy as np

from grounding.prior import ItemShares, item_shares
from personas.answer import NO_ANSWER
from personas.arrays import FloatArray, IntArray
from personas.draws import name_key
from personas.panel import Panel
from personas.question import Question
from training.dataset import TrainingData

FOLDS = 4


@dataclass(frozen=True)
class Column:
    """The real answers to one question.

    Attributes:
        question: what was asked.
        who: rows of the people who answered and count, shape (n,).
        chosen: what they chose, shape (n,).
        weights: theirs, scaled to sum to the effective base ``(sum w)^2 / sum w^2``, shape (n,).
        share: item share, shrunk, shape (n_options,).
        centre: what it was shrunk towards, shape (n_options,).
        strength: how many people the centre counts as.
    """

    question: Question
    who: IntArray
    chosen: IntArray
    weights: FloatArray
    share: FloatArray
    centre: FloatArray
    strength: float

    @property
    def base(self) -> float:
        """Effective number of people."""
        return float(self.weights.sum())

    def indicators(self) -> FloatArray:
        """Weight of each person at the option chosen, shape (n, n_options)."""
        table = np.zeros((len(self.who), len(self.share)))
        table[np.arange(len(self.who)), self.chosen] = self.weights
        return table

    def smoothed(self, distribution: FloatArray) -> FloatArray:
        """A fitted distribution mixed with the item share as far as that was shrunk, shape (n, n_options).

        Weight ``strength / (base + strength)`` on the item share: an option that nobody chose gets the
        probability that the shrunken share gives it, and never zero.
        """
        part = self.strength / (self.base + self.strength)
        return (1.0 - part) * distribution + part * self.share

    def take(self, rows: IntArray) -> "Column":
        """The answers in some of the rows; share and strength stay those of all."""
        return replace(self, who=self.who[rows], chosen=self.chosen[rows], weights=self.weights[rows])


def columns(data: TrainingData, shares: ItemShares | None = None) -> list[Column]:
    """One column for each question; item shares are computed where they are not given."""
    found = item_shares(data.answers, data.weights) if shares is None else shares
    made: list[Column] = []
    for place, question in enumerate(data.answers.questions):
        chosen = data.answers.chosen[:, place]
        who = np.flatnonzero((chosen != NO_ANSWER) & (data.weights > 0))
        weights = data.weights[who]
        weights = weights * (weights.sum() / np.square(weights).sum())
        share, centre, strength = found.shares[place], found.centres[place], found.strengths[place]
        made.append(Column(question, who, chosen[who], weights, share, centre, strength))
    return made


def folds(ids: Sequence[str], number: int = FOLDS) -> IntArray:
    """Fold of each person by the hash of the id, the same for every rung, shape (n_people,)."""
    return np.array([name_key(f"fold:{i}") % number for i in ids], dtype=np.int64)


def log_likelihood(distribution: FloatArray, column: Column) -> float:
    """Weighted sum of the log-probabilities of the answers; ``distribution`` has a row for each of them."""
    own = distribution[np.arange(len(column.chosen)), column.chosen]
    return float(column.weights @ np.log(np.maximum(own, 1e-12)))


class Predictor(Protocol):
    """Fitted to one question."""

    def predict(self, panel: Panel) -> FloatArray:
        """Answer distributions, shape (n_persons, n_options)."""
        ...


@dataclass(frozen=True)
class Constant:
    """The same shares for everybody."""

    share: FloatArray

    def predict(self, panel: Panel) -> FloatArray:
        """See ``Predictor``."""
        return np.broadcast_to(self.share, (len(panel), len(self.share))).copy()


@dataclass(frozen=True)
class QuestionModels:
    """An answer model with a predictor for each question that it was fitted on.

    A question without one gets the mean shares of the trained questions with the same scale and number of
    options, and the uniform guess where there are none.

    Attributes:
        name: what people call it.
        fingerprint: hash of the rung and of the data that it was fitted on.
        predictors: by the fingerprint of the question.
        kinds: mean shares by scale and number of options.
        left_out: names of trained questions that there was no time for; they have their item share.
    """

    name: str
    fingerprint: str
    predictors: dict[str, Predictor]
    kinds: dict[tuple[str, int], FloatArray]
    left_out: tuple[str, ...] = ()

    def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        """See ``AnswerModel``."""
        return [self._predictor(q).predict(panel) for q in questions]

    def _predictor(self, question: Question) -> Predictor:
        if question.fingerprint in self.predictors:
            return self.predictors[question.fingerprint]
        n = len(question.options)
        return Constant(self.kinds.get((question.scale, n), np.full(n, 1.0 / n)))


def question_models(
    name: str,
    data: TrainingData,
    fitted: Callable[[Column], Predictor],
    seconds: float = float("inf"),
    made: Sequence[Column] | None = None,
) -> QuestionModels:
    """The model that ``fitted`` makes of every question, in their order, as far as ``seconds`` reach.

    A question that everybody answered alike has its item share: there is nothing to fit.
    """
    end = time.monotonic() + seconds
    predictors: dict[str, Predictor] = {}
    kinds: dict[tuple[str, int], FloatArray] = {}
    left_out: list[str] = []
    for column in columns(data) if made is None else made:
        question = column.question
        kinds[(question.scale, len(question.options))] = column.centre
        late = time.monotonic() >= end
        if late:
            left_out.append(question.name)
        plain = late or len(np.unique(column.chosen)) < 2
        predictors[question.fingerprint] = Constant(column.share) if plain else fitted(column)
    return QuestionModels(name, fingerprint(name, data), predictors, kinds, tuple(left_out))


def fingerprint(name: str, data: TrainingData) -> str:
    """Hash of a rung's name and of the data that it is fitted on."""
    digest = hashlib.sha256(name.encode())
    for text in (*data.people.ids, *data.people.attributes, *(q.fingerprint for q in data.answers.questions)):
        digest.update(text.encode() + b"\n")
    for levels in data.people.levels:
        digest.update("\n".join(levels).encode())
    for array in (data.people.codes, data.answers.chosen, data.weights):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()[:16]


@dataclass(frozen=True)
class Design:
    """Attributes as dummies. Unknown is a level of its own where it occurs in training.

    Attributes:
        people: the panel it was made of.
    """

    people: Panel

    @cached_property
    def _levels(self) -> list[list[int]]:
        """For each attribute the codes that occur, ``UNKNOWN`` among them."""
        counted = self.people.codes[self.people.weights > 0]
        return [sorted({int(c) for c in column}) for column in counted.T]

    @property
    def sizes(self) -> list[int]:
        """Number of levels of each attribute."""
        return [len(levels) for levels in self._levels]

    @cached_property
    def mean(self) -> FloatArray:
        """Weighted share of each level among the people, shape (width,)."""
        hot = self._one_hot(self.codes(self.people))
        return np.asarray(self.people.weights @ hot / self.people.weights.sum(), dtype=np.float64)

    def codes(self, panel: Panel) -> IntArray:
        """Level of each person for each attribute, (n, n_attributes); -1 where it did not occur in training.

        Levels are matched by name, for two panels may number them differently.
        """
        out = np.full((len(panel), len(self.people.attributes)), -1, dtype=np.int64)
        for a, (name, levels) in enumerate(zip(self.people.attributes, self._levels, strict=True)):
            place = {("" if c < 0 else self.people.levels[a][c], c < 0): i for i, c in enumerate(levels)}
            if name not in panel.attributes:
                out[:, a] = place.get(("", True), -1)
                continue
            column = panel.attributes.index(name)
            table = [place.get((level, False), -1) for level in panel.levels[column]]
            table.append(place.get(("", True), -1))  # UNKNOWN is -1, which indexes the last
            out[:, a] = np.array(table, dtype=np.int64)[panel.codes[:, column]]
        return out

    def dummies(self, panel: Panel) -> FloatArray:
        """Dummies less their mean, shape (n, width); zero where the level did not occur in training."""
        codes = self.codes(panel)
        known = np.repeat(codes >= 0, self.sizes, axis=1)
        return np.where(known, self._one_hot(codes) - self.mean, 0.0)

    def _one_hot(self, codes: IntArray) -> FloatArray:
        parts = [np.arange(size) == codes[:, [a]] for a, size in enumerate(self.sizes)]
        return np.concatenate(parts, axis=1).astype(np.float64)


def cross_folds(column: Column, fold: IntArray) -> Iterator[tuple[Column, Column]]:
    """For each fold the answers outside it and those in it; folds without either are passed over."""
    own = fold[column.who]
    for f in np.unique(own):
        inside, outside = np.flatnonzero(own == f), np.flatnonzero(own != f)
        if len(outside) and len(np.unique(column.chosen[outside])) > 1:
            yield column.take(outside), column.take(inside)
