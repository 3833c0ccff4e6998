"""``field``: the persons of a panel answer a study; a run that was stopped goes on where it was."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from grounding.privacy import masking
from mirrorpanel import known, lineup, panels, places, planning, resuming, runs, sources, unseen
from mirrorpanel.lineup import Answering, Machine
from mirrorpanel.planning import Planned
from mirrorpanel.records import PanelRecord, RunRecord
from mirrorpanel.store import Workspace
from personas import document, screening
from personas.errors import DocumentError, UnknownName
from personas.models.drawing import Drawing, Jointly, independently
from personas.models.factored import FactoredModel
from personas.panel import Panel
from personas.question import Question
from personas.screening import Screened
from validation import stopping, study
from validation.field import Answerer, Fielding, field, here
from validation.study import StudySpec

_UNRELATED = (
    "{name} knows nothing that the answers of a person share beyond the attributes: known answers would "
    "change nothing, and joint draws would be independent ones; leave this key out. An adapter knows it "
    "where that helped on people left out, which takes many people with many answers to train on"
)


@dataclass(frozen=True)
class FieldedRun:
    """A run as it stands.

    Attributes:
        run: its identifier.
        record: what it was asked with, and how it ended where it could stop early.
        persons: of its panel.
        answers: that came, in all.
        resumed: that were asked for before.
        seconds: of answering, in all.
        missing: answers that did not come, for each outcome (``personas.models.asked``).
        why: what came most often in place of those that failed; ``None`` where none did.
        complete: everybody was asked, and no answer is left that is worth asking for again.
        planned: somebody was left to ask, and the plan in the record is of this time.
    """

    run: str
    record: RunRecord
    persons: int
    answers: int
    resumed: int
    seconds: float
    missing: dict[str, int]
    why: str | None
    complete: bool
    planned: bool


@dataclass(frozen=True)
class Prepared:
    """A study that can be asked: read, checked and its model found; nothing has been written yet.

    Attributes:
        panel: identifier of the panel.
        run: identifier of the run.
        record: what is asked with.
        persons: to be asked, in that order, with the answers that are known of them; where the study can stop
            early, these are the most.
        answering: the model.
        drawing: how answers are drawn.
        size: persons of the panel, asked or not.
    """

    panel: str
    run: str
    record: RunRecord
    persons: Panel
    answering: Answering
    drawing: Drawing
    size: int

    @property
    def questions(self) -> tuple[Question, ...]:
        """What is asked."""
        return self.record.questions

    @property
    def answers(self) -> int:
        """That the run will have, or say why they did not come."""
        return len(self.persons) * len(self.questions)


def fielding(
    workspace: Workspace,
    file: Path,
    machine: Machine,
    begin: Callable[[int], None],
    progress: Callable[[int], None],
    stop: Callable[[], bool] = lambda: False,
    anew: bool = False,
    answerer: Answerer = here,
) -> FieldedRun:
    """Reads ``study.yaml`` and fields it; see ``prepare`` and ``ask``.

    Args:
        workspace: where panel and adapter are, and where answers go.
        file: the study file.
        machine: where models run.
        begin: called with the number of answers that the run will have.
        progress: called with the number of answers after each batch.
        stop: asked before each batch whether to leave the rest for another time.
        anew: begin a new run also where one of the study, asked otherwise, is not complete.
        answerer: who answers: this process, or a cluster (``validation.cluster``).
    """
    prepared = prepare(workspace, file, machine, anew)
    with places.named(file, "adapter" if prepared.record.spec.adapter else "model"):
        found = plan(workspace, prepared, thorough=False) if answerer is here else None
    if found is not None:
        prepared = replace(prepared, record=prepared.record.model_copy(update={"plan": found.record()}))
    begin(prepared.answers)
    return ask(workspace, prepared, progress, stop, answerer)


def plan(workspace: Workspace, prepared: Prepared, thorough: bool = True) -> Planned | None:
    """What is left to ask and what it is expected to take; ``None`` where nothing is left.

    See ``planning.planned`` for ``thorough``.

    Raises:
        PlanError: it would not fit into memory.
    """
    return planning.planned(
        workspace,
        prepared.run,
        prepared.answering.model,
        prepared.drawing,
        prepared.persons,
        prepared.questions,
        prepared.record.spec.persons_at_once,
        thorough,
    )


def prepare(workspace: Workspace, file: Path, machine: Machine, anew: bool = False) -> Prepared:
    """A study file read and its model found; personal data in new questions are masked first.

    Questions that speak to a model instead of a person are refused: the others are asked, and the run's
    record says why (``personas.screening``). The workspace stays as it is.

    Raises:
        MirrorpanelError: a run of the study is not complete and was asked otherwise, and not ``anew``.
    """
    spec = document.read(file, StudySpec)
    with places.named(file, "panel"):
        panel = workspace.latest("panels", "panel", spec.panel)
        sources.refuse_expired(workspace, panel, "field")
    ready = prepared(workspace, file, spec, panel, machine)
    if not anew:
        resuming.refuse_changed(workspace, ready.run, ready.panel, ready.record)
    return ready


def prepared(workspace: Workspace, file: Path, spec: StudySpec, panel: str, machine: Machine) -> Prepared:
    """A study that has been read, of one panel by its identifier; see ``prepare``.

    Args:
        workspace: where panel and adapter are.
        file: that the study was read from, named in errors.
        spec: the study.
        panel: identifier of the panel.
        machine: where models run.
    """
    gate = masking.gate(workspace.record("panels", "panel", panel, PanelRecord).spec.masking)
    new = tuple(masking.question(q, gate) for q in spec.new_questions)
    spec = spec.model_copy(update={"new_questions": new})
    persons, found = _asked_of(workspace, file, spec, panel)
    with places.named(file, "adapter" if spec.adapter else "model"):
        answering = lineup.answering(workspace, spec, machine)
    drawing = _drawing(file, spec, answering)
    if spec.batch is None:
        with places.named(file, "adapter" if spec.adapter else "model"):
            planned = planning.batch_size(answering.model, persons, found.asked)
        batch = resuming.look(spec, planned)
        spec = spec.model_copy(update={"batch": batch})
    record = RunRecord(
        spec=spec, file=str(file), questions=found.asked, model=answering.model.name,
        fingerprint=answering.model.fingerprint, adapter=answering.adapter_id,
        split=answering.adapter.split if answering.adapter else None,
        masked={where: dict(kinds) for where, kinds in gate.counts.items()},
        draws="joint" if isinstance(drawing, Jointly) else "independent",
        known=known.recorded(persons, found.asked), refused=found.refused, doubtful=found.doubtful,
        unseen=unseen.recorded(answering.model, answering.statistics, persons),
    )  # fmt: skip
    run = runs.identifier(record, panel)
    chosen = resuming.turn(workspace, run, spec, persons)
    return Prepared(panel, run, record, chosen, answering, drawing, len(persons))


def ask(
    workspace: Workspace,
    prepared: Prepared,
    progress: Callable[[int], None],
    stop: Callable[[], bool] = lambda: False,
    answerer: Answerer = here,
) -> FieldedRun:
    """Asks what is left to ask of a prepared study, and keeps the answers."""
    run, record, answering = prepared.run, prepared.record, prepared.answering
    runs.start(workspace, run, prepared.panel, record)
    sink, enough = resuming.sink(workspace, run, prepared.persons, record, prepared.size)
    how = Fielding(record.spec.seed, record.spec.persons_at_once, prepared.drawing, stop, answerer, enough)
    fielded = field(answering.model, prepared.persons, prepared.questions, sink, how, progress)
    if record.plan is not None:
        runs.keep_plan(workspace, run, planning.kept(record.plan, fielded))
    missing = runs.outcomes(workspace, run)
    answers = missing.pop("answered")
    complete = (enough() or not fielded.stopped) and not missing.get("failed", 0)
    if complete:
        ended = sink.watch.stopped() if isinstance(sink, runs.WatchedSink) else None
        runs.finish(workspace, run, answering.processor(), fielded.unwritten, ended)
    seconds = float(workspace.value("SELECT seconds FROM runs WHERE run = ?", [run]))
    return FieldedRun(
        run=run, record=workspace.record("runs", "run", run, RunRecord), persons=prepared.size,
        answers=answers, resumed=fielded.resumed, seconds=seconds, missing=missing,
        why=runs.reason(workspace, run), complete=complete, planned=record.plan is not None,
    )  # fmt: skip


def _asked_of(workspace: Workspace, file: Path, spec: StudySpec, panel: str) -> tuple[Panel, Screened]:
    """The persons with what is known of them, and the questions they are asked."""
    persons = panels.persons(workspace, panel)
    real = panels.questions(workspace, panel)
    with places.named(file, "questions"):
        found = screening.screened(study.questionnaire(spec, real))
        if not found.asked:
            raise DocumentError(
                "no question is left to ask. " + " ".join(screening.sentences(found.refused, ()))
            )
    with places.named(file, "known"):
        told = study.known_questions(spec, real, found.asked)
        persons = known.told(workspace, panel, persons, told)
    with places.named(file, "segments"):
        unknown = [s for s in spec.segments or () if s not in persons.attributes]
        if unknown:
            raise UnknownName("attribute", unknown[0], list(persons.attributes))
    with places.named(file, "until"):
        if spec.until is not None:
            stopping.check(spec.until, persons, found.asked)
    return persons, found


def _drawing(file: Path, spec: StudySpec, answering: Answering) -> Drawing:
    """How answers are drawn: together where the model knows what they share, unless the study says otherwise.

    Raises:
        DocumentError: the study asks for known answers or joint draws of a model that cannot use them.
    """
    model = answering.model
    if isinstance(model, FactoredModel) and model.relates:
        return independently if spec.draws == "independent" else Jointly(model)
    wanted = {"known": bool(spec.known), "draws": spec.draws == "joint"}
    for key in (key for key, asked in wanted.items() if asked):
        with places.named(file, key):
            raise DocumentError(_UNRELATED.format(name=answering.adapter_id or model.name))
    return independently
