"""The ceiling: what a second real sample of the same size would score."""

import numpy as np

from personas.answer import Answers
from personas.arrays import FloatArray
from personas.measures import bootstrap, distances
from personas.measures.bootstrap import Sample
from personas.measures.estimate import Estimate


def replicates(sample: Sample, first: FloatArray, second: FloatArray) -> FloatArray:
    """Agreement of two bootstrap samples of the same people, (replicates, n_questions).

    Both samples have the actual size and keep the weights, and people who skipped a question skip it in
    the samples too, so that noise is that of the real base of each question.

    Args:
        sample: the real answers.
        first: how often each person is drawn into the first sample, (replicates, n_people).
        second: the same for the second sample, drawn independently.
    """
    return distances.agreement(sample.replicate(first), sample.replicate(second))


def summary(values: FloatArray) -> Estimate:
    """The ceiling of one figure: mean over replicates, and the range that holds 95 % of them.

    The range says how far apart two real samples fall by luck; it is no interval for the mean.
    """
    low, high = np.quantile(values, [0.025, 0.975])
    return Estimate(value=float(values.mean()), low=float(low), high=float(high))


def ceiling(
    answers: Answers, weights: FloatArray, rng: np.random.Generator, n_replicates: int = 500
) -> tuple[tuple[Estimate, ...], Estimate]:
    """The ceiling of each question, and that of the mean over all of them.

    Two samples of n people each, compared with one another; for two options, equal weights and a share
    p it is near ``1 - sqrt(4 p (1 - p) / (pi n))``: .964 for p = .5 and n = 250.

    Raises:
        ValueError: there are no people, or nobody answered some question.
    """
    sample = Sample.of(answers, weights)
    first = bootstrap.counts(len(weights), n_replicates, rng)
    second = bootstrap.counts(len(weights), n_replicates, rng)
    values = replicates(sample, first, second)
    return tuple(summary(v) for v in values.T), summary(values.mean(axis=1))
