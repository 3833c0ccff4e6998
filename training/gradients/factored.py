"""LoRA on the encoder of the factored model: trained in episodes, kept only where it beats the statistics.

The questions trained on fall into three parts, in whole batteries. From the largest the adapter learns, in
episodes; by ``EpisodeSettings.validation`` it is stopped, and the kernels that read the adapted vectors are
chosen there, since on questions that the adapter has learned every kernel looks too good; the verdict is read
off the third. Then the closed form is fitted to all of them on the adapted encoder, and stays only where it
answers the third part better than the untrained encoder did, with a reference adapter or without.
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from grounding.blocks import blocks
from personas.arrays import FloatArray, IntArray
from personas.errors import DataError
from personas.models.encoder import Encoder
from personas.models.factored import option_blocks
from personas.models.kernel import KernelSettings
from personas.models.language import LanguageModel
from personas.models.processor import Processor
from personas.models.projection import Projection
from personas.question import Question
from training.dataset import TrainingData
from training.gradients import neutral, task
from training.gradients.backbone import Backbone, LoraSettings
from training.gradients.distributed import Share
from training.gradients.engine import Group, Pass
from training.gradients.episodes import EpisodeSettings, FactoredEpisodes, Lessons
from training.gradients.memory import Load
from training.gradients.metric import Learned, metric
from training.gradients.schedule import EngineSettings
from training.gradients.spec import LoraSpec
from training.gradients.task import Source
from training.gradients.tuned import Course, LoraResult
from training.gradients.vectors import LoraVectors, block_rows
from training.gradients.verdicts import compare
from training.hierarchy.base import BaseModel, Report
from training.hierarchy.loop import Fitted

FOLDER = "lora"
FEWEST = 5
"""Batteries: two for the verdict, one to stop by, two to learn from."""
_JUDGES, _AMPLITUDE = 2, 0.5

Refit = Callable[[BaseModel, Collection[str] | None], Fitted]
"""Fits the closed form anew, without a reference, on another base; kernels chosen on the questions named."""


class Parts(NamedTuple):
    """Places of the questions to learn from and stop by, and of those for the verdict."""

    learned: IntArray
    judged: IntArray


def batteries(questions: Sequence[Question], by: str) -> IntArray:
    """Number of each question's battery, (n_questions,); each its own where ``by`` is ``question``."""
    if by == "question":
        return np.arange(len(questions), dtype=np.int64)
    number = {name: k for k, block in enumerate(blocks(questions)) for name in block}
    return np.array([number[q.name] for q in questions], dtype=np.int64)


def parts(numbers: IntArray, share: float, seed: int) -> Parts:
    """Whole batteries dealt to the verdict until it has this share of the questions, and at least two.

    Raises:
        DataError: fewer than five batteries.
    """
    every = np.unique(numbers)
    if len(every) < FEWEST:
        raise DataError(
            f"lora: training in episodes needs questions of at least {FEWEST} batteries beside those held "
            f"out, and the {len(numbers)} here are {len(every)}; bring more questions, write `by: question` "
            "under split, which takes each question for itself, or `objective: joint` under lora, or leave "
            "lora out"
        )
    dealt = np.random.default_rng([seed, 5]).permutation(every)
    taken: list[int] = []
    for battery in map(int, dealt[: len(every) - 3]):
        if len(taken) >= _JUDGES and np.isin(numbers, taken).sum() >= share * len(numbers):
            break
        taken.append(battery)
    judged = np.isin(numbers, taken)
    return Parts(np.flatnonzero(~judged), np.flatnonzero(judged))


def check(spec: LoraSpec, questions: Sequence[Question], by: str, base: BaseModel, n_layers: int) -> None:
    """Returns where the training can be made, before anything is fitted.

    Raises:
        DataError: too few batteries.
        DocumentError: layers that are not there or are not read.
    """
    spec.check_layers(n_layers, min(base.layers), max(base.layers))
    parts(batteries(questions, by), spec.held_out, spec.seed)


@dataclass
class Episodes:
    """``FactoredEpisodes`` on a language model, with what it needs of memory; a ``task.Trainable``."""

    backbone: Backbone
    source: LoraVectors
    inner: FactoredEpisodes

    @property
    def fingerprint(self) -> str:
        """See ``Objective``."""
        return self.inner.fingerprint

    def groups(self) -> Sequence[Group]:
        """See ``Objective``."""
        return self.inner.groups()

    def backward(self, episode: int, rng: np.random.Generator) -> Pass:
        """See ``Objective``."""
        return self.inner.backward(episode, rng)

    def score(self) -> float | None:
        """See ``Objective``."""
        return self.inner.score()

    def load(self) -> Load:
        """What the training takes: an episode keeps the activations of all questions that it reads."""
        settings, training = self.inner.settings, self.inner.training
        each = np.array([self.source.tokens(np.array([i])) for i in training])
        read = len(training) if settings.context is None else settings.context + settings.held_out
        tokens = int(np.sort(each)[::-1][:read].sum())
        return self.backbone.load_of(tokens, int(each.max()), max(self.source.layers))


@dataclass(frozen=True)
class FactoredTask:
    """See ``task.Task``."""

    source: Source
    lora: LoraSettings
    layers: tuple[int, ...]
    lessons: Lessons
    start: Learned
    episode: EpisodeSettings
    engine: EngineSettings
    folder: Path

    @property
    def processor(self) -> Processor:
        """See ``task.Task``."""
        return self.source.processor

    def objective(self, processor: Processor, own: Share) -> Episodes:
        """See ``task.Task``."""
        backbone = Backbone.load(self.source.weights, processor, self.lora)
        read = LoraVectors(backbone, self.layers, self.lessons.questions)
        space = metric(self.start, processor.device)
        return Episodes(backbone, read, FactoredEpisodes(read, space, self.lessons, self.episode, own))


class Tuned(NamedTuple):
    """The model to keep, how it came about, and the folder of its adapter; ``None`` where it has none."""

    fitted: Fitted
    result: LoraResult
    folder: Path | None


@dataclass(frozen=True)
class Ground:
    """What a training with LoRA starts from.

    Attributes:
        spec: what is wanted.
        data: people and answers.
        by: what the split holds out, ``battery`` or ``question``.
        base: the untrained base.
        n_layers: of its language model.
        source: where its weights are.
        folder: for checkpoints, kept until the adapter is written.
        report: called with a line for each step.
        own: this process's share.
    """

    spec: LoraSpec
    data: TrainingData
    by: str
    base: BaseModel
    n_layers: int
    source: Source
    folder: Path
    report: Report
    own: Share


def tune(ground: Ground, first: Fitted, refit: Refit) -> Tuned:
    """The factored model on an adapted encoder where that answers left-out batteries better, else ``first``.

    Args:
        ground: see there.
        first: what was fitted on the untrained encoder.
        refit: fits the closed form again.

    Raises:
        OutOfMemory: the training would not fit.
        CheckpointError: an earlier checkpoint is damaged.
        ClusterError: processes that cannot share the parts of a step.
    """
    spec, questions = ground.spec, ground.data.answers.questions
    numbers = batteries(questions, ground.by)
    dealt = parts(numbers, spec.held_out, spec.seed)
    frozen = refit(ground.base, None) if first.model.config.reference else first
    todo = _task(ground, frozen, numbers, dealt)
    ground.report(
        f"LoRA in episodes: {len(dealt.learned)} questions to learn from and stop by, {len(dealt.judged)} "
        "for the verdict"
    )
    done = task.run(todo, ground.own, ground.report)
    folder = ground.folder / FOLDER
    done.objective.backbone.save(folder, ground.source.name)
    forgetting = neutral.forgetting(done.objective.backbone, spec.forgetting)
    again = first
    if done.outcome.state.best_episode:
        stopping = [questions[int(i)].name for i in dealt.learned[done.objective.inner.validation]]
        ground.report("fitting the statistics again on the adapted encoder")
        again = refit(_adapted(ground, folder), stopping)
    judged = [questions[int(i)].name for i in dealt.judged]
    verdict = compare([first.model, frozen.model], again.model, ground.data, judged, numbers[dealt.judged])
    result = LoraResult(
        objective="factored",
        kept=verdict.better,
        course=Course.of(done.outcome),
        verdict=verdict,
        forgetting=forgetting,
    )
    for line in result.sentences():
        ground.report(line)
    return Tuned(again, result, folder) if result.kept else Tuned(first, result, None)


def _task(ground: Ground, frozen: Fitted, numbers: IntArray, dealt: Parts) -> FactoredTask:
    start = task.start_of(ground.folder / FOLDER / task.STEPS, partial(_arrays, frozen, ground.data))
    kernels = [KernelSettings.model_validate(json.loads(str(start[k]))) for k in ("shares", "kernel")]
    learned = Learned(
        Projection(start["centre"], start["matrix"]), kernels[0], kernels[1], float(start["amplitude"])
    )
    questions = ground.data.answers.questions
    rows = block_rows([option_blocks(questions)[int(i)] for i in dealt.learned])
    lessons = Lessons(
        questions=tuple(questions[int(i)] for i in dealt.learned),
        batteries=numbers[dealt.learned],
        log_shares=start["log_shares"][rows],
        effects=start["effects"][:, rows],
        persons=start["persons"],
        chosen=ground.data.answers.chosen[:, dealt.learned],
        weights=ground.data.weights,
        extra=start["extra"][rows],
    )
    layers, episode = ground.base.layers, ground.spec.factored
    least = max(episode.validation, 1 / len(dealt.learned))  # at least one question to stop by
    return FactoredTask(
        ground.source, ground.spec.matrices(max(layers)), layers, lessons, learned,
        episode.model_copy(update={"validation": least}), ground.spec.engine,
        ground.folder / FOLDER / task.STEPS,
    )  # fmt: skip


def _arrays(frozen: Fitted, data: TrainingData) -> dict[str, FloatArray]:
    """What a training starts from, as arrays; the kernels as text in JSON."""
    model = frozen.model
    config = model.config
    own = sum(len(q.options) for q in config.questions)
    kernels = config.kernels
    shares = _learnable(kernels.shares)
    return {
        "log_shares": model.head.log_prior[:own],
        "effects": model.head.effects[:, :own],
        "extra": model.extra[:own],
        "persons": model.person_vectors(data.people),
        "centre": model.projection.centre,
        "matrix": model.projection.matrix,
        "amplitude": np.array(kernels.amplitude if shares == kernels.shares else _AMPLITUDE),
        "shares": np.array(shares.model_dump_json()),
        "kernel": np.array(_learnable(kernels.effects).model_dump_json()),
    }


def _learnable(chosen: KernelSettings) -> KernelSettings:
    """The kernel that a training starts from: one without texts could not learn to read them."""
    if chosen.text or chosen.pair or chosen.slope:
        return chosen
    return KernelSettings(text=1.0, pair=0.5, slope=0.5, position=0.3, length=0.5, noise=1.0)


def _adapted(ground: Ground, folder: Path) -> BaseModel:
    source, base = ground.source, ground.base
    language = LanguageModel.load(source.weights, source.processor, folder)
    encoder = Encoder(language, base.layers)
    return BaseModel(base.name, language.fingerprint, base.layers, encoder, language.weights, FOLDER)
