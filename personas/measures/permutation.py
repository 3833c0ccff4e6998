"""Permutation tests."""

import numpy as np

from personas.arrays import FloatArray


def p_value(observed: float, permuted: FloatArray) -> float:
    """Probability of a figure at least as large where the permuted thing does not matter.

    ``(1 + #{permuted >= observed}) / (1 + n)``: the figure observed is one of the permutations, so the
    value is never 0, and the test keeps its level. ``p_value(.3, [.1, .2, .4])`` is ``.5``; with n
    permutations it is at least ``1 / (n + 1)``, so a level of .01 needs 99 of them.

    Args:
        observed: the figure; more is better.
        permuted: the same figure under each permutation, (n,).

    Raises:
        ValueError: there is no permutation, or a figure is not finite.

    Source: Phipson and Smyth, "Permutation p-values should never be zero", Statistical Applications in
    Genetics and Molecular Biology 9 (2010).
    """
    if permuted.ndim != 1 or len(permuted) == 0:
        raise ValueError(f"a permutation test needs at least 1 permuted figure, got shape {permuted.shape}")
    if not (np.isfinite(observed) and np.all(np.isfinite(permuted))):
        raise ValueError("a permutation test needs finite figures")
    return float((1 + np.sum(permuted >= observed)) / (1 + len(permuted)))
