"""What a training file is trained on: audited, split, and ready to be fitted to or scored on."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grounding.splits import Cell, CellName, Groups
from mirrorpanel import panels, places, sources
from mirrorpanel.records import PanelRecord
from mirrorpanel.render import audit_page
from mirrorpanel.store import Workspace
from mirrorpanel.verbs import training_audit
from mirrorpanel.verbs.training_audit import AuditedPanel
from personas import document
from personas.answer import NO_ANSWER, Answers
from personas.errors import UnknownName
from personas.panel import Panel
from training import dataset, leakage
from training.audit import audit as audits
from training.dataset import Decided, TrainingData, decided, training_data
from training.ladder.ladder import Part
from training.spec import TrainSpec

_TITLES: dict[CellName, str] = {
    "unseen_people": "People never trained on, seen questions",
    "unseen_questions": "People trained on, questions never trained on",
    "unseen_both": "People and questions never trained on",
    "unseen_segment": "The segment held out, questions trained on",
    "unseen_wave": "The wave held out, seen questions",
}
_NEW_QUESTIONS: tuple[CellName, ...] = ("unseen_questions", "unseen_both")


@dataclass(frozen=True)
class Prepared:
    """A training file with its panel, parted into what is fitted to and what is not.

    Attributes:
        spec: the file.
        panel: identifier of the panel.
        record: how it was made.
        people: all its real people, with the attributes that it has.
        answers: theirs.
        decided: the split.
        groups: who is in which part.
        data: what is fitted to.
        audited: the audit that let it through.
    """

    spec: TrainSpec
    panel: str
    record: PanelRecord
    people: Panel
    answers: Answers
    decided: Decided
    groups: Groups
    data: TrainingData
    audited: AuditedPanel

    def parts(self) -> list[Part]:
        """What a model is scored on: kinds of held-out data with at least one answer."""
        parts: list[Part] = []
        for name, title in _TITLES.items():
            cell = self.cell(name)
            rows = np.flatnonzero(cell.people & (self.people.weights > 0))
            questions = [self.answers.questions[i].name for i in np.flatnonzero(cell.questions)]
            if len(rows) and questions:
                answers = self.answers.take(rows).only(questions)
                if np.any(answers.chosen != NO_ANSWER):
                    people = self.people.take(rows).select(self.data.people.attributes)
                    parts.append(Part(name, title, people, answers, name in _NEW_QUESTIONS))
        return parts

    def cell(self, name: CellName) -> Cell:
        """The answers of one kind of novelty (``grounding.splits.Split.cell``)."""
        names = [q.name for q in self.answers.questions]
        return self.decided.split.cell(name, self.people, names, self.groups)

    def counted(self, name: CellName) -> int:
        """How many people are in that cell, whatever they weigh."""
        return int(self.cell(name).people.sum())


def prepared(workspace: Workspace, file: Path, report: Callable[[str], None]) -> Prepared:
    """Reads ``train.yaml``, audits its panel and splits it.

    Raises:
        DataError: the audit found what stops a training, or the split leaves too little.
        DocumentError, UnknownName: the file names what there is not.
    """
    spec = document.read(file, TrainSpec)
    with places.named(file, "panel"):
        panel = workspace.latest("panels", "panel", spec.panel)
        sources.refuse_expired(workspace, panel, "train")
    record = workspace.record("panels", "panel", panel, PanelRecord)
    audited = training_audit.audit(workspace, file)
    audits.refuse(audited.audit, audited.page)
    report(f"audit: {audit_page.verdict(audited.audit)} ({audited.page})")
    people, answers = panels.people(workspace, panel)
    with places.named(file, "split", "questions"):
        found = decided(spec.split, answers.questions)
    with places.named(file, "split"):
        groups = dataset.groups(found.split, people, audited.left_out)
    for line in _held_out_lines(spec, found, groups, people, len(answers.questions)):
        report(line)
    observed = [p.attribute for p in record.provenance if p.kind == "observed"]
    with places.named(file, "attributes"):
        unknown = [a for a in spec.attributes or () if a not in people.attributes]
        if unknown:
            raise UnknownName("attribute", unknown[0], list(people.attributes))
    with places.named(file, "split"):
        data = training_data(people, answers, found.split, spec.attributes or observed, audited.left_out)
    return Prepared(spec, panel, record, people, answers, found, groups, data, audited)


def _held_out_lines(
    spec: TrainSpec, found: Decided, groups: Groups, people: Panel, n_questions: int
) -> list[str]:
    """What is held out, in words, and what speaks against it."""
    names, split = found.split.questions, found.split

    def counted(name: CellName) -> str:
        return f"{int(split.cell(name, people, names, groups).people.sum()):,}"

    parts = [
        f"{counted('unseen_people')} of {len(groups.trained):,} people",
        f"{int(groups.rectification.sum()):,} kept for rectification" if split.rectification else "",
        f"{counted('unseen_segment')} more of the segment" if split.segment else "",
        f"{counted('unseen_wave')} more of the wave" if split.wave else "",
        f"{int(groups.suspects.sum()):,} left out as suspects" if groups.suspects.any() else "",
    ]
    lines = [
        f"held out before fitting: {', '.join(filter(None, parts))}, "
        f"{len(names)} of {n_questions} questions ({', '.join(names) or 'none'})"
    ]
    asked = spec.split.questions
    if isinstance(asked, int) and len(names) < asked:
        lines.append(f"batteries are held out whole: {len(names)} questions where {asked} were asked for")
    if not isinstance(asked, int) and len(names) > len(set(asked)):
        lines.append("batteries are held out whole: more questions than were named")
    return [*lines, *leakage.question_sentences(found.overlaps)]
