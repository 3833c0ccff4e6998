"""What is audited: people, answers, and what the workspace knows of where they come from."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from functools import cached_property

import numpy as np

from grounding.privacy.pii import Gate
from grounding.privacy.protection import SourceRecord
from grounding.privacy.spec import SpecialCategories
from personas.answer import NO_ANSWER, Answers
from personas.arrays import BoolArray, FloatArray, IntArray
from personas.errors import DocumentError
from personas.panel import Panel
from personas.wording import listing


@dataclass(frozen=True)
class Material:
    """People and answers before a training.

    Attributes:
        people: all real people, with all attributes.
        answers: theirs, in the same order.
        attributes: those that the model may use.
        trained: who may be fitted on, shape (n_people,); the others are held out.
        held_out: questions that nothing is fitted on.
        seconds: how long each person took, NaN where unknown, shape (n_people,); ``None`` where no source
            has it.
        kinds: attribute -> how its values came about, such as ``observed`` or ``matched``.
        sources: what came in from where, under which protection.
        special: special categories that the grounding file lets in or clears.
        gate: finds personal data in texts.
        today: for retention dates.
        apart: attribute -> levels of the segment or wave that is held out whole.
    """

    people: Panel
    answers: Answers
    attributes: tuple[str, ...]
    trained: BoolArray
    held_out: tuple[str, ...]
    seconds: FloatArray | None
    kinds: Mapping[str, tuple[str, ...]]
    sources: tuple[SourceRecord, ...]
    special: SpecialCategories
    gate: Gate
    today: date
    apart: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])

    @cached_property
    def given(self) -> BoolArray:
        """Which answers may be fitted on: those of people to train on who count, (n_people, n_questions)."""
        counting = self.trained & (self.people.weights > 0)
        return counting[:, None] & (self.answers.chosen != NO_ANSWER)

    @cached_property
    def used(self) -> Panel:
        """The people with the attributes that the model may use."""
        return self.people.select(self.attributes)

    def without(self, people: BoolArray) -> "Material":
        """The same with some people (a mask) out of those to train on."""
        return replace(self, trained=self.trained & ~people)

    def place(self, name: str) -> int:
        """Column of a question. Raises: DocumentError naming the questions that there are."""
        names = [q.name for q in self.answers.questions]
        if name not in names:
            raise DocumentError(f"unknown question {name!r}; the panel has {listing(names)}")
        return names.index(name)

    def coded(self, name: str, labels: tuple[str, ...]) -> tuple[IntArray, IntArray]:
        """Codes of a question or attribute, and the codes that some of its labels have.

        Raises:
            DocumentError: there is no such question or attribute, or no such label.
        """
        questions = {q.name: q.options for q in self.answers.questions}
        if name in questions:
            known, codes = questions[name], self.answers.chosen[:, self.place(name)]
        elif name in self.people.attributes:
            column = self.people.attributes.index(name)
            known, codes = self.people.levels[column], self.people.codes[:, column]
        else:
            raise DocumentError(
                f"{name!r} is neither a question nor an attribute; questions: {listing(list(questions))}; "
                f"attributes: {listing(self.people.attributes)}"
            )
        unknown = next((label for label in labels if label not in known), None)
        if unknown is not None:
            raise DocumentError(f"{name!r} has no {unknown!r}; it has {listing(known)}")
        return codes, np.array([known.index(label) for label in labels], dtype=np.int64)
