"""The one typed module around pyarrow, which ships without types: columns in and out of DuckDB."""

import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from personas.arrays import FloatArray, IntArray

_pa: Any = importlib.import_module("pyarrow")
_compute: Any = importlib.import_module("pyarrow.compute")


def table(columns: Mapping[str, object]) -> object:
    """An Arrow table of columns given as sequences, numpy arrays or Arrow arrays."""
    return _pa.table(dict(columns))


def lists(rows: FloatArray) -> object:
    """A column of lists from an array of shape (n_rows, length)."""
    n, length = rows.shape
    offsets = _pa.array(np.arange(n + 1, dtype=np.int32) * length)
    return _pa.ListArray.from_arrays(offsets, _pa.array(np.ascontiguousarray(rows).ravel()))


def joined(columns: Sequence[object]) -> object:
    """Columns one below the other, without copying them."""
    return _pa.chunked_array(list(columns))


def repeated(values: Sequence[str], places: IntArray) -> object:
    """A text column with ``values[p]`` for each of ``places``; each text is handed over once."""
    return _pa.DictionaryArray.from_arrays(_pa.array(places.astype(np.int32)), _pa.array(list(values)))


def strings(found: Any, column: str) -> list[str]:
    """A text column."""
    return list(found.column(column).to_pylist())


def integers(found: Any, column: str) -> IntArray:
    """An integer column."""
    return np.asarray(found.column(column).to_numpy(), dtype=np.int64)


def rectangle(found: Any, column: str, length: int) -> FloatArray:
    """A column of lists of one length as an array of shape (n_rows, length)."""
    flat = found.column(column).combine_chunks().flatten().to_numpy()
    return np.asarray(flat, dtype=np.float64).reshape(-1, length)


def floats(found: Any, column: str) -> FloatArray:
    """A column of numbers."""
    return np.asarray(found.column(column).to_numpy(), dtype=np.float64)


def coded(found: Any, column: str, levels: Sequence[str]) -> IntArray:
    """Place of each text of a column among ``levels``; -1 where it is not among them."""
    place = _compute.index_in(found.column(column), value_set=_pa.array(list(levels), type=_pa.string()))
    return np.asarray(_compute.fill_null(place, -1).to_numpy(), dtype=np.int64)
