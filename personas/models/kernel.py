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
from scipy.linalg import cho_factor, cho_solve

from personas.arrays import FloatArray, IntArray
from personas.document import Document
from personas.question import Question

POSITION_LENGTH = 0.5
# Questions and options are compared over this much longer distances than whole texts.
APART = 1.5


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


def similarity(a: FloatArray, b: FloatArray, length: float) -> FloatArray:
    """Mean over layers of ``exp(-(1 - cosine) / length)``, shape (n, m); zero vectors are like nothing."""
    left = a / np.maximum(np.linalg.norm(a, axis=2, keepdims=True), 1e-12)
    right = b / np.maximum(np.linalg.norm(b, axis=2, keepdims=True), 1e-12)
    out = np.zeros((a.shape[1], b.shape[1]))
    for one, other in zip(left, right, strict=True):
        near = one @ other.T
        near -= 1.0
        near /= length
        out += np.exp(near, out=near)
    out /= len(left)
    return out


def position_kernel(a: FloatArray, b: FloatArray) -> FloatArray:
    """``exp(-(difference of positions)^2 / (2 * 0.5^2))``, shape (n, m)."""
    return np.exp(-np.square(a[:, None] - b[None, :]) / (2 * POSITION_LENGTH**2))


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
    whole = kernel(options, options, settings)
    gram = centred_blocks(centred_blocks(whole, options.blocks).T, options.blocks)
    gram[np.diag_indices(len(gram))] += settings.noise
    return gram


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
        mean = cross @ cho_solve(self._factor, self.targets)
        removed = np.einsum("ij,ji->i", cross, cho_solve(self._factor, cross.T))
        prior = self._variance(other, self.settings)
        return Prediction(mean, np.maximum(prior - removed, 0.0), prior)

    def joint(self, other: OptionSet) -> tuple[FloatArray, FloatArray]:
        """Expectation (n_other, n_outputs) and covariance (n_other, n_other) at ``other``, both centred."""
        cross = self._cross(other, self.settings)
        before = gram_matrix(other, self.settings)
        removed = cross @ cho_solve(self._factor, cross.T)
        return cross @ cho_solve(self._factor, self.targets), before - removed

    @cached_property
    def _texts(self) -> "KernelRegression":
        return KernelRegression(self.train, self.targets, texts_alone(self.settings), self.extra)

    @cached_property
    def gram(self) -> FloatArray:
        """Covariance of the targets, shape (n_rows, n_rows)."""
        gram = gram_matrix(self.train, self.settings)
        if self.extra is not None:
            gram[np.diag_indices(len(gram))] += self.extra
        return gram

    @cached_property
    def _factor(self) -> tuple[FloatArray, bool]:
        return cho_factor(self.gram, lower=True, check_finite=False)

    def left_out(
        self, questions: Sequence[int], together: Sequence[Sequence[int]] | None = None
    ) -> Prediction:
        """Prediction for some of the questions, each from all others; rows of those questions in that order.

        ``together`` are groups of places in ``questions`` that are left out at once.

        Source: see ``spectrum.leave_one_question_out``; only the blocks asked for are inverted.
        """
        blocks = [self.train.blocks[q] for q in questions]
        rows = rows_of(self.train.blocks, questions)
        solved = cho_solve(self._factor, self.targets)
        inverse = cho_solve(self._factor, np.eye(len(self.gram))[:, rows])
        own = row_blocks([b.stop - b.start for b in blocks])
        mean = np.empty((len(rows), self.targets.shape[1]))
        variance, prior = np.empty(len(rows)), np.empty(len(rows))
        for group in together or [[q] for q in range(len(blocks))]:
            places = rows_of(own, group)
            gone = rows[places]
            covariance = np.asarray(np.linalg.inv(inverse[np.ix_(gone, places)]), dtype=np.float64)
            mean[places] = self.targets[gone] - covariance @ solved[gone]
            for place in row_blocks([own[q].stop - own[q].start for q in group]):
                variance[places[place]] = centred_variance(covariance[place, place])
        for place, block in zip(own, blocks, strict=True):
            prior[place] = centred_variance(self.gram[block, block])
        return Prediction(centred_blocks(mean, own), variance, prior)

    def support(self, other: OptionSet) -> FloatArray:
        """Share of the texts' variance that training removes for each question, in [0, 1].

        As if the texts were all there is: 0 where no trained question is near, or where texts tell nothing.
        The position on the scale, which every question shares, does not count.
        """
        alone, part = self._texts, self._texts.settings
        if not (part.text or part.pair or part.slope):
            return np.zeros(len(other.blocks))
        cross = alone._cross(other, part)
        removed = np.einsum("ij,ji->i", cross, cho_solve(alone._factor, cross.T))
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
