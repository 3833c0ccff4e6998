"""Calibration: of all answers called 30 % probable, do 30 % come true?"""

from collections.abc import Sequence

import numpy as np

from personas.answer import Answers
from personas.arrays import FloatArray, IntArray
from personas.measures.answered import answered


def classwise_ece(
    distributions: Sequence[FloatArray], answers: Answers, weights: FloatArray, bins: int = 15
) -> float:
    """Classwise expected calibration error, in [0, 1]; 0 where every probability comes true as often as said.

    For each option o of a question, people are put into bins of equal width by ``p_o``; then
    ``sum_b W_b / W * abs(mean p_o in b - share who chose o in b)``, with the weights W of the people. Mean
    over the options of a question, then over questions by the weight of the answers given. ``[.8, .2]`` for
    two people of whom one chose each option: ``abs(.8 - .5) = .3`` for both options, so ``.3``.

    It is never quite 0: with 800 people, bins that hold few of them differ by luck. ``classwise_ece_floor``
    says by how much.

    Args:
        distributions: for each question (n_people, n_options), in the order of ``answers``.
        answers: real answers.
        weights: people's weights, (n_people,).
        bins: number of bins between 0 and 1.

    Raises:
        ValueError: nobody with a positive weight answered, fewer than 1 bin, or shapes do not fit.

    Source: Kull et al., "Beyond temperature scaling", NeurIPS 2019, equation 3 (classwise-ECE); Nixon et al.,
    "Measuring calibration in deep learning", CVPR Workshops 2019 (static calibration error). The mean over
    questions, whose options are classes of their own, is ours.
    """
    _check(bins)
    total = size = 0.0
    for _, distribution, chosen, w in answered(distributions, answers, weights):
        total += float(w.sum()) * _of_question(distribution, chosen, w, bins)
        size += float(w.sum())
    return total / size


def classwise_ece_floor(
    distributions: Sequence[FloatArray],
    answers: Answers,
    weights: FloatArray,
    rng: np.random.Generator,
    bins: int = 15,
    replicates: int = 20,
) -> float:
    """The classwise error that these distributions would have if they were exactly right.

    Mean over ``replicates`` sets of answers drawn from the distributions themselves, for the same people and
    questions: what remains is luck. An error near it is no sign of miscalibration.

    Raises:
        ValueError: as ``classwise_ece``, or fewer than 1 replicate.

    Source: consistency resampling, Bröcker and Smith, "Increasing the reliability of reliability diagrams",
    Weather and Forecasting 22 (2007).
    """
    _check(bins)
    if replicates < 1:
        raise ValueError(f"replicates must be >= 1, got {replicates}")
    total = size = 0.0
    for _, distribution, _, w in answered(distributions, answers, weights):
        cumulative = distribution.cumsum(axis=1)
        for _ in range(replicates):
            passed = rng.random((len(w), 1)) * cumulative[:, -1:]
            chosen = np.sum(cumulative[:, :-1] <= passed, axis=1)
            total += float(w.sum()) * _of_question(distribution, chosen, w, bins)
            size += float(w.sum())
    return total / size


def pooled_ece(
    distributions: Sequence[FloatArray], answers: Answers, weights: FloatArray, bins: int = 15
) -> float:
    """Expected calibration error over all options of all questions together, in [0, 1].

    Every probability that was called goes into one of the bins of equal width, whatever its question and
    option; then ``sum_b W_b / W * abs(mean p in b - share that came true in b)``. With many questions luck
    is small, and errors of single questions that point both ways even out: see ``classwise_ece`` for those.
    ``[.8, .2]`` for two people of whom one chose each option: ``.3``.

    Raises:
        ValueError: as ``classwise_ece``.

    Source: Naeini, Cooper and Hauskrecht, "Obtaining well calibrated probabilities using Bayesian binning",
    AAAI 2015; here over all options instead of the most probable one.
    """
    _check(bins)
    gaps, size = np.zeros(bins), 0.0
    for _, distribution, chosen, w in answered(distributions, answers, weights):
        inside = np.minimum((distribution * bins).astype(np.int64), bins - 1)
        excess = distribution.copy()
        excess[np.arange(len(chosen)), chosen] -= 1.0
        gaps += np.bincount(inside.ravel(), (excess * w[:, None]).ravel(), bins)
        size += float(w.sum()) * distribution.shape[1]
    return float(np.abs(gaps).sum() / size)


def _of_question(distribution: FloatArray, chosen: IntArray, weights: FloatArray, bins: int) -> float:
    n_options = distribution.shape[1]
    # One row of bins for each option, side by side; a probability of 1 belongs to the last bin.
    inside = np.minimum((distribution * bins).astype(np.int64), bins - 1)
    place: IntArray = inside + bins * np.arange(n_options, dtype=np.int64)
    excess = distribution.copy()
    excess[np.arange(len(chosen)), chosen] -= 1.0
    gaps = np.bincount(place.ravel(), (excess * weights[:, None]).ravel(), bins * n_options)
    return float(np.abs(gaps).sum() / (weights.sum() * n_options))


def _check(bins: int) -> None:
    if bins < 1:
        raise ValueError(f"bins must be >= 1, got {bins}")
