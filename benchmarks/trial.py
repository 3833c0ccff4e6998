"""A run in a workspace that goes again: where a benchmark stores answers as the command does."""

import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from mirrorpanel import runs, store
from mirrorpanel.records import RunRecord
from mirrorpanel.store import FILE, Workspace
from personas.models.base import AnswerModel
from personas.question import Question
from validation.study import StudySpec

_PANEL = "spending"


class Trial(NamedTuple):
    """A new workspace, and a run in it that has been started and has no answer yet."""

    folder: Path
    workspace: Workspace
    run: str

    def sink(self) -> runs.RunSink:
        """What writes the answers of the run."""
        return runs.RunSink(self.workspace, self.run)

    def size(self) -> int:
        """Bytes of the database once everything is in its file."""
        self.workspace.connection.execute("CHECKPOINT")
        return (self.folder / FILE).stat().st_size


@contextmanager
def trial(model: AnswerModel, questions: tuple[Question, ...]) -> Generator[Trial]:
    """A run of these questions in an empty workspace, which is removed at the end of the block."""
    spec = StudySpec(study="benchmark", panel=_PANEL, model="benchmark")
    record = RunRecord(
        spec=spec, file="study.yaml", questions=questions, model=model.name, fingerprint=model.fingerprint,
        adapter=None, split=None, masked={},
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store.create(folder)
        with Workspace(folder) as workspace:
            run = runs.identifier(record, _PANEL)
            runs.start(workspace, run, _PANEL, record)
            yield Trial(folder, workspace, run)
