"""The published studies of a panel: what anchors the prior, and what answers are held against.

A study that informed the prior of a question is no proof of the answers to it, and is never counted as one.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from grounding.sources import toplines as published
from grounding.sources.toplines import Anchor, Unused
from grounding.sources.toplines_spec import Toplines
from mirrorpanel import panels, runs
from mirrorpanel.records import AdapterRecord, AnchorRecord, PanelRecord, RunRecord
from mirrorpanel.store import Workspace
from personas.answer import Answers
from personas.question import Question
from validation import toplines
from validation.toplines import ToplinesResult


class Study(NamedTuple):
    """A published study, and whether the grounding file lets it inform the prior."""

    toplines: Toplines
    anchor: bool


class Anchoring(NamedTuple):
    """Anchors of some questions, and the published questions that are none of these, with the reasons."""

    anchors: tuple[Anchor, ...]
    unused: tuple[Unused, ...]


def of(workspace: Workspace, panel: str) -> tuple[Study, ...]:
    """The studies of a panel, in the order of its grounding file."""
    spec = workspace.record("panels", "panel", panel, PanelRecord).spec
    found = workspace.rows("SELECT record FROM toplines WHERE panel = ? ORDER BY place", [panel])
    return tuple(
        Study(Toplines.model_validate_json(row[0]), study.anchor)
        for row, study in zip(found, spec.studies, strict=True)
    )


def anchors(workspace: Workspace, panel: str, questions: Sequence[Question]) -> Anchoring:
    """Published shares of these questions, of the studies that may inform the prior."""
    found = [published.anchors(s.toplines, questions) for s in of(workspace, panel) if s.anchor]
    return Anchoring(
        tuple(anchor for one in found for anchor in one.anchors),
        tuple(unused for one in found for unused in one.unused),
    )


def recorded(found: Sequence[Anchor]) -> tuple[AnchorRecord, ...]:
    """The anchors as an adapter's record keeps them."""
    return tuple(
        AnchorRecord(
            question=a.question, source=a.source, shares=tuple(a.shares.tolist()), n_effective=a.n_effective
        )
        for a in found
    )


def kept(adapter: AdapterRecord | None) -> tuple[Anchor, ...]:
    """The anchors that an adapter was fitted with; none where nothing was trained."""
    if adapter is None:
        return ()
    return tuple(
        Anchor(a.question, np.array(a.shares, dtype=np.float64), a.n_effective, a.source)
        for a in adapter.anchors
    )


def compared(
    workspace: Workspace, run: str, panel: str, record: RunRecord, used: Sequence[Anchor]
) -> tuple[ToplinesResult, ...]:
    """A run's answers against each published study that has one of its questions.

    Args:
        workspace: with the answers.
        run: a complete run.
        panel: that it was fielded to.
        record: of the run.
        used: anchors of the model that answered; they are shown, and count for nothing.
    """
    found = of(workspace, panel)
    if not found:
        return ()
    persons = panels.persons(workspace, panel)
    _, drawn = runs.answers(workspace, run, persons.ids, record.questions)
    answers = Answers(record.questions, drawn)
    results: list[ToplinesResult] = []
    for place, study in enumerate(found):
        rng = np.random.default_rng([record.spec.seed, place])
        known = {a.question for a in used if a.source == study.toplines.source}
        result = toplines.against(study.toplines, answers, persons, rng, anchored=known)
        results += [result] if result.results else []
    return tuple(results)
