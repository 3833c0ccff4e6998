"""Columns of text with few distinct values, held as those values and a number for each row."""

import importlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, cast, overload

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int32]
Clean = Callable[[str], str | None]
NOTHING = -1


@dataclass(frozen=True, eq=False)
class Column(Sequence[str | None]):
    """A column as a sequence of text, stored as its distinct values and the place of each row among them.

    ``Column.of(["a", None, "a"])`` has values ``("a",)`` and codes ``[0, -1, 0]``. A million rows of a
    question with five options take 4 MB.

    Attributes:
        values: the distinct values, in the order in which they come first.
        codes: place of each row's value in ``values``, shape (n_rows,); ``NOTHING`` where it has none.
    """

    values: tuple[str, ...]
    codes: Codes

    @classmethod
    def of(cls, cells: Sequence[str | None]) -> "Column":
        """The cells as a column; a column as it is."""
        if isinstance(cells, Column):
            return cells
        encoder = Encoder(lambda text: text)
        encoder.add(cells)
        return encoder.column()

    def take(self, rows: NDArray[np.int64]) -> "Column":
        """The cells of ``rows``, without the values that none of them has."""
        codes = self.codes[rows]
        used = np.unique(codes[codes != NOTHING])
        place = np.full(len(self.values) + 1, NOTHING, dtype=np.int32)  # the last place serves NOTHING (-1)
        place[used] = np.arange(len(used), dtype=np.int32)
        return Column(tuple(map(self.values.__getitem__, used.tolist())), place[codes])

    def first(self, value: int) -> int:
        """The first row with the value at this place."""
        return int(np.argmax(self.codes == value))

    @overload
    def __getitem__(self, index: int) -> str | None: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[str | None, ...]: ...

    def __getitem__(self, index: int | slice) -> str | tuple[str | None, ...] | None:
        if isinstance(index, slice):
            return tuple(self._text(code) for code in self.codes[index].tolist())
        return self._text(int(self.codes[index]))

    def __len__(self) -> int:
        return len(self.codes)

    def __iter__(self) -> Iterator[str | None]:
        return map(self._text, self.codes.tolist())

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return False
        cells = cast(Sequence[object], other)
        return len(self) == len(cells) and all(map(_same, self, cells))

    __hash__ = None  # type: ignore[assignment]

    def _text(self, code: int) -> str | None:
        return None if code == NOTHING else self.values[code]


def _same(left: object, right: object) -> bool:
    return left == right


class Encoder:
    """Puts the pieces of a column together. Each distinct text is cleaned once, however often it stands."""

    def __init__(self, clean: Clean) -> None:
        self._clean = clean
        self._place: dict[str, int] = {}
        self._place_of_raw: dict[str | None, int] = {None: NOTHING}
        self._pieces: list[Codes] = []

    def add(self, cells: Sequence[str | None]) -> None:
        """Adds the next rows."""
        raw = cells if isinstance(cells, Column) else from_arrow(_arrow().array(cells, _arrow().string()))
        place = np.full(len(raw.values) + 1, NOTHING, dtype=np.int32)
        for i, text in enumerate(raw.values):
            found = self._place_of_raw.get(text)
            place[i] = self._new(text) if found is None else found
        self._pieces.append(place[raw.codes])

    def column(self) -> Column:
        """All rows added."""
        codes = np.concatenate(self._pieces) if self._pieces else np.empty(0, dtype=np.int32)
        return Column(tuple(self._place), codes)

    def _new(self, text: str) -> int:
        cleaned = self._clean(text)
        found = NOTHING if cleaned is None else self._place.setdefault(cleaned, len(self._place))
        self._place_of_raw[text] = found
        return found


def _arrow() -> Any:
    return importlib.import_module("pyarrow")


def from_arrow(array: Any) -> Column:
    """The column of an Arrow array of text."""
    encoded = array.dictionary_encode()
    codes = encoded.indices.fill_null(NOTHING).to_numpy(zero_copy_only=False)
    return Column(tuple(encoded.dictionary.to_pylist()), np.asarray(codes, dtype=np.int32))


def to_arrow(cells: Sequence[str | None], clean: Clean) -> Any:
    """The cleaned cells as an Arrow array of text."""
    encoder = Encoder(clean)
    encoder.add(cells)
    column = encoder.column()
    arrow = _arrow()
    codes = arrow.array(column.codes, mask=column.codes == NOTHING)
    dictionary = arrow.array(column.values, arrow.string())
    return arrow.DictionaryArray.from_arrays(codes, dictionary).cast(arrow.string())


def arrow_table(columns: Sequence[object], names: Sequence[str]) -> Any:
    """An Arrow table of Arrow arrays."""
    return _arrow().table(list(columns), names=list(names))


def stripped(text: str) -> str | None:
    """The text without spaces around it; ``None`` if nothing is left."""
    return text.strip() or None


def number_text(value: float) -> str | None:
    """The number in plain digits, whole numbers without a point; ``None`` if it is not a number.

    ``number_text(2.0)`` is ``2``, ``number_text(1e-05)`` is ``0.00001``.
    """
    if value != value:
        return None
    if value in (float("inf"), float("-inf")):
        return repr(value)
    return format(Decimal(repr(value)).normalize(), "f") if value else "0"


def number_clean(text: str) -> str | None:
    """A floating-point number that a database wrote as text, as ``number_text`` writes it."""
    return number_text(float(text))
