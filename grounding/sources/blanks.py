"""Empty cells of multi-response sets: an item that was not chosen, or a person who was not asked."""

from collections.abc import Mapping

import numpy as np

from grounding.sources.codebook import Codebook, Coded, canonical
from grounding.sources.columns import Column
from grounding.sources.table import Table
from personas.arrays import BoolArray, IntArray
from personas.panel import UNKNOWN


def filled(table: Table, codebook: Codebook, chosen: IntArray) -> IntArray:
    """The answers with empty cells read as the option whose code is empty, where the person was asked.

    Many programs write an item that was not chosen as an empty cell. A person counts as asked where any
    item of the same ``set`` has a value other than a missing code; whoever chose none of the items cannot be
    told from whoever was not asked, and stays unknown. A set of one item has no such witness: all its empty
    cells count as not chosen.

    Args:
        table: the rows.
        codebook: whose questions are the columns of ``chosen``.
        chosen: index of the option for each row and question, shape (n_rows, n_questions).
    """
    result = chosen.copy()
    asked: Mapping[str, BoolArray] = _asked(table, codebook)
    for q, coded in enumerate(codebook.questions):
        option = next((i for i, codes in enumerate(coded.codes) if "" in codes), None)
        if option is not None:
            empty = _empty(table, coded.column or coded.name)
            result[empty & asked[coded.set or coded.name] & (chosen[:, q] == UNKNOWN), q] = option
    return result


def _empty(table: Table, name: str) -> BoolArray:
    """Rows whose cell is empty, or holds a word that stands for that, such as ``NA`` in a CSV file of R."""
    column = Column.of(table.columns[name])
    words = [v in table.blanks for v in column.values]
    return np.array([*words, True], dtype=np.bool_)[column.codes]  # the last place serves NOTHING (-1)


def _asked(table: Table, codebook: Codebook) -> dict[str, BoolArray]:
    sets: dict[str, list[Coded]] = {}
    for coded in codebook.questions:
        if any("" in codes for codes in coded.codes):
            sets.setdefault(coded.set or coded.name, []).append(coded)
    return {
        name: np.ones(len(table), dtype=np.bool_)
        if len(items) == 1
        else np.any([_answered(table, codebook, item) for item in items], axis=0)
        for name, items in sets.items()
    }


def _answered(table: Table, codebook: Codebook, item: Coded) -> BoolArray:
    column = Column.of(table.columns[item.column or item.name])
    missing = {*codebook.missing, *item.missing, *table.blanks}
    counts = [canonical(v) not in missing for v in column.values]
    return np.array([*counts, False], dtype=np.bool_)[column.codes]  # the last place serves NOTHING (-1)
