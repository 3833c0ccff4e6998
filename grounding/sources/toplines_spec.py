"""Published toplines of a market study: shares for each question and segment, never people.

What a study's report prints is all that is in it: nothing here can be taken apart into answers of persons.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from itertools import chain
from typing import Annotated, Any, Literal, NamedTuple, cast

import numpy as np
from pydantic import Field, StrictBool, field_validator, model_validator

from grounding.sources.codebook import Label
from personas.arrays import FloatArray
from personas.document import Document
from personas.question import Question

Unit = Literal["percent", "fraction"]
WHOLE = {"percent": 100.0, "fraction": 1.0}
WORDS = {"percent": "per cent", "fraction": "fractions of 1"}


class Problem(NamedTuple):
    """What is wrong with a study's figures, and under which keys it stands."""

    keys: tuple[str | int, ...]
    message: str


class Shares(Document):
    """Published shares among some people.

    In YAML ``shares`` is a list in the order of the question's options, or maps each option to its share.

    Attributes:
        shares: one for each option of the question.
        n: unweighted number of people asked; the study's own for the total where left out.
    """

    shares: tuple[Annotated[float, Field(ge=0)], ...]
    n: Annotated[int, Field(ge=1)] | None = None


class ToplineQuestion(Question):
    """A question and its published shares.

    Attributes:
        total: among all people asked.
        segments: attribute -> value -> shares among the people with it.
    """

    total: Shares
    segments: Annotated[dict[str, dict[Label, Shares]], Field(default_factory=dict)]

    @model_validator(mode="before")
    @classmethod
    def _in_order(cls, content: Any) -> Any:
        question = _mapping(content)
        options = None if question is None else question.get("options")
        if question is None or not isinstance(options, list | tuple):
            return cast(object, content)
        labels = [str(option) for option in cast(list[object], options)]
        question["total"] = _aligned(question.get("total"), labels, "total")
        segments = _mapping(question.get("segments")) or {}
        for attribute, content_of in segments.items():
            values = _mapping(content_of)
            if values is not None:
                named = {v: _aligned(shares, labels, f"{attribute}: {v}") for v, shares in values.items()}
                segments[attribute] = named
        return question | ({"segments": segments} if segments else {})

    @field_validator("segments")
    @classmethod
    def _based(cls, segments: dict[str, dict[str, Shares]]) -> dict[str, dict[str, Shares]]:
        for attribute, values in segments.items():
            lacking = next((value for value, shares in values.items() if shares.n is None), None)
            if lacking is not None:
                raise ValueError(f"{attribute}: {lacking}: give n, the number of people in the segment")
        return segments

    @property
    def tables(self) -> Mapping[tuple[str, str] | None, Shares]:
        """Segment (attribute and value; ``None`` for the total) -> shares."""
        parts = chain.from_iterable(
            (((attribute, value), shares) for value, shares in values.items())
            for attribute, values in self.segments.items()
        )
        return {None: self.total, **dict(parts)}


class Toplines(Document):
    """A published study.

    Attributes:
        source: who published what and where, in words.
        licence: as the publisher states it.
        population: whom the study stands for, in words.
        field_start: first day of fieldwork.
        field_end: last day of fieldwork.
        n: unweighted number of people asked.
        weighted: whether the shares are weighted.
        design_effect: of the weights, as published; 1 where it is not, which takes weighted shares for more
            precise than they are.
        unit: whether shares are percentages or fractions of 1.
        rounding: step that the shares are rounded to, in the same unit.
        no_answer: options such as ``don't know`` that count as no answer: they are left out, and the rest is
            taken as the whole.
        questions: what was asked, with the shares.
    """

    source: Annotated[str, Field(min_length=1)]
    licence: str = ""
    population: Annotated[str, Field(min_length=1)]
    field_start: date
    field_end: date
    n: Annotated[int, Field(ge=1)]
    weighted: StrictBool
    design_effect: Annotated[float, Field(ge=1)] = 1.0
    unit: Unit = "percent"
    rounding: Annotated[float, Field(gt=0)] | None = None
    no_answer: tuple[Label, ...] = ()
    questions: Annotated[tuple[ToplineQuestion, ...], Field(min_length=1)]

    @field_validator("field_end")
    @classmethod
    def _after_start(cls, field_end: date, info: Any) -> date:
        start = info.data.get("field_start")
        if start is not None and field_end < start:
            raise ValueError(f"fieldwork ends before it starts, on {start}")
        return field_end

    @field_validator("questions")
    @classmethod
    def _distinct_names(cls, questions: tuple[ToplineQuestion, ...]) -> tuple[ToplineQuestion, ...]:
        names = [q.name for q in questions]
        twice = next((n for n in names if names.count(n) > 1), None)
        if twice is not None:
            raise ValueError(f"question {twice!r} stands twice")
        return questions

    @model_validator(mode="after")
    def _something_answered(self) -> "Toplines":
        options = {option for question in self.questions for option in question.options}
        stray = next((option for option in self.no_answer if option not in options), None)
        if stray is not None:
            raise ValueError(f"no_answer names {stray!r}, which is no option of any question")
        for question in self.questions:
            if len(set(question.options) - set(self.no_answer)) < 2:
                raise ValueError(f"{question.name}: fewer than 2 options are left beside no_answer")
        return self

    def problems(self) -> Iterator[Problem]:
        """Shares that do not sum to the whole within rounding, and bases larger than the study's."""
        whole = WHOLE[self.unit]
        step = self.rounding or whole / 100
        for i, question in enumerate(self.questions):
            for segment, shares in question.tables.items():
                keys = ("questions", i, *(("total",) if segment is None else ("segments", *segment)))
                total, allowed = sum(shares.shares), len(shares.shares) * step / 2
                where = about(question.name, segment)
                if abs(total - whole) > allowed + 1e-9:
                    yield Problem(
                        keys,
                        f"{where}: shares sum to {total:g}, not to {whole:g} within rounding (up to "
                        f"{allowed:g} off for {len(shares.shares)} options in steps of {step:g}); "
                        f"{self._remedy(total)}",
                    )
                if (shares.n or self.n) > self.n:
                    yield Problem(keys, f"{where}: n is {shares.n}, more than the study's {self.n}")

    def _remedy(self, total: float) -> str:
        """What to do about shares that sum to ``total``."""
        other = next(unit for unit in WHOLE if unit != self.unit)
        if abs(total / WHOLE[other] - 1) < 0.05:
            return f"they look like {WORDS[other]}: write 'unit: {other}', or give them in {WORDS[self.unit]}"
        return (
            "add the options that are missing, such as don't know, or give each item of a question with "
            "several answers as a question of its own"
        )

    def asked(self, question: ToplineQuestion) -> Question:
        """What was asked, without the options that count as no answer."""
        kept = tuple(option for option in question.options if option not in self.no_answer)
        return Question(name=question.name, text=question.text, options=kept, scale=question.scale)

    def distribution(self, question: ToplineQuestion, shares: Shares) -> FloatArray:
        """Shares of the options of ``asked``, summing to one, shape (n_options,)."""
        values = np.array(
            [s for s, o in zip(shares.shares, question.options, strict=True) if self._counts(o)]
        )
        return values / values.sum()

    def effective_base(self, question: ToplineQuestion, shares: Shares) -> float:
        """Equally weighted people as good as those who answered: ``n * share who did / design_effect``."""
        whole = sum(shares.shares)
        answered = sum(s for s, o in zip(shares.shares, question.options, strict=True) if self._counts(o))
        return (shares.n or self.n) * answered / whole / self.design_effect

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader should know of the study's figures."""
        if self.weighted and "design_effect" not in self.model_fields_set:
            return (
                "The shares are weighted, but no design effect is published: they are taken for more precise "
                "than they are.",
            )
        return ()

    def _counts(self, option: str) -> bool:
        return option not in self.no_answer


def about(question: str, segment: tuple[str, str] | None) -> str:
    """Where shares stand, in words: ``tea, total`` or ``tea, sex: female``."""
    return f"{question}, {'total' if segment is None else ': '.join(segment)}"


def _mapping(content: object) -> dict[str, Any] | None:
    return dict(cast(dict[str, Any], content)) if isinstance(content, dict) else None


def _aligned(content: object, options: list[str], where: str) -> object:
    """Shares as a list in the order of the options, where they were given as a mapping."""
    block = _mapping(content)
    if block is None:
        return content
    by_option = _mapping(block.get("shares"))
    if by_option is not None:
        by_option = {str(option): share for option, share in by_option.items()}
        stray = next((option for option in by_option if option not in options), None)
        lacking = next((option for option in options if option not in by_option), None)
        if stray is not None:
            raise ValueError(
                f"{where}: share of {stray!r}, which is no option; there are {', '.join(options)}"
            )
        if lacking is not None:
            raise ValueError(f"{where}: no share for option {lacking!r}")
        block["shares"] = [by_option[option] for option in options]
    shares = block.get("shares")
    if isinstance(shares, list) and len(cast(list[object], shares)) != len(options):
        found = len(cast(list[object], shares))
        raise ValueError(f"{where}: {found} shares for {len(options)} options; give one for each option")
    return block
