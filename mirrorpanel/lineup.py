"""Which model answers: names in files become loaded models, each loaded once in a process."""

import functools
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mirrorpanel.records import AdapterRecord
from mirrorpanel.store import Workspace
from personas.models import catalogue, factored, processor
from personas.models.base import AnswerModel
from personas.models.encoder import Encoder
from personas.models.factored import FactoredConfig, FactoredModel
from personas.models.joint import JointModel
from personas.models.scripted import ScriptedModel
from personas.models.wheel import cache_folder
from personas.question import Question
from validation.study import StudySpec

if TYPE_CHECKING:
    from personas.models.language import LanguageModel

SCRIPTED = "scripted"
NO_LANGUAGE_MODEL = "cpu, float64 (statistics only; no language model was needed)"


@dataclass(frozen=True)
class Machine:
    """Where models run and where weights and data are kept; what is ``None`` is chosen by itself."""

    device: str | None = None
    dtype: str | None = None
    cache: Path = field(default_factory=cache_folder)

    def __post_init__(self) -> None:
        processor.check_names(self.device, self.dtype)


@functools.cache
def language(source: str, machine: Machine) -> "LanguageModel":
    """The language model of a catalogue name, folder or hub name."""
    from personas.models.language import LanguageModel

    where = catalogue.folder(source, machine.cache)
    return LanguageModel.load(where, processor.choose(machine.device, machine.dtype))


def licence(source: str) -> str:
    """Licence of a catalogue model; for folders and hub names, who states it."""
    if source in catalogue.names():
        return catalogue.get(source).licence
    return f"as {source} states"


def middle_layers(n_layers: int) -> tuple[int, ...]:
    """Layers that question-option vectors are taken from: four around the middle of the model.

    Middle layers carried best to unseen questions (benchmarks/unseen_questions.py).
    """
    return tuple(round(n_layers * share) for share in (0.4, 0.5, 0.6, 0.7))


def encoder(source: str, machine: Machine, layers: tuple[int, ...] | None = None) -> Encoder:
    """An encoder over some layers of a language model, the middle ones by default."""
    model = language(source, machine)
    return Encoder(model, layers or middle_layers(model.n_layers))


def adapter_model(workspace: Workspace, record: AdapterRecord, machine: Machine) -> FactoredModel:
    """A trained persona model; its language model is loaded when something new has to be encoded."""

    def load_encoder(config: FactoredConfig) -> Encoder:
        return encoder(config.base_model, machine, config.layers)

    return factored.load(workspace.folder / record.folder, load_encoder)


def trained_questions(workspace: Workspace, record: AdapterRecord) -> tuple[Question, ...]:
    """The questions that an adapter was fitted on, as its own files say."""
    text = (workspace.folder / record.folder / factored.CONFIG).read_text(encoding="utf-8")
    return FactoredConfig.model_validate_json(text).questions


@dataclass(frozen=True)
class Answering:
    """The model of a study, and the adapter that it is where it was trained here."""

    model: AnswerModel
    adapter_id: str | None
    adapter: AdapterRecord | None

    def processor(self) -> str:
        """One line on where the answers were computed."""
        if isinstance(self.model, JointModel):
            return self.model.language.processor.describe()
        if isinstance(self.model, FactoredModel) and "encoder" in vars(self.model):
            loaded = self.model.encoder
            return loaded.language.processor.describe() if isinstance(loaded, Encoder) else NO_LANGUAGE_MODEL
        return NO_LANGUAGE_MODEL


def answering(workspace: Workspace, spec: StudySpec, machine: Machine) -> Answering:
    """The model that a study names. Raises: UnknownName, MirrorpanelError."""
    if spec.adapter is not None:
        adapter_id = workspace.latest("adapters", "adapter", spec.adapter)
        record = workspace.record("adapters", "adapter", adapter_id, AdapterRecord)
        return Answering(adapter_model(workspace, record, machine), adapter_id, record)
    if spec.model == SCRIPTED:
        return Answering(ScriptedModel(), None, None)
    return Answering(JointModel(language(str(spec.model), machine)), None, None)
