"""``field``: the persons of a panel answer a study; a run that was stopped goes on where it was."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grounding.privacy import masking
from mirrorpanel import lineup, panels, places, runs, sources
from mirrorpanel.lineup import Machine
from mirrorpanel.records import PanelRecord, RunRecord
from mirrorpanel.store import Workspace
from personas import document
from personas.errors import UnknownName
from validation import study
from validation.field import field
from validation.study import StudySpec


@dataclass(frozen=True)
class FieldedRun:
    """A complete run: answers in all, how many of them were kept from before, seconds of answering."""

    run: str
    record: RunRecord
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
    with places.named(file, "questions"):
        questions = study.questionnaire(spec, panels.questions(workspace, panel))
    with places.named(file, "segments"):
        unknown = [s for s in spec.segments or () if s not in persons.attributes]
        if unknown:
            raise UnknownName("attribute", unknown[0], list(persons.attributes))
    with places.named(file, "adapter" if spec.adapter else "model"):
        answering = lineup.answering(workspace, spec, machine)
    record = RunRecord(
        spec=spec, file=str(file), questions=questions, model=answering.model.name,
        fingerprint=answering.model.fingerprint, adapter=answering.adapter_id,
        split=answering.adapter.split if answering.adapter else None,
        masked={where: dict(kinds) for where, kinds in gate.counts.items()},
    )  # fmt: skip
    run = runs.identifier(record, panel)
    runs.start(workspace, run, panel, record)
    begin(len(persons) * len(questions))
    sink = runs.RunSink(workspace, run)
    fielded = field(answering.model, persons, questions, spec.seed, sink, spec.batch, progress)
    runs.finish(workspace, run, answering.processor(), fielded.unwritten)
    seconds = float(workspace.value("SELECT seconds FROM runs WHERE run = ?", [run]))
    return FieldedRun(run, record, fielded.answers + fielded.resumed, fielded.resumed, seconds)
