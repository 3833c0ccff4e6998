"""An adapter for tone and vocabulary, trained on open answers and held against those of other people."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from personas.models.processor import Processor
from training.gradients import memorised, neutral, open_ends, task, writing
from training.gradients.backbone import Backbone, LoraSettings
from training.gradients.distributed import Share
from training.gradients.generative import GenerativeObjective, GenerativeSettings
from training.gradients.open_ends import OpenEnd, OpenEnds
from training.gradients.schedule import EngineSettings
from training.gradients.spec import VoiceSpec
from training.gradients.task import Source
from training.gradients.tuned import Course, VoiceResult
from training.hierarchy.base import Report

FOLDER = "voice"


@dataclass(frozen=True)
class VoiceTask:
    """See ``task.Task``."""

    source: Source
    lora: LoraSettings
    data: OpenEnds
    settings: GenerativeSettings
    engine: EngineSettings
    folder: Path

    @property
    def processor(self) -> Processor:
        """See ``task.Task``."""
        return self.source.processor

    def objective(self, processor: Processor, own: Share) -> GenerativeObjective:
        """See ``task.Task``."""
        backbone = Backbone.load(self.source.weights, processor, self.lora)
        return GenerativeObjective(backbone, self.data, self.settings, own)


class Parts(NamedTuple):
    """Answers to learn from, to stop by, and for the figures."""

    learned: tuple[OpenEnd, ...]
    stopping: tuple[OpenEnd, ...]
    judging: tuple[OpenEnd, ...]

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody whose answers are in the weights, or decided when to stop."""
        return tuple(sorted({row.person for row in (*self.learned, *self.stopping)}))


def parts(data: OpenEnds, seed: int) -> Parts:
    """Half of the people held out are to stop by, where there are enough for two halves."""
    halves = open_ends.apart(data.held_out, 0.5, seed)
    if halves.training and halves.held_out:
        return Parts(data.training, halves.training, halves.held_out)
    return Parts(data.training, (), data.held_out)


class Spoken(NamedTuple):
    """What came of a voice, and the folder of its adapter; ``None`` where it is not kept."""

    result: VoiceResult
    folder: Path | None


def tune(
    spec: VoiceSpec, data: OpenEnds, source: Source, n_layers: int, folder: Path, report: Report, own: Share
) -> Spoken:
    """The adapter trained on the open answers, with canaries among them.

    All figures come from people held out who were not stopped by.

    Args:
        spec: what is wanted.
        data: the open answers.
        source: the language model.
        n_layers: its layers.
        folder: for checkpoints, kept until the adapter is written.
        report: called with a line for each step.
        own: this process's share.

    Raises:
        OutOfMemory, CheckpointError, ClusterError: see ``task.run``.
        DataError: a question is too long for the model.
    """
    rng = np.random.default_rng([spec.seed, 8])
    planted = memorised.canaries(spec.canaries, rng)
    learned, stopping, judging = parts(data, spec.seed)
    training = (*learned, *planted)
    place = folder / FOLDER
    todo = VoiceTask(
        source,
        spec.matrices(n_layers),
        OpenEnds(training, stopping),
        spec.texts,
        spec.engine,
        place / task.STEPS,
    )
    people = len({row.person for row in data.training})
    report(
        f"voice: {len(data.training):,} open answers of {people:,} people to learn from, {len(stopping):,} "
        f"to stop by, {len(judging):,} for the figures"
    )
    done = task.run(todo, own, report)
    backbone = done.objective.backbone
    report("looking for what it gained, and for what it gives away of the answers")
    result = _result(spec, data, backbone, Course.of(done.outcome), planted, judging, rng)
    for line in result.sentences():
        report(line)
    if not result.kept:
        return Spoken(result, None)
    backbone.save(place, source.name)
    return Spoken(result, place)


def _result(
    spec: VoiceSpec,
    data: OpenEnds,
    backbone: Backbone,
    course: Course,
    planted: Sequence[OpenEnd],
    judging: Sequence[OpenEnd],
    rng: np.random.Generator,
) -> VoiceResult:
    """What the trained voice gained on answers to judge by, what it forgot, and what it remembers."""
    written = writing.evaluate(backbone, judging, spec.texts, rng, spec.written)
    return VoiceResult(
        kept=written.perplexity_tuned < written.perplexity_base,
        answers=len(data.training),
        people=len({row.person for row in data.training}),
        course=course,
        writing=written,
        forgetting=neutral.forgetting(backbone, spec.forgetting),
        memorisation=writing.memorisation(
            backbone.language,
            (*data.training, *planted),
            data.held_out,
            planted,
            spec.texts,
            spec.memory,
            spec.written,
            spec.seed,
        ),
        texts=open_ends.fingerprint(data.training),
        remarks=data.remarks,
    )
