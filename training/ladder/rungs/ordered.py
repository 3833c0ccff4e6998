"""Proportional odds with a ridge: the ordered logit."""

from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from personas.arrays import FloatArray, IntArray

_FLOOR = 1e-12


@dataclass(frozen=True)
class Ordered:
    """``P(y <= k) = logistic(threshold_k - x b)``.

    Attributes:
        thresholds: increasing, shape (n_used - 1,).
        slopes: shape (width,).
        used: options that somebody chose, in order, shape (n_used,).
        n_options: of the question.
    """

    thresholds: FloatArray
    slopes: FloatArray
    used: IntArray
    n_options: int

    def probabilities(self, features: FloatArray) -> FloatArray:
        """Distributions, shape (n, n_options); zero for options that nobody chose."""
        out = np.zeros((len(features), self.n_options))
        out[:, self.used] = np.diff(_cumulative(self.thresholds, features @ self.slopes), axis=1)
        return out


def fit(features: FloatArray, chosen: IntArray, weights: FloatArray, n_options: int, ridge: float) -> Ordered:
    """Thresholds and slopes that minimise the negative log-likelihood plus ``ridge / 2 * |b|^2``.

    L-BFGS with the analytic gradient; thresholds are a first one and the logarithms of the steps after it,
    so they stay in order. Options that nobody chose are left out, which keeps every step finite.

    Source: McCullagh, "Regression models for ordinal data", JRSS B 42 (1980). The tests compare it with
    statsmodels' ``OrderedModel``, which has no ridge.
    """
    from scipy.optimize import fmin_l_bfgs_b

    used, place = np.unique(chosen, return_inverse=True)
    shares = np.bincount(place, weights=weights) / weights.sum()
    cut = np.log(shares.cumsum()[:-1] / (1.0 - shares.cumsum()[:-1]))
    width = features.shape[1]
    start = np.concatenate([cut[:1], np.log(np.diff(cut)), np.zeros(width)])
    n_cuts = len(cut)

    def loss(flat: FloatArray) -> tuple[float, FloatArray]:
        thresholds, slopes = _thresholds(flat[:n_cuts]), flat[n_cuts:]
        edges = _cumulative(thresholds, features @ slopes)  # (n, n_used + 1)
        row = np.arange(len(place))
        high, low = edges[row, place + 1], edges[row, place]
        own = np.maximum(high - low, _FLOOR)
        value = -float(weights @ np.log(own)) + 0.5 * ridge * float(slopes @ slopes)
        up, down = high * (1.0 - high) / own * weights, low * (1.0 - low) / own * weights
        by_cut = np.bincount(place, weights=-up, minlength=n_cuts + 1)[:n_cuts]
        by_cut += np.bincount(place, weights=down, minlength=n_cuts + 1)[1:]
        by_slope = features.T @ (up - down) + ridge * slopes
        steps = np.concatenate([[1.0], np.diff(thresholds)])
        return value, np.concatenate([by_cut[::-1].cumsum()[::-1] * steps, by_slope])

    found, _, _ = fmin_l_bfgs_b(
        loss, start, factr=1e5, pgtol=1e-5 * max(1.0, weights.sum() / 100), maxiter=500
    )
    return Ordered(_thresholds(found[:n_cuts]), found[n_cuts:], used, n_options)


def _thresholds(free: FloatArray) -> FloatArray:
    return np.concatenate([free[:1], np.exp(free[1:])]).cumsum()


def _cumulative(thresholds: FloatArray, lean: FloatArray) -> FloatArray:
    """P(y <= k) with 0 before and 1 behind, shape (n, n_thresholds + 2)."""
    inner = expit(thresholds - lean[:, None])
    ends = np.zeros((len(lean), 1))
    return np.hstack([ends, inner, ends + 1.0])
