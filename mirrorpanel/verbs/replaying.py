"""``field --replay``: a stored run is answered anew and held against what was kept; nothing is written."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mirrorpanel import known, lineup, panels, runs
from mirrorpanel.encodings import FileStore
from mirrorpanel.lineup import Machine
from mirrorpanel.records import RunRecord
from mirrorpanel.store import Workspace
from personas.errors import MirrorpanelError
from personas.models.drawing import Drawing, Jointly, independently
from personas.models.factored import FactoredModel
from personas.panel import Panel
from validation.field import answer
from validation.replay import Compared, compare


@dataclass(frozen=True)
class Replayed:
    """A run beside its replay.

    Attributes:
        run: its identifier.
        compared: its answers, one by one.
        doubled: answers that are kept more than once.
        stored: fingerprint of what answered then; with ``now`` it tells whether weights, device and number
            format are the same.
        now: fingerprint of what answers now.
        processor: that answers now.
        complete: the run is.
        remembered: texts whose encodings had been kept from before the run.
        looked_up: the encodings that the run used were looked up here, too; else all are made anew.
        made_anew: encodings and predictions that were looked up and are not kept any more.
    """

    run: str
    compared: Compared
    doubled: int
    stored: str
    now: str
    processor: str
    complete: bool
    remembered: int = 0
    looked_up: bool = False
    made_anew: int = 0

    @property
    def identical(self) -> bool:
        """Every answer is kept once and came again, bit for bit."""
        return self.compared.identical and self.doubled == 0


def replay(
    workspace: Workspace,
    run: str,
    machine: Machine,
    begin: Callable[[int], None],
    progress: Callable[[int], None],
    anew: bool = False,
) -> Replayed:
    """Asks the persons of a run once more, in the same order and the same batches.

    A run that is not complete is replayed as far as it is. Failed answers that were asked for again stand in
    the batch of their person here. A batch size that was changed on the way is the last one throughout.
    Where the run used encodings that had been kept, they are looked up; what is not kept any more is encoded.

    Args:
        workspace: where the run is, open for reading alone; else encodings that are made would be kept.
        run: identifier of the run.
        machine: where models run.
        begin: called with the number of answers.
        progress: called with the number of answers after each batch.
        anew: encode everything, whatever the run used.

    Raises:
        MirrorpanelError: nobody has been asked yet.
    """
    record = workspace.record("runs", "run", run, RunRecord)
    panel, finished = workspace.rows("SELECT panel, finished FROM runs WHERE run = ?", [run])[0]
    persons = _asked(workspace, run, panel, record)
    questions = record.questions
    spec = record.spec.model_copy(update={"adapter": record.adapter})
    remembered = 0 if record.plan is None else record.plan.remembered
    answering = lineup.answering(workspace, spec, machine, anew=anew or not remembered)
    drawing: Drawing = independently
    if record.draws == "joint" and isinstance(answering.model, FactoredModel):
        drawing = Jointly(answering.model)
    distributions, drawn = runs.answers(workspace, run, persons.ids, questions)
    begin(drawn.size)
    found = Compared()
    for start in range(0, len(persons), spec.persons_at_once):
        rows = np.arange(start, min(start + spec.persons_at_once, len(persons)))
        new = answer(answering.model, persons.take(rows), questions, spec.seed, drawing)
        found = found.plus(compare([d[rows] for d in distributions], drawn[rows], new))
        progress(new.drawn.size)
    kept = answering.model.store if isinstance(answering.model, FactoredModel) else None
    return Replayed(
        run=run, compared=found, doubled=_doubled(workspace, run), stored=record.fingerprint,
        now=answering.model.fingerprint, processor=answering.processor(), complete=finished is not None,
        remembered=remembered, looked_up=kept is not None,
        made_anew=kept.made_anew if isinstance(kept, FileStore) else 0,
    )  # fmt: skip


def _asked(workspace: Workspace, run: str, panel: str, record: RunRecord) -> Panel:
    """The persons who were asked, in that order, with what was known of them."""
    persons = panels.persons(workspace, panel)
    persons = known.told(workspace, panel, persons, record.known.questions if record.known else ())
    place = {person: i for i, person in enumerate(persons.ids)}
    rows = [place[person] for person in runs.asked(workspace, run)]
    if not rows:
        raise MirrorpanelError(
            f"Run {run!r} has no answers to replay; go on with: mirrorpanel field {record.file}"
        )
    return persons.take(np.array(rows, dtype=np.int64))


def _doubled(workspace: Workspace, run: str) -> int:
    return int(
        workspace.value(
            "SELECT count(*) - count(DISTINCT (person, question)) FROM answers WHERE run = ?", [run]
        )
    )
