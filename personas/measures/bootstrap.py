"""Bootstrap intervals for agreement and for differences, all replicates at once by matrix products.

Two things are resampled: people, with their weights, and questions, for means over questions. The
persons of the simulated panel stay as they are: an interval is about this panel.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri, stdtrit

from personas.answer import NO_ANSWER, Answers
from personas.arrays import BoolArray, FloatArray, IntArray
from personas.measures import scores
from personas.measures.estimate import Estimate

_LEVEL = 0.95


def counts(n: int, replicates: int, rng: np.random.Generator) -> FloatArray:
    """How often each of ``n`` units is drawn in each replicate, (replicates, n); rows sum to ``n``.

    Raises:
        ValueError: ``n`` or ``replicates`` is below 1.
    """
    if n < 1 or replicates < 1:
        raise ValueError(f"resampling needs at least 1 unit and 1 replicate, got {n} and {replicates}")
    return rng.multinomial(n, np.full(n, 1.0 / n), size=replicates).astype(np.float64)


@dataclass(frozen=True)
class Sample:
    """Real answers as indicators, so that shares are matrix products.

    Attributes:
        chosen: 1.0 where a person chose an option, (n_people, n_questions, n_options); all zero for a
            person who did not answer and for options that a question does not have.
        weights: people's weights, (n_people,).
    """

    chosen: FloatArray
    weights: FloatArray

    @classmethod
    def of(cls, answers: Answers, weights: FloatArray) -> "Sample":
        """The sample of these answers; people without a positive weight count as not having answered."""
        widest = max(len(q.options) for q in answers.questions)
        answered = (answers.chosen != NO_ANSWER) & (weights > 0)[:, None]
        chosen = (answers.chosen[:, :, None] == np.arange(widest)) & answered[:, :, None]
        return cls(chosen.astype(np.float64), weights)

    def base(self) -> IntArray:
        """Number of people who answered each question, (n_questions,)."""
        return self.chosen.sum(axis=(0, 2)).astype(np.int64)

    def only(self, questions: IntArray | BoolArray) -> "Sample":
        """The same people's answers to some of the questions."""
        return Sample(self.chosen[:, questions], self.weights)

    def take(self, rows: BoolArray) -> "Sample":
        """The answers of the people in ``rows``."""
        return Sample(self.chosen[rows], self.weights[rows])

    def shares(self) -> FloatArray:
        """Weighted shares, (n_questions, n_options). Raises: ValueError where nobody answered."""
        return self.replicate(np.ones((1, len(self.weights))))[0]

    def replicate(self, drawn: FloatArray) -> FloatArray:
        """Weighted shares in every replicate, (replicates, n_questions, n_options).

        Args:
            drawn: how often each person is drawn, (replicates, n_people).

        Raises:
            ValueError: in some replicate nobody answered some question.
        """
        n_people, n_questions, n_options = self.chosen.shape
        total = (drawn * self.weights) @ self.chosen.reshape(n_people, n_questions * n_options)
        table = total.reshape(len(drawn), n_questions, n_options)
        size = table.sum(axis=-1, keepdims=True)
        if not np.all(size > 0):
            raise ValueError("shares need at least one answer with a positive weight to each question")
        return table / size


def cell_mean(values: FloatArray, usable: BoolArray, drawn: FloatArray | None = None) -> FloatArray:
    """Mean over the usable cells of groups and questions, each question as often as it was drawn.

    Args:
        values: shape (..., n_groups, n_questions); what stands in unusable cells is not read.
        usable: which cells count, (n_groups, n_questions); every question has at least one.
        drawn: how often each question is drawn, (replicates, n_questions), where the leading axis of
            ``values`` is the replicates; once each without it.

    Raises:
        ValueError: there is no cell, some question has no usable one, or a usable score is not finite.
    """
    if usable.size == 0 or not np.all(usable.any(axis=0)):
        raise ValueError("a mean over cells needs at least one usable cell in every question")
    totals = np.where(usable, values, 0.0).sum(axis=-2)
    sizes = usable.sum(axis=0).astype(np.float64)
    if not np.all(np.isfinite(totals)):
        raise ValueError("a mean over cells needs finite scores in every usable cell")
    if drawn is None:
        return totals.sum(axis=-1) / sizes.sum()
    return np.sum(totals * drawn, axis=-1) / (drawn @ sizes)


def paired_difference(
    model: FloatArray, baseline: FloatArray, weights: FloatArray, drawn: FloatArray, rng: np.random.Generator
) -> Estimate:
    """Mean score of a model less that of a baseline, with a paired two-way interval.

    Both are scored on the same bootstrap samples of people and of questions, so what they have in common
    drops out: a model against itself is ``0 [0, 0]``.

    Args:
        model: score of each answer, (n_people, n_questions), NaN where there is no answer.
        baseline: the baseline's scores of the same answers.
        weights: people's weights, (n_people,).
        drawn: how often each person is drawn, (replicates, n_people).
        rng: draws the questions of each replicate.

    Raises:
        ValueError: there is no answer with a positive weight.

    Source: as ``recentred``.
    """
    difference = model - baseline
    questions = difference.shape[1]
    total, size = scores.sums(difference, drawn * weights)
    again = counts(questions, len(drawn), rng)
    replicates = (total * again).sum(axis=1) / (size * again).sum(axis=1)
    return recentred(scores.mean(difference, weights), replicates, questions)


def recentred(
    value: float,
    replicates: FloatArray,
    n_questions: int = 1,
    bounds: tuple[float, float] | None = None,
) -> Estimate:
    """``value`` with a 95 % interval: the spread of the replicates moved onto ``value``.

    The bootstrap of an agreement is biased downward: each replicate adds sampling noise of its own to
    that of the sample, and noise only ever adds distance (a model that is exactly right over 60 questions
    was covered by the plain percentile interval in 0 of 300 simulations). Therefore the replicates are
    centred on their own mean and shifted to the estimate. What the interval covers is the *expected
    agreement at this sample size*, which is also what ceiling and baselines are measured at; it is not the
    agreement that an infinite sample would show.

    With few questions the percentile bootstrap is too narrow, by ``sqrt((Q - 1) / Q)`` and by the normal
    in place of the t quantile; deviations are widened by both (Q = 4: 1.87, Q = 14: 1.14). Resampling
    people and questions together counts the noise of single cells twice, so the interval is wider than
    it need be where a model is nearly right. A difference over a single question is less safe: where two
    models lie close on opposite sides of the truth, it covers as little as .88 (over 4 questions: .97).

    Args:
        value: the estimate from the sample itself.
        replicates: the same figure in each replicate, (replicates,).
        n_questions: over how many resampled questions the figure is a mean; 1 where none were resampled.
        bounds: the smallest and largest value the figure can take.

    Raises:
        ValueError: fewer than two replicates, or a figure that is not finite.

    Source: Owen, "The pigeonhole bootstrap", Annals of Applied Statistics 1 (2007), for resampling both
    ways; Hesterberg, "What teachers should know about the bootstrap", The American Statistician 69
    (2015), for the expanded percentile interval. The shift is our own; tests/personas hold its coverage.
    """
    if len(replicates) < 2 or not (np.isfinite(value) and np.all(np.isfinite(replicates))):
        raise ValueError("an interval needs a finite value and at least two finite replicates")
    tail = (1 - _LEVEL) / 2
    deviation = np.quantile(replicates - replicates.mean(), [tail, 1 - tail]) * _widening(n_questions)
    low, high = value + float(deviation[0]), value + float(deviation[1])
    if bounds is not None:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    return Estimate(value=value, low=low, high=high)


def _widening(n_questions: int) -> float:
    if n_questions < 2:
        return 1.0
    quantile = (1 + _LEVEL) / 2
    ratio = float(stdtrit(n_questions - 1, quantile)) / float(ndtri(quantile))
    return ratio * float(np.sqrt(n_questions / (n_questions - 1)))
