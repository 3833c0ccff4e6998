"""``field``: the persons of a panel answer a study; a run that was stopped goes on where it was."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grounding.privacy import masking
from mirrorpanel import known, lineup, panels, places, runs, sources, unseen
from mirrorpanel.lineup import Answering, Machine
from mirrorpanel.records import PanelRecord, RunRecord
from mirrorpanel.store import Workspace
from personas import document, screening
from personas.errors import DocumentError, UnknownName
from personas.models.drawing import Drawing, Jointly, independently
from personas.models.factored import FactoredModel
from personas.panel import Panel
from personas.question import Question
from validation import study
from validation.field import field
from validation.study import StudySpec

_UNRELATED = (
    "{name} knows nothing that the answers of a person share beyond the attributes: known answers would "
    "change nothing, and joint draws would be independent ones; leave this key out. An adapter knows it "
    "where that helped on people left out, which takes many people with many answers to train on"
)


@dataclass(frozen=True)
class FieldedRun:
    """A complete run: persons, answers in all, how many were kept from before, seconds of answering."""

    run: str
    record: RunRecord
    persons: int
    answers: int
    resumed: int
    seconds: float


def fielding(
    workspace: Workspace,
    file: Path,
    machine: Machine,
    begin: Callable[[int], None],
    progress: Callable[[int], None],
) -> FieldedRun:
    """Reads ``study.yaml`` and fields it; personal data in new questions are masked first.

    Questions that speak to a model instead of a person are refused: the others are asked, and the run's
    record says why (``personas.screening``).

    Args:
        workspace: where panel and adapter are, and where answers go.
        file: the study file.
        machine: where models run.
        begin: called with the number of answers that the run will have.
        progress: called with the number of answers after each batch.
    """
    spec = document.read(file, StudySpec)
    with places.named(file, "panel"):
        panel = workspace.latest("panels", "panel", spec.panel)
        sources.refuse_expired(workspace, panel, "field")
    gate = masking.gate(workspace.record("panels", "panel", panel, PanelRecord).spec.masking)
    new = tuple(masking.question(q, gate) for q in spec.new_questions)
    spec = spec.model_copy(update={"new_questions": new})
    persons = panels.persons(workspace, panel)
    real = panels.questions(workspace, panel)
    with places.named(file, "questions"):
        found = screening.screened(study.questionnaire(spec, real))
        if not found.asked:
            raise DocumentError(
                "no question is left to ask. " + " ".join(screening.sentences(found.refused, ()))
            )
        questions = found.asked
    with places.named(file, "known"):
        persons = known.told(workspace, panel, persons, study.known_questions(spec, real, questions))
    with places.named(file, "segments"):
        unknown = [s for s in spec.segments or () if s not in persons.attributes]
        if unknown:
            raise UnknownName("attribute", unknown[0], list(persons.attributes))
    with places.named(file, "adapter" if spec.adapter else "model"):
        answering = lineup.answering(workspace, spec, machine)
        if isinstance(answering.model, FactoredModel):
            _encode_new(answering.model, persons, questions)
    drawing = _drawing(file, spec, answering)
    record = RunRecord(
        spec=spec, file=str(file), questions=questions, model=answering.model.name,
        fingerprint=answering.model.fingerprint, adapter=answering.adapter_id,
        split=answering.adapter.split if answering.adapter else None,
        masked={where: dict(kinds) for where, kinds in gate.counts.items()},
        draws="joint" if isinstance(drawing, Jointly) else "independent",
        known=known.recorded(persons, questions), refused=found.refused, doubtful=found.doubtful,
        unseen=unseen.recorded(answering.model, answering.statistics, persons),
    )  # fmt: skip
    run = runs.identifier(record, panel)
    runs.start(workspace, run, panel, record)
    begin(len(persons) * len(questions))
    sink = runs.RunSink(workspace, run)
    fielded = field(answering.model, persons, questions, spec.seed, sink, spec.batch, progress, drawing)
    runs.finish(workspace, run, answering.processor(), fielded.unwritten)
    seconds = float(workspace.value("SELECT seconds FROM runs WHERE run = ?", [run]))
    kept = fielded.answers + fielded.resumed
    return FieldedRun(run, record, len(persons), kept, fielded.resumed, seconds)


def _encode_new(model: FactoredModel, persons: Panel, questions: Sequence[Question]) -> None:
    """Encodes now what is new in persons and questions, so that a refusal comes before any answer."""
    model.head_for(questions)
    rows = [np.unique(column, return_index=True)[1] for column in persons.codes.T]
    if rows:
        model.person_vectors(persons.take(np.unique(np.concatenate(rows))))


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
