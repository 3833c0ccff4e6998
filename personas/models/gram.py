"""The kernel between all question-options known, a few rows at a time: half of it, in the processor's cache.

Rows and columns are centred within each question, and a block of whole questions can be centred by itself; so
nothing of the size of the whole matrix is made but the matrix.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from personas.arrays import FloatArray, IntArray

if TYPE_CHECKING:
    from personas.models.kernel import KernelSettings, OptionSet

POSITION_LENGTH = 0.5
# Questions and options are compared over this much longer distances than whole texts.
APART = 1.5
_ROWS = 256  # of a block, unless one question has more options
_NOTHING = 1e-14  # of the largest eigenvalue: what rounding leaves of those that are zero


class _Block(NamedTuple):
    """Questions ``first`` up to ``last`` with all up to ``last``, and the rows where they begin and end."""

    first: int
    last: int
    start: int
    stop: int


class _Units(NamedTuple):
    """Vectors of unit length: of options, of what sets them apart, of questions."""

    vectors: FloatArray
    apart: FloatArray
    means: FloatArray


def similarity(a: FloatArray, b: FloatArray, length: float) -> FloatArray:
    """Mean over layers of ``exp(-(1 - cosine) / length)``, shape (n, m); zero vectors are like nothing."""
    return _alike(_unit(a), _unit(b), length)


def position_kernel(a: FloatArray, b: FloatArray) -> FloatArray:
    """``exp(-(difference of positions)^2 / (2 * 0.5^2))``, shape (n, m)."""
    return np.exp(-np.square(a[:, None] - b[None, :]) / (2 * POSITION_LENGTH**2))


def triangle(options: "OptionSet", settings: "KernelSettings", whole: bool = False) -> FloatArray:
    """Centred kernel of ``options`` with themselves, noise on the diagonal, shape (n_rows, n_rows).

    The lower triangle; zeros, or whatever a block spills over the diagonal, stand above it.

    Args:
        options: in the order of their questions.
        settings: the parts that count.
        whole: fill in the upper triangle, too.
    """
    n = len(options.positions)
    out = np.zeros((n, n))
    units = _Units(_unit(options.vectors), _unit(options.apart), _unit(options.means))
    sizes = np.array([b.stop - b.start for b in options.blocks], dtype=np.int64)
    for block in _blocks(sizes):
        part = _part(options, units, settings, sizes, block)
        out[block.start : block.stop, : block.stop] = part
        if whole:
            out[: block.start, block.start : block.stop] = part[:, : block.start].T
    out[np.diag_indices(n)] += settings.noise
    return out


def position_features(options: "OptionSet", weight: float) -> FloatArray:
    """Centred columns F (n_rows, rank) with ``F F' = weight * position_kernel``, centred on both sides.

    There are as many as there are different places on a scale, which are few.
    """
    places, which = np.unique(options.positions, return_inverse=True)
    values, vectors = np.linalg.eigh(position_kernel(places, places))
    kept = values > _NOTHING * values.max()
    columns = (vectors[:, kept] * np.sqrt(weight * values[kept]))[which]
    sizes = np.array([b.stop - b.start for b in options.blocks], dtype=np.int64)
    return _centred(columns, sizes, axis=0)


def _blocks(sizes: IntArray) -> Iterator[_Block]:
    """Runs of whole questions of at most so many rows together, at least one question each."""
    stops = np.cumsum(sizes)
    first = 0
    while first < len(sizes):
        start = int(stops[first] - sizes[first])
        last = max(first + 1, int(np.searchsorted(stops, start + _ROWS, side="right")))
        yield _Block(first, last, start, int(stops[last - 1]))
        first = last


def _part(
    options: "OptionSet", units: _Units, settings: "KernelSettings", sizes: IntArray, block: _Block
) -> FloatArray:
    """Rows of some questions with those of the same and all before, centred both ways."""
    own, other = slice(block.start, block.stop), slice(0, block.stop)
    place = position_kernel(options.positions[own], options.positions[other])
    out = np.zeros_like(place)
    if settings.pair:
        apart = _alike(units.apart[:, own], units.apart[:, other], APART * settings.length)
        out += settings.pair * apart
    if settings.pair or settings.slope:
        means = units.means[:, block.first : block.last], units.means[:, : block.last]
        questions = _alike(*means, APART * settings.length)
        out += settings.slope * place
        rows = np.repeat(questions, sizes[block.first : block.last], axis=0)
        out *= np.repeat(rows, sizes[: block.last], axis=1)
    if settings.text:
        alike = _alike(units.vectors[:, own], units.vectors[:, other], settings.length)
        alike *= settings.text
        out += alike
    place *= settings.position
    out += place
    return _centred(_centred(out, sizes[block.first : block.last], axis=0), sizes[: block.last], axis=1)


def _centred(values: FloatArray, sizes: IntArray, axis: int) -> FloatArray:
    """Less their means within each question along one of two axes, in place."""
    shape = (-1, 1) if axis == 0 else (1, -1)
    starts = np.cumsum(sizes) - sizes
    means = np.add.reduceat(values, starts, axis=axis) / sizes.reshape(shape)
    values -= np.repeat(means, sizes, axis=axis)
    return values


def _unit(vectors: FloatArray) -> FloatArray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=2, keepdims=True), 1e-12)


def _alike(a: FloatArray, b: FloatArray, length: float) -> FloatArray:
    """See ``similarity``; vectors are of unit length, or zero."""
    out = np.zeros((a.shape[1], b.shape[1]))
    for one, other in zip(a, b, strict=True):
        near = one @ other.T
        near -= 1.0
        near /= length
        out += np.exp(near, out=near)
    out /= len(a)
    return out
