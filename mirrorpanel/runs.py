"""Runs in a workspace: the answers of a fielding, written in batches and read back."""

import hashlib
import json
from collections.abc import Sequence

import numpy as np

from mirrorpanel import arrow
from mirrorpanel.records import RunRecord
from mirrorpanel.store import Workspace, now
from personas.answer import NO_ANSWER
from personas.arrays import FloatArray, IntArray
from personas.question import Question
from validation.field import AnswerBatch


def identifier(record: RunRecord, panel: str) -> str:
    """Study and hash of all that the answers depend on; how they are batched does not count.

    Known answers follow from the panel and the questions that they are to.
    """
    spec = record.spec.model_dump(mode="json", exclude={"batch", "segments", "known", "draws"})
    known = record.known.questions if record.known else ()
    asked, told = ([q.fingerprint for q in part] for part in (record.questions, known))
    content = json.dumps([spec, panel, record.fingerprint, asked, told, record.draws])
    return f"{record.spec.study}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def start(workspace: Workspace, run: str, panel: str, record: RunRecord) -> None:
    """Makes the run known; one that is known becomes the newest, with the segments its file names now."""
    if workspace.value("SELECT count(*) FROM runs WHERE run = ?", [run]):
        with workspace.transaction("field", f"{run} started again"):
            workspace.connection.execute(
                "UPDATE runs SET created = ?, record = ? WHERE run = ?",
                [now(), record.model_dump_json(), run],
            )
        return
    with workspace.transaction("field", f"{run} started"):
        row = [run, record.spec.study, panel, now(), record.model_dump_json()]
        workspace.connection.execute("INSERT INTO runs VALUES (?, ?, ?, ?, NULL, 0, '', ?)", row)


def outcomes(workspace: Workspace, run: str) -> dict[str, int]:
    """Answers of a run under ``answered``, and how many did not come for each outcome."""
    answered = int(workspace.value("SELECT count(*) FROM answers WHERE run = ?", [run]))
    missing = workspace.rows(
        "SELECT outcome, count(*) FROM missing WHERE run = ? GROUP BY 1 ORDER BY 1", [run]
    )
    return {"answered": answered, **{str(outcome): int(n) for outcome, n in missing}}


def finish(workspace: Workspace, run: str, processor: str, seconds: float) -> None:
    """Marks a run as complete, ``seconds`` after its last batch; one complete before stays as it is."""
    if workspace.value("SELECT finished FROM runs WHERE run = ?", [run]) is not None:
        return
    with workspace.transaction("field", f"{run} complete"):
        workspace.connection.execute(
            "UPDATE runs SET finished = ?, processor = ?, seconds = seconds + ? WHERE run = ?",
            [now(), processor, seconds, run],
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


def answers(
    workspace: Workspace, run: str, persons: Sequence[str], questions: Sequence[Question]
) -> tuple[list[FloatArray], IntArray]:
    """Distributions for each question, (n_persons, n_options), and draws, (n_persons, n_questions).

    An answer that did not come is NaN among the distributions and ``NO_ANSWER`` among the draws.
    """
    place = {person: i for i, person in enumerate(persons)}
    distributions: list[FloatArray] = []
    drawn = np.full((len(persons), len(questions)), NO_ANSWER, dtype=np.int64)
    for j, question in enumerate(questions):
        found = workspace.columns(
            "SELECT person, option, distribution FROM answers WHERE run = ? AND question = ?",
            [run, question.name],
        )
        rows = np.array([place[p] for p in arrow.strings(found, "person")], dtype=np.int64)
        ordered = np.full((len(persons), len(question.options)), np.nan)
        ordered[rows] = arrow.rectangle(found, "distribution", len(question.options))
        drawn[rows, j] = arrow.integers(found, "option")
        distributions.append(ordered)
    return distributions, drawn
