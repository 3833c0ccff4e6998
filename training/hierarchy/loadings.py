"""Loadings of the residuals: a penalised latent trait model, fitted by variational EM.

``sum_i w_i log p(y_i)`` with ``logits_iq = c_q log p_iq + L_q z_i``, ``z_i ~ N(0, I)``, less
``ridge / 2 * |L - L0|^2``. L0 is zero, or what the kernel predicts of each question's loadings from all other
questions, so that questions alike in their text load alike. The E step is Laplace's approximation of each
person's posterior, one Newton step in each round; the M step a Newton step on the loadings with the
information bounded by the shares (``diag(s) >= diag(s) - s s'``), which never overshoots for it.

Source: EM for latent trait models as in Bock and Aitkin, "Marginal maximum likelihood estimation of item
parameters", Psychometrika 46 (1981); here with Laplace's posterior in place of quadrature, which many
dimensions rule out, and a normal prior on the loadings.
"""

from dataclasses import dataclass

import numpy as np

from personas.answer import NO_ANSWER
from personas.arrays import FloatArray, IntArray
from personas.models.kernel import OptionSet, centred_blocks, gram_matrix, row_blocks
from personas.models.residuals import SETTINGS, Residuals, symmetric
from personas.models.spectrum import Spectrum, spectrum

_ROUNDS = 8
_ALONE = 4  # rounds before the other questions are asked for L0
_FIRST = 4  # steps on the loadings in the first round, which starts from zero
_AROUND_TEXT = 3.0  # how much harder loadings are held to L0 than to zero
_FLAT = np.pi / 8.0


@dataclass(frozen=True)
class TextPrior:
    """The kernel across questions that gives each question's expected loadings from all others."""

    kernel: Spectrum

    def expected(self, loadings: FloatArray, sizes: tuple[int, ...]) -> FloatArray:
        """Left-out predictions (n_rows, rank), shrunk by how well they fit: zero where texts tell nothing."""
        blocks = row_blocks(sizes)
        centred = centred_blocks(loadings, blocks)
        mean = self.kernel.left_out(SETTINGS.noise, centred, blocks).mean
        fit = float((mean * centred).sum() / max(float(np.square(mean).sum()), 1e-12))
        return mean * min(max(fit, 0.0), 1.0)


def text_prior(options: OptionSet) -> TextPrior:
    """The prior from the question-option vectors."""
    kernel = gram_matrix(options, SETTINGS.model_copy(update={"noise": 0.0}))
    return TextPrior(spectrum(kernel, options.blocks))


@dataclass(frozen=True)
class Sample:
    """Real answers beside what the model expects of them.

    Attributes:
        logits: the model's, from the attributes, (n_people, n_rows).
        chosen: answers, (n_people, n_questions), ``NO_ANSWER`` where there is none.
        weights: of the people, mean near one, (n_people,).
        shares: overall share of each option, (n_rows,).
        sizes: number of options of each question.
    """

    logits: FloatArray
    chosen: IntArray
    weights: FloatArray
    shares: FloatArray
    sizes: tuple[int, ...]

    def take(self, rows: IntArray) -> "Sample":
        """The same of some of the people."""
        return Sample(self.logits[rows], self.chosen[rows], self.weights[rows], self.shares, self.sizes)


def fit_loadings(
    sample: Sample, rank: int, ridge: float, prior: TextPrior | None, rng: np.random.Generator
) -> Residuals:
    """Residuals with loadings of this rank.

    Args:
        sample: the answers; who answered nothing or weighs nothing changes nothing.
        rank: latent dimensions.
        ridge: precision of each loading, in answers; what the answers do not support shrinks to zero.
        prior: the kernel across questions, if it is to be used.
        rng: where the search starts.
    """
    state = _State(sample, rank, rng)
    for turn in range(_ROUNDS):
        towards = np.zeros_like(state.loadings)
        hold = ridge
        if prior is not None and turn >= _ALONE:
            expected = prior.expected(state.loadings, sample.sizes)
            towards, hold = expected, _AROUND_TEXT * ridge
        for _ in range(1 if turn else _FIRST):
            state.step_loadings(hold, towards)
        state.step_people()
        state.standardise()
    loadings = centred_blocks(state.loadings, row_blocks(sample.sizes))
    return Residuals(loadings, sample.shares, sample.sizes)


class _State:
    """Loadings, and mean and covariance of everybody's position.

    Large arrays have options in rows, which keeps a question's numbers together: (n_rows, n_people).
    """

    def __init__(self, sample: Sample, rank: int, rng: np.random.Generator) -> None:
        self.sizes, self.rank = sample.sizes, rank
        self.starts = [block.start for block in row_blocks(sample.sizes)]
        self.upper = np.triu_indices(rank)
        self.log_prior = np.ascontiguousarray(sample.logits.T)
        self.log_prior -= self._rows(np.maximum.reduceat(self.log_prior, self.starts))
        self.shares = sample.shares
        self.weights = sample.weights
        answered = sample.chosen != NO_ANSWER
        self.answered = answered  # (n_people, n_questions)
        self.mask = self._rows(np.ascontiguousarray(self.answered.T))
        who, question = np.nonzero(answered)
        rows = np.asarray(self.starts)[question] + sample.chosen[who, question]
        self.given = np.zeros_like(self.log_prior)
        self.given[rows, who] = 1.0
        n = len(sample.chosen)
        self.loadings: FloatArray = np.zeros((len(self.shares), rank))
        self.covariance: FloatArray = np.tile(np.eye(rank) / 2.0, (n, 1, 1))
        self.mean: FloatArray = np.zeros((n, rank))
        self.mean = self._first_positions(rng)

    def step_loadings(self, ridge: float, towards: FloatArray) -> None:
        """One Newton step of each option's loadings."""
        a, b = self.upper
        weighted = self.answered.T * self.weights
        spread = weighted @ self.covariance[:, a, b]
        squares = spread + weighted @ (self.mean[:, a] * self.mean[:, b])
        gradient = (self._errors() * self.weights) @ self.mean - ridge * (self.loadings - towards)
        # What the uncertainty of the positions takes off: (diag(s) - s s') L_q times their covariance.
        curved = self.shares[:, None] * self.loadings
        curved -= self.shares[:, None] * self._rows(np.add.reduceat(curved, self.starts))
        wide = self._rows(symmetric(spread, self.upper, self.rank))
        gradient -= np.einsum("oab,ob->oa", wide, curved)
        step = self.shares[:, None, None] * self._rows(symmetric(squares, self.upper, self.rank))
        step += ridge * np.eye(self.rank)
        self.loadings += np.linalg.solve(step, gradient[:, :, None])[:, :, 0]

    def step_people(self) -> None:
        """One Newton step of everybody's position, and its covariance."""
        now = Residuals(self.loadings, self.shares, self.sizes)
        precision = symmetric(self.answered @ now.information, self.upper, self.rank) + np.eye(self.rank)
        self.covariance = np.asarray(np.linalg.inv(precision), dtype=np.float64)
        gradient = self._errors().T @ self.loadings - self.mean
        self.mean = self.mean + np.einsum("nab,nb->na", self.covariance, gradient)

    def standardise(self) -> None:
        """Turns positions and loadings so that positions have mean square one again, as supposed."""
        total = self.weights.sum()
        moment = (self.mean * self.weights[:, None]).T @ self.mean
        moment += np.tensordot(self.weights, self.covariance, axes=1)
        root = np.asarray(np.linalg.cholesky(moment / total + 1e-6 * np.eye(self.rank)), dtype=np.float64)
        back = np.asarray(np.linalg.inv(root), dtype=np.float64)
        self.loadings = self.loadings @ root
        self.mean = self.mean @ back.T
        self.covariance = back @ self.covariance @ back.T

    def _errors(self) -> FloatArray:
        """Answers less their probabilities at the present positions, zero where not answered."""
        centred = self.loadings - self._rows(
            np.add.reduceat(self.loadings, self.starts) / np.array(self.sizes)[:, None]
        )
        n = np.array(self.sizes)
        odds = np.add.reduceat(np.square(centred).sum(axis=1), self.starts) * n / (n - 1.0) ** 2
        logits = self.log_prior * self._rows(np.sqrt(1.0 + _FLAT * odds))[:, None]
        logits += self.loadings @ self.mean.T
        # Most probable options start at 0 and positions move them little, so nothing overflows.
        np.exp(logits, out=logits)
        logits /= self._rows(np.add.reduceat(logits, self.starts))
        return (self.given - logits) * self.mask

    def _first_positions(self, rng: np.random.Generator) -> FloatArray:
        """Leading directions of the standardised errors, by subspace iteration, (n_people, rank)."""
        often = np.maximum(self.shares, 1e-3) * np.maximum(self.mask.mean(axis=1), 1e-3)
        errors = (self._errors() / np.sqrt(often)[:, None]).T
        side = rng.standard_normal((errors.shape[1], self.rank))
        basis = np.linalg.qr(errors @ side)[0]
        for _ in range(3):
            basis = np.linalg.qr(errors @ (errors.T @ basis))[0]
        side = errors.T @ basis
        turn = np.linalg.svd(side.T, full_matrices=False)[0]
        return basis @ turn * np.sqrt(len(errors))

    def _rows(self, values: FloatArray) -> FloatArray:
        """Values of each question (n_questions, ...) repeated for its options, (n_rows, ...)."""
        return np.repeat(values, self.sizes, axis=0)
