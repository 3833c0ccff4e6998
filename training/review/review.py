"""A review by people: several of them rate open answers blind, in sheets that go out and come back."""

import hashlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from pydantic import Field, field_validator, model_validator

from personas.arrays import FloatArray, IntArray
from personas.document import Document
from personas.errors import DataError
from personas.measures.estimate import Estimate
from personas.wording import counted, listing
from training.review import raters
from training.review.raters import NO_RATING, LabelScore, Level

COLUMNS = ("review", "code", "question", "answer", "rating", "comment")
_SHOWN = 8


class OpenAnswer(NamedTuple):
    """An open answer to be rated: the row of its file, and its label, ``None`` where it has none."""

    row: int
    question: str
    answer: str
    label: str | None


class Sealed(Document):
    """What a code stands for: the row of the file that it came from, and its label."""

    code: str
    row: int
    label: str | None


class Review(Document):
    """The sealed key of a review; it holds no text and no id.

    Attributes:
        name: what it is called.
        ask: what the raters are asked.
        values: what they may answer, in order.
        level: whether the values are names, an order, or numbers.
        file: that the answers came from, with its ``sha256``.
        drawn_from: answers in the file.
        items: what was drawn; sheets show it in other orders.
        sheets: how many were written.
        seed: of draw, codes and orders.
    """

    name: str
    ask: str
    values: tuple[str, ...] = Field(min_length=2)
    level: Level
    file: str
    sha256: str
    drawn_from: int
    items: tuple[Sealed, ...]
    sheets: int
    seed: int

    @field_validator("values")
    @classmethod
    def _distinct(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        plain = [_plain(v) for v in values]
        if len(set(plain)) != len(plain) or "" in plain:
            raise ValueError("the values that raters choose from must differ, and none may be blank")
        return values

    @model_validator(mode="after")
    def _numbers_for_intervals(self) -> "Review":
        if self.level == "interval" and not all(_is_number(v) for v in self.values):
            raise ValueError("values on an interval scale must be numbers; use ordinal for an order of words")
        return self

    @property
    def seal(self) -> str:
        """Hash of the key; every row of every sheet carries it."""
        return hashlib.sha256(self.model_dump_json().encode()).hexdigest()[:12]


class SheetRow(NamedTuple):
    """One row of a sheet as it goes out."""

    code: str
    question: str
    answer: str


def drawn(
    answers: Sequence[OpenAnswer], n: int, rng: np.random.Generator
) -> tuple[tuple[OpenAnswer, str], ...]:
    """So many of the answers at random, or all where there are fewer, each with a code that says nothing.

    Raises:
        DataError: there is no answer with a text.
    """
    usable = [a for a in answers if a.answer.strip()]
    if not usable:
        raise DataError("review: none of the answers has a text to rate")
    chosen = rng.choice(len(usable), min(n, len(usable)), replace=False)
    codes = rng.choice(36**4, len(chosen), replace=False)
    return tuple((usable[int(i)], _code(int(c))) for i, c in zip(chosen, codes, strict=True))


def _code(number: int) -> str:
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return "".join(digits[number // 36**i % 36] for i in range(4))


def sheet(chosen: Sequence[tuple[OpenAnswer, str]], number: int, seed: int) -> tuple[SheetRow, ...]:
    """The rows of the sheet of one rater, in an order of its own."""
    order = np.random.default_rng([seed, number]).permutation(len(chosen))
    return tuple(
        SheetRow(chosen[int(i)][1], chosen[int(i)][0].question, chosen[int(i)][0].answer) for i in order
    )


class Returned(NamedTuple):
    """A row of a sheet that came back; ``line`` is its row in the file."""

    line: int
    review: str
    code: str
    rating: str


class Ratings(NamedTuple):
    """The ratings of one sheet: place of the value for each item, (n_items,), and rows without a rating."""

    rater: str
    places: IntArray
    unrated: tuple[int, ...]


def ratings(review: Review, rater: str, rows: Sequence[Returned]) -> Ratings:
    """The ratings of a sheet that came back.

    Raises:
        DataError: rows of another review, unknown or repeated codes, ratings that are no value, or rows that
            are missing; each named by its row in the file.
    """
    places = {item.code: i for i, item in enumerate(review.items)}
    values = {_plain(v): i for i, v in enumerate(review.values)}
    found = np.full(len(places), NO_RATING, dtype=np.int64)
    unrated: list[int] = []
    problems: list[str] = []
    seen: dict[str, int] = {}
    for row in rows:
        code = row.code.strip().upper()
        problem = _problem(review, row, code, seen, places, values)
        if problem:
            problems.append(f"row {row.line}: {problem}")
            continue
        seen[code] = row.line
        if _plain(row.rating):
            found[places[code]] = values[_plain(row.rating)]
        else:
            unrated.append(row.line)
    lost = [item.code for item in review.items if item.code not in seen]
    if lost and not problems:
        problems.append(f"{counted(len(lost), 'row')} of the sheet missing, with the codes {listing(lost)}")
    if problems:
        more = f"\nand {len(problems) - _SHOWN} more" if len(problems) > _SHOWN else ""
        raise DataError(f"{rater}: the sheet is damaged:\n" + "\n".join(problems[:_SHOWN]) + more)
    return Ratings(rater, found, tuple(unrated))


def _problem(
    review: Review,
    row: Returned,
    code: str,
    seen: dict[str, int],
    places: dict[str, int],
    values: dict[str, int],
) -> str:
    """What is wrong with a row; empty where nothing is."""
    if row.review.strip() != review.seal:
        return f"belongs to review {row.review.strip() or '(none)'!r}, not to {review.seal!r}"
    if code not in places:
        return f"unknown code {row.code!r}"
    if code in seen:
        return f"code {code} stands in row {seen[code]} already"
    if _plain(row.rating) and _plain(row.rating) not in values:
        return f"rating {row.rating!r} is none of {', '.join(review.values)}"
    return ""


def _is_number(text: str) -> bool:
    try:
        return bool(np.isfinite(float(text)))
    except ValueError:
        return False


def _plain(text: str) -> str:
    """A value without what spreadsheets change: case, blanks, and ``3.0`` for ``3``."""
    short = text.strip().casefold()
    whole, point, rest = short.partition(".")
    return whole if point and whole.lstrip("-").isdigit() and not rest.strip("0") else short


class RaterFigures(Document):
    """One rater: how much was rated, which rows were not, and how often the label was met."""

    rater: str
    rated: int
    unrated_rows: tuple[int, ...]
    accuracy: float | None


class Reviewed(Document):
    """What a review found.

    Attributes:
        review: its name; ``seal`` of its key.
        items: that were rated, of which ``labelled`` have a label.
        raters: one entry for each sheet.
        alpha: agreement between raters, with its interval; ``None`` where it is not defined.
        level: of the values.
        words: what the agreement allows.
        shares: share of each value among all ratings.
        values: what could be chosen.
        labels: how well the value that most raters chose finds each label.
        ties: items without such a value.
    """

    review: str
    seal: str
    items: int
    labelled: int
    raters: tuple[RaterFigures, ...]
    alpha: Estimate | None
    level: Level
    words: str
    values: tuple[str, ...]
    shares: tuple[float, ...]
    labels: tuple[LabelScore, ...]
    ties: int


def reviewed(review: Review, sheets: Sequence[Ratings]) -> Reviewed:
    """What the sheets of a review say together.

    Raises:
        DataError: nobody rated anything, or two sheets are the same file twice.
    """
    names = [s.rater for s in sheets]
    if len(set(names)) != len(names):
        raise DataError(f"review: a sheet is given twice: {listing(names)}")
    table = np.stack([s.places for s in sheets], axis=1)  # (n_items, n_raters)
    if not np.any(table != NO_RATING):
        raise DataError("review: no sheet has a rating yet; raters fill in the column 'rating'")
    k = len(review.values)
    found = raters.alpha_interval(table, _numbers(review), review.level)
    known = {_plain(v): i for i, v in enumerate(review.values)}
    labels = np.array([known.get(_plain(i.label or ""), NO_RATING) for i in review.items], dtype=np.int64)
    most = raters.majority(table, k)
    given = table[table != NO_RATING]
    return Reviewed(
        review=review.name,
        seal=review.seal,
        items=len(review.items),
        labelled=int((labels != NO_RATING).sum()),
        raters=tuple(_figures(s, labels) for s in sheets),
        alpha=found,
        level=review.level,
        words=raters.in_words(None if found is None else found.value),
        values=review.values,
        shares=tuple((np.bincount(given, minlength=k) / len(given)).tolist()),
        labels=raters.label_scores(most, labels, review.values) if np.any(labels != NO_RATING) else (),
        ties=int(((most == NO_RATING) & np.any(table != NO_RATING, axis=1)).sum()),
    )


def _numbers(review: Review) -> FloatArray:
    if review.level != "interval":
        return np.arange(len(review.values), dtype=np.float64)
    return np.array([float(v) for v in review.values])


def _figures(sheet: Ratings, labels: IntArray) -> RaterFigures:
    both = (sheet.places != NO_RATING) & (labels != NO_RATING)
    return RaterFigures(
        rater=sheet.rater,
        rated=int((sheet.places != NO_RATING).sum()),
        unrated_rows=sheet.unrated,
        accuracy=float((sheet.places[both] == labels[both]).mean()) if np.any(both) else None,
    )
