import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linprog

from grounding.privacy import suppression
from personas.errors import DataError

TABLES = st.tuples(st.integers(2, 5), st.integers(2, 5)).flatmap(
    lambda shape: arrays(np.int64, shape, elements=st.sampled_from([0, 0, 1, 2, 3, 7, 11, 14, 25, 60, 400]))
)


def interval(counts, hidden, cell):
    """Smallest and largest value that a cell can have for all that the table shows, by linear programmes."""
    n, m = counts.shape
    full = suppression.with_totals(counts)
    masked = np.zeros(full.shape, dtype=bool)
    masked[:-1, :-1], masked[:-1, -1], masked[-1, :-1] = hidden.cells, hidden.rows, hidden.columns
    masked[-1, -1] = hidden.total
    sums = []
    for i in range(n):
        sums.append({(i, j): 1.0 for j in range(m)} | {(i, m): -1.0})
    for j in range(m):
        sums.append({(i, j): 1.0 for i in range(n)} | {(n, j): -1.0})
    sums.append({(i, m): 1.0 for i in range(n)} | {(n, m): -1.0})
    sums.append({(n, j): 1.0 for j in range(m)} | {(n, m): -1.0})
    cells = list(itertools.product(range(n + 1), range(m + 1)))
    matrix = np.array([[s.get(c, 0.0) for c in cells] for s in sums])
    bounds = [(0, None) if masked[c] else (float(full[c]), float(full[c])) for c in cells]
    aim = np.array([1.0 if c == cell else 0.0 for c in cells])
    low = linprog(aim, A_eq=matrix, b_eq=np.zeros(len(sums)), bounds=bounds)
    high = linprog(-aim, A_eq=matrix, b_eq=np.zeros(len(sums)), bounds=bounds)
    assert low.status == 0
    return low.fun, np.inf if high.status == 3 else -high.fun


@settings(max_examples=60, deadline=None)
@given(TABLES, st.sampled_from([5, 10]))
def test_no_small_cell_can_be_computed_from_what_is_shown(counts, k):
    hidden = suppression.table(counts, k)
    small = np.argwhere((counts > 0) & (counts < k))
    for i, j in small:
        assert hidden.cells[i, j]
        low, high = interval(counts, hidden, (int(i), int(j)))
        assert high - counts[i, j] >= k - 1e-6
        assert low <= counts[i, j] + 1e-6


@settings(max_examples=60, deadline=None)
@given(TABLES)
def test_every_figure_shown_counts_k_people_or_nobody(counts):
    hidden = suppression.table(counts, 10)
    shown = [*counts[~hidden.cells], *counts.sum(axis=1)[~hidden.rows], *counts.sum(axis=0)[~hidden.columns]]
    shown += [] if hidden.total else [counts.sum()]
    assert all(value == 0 or value >= 10 for value in shown)


def test_a_table_without_small_cells_is_shown_whole():
    hidden = suppression.table(np.array([[10, 0, 30], [44, 50, 12]]), 10)
    assert not hidden.cells.any()
    assert not hidden.rows.any()
    assert not hidden.columns.any()
    assert not hidden.total


def test_one_small_cell_takes_the_cheapest_rectangle_with_it():
    counts = np.array([[3, 90, 20], [80, 95, 90], [25, 99, 12]])
    hidden = suppression.table(counts, 10)
    assert np.argwhere(hidden.cells).tolist() == [[0, 0], [0, 2], [2, 0], [2, 2]]
    assert not hidden.rows.any()
    assert not hidden.columns.any()
    # Without the partners the cell follows from its row: 113 - 90 - 20 = 3.
    alone = hidden._replace(cells=counts < 10)
    assert interval(counts, alone, (0, 0)) == pytest.approx((3, 3))


def test_small_totals_are_kept_back_too():
    counts = np.array([[2, 1, 0], [40, 50, 60]])
    hidden = suppression.table(counts, 10)
    assert hidden.rows.tolist()[0]
    low, high = interval(counts, hidden, (0, 0))
    assert high - low >= 10


def test_a_table_of_states_and_age_groups_is_not_hidden_whole():
    rng = np.random.default_rng(3)
    counts = rng.poisson(rng.gamma(0.6, 60, size=(51, 12))).astype(np.int64)
    hidden = suppression.table(counts, 10)
    assert 0.1 < hidden.cells.mean() < 0.7


@pytest.mark.parametrize(
    ("counts", "cells", "total"),
    [
        ([3, 40, 60], [True, True, False], False),
        ([3, 9, 60, 70], [True, True, True, False], False),
        ([3, 9, 8, 70], [True, True, True, False], False),
        ([3, 4], [True, True], True),
        ([3, 12], [True, True], False),
        ([20, 0, 30], [False, False, False], False),
        ([4, 0, 8], [True, False, True], True),
    ],
)
def test_a_list_of_counts_hides_enough_beside_its_small_cells(counts, cells, total):
    hidden, whole = suppression.row(np.array(counts), 10)
    assert hidden.tolist() == cells
    assert whole is total


def test_k_below_five_is_refused():
    with pytest.raises(DataError, match="k must be at least 5, got 4"):
        suppression.table(np.array([[1, 2], [3, 4]]), 4)


def test_a_single_row_is_no_table():
    with pytest.raises(ValueError, match="2 rows and 2 columns"):
        suppression.table(np.array([[1, 2, 3]]))
