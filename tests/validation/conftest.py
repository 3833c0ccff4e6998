"""A small world whose truth is known: what people answer depends on age and sex, in known ways."""

from dataclasses import dataclass

import numpy as np
import pytest

from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray, IntArray
from personas.panel import UNKNOWN, Panel, from_columns
from personas.question import Question
from validation import baselines
from validation.scored import Scored


@dataclass(frozen=True)
class World:
    """True log odds of options: ``base`` (n_questions, n_options), ``effects`` of each attribute level."""

    questions: tuple[Question, ...]
    base: FloatArray
    effects: dict[str, FloatArray]
    levels: dict[str, tuple[str, ...]]
    name: str = "truth"
    fingerprint: str = "truth"

    def distributions(self, panel, questions):
        logits = np.broadcast_to(self.base, (len(panel), *self.base.shape)).copy()
        for a, name in enumerate(panel.attributes):
            known = panel.codes[:, a] != UNKNOWN
            logits[known] += self.effects[name][panel.codes[known, a]]
        odds = np.exp(logits)
        table = odds / odds.sum(axis=2, keepdims=True)
        return [table[:, self.questions.index(q)] for q in questions]

    def panel(self, size, prefix, rng, weighted=False) -> Panel:
        columns = {a: [v[i] for i in rng.integers(0, len(v), size)] for a, v in self.levels.items()}
        weights = rng.uniform(0.5, 2.0, size) if weighted else np.ones(size)
        return from_columns([f"{prefix}{i}" for i in range(size)], columns, weights)

    def draws(self, panel, rng) -> IntArray:
        parts = self.distributions(panel, self.questions)
        return np.stack([(p.cumsum(axis=1) < rng.random((len(panel), 1))).sum(axis=1) for p in parts], axis=1)

    def answers(self, panel, rng, missing=0.0) -> Answers:
        chosen = self.draws(panel, rng)
        chosen[rng.random(chosen.shape) < missing] = NO_ANSWER
        return Answers(self.questions, chosen)

    def scored(self, panel) -> Scored:
        return Scored(panel, self.questions, tuple(self.distributions(panel, self.questions)))

    def baselines(self, panel, train, train_answers, seen, rng) -> dict[str, Scored]:
        known = [q for q in self.questions if q.name in seen]
        return {
            "uniform": baselines.uniform(panel, self.questions),
            "item_share": baselines.item_share(panel, known, train_answers.only(seen), train.weights),
            "empty_persona": baselines.empty_persona(self, panel, self.questions),
            "shuffled_persona": baselines.shuffled_persona(self, panel, self.questions, rng),
        }


@pytest.fixture
def world() -> World:
    rng = np.random.default_rng(7)
    levels = {"age": ("18-34", "35-54", "55+"), "sex": ("female", "male")}
    questions = tuple(
        Question(name=f"q{i}", text=f"Question {i}?", options=("too little", "right", "too much"))
        for i in range(12)
    )
    effects = {a: rng.normal(0, 0.8, (len(v), 12, 3)) for a, v in levels.items()}
    return World(questions, rng.normal(0, 0.5, (12, 3)), effects, levels)
