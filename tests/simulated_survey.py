"""A survey whose truth is known: topics of two families, opinions that depend on age, in opposite ways."""

from typing import NamedTuple

import numpy as np

from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray
from personas.panel import UNKNOWN, Panel, from_columns
from personas.question import Question

OPTIONS = ("too little", "about right", "too much")
TOPICS = {
    "nature": ("rivers", "forests", "birds", "lakes", "meadows", "whales", "parks", "bees"),
    "army": ("tanks", "soldiers", "barracks", "missiles", "ships", "planes", "radar", "helmets"),
}
LEVELS = {
    "age": ("18 to 34 years", "35 to 54 years", "55 years or more"),
    "sex": ("female", "male"),
    "pet": ("cat", "dog"),
}


class Survey(NamedTuple):
    """People, their answers, and how they answer in truth: (n_people, n_options) for each question."""

    people: Panel
    answers: Answers
    truth: tuple[FloatArray, ...]


def questions(scale: str = "ordinal") -> tuple[Question, ...]:
    """One question about each topic."""
    return tuple(
        Question(
            name=topic, text=f"Money for {family}: what do you say of {topic}?", options=OPTIONS, scale=scale
        )
        for family, topics in TOPICS.items()
        for topic in topics
    )


def survey(
    n_people: int, seed: int, strength: float = 1.0, missing: float = 0.2, prefix: str = "person"
) -> Survey:
    """Simulated people. ``strength`` scales what age does; sex does a little of it, pets do nothing."""
    rng = np.random.default_rng(seed)
    asked = questions()
    columns = {name: [str(v) for v in rng.choice(values, n_people)] for name, values in LEVELS.items()}
    people = from_columns([f"{prefix}{i}" for i in range(n_people)], columns, rng.uniform(0.5, 1.5, n_people))
    people.codes[rng.random(n_people) < 0.05, 0] = UNKNOWN
    own = np.random.default_rng(77).normal(0.0, 0.25, (len(asked), 3))
    truth: list[FloatArray] = []
    for place, question in enumerate(asked):
        side = 1.0 if question.name in TOPICS["nature"] else -1.0
        age = np.where(people.codes[:, 0] == UNKNOWN, 0.0, 1.0 - people.codes[:, 0])
        lean = strength * side * (age + 0.4 * (0.5 - people.codes[:, 1]))
        logits = np.array([1.2, 0.4, 0.0]) * side + own[place] + lean[:, None] * np.array([1.0, 0.0, -1.0])
        odds = np.exp(logits)
        truth.append(odds / odds.sum(axis=1, keepdims=True))
    chosen = np.stack([(t.cumsum(axis=1) < rng.random((n_people, 1))).sum(axis=1) for t in truth], axis=1)
    chosen[rng.random(chosen.shape) < missing] = NO_ANSWER
    return Survey(people, Answers(asked, chosen.astype(np.int64)), tuple(truth))


def log_score(distributions: list[FloatArray], answers: Answers) -> float:
    """Mean log-probability of the answers given."""
    total, number = 0.0, 0
    for column, distribution in zip(answers.chosen.T, distributions, strict=True):
        rows = np.flatnonzero(column != NO_ANSWER)
        total += float(np.log(distribution[rows, column[rows]]).sum())
        number += len(rows)
    return total / number
