"""A training that can be handed to other processes, run in all of them, and taken up again after a kill.

The first process reads the workspace and makes the task; the others wait in ``follow``. So only one opens the
workspace, and all build the same objective from the same task.
"""

import contextlib
import importlib
import os
import time
from collections.abc import Callable, Generator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import numpy as np

from personas.arrays import FloatArray
from personas.models import catalogue
from personas.models.processor import Processor, free_bytes
from training.gradients import distributed, engine, memory
from training.gradients.backbone import Backbone
from training.gradients.checkpoint import CheckpointError
from training.gradients.distributed import Share
from training.gradients.engine import Outcome, Progress
from training.gradients.memory import Load
from training.gradients.schedule import EngineSettings
from training.hierarchy.base import Report

START, STEPS = "start.npz", "steps"
"""File that a training starts from, and folder of its checkpoints, apart from the adapter's own files."""

_PAUSE = 10.0  # seconds between two lines of progress


class Trainable(engine.Objective, Protocol):
    """An objective that says what it needs."""

    @property
    def backbone(self) -> Backbone:
        """The language model with the adapter in training."""
        ...

    def load(self) -> Load:
        """What the training takes from memory."""
        ...


T = TypeVar("T", bound=Trainable, covariant=True)


class Task(Protocol[T]):
    """Everything that decides a training, without a loaded model; it can be pickled."""

    @property
    def engine(self) -> EngineSettings:
        """How long and how fast."""
        ...

    @property
    def folder(self) -> Path:
        """For checkpoints, the same for all processes."""
        ...

    @property
    def processor(self) -> Processor:
        """Where the first process computes."""
        ...

    def objective(self, processor: Processor, own: Share) -> T:
        """The objective with its language model loaded."""
        ...


class Source(NamedTuple):
    """A language model: where its weights are, what files call it, and where it runs."""

    weights: Path | str
    name: str
    processor: Processor


class Ended(NamedTuple, Generic[T]):
    """A training that ended: its objective with the best tensors in place."""

    objective: T
    outcome: Outcome


def run(task: Task[T], own: Share, report: Report) -> Ended[T]:
    """Trains in this process; in several, inside ``leading``, hands the task to the others first.

    Raises:
        OutOfMemory: it would not fit; said before the first step.
        ClusterError: the task cannot be shared by so many processes.
    """
    if own.size > 1:
        _send(task)
    return _run(task, own, report)


def follow(own: Share) -> None:
    """Takes part in the trainings of the first process until it says that there are no more."""
    place = distributed.device() or "cpu"
    with distributed.joined(own, place):
        while (task := _receive()) is not None:
            _run(task, own, _silent)


@contextlib.contextmanager
def leading(own: Share) -> Generator[None]:
    """The first process's side of ``follow``: the others are there inside and are let go at the end."""
    with distributed.joined(own, distributed.device() or "cpu"):
        yield
        if own.size > 1:
            _send(None)


def _run(task: Task[T], own: Share, report: Report) -> Ended[T]:
    place = distributed.device() or task.processor.device
    objective = task.objective(replace(task.processor, device=place), own)
    smaller = sorted(
        ((name, catalogue.get(name).parameters) for name in catalogue.names()), key=lambda pair: -pair[1]
    )
    needed = memory.check(objective.load(), free_bytes(objective.backbone.language.processor.device), smaller)
    report(f"the training needs about {needed / 2**30:.1f} GiB of memory")
    cut = own.size > 1 and distributed.asks_for_shards()
    if cut:
        distributed.shard(objective.backbone, own)
    if (task.folder / engine.checkpoint.FILE).is_file():
        report(f"going on from the checkpoint in {task.folder}")
    outcome = distributed.train(objective, task.engine, task.folder, spoken(report), own)
    if cut and own.writes:
        objective = _whole(task, objective)
    return Ended(objective, outcome)


def _whole(task: Task[T], cut: T) -> T:
    """The trained objective with all of the base in this process: a verdict is read without the others."""
    import torch

    found = task.objective(cut.backbone.language.processor, distributed.WHOLE)
    learned = cut.backbone.tensors()
    with torch.no_grad():
        for name, tensor in found.backbone.tensors().items():
            tensor.copy_(learned[name])
    return found


def spoken(report: Report, pause: float = _PAUSE) -> Callable[[Progress], None]:
    """Progress in lines: the first and last one, those with a new score, and others after a pause."""
    last: list[tuple[float, float | None]] = []

    def tell(progress: Progress) -> None:
        now, score = time.monotonic(), progress.score
        quiet = last and now - last[0][0] < pause and score == last[0][1]
        if not quiet or progress.episode == progress.episodes:
            last[:] = [(now, score)]
            report(progress.describe())

    return tell


def start_of(folder: Path, make: Callable[[], Mapping[str, FloatArray]]) -> dict[str, FloatArray]:
    """Arrays by name that a training starts from: those of its first start, or made now.

    The last bits of a fit may differ from run to run; a training that goes on must start from the same.

    Raises:
        CheckpointError: the file cannot be written, or is damaged.
    """
    file = folder / START
    if not file.is_file():
        part = file.with_name(f"{START}.part")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with part.open("wb") as opened:
                np.savez(opened, allow_pickle=False, **make())
                opened.flush()
                os.fsync(opened.fileno())
            part.replace(file)
        except OSError as error:
            raise CheckpointError(f"{file} cannot be written ({error}); free some space") from None
    try:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as found:
            return {name: np.asarray(found[name]) for name in found.files}
    except Exception as error:  # a damaged archive fails in many ways
        raise CheckpointError(
            f"{file} is damaged ({error}); remove the folder {folder} to begin this training anew"
        ) from None


def _send(task: Task[Trainable] | None) -> None:
    group: Any = importlib.import_module("torch.distributed")
    group.broadcast_object_list([task], src=0)


def _receive() -> Task[Trainable] | None:
    group: Any = importlib.import_module("torch.distributed")
    box: list[Task[Trainable] | None] = [None]
    group.broadcast_object_list(box, src=0)
    return box[0]


def _silent(line: str) -> None:
    del line
