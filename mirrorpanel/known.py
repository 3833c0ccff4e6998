"""What persons are known to have answered: the real answers of the people whom they mirror.

These answers are looked up where they are needed and are neither printed nor written anywhere again; a run
keeps which questions they are to, and how many there are.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mirrorpanel import panels
from mirrorpanel.records import KnownRecord
from mirrorpanel.store import Workspace
from personas.answer import NO_ANSWER
from personas.panel import Panel
from personas.question import Question
from personas.wording import counted
from training import leakage

_SHOWN = 3


def told(workspace: Workspace, panel: str, persons: Panel, questions: Sequence[Question]) -> Panel:
    """The persons with what the people whom they mirror really answered to these questions.

    Where these gave no answer, nothing is known; no questions leave the persons as they are.
    """
    if not questions:
        return persons
    _, answers = panels.people(workspace, panel)
    mirrored = panels.mirrored(workspace, panel)
    return replace(persons, known=answers.only([q.name for q in questions]).take(mirrored))


def recorded(persons: Panel, asked: Sequence[Question]) -> KnownRecord | None:
    """What a run keeps of the persons' known answers; ``None`` where there are none to be known."""
    if persons.known is None:
        return None
    given = persons.known.chosen != NO_ANSWER
    pairs = leakage.question_overlaps([*persons.known.questions, *asked], [q.name for q in asked])
    return KnownRecord(
        questions=persons.known.questions,
        persons=int(np.any(given, axis=1).sum()),
        answers=int(given.sum()),
        alike=tuple((p.trained, p.held_out) for p in pairs if p.kind in ("exact", "near-duplicate")),
    )


def sentences(found: KnownRecord | None, persons: int) -> tuple[str, ...]:
    """What is known of how many of the persons, and where that gives away what is asked."""
    if found is None:
        return ()
    first = (
        f"{counted(found.answers, 'real answer')} of {found.persons:,} of {counted(persons, 'person')} to "
        f"{counted(len(found.questions), 'question')} that the study does not ask condition the others."
    )
    if not found.alike:
        return (first,)
    shown = ", ".join(f"{known} and {asked}" for known, asked in found.alike[:_SHOWN])
    more = f" and {len(found.alike) - _SHOWN:,} more pairs" if len(found.alike) > _SHOWN else ""
    return (
        first,
        f"Known is nearly the same as asked in {shown}{more}: agreement on these questions says little of "
        "others.",
    )
