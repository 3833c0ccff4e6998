"""People of a segment or wave that an adapter holds out: compared with its persons, and with nobody else."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

import numpy as np

from grounding import splits
from mirrorpanel import panels, trained
from mirrorpanel.records import Apart, RunRecord, SplitRecord
from mirrorpanel.store import Workspace
from personas.answer import NO_ANSWER, Answers
from personas.arrays import BoolArray, IntArray
from personas.panel import Panel
from personas.question import Question
from validation.agreement import agreement
from validation.results import Status, StatusResult
from validation.scored import Scored
from validation.segments import SMALLEST_BASE

_Part = Literal["unseen_segment", "unseen_wave"]
Beside = Callable[[Panel, Sequence[Question]], Mapping[str, Scored]]
"""Baselines for persons and questions; ``uniform`` is among them."""


def inside(split: SplitRecord | None, persons: Panel) -> tuple[BoolArray, BoolArray]:
    """Which persons are of the segment held out, and which of the wave, each of shape (n_persons,)."""
    if split is None:
        nobody = np.zeros(len(persons), dtype=np.bool_)
        return nobody, nobody
    rule = trained.rule(split, persons)
    segment = splits.members(persons, rule.segment, "split.segment")
    return segment, splits.members(persons, rule.wave, "split.wave")


def who(chosen: Mapping[str, Sequence[str]]) -> str:
    """Of whom a segment or wave is made, in words: ``Region Westen``."""
    return " and ".join(
        f"{a.replace('_', ' ')} {' or '.join(levels)}" for a, levels in sorted(chosen.items())
    )


def note(split: SplitRecord | None) -> tuple[str, ...]:
    """That those held out for what they are are in no figure but their own; nothing where there are none."""
    if split is None:
        return ()
    held = [who(chosen) for chosen in (split.segment, split.wave) if chosen]
    if not held:
        return ()
    return (
        f"Held out for what they are, and in no figure but their own, persons and people: {'; '.join(held)}.",
    )


def agreements(
    workspace: Workspace,
    panel: str,
    record: RunRecord,
    answered: tuple[Scored, IntArray],
    status: Mapping[str, Status],
    beside: Beside,
) -> tuple[Apart, ...]:
    """Agreement within the segment, and within the wave, of which nobody was trained on.

    Over the questions trained on; who is of both is in neither.

    Args:
        workspace: where the panel is.
        panel: the panel of the run.
        record: of the run.
        answered: what all persons say, and their draws, (n_persons, n_questions).
        status: what was held out of each question.
        beside: the baselines.
    """
    split = record.split
    if split is None:
        return ()
    people, answers = panels.people(workspace, panel)
    seen = [name for name, of in status.items() if of == "unseen_people"]
    segment, wave = inside(split, answered[0].panel)
    parts: tuple[tuple[_Part, Mapping[str, Sequence[str]], BoolArray], ...] = (
        ("unseen_segment", split.segment, segment & ~wave),
        ("unseen_wave", split.wave, wave & ~segment),
    )
    found: list[Apart] = []
    for part, chosen, rows in parts:
        if not chosen:
            continue
        cell = trained.cell(workspace, str(record.adapter), split, part, people, ()).people
        held = people.take(cell), answers.take(np.flatnonzero(cell)).only(seen)
        result = None
        if rows.any() and _enough(*held):
            scored = answered[0].take(rows).only(seen)
            columns = [answered[0].names.index(name) for name in seen]
            draws = answered[1][rows][:, columns]
            result = _result(scored, draws, held, beside, record.spec.seed)
        found.append(
            Apart(
                part=part, who=who(chosen), people=len(held[0]), persons=int(rows.sum()), result=result
            )
        )  # fmt: skip
    return tuple(found)


def _enough(people: Panel, answers: Answers) -> bool:
    """Whether some question has people enough to compare with."""
    given = (answers.chosen != NO_ANSWER) & (people.weights > 0)[:, None]
    return int(given.sum(axis=0).max(initial=0)) >= SMALLEST_BASE


def _result(
    scored: Scored, draws: IntArray, held: tuple[Panel, Answers], beside: Beside, seed: int
) -> StatusResult:
    status: dict[str, Status] = dict.fromkeys(scored.names, "unseen_people")
    found = agreement(
        model=scored, baselines=beside(scored.panel, scored.questions), people=held[0], answers=held[1],
        status=status, segments=(), draws=draws, mirrored={}, seed=seed, smallest_base=SMALLEST_BASE,
    )  # fmt: skip
    return found.statuses[0]
