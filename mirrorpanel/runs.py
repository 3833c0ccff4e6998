"""Runs in a workspace: the answers of a fielding, written in batches and read back."""

import hashlib
import json
from collections.abc import Sequence

import numpy as np

from mirrorpanel import arrow
from mirrorpanel.records import RunRecord
from mirrorpanel.store import Workspace, now
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
        """Persons whose answers are kept."""
        return {
            r[0] for r in self.workspace.rows("SELECT DISTINCT person FROM answers WHERE run = ?", [self.run])
        }

    def write(self, batch: AnswerBatch) -> None:
        """One transaction: all answers of the batch and the time they took."""
        n = len(batch.persons)
        with self.workspace.transaction("field", f"{self.run} +{n * len(batch.questions)} answers"):
            for j, question in enumerate(batch.questions):
                self.workspace.insert(
                    "answers",
                    {
                        "run": [self.run] * n,
                        "person": list(batch.persons),
                        "question": [question.name] * n,
                        "option": batch.drawn[:, j],
                        "distribution": arrow.lists(batch.distributions[j]),
                    },
                )
            self.workspace.connection.execute(
                "UPDATE runs SET seconds = seconds + ? WHERE run = ?", [batch.seconds, self.run]
            )


def answers(
    workspace: Workspace, run: str, persons: Sequence[str], questions: Sequence[Question]
) -> tuple[list[FloatArray], IntArray]:
    """Distributions for each question, (n_persons, n_options), and draws, (n_persons, n_questions)."""
    place = {person: i for i, person in enumerate(persons)}
    distributions: list[FloatArray] = []
    drawn = np.empty((len(persons), len(questions)), dtype=np.int64)
    for j, question in enumerate(questions):
        found = workspace.columns(
            "SELECT person, option, distribution FROM answers WHERE run = ? AND question = ?",
            [run, question.name],
        )
        rows = np.array([place[p] for p in arrow.strings(found, "person")], dtype=np.int64)
        ordered = np.empty((len(persons), len(question.options)))
        ordered[rows] = arrow.rectangle(found, "distribution", len(question.options))
        drawn[rows, j] = arrow.integers(found, "option")
        distributions.append(ordered)
    return distributions, drawn
