"""Which model answers: names in files become loaded models, each loaded once in a process."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from mirrorpanel import choosing, encodings, intact, planning, registry
from mirrorpanel.records import AdapterRecord
from mirrorpanel.store import Workspace
from personas.arrays import FloatArray
from personas.errors import DataError
from personas.models import catalogue, factored, processor
from personas.models.base import AnswerModel
from personas.models.encoder import Encoder
from personas.models.factored import FactoredConfig, FactoredModel
from personas.models.joint import JointModel
from personas.models.offset import OffsetModel
from personas.models.remembered import Identified, RememberedEncoder
from personas.models.scripted import ScriptedModel
from personas.models.served.endpoint import Endpoint
from personas.models.served.model import ServedModel
from personas.models.texts import TextEncoder
from personas.models.wheel import cache_folder
from personas.question import Question
from training.gradients import joint_lora
from training.hierarchy.base import BaseModel
from training.spec import TrainSpec
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
        processor.check_there(self.device, self.dtype)


@functools.cache
def language(source: str, machine: Machine, adapter: Path | None = None) -> "LanguageModel":
    """The language model of a catalogue name, folder or hub name, with a LoRA adapter where one is named."""
    from personas.models.language import LanguageModel

    where = catalogue.folder(source, machine.cache)
    chosen = processor.choose(machine.device, machine.dtype)
    choosing.remember(machine.cache, machine.device, machine.dtype, chosen)
    planning.check_weights(source, where, chosen)
    return LanguageModel.load(where, chosen, adapter)


def name_of(spec: StudySpec) -> str:
    """Catalogue name, folder or hub name of a study's language model, or its name on a server."""
    return spec.model.model if isinstance(spec.model, Endpoint) else str(spec.model)


def licence(source: str) -> str:
    """Licence of a catalogue model; for others, who states it."""
    if source in catalogue.names():
        return catalogue.get(source).licence
    return f"as {source} states"


def middle_layers(n_layers: int) -> tuple[int, ...]:
    """Layers that question-option vectors are taken from: four around the middle of the model.

    Middle layers carried best to unseen questions.
    """
    return tuple(round(n_layers * share) for share in (0.4, 0.5, 0.6, 0.7))


def encoder(
    source: str, machine: Machine, layers: tuple[int, ...] | None = None, adapter: Path | None = None
) -> Encoder:
    """An encoder over some layers of a language model, the middle ones by default."""
    # Named as others name it, so that it is loaded once for all.
    model = language(source, machine) if adapter is None else language(source, machine, adapter)
    return Encoder(model, layers or middle_layers(model.n_layers))


def base_model(name: str, found: Encoder) -> BaseModel:
    """What a fit needs to know of a language model."""
    language = found.language
    return BaseModel(name, language.fingerprint, found.layers, found, language.weights)


def reference_folder() -> Path:
    """Folder of the reference adapter that ships with the program."""
    return Path(__file__).parent / "reference"


def reference(spec: TrainSpec, machine: Machine, report: Callable[[str], None]) -> FactoredModel | None:
    """The reference adapter that a training file names; ``None`` where there is none for its language model.

    Raises:
        DataError: a folder is named that holds no reference, or one for another language model; files that
            are not those listed in ``SHA256SUMS``.
    """
    if spec.reference == "none":
        return None
    shipped = spec.reference == "shipped"
    folder = reference_folder() if shipped else Path(spec.reference)
    if not shipped and not folder.is_dir():
        raise DataError(
            f"there is no folder {spec.reference!r}; write 'shipped' for the reference that comes with the "
            "program, 'none' for none, or the folder of one"
        )
    if shipped and not (folder / factored.CONFIG).is_file():
        report("no reference adapter came with this copy of the program: going without one")
        return None
    intact.refuse_changed_reference(folder, shipped)
    config = factored.load_config(folder)
    language = encoder(spec.model, machine).language
    if config.base_weights != language.weights:
        if not shipped:
            raise DataError(
                f"reference {folder} was made with {config.base_model} (weights {config.base_weights}), but "
                f"the model here is {spec.model} (weights {language.weights}); train with the other model, "
                "or without a reference (reference: none)"
            )
        report(f"the reference adapter was made with {config.base_model}: {spec.model} goes without it")
        return None
    return factored.load(folder, lambda _: encoder(spec.model, machine, config.layers))


def adapter_model(
    workspace: Workspace, record: AdapterRecord, machine: Machine, anew: bool = False
) -> FactoredModel:
    """A trained persona model; its language model is loaded when something new has to be encoded.

    Encodings are looked up in the workspace, and kept there; ``anew`` does neither.

    Raises:
        DataError: its files are not those that were written.
    """
    kept = None if anew else encodings.store(workspace)

    def load_encoder(config: FactoredConfig) -> TextEncoder:
        lora = workspace.folder / record.folder / config.lora if config.lora else None
        base = catalogue.folder(config.base_model, machine.cache)

        def load() -> Identified:
            if config.lora:
                intact.refuse_changed_tuning(workspace, record, config.lora)
            found = encoder(config.base_model, machine, config.layers, lora)
            _refuse_other_base(config, found.language)
            return Identified(found, identity(choosing.of(found.language.processor)) or "")

        def identity(chosen: choosing.Chosen | None) -> str | None:
            return encodings.identity(base, lora, chosen, config.layers)

        if kept is None or isinstance(base, str):  # what a hub has is known once it is loaded
            return load().encoder
        assumed = identity(choosing.remembered(machine.cache, machine.device, machine.dtype))
        return RememberedEncoder(kept, assumed, len(config.layers), load)

    found = factored.load(workspace.folder / record.folder, load_encoder)
    intact.refuse_changed_model(record, found)
    return replace(found, store=kept)


def _refuse_other_base(config: FactoredConfig, language: "LanguageModel") -> None:
    """Returns where the weights are those trained on. Raises: DataError with both hashes."""
    if config.base_weights not in ("", language.weights):
        raise DataError(
            f"adapter {config.name} was trained on {config.base_model} with weights {config.base_weights}, "
            f"but those here are {language.weights}; get the weights of then, or train it again"
        )


class Composed(NamedTuple):
    """What an adapter answers with, and the statistics below it, which are the same where it is not joint."""

    model: AnswerModel
    statistics: FactoredModel


def fielded(workspace: Workspace, record: AdapterRecord, machine: Machine, anew: bool = False) -> Composed:
    """A trained persona model as studies are answered by it; ``anew`` as in ``adapter_model``."""
    statistics = adapter_model(workspace, record, machine, anew)
    if record.kind == "factored":
        return Composed(statistics, statistics)
    if record.lora is None or record.lora.blend is None:
        raise DataError(f"adapter {record.spec.adapter} has no joint model in its record; train it again")
    intact.refuse_changed_tuning(workspace, record, joint_lora.FOLDER)
    base = language(record.base_model, machine)
    _refuse_other_base(statistics.config, base)
    tuned = language(record.base_model, machine, workspace.folder / record.folder / joint_lora.FOLDER)
    return Composed(joint_over(statistics, tuned, base, record.lora.blend.blend), statistics)


def joint_over(
    statistics: FactoredModel, trained: "LanguageModel", untrained: "LanguageModel", blend: float
) -> OffsetModel:
    """A joint model over the shares that the statistics give any question.

    Persons of a panel can have more attributes than the adapter may use; it is told of its own alone.
    """
    tuned, base = JointModel(trained), JointModel(untrained)

    def prior(question: Question) -> FloatArray:
        return statistics.head_for([question]).log_prior

    name = f"the shares of {statistics.name} ({statistics.fingerprint})"
    told = tuple(a.name for a in statistics.config.attributes)
    return OffsetModel(tuned, base, prior, name, blend, told)


def trained_questions(workspace: Workspace, record: AdapterRecord) -> tuple[Question, ...]:
    """The questions that an adapter was fitted on, as its own files say."""
    return factored.load_config(workspace.folder / record.folder).questions


@dataclass(frozen=True)
class Answering:
    """The model of a study, and the adapter that it is where it was trained here.

    ``statistics`` are the adapter's, also where its language model reads person and question as one text.
    """

    model: AnswerModel
    adapter_id: str | None
    adapter: AdapterRecord | None
    statistics: FactoredModel | None = None

    def processor(self) -> str:
        """One line on where the answers were computed."""
        model = self.model.tuned if isinstance(self.model, OffsetModel) else self.model
        if isinstance(model, ServedModel):
            return f"server {model.endpoint.host}; persons' attributes were sent there"
        if isinstance(model, JointModel):
            return model.language.processor.describe()
        if isinstance(self.model, FactoredModel) and "encoder" in vars(self.model):
            read = self.model.encoder
            loaded = read.loaded if isinstance(read, RememberedEncoder) else read
            return loaded.language.processor.describe() if isinstance(loaded, Encoder) else NO_LANGUAGE_MODEL
        return NO_LANGUAGE_MODEL


def answering(workspace: Workspace, spec: StudySpec, machine: Machine, anew: bool = False) -> Answering:
    """The model that a study names; ``anew`` as in ``adapter_model``.

    Raises:
        UnknownName, MirrorpanelError.
    """
    if spec.adapter is not None:
        adapter_id = registry.chosen(workspace, spec.adapter)
        record = workspace.record("adapters", "adapter", adapter_id, AdapterRecord)
        found = fielded(workspace, record, machine, anew)
        return Answering(found.model, adapter_id, record, found.statistics)
    if spec.model == SCRIPTED:
        return Answering(ScriptedModel(), None, None)
    if isinstance(spec.model, Endpoint):
        return Answering(ServedModel.connect(spec.model), None, None)
    return Answering(JointModel(language(str(spec.model), machine)), None, None)
