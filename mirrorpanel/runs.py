"""Runs in a workspace: the answers of a fielding, written in batches and read back."""

import hashlib
import json
from collections.abc import Sequence

import numpy as np

from mirrorpanel import arrow
from mirrorpanel.records import PlanRecord, RunRecord
from mirrorpanel.store import Workspace, now
from personas.answer import NO_ANSWER
from personas.arrays import FloatArray, IntArray
from personas.question import Question
from validation.field import AnswerBatch
from validation.stopping import Stopped, Watch


def identifier(record: RunRecord, panel: str) -> str:
    """Study and hash of all that the answers depend on; how they are batched does not count.

    Known answers follow from the panel and the questions that they are to. A rule that is looked at after
    each batch depends on how large batches are, so that they count there.
    """
    spec = record.spec.model_dump(mode="json", exclude={"batch", "segments", "known", "draws", "until"})
    until = record.spec.until
    if until is not None:
        spec["until"] = until.model_dump(mode="json")
        spec["batch"] = None if until.persons is not None else record.spec.batch
    known = record.known.questions if record.known else ()
    asked, told = ([q.fingerprint for q in part] for part in (record.questions, known))
    content = json.dumps([spec, panel, record.fingerprint, asked, told, record.draws])
    return f"{record.spec.study}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def start(workspace: Workspace, run: str, panel: str, record: RunRecord) -> None:
    """Makes the run known; one that is known becomes the newest, with the segments its file names now.

    How it was stopped stays.
    """
    moment = workspace.moment("runs")
    if known(workspace, run):
        before = workspace.record("runs", "run", run, RunRecord)
        record = record.model_copy(update={"stopped": before.stopped, "plan": record.plan or before.plan})
        with workspace.transaction("field", f"{run} started again"):
            workspace.connection.execute(
                "UPDATE runs SET created = ?, record = ? WHERE run = ?",
                [moment, record.model_dump_json(), run],
            )
        return
    with workspace.transaction("field", f"{run} started"):
        row = [run, record.spec.study, panel, moment, record.model_dump_json()]
        workspace.connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, NULL, 0, '', ?)", row)


def keep_plan(workspace: Workspace, run: str, plan: PlanRecord) -> None:
    """Puts what a fielding took beside what it was expected to take."""
    record = workspace.record("runs", "run", run, RunRecord).model_copy(update={"plan": plan})
    with workspace.transaction("field", f"{run} held against its plan"):
        workspace.connection.execute(
            "UPDATE runs SET record = ? WHERE run = ?", [record.model_dump_json(), run]
        )


def known(workspace: Workspace, run: str) -> bool:
    """Whether the workspace has the run."""
    return bool(workspace.value("SELECT count(*) FROM runs WHERE run = ?", [run]))


def asked(workspace: Workspace, run: str) -> tuple[str, ...]:
    """Persons of a run who have been asked, in the order in which they were."""
    found = workspace.columns("SELECT person FROM asked WHERE run = ? ORDER BY rowid", [run])
    return tuple(arrow.strings(found, "person"))


def outcomes(workspace: Workspace, run: str) -> dict[str, int]:
    """Answers of a run under ``answered``, and how many did not come for each outcome."""
    answered = int(workspace.value("SELECT count(*) FROM answers WHERE run = ?", [run]))
    missing = workspace.rows(
        "SELECT outcome, count(*) FROM missing WHERE run = ? GROUP BY 1 ORDER BY 1", [run]
    )
    return {"answered": answered, **{str(outcome): int(n) for outcome, n in missing}}


def reason(workspace: Workspace, run: str) -> str | None:
    """What came most often in place of the answers that failed; ``None`` where none did."""
    found = workspace.value(
        "SELECT reply FROM missing WHERE run = ? AND outcome = 'failed' GROUP BY 1 "
        "ORDER BY count(*) DESC, 1 LIMIT 1",
        [run],
    )
    return None if found is None else str(found)


def finish(
    workspace: Workspace, run: str, processor: str, seconds: float, stopped: Stopped | None = None
) -> None:
    """Marks a run as complete, ``seconds`` after its last batch; one complete before stays as it is.

    ``stopped`` says how it ended where its study could stop early.
    """
    if workspace.value("SELECT finished FROM runs WHERE run = ?", [run]) is not None:
        return
    record = workspace.record("runs", "run", run, RunRecord).model_copy(update={"stopped": stopped})
    with workspace.transaction("field", f"{run} complete"):
        workspace.connection.execute(
            "UPDATE runs SET finished = ?, processor = ?, seconds = seconds + ?, record = ? WHERE run = ?",
            [now(), processor, seconds, record.model_dump_json(), run],
        )


class RunSink:
    """Keeps the answers of one run; see ``validation.field.AnswerSink``."""

    def __init__(self, workspace: Workspace, run: str) -> None:
        self.workspace, self.run = workspace, run

    def done(self) -> set[str]:
        """Persons who have been asked."""
        return {r[0] for r in self.workspace.rows("SELECT person FROM asked WHERE run = ?", [self.run])}

    def failed(self) -> list[tuple[str, str]]:
        """Person and question of each answer that is worth asking for again."""
        found = self.workspace.rows(
            "SELECT person, question FROM missing WHERE run = ? AND outcome = 'failed' ORDER BY 2, 1",
            [self.run],
        )
        return [(str(person), str(question)) for person, question in found]

    def write(self, batch: AnswerBatch) -> None:
        """One transaction: all answers of the batch, what is missing, and the time they took.

        Raises:
            duckdb.ConstraintException: one of the persons has been asked before.
        """
        answers = len(batch.persons) * len(batch.questions) - len(batch.missing)
        with self.workspace.transaction("field", f"{self.run} +{answers} answers"):
            self.workspace.insert(
                "asked", {"run": [self.run] * len(batch.persons), "person": list(batch.persons)}
            )
            self._keep(batch)

    def mend(self, batch: AnswerBatch) -> None:
        """One transaction: what came of asking once more for answers that had failed."""
        with self.workspace.transaction("field", f"{self.run} asked again"):
            asked = {"person": list(batch.persons)}
            self.workspace.insert_temporary("again", asked)
            self.workspace.connection.execute(
                "DELETE FROM missing WHERE run = ? AND question IN (SELECT unnest(?)) "
                "AND person IN (SELECT person FROM again)",
                [self.run, [q.name for q in batch.questions]],
            )
            self._keep(batch)

    def _keep(self, batch: AnswerBatch) -> None:
        if len(batch.persons):
            self.workspace.insert("answers", self._columns(batch))
        if batch.missing:
            self.workspace.insert(
                "missing",
                {
                    "run": [self.run] * len(batch.missing),
                    "person": [batch.persons[m.person] for m in batch.missing],
                    "question": [batch.questions[m.question].name for m in batch.missing],
                    "outcome": [m.outcome for m in batch.missing],
                    "reply": [m.text for m in batch.missing],
                },
            )
        self.workspace.connection.execute(
            "UPDATE runs SET seconds = seconds + ? WHERE run = ?", [batch.seconds, self.run]
        )

    def _columns(self, batch: AnswerBatch) -> dict[str, object]:
        """The answers that came as columns, question by question."""
        came = [np.flatnonzero(batch.drawn[:, j] != NO_ANSWER) for j in range(len(batch.questions))]
        persons = np.concatenate(came)
        questions = np.repeat(np.arange(len(came)), [len(rows) for rows in came])
        return {
            "run": arrow.repeated([self.run], np.zeros_like(persons)),
            "person": arrow.repeated(batch.persons, persons),
            "question": arrow.repeated([q.name for q in batch.questions], questions),
            "option": np.concatenate([batch.drawn[rows, j] for j, rows in enumerate(came)]).astype(np.int32),
            "distribution": arrow.joined(
                [arrow.lists(d[rows]) for d, rows in zip(batch.distributions, came, strict=True)]
            ),
        }


class WatchedSink(RunSink):
    """Keeps the answers of one run and shows each batch to a rule, those of before first."""

    def __init__(self, workspace: Workspace, run: str, questions: Sequence[Question], watch: Watch) -> None:
        super().__init__(workspace, run)
        self.watch = watch
        before = asked(workspace, run)
        watch.add(before, drawn(workspace, run, before, questions))

    def write(self, batch: AnswerBatch) -> None:
        """See ``RunSink``."""
        super().write(batch)
        self.watch.add(batch.persons, batch.drawn)


def drawn(workspace: Workspace, run: str, persons: Sequence[str], questions: Sequence[Question]) -> IntArray:
    """Options drawn, (n_persons, n_questions); ``NO_ANSWER`` where none came."""
    found = np.full((len(persons), len(questions)), NO_ANSWER, dtype=np.int64)
    for j, question in enumerate(questions):
        columns = workspace.columns(
            "SELECT person, option FROM answers WHERE run = ? AND question = ?", [run, question.name]
        )
        rows = arrow.coded(columns, "person", persons)
        found[rows[rows >= 0], j] = arrow.integers(columns, "option")[rows >= 0]
    return found


def answers(
    workspace: Workspace, run: str, persons: Sequence[str], questions: Sequence[Question]
) -> tuple[list[FloatArray], IntArray]:
    """Distributions for each question, (n_persons, n_options), and draws, (n_persons, n_questions).

    An answer that did not come is NaN among the distributions and ``NO_ANSWER`` among the draws.
    """
    distributions: list[FloatArray] = []
    drawn = np.full((len(persons), len(questions)), NO_ANSWER, dtype=np.int64)
    for j, question in enumerate(questions):
        found = workspace.columns(
            "SELECT person, option, distribution FROM answers WHERE run = ? AND question = ?",
            [run, question.name],
        )
        rows = arrow.coded(found, "person", persons)
        there = rows >= 0
        ordered = np.full((len(persons), len(question.options)), np.nan)
        ordered[rows[there]] = arrow.rectangle(found, "distribution", len(question.options))[there]
        drawn[rows[there], j] = arrow.integers(found, "option")[there]
        distributions.append(ordered)
    return distributions, drawn
