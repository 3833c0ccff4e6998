"""What a training file says of training by gradients: its keys ``lora`` and ``voice``."""

from typing import Literal

from pydantic import Field, model_validator

from personas.errors import DocumentError
from training.gradients.backbone import LoraSettings
from training.gradients.episodes import EpisodeSettings
from training.gradients.generative import GenerativeSettings
from training.gradients.joint import JointSettings
from training.gradients.memorised import MemorySettings
from training.gradients.open_ends import OpenEndsSpec
from training.gradients.schedule import EngineSettings


class TuningSpec(EngineSettings):
    """How a language model's adapter is trained, in one file: the engine's settings and the adapter's.

    Attributes:
        rank: see ``LoraSettings``, and so ``alpha``, ``dropout``, ``checkpointing`` and ``four_bit``.
        layers: first and last layer with matrices, from 0; all that are read where left out.
        forgetting: largest rise of the loss on neutral text that the gates let pass, in nats for each token.
    """

    rank: int = Field(default=16, ge=1, le=256)
    alpha: float = Field(default=16.0, gt=0)
    dropout: float = Field(default=0.0, ge=0, lt=1)
    layers: tuple[int, int] | None = None
    checkpointing: bool = False
    four_bit: bool = False
    forgetting: float = Field(default=0.1, gt=0)

    @property
    def engine(self) -> EngineSettings:
        """How long and how fast."""
        return EngineSettings(**self.model_dump(include=set(EngineSettings.model_fields)))

    def matrices(self, top: int) -> LoraSettings:
        """What is added to a language model that is read up to layer ``top``, the one above the last."""
        first, last = self.layers or (0, top - 1)
        return LoraSettings(
            rank=self.rank,
            alpha=self.alpha,
            dropout=self.dropout,
            first=first,
            last=last,
            seed=self.seed,
            checkpointing=self.checkpointing,
            four_bit=self.four_bit,
        )

    def check_layers(self, n_layers: int, lowest: int, top: int) -> None:
        """Returns where the layers named are there and are read.

        Args:
            n_layers: layers of the language model.
            lowest: lowest hidden state that is read; a first layer above it could not change it.
            top: highest hidden state that is read; a layer from there on would learn nothing.

        Raises:
            DocumentError: with the layers that can be named.
        """
        if self.layers is None:
            return
        first, last = self.layers
        highest = min(n_layers, top) - 1
        if not 0 <= first <= last <= highest or first > lowest:
            raise DocumentError(
                f"layers: {first} to {last} cannot be trained; the model has layers 0 to {n_layers - 1}, and "
                f"for this objective the first must lie between 0 and {min(lowest, highest)} and the last "
                f"between the first and {highest}"
            )


class LoraSpec(TuningSpec):
    """LoRA on the language model under closed answers.

    Attributes:
        objective: ``factored`` trains the encoder of questions in episodes, ``joint`` the model that reads
            person and question as one text.
        held_out: share of the training part that only the verdict is read off: of the questions, in whole
            batteries (``factored``), or of the people (``joint``).
        factored: what an episode sees.
        joint: what a step sees.
        judged_people: people that the verdict on ``joint`` is read off at most, and as many to blend by.
        judged_questions: questions that they are asked at most.
    """

    objective: Literal["factored", "joint"] = "factored"
    held_out: float = Field(default=0.15, gt=0, lt=0.5)
    factored: EpisodeSettings = EpisodeSettings()
    joint: JointSettings = JointSettings()
    judged_people: int = Field(default=60, ge=10)
    judged_questions: int = Field(default=24, ge=1)

    @model_validator(mode="after")
    def _stopping(self) -> "LoraSpec":
        if self.objective == "factored" and self.factored.validation == 0:
            raise ValueError(
                "factored.validation must be above 0: the kernels that read the trained model are chosen on "
                "these questions"
            )
        return self


class VoiceSpec(TuningSpec):
    """LoRA on what people of a segment wrote, for tone and vocabulary.

    Attributes:
        answers: the table of open answers.
        texts: what a step sees.
        memory: what counts as remembered.
        canaries: made-up answers put among the real ones, which the model must not prefer afterwards.
        written: texts that the model writes to be searched for what single people wrote.
    """

    answers: OpenEndsSpec
    texts: GenerativeSettings = GenerativeSettings()
    memory: MemorySettings = MemorySettings()
    canaries: int = Field(default=8, ge=0, le=100)
    written: int = Field(default=100, ge=10)
