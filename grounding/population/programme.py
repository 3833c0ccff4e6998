"""Linear programmes, solved by HiGHS through scipy; the one module that speaks to it."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from personas.arrays import FloatArray

_TOLERANCE = 1e-9


@dataclass(frozen=True)
class Optimum:
    """How a linear programme ended.

    Attributes:
        status: ``optimal``, ``infeasible`` (no point meets the conditions) or ``stopped`` (out of time).
        value: of the objective; not a number unless optimal.
        point: the variables; empty unless optimal.
        duals: change of the value with the right-hand side of each equality; empty unless optimal.
    """

    status: str
    value: float
    point: FloatArray
    duals: FloatArray


def minimise(
    cost: FloatArray,
    equal: tuple[Any, FloatArray],
    at_most: tuple[Any, FloatArray] | None,
    low: FloatArray,
    high: FloatArray,
    seconds: float,
) -> Optimum:
    """The smallest ``cost`` x with A x = b, optionally G x <= h, and low <= x <= high.

    Args:
        cost: shape (n,).
        equal: A, a scipy sparse array of shape (rows, n), and b.
        at_most: G and h alike.
        low: smallest values; shape (n,).
        high: largest values, infinite where there is no limit.
        seconds: most time spent.
    """
    from scipy import optimize

    untyped: Any = optimize
    nothing = np.zeros(0)
    if seconds <= 0:
        return Optimum("stopped", np.nan, nothing, nothing)
    found: Any = untyped.linprog(
        cost,
        A_eq=equal[0],
        b_eq=equal[1],
        A_ub=None if at_most is None else at_most[0],
        b_ub=None if at_most is None else at_most[1],
        bounds=np.column_stack([low, high]),
        method="highs",
        options={
            "time_limit": float(seconds),
            "primal_feasibility_tolerance": _TOLERANCE,
            "dual_feasibility_tolerance": _TOLERANCE,
        },
    )
    if found.status == 0:
        duals = np.asarray(found.eqlin.marginals, dtype=np.float64)
        return Optimum("optimal", float(found.fun), np.asarray(found.x, dtype=np.float64), duals)
    return Optimum("infeasible" if found.status == 2 else "stopped", np.nan, nothing, nothing)


def stacked(grid: list[list[Any]]) -> Any:
    """Sparse blocks put together, ``None`` being zeros."""
    from scipy import sparse

    untyped: Any = sparse
    return untyped.block_array(grid, format="csc")


def incidence(codes: Any, columns: int, profiles: FloatArray | None, cells: int) -> Any:
    """What each of ``columns`` units adds to each cell, as a sparse array of shape (cells, columns)."""
    from scipy import sparse

    untyped: Any = sparse
    if profiles is None:
        ones = np.ones(columns)
        return untyped.csr_array((ones, (codes, np.arange(columns))), shape=(cells, columns))
    return untyped.csr_array(profiles)[codes].T


def eye(size: int) -> Any:
    """The identity, sparse."""
    from scipy import sparse

    untyped: Any = sparse
    return untyped.eye_array(size, format="csr")


def row(values: FloatArray) -> Any:
    """One row, sparse."""
    from scipy import sparse

    untyped: Any = sparse
    return untyped.csr_array(values[None, :])


def column(values: FloatArray) -> Any:
    """One column, sparse."""
    return row(values).T


def diagonal(values: FloatArray) -> Any:
    """A diagonal, sparse."""
    from scipy import sparse

    untyped: Any = sparse
    return untyped.diags_array(values, format="csr")
