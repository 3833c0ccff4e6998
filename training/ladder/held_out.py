"""Held-out answers, ready to be measured on: what all rungs of the ladder share."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from personas.answer import NO_ANSWER, Answers
from personas.arrays import BoolArray, FloatArray, IntArray
from personas.measures import bootstrap, ceilings, distances, scores
from personas.measures.bootstrap import Sample
from personas.panel import Panel

SMALLEST_BASE = 20
"""Fewest real answers to a question that its shares are compared from."""


@dataclass(frozen=True)
class HeldOut:
    """Real people and their answers that no rung has seen, ready to be measured on.

    Attributes:
        people: with their weights.
        answers: theirs.
        cells: cell of people alike for the ratios of spread, shape (n_people,); -1 for none.
        replicates: bootstrap samples.
        seed: of these.
    """

    people: Panel
    answers: Answers
    cells: IntArray
    replicates: int = 300
    seed: int = 1

    def take(self, rows: IntArray, names: Sequence[str]) -> "HeldOut":
        """Some of the people and some of the questions."""
        kept = self.answers.take(rows).only(names)
        return HeldOut(self.people.take(rows), kept, self.cells[rows], self.replicates, self.seed)

    @property
    def weights(self) -> FloatArray:
        """Of the people."""
        return self.people.weights

    @cached_property
    def given(self) -> BoolArray:
        """Which answers there are, shape (n_people, n_questions)."""
        return (self.answers.chosen != NO_ANSWER) & (self.weights > 0)[:, None]

    @cached_property
    def enough(self) -> list[int]:
        """Places of the questions with enough answers to compare shares."""
        return [i for i, n in enumerate(self.given.sum(axis=0)) if n >= SMALLEST_BASE]

    @cached_property
    def drawn(self) -> FloatArray:
        """How often each person is in each bootstrap sample, shape (replicates, n_people)."""
        return bootstrap.counts(len(self.people), self.replicates, np.random.default_rng(self.seed))

    @cached_property
    def sample(self) -> Sample:
        """Answers to the questions with enough of them."""
        return Sample.of(self.answers, self.weights).only(np.array(self.enough))

    @cached_property
    def real(self) -> FloatArray:
        """Real shares in every bootstrap sample, shape (replicates, n_enough, n_options)."""
        return self.sample.replicate(self.drawn)

    @cached_property
    def ceiling(self) -> float | None:
        """Mean agreement of two bootstrap samples of the actual size."""
        if len(self.enough) == 0:
            return None
        second = bootstrap.counts(len(self.people), self.replicates, np.random.default_rng([self.seed, 2]))
        return float(ceilings.replicates(self.sample, self.drawn, second).mean())

    def shares(self, distributions: Sequence[FloatArray]) -> FloatArray:
        """Expected shares among those who answered, (n_enough, n_options) with zeros for missing options."""
        out = np.zeros((len(self.enough), self.sample.chosen.shape[2]))
        for row, question in enumerate(self.enough):
            found = distributions[question]
            out[row, : found.shape[1]] = scores.shares(found, self.weights * self.given[:, question])
        return out

    def agreements(self, distributions: Sequence[FloatArray]) -> tuple[FloatArray, FloatArray]:
        """Agreement with the real shares, (n_enough,), and in each sample, (replicates, n_enough)."""
        own = self.shares(distributions)
        return distances.agreement(own, self.sample.shares()), distances.agreement(self.real, own)
