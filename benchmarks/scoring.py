"""Figures of answer distributions against the real answers of people held out."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from benchmarks.held_out import Part
from personas.answer import NO_ANSWER, Answers, shares
from personas.arrays import FloatArray, IntArray
from personas.measures import ceilings, distances, scores
from personas.measures.permutation import p_value
from personas.models.base import AnswerModel

REPLICATES = 200
PERMUTATIONS = 199


class Agreement(NamedTuple):
    """Mean agreement over questions of a model, of uniform answers and of a second real sample."""

    model: float
    uniform: float
    ceiling: float

    @property
    def gap_closed(self) -> float:
        """Share of the distance from uniform to the ceiling that was closed."""
        return (self.model - self.uniform) / (self.ceiling - self.uniform)


def distributions(model: AnswerModel, part: Part) -> list[FloatArray]:
    """What the model expects of the people, for the questions of the part."""
    return list(model.distributions(part.people, part.answers.questions))


def agreement(expected: Sequence[FloatArray], part: Part, rng: np.random.Generator) -> Agreement:
    """Agreement of expected and real shares among those who answered each question."""
    weights = part.weights
    model: list[float] = []
    uniform: list[float] = []
    for distribution, chosen in zip(expected, part.answers.chosen.T, strict=True):
        n_options = int(distribution.shape[1])
        real = shares(chosen, n_options, weights)
        given = chosen != NO_ANSWER
        mean = scores.shares(distribution[given], weights[given])
        model.append(float(distances.agreement(mean, real)))
        uniform.append(float(distances.agreement(np.full_like(real, 1 / n_options), real)))
    _, whole = ceilings.ceiling(part.answers, weights, rng, REPLICATES)
    return Agreement(float(np.mean(model)), float(np.mean(uniform)), whole.value)


def log_loss(expected: Sequence[FloatArray], part: Part) -> float:
    """Mean of ``-log p`` of the real answers, in nats."""
    return scores.log_loss(expected, part.answers, part.weights)


def signal(expected: Sequence[FloatArray], part: Part) -> float:
    """Item-demeaned correlation of expected and real answers; 0 where everybody is expected to be alike."""
    return scores.signal(expected, part.answers, part.weights) or 0.0


def signal_all_ordered(expected: Sequence[FloatArray], part: Part) -> float:
    """The signal with every question's options taken in the order written, unordered ones too.

    So it was measured in the pilot, whose figures the goals were set by; an item that is no scale adds to it.
    """
    ordered = tuple(q.model_copy(update={"scale": "ordinal"}) for q in part.answers.questions)
    return signal(expected, Part(part.people, Answers(ordered, part.answers.chosen)))


def mean_log_loss(expected: Sequence[FloatArray], part: Part) -> float:
    """Mean over questions of the log loss of each, in nats: all questions count alike, as in the pilot."""
    names = [q.name for q in part.answers.questions]
    return float(np.mean([log_loss([e], part.only([n])) for e, n in zip(expected, names, strict=True)]))


def shuffled_p(expected: Sequence[FloatArray], part: Part, rng: np.random.Generator) -> float:
    """Probability of a log loss as low where personas are dealt out at random among the people.

    What a model expects depends on the persona alone, so dealing out personas is dealing out distributions.
    """
    observed = -log_loss(expected, part)
    orders = [rng.permutation(len(part.people)) for _ in range(PERMUTATIONS)]
    permuted = [-_permuted(expected, part, order) for order in orders]
    return p_value(observed, np.array(permuted))


def _permuted(expected: Sequence[FloatArray], part: Part, order: IntArray) -> float:
    """Log loss with distributions of person ``order[i]`` for person i, computed over answers given only."""
    total = size = 0.0
    weights = part.weights
    for distribution, chosen in zip(expected, part.answers.chosen.T, strict=True):
        rows = np.flatnonzero(chosen != NO_ANSWER)
        found = distribution[order[rows], chosen[rows]]
        total -= float(weights[rows] @ np.log(np.maximum(found, scores.FLOOR)))
        size += float(weights[rows].sum())
    return total / size


def real_shares(part: Part, question: int) -> FloatArray:
    """Real shares of the options of one question, by its place."""
    n_options = len(part.answers.questions[question].options)
    return shares(part.answers.chosen[:, question], n_options, part.weights)


def mean_agreement(expected: Sequence[FloatArray], weights: FloatArray, real: Sequence[FloatArray]) -> float:
    """Mean agreement over questions of what is expected of some people with real shares of all."""
    pairs = zip(expected, real, strict=True)
    return float(np.mean([distances.agreement(scores.shares(e, weights), r) for e, r in pairs]))
