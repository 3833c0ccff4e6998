"""Intervals for shares: the one typed module around untyped statsmodels."""

from typing import Any, cast

import numpy as np

from personas.arrays import FloatArray


def wilson(shares: FloatArray, base: float, level: float = 0.95) -> tuple[FloatArray, FloatArray]:
    """Lower and upper Wilson limits of shares, each of the shape of ``shares``.

    ``wilson([.5], 100)`` is ``(.404, .596)``.

    Args:
        shares: shares in [0, 1].
        base: number of people behind them; for weighted shares the effective base
            ``(sum w)^2 / sum w^2``, which carries the design effect of the weights.
        level: how often the interval should cover.

    Raises:
        ValueError: ``base`` is not positive, or a share lies outside [0, 1].

    Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22
    (1927); with the effective base in place of n as in Franco, Little, Louis and Slud, "Comparative
    study of confidence intervals for proportions in complex sample surveys", JSSAM 7 (2019).
    """
    if not base > 0:
        raise ValueError(f"base must be > 0, got {base!r}")
    if not np.all((shares >= 0) & (shares <= 1)):
        raise ValueError(f"shares must lie in [0, 1], got {shares.tolist()}")
    # Loaded here: statsmodels takes a second, and only reports need it.
    from statsmodels.stats import proportion  # pyright: ignore[reportMissingTypeStubs]

    interval = cast(Any, proportion).proportion_confint
    low, high = interval(shares * base, base, alpha=1 - level, method="wilson")
    return np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
