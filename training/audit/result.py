"""What the audit before a training finds: findings in five families, figures behind them, a verdict."""

from typing import Literal

import numpy as np

from personas.arrays import BoolArray
from personas.document import Document
from personas.panel import Panel

Family = Literal["relevant", "accurate", "consistent", "diverse", "compliant"]
Severity = Literal["blocking", "warning", "note"]
SHOWN = 20
"""People that a finding names."""


class Finding(Document):
    """Something found in the people, answers or sources that a model is to be trained on.

    Attributes:
        family: which of the five questions it bears on.
        check: name of the check; ``allow`` in the training file takes it.
        severity: ``blocking`` stops the training.
        sentence: what was found, in words.
        remedy: what to do about it.
        names: questions, attributes or sources that it is about.
        people: ids of the first people concerned, at most ``SHOWN``.
        number: how many people are concerned; ``None`` where it is not about people.
        accepted: the reason for which the training file accepts it.
        left_out: the people concerned are left out of the training.
    """

    family: Family
    check: str
    severity: Severity
    sentence: str
    remedy: str = ""
    names: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    number: int | None = None
    accepted: str = ""
    left_out: bool = False

    @property
    def blocks(self) -> bool:
        """Whether it stops the training."""
        return self.severity == "blocking" and not self.accepted


class QuestionFacts(Document):
    """One question among the people who may be trained on.

    Attributes:
        answers: how many gave one.
        effective_base: Kish's effective number of these.
        entropy: of the weighted shares, as a share of the largest possible; ``None`` without answers.
        largest_share: weighted share of the option given most; ``None`` without answers.
        never_given: options that nobody gave.
        held_out: no model is fitted on its answers.
    """

    name: str
    answers: int
    effective_base: float
    entropy: float | None
    largest_share: float | None
    never_given: tuple[str, ...]
    held_out: bool


class SegmentFacts(Document):
    """One segment that the model is to serve: people who may be trained on, and their effective base."""

    attributes: tuple[str, ...]
    values: tuple[str, ...]
    people: int
    effective_base: float


class BatteryFacts(Document):
    """One battery, the people suspected of a straight line, and how many chance would bring in."""

    questions: tuple[str, ...]
    suspects: int
    expected: float
    reversed: int


class Audit(Document):
    """The audit of one panel for one training.

    ``skipped`` are the checks that had nothing to look at; ``median_seconds`` is the median time that people
    took, ``None`` where no time is known.
    """

    people: int
    people_trained: int
    answers: int
    attributes: tuple[str, ...]
    findings: tuple[Finding, ...]
    skipped: tuple[str, ...]
    questions: tuple[QuestionFacts, ...]
    segments: tuple[SegmentFacts, ...]
    batteries: tuple[BatteryFacts, ...]
    median_seconds: float | None
    people_left_out: int

    @property
    def blocking(self) -> tuple[Finding, ...]:
        """The findings that stop the training."""
        return tuple(f for f in self.findings if f.blocks)

    @property
    def passed(self) -> bool:
        """Whether the training may begin."""
        return not self.blocking


def first_ids(people: Panel, concerned: BoolArray) -> tuple[str, ...]:
    """Ids of the first ``SHOWN`` people of a mask (n_people,)."""
    return tuple(people.ids[int(row)] for row in np.flatnonzero(concerned)[:SHOWN])
