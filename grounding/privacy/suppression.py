"""Small cells of a table with totals: which to keep back, so that none can be computed from what is shown.

A cell with fewer than k people is kept back, and so is a total with fewer. A cell alone in its row would
follow from the total by subtraction, so further cells are kept back until every cell with few people could,
for all that the table tells, hold at least k more than it does. Empty cells may be shown: there is nobody in
them. The whole table is one network, with rows and columns as nodes and cells, totals included, as edges;
people can be shifted along a cycle of kept-back cells without a shown figure changing, and a cell is safe
where k people can be shifted into it.

Source: Cox, "Network models for complementary cell suppression", JASA 90 (1995); Hundepool et al.,
"Statistical Disclosure Control" (2012), chapter 4. Cycles are found one cell at a time, cheapest first: safe,
not minimal.
"""

import heapq
from typing import NamedTuple

import numpy as np

from grounding.privacy.anonymity import DEFAULT_K, check_k
from personas.arrays import BoolArray, IntArray

_FAR = 1 << 60


class Hidden(NamedTuple):
    """What of a table is kept back.

    Attributes:
        cells: shape (n_rows, n_columns).
        rows: totals of rows, shape (n_rows,).
        columns: totals of columns, shape (n_columns,).
        total: of the whole table.
    """

    cells: BoolArray
    rows: BoolArray
    columns: BoolArray
    total: bool


def table(counts: IntArray, k: int = DEFAULT_K, total_known: bool = False) -> Hidden:
    """What to keep back of a table of people whose row, column and grand totals are shown too.

    Args:
        counts: people in each cell, shape (n_rows, n_columns), both at least 2; see ``row`` for less.
        k: people a shown cell has at least; 5 or more.
        total_known: everybody knows the grand total, so that keeping it back would hide nothing. Where too
            few people are left to hide a small cell among, every cell and every other total is kept back.

    Raises:
        ValueError: negative counts, or a table with a single row or column.
        DataError: ``k`` is below 5.
    """
    check_k(k)
    if counts.ndim != 2 or min(counts.shape) < 2 or counts.min(initial=0) < 0:
        raise ValueError(f"counts must be >= 0 in 2 rows and 2 columns or more, got shape {counts.shape}")
    full = with_totals(counts)
    hidden = (full > 0) & (full < k)
    if total_known:
        hidden[-1, -1] = False
    for i, j in sorted(zip(*np.nonzero(hidden), strict=True), key=lambda cell: int(full[cell])):
        if not _protect(full, hidden, (int(i), int(j)), k, total_known):
            hidden[:] = True
            break
    return Hidden(hidden[:-1, :-1], hidden[:-1, -1], hidden[-1, :-1], bool(hidden[-1, -1]))


def row(counts: IntArray, k: int = DEFAULT_K) -> tuple[BoolArray, bool]:
    """What to keep back of a single list of counts and its total: a mask, and whether the total goes too.

    Of the cells with ``k`` people or more the smallest are kept back with the small ones, until k people
    could be shifted between them. Worked: (3, 40, 60), k = 10: 3 is small; 40 is kept back with it.

    Raises:
        DataError: ``k`` is below 5.
    """
    check_k(k)
    hidden = (counts > 0) & (counts < k)
    small = np.flatnonzero(hidden)
    total = int(counts.sum())
    if not len(small):
        return hidden, False
    if total < k:
        return hidden, True
    for j in np.argsort(counts, kind="stable"):
        if int(counts[hidden].sum() - counts[small].max()) >= k:
            return hidden, False
        hidden[j] |= counts[j] > 0
    enough = int(counts[hidden].sum() - counts[small].max()) >= k
    return hidden, not enough


def with_totals(counts: IntArray) -> IntArray:
    """The table with a last column and a last row of totals."""
    rows = np.column_stack([counts, counts.sum(axis=1)])
    return np.vstack([rows, rows.sum(axis=0)]).astype(np.int64)


def _protect(full: IntArray, hidden: BoolArray, cell: tuple[int, int], k: int, total_known: bool) -> bool:
    """Keeps back further cells until ``k`` people can be shifted into a cell; false where that cannot be.

    Raising the cell is a shift from row node i to column node j over other cells: a step from a row to a
    column lowers the cell between them (or raises it, where it is a total of a row or of a column, which
    count on the other side), a step from a column to a row does the opposite. A cell can be lowered by what
    it still holds.
    """
    counter = np.zeros(full.shape, dtype=np.bool_)
    counter[:-1, -1] = counter[-1, :-1] = True
    value = full.copy()
    closed = [cell, (full.shape[0] - 1, full.shape[1] - 1)] if total_known else [cell]
    shifted = 0
    while shifted < k:
        path = _path(full, value, hidden, counter, closed)
        if path is None:
            return False
        room = min((int(value[r, c]) for r, c, lowers in path if lowers), default=_FAR)
        step = min(room, k - shifted)
        for r, c, lowers in path:
            hidden[r, c] = True
            value[r, c] += -step if lowers else step
        shifted += step
    return True


def _path(
    full: IntArray,
    value: IntArray,
    hidden: BoolArray,
    counter: BoolArray,
    closed: list[tuple[int, int]],
) -> list[tuple[int, int, bool]] | None:
    """The cheapest way to make up for raising the first ``closed`` cell; ``None`` where there is none.

    It consists of cells, none of them closed, and whether each is lowered. Nodes are rows (0 to n_rows - 1),
    then columns. Cells that are kept back already cost nothing, others one more than the people whom they
    would hide.
    """
    n_rows, n_columns = full.shape
    cost = np.where(hidden, 0, full + 1)
    i, j = closed[0]
    start, end = (n_rows + j, i) if counter[i, j] else (i, n_rows + j)
    far = np.full(n_rows + n_columns, _FAR, dtype=np.int64)
    came: dict[int, tuple[int, int, int, bool]] = {}
    far[start] = 0
    queue = [(0, start)]
    while queue:
        distance, node = heapq.heappop(queue)
        if node == end:
            break
        if distance > far[node]:
            continue
        for other, r, c, lowers in _steps(node, n_rows, value, counter, closed):
            further = distance + int(cost[r, c])
            if further < far[other]:
                far[other] = further
                came[other] = (node, r, c, lowers)
                heapq.heappush(queue, (further, other))
    if end not in came:
        return None
    path: list[tuple[int, int, bool]] = []
    node = end
    while node != start:
        node, r, c, lowers = came[node]
        path.append((r, c, lowers))
    return path


def _steps(
    node: int, n_rows: int, value: IntArray, counter: BoolArray, closed: list[tuple[int, int]]
) -> list[tuple[int, int, int, bool]]:
    """Steps from a node: the other node, the cell between them, and whether the step lowers it."""
    n_columns = value.shape[1]
    found: list[tuple[int, int, int, bool]] = []
    from_row = node < n_rows
    for other in range(n_columns if from_row else n_rows):
        r, c = (node, other) if from_row else (other, node - n_rows)
        lowers = from_row != bool(counter[r, c])
        if (r, c) not in closed and not (lowers and value[r, c] <= 0):
            found.append((n_rows + other if from_row else other, r, c, lowers))
    return found
