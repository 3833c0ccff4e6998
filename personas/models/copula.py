"""Joint draws: the answers of one person hang together, and every question keeps its own distribution.

An independent draw inverts a question's distribution at a uniform number. Here the uniforms of one person
are correlated, ``u_iq = Phi(a_q z_i + sqrt(1 - |a_q|^2) e_iq)``, each still exactly uniform, so each
question's marginal distribution is exactly the model's (Sklar's theorem), whatever the correlation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.polynomial.hermite_e import hermegauss
from scipy.special import ndtr, ndtri, softmax

from personas import draws
from personas.arrays import FloatArray, IntArray
from personas.models.residuals import Posterior, Residuals

_FACTOR = "\x00latent dimension {}"  # no question can be called that by chance
_TINY = 2.0**-54
_NODES = 31
_MOST = 0.99


@dataclass(frozen=True)
class Copula:
    """How the draws of one person hang together.

    Attributes:
        slopes: of each question on the latent dimensions, (n_questions, rank), each of length below one.
        orders: for each question its options in the order in which they lie along the slope.
    """

    slopes: FloatArray
    orders: tuple[IntArray, ...]

    def uniforms(
        self, seed: int, persons: Sequence[str], questions: Sequence[str], posterior: Posterior | None = None
    ) -> FloatArray:
        """Correlated uniforms in [0, 1), (n_persons, n_questions): a function of seed, person and question.

        Args:
            seed: of the run.
            persons: ids.
            questions: names of the questions, in the order of the slopes.
            posterior: where answers are known and the distributions are conditioned on them, what is left
                unknown of the latent position, which is all that the other answers still share.

        Raises:
            ValueError: names and slopes differ in number.
        """
        if len(questions) != len(self.slopes):
            raise ValueError(f"{len(questions)} questions for {len(self.slopes)} slopes")
        own = np.sqrt(1.0 - np.square(self.slopes).sum(axis=1))
        names = [_FACTOR.format(d) for d in range(self.slopes.shape[1])]
        independent = draws.uniforms(seed, persons, questions)
        if not names:
            return independent
        latent = _normals(draws.uniforms(seed, persons, names))
        spread = np.ones((1, len(questions)))
        if posterior is not None:
            latent = np.einsum("nab,nb->na", np.linalg.cholesky(posterior.covariance), latent)
            a, b = np.triu_indices(self.slopes.shape[1])
            products = self.slopes[:, a] * self.slopes[:, b] * np.where(a == b, 1.0, 2.0)
            left = posterior.covariance[:, a, b] @ products.T
            spread = np.sqrt(left + np.square(own))
        shared = (latent @ self.slopes.T + own * _normals(independent)) / spread
        return np.minimum(np.asarray(ndtr(shared), dtype=np.float64), 1.0 - _TINY * 2)

    def draw(self, distributions: Sequence[FloatArray], uniforms: FloatArray) -> IntArray:
        """Option drawn for each person and question, (n_persons, n_questions).

        Args:
            distributions: for each question (n_persons, n_options); rows sum to one.
            uniforms: from ``uniforms``.
        """
        out = np.empty(uniforms.shape, dtype=np.int64)
        for q, (distribution, order) in enumerate(zip(distributions, self.orders, strict=True)):
            out[:, q] = order[draws.draw(distribution[:, order], uniforms[:, q])]
        return out


def copula(residuals: Residuals) -> Copula:
    """The copula with which joint draws have about the correlations that the loadings imply.

    Of each question's loadings the direction that carries most counts; t is the latent position along it and
    s are the options' scores on it. The slope is such that scores and t have the covariance that they have in
    the latent model at the overall shares p: ``sum_o s_o E[p_o(t) t]`` (Gauss-Hermite quadrature), over that
    which a normal variable cut at those shares has with itself, ``sum_o s_o (phi(c_(o-1)) - phi(c_o))`` for
    cuts c. Options lie in the order of their scores, from the first option's end of the scale. Worked: two
    options of share one half with loadings (-.5, .5): .207 / .399 = .518.
    """
    slopes = np.zeros((len(residuals.sizes), residuals.rank))
    orders: list[IntArray] = []
    for q, block in enumerate(residuals.blocks):
        shares, loadings = residuals.shares[block], residuals.loadings[block]
        order = np.arange(len(shares))
        if residuals.rank:
            slopes[q], order = _slope(shares / shares.sum(), loadings)
        orders.append(order)
    return Copula(slopes, tuple(orders))


def _slope(shares: FloatArray, loadings: FloatArray) -> tuple[FloatArray, IntArray]:
    """Slope (rank,) and order of the options of one question."""
    centred = loadings - shares @ loadings
    _, _, directions = np.linalg.svd(np.sqrt(shares)[:, None] * centred, full_matrices=False)
    scores = centred @ directions[0]
    sign = -1.0 if scores @ (np.arange(len(scores)) - (len(scores) - 1) / 2.0) < 0 else 1.0
    order = np.argsort(sign * scores, kind="stable")
    cuts = np.clip(np.cumsum(shares[order])[:-1], 1e-12, 1.0 - 1e-12)
    normal = np.exp(-np.square(ndtri(cuts)) / 2.0) / np.sqrt(2.0 * np.pi)
    densities = np.concatenate([[0.0], normal, [0.0]])
    whole = float(scores[order] @ -np.diff(densities))
    slope = _covariance(shares, scores) / whole if whole > 0 else 0.0
    return sign * min(slope, _MOST) * directions[0], order


def _covariance(shares: FloatArray, scores: FloatArray) -> float:
    """Covariance of an answer's score with the position t ~ N(0, 1) that moves its logits by score * t."""
    n = len(shares)
    centred = scores - scores.mean()
    wide = np.sqrt(1.0 + np.pi / 8.0 * np.square(centred).sum() * n / (n - 1) ** 2)
    nodes, weights = hermegauss(_NODES)
    logits = wide * np.log(shares)[:, None] + scores[:, None] * nodes
    return float((scores @ softmax(logits, axis=0) * nodes) @ weights / weights.sum())


def _normals(uniforms: FloatArray) -> FloatArray:
    return np.asarray(ndtri(np.maximum(uniforms, _TINY)), dtype=np.float64)
