"""Distances between answer distributions. Pure functions of arrays; nothing is clipped in silence."""

import numpy as np

from personas.arrays import FloatArray

_TOLERANCE = 1e-6


def agreement(p: FloatArray, q: FloatArray) -> FloatArray:
    """Agreement of two answer distributions, in [0, 1]: ``1 - 1/2 sum |p - q|``, 1 only where equal.

    ``agreement([.7, .2, .1], [.1, .2, .7])`` is ``.4``. For nominal and ordinal questions alike; it does
    not depend on the order of the options.

    Args:
        p: shape (..., n_options), each row sums to one.
        q: the same number of options; leading axes broadcast against those of ``p``.

    Raises:
        ValueError: a row is no distribution (negative, not finite, does not sum to one, empty), or the
            numbers of options differ.

    Source: total variation distance, Levin and Peres, "Markov Chains and Mixing Times" (2017),
    proposition 4.2.
    """
    _check_pair(p, q)
    return 1.0 - 0.5 * np.abs(p - q).sum(axis=-1)


def wasserstein(p: FloatArray, q: FloatArray, positions: FloatArray | None = None) -> FloatArray:
    """Normalised Wasserstein-1 distance on an ordered scale, in [0, 1]; 1 for the two ends of the scale.

    ``sum |F - G| dx / (x_max - x_min)`` with F and G the cumulative shares. ``wasserstein([.7, .2, .1],
    [.1, .2, .7])`` is ``.6``.

    Args:
        p: shape (..., n_options), options in the order of the scale.
        q: the same number of options; leading axes broadcast against those of ``p``.
        positions: place of each option on the scale, strictly increasing; equally spaced without it.

    Raises:
        ValueError: a row is no distribution, or ``positions`` do not increase (positions all alike would
            make the distance zero whatever the answers).

    Source: Vallender, "Calculation of the Wasserstein distance between probability distributions on the
    line" (1974).
    """
    _check_pair(p, q)
    n_options = p.shape[-1]
    places = np.arange(n_options, dtype=np.float64) if positions is None else positions
    if places.shape != (n_options,) or not np.all(np.diff(places) > 0):
        raise ValueError(f"positions must be {n_options} strictly increasing numbers, got {places.tolist()}")
    gap = np.abs(np.cumsum(p, axis=-1) - np.cumsum(q, axis=-1))[..., :-1]
    return np.sum(gap * np.diff(places), axis=-1) / (places[-1] - places[0])


def check(p: FloatArray, what: str = "distribution") -> None:
    """Returns when every row (last axis) is a distribution over at least two options.

    Raises:
        ValueError: with ``what``, the first offending row and what is allowed.
    """
    if p.ndim == 0 or p.size == 0 or p.shape[-1] < 2:
        raise ValueError(f"{what} needs at least one row of at least 2 options, got shape {p.shape}")
    total = p.sum(axis=-1)
    # Written so that NaN fails as well.
    good = np.all(p >= 0, axis=-1) & (np.abs(total - 1.0) <= _TOLERANCE * p.shape[-1])
    if not np.all(good):
        row = p.reshape(-1, p.shape[-1])[np.flatnonzero(~np.ravel(good))[0]]
        raise ValueError(f"{what} must be numbers >= 0 that sum to 1, got {row.tolist()}")


def _check_pair(p: FloatArray, q: FloatArray) -> None:
    check(p)
    check(q)
    if p.shape[-1] != q.shape[-1]:
        raise ValueError(f"distributions have {p.shape[-1]} and {q.shape[-1]} options; they must be the same")
