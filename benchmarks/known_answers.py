"""What knowing some answers of a person is worth for the others."""

import numpy as np

from benchmarks import fitting, scoring
from benchmarks.fitting import Fit
from benchmarks.held_out import Part
from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray, IntArray

OTHERS = 20
"""Answers beside the known ones that a person must have given."""


def figures(fit: Fit, test: Part, known: int, name: str, rng: np.random.Generator) -> dict[str, float]:
    """Signal with ``known`` answers of each person given, on all other answers of the same people.

    Which answers are given is drawn for each person; ``without`` is the signal on the same answers with
    none given. Nothing where too few people have answered so much.
    """
    given = (test.answers.chosen != NO_ANSWER).sum(axis=1)
    rows = np.flatnonzero(given >= known + OTHERS)
    if len(rows) < 30:
        return {}
    part = test.take(rows)
    told, left = _parted(part.answers.chosen, known, rng)
    questions = part.answers.questions
    rest = Part(part.people, Answers(questions, left))
    with_known = fitting.with_known_answers(fit, part.people, Answers(questions, told))
    without: list[FloatArray] = scoring.distributions(fit.model, rest)
    return {
        f"signal_{name}_answers": scoring.signal(with_known, rest),
        f"signal_{name}_answers_all_ordered": scoring.signal_all_ordered(with_known, rest),
        f"signal_{name}_answers_without": scoring.signal(without, rest),
        f"log_loss_{name}_answers": scoring.log_loss(with_known, rest),
        f"log_loss_{name}_answers_without": scoring.log_loss(without, rest),
    }


def _parted(chosen: IntArray, known: int, rng: np.random.Generator) -> tuple[IntArray, IntArray]:
    """The answers that are told and those that are left, both of the shape of ``chosen``."""
    keys = np.where(chosen != NO_ANSWER, rng.random(chosen.shape), 2.0)
    told = keys.argsort(axis=1).argsort(axis=1) < known
    return np.where(told, chosen, NO_ANSWER), np.where(told, NO_ANSWER, chosen)
