"""``field``: the persons of a panel answer a study; a run that was stopped goes on where it was."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grounding.privacy import masking
from mirrorpanel import known, lineup, panels, places, runs, sources
from mirrorpanel.lineup import Answering, Machine
from mirrorpanel.records import PanelRecord, RunRecord
from mirrorpanel.store import Workspace
from personas import document, screening
from personas.errors import DocumentError, UnknownName
from personas.models.drawing import Drawing, Jointly, independently
from personas.models.factored import FactoredModel
from validation import study
from validation.field import Fielding, field
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
        record: what it was asked with.
        persons: of its panel.
        answers: that came, in all.
        resumed: that were asked for before.
        seconds: of answering, in all.
        missing: answers that did not come, for each outcome (``personas.models.asked``).
        complete: everybody was asked, and no answer is left that is worth asking for again.
    """

    run: str
    record: RunRecord
    persons: int
    answers: int
    resumed: int
    seconds: float
    missing: dict[str, int]
    complete: bool


def fielding(
    workspace: Workspace,
    file: Path,
    machine: Machine,
    begin: Callable[[int], None],
    progress: Callable[[int], None],
    stop: Callable[[], bool] = lambda: False,
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
        stop: asked before each batch whether to leave the rest for another time.
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
    drawing = _drawing(file, spec, answering)
    record = RunRecord(
        spec=spec, file=str(file), questions=questions, model=answering.model.name,
        fingerprint=answering.model.fingerprint, adapter=answering.adapter_id,
        split=answering.adapter.split if answering.adapter else None,
        masked={where: dict(kinds) for where, kinds in gate.counts.items()},
        draws="joint" if isinstance(drawing, Jointly) else "independent",
        known=known.recorded(persons, questions), refused=found.refused, doubtful=found.doubtful,
    )  # fmt: skip
    run = runs.identifier(record, panel)
    runs.start(workspace, run, panel, record)
    begin(len(persons) * len(questions))
    sink = runs.RunSink(workspace, run)
    how = Fielding(spec.seed, spec.batch, drawing, stop)
    fielded = field(answering.model, persons, questions, sink, how, progress)
    found = runs.outcomes(workspace, run)
    answers, failed = found.pop("answered"), found.get("failed", 0)
    complete = not fielded.stopped and not failed
    if complete:
        runs.finish(workspace, run, answering.processor(), fielded.unwritten)
    seconds = float(workspace.value("SELECT seconds FROM runs WHERE run = ?", [run]))
    return FieldedRun(run, record, len(persons), answers, fielded.resumed, seconds, found, complete)


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
