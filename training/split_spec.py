"""What a training file holds out."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from personas.document import Document

_Names = Annotated[tuple[str, ...], Field(min_length=1)]


class SplitSpec(Document):
    """What is held out before anything is fitted: a fraction of people, and questions by number or name.

    ``rectification`` is a fraction of people kept apart from training and scoring. ``by`` says whether
    questions are held out with their whole battery. Who has one of the levels of each attribute in
    ``segment``, or in ``wave``, is never trained on.
    """

    people: float = Field(default=0.4, gt=0, lt=1)
    rectification: float = Field(default=0.0, ge=0, lt=1)
    questions: int | tuple[str, ...] = 0
    by: Literal["battery", "question"] = "battery"
    segment: dict[str, _Names] = Field(default_factory=dict[str, tuple[str, ...]])
    wave: dict[str, _Names] = Field(default_factory=dict[str, tuple[str, ...]])
    seed: int = 1

    @field_validator("rectification")
    @classmethod
    def _somebody_left(cls, rectification: float, found: ValidationInfo) -> float:
        people = found.data.get("people")
        if people is not None and people + rectification >= 1:
            raise ValueError(
                f"people ({people:g}) and rectification must sum to less than 1: somebody must be trained on"
            )
        return rectification
