"""The study file that people write: ``study.yaml`` (questionnaire, panel and model)."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from personas.document import Document
from personas.errors import DocumentError
from personas.models.served.endpoint import Endpoint
from personas.question import Question
from validation.stopping import Until


class StudySpec(Document):
    """What to ask, of which panel, answered by which model.

    ``adapter`` names a persona model trained in this workspace; ``model`` names a language model, or one on
    a server (``Endpoint``), that answers without training (``scripted`` answers uniformly, for trying a
    study out). ``questions`` takes questions of the panel by name, and ``new_questions`` adds some that
    nobody was asked.
    ``known`` names questions of the panel that are not asked: what the people behind the persons really
    answered to them conditions the others; ``all`` are all that are not asked. ``draws`` says whether the
    answers of a person are drawn together; left out, they are where the model knows what they share.
    ``until`` says when there are answers enough; left out, everybody is asked.
    ``segments`` are the attributes that agreement is reported by; left out, all observed ones. ``batch`` are
    the persons written at once; left out, it is planned from study, model and kind of machine.
    """

    study: str = Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=80)
    panel: str
    adapter: str | None = None
    model: str | Endpoint | None = None
    questions: Literal["all"] | tuple[str, ...] = "all"
    new_questions: tuple[Question, ...] = ()
    known: Literal["all"] | tuple[str, ...] = ()
    draws: Literal["joint", "independent"] | None = None
    until: Until | None = None
    segments: tuple[str, ...] | None = None
    seed: int = 1
    batch: int | None = Field(default=None, ge=1)

    @property
    def persons_at_once(self) -> int:
        """``batch`` of a study that is fielded. Raises: ValueError where nobody has chosen it yet."""
        if self.batch is None:
            raise ValueError(f"study {self.study!r} has no batch size yet")
        return self.batch

    @model_validator(mode="after")
    def _one_model(self) -> Self:
        if (self.adapter is None) == (self.model is None):
            raise ValueError("give either 'adapter' (trained here) or 'model' (a language model as it is)")
        return self


def questionnaire(spec: StudySpec, panel: Sequence[Question]) -> tuple[Question, ...]:
    """The questions of a study in order, of those of its panel and new ones.

    All are all but those that the study names as known.

    Raises:
        DocumentError: unknown or repeated names.
    """
    by_name = {q.name: q for q in panel}
    told = () if spec.known == "all" else spec.known
    names = [n for n in by_name if n not in told] if spec.questions == "all" else list(spec.questions)
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


def known_questions(
    spec: StudySpec, panel: Sequence[Question], asked: Sequence[Question]
) -> tuple[Question, ...]:
    """The questions of the panel whose real answers are known, in its order; none of them is asked.

    Raises:
        DocumentError: unknown names, a question that is known and asked, by name or in the same words, or
            nothing left to be known.
    """
    names, words = {q.name for q in asked}, {q.fingerprint: q.name for q in asked}
    if spec.known == "all":
        found = tuple(q for q in panel if q.name not in names and q.fingerprint not in words)
        if not found:
            raise DocumentError(
                "known: no question of the panel is left to be known, since the study asks all of them; name "
                "those to ask under 'questions'"
            )
        return found
    by_name = {q.name: q for q in panel}
    for name in spec.known:
        if name not in by_name:
            raise DocumentError(f"known: unknown question {name!r}; the panel has {', '.join(by_name)}")
        same = name if name in names else words.get(by_name[name].fingerprint)
        if same is not None:
            also = "" if same == name else f" (as {same!r}, in the same words)"
            raise DocumentError(
                f"known: {name!r} is asked too{also}; an answer that is known is not asked for: take the "
                "question out of 'known', or out of what is asked"
            )
    return tuple(q for q in panel if q.name in spec.known)
