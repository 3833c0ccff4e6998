"""Kernel regression across question-options: what is expected of a question nobody was asked.

A Gaussian process over question-option vectors with the sum of a text kernel (RBF on the cosine
distance of language-model vectors, averaged over layers) and a position kernel (RBF on the place on the
scale). The position part is what is learned of a scale whatever the question; it is all that is left
where no trained question is near.

Only differences between the options of a question count, so the kernel is centred within each question on
both sides: what all options of a question share (the question's own text, an unordered scale) drops out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import NamedTuple

import numpy as np
from scipy.linalg import cho_factor, cho_solve, eigh, helmert

from personas.arrays import FloatArray, IntArray
from personas.document import Document
from personas.question import Question

_POSITION_LENGTH = 0.5


class KernelSettings(Document):
    """Weights of the parts of the kernel, relative to its whole signal variance.

    ``text`` and ``position`` are variances of the two parts, ``length`` the cosine distance over which
    the text part falls, ``noise`` the variance of what a single question has for itself.
    """

    text: float
    position: float
    length: float
    noise: float


@dataclass(frozen=True)
class OptionSet:
    """Question-options as the kernel sees them, questions one after the other.

    Attributes:
        vectors: language-model vectors, shape (n_layers, n_rows, dim).
        positions: place on the scale in [-1, 1], zero for unordered options, shape (n_rows,).
        question: index of the question each row belongs to, shape (n_rows,).
    """

    vectors: FloatArray
    positions: FloatArray
    question: IntArray

    @property
    def blocks(self) -> list[slice]:
        """Rows of each question."""
        return row_blocks(np.bincount(self.question).tolist())


def row_blocks(sizes: Sequence[int]) -> list[slice]:
    """Rows of each question when questions with these numbers of options stand one after the other."""
    return [slice(a, b) for a, b in pairwise([0, *accumulate(sizes)])]


def option_set(questions: Sequence[Question], vectors: FloatArray) -> OptionSet:
    """The options of ``questions``; ``vectors`` has shape (n_layers, total options, dim)."""
    sizes = [len(q.options) for q in questions]
    if vectors.shape[1] != sum(sizes):
        raise ValueError(f"vectors must have {sum(sizes)} rows, got {vectors.shape[1]}")
    positions = np.concatenate([q.positions() for q in questions])
    return OptionSet(vectors, positions, np.repeat(np.arange(len(sizes)), sizes))


def cosine_distances(a: FloatArray, b: FloatArray, centre: FloatArray) -> FloatArray:
    """1 - cosine for each layer after subtracting ``centre`` (n_layers, 1, dim): (n_layers, n, m)."""
    left, right = a - centre, b - centre
    left = left / np.maximum(np.linalg.norm(left, axis=2, keepdims=True), 1e-12)
    right = right / np.maximum(np.linalg.norm(right, axis=2, keepdims=True), 1e-12)
    return 1.0 - left @ right.transpose(0, 2, 1)


def text_kernel(distances: FloatArray, length: float) -> FloatArray:
    """Mean over layers of ``exp(-distance / length)``, shape (n, m)."""
    return np.exp(-distances / length).mean(axis=0)


def position_kernel(a: FloatArray, b: FloatArray) -> FloatArray:
    """``exp(-(difference of positions)^2 / (2 * 0.5^2))``, shape (n, m)."""
    return np.exp(-np.square(a[:, None] - b[None, :]) / (2 * _POSITION_LENGTH**2))


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


def signal_matrix(text: FloatArray, options: OptionSet, settings: KernelSettings) -> FloatArray:
    """Centred kernel of ``options`` with themselves from its text part, without noise, (n_rows, n_rows)."""
    whole = settings.text * text + settings.position * position_kernel(options.positions, options.positions)
    return centred_blocks(centred_blocks(whole, options.blocks).T, options.blocks)


def gram_matrix(options: OptionSet, settings: KernelSettings) -> FloatArray:
    """Centred kernel of ``options`` with themselves, noise on the diagonal, shape (n_rows, n_rows)."""
    centre = options.vectors.mean(axis=1, keepdims=True)
    distances = cosine_distances(options.vectors, options.vectors, centre)
    text = text_kernel(distances, settings.length)
    return signal_matrix(text, options, settings) + settings.noise * np.eye(len(options.positions))


@dataclass(frozen=True)
class KernelRegression:
    """A fitted regression of several outputs that share one kernel; predicts for any new options.

    Attributes:
        train: the options it was fitted on.
        targets: values centred within each question, shape (n_rows, n_outputs).
        settings: parts of the kernel.
    """

    train: OptionSet
    targets: FloatArray
    settings: KernelSettings

    def predict(self, other: OptionSet) -> Prediction:
        """Expectation and variance at ``other``, both centred within its questions."""
        factor = cho_factor(gram_matrix(self.train, self.settings), lower=True)
        cross = self._cross(other, self.settings)
        mean = cross @ cho_solve(factor, self.targets)
        removed = np.einsum("ij,ji->i", cross, cho_solve(factor, cross.T))
        prior = self._variance(other, self.settings)
        return Prediction(mean, np.maximum(prior - removed, 0.0), prior)

    def support(self, other: OptionSet) -> FloatArray:
        """Share of the text part's variance that training removes for each question, in [0, 1].

        As if the texts were all there is: 0 where no trained question is near, or where texts tell nothing
        (``text`` is 0). The position on the scale, which every question shares, does not count.
        """
        if self.settings.text == 0:
            return np.zeros(len(other.blocks))
        part = self.settings.model_copy(update={"position": 0.0})
        factor = cho_factor(gram_matrix(self.train, part), lower=True)
        cross = self._cross(other, part)
        removed = np.einsum("ij,ji->i", cross, cho_solve(factor, cross.T))
        prior = self._variance(other, part.model_copy(update={"noise": 0.0}))
        shares = [removed[b].sum() / max(prior[b].sum(), 1e-12) for b in other.blocks]
        return np.clip(np.array(shares), 0.0, 1.0)

    def _cross(self, other: OptionSet, settings: KernelSettings) -> FloatArray:
        """Centred kernel of ``other`` with the trained options, shape (n_other, n_rows)."""
        distances = cosine_distances(other.vectors, self.train.vectors, self._centre)
        whole = settings.text * text_kernel(distances, settings.length)
        whole = whole + settings.position * position_kernel(other.positions, self.train.positions)
        return centred_blocks(centred_blocks(whole, other.blocks).T, self.train.blocks).T

    def _variance(self, other: OptionSet, settings: KernelSettings) -> FloatArray:
        """Variance of each of ``other`` before training, centred within its question, (n_other,)."""
        out = np.empty(len(other.positions))
        for block in other.blocks:
            vectors, positions = other.vectors[:, block], other.positions[block]
            text = text_kernel(cosine_distances(vectors, vectors, self._centre), settings.length)
            whole = settings.text * text + settings.position * position_kernel(positions, positions)
            out[block] = _centred_variance(whole + settings.noise * np.eye(len(positions)))
        return out

    @property
    def _centre(self) -> FloatArray:
        return self.train.vectors.mean(axis=1, keepdims=True)


class Spectrum(NamedTuple):
    """Eigenvalues (n_contrasts,) and eigenvectors (n_rows, n_contrasts) of a centred kernel without noise.

    Once known, the kernel with any noise is solved at little cost: a search over noises needs one
    decomposition, not one inverse each. A question with n options has n - 1 contrasts; the direction in
    which all its options are alike is left out.
    """

    values: FloatArray
    vectors: FloatArray

    def left_out(self, noise: float, targets: FloatArray, blocks: Sequence[slice]) -> Prediction:
        """See ``leave_one_question_out``, for the kernel with ``noise`` on the diagonal."""
        inverse = 1.0 / (self.values + noise)
        solved = self.vectors @ (inverse[:, None] * (self.vectors.T @ targets))
        mean = np.empty_like(targets)
        variance, prior = np.empty(len(targets)), np.empty(len(targets))
        for block in blocks:
            own = self.vectors[block]
            # Any number in the direction left out makes the block invertible; centring removes it again.
            whole = (own * inverse) @ own.T + 1.0
            covariance = np.asarray(np.linalg.inv(whole), dtype=np.float64)
            mean[block] = targets[block] - covariance @ solved[block]
            variance[block] = _centred_variance(covariance)
            prior[block] = _centred_variance((own * (self.values + noise)) @ own.T)
        return Prediction(centred_blocks(mean, blocks), variance, prior)

    def amplitude(self, noise: float, targets: FloatArray) -> float:
        """Signal variance by maximum likelihood, ``y' K^-1 y`` over the contrasts of options and outputs."""
        rotated = np.square(self.vectors.T @ targets).sum(axis=1)
        return float(rotated @ (1.0 / (self.values + noise)) / (len(rotated) * targets.shape[1]))


def spectrum(kernel: FloatArray, blocks: Sequence[slice]) -> Spectrum:
    """Eigen-decomposition of a symmetric kernel matrix (n_rows, n_rows) among contrasts."""
    bases = [helmert(block.stop - block.start) for block in blocks]

    def contrasts(matrix: FloatArray) -> FloatArray:
        return np.concatenate([basis @ matrix[b] for basis, b in zip(bases, blocks, strict=True)])

    values, turned = eigh(contrasts(contrasts(kernel).T), driver="evd", check_finite=False)
    places = row_blocks([len(basis) for basis in bases])
    vectors = np.concatenate([basis.T @ turned[p] for basis, p in zip(bases, places, strict=True)])
    return Spectrum(np.maximum(values, 0.0), vectors)


def leave_one_question_out(gram: FloatArray, targets: FloatArray, blocks: Sequence[slice]) -> Prediction:
    """Prediction for every question from all others, in closed form.

    ``mean_q = y_q - [(K^-1)_qq]^-1 (K^-1 y)_q`` and ``cov_q = [(K^-1)_qq]^-1``.

    Source: Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006), eq. 5.12, here
    for the block of a question's options instead of a single row.
    """
    return spectrum(gram, blocks).left_out(0.0, targets, blocks)


def _centred_variance(covariance: FloatArray) -> FloatArray:
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
