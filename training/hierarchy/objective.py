"""Penalised multinomial log-likelihood of real answers, for all questions at once."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import NamedTuple

import numpy as np

from grounding.prior import ItemShares
from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray, IntArray
from personas.models.factored import option_blocks
from personas.models.kernel import row_blocks, rows_of

_MAIN_PENALTY = 1e-2
_USUAL_RIDGE = 30.0
# The search stops when a step improves the loss by less than this share of it.
_RELATIVE = 1e-9


class _Column(NamedTuple):
    """Answers to one question: rows of its options, who gave them, what they chose, with which weight."""

    block: slice
    who: IntArray
    chosen: IntArray
    weights: FloatArray


@dataclass(frozen=True)
class Objective:
    """Weighted negative log-likelihood of answers given person vectors, plus a ridge on the effects.

    ``L(B) = -sum_i w_i sum_q log softmax(log prior_q + x_i B_q)[y_iq] + ridge / 2 * |B_1:|^2``. The
    first row of B, the main term, is all but free; beside the real answers it has to fit those that the
    shares were shrunk with, ``pseudo``, given by an average person (1, 0, ..., 0). So it evens out what
    the effects do to the average and does not undo the shrinkage. With ``towards`` the penalty is on what
    differs from it.

    Attributes:
        persons: person vectors, shape (n_people, width).
        log_prior: shape (n_rows,), options one after the other.
        blocks: rows of each question.
        chosen: answers, shape (n_people, n_questions).
        weights: shape (n_people,).
        pseudo: answers that the prior counts as, for each option, in the unit of the weights, (n_rows,).
        towards: effects that the ridge pulls to, shape (width, n_rows); ``None`` for zero.
    """

    persons: FloatArray
    log_prior: FloatArray
    blocks: Sequence[slice]
    chosen: IntArray
    weights: FloatArray
    pseudo: FloatArray
    towards: FloatArray | None = None

    def take(self, rows: IntArray) -> "Objective":
        """The objective of some of the people."""
        return replace(self, persons=self.persons[rows], chosen=self.chosen[rows], weights=self.weights[rows])

    def only(self, questions: Sequence[int]) -> "Objective":
        """The objective of the answers to some of the questions, in that order."""
        rows = rows_of(self.blocks, questions)
        return replace(
            self,
            log_prior=self.log_prior[rows],
            blocks=row_blocks([self.blocks[q].stop - self.blocks[q].start for q in questions]),
            chosen=self.chosen[:, list(questions)],
            pseudo=self.pseudo[rows],
            towards=None if self.towards is None else self.towards[:, rows],
        )

    @property
    def total_weight(self) -> float:
        """Sum of the weights of all answers."""
        return float(sum(column.weights.sum() for column in self._columns))

    def log_likelihood(self, effects: FloatArray) -> float:
        """Weighted sum of the log-probabilities of the answers."""
        return float(self.question_scores(effects).sum())

    def question_scores(self, effects: FloatArray) -> FloatArray:
        """Weighted sum of the log-probabilities of the answers to each question, (n_questions,)."""
        logits = self._logits(effects)
        return np.array(
            [float(c.weights @ _log_softmax(logits[c.block][:, c.who], c)) for c in self._columns]
        )

    def mean_log_score(self, effects: FloatArray) -> float:
        """Weighted mean log-probability of an answer, in nats."""
        return self.log_likelihood(effects) / self.total_weight

    def mean_share_score(self, log_shares: FloatArray) -> float:
        """Weighted mean log-probability of an answer where everybody answers with these shares (n_rows,)."""
        return float(self._counts @ log_shares / self._counts.sum())

    def value_and_gradient(self, flat: FloatArray, ridge: float) -> tuple[float, FloatArray]:
        """The loss and its gradient at effects given as one flat vector, less ``towards``."""
        off = flat.reshape(self.persons.shape[1], len(self.log_prior))
        effects = off if self.towards is None else off + self.towards
        logits = self._logits(effects)
        residual = np.zeros_like(logits)
        loss = 0.0
        for column in self._columns:
            part = logits[column.block][:, column.who]
            loss -= float(column.weights @ _log_softmax(part, column))
            np.exp(part, out=part)
            part[column.chosen, np.arange(len(column.who))] -= 1.0
            residual[column.block][:, column.who] = part * column.weights
        penalty = self._penalty(ridge)
        gradient = (residual @ self.persons).T + penalty[:, None] * off
        average = self._log_shares(self.log_prior + effects[0])
        loss -= float(self.pseudo @ average)
        gradient[0] += self._totals(self.pseudo) * np.exp(average) - self.pseudo
        return loss + 0.5 * float(penalty @ np.square(off).sum(axis=1)), gradient.ravel()

    def fit(self, ridge: float, start: FloatArray | None = None) -> FloatArray:
        """Effects that minimise the loss, shape (width, n_rows), by L-BFGS from ``start`` or ``towards``.

        The search runs in coordinates (see ``_Basis``) in which every question has a curvature near one.
        """
        from scipy.optimize import fmin_l_bfgs_b

        shape = (self.persons.shape[1], len(self.log_prior))

        def loss(flat: FloatArray) -> tuple[float, FloatArray]:
            effects = self._each(flat.reshape(shape), lambda basis, part: basis.effects(part, ridge))
            value, gradient = self.value_and_gradient(effects.ravel(), ridge)
            turned = self._each(gradient.reshape(shape), lambda basis, part: basis.gradient(part, ridge))
            return value, turned.ravel()

        goal = np.zeros(shape) if self.towards is None else self.towards
        initial = np.zeros(shape) if start is None else start - goal
        begin = self._each(initial, lambda basis, part: basis.coordinates(part, ridge))
        place, _, _ = fmin_l_bfgs_b(
            loss, begin.ravel(), factr=_RELATIVE / np.finfo(np.float64).eps, pgtol=1e-4, maxiter=300
        )
        return goal + self._each(place.reshape(shape), lambda basis, part: basis.effects(part, ridge))

    def _penalty(self, ridge: float) -> FloatArray:
        penalty = np.full(self.persons.shape[1], ridge)
        penalty[0] = _MAIN_PENALTY
        return penalty

    def _logits(self, effects: FloatArray) -> FloatArray:
        """Logits with options in rows, which keeps a question's numbers together, (n_rows, n_people)."""
        return self.log_prior[:, None] + effects.T @ self.persons.T

    def _log_shares(self, logits: FloatArray) -> FloatArray:
        """Logits (n_rows,) as log-probabilities within each question."""
        logits = logits - np.repeat(np.maximum.reduceat(logits, self._starts), self._sizes)
        return logits - np.log(self._totals(np.exp(logits)))

    def _totals(self, values: FloatArray) -> FloatArray:
        """Sum over the options of the same question, for each row, (n_rows,)."""
        return np.repeat(np.add.reduceat(values, self._starts), self._sizes)

    @cached_property
    def _starts(self) -> list[int]:
        return [block.start for block in self.blocks]

    @cached_property
    def _sizes(self) -> list[int]:
        return [block.stop - block.start for block in self.blocks]

    def _each(self, effects: FloatArray, turn: "Callable[[_Basis, FloatArray], FloatArray]") -> FloatArray:
        """``turn`` on the columns of each question, shape (width, n_rows)."""
        parts = [turn(basis, effects[:, b]) for basis, b in zip(self._bases, self.blocks, strict=True)]
        return np.concatenate(parts, axis=1)

    @cached_property
    def _bases(self) -> "list[_Basis]":
        bases: list[_Basis] = []
        for column in self._columns:
            x = self.persons[column.who]
            moment = (x * column.weights[:, None]).T @ x
            moment[0, 0] += self.pseudo[column.block].sum()
            bases.append(_basis(moment, np.exp(self.log_prior[column.block])))
        return bases

    @cached_property
    def _columns(self) -> list[_Column]:
        columns: list[_Column] = []
        for question, block in enumerate(self.blocks):
            who = np.flatnonzero((self.chosen[:, question] != NO_ANSWER) & (self.weights > 0))
            columns.append(_Column(block, who, self.chosen[who, question], self.weights[who]))
        return columns

    @cached_property
    def _counts(self) -> FloatArray:
        counts = np.zeros(len(self.log_prior))
        for column in self._columns:
            np.add.at(counts, column.block.start + column.chosen, column.weights)
        return counts


class _Basis(NamedTuple):
    """Coordinates of a question's effects in which its loss is nearly a sphere.

    At the prior the curvature is ``(diag(p) - p p') (x) X'WX`` plus the ridge. With the eigenvectors of
    both factors it is diagonal, whatever the ridge, so dividing by its root makes it one.

    Attributes:
        turn: effects of persons' coordinates, shape (width, width); its inverse is ``back``.
        values: eigenvalue of each of ``turn``'s columns, shape (width,).
        options: eigenvectors of ``diag(p) - p p'``, shape (n_options, n_options).
        spreads: their eigenvalues, shape (n_options,).
    """

    turn: FloatArray
    back: FloatArray
    values: FloatArray
    options: FloatArray
    spreads: FloatArray

    def _root(self, ridge: float) -> FloatArray:
        return np.sqrt(np.outer(self.values, self.spreads) + ridge)

    def effects(self, coordinates: FloatArray, ridge: float) -> FloatArray:
        """Effects at these coordinates, both of shape (width, n_options)."""
        return self.turn @ (coordinates / self._root(ridge)) @ self.options.T

    def coordinates(self, effects: FloatArray, ridge: float) -> FloatArray:
        """Coordinates of these effects, both of shape (width, n_options)."""
        return (self.back @ effects @ self.options) * self._root(ridge)

    def gradient(self, gradient: FloatArray, ridge: float) -> FloatArray:
        """Gradient by coordinates from that by effects, both of shape (width, n_options)."""
        return (self.turn.T @ gradient @ self.options) / self._root(ridge)


def _basis(moment: FloatArray, shares: FloatArray) -> _Basis:
    """The basis for ``X'WX`` (width, width) and the shares of a question's options."""
    scale = np.ones(len(moment))
    scale[0] = 1.0 / np.sqrt(_MAIN_PENALTY / _USUAL_RIDGE)
    values, vectors = np.linalg.eigh(scale[:, None] * moment * scale)
    spreads, options = np.linalg.eigh(np.diag(shares) - np.outer(shares, shares))
    turn, back = scale[:, None] * vectors, vectors.T / scale
    return _Basis(turn, back, np.maximum(values, 0.0), options, np.maximum(spreads, 0.0))


def _log_softmax(logits: FloatArray, column: _Column) -> FloatArray:
    """Turns logits (n_options, n_people) into log-probabilities in place; returns those of the answers."""
    logits -= logits.max(axis=0)
    logits -= np.log(np.exp(logits).sum(axis=0))
    return logits[column.chosen, np.arange(len(column.who))]


def objective(persons: FloatArray, prior: ItemShares, answers: Answers, weights: FloatArray) -> Objective:
    """The objective of these people's answers, whose shares are ``prior``."""
    blocks = option_blocks(answers.questions)
    given = weights @ (answers.chosen != NO_ANSWER)
    # The prior counts people by the effective base; here they count by the sum of their weights.
    units = [total / base for total, base in zip(given, prior.bases, strict=True)]
    counts = zip(prior.centres, prior.strengths, units, strict=True)
    pseudo = np.concatenate([centre * strength * unit for centre, strength, unit in counts])
    return Objective(persons, prior.log_shares, blocks, answers.chosen, weights, pseudo)
