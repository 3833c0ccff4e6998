"""What a training file says about the audit: what the model is to serve, and what counts as wrong."""

from typing import Annotated, Literal, cast

from pydantic import BeforeValidator, Field, model_validator

from grounding.sources.codebook import Label
from personas.document import Document
from personas.question import Question

Suspects = Literal["straight-liners", "speeders", "contradictions"]


def _several(value: object) -> object:
    return tuple(cast(list[object], value)) if isinstance(value, list | tuple) else (value,)


Labels = Annotated[tuple[Label, ...], BeforeValidator(_several), Field(min_length=1)]
Segment = Annotated[tuple[str, ...], BeforeValidator(_several), Field(min_length=1)]
Answered = Annotated[dict[str, Labels], Field(min_length=1)]


class Contradiction(Document):
    """Answers that cannot go together.

    Attributes:
        when: question or attribute -> the answers or values of which one is given; all of them must hold.
        never: question or attribute -> the answers or values of which none may then be given.
    """

    when: Answered
    never: Answered


class Allowed(Document):
    """A finding that does not stop the training, and why.

    Attributes:
        finding: its name, such as ``few-answers``, as the audit writes it.
        names: questions, attributes or sources that it may be about; any where left out.
        reason: in words; the audit shows it.
    """

    finding: str
    names: tuple[str, ...] = ()
    reason: Annotated[str, Field(min_length=1)]

    @model_validator(mode="after")
    def _reasoned(self) -> "Allowed":
        if not self.reason.strip():
            raise ValueError(f"say why {self.finding!r} is accepted")
        return self


class AuditSpec(Document):
    """What the audit before every training looks for.

    Attributes:
        questions: questions of the panel that the model is to answer; all where left out.
        new_questions: questions that nobody was asked and the model is to answer.
        segments: attributes, or lists of them for crossed groups, that the model is to tell apart.
        smallest_segment: effective base below which a segment counts as sparse.
        speeding: fraction of the median time below which somebody is a speeder.
        battery: questions next to one another with the same options that make a battery in which straight
            lines are looked for.
        by_chance: share of the suspected straight-liners that may be there by chance.
        most_careless: share of people above which straight-liners, speeders or contradictions stop training.
        contradictions: answers that cannot go together.
        leave_out: suspects who are left out of training.
        allow: findings that do not stop the training.
    """

    questions: tuple[str, ...] | None = None
    new_questions: tuple[Question, ...] = ()
    segments: tuple[Segment, ...] = ()
    smallest_segment: int = Field(default=30, ge=1)
    speeding: float = Field(default=1 / 3, gt=0, lt=1)
    battery: int = Field(default=8, ge=5)
    by_chance: float = Field(default=0.1, gt=0, lt=1)
    most_careless: float = Field(default=0.2, gt=0, lt=1)
    contradictions: tuple[Contradiction, ...] = ()
    leave_out: tuple[Suspects, ...] = ()
    allow: tuple[Allowed, ...] = ()
