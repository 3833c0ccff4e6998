"""Agreement in every cell: each group of people (everybody, then each segment) by each question."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from personas.answer import Answers
from personas.arrays import BoolArray, FloatArray, IntArray
from personas.measures import bootstrap, ceilings, distances
from personas.measures.bootstrap import Sample
from personas.measures.estimate import Estimate
from personas.panel import Panel
from personas.question import Question
from validation import segments
from validation.scored import Scored
from validation.segments import Segment

EVERYBODY = slice(0, 1)
SEGMENTS = slice(1, None)


@dataclass(frozen=True)
class Grid:
    """One figure for each cell, with its replicates.

    Attributes:
        value: (n_groups, n_questions); NaN where a cell cannot be read.
        replicates: the same in each bootstrap sample of people, (replicates, n_groups, n_questions).
    """

    value: FloatArray
    replicates: FloatArray

    def usable(self) -> BoolArray:
        """Which cells hold a figure, (n_groups, n_questions)."""
        return ~np.isnan(self.value)

    def less(self, other: "Grid") -> "Grid":
        """The paired difference, sample by sample."""
        return Grid(self.value - other.value, self.replicates - other.replicates)

    def where(self, other: "Grid") -> "Grid":
        """These figures only in the cells that ``other`` can read."""
        return Grid(np.where(other.usable(), self.value, np.nan), self.replicates)

    def covers(self, other: "Grid", groups: slice, questions: IntArray) -> bool:
        """Whether every cell that ``other`` can read is read here too."""
        lacking = other.usable() & ~self.usable()
        return not bool(lacking[groups][:, questions].any())

    def mean(self, groups: slice, questions: IntArray) -> float | None:
        """Mean over the usable cells, ``None`` where there is none."""
        value, usable = self.value[groups][:, questions], self.usable()[groups][:, questions]
        some = usable.any(axis=0)
        return float(bootstrap.cell_mean(value[:, some], usable[:, some])) if some.any() else None

    def estimate(
        self,
        groups: slice,
        questions: IntArray,
        rng: np.random.Generator,
        bounds: tuple[float, float] | None = None,
    ) -> Estimate | None:
        """That mean with its two-way interval, ``None`` where there is no usable cell.

        Args:
            groups: which groups count.
            questions: which questions count.
            rng: draws the questions of each replicate.
            bounds: the smallest and largest value the figure can take.
        """
        value = self.mean(groups, questions)
        if value is None:
            return None
        usable = self.usable()[groups][:, questions]
        some = usable.any(axis=0)
        drawn = bootstrap.counts(int(some.sum()), len(self.replicates), rng)
        scores = self.replicates[:, groups][..., questions[some]]
        spread = bootstrap.cell_mean(scores, usable[:, some], drawn)
        return bootstrap.recentred(value, spread, int(some.sum()), bounds)


@dataclass(frozen=True)
class Cells:
    """The real side of every cell, with the bootstrap samples that all comparisons share.

    Attributes:
        questions: the questions, in the order of the last axes below.
        segments: the groups after the first, which is everybody.
        smallest_base: fewest people, and in segments fewest persons, that a cell is read from.
        bases: people with a positive weight who answered, (n_groups, n_questions).
        real: weighted real shares, (n_groups, n_questions, n_options); zero where the base is too small.
        samples: the same in each bootstrap sample, (replicates, n_groups, n_questions, n_options).
        ceiling: agreement of each sample with a second one; NaN where the base is too small.
        drawn: how often each person is in each sample, (replicates, n_people).
    """

    questions: tuple[Question, ...]
    segments: tuple[Segment, ...]
    smallest_base: int
    bases: IntArray
    real: FloatArray
    samples: FloatArray
    ceiling: Grid
    drawn: FloatArray

    def score(self, scored: Scored) -> Grid:
        """Agreement of the distributions with the real shares.

        NaN where the question is lacking, the base too small, or too few persons of the segment answered.
        """
        simulated = np.zeros(self.real.shape)
        readable = self.bases >= self.smallest_base
        answered = [i for i, q in enumerate(self.questions) if q.name in scored.names]
        readable[:, [i for i in range(len(self.questions)) if i not in answered]] = False
        for g, segment in enumerate((None, *self.segments)):
            rows = persons(scored.panel, segment)
            least = 1 if segment is None else self.smallest_base
            for i in answered:
                question = self.questions[i]
                if (rows & scored.answered(question.name)).sum() < least:
                    readable[g, i] = False
                    continue
                simulated[g, i, : len(question.options)] = scored.shares(question.name, rows)
        return _grid(readable, self.real, self.samples, simulated)


def build(
    people: Panel,
    answers: Answers,
    groups: Sequence[Segment],
    smallest_base: int,
    replicates: int,
    rng: np.random.Generator,
) -> Cells:
    """The cells of these people's answers, with ``replicates`` pairs of bootstrap samples.

    Raises:
        ValueError: there are no people.
    """
    first = bootstrap.counts(len(people), replicates, rng)
    second = bootstrap.counts(len(people), replicates, rng)
    whole = Sample.of(answers, people.weights)
    n_questions, n_options = whole.chosen.shape[1:]
    shape = (1 + len(groups), n_questions, n_options)
    bases = np.zeros(shape[:2], dtype=np.int64)
    real, samples = np.zeros(shape), np.zeros((replicates, *shape))
    ceiling = np.full((replicates, *shape[:2]), np.nan)
    for g, segment in enumerate((None, *groups)):
        rows = persons(people, segment)
        bases[g] = whole.take(rows).base()
        readable = bases[g] >= smallest_base
        if not readable.any():
            continue
        part = whole.take(rows).only(readable)
        real[g, readable] = part.shares()
        samples[:, g, readable] = part.replicate(first[:, rows])
        ceiling[:, g, readable] = ceilings.replicates(part, first[:, rows], second[:, rows])
    grid = Grid(ceiling.mean(axis=0), ceiling)
    return Cells(answers.questions, tuple(groups), smallest_base, bases, real, samples, grid, first)


def persons(panel: Panel, segment: Segment | None) -> BoolArray:
    """Who of a panel, with a positive weight, is in the segment; everybody for ``None``; (n_persons,)."""
    positive = panel.weights > 0
    return positive if segment is None else positive & segments.members(panel, segment)


def _grid(readable: BoolArray, real: FloatArray, samples: FloatArray, simulated: FloatArray) -> Grid:
    value = np.full(readable.shape, np.nan)
    replicates = np.full((len(samples), *readable.shape), np.nan)
    if readable.any():
        value[readable] = distances.agreement(real[readable], simulated[readable])
        replicates[:, readable] = distances.agreement(samples[:, readable], simulated[readable])
    return Grid(value, replicates)
