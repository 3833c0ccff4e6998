"""k-anonymity: every combination of attributes that leaves the workspace is shared by enough people.

An unknown value counts as a value of its own: two people share a combination where they agree in what is
known and in what is not. That is the stricter of the two readings: whoever is looked for may be any of those
who match in what is known, and these are never fewer.

Source: Sweeney, "k-anonymity: a model for protecting privacy" (2002); local suppression, Samarati (2001) and
Templ, Kowarik and Meindl, "sdcMicro" (2015); l-diversity in its distinct form, Machanavajjhala et al. (2007).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import comb

import numpy as np

from personas.arrays import BoolArray, IntArray
from personas.errors import DataError
from personas.panel import UNKNOWN

DEFAULT_K = 10
SMALLEST_K = 5
_TABLE = 1 << 24  # keys up to here are counted in a table, larger ones are sorted
_TRIED = 70  # sets of attributes of one size up to which all are tried: those of up to 8 attributes
_BEAM = 8  # beyond that, how many of one size are carried on to the next


@dataclass(frozen=True)
class Suppressed:
    """Codes of which every combination is shared by at least ``k`` people.

    Attributes:
        codes: shape (n_kept, n_attributes), ``UNKNOWN`` where a value was blanked.
        rows: which of the rows were kept, shape (n_rows,).
        blanked: number of values blanked of each attribute, shape (n_attributes,).
        k: that was asked for.
    """

    codes: IntArray
    rows: BoolArray
    blanked: IntArray
    k: int

    @property
    def dropped(self) -> int:
        """Rows that had to be left out, since even with nothing known they were too few."""
        return int(np.sum(~self.rows))

    @property
    def share(self) -> float:
        """Share of the known values kept back: blanked, of those in rows that were kept."""
        known = int(np.sum(self.codes != UNKNOWN)) + int(self.blanked.sum())
        return float(self.blanked.sum() / known) if known else 0.0


def check_k(k: int) -> int:
    """``k`` itself. Raises: DataError where it is below the floor."""
    if k < SMALLEST_K:
        raise DataError(f"k must be at least {SMALLEST_K}, got {k}; {DEFAULT_K} is usual")
    return k


def k_of(codes: IntArray, people: IntArray | None = None) -> int:
    """Size of the smallest group of people who share a combination; 0 where there are no rows.

    Args:
        codes: index of the value for each row and attribute, ``UNKNOWN`` where it is unknown.
        people: which of the people each row stands for, 0 and up, where several rows may stand for one: a
            person simulated twice from the same human does not hide that human. Each row is one where
            ``None``.
    """
    if not len(codes):
        return 0
    cells = _cells(codes, people)
    return int(cells.sizes(cells.keys(())).min())


def violations(codes: IntArray, k: int, people: IntArray | None = None) -> BoolArray:
    """Rows whose combination is shared by fewer than ``k`` people, shape (n_rows,)."""
    if not len(codes):
        return np.zeros(0, dtype=np.bool_)
    cells = _cells(codes, people)
    return (cells.sizes(cells.keys(())) < k)[cells.of_row]


def suppress(codes: IntArray, k: int = DEFAULT_K, people: IntArray | None = None) -> Suppressed:
    """Blanks as few values as a greedy search finds, until every combination is shared by ``k`` people.

    Rows in groups that are large enough are not touched. Of the others those come first that one blank value
    puts into a group of ``k`` or more, then those that need two, and so on; among sets of attributes of one
    size the one that helps most people first. Where there are more than 70 sets of a size, only those are
    tried that add one attribute to the best sets of the size before. Rows that are too few even with nothing
    known are left out.

    Args:
        codes: shape (n_rows, n_attributes).
        k: at least 5.
        people: see ``k_of``.

    Raises:
        DataError: ``k`` is below 5.
    """
    check_k(k)
    attributes: int = codes.shape[1]
    if not len(codes):
        return Suppressed(codes.copy(), np.zeros(0, dtype=np.bool_), np.zeros(attributes, dtype=np.int64), k)
    cells = _cells(codes, people)
    blanks = np.zeros((len(cells.codes), attributes), dtype=np.bool_)
    left = np.flatnonzero(cells.sizes(cells.keys(())) < k)
    best: Sequence[tuple[int, ...]] = ((),)
    for size in range(1, attributes + 1):
        if not len(left):
            break
        left, best = _blank(cells, blanks, left, _sets(attributes, size, best), k)
    kept = np.ones(len(cells.codes), dtype=np.bool_)
    kept[left] = False
    done = np.where(blanks, UNKNOWN, cells.codes)
    changed = blanks & (cells.codes != UNKNOWN) & kept[:, None]
    rows = kept[cells.of_row]
    of_row = cells.of_row[rows] if len(left) else cells.of_row
    blanked: IntArray = np.array([int(cells.rows[column].sum()) for column in changed.T], dtype=np.int64)
    return Suppressed(done.take(of_row, axis=0), rows, blanked, k)


def l_diversity(codes: IntArray, sensitive: IntArray) -> int:
    """Fewest distinct values of a sensitive attribute in a group that shares a combination; 0 without rows.

    Unknown sensitive values do not count. 1 means that knowing the combination tells the sensitive value of
    somebody.
    """
    if not len(codes):
        return 0
    cells = _cells(codes, None)
    known = sensitive != UNKNOWN
    pairs = np.unique(np.stack([cells.of_row[known], sensitive[known]]), axis=1)
    counts = np.bincount(pairs[0], minlength=len(cells.codes))
    return int(counts[counts > 0].min()) if len(pairs[0]) else 0


def low_diversity(name: str, diversity: int, least: int = 2) -> str | None:
    """A warning where groups have too few distinct values of a sensitive attribute, otherwise ``None``."""
    if diversity == 0 or diversity >= least:
        return None
    return (
        f"{name!r} has only {diversity} distinct value{'s' if diversity > 1 else ''} in some group of "
        "people who share all other attributes: who belongs to it is known to have it, however large the "
        "group is"
    )


@dataclass(frozen=True)
class _Cells:
    """The distinct combinations, or (combination, human) pairs, and the rows in each.

    Attributes:
        codes: shape (n_cells, n_attributes).
        rows: rows in each cell.
        of_row: cell of each row.
        places: packed value of each cell's attributes, UNKNOWN as 0, times the attribute's stride, shape
            (n_attributes, n_cells); ``whole`` is their sum, the key of the combination.
        size: one more than the largest key; beyond ``_TABLE`` keys are sorted, not tabulated.
        people: the human behind each cell, ``None`` where rows are humans.
    """

    codes: IntArray
    rows: IntArray
    of_row: IntArray
    places: IntArray
    whole: IntArray
    size: int
    people: IntArray | None

    def keys(self, blank: Sequence[int], chosen: IntArray | None = None) -> IntArray:
        """Key of each (chosen) cell with some attributes blanked."""
        total = self.whole if chosen is None else self.whole[chosen]
        for a in blank:
            total = total - (self.places[a] if chosen is None else self.places[a][chosen])
        return total

    def sizes(self, keys: IntArray, chosen: IntArray | None = None) -> IntArray:
        """People who share the key of each (chosen) cell."""
        rows = self.rows if chosen is None else self.rows[chosen]
        size = self.size
        if size > _TABLE:
            keys = np.unique(keys, return_inverse=True)[1].astype(np.int64)
            size = int(keys.max()) + 1
        if self.people is None:
            found = np.bincount(keys, weights=rows, minlength=size)
        else:
            humans = self.people if chosen is None else self.people[chosen]
            pairs = np.unique(np.stack([keys, humans]), axis=1)
            found = np.bincount(pairs[0], minlength=size)
        return found[keys].astype(np.int64)


def _sets(attributes: int, size: int, best: Sequence[tuple[int, ...]]) -> Sequence[tuple[int, ...]]:
    """Sets of attributes of one size: all where they are few, otherwise the ``best`` with one more each."""
    if comb(attributes, size) <= _TRIED:
        return list(combinations(range(attributes), size))
    return sorted({tuple(sorted((*b, a))) for b in best for a in range(attributes) if a not in b})


def _blank(
    cells: _Cells, blanks: BoolArray, left: IntArray, sets: Sequence[tuple[int, ...]], k: int
) -> tuple[IntArray, Sequence[tuple[int, ...]]]:
    """Blanks sets of attributes of the cells in ``left`` that it helps.

    Returns:
        The cells that are still too rare, and the best of the sets: those that help most people, then those
        that bring most people together.
    """
    found: list[tuple[int, int, tuple[int, ...]]] = []
    for chosen in sets:
        sizes = cells.sizes(cells.keys(chosen, left), left)
        found.append((-int(cells.rows[left][sizes >= k].sum()), -int(np.minimum(sizes, k).sum()), chosen))
    found.sort()
    for gain, _, chosen in found:
        if not gain or not len(left):
            break
        enough = cells.sizes(cells.keys(chosen, left), left) >= k
        for a in chosen:
            blanks[left[enough], a] = True
        left = left[~enough]
    return left, [chosen for _, _, chosen in found[:_BEAM]]


def _cells(codes: IntArray, people: IntArray | None) -> _Cells:
    attributes = codes.shape[1]
    if attributes == 0:
        raise ValueError("there are no attributes, so there is nothing to compare people by")
    levels = [int(codes[:, a].max()) + 2 for a in range(attributes)]
    strides = np.cumprod([1, *levels[:-1]], dtype=object)
    size = int(strides[-1]) * levels[-1]
    if size >= 2**62:
        return _cells_of_many(codes, people)
    # UNKNOWN is -1 and stands first.
    key = codes @ strides.astype(np.int64) + int(strides.sum())
    values, of_row, rows = _distinct(key, size, people)
    humans = None
    if people is not None:
        humans = values % (int(people.max()) + 1)
        values = values // (int(people.max()) + 1)
    places = np.empty((attributes, len(values)), dtype=np.int64)
    rest = values
    for a in range(attributes):
        rest, own = np.divmod(rest, levels[a])
        places[a] = own * int(strides[a])
    distinct = np.stack([places[a] // int(strides[a]) - 1 for a in range(attributes)], axis=1)
    return _Cells(distinct, rows, of_row, places, values, size, humans)


def _distinct(key: IntArray, size: int, people: IntArray | None) -> tuple[IntArray, IntArray, IntArray]:
    """Distinct keys (with the human, where rows are not humans), which of them each row has, rows of each."""
    if people is not None:
        humans = int(people.max()) + 1
        key, size = key * humans + people, size * humans
        if size >= 2**62:
            raise DataError("too many combinations of attributes and people to count; leave out attributes")
    if size > _TABLE:
        values, of_row, rows = np.unique(key, return_inverse=True, return_counts=True)
        return values, of_row.astype(np.int64), rows.astype(np.int64)
    counts = np.bincount(key, minlength=size)
    values = np.flatnonzero(counts)
    rank = np.empty(size, dtype=np.int64)
    rank[values] = np.arange(len(values))
    return values, rank[key], counts[values]


def _cells_of_many(codes: IntArray, people: IntArray | None) -> _Cells:
    """Cells of so many attributes that their product fits no integer: places are random numbers instead.

    The sum of 62-bit numbers, one for each value, is a key (Zobrist hashing); two of a million combinations
    share one with probability below 1e-6.
    """
    parts = codes if people is None else np.column_stack([codes, people])
    distinct, of_row, rows = np.unique(parts, axis=0, return_inverse=True, return_counts=True)
    rng = np.random.default_rng(20261121)
    attributes = codes.shape[1]
    places = np.empty((attributes, len(distinct)), dtype=np.int64)
    for a in range(attributes):
        numbers = rng.integers(0, 2**62 // attributes, size=int(codes[:, a].max()) + 2)
        numbers[0] = 0
        places[a] = numbers[distinct[:, a] + 1]
    humans = None if people is None else np.ascontiguousarray(distinct[:, -1])
    own = np.ascontiguousarray(distinct[:, :attributes])
    cell = of_row.reshape(-1).astype(np.int64)
    return _Cells(own, rows.astype(np.int64), cell, places, places.sum(axis=0), 2**62, humans)
