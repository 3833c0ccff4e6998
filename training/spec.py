"""The training file that people write: ``train.yaml``."""

from pydantic import Field, field_validator

from personas.document import Document
from training.audit.spec import AuditSpec
from training.gradients.spec import LoraSpec, VoiceSpec
from training.ladder.spec import LadderSpec
from training.split_spec import SplitSpec

_LINE = r"^\S(?:[^\r\n]{0,298}\S)?$"  # one line of a card


class CardSpec(Document):
    """Who stands behind an adapter, for its model card; what is left out is "not stated" there.

    Attributes:
        developer: who trained it.
        contact: whom to ask about it.
        licence: what its developer allows, within what the language model and the data allow.
    """

    developer: str | None = Field(default=None, pattern=_LINE)
    contact: str | None = Field(default=None, pattern=_LINE)
    licence: str | None = Field(default=None, pattern=_LINE)


class TrainSpec(Document):
    """A persona model to train on the real answers behind a panel.

    ``attributes`` are those the model may use; left out, all observed ones are used and none that were
    matched or imputed. ``model`` is a name from ``mirrorpanel models list``, a folder or a hub name.
    ``lora`` and ``voice`` train the language model itself: on closed answers, and on open ones. ``reference``
    is what other surveys let expect: ``shipped`` with the program, ``none``, or the folder of another
    reference adapter. ``card`` is for people to read and changes nothing that is trained.
    """

    adapter: str = Field(pattern=r"^[A-Za-z0-9_.-]+$", max_length=80)
    panel: str
    model: str = "smollm2-135m"
    attributes: tuple[str, ...] | None = Field(default=None, min_length=1)
    reference: str = "shipped"
    split: SplitSpec = SplitSpec()
    audit: AuditSpec = AuditSpec()
    ladder: LadderSpec = LadderSpec()
    lora: LoraSpec | None = None
    voice: VoiceSpec | None = None
    card: CardSpec = CardSpec()
    folds: int = Field(default=4, ge=2, le=20)
    seed: int = Field(default=1, ge=0)

    @field_validator("attributes")
    @classmethod
    def _distinct(cls, attributes: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if attributes is not None and len(set(attributes)) != len(attributes):
            raise ValueError("attributes must differ; each is named once")
        return attributes
