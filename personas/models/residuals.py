"""What a person's answers share beyond the attributes: known answers condition the others.

``logits_iq = c_q * log p_iq + L_q z_i`` with ``z_i ~ N(0, I)``, where ``p_iq`` is the model's distribution
from the attributes, L_q the loadings of the question's options, and ``c_q >= 1`` undoes what averaging over
``z_i`` flattens. Answers already known give a posterior of ``z_i``, and that conditions every other question.
A person of whom no answer is known keeps the model's distributions exactly.

The option-level loadings serve ordinal and unordered questions alike; those of questions nobody was asked
come from the same kernel regression across question-options as their shares.

Source: latent trait models for polytomous answers, Bartholomew, Knott and Moustaki, "Latent Variable Models
and Factor Analysis" (2011), chapter 5; posterior by Laplace's approximation.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import NamedTuple

import numpy as np

from personas.answer import NO_ANSWER
from personas.arrays import FloatArray, IntArray
from personas.models.kernel import (
    KernelRegression,
    KernelSettings,
    OptionSet,
    centred_blocks,
    row_blocks,
)

LOADINGS, SHARES = "residual_loadings", "residual_shares"
SETTINGS = KernelSettings(text=1.0, position=0.0, length=0.2, noise=0.3)
"""Kernel that carries loadings to other questions (half an order of magnitude either way changes little)."""
_FLAT = np.pi / 8.0  # see ``kernel.damping``
_STEPS = 5
_PERSONS = 500  # in one pass: their logits stay in the processor's cache or near it


class Posterior(NamedTuple):
    """What known answers say of persons: mean (n_persons, rank), covariance (n_persons, rank, rank)."""

    mean: FloatArray
    covariance: FloatArray


@dataclass(frozen=True)
class Residuals:
    """Loadings of question-options, questions one after the other.

    Attributes:
        loadings: shape (n_rows, rank), zero mean within each question; rank 0 where nothing is shared.
        shares: overall share of each option, which gives the information in an answer, shape (n_rows,).
        sizes: number of options of each question.
    """

    loadings: FloatArray
    shares: FloatArray
    sizes: tuple[int, ...]

    def __post_init__(self) -> None:
        rows = sum(self.sizes)
        if self.loadings.ndim != 2 or len(self.loadings) != rows or self.shares.shape != (rows,):
            raise ValueError(
                f"loadings and shares must have {rows} rows, one for each option; "
                f"got {self.loadings.shape} and {self.shares.shape}"
            )

    @property
    def rank(self) -> int:
        """Number of latent dimensions; 0 where known answers change nothing."""
        return self.loadings.shape[1]

    @property
    def blocks(self) -> list[slice]:
        """Rows of each question."""
        return row_blocks(self.sizes)

    def condition(self, logits: FloatArray, chosen: IntArray) -> FloatArray:
        """Log-probabilities (n_persons, n_rows) once the answers ``chosen`` are known.

        Args:
            logits: the model's own, from the attributes, (n_persons, n_rows), options one after the other.
            chosen: index of the known answers, (n_persons, n_questions), ``NO_ANSWER`` where not known.

        Raises:
            ValueError: shapes that do not fit these questions, or an answer that is no option.
        """
        self._check(logits, chosen)
        out = np.empty(logits.shape)
        for rows in _passes(len(logits)):  # a covariance for each person is large
            out[rows] = self.given(logits[rows], self.posterior(logits[rows], chosen[rows]))
        return out

    def posterior(self, logits: FloatArray, chosen: IntArray) -> Posterior:
        """What the known answers say of each person's latent position; see ``condition`` for arguments.

        Laplace's approximation: the most probable position, and the inverse of the information there. The
        information is that of the overall shares, ``I + sum_q L_q' (diag(s) - s s') L_q`` over the questions
        answered, so it takes one matrix product for everybody; on gss20 a person's own information changed
        the log loss by less than .0005. Every person takes the same number of steps, so that a result does
        not depend on who else is in the batch; a step that makes the answers less probable is halved.
        """
        self._check(logits, chosen)
        n, rank = len(logits), self.rank
        mean, covariance = np.zeros((n, rank)), np.zeros((n, rank, rank))
        if rank == 0:
            return Posterior(mean, covariance)
        upper = np.triu_indices(rank)
        information = self.information
        for rows in _passes(n):
            known = chosen[rows] != NO_ANSWER
            precision = symmetric(known.astype(np.float64) @ information, upper, rank) + np.eye(rank)
            covariance[rows] = np.linalg.inv(precision)
            mean[rows] = self._mode(logits[rows].T * self._widening, chosen[rows], covariance[rows])
        return Posterior(mean, covariance)

    def given(self, logits: FloatArray, posterior: Posterior) -> FloatArray:
        """Log-probabilities (n_persons, n_rows) of these questions, given what is known of the persons.

        ``posterior`` may come from answers to other questions, with their loadings. The expected softmax
        over the posterior is taken by damping the logits, as in ``kernel.damping``.
        """
        if logits.shape != (len(posterior.mean), sum(self.sizes)):
            expected = (len(posterior.mean), sum(self.sizes))
            raise ValueError(f"logits must have shape {expected}, got {logits.shape}")
        out = np.empty(logits.shape)
        a, b = np.triu_indices(self.rank)
        odds = self._odds * np.where(a == b, 1.0, 2.0)
        for rows in _passes(len(logits)):
            moved = logits[rows].T * self._widening + self.loadings @ posterior.mean[rows].T
            variance = np.maximum(odds @ posterior.covariance[rows][:, a, b].T, 0.0)
            moved *= np.repeat(1.0 / np.sqrt(1.0 + _FLAT * variance), self.sizes, axis=0)
            out[rows] = self._log_softmax(moved).T
        return out

    def take(self, questions: Sequence[int]) -> "Residuals":
        """The residuals of some of the questions, by their places, in that order."""
        blocks = [self.blocks[q] for q in questions]
        loadings = np.concatenate([self.loadings[block] for block in blocks])
        shares = np.concatenate([self.shares[block] for block in blocks])
        return Residuals(loadings, shares, tuple(self.sizes[q] for q in questions))

    def scaled(self, strength: float) -> "Residuals":
        """The same with all loadings times ``strength``; 0 leaves rank 0."""
        loadings = self.loadings * strength if strength else self.loadings[:, :0]
        return Residuals(loadings, self.shares, self.sizes)

    def predict(
        self, trained: OptionSet, other: OptionSet, shares: FloatArray, settings: KernelSettings = SETTINGS
    ) -> "Residuals":
        """Loadings of other questions by kernel regression from these.

        Args:
            trained: the options that these loadings belong to.
            other: the options wanted.
            shares: expected overall shares of the options wanted, (n_other_rows,).
            settings: the kernel.
        """
        sizes = tuple(np.bincount(other.question).tolist())
        if self.rank == 0:
            return Residuals(np.zeros((len(other.positions), 0)), shares, sizes)
        regression = KernelRegression(trained, centred_blocks(self.loadings, trained.blocks), settings)
        return Residuals(regression.expected(other), shares, sizes)

    def tensors(self) -> dict[str, FloatArray]:
        """What has to be stored, by name."""
        return {LOADINGS: self.loadings, SHARES: self.shares}

    @cached_property
    def information(self) -> FloatArray:
        """Upper triangle of ``L_q' (diag(s) - s s') L_q`` for each question, (n_questions, n_pairs)."""
        a, b = np.triu_indices(self.rank)
        weighted = self.shares[:, None] * self.loadings
        mean = np.add.reduceat(weighted, self._starts)
        return np.add.reduceat(weighted[:, a] * self.loadings[:, b], self._starts) - mean[:, a] * mean[:, b]

    @cached_property
    def _odds(self) -> FloatArray:
        """Upper triangle of the matrix that makes the variance of the log odds of a position's covariance."""
        a, b = np.triu_indices(self.rank)
        centred = centred_blocks(self.loadings, self.blocks)
        n = np.array(self.sizes, dtype=np.float64)
        scale = n / (n - 1.0) ** 2  # the mean over n options of (n / (n - 1))^2, see ``kernel.damping``
        return np.add.reduceat(centred[:, a] * centred[:, b], self._starts) * scale[:, None]

    @cached_property
    def _widening(self) -> FloatArray:
        """``c_q`` for each row, (n_rows, 1)."""
        a, b = np.triu_indices(self.rank)
        return np.repeat(np.sqrt(1.0 + _FLAT * self._odds[:, a == b].sum(axis=1)), self.sizes)[:, None]

    @cached_property
    def _starts(self) -> list[int]:
        return [0, *accumulate(self.sizes[:-1])]

    def _mode(self, wide: FloatArray, chosen: IntArray, covariance: FloatArray) -> FloatArray:
        """Most probable position (n_persons, rank), for widened logits (n_rows, n_persons)."""
        n = len(chosen)
        known = np.repeat((chosen != NO_ANSWER).T, self.sizes, axis=0)
        who, question = np.nonzero(chosen != NO_ANSWER)
        rows = np.asarray(self._starts)[question] + chosen[who, question]
        mean, step = np.zeros((n, self.rank)), np.zeros((n, self.rank))
        best = np.full(n, -np.inf)
        for _ in range(_STEPS):
            trial = mean + step
            logs = self._log_softmax(wide + self.loadings @ trial.T)
            value = np.bincount(who, logs[rows, who], n) - 0.5 * np.square(trial).sum(axis=1)
            error = -np.exp(logs) * known
            error[rows, who] += 1.0
            newton = np.einsum("nab,nb->na", covariance, error.T @ self.loadings - trial)
            better = value >= best
            step = np.where(better[:, None], newton, 0.5 * step)
            mean = np.where(better[:, None], trial, mean)
            best = np.maximum(value, best)
        return mean

    def _log_softmax(self, logits: FloatArray) -> FloatArray:
        """Log-probabilities within each question from logits (n_rows, n_persons), in place."""
        logits -= np.repeat(np.maximum.reduceat(logits, self._starts), self.sizes, axis=0)
        logits -= np.repeat(np.log(np.add.reduceat(np.exp(logits), self._starts)), self.sizes, axis=0)
        return logits

    def _check(self, logits: FloatArray, chosen: IntArray) -> None:
        shapes = (len(chosen), sum(self.sizes)), (len(logits), len(self.sizes))
        if (logits.shape, chosen.shape) != shapes:
            raise ValueError(
                f"logits and known answers must have shapes {shapes[0]} and {shapes[1]}, "
                f"got {logits.shape} and {chosen.shape}"
            )
        wrong = (chosen < NO_ANSWER) | (chosen >= np.array(self.sizes))
        if np.any(wrong):
            person, question = np.argwhere(wrong)[0].tolist()
            raise ValueError(
                f"known answer {chosen[person, question]} of person {person} to question {question}: it has "
                f"options 0 to {self.sizes[question] - 1}, and {NO_ANSWER} stands for no answer"
            )


def from_tensors(tensors: Mapping[str, FloatArray], sizes: Sequence[int]) -> Residuals:
    """The residuals whose ``tensors`` were stored, for questions with these numbers of options.

    Raises:
        KeyError: a tensor is missing.
        ValueError: the tensors do not fit the questions.
    """
    loadings = np.asarray(tensors[LOADINGS], dtype=np.float64)
    return Residuals(loadings, np.asarray(tensors[SHARES], dtype=np.float64), tuple(sizes))


def joined(first: Residuals, second: Residuals) -> Residuals:
    """The residuals of both sets of questions, those of ``second`` behind; both of one rank."""
    return Residuals(
        np.concatenate([first.loadings, second.loadings]),
        np.concatenate([first.shares, second.shares]),
        (*first.sizes, *second.sizes),
    )


def no_residuals(shares: FloatArray, sizes: Sequence[int]) -> Residuals:
    """Residuals with which known answers change nothing."""
    return Residuals(np.zeros((len(shares), 0)), shares, tuple(sizes))


def symmetric(triangle: FloatArray, upper: tuple[IntArray, IntArray], rank: int) -> FloatArray:
    """Symmetric matrices (n, rank, rank) from their upper triangles (n, n_pairs)."""
    out = np.empty((len(triangle), rank, rank), dtype=triangle.dtype)
    out[:, upper[0], upper[1]] = triangle
    out[:, upper[1], upper[0]] = triangle
    return out


def _passes(n: int) -> Iterator[slice]:
    return (slice(start, start + _PERSONS) for start in range(0, n, _PERSONS))
