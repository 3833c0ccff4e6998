"""A panel: weighted persons, stored by column so that millions fit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from personas.answer import Answers
from personas.arrays import BoolArray, FloatArray, IntArray
from personas.person import Person

UNKNOWN = -1


@dataclass(frozen=True)
class Panel:
    """Weighted persons and what is known of them.

    Attributes:
        ids: one unique id for each person, shape (n_persons,).
        attributes: names of the attributes, one for each column of ``codes``.
        levels: the values that each attribute takes.
        codes: index into ``levels`` for each person and attribute, shape (n_persons, n_attributes);
            ``UNKNOWN`` where nothing is known.
        weights: how many people of the population a person stands for, up to a common factor.
        known: answers that they are known to have given, one row for each person; ``None`` without any.
    """

    ids: tuple[str, ...]
    attributes: tuple[str, ...]
    levels: tuple[tuple[str, ...], ...]
    codes: IntArray
    weights: FloatArray
    known: Answers | None = None

    def __post_init__(self) -> None:
        if len(set(self.ids)) != len(self.ids):
            raise ValueError("panel ids must be unique")
        if self.codes.shape != (len(self.ids), len(self.attributes)) or len(self.levels) != len(
            self.attributes
        ):
            raise ValueError(
                f"codes must have shape {(len(self.ids), len(self.attributes))}, got {self.codes.shape}"
            )
        if self.weights.shape != (len(self.ids),) or not np.all(self.weights >= 0):
            raise ValueError(f"weights must be {len(self.ids)} numbers >= 0")
        if self.known is not None and len(self.known.chosen) != len(self.ids):
            raise ValueError(f"known answers must have {len(self.ids)} rows, got {len(self.known.chosen)}")

    def __len__(self) -> int:
        return len(self.ids)

    def person(self, index: int) -> Person:
        """The person in row ``index`` with the attributes that are known."""
        known = {
            name: self.levels[a][code]
            for a, name in enumerate(self.attributes)
            if (code := int(self.codes[index, a])) != UNKNOWN
        }
        return Person(self.ids[index], known)

    def take(self, rows: IntArray | BoolArray) -> "Panel":
        """The persons in ``rows`` (indices or a mask), in that order."""
        index = np.asarray(np.flatnonzero(rows) if rows.dtype == np.bool_ else rows, dtype=np.int64)
        ids = tuple(self.ids[int(i)] for i in index)
        known = None if self.known is None else self.known.take(index)
        return replace(self, ids=ids, codes=self.codes[index], weights=self.weights[index], known=known)

    def select(self, names: Sequence[str]) -> "Panel":
        """The same persons with only the attributes named; names the panel lacks raise ``ValueError``."""
        missing = [n for n in names if n not in self.attributes]
        if missing:
            raise ValueError(f"panel has no attribute {missing[0]!r}; it has {', '.join(self.attributes)}")
        columns = [self.attributes.index(n) for n in names]
        return replace(
            self,
            attributes=tuple(names),
            levels=tuple(self.levels[c] for c in columns),
            codes=self.codes[:, columns],
        )

    def values(self, name: str) -> list[str | None]:
        """Value of one attribute for each person, ``None`` where unknown."""
        column = self.select([name])
        return [None if c == UNKNOWN else column.levels[0][int(c)] for c in column.codes[:, 0]]

    def empty(self) -> "Panel":
        """The same persons with nothing known of them: the no-persona query."""
        return replace(self, codes=np.full_like(self.codes, UNKNOWN), known=None)

    def shuffled(self, rng: np.random.Generator) -> "Panel":
        """The same ids and weights with what is known of everybody dealt out at random, each set kept whole.

        A set is somebody's attributes and known answers.
        """
        mixed = self.take(rng.permutation(len(self)))
        return replace(mixed, ids=self.ids, weights=self.weights)


def from_columns(
    ids: Sequence[str], columns: Mapping[str, Sequence[str | None]], weights: FloatArray
) -> Panel:
    """A panel from one sequence of values for each attribute; levels are sorted, ``None`` is unknown."""
    levels: list[tuple[str, ...]] = []
    codes = np.full((len(ids), len(columns)), UNKNOWN, dtype=np.int64)
    for a, values in enumerate(columns.values()):
        names = tuple(sorted({v for v in values if v is not None}))
        index = {v: i for i, v in enumerate(names)}
        codes[:, a] = [UNKNOWN if v is None else index[v] for v in values]
        levels.append(names)
    return Panel(tuple(ids), tuple(columns), tuple(levels), codes, weights)
