"""What a workspace lends to a grounding so that nobody who comes in can be recognised."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

import numpy as np

from personas.arrays import BoolArray

Pseudonymise = Callable[[str, Sequence[str]], tuple[str, ...]]


def _today() -> date:
    return datetime.now(UTC).date()


@dataclass(frozen=True)
class Guard:
    """Pseudonyms, the people who asked to be forgotten, and the date.

    Attributes:
        pseudonymise: function from (name of the source, ids) to pseudonyms.
        erased: whose rows never come in again: pseudonyms, and ``source/id`` where a source keeps its ids.
        today: sources whose retention date lies before it are refused.
    """

    pseudonymise: Pseudonymise
    erased: frozenset[str] = frozenset()
    today: date = field(default_factory=_today)

    def forgotten(self, source: str, ids: Sequence[str]) -> BoolArray:
        """Which rows must not come in because their people were erased, shape (n_rows,).

        Args:
            source: name of the source; ids that are kept as they are count for this source only.
            ids: as they are stored: pseudonyms, or the ids of a source that keeps them.
        """
        gone = self.erased
        return np.array([i in gone or f"{source}/{i}" in gone for i in ids], dtype=np.bool_)
