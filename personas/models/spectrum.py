"""Decomposition of a kernel across question-options, with which a search over noises costs little."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.linalg import eigh, helmert

from personas.arrays import FloatArray
from personas.models.kernel import Prediction, centred_blocks, centred_variance, row_blocks, rows_of


class Spectrum(NamedTuple):
    """Eigenvalues (n_contrasts,) and eigenvectors (n_rows, n_contrasts) of a centred kernel without noise.

    Once known, the kernel with any noise is solved at little cost: a search over noises needs one
    decomposition, not one inverse each. A question with n options has n - 1 contrasts; the direction in
    which all its options are alike is left out.
    """

    values: FloatArray
    vectors: FloatArray

    def left_out(
        self,
        noise: float,
        targets: FloatArray,
        blocks: Sequence[slice],
        together: Sequence[Sequence[int]] | None = None,
    ) -> Prediction:
        """See ``leave_one_question_out``, for the kernel with ``noise`` on the diagonal."""
        inverse = 1.0 / (self.values + noise)
        solved = self.vectors @ (inverse[:, None] * (self.vectors.T @ targets))
        mean = np.empty_like(targets)
        variance, prior = np.empty(len(targets)), np.empty(len(targets))
        for group in together or [[q] for q in range(len(blocks))]:
            rows = rows_of(blocks, group)
            places = row_blocks([blocks[q].stop - blocks[q].start for q in group])
            own = self.vectors[rows]
            whole = (own * inverse) @ own.T
            for place in places:
                # Any number in the direction left out makes the block invertible; centring removes it again.
                whole[place, place] += 1.0
            covariance = np.asarray(np.linalg.inv(whole), dtype=np.float64)
            mean[rows] = targets[rows] - covariance @ solved[rows]
            before = (own * (self.values + noise)) @ own.T
            for place in places:
                variance[rows[place]] = centred_variance(covariance[place, place])
                prior[rows[place]] = centred_variance(before[place, place])
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


def leave_one_question_out(
    gram: FloatArray,
    targets: FloatArray,
    blocks: Sequence[slice],
    together: Sequence[Sequence[int]] | None = None,
) -> Prediction:
    """Prediction for every question from all others, in closed form.

    ``together`` are groups of questions that are left out at once: a battery, say, whose questions would
    otherwise give one another away.

    ``mean_q = y_q - [(K^-1)_qq]^-1 (K^-1 y)_q`` and ``cov_q = [(K^-1)_qq]^-1``.

    Source: Rasmussen and Williams, "Gaussian Processes for Machine Learning" (2006), eq. 5.12, here
    for the block of a question's options instead of a single row.
    """
    return spectrum(gram, blocks).left_out(0.0, targets, blocks, together)
