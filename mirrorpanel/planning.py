"""The plan of a study before it is asked: what is encoded once, in which batches, and what it will take."""

import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mirrorpanel import calibrating
from mirrorpanel.records import PlanRecord
from mirrorpanel.runs import RunSink
from mirrorpanel.store import Workspace
from personas.models import catalogue, work
from personas.models.base import AnswerModel
from personas.models.drawing import Drawing
from personas.models.factored import FactoredModel
from personas.models.joint import JointModel
from personas.models.offset import OffsetModel
from personas.models.processor import Processor, devices, free_bytes, peak_bytes
from personas.models.remembered import reader_of
from personas.models.shape import stored_parameters
from personas.panel import Panel
from personas.question import Question
from validation import plan as plans
from validation.field import Fielded
from validation.plan import Forecast, Plan, PlanError, Room

_STATISTICS = Processor("cpu", "float64", "statistics only")
_WORTH = 5.0  # seconds of work on a slow machine from which on a run that is not only planned measures it
_BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}


@dataclass(frozen=True)
class Planned:
    """A plan, and what it is expected to take.

    Attributes:
        plan: what is going to be done.
        forecast: time and memory.
        resumed: answers that were asked for before.
        calibrated: seconds that the measuring took.
    """

    plan: Plan
    forecast: Forecast
    resumed: int
    calibrated: float

    def record(self) -> PlanRecord:
        """As a run remembers it, without what came of it."""
        counted, expected = self.plan.work, self.forecast
        return PlanRecord(
            batch=self.plan.batch, device=self.plan.device, answers=counted.answers,
            passes=counted.passes, tokens=counted.tokens, remembered=counted.remembered,
            seconds_low=expected.seconds_low, seconds_high=expected.seconds_high,
            memory_low=expected.memory_low, memory_high=expected.memory_high,
        )  # fmt: skip


def batch_size(model: AnswerModel, panel: Panel, questions: tuple[Question, ...]) -> int:
    """Persons written at once where the study does not say; the same on every machine of a kind."""
    kind = _processor(model, False).kind
    return plans.batch_size(work.each(model, panel, questions), len(questions), kind)


def planned(
    workspace: Workspace,
    run: str,
    model: AnswerModel,
    drawing: Drawing,
    panel: Panel,
    questions: tuple[Question, ...],
    batch: int,
    thorough: bool = True,
) -> Planned | None:
    """The plan of those who have not been asked yet; ``None`` where everybody has been.

    A language model that is needed is loaded; the workspace stays as it is. Where it is not ``thorough``,
    nothing is measured whose measuring would take as long as the work itself: the range is wider.

    Raises:
        PlanError: it would not fit into memory.
    """
    started = time.perf_counter()
    done = RunSink(workspace, run).done()
    persons = panel.take(np.array([person not in done for person in panel.ids], dtype=np.bool_))
    if not len(persons):
        return None
    counted = work.work(model, persons, questions, batch, look=thorough)
    where = _processor(model, counted.passes > 0)
    options = [len(q.options) for q in questions]
    found = plans.plan(counted, len(persons), batch, f"{where.device}, {where.dtype}", options)
    _check(found, where.device, counted.weights // _BYTES.get(where.dtype, 8))
    worth = 0.0 if thorough else _WORTH
    measured = calibrating.calibrate(model, drawing, persons, questions, counted, where, worth)
    expected = plans.forecast(found, measured)
    resumed = (len(panel) - len(persons)) * len(questions)
    return Planned(found, expected, resumed, time.perf_counter() - started)


def kept(plan: PlanRecord, fielded: Fielded) -> PlanRecord:
    """The plan beside what came of it; one that was stopped on the way is not held against anything."""
    if fielded.stopped:
        return plan
    device = plan.device.partition(",")[0]
    peak = peak_bytes(device)
    return plan.model_copy(update={"seconds": fielded.seconds, "memory": peak})


def check_weights(name: str, folder: Path | str, where: Processor) -> None:
    """Returns where the weights in a folder fit into memory; a hub name is not known before it is loaded.

    Raises:
        PlanError: they do not.
    """
    if isinstance(folder, Path):
        parameters = stored_parameters(folder)
        needed = parameters * _BYTES.get(where.dtype, 4)
        plans.check_weights(name, needed, where.device, room(where.device, parameters))


def _check(found: Plan, device: str, parameters: int) -> None:
    """Returns where the plan fits; what else there is to choose from is looked up only where it does not.

    Raises:
        PlanError: it does not fit.
    """
    try:
        plans.check(found, Room(free_bytes(device)))
    except PlanError:
        plans.check(found, room(device, parameters))


def room(device: str, parameters: int) -> Room:
    """Memory free on a device and on the others, and language models of fewer parameters."""
    own = "cuda:0" if device == "cuda" else device
    others = [(name, free_bytes(name)) for name in devices() if name != own]
    smaller = [(name, catalogue.get(name).parameters) for name in catalogue.names()]
    shares = [(name, n / parameters) for name, n in smaller if n < parameters]
    return Room(free_bytes(device), others, sorted(shares, key=lambda pair: -pair[1]))


def _processor(model: AnswerModel, reads: bool) -> Processor:
    """Where a model runs; ``reads``: its language model is needed also where persons are not read."""
    if isinstance(model, OffsetModel):
        return _processor(model.tuned, reads)
    if isinstance(model, JointModel):
        return model.language.processor
    if reads and isinstance(model, FactoredModel) and (reader := reader_of(model.encoder)) is not None:
        return reader.language.processor
    return _STATISTICS
