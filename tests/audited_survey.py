"""Material for the audit before a training, sound unless a test spoils it."""

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
from simulated_survey import survey

from grounding.privacy.pii import Gate
from grounding.privacy.protection import SourceRecord
from grounding.privacy.spec import Protection, SpecialCategories
from personas.answer import Answers
from personas.arrays import IntArray
from personas.question import Question
from training.audit.material import Material

TODAY = date(2026, 11, 21)
TOPICS = {
    "tea": "How often do you drink tea at breakfast?",
    "opera": "Would you travel abroad to hear an opera?",
    "bus": "Is the bus to your workplace usually late?",
    "garden": "Who waters the plants of your neighbours?",
}
AGREE = ("strongly agree", "agree", "neither agree nor disagree", "disagree", "strongly disagree")
SOURCE = SourceRecord(
    name="own", kind="survey", origin="own.csv", licence="own", protection=Protection(anonymous="invented")
)


def material(**changes: Any) -> Material:
    """400 people, of whom every fifth is held out, and 16 questions in which age speaks."""
    world = survey(400, seed=3)
    made = Material(
        people=world.people,
        answers=world.answers,
        attributes=world.people.attributes,
        trained=np.arange(400) % 5 > 0,
        held_out=(),
        seconds=np.random.default_rng(1).uniform(500, 900, 400),
        kinds={name: ("observed",) for name in world.people.attributes},
        sources=(SOURCE,),
        special=SpecialCategories(),
        gate=Gate(),
        today=TODAY,
    )
    return replace(made, **changes)


def question(name: str, text: str, options: tuple[str, ...] = AGREE, scale: str = "ordinal") -> Question:
    """A question."""
    return Question(name=name, text=text, options=options, scale=scale)  # pyright: ignore[reportArgumentType]


def asked(questions: list[Question], chosen: IntArray) -> Material:
    """Sound people with other questions; ``chosen`` is (400, n_questions)."""
    return material(answers=Answers(tuple(questions), chosen))


def battery(people: int, items: int, seed: int, together: float = 0.6, against: int = 0) -> Answers:
    """Agreement with statements that share one attitude; ``against`` of them ask the other way around."""
    rng = np.random.default_rng(seed)
    attitude = rng.standard_normal((people, 1))
    own = rng.standard_normal((people, items))
    signs = np.where(np.arange(items) < against, -1.0, 1.0)
    normal = np.sqrt(together) * attitude * signs + np.sqrt(1 - together) * own
    shift = np.random.default_rng(77).normal(0, 0.4, items)
    chosen = np.stack([np.searchsorted([-1.2, -0.3, 0.4, 1.3], x) for x in (normal + shift).T], axis=1)
    questions = tuple(
        question(f"s{i}", f"Statement number {i} about trains: do you agree?") for i in range(items)
    )
    return Answers(questions, chosen.astype(np.int64))
