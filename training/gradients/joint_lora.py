"""LoRA under the joint objective over the item shares, kept only where it beats the statistics.

The people trained on fall into three groups: those learned from, those by whom the training is stopped and
the blend is chosen, and those that the verdict is read off.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray
from personas.errors import DataError
from personas.models.factored import option_blocks
from personas.models.joint import JointModel
from personas.models.offset import offset
from personas.models.processor import Processor
from personas.panel import Panel
from training.dataset import TrainingData
from training.gradients import neutral, task
from training.gradients.backbone import Backbone, LoraSettings
from training.gradients.blend import Blend, best_blend
from training.gradients.distributed import Share
from training.gradients.factored import Ground, Tuned
from training.gradients.groups import GroupTargets, group_targets
from training.gradients.joint import JointObjective, JointSettings
from training.gradients.parts import split_people
from training.gradients.schedule import EngineSettings
from training.gradients.spec import LoraSpec
from training.gradients.task import Source
from training.gradients.tuned import Course, LoraResult, Verdict
from training.gradients.verdicts import ratio_error
from training.hierarchy.loop import Fitted

FOLDER = "joint"
FEWEST = 10
"""People in each of the groups to stop by and to judge by."""


@dataclass(frozen=True)
class JointTask:
    """See ``task.Task``."""

    source: Source
    lora: LoraSettings
    learned: TrainingData
    stopping: TrainingData
    settings: JointSettings
    log_prior: tuple[FloatArray, ...]
    targets: GroupTargets | None
    engine: EngineSettings
    folder: Path

    @property
    def processor(self) -> Processor:
        """See ``task.Task``."""
        return self.source.processor

    def objective(self, processor: Processor, own: Share) -> JointObjective:
        """See ``task.Task``."""
        backbone = Backbone.load(self.source.weights, processor, self.lora)
        return JointObjective(
            backbone, self.learned, self.stopping, self.settings, self.log_prior, self.targets, own
        )


def check(spec: LoraSpec, data: TrainingData, n_layers: int) -> None:
    """Returns where the training can be made, before anything is fitted.

    Raises:
        DataError: too few people for three groups.
        DocumentError: layers that are not there.
    """
    spec.check_layers(n_layers, n_layers, n_layers)
    parts(spec, data)


class Parts(NamedTuple):
    """People to learn from, to stop by, and to judge by."""

    learned: TrainingData
    stopping: TrainingData
    judging: TrainingData


def parts(spec: LoraSpec, data: TrainingData) -> Parts:
    """The three groups, dealt by the seed. Raises: DataError."""
    most = int(spec.held_out * len(data.people))
    if most < FEWEST:
        raise DataError(
            f"lora: the joint objective keeps a share of {spec.held_out:g} of the {len(data.people):,} "
            f"people trained on to stop by and as many to judge by; that is {most}, and {FEWEST} are needed: "
            "raise held_out, bring more people, or leave lora out"
        )
    rng = np.random.default_rng([spec.seed, 6])
    rest, judging = split_people(data, spec.held_out, rng)
    learned, stopping = split_people(rest, spec.held_out / (1 - spec.held_out), rng)
    return Parts(learned, stopping, judging)


def tune(ground: Ground, first: Fitted) -> Tuned:
    """The statistics with a joint model over them where that answers better on people left out.

    Raises:
        OutOfMemory, CheckpointError, ClusterError, DataError: see ``task.run`` and ``parts``.
    """
    spec = ground.spec
    dealt = parts(spec, ground.data)
    todo = _task(ground, first, dealt)
    ground.report(
        f"joint LoRA: {len(dealt.learned.people):,} people to learn from, {len(dealt.stopping.people):,} to "
        f"stop by, {len(dealt.judging.people):,} for the verdict"
    )
    done = task.run(todo, ground.own, ground.report)
    folder = ground.folder / FOLDER
    backbone = done.objective.backbone
    ground.report("comparing with the item shares on people left out")
    rng = np.random.default_rng([spec.seed, 7])
    blend = _blend(backbone, todo.log_prior, _some(dealt.stopping, spec, rng))
    verdict = _verdict(backbone, todo.log_prior, _some(dealt.judging, spec, rng), blend.blend)
    statistics = first.log_scores["left_out_people"] - first.log_scores["prior"]
    kept = blend.blend > 0 and verdict.better and verdict.gain > statistics
    result = LoraResult(
        objective="joint",
        kept=kept,
        course=Course.of(done.outcome),
        verdict=verdict,
        statistics_gain=statistics,
        blend=blend,
        forgetting=neutral.forgetting(backbone, spec.forgetting),
    )
    for line in result.sentences():
        ground.report(line)
    if not kept:
        return Tuned(first, result, None)
    backbone.save(folder, ground.source.name)
    return Tuned(first, result, folder)


def _task(ground: Ground, first: Fitted, dealt: Parts) -> JointTask:
    spec, questions = ground.spec, ground.data.answers.questions
    start = task.start_of(ground.folder / FOLDER / task.STEPS, partial(_arrays, first))
    log_prior = tuple(start["log_shares"][b] for b in option_blocks(questions))
    targets = None
    if spec.joint.groups > 0:
        targets = group_targets(dealt.learned, [np.exp(p) for p in log_prior])
    return JointTask(
        ground.source, spec.matrices(ground.n_layers), dealt.learned, dealt.stopping, spec.joint,
        log_prior, targets, spec.engine, ground.folder / FOLDER / task.STEPS,
    )  # fmt: skip


def _arrays(first: Fitted) -> dict[str, FloatArray]:
    return {"log_shares": first.prior.log_shares}


class _Asked(NamedTuple):
    """Some people and some questions, by their places among all of them."""

    people: Panel
    answers: Answers
    weights: FloatArray
    places: tuple[int, ...]


def _some(data: TrainingData, spec: LoraSpec, rng: np.random.Generator) -> _Asked:
    """People with a positive weight, drawn at random, and questions that these people answered."""
    willing = np.flatnonzero((data.weights > 0) & (data.answers.chosen != NO_ANSWER).any(axis=1))
    rows = np.sort(rng.permutation(willing)[: spec.judged_people])
    answers = data.answers.take(rows)
    asked = np.flatnonzero((answers.chosen != NO_ANSWER).any(axis=0))
    places = tuple(sorted(int(i) for i in rng.permutation(asked)[: spec.judged_questions]))
    names = [answers.questions[i].name for i in places]
    return _Asked(data.people.take(rows), answers.only(names), data.weights[rows], places)


def _read(backbone: Backbone, asked: _Asked) -> tuple[list[FloatArray], list[FloatArray]]:
    """Distributions of the tuned and of the untuned model."""
    model, questions = JointModel(backbone.language), asked.answers.questions
    tuned = model.distributions(asked.people, questions)
    with backbone.untouched():
        return tuned, model.distributions(asked.people, questions)


def _blend(backbone: Backbone, log_prior: tuple[FloatArray, ...], asked: _Asked) -> Blend:
    tuned, base = _read(backbone, asked)
    return best_blend([log_prior[i] for i in asked.places], tuned, base, asked.answers, asked.weights)


def _verdict(backbone: Backbone, log_prior: tuple[FloatArray, ...], asked: _Asked, blend: float) -> Verdict:
    """Gain over the item shares, with a standard error over people."""
    tuned, base = _read(backbone, asked)
    own, floor, sizes = (np.zeros(len(asked.people)) for _ in range(3))
    for q, place in enumerate(asked.places):
        chosen = asked.answers.chosen[:, q]
        who = np.flatnonzero(chosen != NO_ANSWER)
        weights, prior = asked.weights[who], log_prior[place]
        p = offset(prior, tuned[q][who], base[q][who], blend)[np.arange(len(who)), chosen[who]]
        own[who] += weights * np.log(p)
        floor[who] += weights * prior[chosen[who]]
        sizes[who] += weights
    there = sizes > 0
    total = float(sizes.sum())
    return Verdict(
        floor=float(floor.sum()) / total,
        tuned=float(own.sum()) / total,
        error=ratio_error((own - floor)[there], sizes[there]),
        answers=int((asked.answers.chosen != NO_ANSWER).sum()),
        of=int(there.sum()),
    )
