"""The study file that people write: ``study.yaml`` (questionnaire, panel and model)."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from personas.document import Document
from personas.errors import DocumentError
from personas.question import Question


class StudySpec(Document):
    """What to ask, of which panel, answered by which model.

    ``adapter`` names a persona model trained in this workspace; ``model`` names a language model that
    answers without training (``scripted`` answers uniformly, for trying a study out). ``questions``
    takes questions of the panel by name, and ``new_questions`` adds some that nobody was asked.
    ``segments`` are the attributes that agreement is reported by; left out, all observed ones.
    """

    study: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    panel: str
    adapter: str | None = None
    model: str | None = None
    questions: Literal["all"] | tuple[str, ...] = "all"
    new_questions: tuple[Question, ...] = ()
    segments: tuple[str, ...] | None = None
    seed: int = 1
    batch: int = Field(default=250, ge=1)

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if (self.adapter is None) == (self.model is None):
            raise ValueError("give either 'adapter' (trained here) or 'model' (a language model as it is)")
        return self


def questionnaire(spec: StudySpec, known: Sequence[Question]) -> tuple[Question, ...]:
    """The questions of a study in order. Raises: DocumentError for unknown or repeated names."""
    by_name = {q.name: q for q in known}
    names = list(by_name) if spec.questions == "all" else list(spec.questions)
    unknown = [n for n in names if n not in by_name]
    if unknown:
        raise DocumentError(f"questions: unknown question {unknown[0]!r}; the panel has {', '.join(by_name)}")
    asked = [*(by_name[n] for n in names), *spec.new_questions]
    seen: set[str] = set()
    for question in asked:
        if question.name in seen:
            raise DocumentError(f"questions: {question.name!r} is asked twice; names must differ")
        seen.add(question.name)
    if not asked:
        held = f"the panel's are {', '.join(by_name)}" if by_name else "the panel has none of its own"
        raise DocumentError(
            f"questions: the study asks nothing ({held}); name some, or add new ones under 'new_questions'"
        )
    return tuple(asked)
