"""Whole numbers from expected ones, so that every balanced total comes out (nearly) as expected.

Each unit has a probability x in (0, 1) and belongs to some cells (a level of each attribute, say). The
result is 0 or 1 for each unit, 1 with exactly the probability x, and each cell's sum near its expected sum:

1. *flight*: while some direction leaves all cells' sums as they are, the x of the units move along it, up
   or down at random so that no expectation changes, until one of them is 0 or 1 (cube method);
2. *landing*: for the few units left there is no such direction; they move along the one that changes the
   cells' sums least (Gram-Schmidt walk), the overall sum always being kept.

Source: Deville and Tillé, Biometrika 91 (2004), 893-912 (cube); Chauvet and Tillé, Computational Statistics
21 (2006), 53-62 (units enter one after the other); Bansal, Dadush, Garg and Lovett, "The Gram-Schmidt walk",
STOC 2018. Departure: the null direction is kept as a basis inverse with rank-one updates, as in the simplex
method.
"""

import numpy as np

from personas.arrays import BoolArray, FloatArray, IntArray

_TINY = 1e-9
_REFRESH = 2000  # updates after which the basis is inverted anew
_RIDGE = 1e-4
_WHOLE = 30.0  # how much more the overall sum counts than a cell in the landing


def rounded(x: FloatArray, cells: IntArray, importance: FloatArray, rng: np.random.Generator) -> BoolArray:
    """Which units are taken, shape (n_units,); their number is the sum of ``x``, a whole number.

    Args:
        x: probability of each unit, shape (n_units,), in [0, 1]. Units that follow one another replace one
            another first, so the order of the units is a stratification.
        cells: the cells that each unit belongs to, shape (n_units, n_cells_each), numbered from 0.
        importance: how much an error in each cell matters in the landing, shape (n_cells,).
        rng: source of the random moves.

    Raises:
        ValueError: the probabilities do not add up to a whole number.
    """
    total = round(float(x.sum()))
    if abs(float(x.sum()) - total) > 1e-6 * max(1.0, float(x.sum())):
        raise ValueError(f"probabilities must add up to a whole number, got {x.sum():.9g}")
    taken = x > 1 - _TINY
    open_ = np.flatnonzero((x > _TINY) & ~taken)
    if not open_.size:
        return taken
    flight = _Flight(cells[open_], x[open_], len(importance), rng)
    flight.run()
    left = np.flatnonzero((flight.x > _TINY) & (flight.x < 1 - _TINY))
    if left.size:
        wanted = total - int(taken.sum()) - int(np.sum(flight.x > 1 - _TINY))
        flight.x[left] = _landed(flight.x[left], cells[open_[left]], importance, wanted, rng)
    taken[open_[flight.x > 0.5]] = True
    return taken


class _Flight:
    """The units' probabilities on their way, and the basis: as many units as cells, or slacks of cells."""

    def __init__(self, cells: IntArray, x: FloatArray, n_cells: int, rng: np.random.Generator) -> None:
        self.cells = np.column_stack([cells, np.full(len(x), n_cells)])  # all units are in the last cell
        self.x = x.copy()
        self._size = n_cells + 1
        self._basis = np.full(self._size, -1, dtype=np.int64)  # unit in each place, -1 for the cell's slack
        self._inverse: FloatArray = np.eye(self._size)
        self._slack = np.ones(self._size, dtype=np.bool_)
        self._values: FloatArray = np.zeros(self._size)  # x of the units in the basis
        self._uniforms = rng.random(len(x))
        self._updates = 0

    def run(self) -> None:
        """Moves until no direction is left that keeps every sum."""
        for unit in range(len(self.x)):
            self._enter(unit)
        members = self._basis >= 0
        self.x[self._basis[members]] = self._values[members]

    def _enter(self, unit: int) -> None:
        step = self._inverse[:, self.cells[unit]].sum(axis=1)  # what each place gives up for one more of it
        size: FloatArray = np.abs(step)
        free = np.where(self._slack, size, 0.0)
        place = int(free.argmax())
        if free[place] > 1e-7:
            self._slack[place] = False
            self._replace(place, unit, step)
            return
        with np.errstate(divide="ignore", invalid="ignore"):
            near, far = self._values / size, (1.0 - self._values) / size
        still = (size <= _TINY) | self._slack
        falls = step > 0
        up = np.where(still, np.inf, np.where(falls, near, far))
        down = np.where(still, np.inf, np.where(falls, far, near))
        first_up, first_down = int(up.argmin()), int(down.argmin())
        here = float(self.x[unit])
        most_up, most_down = min(float(up[first_up]), 1.0 - here), min(float(down[first_down]), here)
        rises = bool(self._uniforms[unit] * (most_up + most_down) < most_down) or most_up + most_down <= 0
        place, bound, move = (
            (first_up, float(up[first_up]), most_up)
            if rises
            else (first_down, float(down[first_down]), -most_down)
        )
        self._values -= np.where(still, 0.0, move * step)
        np.clip(self._values, 0.0, 1.0, out=self._values)
        self.x[unit] = min(1.0, max(0.0, here + move))
        if bound <= abs(move):
            gone = int(self._basis[place])
            self.x[gone] = 1.0 if self._values[place] > 0.5 else 0.0
            self._replace(place, unit, step)

    def _replace(self, place: int, unit: int, step: FloatArray) -> None:
        """The unit takes the place of whoever was there; the inverse follows by a rank-one update."""
        self._basis[place] = unit
        self._values[place] = self.x[unit]
        self._updates += 1
        if self._updates % _REFRESH == 0:
            self._inverse = np.linalg.inv(self._matrix()).astype(np.float64)
            return
        row = self._inverse[place] / step[place]
        touched = np.flatnonzero(np.abs(step) > _TINY)
        self._inverse[touched] -= step[touched, None] * row
        self._inverse[place] = row

    def _matrix(self) -> FloatArray:
        matrix = np.eye(self._size)
        for place in np.flatnonzero(self._basis >= 0):
            matrix[:, place] = 0.0
            np.add.at(matrix, (self.cells[self._basis[place]], place), 1.0)
        return matrix


def _landed(
    x: FloatArray, cells: IntArray, importance: FloatArray, wanted: int, rng: np.random.Generator
) -> FloatArray:
    """0 or 1 for the units that the flight left, ``wanted`` of them 1."""
    member = np.zeros((len(importance) + 1, len(x)))
    for column in cells.T:
        member[column, np.arange(len(x))] += importance[column]
    member[-1] = _WHOLE
    # (n_units, n_units)
    inverse: FloatArray = np.linalg.inv(member.T @ member + _RIDGE * np.eye(len(x))).astype(np.float64)
    x, alive = x.copy(), np.ones(len(x), dtype=np.bool_)
    turn = rng.permutation(len(x))
    for uniform in rng.random(len(x) - 1):
        if alive.sum() < 2:
            break
        pivot = int(turn[alive[turn]][0])
        move = _direction(inverse, alive, pivot)
        with np.errstate(divide="ignore", invalid="ignore"):
            rise = np.where(move > 0, (1 - x) / move, np.where(move < 0, -x / move, np.inf))
            fall = np.where(move > 0, x / move, np.where(move < 0, (x - 1) / move, np.inf))
        up, down = float(rise.min()), float(fall.min())
        step = up if uniform * (up + down) < down else -down
        hit = int(rise.argmin() if step > 0 else fall.argmin())
        x = np.clip(x + step * move, 0.0, 1.0)
        x[hit] = np.round(x[hit])
        for gone in np.flatnonzero(alive & ((x <= _TINY) | (x >= 1 - _TINY))):
            inverse -= inverse[:, gone, None] * (inverse[gone] / inverse[gone, gone])
            inverse[gone] = inverse[:, gone] = 0.0
            alive[gone] = False
    for unit in np.flatnonzero(alive):  # the sum of all is whole, so the last one is
        x[unit] = float(wanted - np.sum(np.delete(x, unit) > 0.5))
    return x


def _direction(inverse: FloatArray, alive: BoolArray, pivot: int) -> FloatArray:
    """Moves of the living units, the pivot's being 1, that change the cells' sums least and not the whole.

    ``-A_oo^-1 A_op`` is the pivot's column of the inverse over its own entry there (block inversion).
    """
    move = inverse[:, pivot] / inverse[pivot, pivot]
    others = alive.copy()
    others[pivot] = False
    move[others] -= (move[others].sum() + 1.0) / others.sum()
    move[~alive] = 0.0
    move[pivot] = 1.0
    return move
