"""What other questions let expect of shares, and Bayes' rule between that and real answers.

Log shares of all options are jointly normal before anybody answers. Counts of real answers are multinomial.
The posterior is found by Laplace's approximation, for all questions at once, so what few people said to one
item of a battery informs its other items, and neighbours on a scale inform one another.

Source: Laplace's approximation for Gaussian processes as in Rasmussen and Williams, "Gaussian Processes for
Machine Learning" (2006), sections 3.4 and 3.5, here with counts of several options for each question.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.linalg import block_diag, cho_factor, cho_solve

from personas.arrays import FloatArray
from personas.models.head import normalised
from personas.models.kernel import centred_variance, damping, row_blocks

SCALES = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Factors on the covariance that are tried: a panel may be further from what is expected, or nearer."""

_SCALE_DOUBT = 1.0  # standard deviation of the logarithm of that factor
_FREE = 50.0  # variance of what all options of a question share, which changes no share
_STEPS, _HALVINGS, _SETTLED = 50, 20, 1e-8


@dataclass(frozen=True)
class Expectation:
    """What is expected of questions before anybody answers them.

    Attributes:
        mean: expected log shares, centred within each question, (n_rows,).
        covariance: of the log shares, in nats squared, centred likewise, (n_rows, n_rows).
    """

    mean: FloatArray
    covariance: FloatArray


class Updated(NamedTuple):
    """Shares once real answers are known.

    Attributes:
        shares: expected share of each option, one array (n_options,) for each question.
        totals: people that would know the shares as well, for each question.
        log_evidence: log probability of the answers, in one order, under the expectation.
    """

    shares: tuple[FloatArray, ...]
    totals: tuple[float, ...]
    log_evidence: float


def updated(counts: Sequence[FloatArray], expectation: Expectation) -> Updated:
    """Posterior shares of all questions; a factor on the covariance is chosen by the evidence.

    ``totals`` are ``(1 - 1 / k) mean(1 / p) / mean(v)`` with v the posterior variances of the k centred log
    shares of a question: the inverse of the delta method ``v = (1 - 1 / k) mean(1 / (n p))``. Worked: an even
    chance of two options that counts as ten people (covariance ``.1`` on the diagonal, ``-.1`` beside it) and
    seven of ten real ones -> shares near (.6, .4), a total near 20.

    Args:
        counts: answers for each option of each question, at the effective base.
        expectation: what was expected of them.
    """
    given = _Given.of(counts)
    start = expectation.mean
    best: tuple[float, _Mode] | None = None
    for scale in SCALES:
        found = _mode(given, expectation, scale, start)
        start = found.place
        probable = found.log_evidence - 0.5 * (float(np.log(scale)) / _SCALE_DOUBT) ** 2
        if best is None or probable > best[0]:
            best = probable, found
    assert best is not None
    mode = best[1]
    variance = np.concatenate([centred_variance(mode.covariance[b, b]) for b in given.blocks])
    log_shares = normalised(mode.place * damping(variance, given.blocks), given.blocks)
    shares = tuple(np.exp(log_shares[b]) for b in given.blocks)
    totals = tuple(
        float((1.0 - 1.0 / len(p)) * np.mean(1.0 / p) / np.mean(variance[b]))
        for p, b in zip(shares, given.blocks, strict=True)
    )
    return Updated(shares, totals, mode.log_evidence)


class _Given(NamedTuple):
    """Counts of all options (n_rows,), the total of each one's question, and the rows of each question."""

    counts: FloatArray
    totals: FloatArray
    blocks: list[slice]

    @staticmethod
    def of(counts: Sequence[FloatArray]) -> "_Given":
        blocks = row_blocks([len(c) for c in counts])
        return _Given(
            np.concatenate(counts), np.concatenate([np.full(len(c), c.sum()) for c in counts]), blocks
        )


class _Mode(NamedTuple):
    """Most probable log shares, their covariance, and the log probability of the counts."""

    place: FloatArray
    covariance: FloatArray
    log_evidence: float


def _mode(given: _Given, expectation: Expectation, scale: float, start: FloatArray) -> _Mode:
    """Newton's method with halved steps; ``start`` is where it begins."""
    free = block_diag(*[np.full((b.stop - b.start, b.stop - b.start), _FREE) for b in given.blocks])
    prior = cho_factor(scale * expectation.covariance + free + 1e-9 * np.eye(len(free)), lower=True)
    precision = np.asarray(cho_solve(prior, np.eye(len(free))), dtype=np.float64)

    def value(place: FloatArray) -> float:
        off = place - expectation.mean
        return float(given.counts @ normalised(place, given.blocks) - 0.5 * off @ precision @ off)

    place, best = start, value(start)
    for _ in range(_STEPS):
        gradient = _gradient(given, place) - precision @ (place - expectation.mean)
        step = cho_solve(cho_factor(_information(given, place) + precision), gradient)
        trials = (place + 0.5**k * step for k in range(_HALVINGS))
        trial = next((t for t in trials if value(t) >= best), place)
        gain, place, best = value(trial) - best, trial, value(trial)
        if gain < _SETTLED:
            break
    posterior = cho_factor(_information(given, place) + precision, lower=True)
    spread = np.log(np.diag(posterior[0])).sum() + np.log(np.diag(prior[0])).sum()
    return _Mode(place, np.asarray(cho_solve(posterior, np.eye(len(place)))), best - float(spread))


def _gradient(given: _Given, place: FloatArray) -> FloatArray:
    return given.counts - given.totals * np.exp(normalised(place, given.blocks))


def _information(given: _Given, place: FloatArray) -> FloatArray:
    """``n (diag(p) - p p')`` of every question, (n_rows, n_rows)."""
    p = np.exp(normalised(place, given.blocks))
    return block_diag(*[given.totals[b.start] * (np.diag(p[b]) - np.outer(p[b], p[b])) for b in given.blocks])
