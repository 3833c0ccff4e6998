"""Questions that share an introduction and options, and how they stand in the columns of a table."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from benchmarks.open_data.wording import scale_of
from personas import document
from personas.answer import NO_ANSWER
from personas.arrays import IntArray
from personas.document import Document
from personas.question import Question

YES_NO = ("yes", "no")


class Battery(Document):
    """One question, or several under one introduction.

    Attributes:
        column: the column of a single question; the beginning of the columns of items.
        text: the question, or the introduction of the items.
        options: in the order of their scale.
        items: what is asked about in the columns that end in ``_1``, ``_2`` and so on.
        codes: code in the data of each option; 1, 2, ... where empty.
        scale: found from the options where ``None``.
    """

    column: str
    text: str
    options: tuple[str, ...] = YES_NO
    items: tuple[str, ...] = ()
    codes: tuple[str, ...] = ()
    scale: Literal["ordinal", "nominal"] | None = None

    def questions(self) -> Iterator[Question]:
        """A question for each item, or the only one; its name is its column."""
        scale = self.scale or scale_of(self.options)
        items = {f"_{i}": item for i, item in enumerate(self.items, start=1)} or {"": ""}
        for end, item in items.items():
            text = f"{self.text} {item}".strip()
            yield Question(name=f"{self.column}{end}", text=text, options=self.options, scale=scale)


class Batteries(Document):
    """A file of batteries."""

    batteries: tuple[Battery, ...]


def load(path: Path) -> tuple[Battery, ...]:
    """The batteries in a YAML file."""
    return document.read(path, Batteries).batteries


def collect(table: Any, batteries: Sequence[Battery]) -> tuple[list[Question], list[IntArray]]:
    """The questions, and for each the options that people chose; a code that is no option is no answer."""
    questions: list[Question] = []
    columns: list[IntArray] = []
    for battery in batteries:
        codes = battery.codes or tuple(str(i + 1) for i in range(len(battery.options)))
        for question in battery.questions():
            questions.append(question)
            columns.append(chosen(table[question.name], codes))
    return questions, columns


def chosen(values: Any, codes: Sequence[str]) -> IntArray:
    """Place of each value among the codes; codes that stand apart by a ``|`` mean one option."""
    place = {code: i for i, several in enumerate(codes) for code in several.split("|")}
    texts = [str(v).removesuffix(".0").strip() for v in values]
    return np.array([place.get(t, NO_ANSWER) for t in texts], dtype=np.int64)
