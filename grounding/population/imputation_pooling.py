"""Rubin's rules: one estimate and its variance from several completed data sets."""

import math
from dataclasses import dataclass

import numpy as np

from personas.arrays import FloatArray


@dataclass(frozen=True)
class Pooled:
    """An estimate over all copies.

    Attributes:
        estimate: mean of the copies' estimates.
        within: mean of their variances: what sampling alone costs.
        between: variance of the estimates: what not knowing the missing values costs.
        total: ``within + (1 + 1 / copies) * between``.
        freedom: degrees of freedom of the t distribution that intervals are taken from.
        missing_information: share of the information on this figure that the missing values took away.
        low: lower end of the 95 % interval, which is not cut off at 0 or 1.
        high: its upper end.
    """

    estimate: float
    within: float
    between: float
    total: float
    freedom: float
    missing_information: float
    low: float
    high: float


def combined(estimates: FloatArray, variances: FloatArray, people: float = math.inf) -> Pooled:
    """The estimates of several copies, shape (copies,), and their variances as one.

    With ``m`` copies: estimate = mean(Q), within W = mean(U), between B = sum((Q - mean)^2) / (m - 1),
    total T = W + (1 + 1/m) B; degrees of freedom for ``people`` (effective) observations as by Barnard and
    Rubin, and with r = (1 + 1/m) B / W the share of missing information (r + 2 / (df + 3)) / (r + 1).

    Estimates .40, .44 and .42, each of variance .0004: estimate .42, W = .0004, B = .0004,
    T = .0004 + 4/3 x .0004 = .000933, so the standard error is .031 where one copy would claim .020.

    Raises:
        ValueError: fewer than two copies (the variance between them is undefined), or a variance below zero.

    Source: Rubin (1987), "Multiple Imputation for Nonresponse in Surveys", chapter 3; Barnard and Rubin,
    Biometrika 86 (1999), 948-955.
    """
    copies = len(estimates)
    if copies < 2 or variances.shape != estimates.shape or not np.all(variances >= 0):
        raise ValueError(
            f"pooling needs at least two copies and a variance >= 0 for each, got {copies} estimates and "
            f"variances {variances.tolist()}; one copy does not say what not knowing costs"
        )
    within, between = float(variances.mean()), float(estimates.var(ddof=1))
    extra = (1 + 1 / copies) * between
    total, estimate = within + extra, float(estimates.mean())
    if extra == 0.0:
        freedom, missing = _observed_freedom(people, 0.0), 0.0
    else:
        old = (copies - 1) * (total / extra) ** 2
        observed = _observed_freedom(people, extra / total)
        freedom = old if math.isinf(observed) else old * observed / (old + observed)
        missing = 1.0 if within == 0.0 else (extra / within + 2 / (freedom + 3)) / (extra / within + 1)
    reach = _t_quantile(freedom) * math.sqrt(total)
    return Pooled(estimate, within, between, total, freedom, missing, estimate - reach, estimate + reach)


def _observed_freedom(people: float, lost: float) -> float:
    """Degrees of freedom that the observed people leave; infinite for a population without end."""
    if math.isinf(people):
        return math.inf
    complete = max(people - 1.0, 1.0)
    return (complete + 1) / (complete + 3) * complete * (1 - lost)


def _t_quantile(freedom: float) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(min(freedom, 1e9), 0.975))
