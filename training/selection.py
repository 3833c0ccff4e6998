"""Hyperparameters, chosen on people and questions inside the training part only."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from grounding.prior import ItemShares
from personas.arrays import FloatArray, IntArray
from personas.models.factored import normalised
from personas.models.kernel import (
    KernelSettings,
    OptionSet,
    Spectrum,
    centred_blocks,
    cosine_distances,
    damping,
    gram_matrix,
    signal_matrix,
    spectrum,
    text_kernel,
)
from personas.models.persons import PersonEncoder
from training.dataset import TrainingData
from training.objective import Objective, objective

RIDGES = (300.0, 100.0, 30.0, 10.0, 3.0)
TEXT_SHARES = (0.0, 0.5)
LENGTHS = (0.2, 0.5, 1.0)
POSITIONS = (0.0, 0.3, 1.0, 3.0)
NOISES = (0.05, 0.2, 0.6, 2.0)
NOTHING = KernelSettings(text=0.0, position=0.0, length=1.0, noise=1.0)
"""The kernel with which nothing carries from question to question."""


@dataclass(frozen=True)
class EffectChoice:
    """Ridge and text share of the person effects, with the log score that cross-validation gave them.

    ``gain`` is the mean log score over that of the prior alone, in nats for each answer; where no
    effects beat the prior, ``ridge`` is infinite and the effects are zero.
    """

    ridge: float
    text: float
    gain: float


@dataclass(frozen=True)
class KernelChoice:
    """Kernel settings and the log score, in nats for each answer, that left-out questions had with them."""

    settings: KernelSettings
    log_score: float


class LeftOutShares(NamedTuple):
    """Log shares (n_rows,) of every question predicted from all others, and how far they were damped."""

    log_shares: FloatArray
    damping: FloatArray


def choose_effects(
    data: TrainingData,
    prior: ItemShares,
    encoder: Callable[[float], PersonEncoder],
    folds: int,
    rng: np.random.Generator,
) -> EffectChoice:
    """Ridge and text share with the best log score on people left out fold by fold.

    Answers count alike whatever fold they are in, so the score of no effects is that of the prior. Ridges
    are tried from the strongest until the score falls.
    """
    fold = rng.permutation(np.arange(len(data.people)) % folds)
    best = EffectChoice(float("inf"), 0.0, 0.0)
    for text in TEXT_SHARES:
        whole = objective(encoder(text).encode(data.people), prior, data.answers, data.weights)
        none = whole.mean_share_score(whole.log_prior)
        before = -np.inf
        for ridge, score in _ridge_scores(whole, fold):
            if score < before:
                break
            before = score
            if score - none > best.gain + 1e-6:
                best = EffectChoice(ridge, text, score - none)
    return best


def _ridge_scores(whole: Objective, fold: IntArray) -> Iterator[tuple[float, float]]:
    """Each ridge with its mean log score on people left out, every fit starting from the one before."""
    splits = [
        (whole.take(np.flatnonzero(fold != f)), whole.take(np.flatnonzero(fold == f)))
        for f in range(int(fold.max()) + 1)
    ]
    effects: list[FloatArray | None] = [None] * len(splits)
    for ridge in RIDGES:
        total = 0.0
        for f, (train, test) in enumerate(splits):
            fitted = train.fit(ridge, effects[f])
            effects[f] = fitted
            total += test.log_likelihood(fitted)
        yield ridge, total / whole.total_weight


def choose_share_kernel(
    options: OptionSet, log_prior: FloatArray, answers: Objective
) -> tuple[KernelChoice, float]:
    """Kernel of the log shares whose left-out predictions answer best, and its signal variance."""
    targets = centred_blocks(log_prior[:, None], options.blocks)

    def score(kernel: Spectrum, noise: float) -> float:
        return answers.mean_share_score(_left_out_shares(kernel, noise, targets, options).log_shares)

    best = _search(options, score)
    kernel = spectrum(gram_matrix(options, best.settings), options.blocks)
    return best, kernel.amplitude(0.0, targets)


def left_out_shares(options: OptionSet, log_prior: FloatArray, settings: KernelSettings) -> LeftOutShares:
    """Shares of every question predicted from all others, widened by their variance."""
    targets = centred_blocks(log_prior[:, None], options.blocks)
    return _left_out_shares(spectrum(gram_matrix(options, settings), options.blocks), 0.0, targets, options)


def _left_out_shares(
    kernel: Spectrum, noise: float, targets: FloatArray, options: OptionSet
) -> LeftOutShares:
    prediction = kernel.left_out(noise, targets, options.blocks)
    amplitude = kernel.amplitude(noise, targets)
    widen = damping(amplitude * prediction.variance, options.blocks)
    return LeftOutShares(normalised(prediction.mean[:, 0] * widen, options.blocks), widen)


def choose_effect_kernel(
    options: OptionSet, shares: LeftOutShares, effects: FloatArray, answers: Objective
) -> KernelChoice:
    """Kernel of the effects whose left-out predictions answer best on top of the left-out shares."""
    targets = centred_blocks(effects.T, options.blocks)
    trial = replace(answers, log_prior=shares.log_shares)

    def score(kernel: Spectrum, noise: float) -> float:
        predicted = kernel.left_out(noise, targets, options.blocks).mean.T
        return trial.mean_log_score(predicted * shares.damping)

    return _search(options, score)


def _search(options: OptionSet, score: Callable[[Spectrum, float], float]) -> KernelChoice:
    """The best of all kernels tried; the simplest, that of no kernel, where none beats it."""
    n = len(options.positions)
    nothing = spectrum(np.zeros((n, n)), options.blocks)
    best = KernelChoice(NOTHING, score(nothing, NOTHING.noise))
    for settings, kernel in _kernels(options):
        for noise in NOISES:
            found = score(kernel, noise)
            if found > best.log_score + 1e-9:
                best = KernelChoice(settings.model_copy(update={"noise": noise}), found)
    return best


def _kernels(options: OptionSet) -> Iterator[tuple[KernelSettings, Spectrum]]:
    """Text and position parts tried, each with its decomposition, which serves all noises."""
    centre = options.vectors.mean(axis=1, keepdims=True)
    distances = cosine_distances(options.vectors, options.vectors, centre)
    parts = [
        (0.0, LENGTHS[0], 1.0),
        *((1.0, length, position) for length in LENGTHS for position in POSITIONS),
    ]
    texts = {length: text_kernel(distances, length) for length in LENGTHS}
    for text, length, position in parts:
        settings = KernelSettings(text=text, position=position, length=length, noise=0.0)
        yield settings, spectrum(signal_matrix(texts[length], options, settings), options.blocks)
