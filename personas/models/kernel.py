"""Kernel regression across question-options: what is expected of a question nobody was asked.

A Gaussian process over question-options. Its kernel is a sum of four parts: the text of an option read after
its question; the question's text times what sets the option apart from the others; the question's text times
the place on the scale; and the place on the scale alone. The last part is what is learned of a scale
whatever the question; it is all that is left where no trained question is near.

Only differences between the options of a question count, so the kernel is centred within each question on
both sides: what all options of a question share (the question's own text, an unordered scale) drops out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve, solve_triangular

from personas.arrays import FloatArray, IntArray
from personas.document import Document
from personas.models.gram import APART, position_features, position_kernel, similarity, triangle
from personas.models.gram import POSITION_LENGTH as POSITION_LENGTH
from personas.question import Question


class KernelSettings(Document):
    """Weights of the parts of the kernel, relative to its whole signal variance.

    ``text``, ``pair``, ``slope`` and ``position`` are variances of the four parts, ``length`` the cosine
    distance over which the text part falls, ``noise`` the variance of what a single question has for itself.
    """

    text: float
    pair: float = 0.0
    slope: float = 0.0
    position: float
    length: float
    noise: float


@dataclass(frozen=True)
class OptionSet:
    """Question-options as the kernel sees them, questions one after the other.

    Attributes:
        vectors: projected language-model vectors, shape (n_layers, n_rows, width).
        positions: place on the scale in [-1, 1], zero for unordered options, shape (n_rows,).
        question: index of the question each row belongs to, shape (n_rows,).
    """

    vectors: FloatArray
    positions: FloatArray
    question: IntArray

    @cached_property
    def blocks(self) -> list[slice]:
        """Rows of each question."""
        return row_blocks(np.bincount(self.question).tolist())

    @cached_property
    def means(self) -> FloatArray:
        """Mean vector of each question, shape (n_layers, n_questions, width)."""
        return np.stack([self.vectors[:, b].mean(axis=1) for b in self.blocks], axis=1)

    @cached_property
    def apart(self) -> FloatArray:
        """What sets each option apart: its vector less the mean of its question, shape of ``vectors``."""
        return self.vectors - self.means[:, self.question]

    def take(self, questions: Sequence[int]) -> "OptionSet":
        """The options of some questions, in that order."""
        rows = rows_of(self.blocks, questions)
        sizes = [self.blocks[q].stop - self.blocks[q].start for q in questions]
        return OptionSet(self.vectors[:, rows], self.positions[rows], np.repeat(np.arange(len(sizes)), sizes))


def joined(first: OptionSet, second: OptionSet) -> OptionSet:
    """The options of both, those of ``second`` behind."""
    shift = int(first.question.max()) + 1 if len(first.question) else 0
    return OptionSet(
        np.concatenate([first.vectors, second.vectors], axis=1),
        np.concatenate([first.positions, second.positions]),
        np.concatenate([first.question, second.question + shift]),
    )


def row_blocks(sizes: Sequence[int]) -> list[slice]:
    """Rows of each question when questions with these numbers of options stand one after the other."""
    return [slice(a, b) for a, b in pairwise([0, *accumulate(sizes)])]


def rows_of(blocks: Sequence[slice], questions: Sequence[int]) -> IntArray:
    """Rows of some questions, one after the other."""
    parts: list[IntArray] = [np.arange(blocks[q].start, blocks[q].stop) for q in questions]
    return np.concatenate(parts)


def option_set(questions: Sequence[Question], vectors: FloatArray) -> OptionSet:
    """The options of ``questions``; ``vectors`` has shape (n_layers, total options, width)."""
    sizes = [len(q.options) for q in questions]
    if vectors.shape[1] != sum(sizes):
        raise ValueError(f"vectors must have {sum(sizes)} rows, got {vectors.shape[1]}")
    positions = np.concatenate([np.zeros(0), *(q.positions() for q in questions)])
    return OptionSet(vectors, positions, np.repeat(np.arange(len(sizes)), np.array(sizes, dtype=int)))


class Parts(NamedTuple):
    """The parts of the kernel between two sets of options, each of shape (n, m), for one length."""

    text: FloatArray
    pair: FloatArray
    slope: FloatArray
    position: FloatArray

    def whole(self, settings: KernelSettings) -> FloatArray:
        """The sum that ``settings`` describes, not centred and without noise."""
        weights = (settings.text, settings.pair, settings.slope, settings.position)
        out = np.zeros_like(self.text)
        for weight, part in zip(weights, self, strict=True):
            if weight:
                out += weight * part
        return out


def parts(a: OptionSet, b: OptionSet, length: float) -> Parts:
    """The four parts of the kernel between ``a`` and ``b``."""
    place = position_kernel(a.positions, b.positions)
    question = similarity(a.means, b.means, APART * length)[np.ix_(a.question, b.question)]
    apart = similarity(a.apart, b.apart, APART * length)
    return Parts(similarity(a.vectors, b.vectors, length), question * apart, question * place, place)


def kernel(a: OptionSet, b: OptionSet, settings: KernelSettings) -> FloatArray:
    """The kernel between ``a`` and ``b``, not centred and without noise; only the parts that count."""
    out = np.zeros((len(a.positions), len(b.positions)))
    place = position_kernel(a.positions, b.positions)
    if settings.pair or settings.slope:
        if settings.pair:
            out += settings.pair * similarity(a.apart, b.apart, APART * settings.length)
        out += settings.slope * place
        out *= similarity(a.means, b.means, APART * settings.length)[np.ix_(a.question, b.question)]
    if settings.text:
        out += settings.text * similarity(a.vectors, b.vectors, settings.length)
    place *= settings.position
    out += place
    return out


class Prediction(NamedTuple):
    """Mean (n_rows, n_outputs); variance before and after, (n_rows,), in units of the signal variance."""

    mean: FloatArray
    variance: FloatArray
    prior_variance: FloatArray


def centred_blocks(values: FloatArray, blocks: Sequence[slice]) -> FloatArray:
    """``values`` (n_rows, ...) less their mean within each question; the blocks cover all rows in order."""
    sizes = np.array([b.stop - b.start for b in blocks])
    sums = np.add.reduceat(values, [b.start for b in blocks], axis=0)
    means = sums / sizes.reshape(-1, *([1] * (values.ndim - 1)))
    return values - np.repeat(means, sizes, axis=0)


def signal_matrix(own: Parts, options: OptionSet, settings: KernelSettings) -> FloatArray:
    """Centred kernel of ``options`` with themselves from its parts, without noise, (n_rows, n_rows)."""
    return centred_blocks(centred_blocks(own.whole(settings), options.blocks).T, options.blocks)


def gram_matrix(options: OptionSet, settings: KernelSettings) -> FloatArray:
    """Centred kernel of ``options`` with themselves, noise on the diagonal, shape (n_rows, n_rows)."""
    return triangle(options, settings, whole=True)


@dataclass(frozen=True)
class KernelRegression:
    """A fitted regression of several outputs that share one kernel; predicts for any new options.

    Attributes:
        train: the options it was fitted on.
        targets: values centred within each question, shape (n_rows, n_outputs).
        settings: parts of the kernel.
        extra: variance of each target beyond ``settings.noise``, in units of the signal variance, (n_rows,):
            what few answers leave uncertain. ``None`` where all are known equally well.
    """

    train: OptionSet
    targets: FloatArray
    settings: KernelSettings
    extra: FloatArray | None = None

    def predict(self, other: OptionSet) -> Prediction:
        """Expectation and variance at ``other``, both centred within its questions."""
        cross = self._cross(other, self.settings)
        removed = np.square(self._half_solved(cross.T)).sum(axis=0)
        prior = self._variance(other, self.settings)
        return Prediction(cross @ self._solved, np.maximum(prior - removed, 0.0), prior)

    def expected(self, other: OptionSet) -> FloatArray:
        """The expectation alone, (n_other, n_outputs): of ``predict`` what costs nothing for new options."""
        return self._cross(other, self.settings) @ self._solved

    def joint(self, other: OptionSet) -> tuple[FloatArray, FloatArray]:
        """Expectation (n_other, n_outputs) and covariance (n_other, n_other) at ``other``, both centred."""
        cross = self._cross(other, self.settings)
        half = self._half_solved(cross.T)
        return cross @ self._solved, gram_matrix(other, self.settings) - half.T @ half

    @cached_property
    def _factor(self) -> FloatArray:
        return self._factored()

    @cached_property
    def _solved(self) -> FloatArray:
        """Inverse covariance times targets, (n_rows, n_outputs); a factor made for it is let go."""
        factor: FloatArray | None = vars(self).get("_factor")
        return cho_solve((self._factored() if factor is None else factor, False), self.targets)

    def _factored(self) -> FloatArray:
        """Upper triangular U with ``U' U`` the covariance of the targets; below it anything may stand."""
        gram = triangle(self.train, self.settings)
        if self.extra is not None:
            gram[np.diag_indices(len(gram))] += self.extra
        # Lower by rows is upper by columns, as LAPACK wants it: nothing is copied.
        return cho_factor(gram.T, lower=False, overwrite_a=True, check_finite=False)[0]

    def _half_solved(self, columns: FloatArray) -> FloatArray:
        """``U'^-1`` times ``columns``: its squares add up to what they take out of a variance."""
        return solve_triangular(self._factor, columns, trans="T", lower=False, check_finite=False)

    @cached_property
    def _places_half_solved(self) -> tuple[FloatArray, FloatArray]:
        """``G = U'^-1 F`` for the position's features F, and Cholesky's factor of ``I - G' G``."""
        half = self._half_solved(position_features(self.train, self.settings.position))
        left: FloatArray = np.eye(half.shape[1]) - half.T @ half
        return half, np.asarray(np.linalg.cholesky(left), dtype=np.float64)

    def left_out(
        self, questions: Sequence[int], together: Sequence[Sequence[int]] | None = None
    ) -> Prediction:
        """Prediction for some of the questions, each from all others; rows of those questions in that order.

        ``together`` are groups of places in ``questions`` that are left out at once.

        Source: see ``spectrum.leave_one_question_out``; only the blocks asked for are inverted.
        """
        blocks = [self.train.blocks[q] for q in questions]
        rows = rows_of(self.train.blocks, questions)
        inverse = cho_solve((self._factor, False), np.eye(len(self.targets))[:, rows])
        own = row_blocks([b.stop - b.start for b in blocks])
        mean = np.empty((len(rows), self.targets.shape[1]))
        variance, prior = np.empty(len(rows)), np.empty(len(rows))
        for group in together or [[q] for q in range(len(blocks))]:
            places = rows_of(own, group)
            gone = rows[places]
            covariance = np.asarray(np.linalg.inv(inverse[np.ix_(gone, places)]), dtype=np.float64)
            mean[places] = self.targets[gone] - covariance @ self._solved[gone]
            for place in row_blocks([own[q].stop - own[q].start for q in group]):
                variance[places[place]] = centred_variance(covariance[place, place])
        for place, question, block in zip(own, questions, blocks, strict=True):
            alone = gram_matrix(self.train.take([question]), self.settings)
            if self.extra is not None:
                alone += np.diag(self.extra[block])
            prior[place] = centred_variance(alone)
        return Prediction(centred_blocks(mean, own), variance, prior)

    def support(self, other: OptionSet) -> FloatArray:
        """Share of the texts' variance that training removes for each question, in [0, 1].

        As if the texts were all there is: 0 where no trained question is near, or where texts tell nothing.
        The position on the scale, which every question shares, does not count: its few columns F are taken
        out of the factor that is there, ``(K - F F')^-1 = K^-1 + K^-1 F (I - F' K^-1 F)^-1 F' K^-1``.

        Source: Woodbury's identity; Hager, "Updating the inverse of a matrix" (1989).
        """
        part = texts_alone(self.settings)
        if not (part.text or part.pair or part.slope):
            return np.zeros(len(other.blocks))
        half = self._half_solved(self._cross(other, part).T)
        removed = np.square(half).sum(axis=0)
        if self.settings.position:
            places, factor = self._places_half_solved
            more = solve_triangular(factor, places.T @ half, lower=True, check_finite=False)
            removed += np.square(more).sum(axis=0)
        prior = self._variance(other, part.model_copy(update={"noise": 0.0}))
        shares = [removed[b].sum() / max(prior[b].sum(), 1e-12) for b in other.blocks]
        return np.clip(np.array(shares), 0.0, 1.0)

    def _cross(self, other: OptionSet, settings: KernelSettings) -> FloatArray:
        """Centred kernel of ``other`` with the trained options, shape (n_other, n_rows)."""
        whole = kernel(other, self.train, settings)
        return centred_blocks(centred_blocks(whole, other.blocks).T, self.train.blocks).T

    def _variance(self, other: OptionSet, settings: KernelSettings) -> FloatArray:
        """Variance of each of ``other`` before training, centred within its question, (n_other,)."""
        out = np.empty(len(other.positions))
        for question, block in enumerate(other.blocks):
            alone = other.take([question])
            whole = kernel(alone, alone, settings)
            out[block] = centred_variance(whole + settings.noise * np.eye(len(whole)))
        return out


def texts_alone(settings: KernelSettings) -> KernelSettings:
    """The same kernel without what every question shares, the position on the scale."""
    return settings.model_copy(update={"position": 0.0})


def centred_variance(covariance: FloatArray) -> FloatArray:
    """Variances (n,) of values with this covariance, less their mean."""
    rows = covariance.mean(axis=1)
    return np.diag(covariance) - 2.0 * rows + rows.mean()


def damping(variance: FloatArray, blocks: Sequence[slice]) -> FloatArray:
    """Factor (n_rows,) below 1 on logits whose centred variance is ``variance``, one for each question.

    ``1 / sqrt(1 + pi / 8 * v)`` with v the variance of the log odds of an option against the mean of the
    n - 1 others, ``(n / (n - 1))^2`` times the centred variance, averaged over the question's options.
    Worked: 2 options of centred variance .25 each (so log odds of variance 1) -> .847.

    Source: MacKay, "The evidence framework applied to classification networks" (1992), the expected
    sigmoid of a Gaussian; exact to .0001 nats for 2 options. For more options the log odds against the
    others take the place of the log odds: within .001 nats of the expected softmax by simulation.
    """
    out = np.empty_like(variance)
    for block in blocks:
        n = block.stop - block.start
        odds = variance[block].mean() * (n / (n - 1)) ** 2
        out[block] = 1.0 / np.sqrt(1.0 + np.pi / 8.0 * odds)
    return out
