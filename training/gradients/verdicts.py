"""Whether what was trained beats the statistics, on answers that neither has learned from."""

from collections.abc import Sequence

import numpy as np

from personas.answer import NO_ANSWER
from personas.arrays import FloatArray, IntArray
from personas.models.factored import FactoredModel
from training.dataset import TrainingData
from training.gradients.tuned import Verdict
from training.hierarchy import reference as references


def compare(
    floors: Sequence[FactoredModel],
    tuned: FactoredModel,
    data: TrainingData,
    names: Sequence[str],
    numbers: IntArray,
) -> Verdict:
    """How two models predict questions as if they had never been in them; the better of ``floors`` counts.

    Args:
        floors: models that have to be beaten.
        tuned: the model that has to beat them.
        data: people and answers.
        names: questions to predict.
        numbers: of their batteries, over which the standard error is taken.
    """
    found = [_scores(model, data, names) for model in floors]
    floor = max(found, key=lambda scores: float(scores[0].sum()))
    own, weights = _scores(tuned, data, names)
    every = np.unique(numbers)
    gains = np.array([(own - floor[0])[numbers == b].sum() for b in every])
    sizes = np.array([weights[numbers == b].sum() for b in every])
    total = float(weights.sum())
    return Verdict(
        floor=float(floor[0].sum()) / total,
        tuned=float(own.sum()) / total,
        error=ratio_error(gains, sizes),
        answers=int((data.answers.only(names).chosen != NO_ANSWER).sum()),
        of=len(every),
    )


def ratio_error(gains: FloatArray, sizes: FloatArray) -> float:
    """Standard error of ``sum(gains) / sum(sizes)`` over independent groups, by linearisation.

    ``sqrt(G / (G - 1) * sum (g - R s)^2) / sum s``. Raises: ValueError with fewer than two groups.
    """
    n = len(gains)
    if n < 2:
        raise ValueError("a standard error needs at least two groups")
    rest = gains - gains.sum() / sizes.sum() * sizes
    return float(np.sqrt(n / (n - 1) * np.square(rest).sum()) / sizes.sum())


def _scores(model: FactoredModel, data: TrainingData, names: Sequence[str]) -> tuple[FloatArray, FloatArray]:
    """Weighted sum of the log scores of each question, and of the weights of its answers, (n_questions,)."""
    answers = data.answers.only(names)
    less = references.without(model, {q.fingerprint for q in answers.questions})
    predicted = less.distributions(data.people, answers.questions)
    scores, weights = np.zeros(len(names)), np.zeros(len(names))
    for q, distribution in enumerate(predicted):
        who = np.flatnonzero(answers.chosen[:, q] != NO_ANSWER)
        own = data.weights[who]
        scores[q] = own @ np.log(distribution[who, answers.chosen[who, q]])
        weights[q] = own.sum()
    return scores, weights
