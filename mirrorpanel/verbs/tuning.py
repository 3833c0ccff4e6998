"""The part of ``train`` that trains the language model itself: the keys ``lora`` and ``voice``."""

import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grounding.privacy.guard import Guard
from grounding.sources.toplines import Anchor
from mirrorpanel import intact, keys, places
from mirrorpanel.lineup import Machine
from mirrorpanel.store import Workspace
from mirrorpanel.verbs.training_data import Prepared
from personas.models import catalogue
from personas.models.language import LanguageModel
from training.gradients import distributed, factored, joint_lora, open_ends, voice_lora
from training.gradients.distributed import ClusterError, Share
from training.gradients.factored import Ground
from training.gradients.open_ends import OpenEnds
from training.gradients.task import Source
from training.gradients.tuned import LoraResult, VoiceResult
from training.hierarchy import loop
from training.hierarchy.base import BaseModel
from training.hierarchy.loop import Fitted
from training.registry import registry
from training.registry.gates import Tuned as Evidence
from training.spec import TrainSpec


@dataclass(frozen=True)
class Plan:
    """What is to be trained by gradients, checked before anything is fitted.

    Attributes:
        ready: the training file with its data.
        base: what the statistics are fitted on.
        n_layers: of the language model.
        source: where its weights are.
        texts: open answers for a voice; ``None`` where none is wanted.
        folder: for checkpoints.
        own: this process's share of the work.
        report: called with a line for each step.
    """

    ready: Prepared
    base: BaseModel
    n_layers: int
    source: Source
    texts: OpenEnds | None
    folder: Path
    own: Share
    report: Callable[[str], None]


@dataclass(frozen=True)
class Tuning:
    """The statistics to keep, what came of training by gradients, and the folders of what is kept of it.

    ``speakers`` are the people in whose open answers a voice that is kept was trained.
    """

    fitted: Fitted
    lora: LoraResult | None = None
    voice: VoiceResult | None = None
    folders: tuple[Path, ...] = ()
    speakers: tuple[str, ...] = ()

    @property
    def joint(self) -> bool:
        """Whether the adapter answers by the joint model."""
        return self.lora is not None and self.lora.kept and self.lora.objective == "joint"

    @property
    def evidence(self) -> Evidence | None:
        """What the gates ask of changed weights; of two adapters the one that forgot more counts."""
        lora = self.lora if self.lora is not None and self.lora.kept else None
        voice = self.voice if self.voice is not None and self.voice.kept else None
        lost = [f for f in (lora and lora.forgetting, voice and voice.forgetting) if f is not None]
        if not lost:
            return None
        most = max(lost, key=lambda found: found.tuned - found.base)
        return Evidence(most, voice.memorisation if voice else None)

    def write(self, part: Path) -> None:
        """Puts the LoRA adapters that are kept into the persona model's folder."""
        for folder in self.folders:
            target = part / folder.name
            target.mkdir(parents=True, exist_ok=True)
            for name in intact.TUNED:
                shutil.copyfile(folder / name, target / name)


def plan(
    workspace: Workspace,
    file: Path,
    adapter: str,
    ready: Prepared,
    base: BaseModel,
    language: LanguageModel,
    machine: Machine,
    report: Callable[[str], None],
) -> Plan:
    """Reads the open answers and checks everything that can be refused before the first fit.

    Raises:
        DocumentError: layers that are not there, too few batteries or people, or an open-ended file that
            lacks what is named; with file, line and key.
        ClusterError: several processes that have nothing to do, or cannot share what there is.
    """
    spec, own = ready.spec, distributed.share()
    if spec.lora is None and spec.voice is None and own.size > 1:
        raise ClusterError(
            f"{own.size} processes were started, but {file} names neither lora nor voice; statistics are "
            "fitted by one process: start mirrorpanel without torchrun or accelerate launch"
        )
    _shared(spec, own)
    questions, n_layers = ready.data.answers.questions, language.n_layers
    if spec.lora is not None:
        with places.named(file, "lora"):
            if spec.lora.objective == "factored":
                factored.check(spec.lora, questions, spec.split.by, base, n_layers)
            else:
                joint_lora.check(spec.lora, ready.data, n_layers)
    texts = None
    if spec.voice is not None:
        with places.named(file, "voice"):
            spec.voice.check_layers(n_layers, n_layers, n_layers)
        with places.named(file, "voice", "answers"):
            pseudonyms = keys.pseudonymiser(workspace)
            guard = Guard(pseudonyms, keys.erased(workspace))
            texts = open_ends.read(spec.voice.answers, file.parent, guard)
            pseudonyms.keep()
        for line in texts.remarks:
            report(line)
    # A plain dict, because a task travels to other processes.
    processor = replace(language.processor, gflops=dict(language.processor.gflops))
    source = Source(catalogue.folder(spec.model, machine.cache), spec.model, processor)
    folder = workspace.folder / "adapters" / f".{adapter}.checkpoints"
    return Plan(ready, base, n_layers, source, texts, folder, own, report)


def _shared(spec: TrainSpec, own: Share) -> None:
    """Returns where the processes can share what is to be trained. Raises: ClusterError."""
    if spec.lora is not None and spec.lora.objective == "factored":
        distributed.refuse_shards(own)
        own.check(spec.lora.factored.parts, "lora.factored.parts")
    elif spec.lora is not None:
        own.check(spec.lora.joint.parts, "lora.joint.parts")
    if spec.voice is not None:
        own.check(spec.voice.texts.parts, "voice.texts.parts")


def carry_out(todo: Plan, first: Fitted, anchors: Sequence[Anchor]) -> Tuning:
    """Trains what the file wants; without ``lora`` and ``voice`` the statistics as they are.

    A training that was killed goes on from its checkpoint where file, people and answers are the same.

    Raises:
        OutOfMemory, CheckpointError, ClusterError: see ``training.gradients.task.run``.
    """
    spec, ready = todo.ready.spec, todo.ready
    if spec.lora is None and spec.voice is None:
        return Tuning(first)
    _same_data(todo)
    fitted, lora, folders = first, None, []
    if spec.lora is not None:
        ground = Ground(
            spec.lora, ready.data, spec.split.by, todo.base, todo.n_layers, todo.source, todo.folder,
            todo.report, todo.own,
        )  # fmt: skip

        def refit(base: BaseModel, judged_by: Collection[str] | None) -> Fitted:
            return loop.fit(
                spec.adapter, ready.data, base, ready.decided.split, spec.folds, spec.seed, todo.report,
                anchors, None, judged_by,
            )  # fmt: skip

        episodes = spec.lora.objective == "factored"
        done = factored.tune(ground, first, refit) if episodes else joint_lora.tune(ground, first)
        fitted, lora, folders = done.fitted, done.result, [done.folder]
    voice, spoke = None, tuple[str, ...]()
    if spec.voice is not None and todo.texts is not None:
        spoken = voice_lora.tune(
            spec.voice, todo.texts, todo.source, todo.n_layers, todo.folder, todo.report, todo.own
        )
        voice, folders = spoken.result, [*folders, spoken.folder]
        spoke = voice_lora.parts(todo.texts, spec.voice.seed).people if voice.kept else ()
    return Tuning(fitted, lora, voice, tuple(f for f in folders if f is not None), spoke)


def clear(todo: Plan) -> None:
    """Removes the checkpoints, once the adapter is in the workspace."""
    shutil.rmtree(todo.folder, ignore_errors=True)


def _same_data(todo: Plan) -> None:
    """Removes checkpoints of other people or answers: some may have been erased since."""
    mark, now = todo.folder / "data", registry.data_fingerprint(todo.ready.data)
    if todo.folder.exists() and not (mark.is_file() and mark.read_text(encoding="utf-8") == now):
        shutil.rmtree(todo.folder)
    todo.folder.mkdir(parents=True, exist_ok=True)
    mark.write_text(now, encoding="utf-8")
