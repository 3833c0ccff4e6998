"""The training file that people write: ``train.yaml``."""

from pydantic import Field, field_validator

from personas.document import Document


class SplitSpec(Document):
    """What is held out before anything is fitted: a fraction of people, and questions by number or name."""

    people: float = Field(default=0.4, gt=0, lt=1)
    questions: int | tuple[str, ...] = 0
    seed: int = 1


class TrainSpec(Document):
    """A persona model to train on the real answers behind a panel.

    ``attributes`` are those the model may use; left out, all observed ones are used and none that were
    matched or imputed. ``model`` is a name from ``mirrorpanel models list``, a folder or a hub name.
    """

    adapter: str = Field(pattern=r"^[A-Za-z0-9_.-]+$")
    panel: str
    model: str = "smollm2-135m"
    attributes: tuple[str, ...] | None = Field(default=None, min_length=1)
    split: SplitSpec = SplitSpec()
    folds: int = Field(default=4, ge=2, le=20)
    seed: int = Field(default=1, ge=0)

    @field_validator("attributes")
    @classmethod
    def _distinct(cls, attributes: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if attributes is not None and len(set(attributes)) != len(attributes):
            raise ValueError("attributes must differ; each is named once")
        return attributes
