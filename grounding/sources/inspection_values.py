"""The distinct values of a column, and which of them mean that nothing was answered."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from grounding.sources.codebook import canonical
from grounding.sources.columns import NOTHING, Column
from grounding.sources.inspection_words import means_no_answer
from grounding.sources.table import Kind, Table, Variable

_MANY = 4000  # beyond so many distinct values a sample of them decides
_WHOLE = re.compile(r"-\d{1,4}")
_NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_GERMAN_NUMBER = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d+),\d+|[+-]?\d{1,3}(\.\d{3})+")
_TIME = r"([ T]+\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?\s*([AaPp][Mm])?\s*(Z|[+-]\d{2}:?\d{2})?)?"
_DATE = re.compile(
    rf"(19|20)\d{{2}}-\d{{1,2}}-\d{{1,2}}{_TIME}|\d{{1,2}}\.\d{{1,2}}\.(19|20)?\d{{2}}{_TIME}"
    rf"|\d{{1,2}}/\d{{1,2}}/(19|20)?\d{{2}}{_TIME}|(19|20)\d{{2}}/\d{{1,2}}/\d{{1,2}}{_TIME}"
    r"|(19|20)\d{2}(0[1-9]|1[0-2])([0-2]\d|3[01])([01]\d|2[0-3])[0-5]\d[0-5]\d"
    r"|\d{1,2}[- ](Jan|Feb|Mar|Mär|Apr|May|Mai|Jun|Jul|Aug|Sep|Oct|Okt|Nov|Dec|Dez)\w*[- ](19|20)?\d{2}",
    re.IGNORECASE,
)
_NEGATIVES = frozenset(
    float(-n) for n in (*range(1, 12), 66, 77, 88, *range(95, 100), 888, *range(995, 1000))
)
_HIGH = frozenset(
    float(n) for n in (66, 77, 88, *range(95, 100), 666, 777, 888, *range(995, 1000), 9998, 9999)
)


@dataclass(frozen=True)
class Profile:
    """A column by its distinct values.

    Attributes:
        name: the column.
        text: the file's label for it; empty where it has none.
        labels: code -> value label, as the file declares them.
        declared: codes that the file declares to mean no answer.
        kind: what the file says the cells hold; empty where it says nothing.
        counts: value -> rows, without empty cells.
        rows: of the table.
        ascending: whether whole numbers never fall from row to row, as keys of households do.
    """

    name: str
    text: str
    labels: Mapping[str, str]
    declared: tuple[str, ...]
    kind: Kind | None
    counts: Mapping[str, int]
    rows: int
    ascending: bool = False

    @cached_property
    def words(self) -> tuple[str, ...]:
        """Values whose own words or label say that nothing was answered."""
        labelled = (v for v, label in self.labels.items() if means_no_answer(label))
        own = (v for v in self._common() if v not in self.labels and self._no_answer(v))
        return tuple(dict.fromkeys((*self.declared, *labelled, *own)))

    def _no_answer(self, value: str) -> bool:
        """Whether a value says so; ``DK`` among country codes is Denmark."""
        if len(value) > 3 or not value.isalpha():
            return means_no_answer(value)
        alike = sum(len(v) <= 3 and v.isalpha() for v in self.counts)
        return means_no_answer(value) and not (alike > 5 and alike * 2 > len(self.counts))

    def _common(self) -> Iterable[str]:
        """The values, or where they are very many the most frequent ones, among which a missing code is."""
        if len(self.counts) <= _MANY:
            return self.counts
        return [v for v, _ in Counter(self.counts).most_common(100)]

    @cached_property
    def numbers(self) -> dict[str, float] | None:
        """Number of each value that is an answer; ``None`` where one of the values is no number."""
        found: dict[str, float] = {}
        for value in self.counts:
            if value in self.words:
                continue
            number = number_of(value)
            if number is None:
                return None
            found[value] = number
        return found or None

    @cached_property
    def whole(self) -> bool:
        """Whether all answers are whole numbers."""
        return self.numbers is not None and all(n.is_integer() for n in self.numbers.values())


def number_of(value: str) -> float | None:
    """The number that a cell holds, written in English or German; ``None`` if it is none."""
    if _NUMBER.fullmatch(value):
        return float(value)
    if _GERMAN_NUMBER.fullmatch(value):
        return float(value.replace(".", "").replace(",", "."))
    return None


def profile(table: Table, name: str) -> Profile:
    """The distinct values of a column of a table."""
    said = table.variables.get(name)
    about = said or Variable()
    cells = Column.of(table.columns[name])
    rows = np.bincount(cells.codes[cells.codes != NOTHING], minlength=len(cells.values))
    counts: dict[str, int] = {}
    for value, n in zip(cells.values, rows.tolist(), strict=True):
        if n and value.strip():
            form = canonical(value) if len(cells.values) <= _MANY else value.strip()
            counts[form] = counts.get(form, 0) + n
    text = " ".join(about.text.split())
    many = len(counts) > max(50, len(table) // 20)
    return Profile(
        name=name,
        text=text if text != name else "",
        labels={canonical(code): label for code, label in about.labels.items() if label.strip()},
        declared=tuple(canonical(code) for code in about.missing),
        kind=about.kind if said else None,
        counts=counts,
        rows=len(table),
        ascending=many and _ascends(cells),
    )


def _ascends(cells: Column) -> bool:
    if not all(v.strip().lstrip("+-").isdigit() and len(v) < 18 for v in cells.values):
        return False
    numbers = np.array([int(v) for v in cells.values], dtype=np.int64)[cells.codes]
    return bool(np.all(cells.codes != NOTHING) and np.all(numbers[1:] >= numbers[:-1]))


def looks_like_dates(column: Profile) -> bool:
    """Whether all but a few of a column's values are dates or moments."""
    values = [v for v in column.counts if v not in column.words]
    tried = values[:: max(1, len(values) // 500)]
    return bool(tried) and sum(bool(_DATE.fullmatch(v)) for v in tried) >= 0.95 * len(tried)


def missing_codes(column: Profile, negatives_are_missing: bool, counted: bool = False) -> tuple[str, ...]:
    """Values that mean no answer: by the file's word, by their label, or by their place beside a scale.

    Args:
        column: whose values.
        negatives_are_missing: whether elsewhere in the file negative codes clearly mean that; it decides
            where -1 could as well be the lower half of a scale.
        counted: whether the column is one of a block of counts, in which no high number is a code.
    """
    if column.numbers is None:
        return (*column.words, *_among_words(column))
    open_values = {v: n for v, n in column.numbers.items() if v not in column.labels}
    rest = {v: n for v, n in column.numbers.items() if v in column.labels}
    below = _below(column, open_values, negatives_are_missing)
    rest |= {v: n for v, n in open_values.items() if v not in below}
    found = (*column.words, *below, *(() if counted else _above(column, rest)))
    return tuple(dict.fromkeys(v for v in found))


def _among_words(column: Profile) -> list[str]:
    """Negative codes such as -99 in a column that otherwise holds words only."""
    numbers = {v: float(v) for v in column.counts if v not in column.words and _WHOLE.fullmatch(v)}
    if numbers and not set(numbers.values()) <= {n for n in _NEGATIVES if n < -1}:
        return []
    numbers |= _high_among_words(column)
    return sorted(numbers, key=lambda v: -numbers[v])


def _high_among_words(column: Profile) -> dict[str, float]:
    """Codes such as 99 in a column whose other cells are words without digits."""
    others = [v for v in column.counts if v not in column.words and not _WHOLE.fullmatch(v)]
    high = {v: float(v) for v in others if v.isdecimal() and float(v) in _HIGH}
    worded = [v for v in others if v not in high]
    if not 1 <= len(high) <= 3 or len(worded) < 2 or any(c.isdigit() for v in worded for c in v):
        return {}
    return high


def _below(column: Profile, values: Mapping[str, float], negatives_are_missing: bool) -> list[str]:
    numbers = column.numbers or {}
    negative = [v for v, n in values.items() if n < 0]
    answers = sorted(n for n in numbers.values() if n >= 0)
    if not negative or len(negative) > 6 or not answers or not {values[v] for v in negative} <= _NEGATIVES:
        return []
    if len(answers) == 1 and not negatives_are_missing:
        return []
    if len(answers) == 1 and {values[v] for v in negative} == {-1.0}:
        return []  # -1 and one other code: an item that was not chosen, and chosen
    lowest, highest = min(numbers.values()), answers[-1]
    mirrored = lowest == -highest and set(numbers.values()) >= {lowest, 0.0, highest}
    if mirrored and not negatives_are_missing:
        return []
    return sorted(negative, key=lambda v: -values[v])


def clearly_negative(column: Profile) -> bool:
    """Whether negative codes here can only mean no answer: they stand beside a scale from 1."""
    if column.numbers is None or not column.whole:
        return False
    negative = {n for n in column.numbers.values() if n < 0}
    answers = sorted(n for n in column.numbers.values() if n >= 0)
    return bool(negative) and negative <= _NEGATIVES and len(answers) >= 2 and answers[0] >= 1.0


def _above(column: Profile, values: Mapping[str, float]) -> list[str]:
    """Codes such as 8, 99 and 999 that stand far above the others and have no label of their own."""
    answers = {v: n for v, n in values.items() if n >= 0}
    if not column.whole:
        return []
    candidates = {v for v, n in answers.items() if v not in column.labels and (n in _HIGH or 7 <= n <= 9)}
    rest = sorted(n for v, n in answers.items() if v not in candidates)
    # Seven to nine belong to the scale where they continue it.
    for value in sorted(candidates, key=lambda v: answers[v]):
        if rest and answers[value] <= 9 and answers[value] - rest[-1] < 3:
            candidates.discard(value)
            rest = sorted((*rest, answers[value]))
    if len(rest) < 2 or not candidates:
        return []
    far = [v for v in candidates if _far_above(answers[v], rest)]
    share = sum(column.counts.get(v, 0) for v in far) / max(1, sum(column.counts.values()))
    return sorted(far, key=lambda v: answers[v]) if share < 0.6 else []


def _far_above(code: float, rest: Sequence[float]) -> bool:
    if code <= 9:
        return code - rest[-1] >= 3 and rest[-1] <= 6 and len(rest) >= rest[-1]
    if code <= 99:
        return rest[-1] <= 30 and code >= 2 * rest[-1]
    years = code >= 9998 and rest[-1] <= 2100
    return code >= 5 * rest[-1] or (code >= 995 and rest[-1] <= 130) or years
