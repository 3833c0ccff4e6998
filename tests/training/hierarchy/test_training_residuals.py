from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
from scipy.special import softmax

from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray
from personas.models.kernel import centred_blocks, row_blocks
from personas.panel import from_columns
from personas.question import Question
from training.dataset import TrainingData
from training.hierarchy.loadings import Sample, fit_loadings
from training.hierarchy.residuals import FittedResiduals, fit_residuals


class World(NamedTuple):
    """People whose answers share two latent dimensions, and the logits without them."""

    data: TrainingData
    logits: FloatArray
    loadings: FloatArray
    blocks: list[slice]


def world(n: int, n_questions: int, strength: float, seed: int, missing: float = 0.4) -> World:
    rng = np.random.default_rng(seed)
    sizes = [2 + q % 3 for q in range(n_questions)]
    blocks = row_blocks(sizes)
    loadings = strength * centred_blocks(rng.normal(0.0, 0.6, (sum(sizes), 2)), blocks)
    log_prior = rng.normal(0.0, 0.5, sum(sizes))
    latent = rng.normal(size=(n, 2))
    chosen = np.empty((n, n_questions), dtype=np.int64)
    for q, block in enumerate(blocks):
        wide = np.sqrt(1 + np.pi / 8 * np.square(loadings[block]).sum() * sizes[q] / (sizes[q] - 1) ** 2)
        cut = softmax(wide * log_prior[block] + latent @ loadings[block].T, axis=1).cumsum(axis=1)
        chosen[:, q] = np.minimum((cut < rng.random((n, 1))).sum(axis=1), sizes[q] - 1)
    chosen[rng.random(chosen.shape) < missing] = NO_ANSWER
    questions = tuple(
        Question(name=f"q{q}", text=f"Question {q}?", options=tuple(f"option {o}" for o in range(size)))
        for q, size in enumerate(sizes)
    )
    people = from_columns([f"p{i}" for i in range(n)], {"all": ["same"] * n}, np.ones(n))
    data = TrainingData(people, Answers(questions, chosen), np.ones(n))
    return World(data, np.tile(log_prior, (n, 1)), loadings, blocks)


def fitted(made: World, seed: int = 1) -> FittedResiduals:
    return fit_residuals(made.data, made.logits, made.blocks, seed)


@cache
def strong() -> tuple[World, FittedResiduals]:
    made = world(700, 24, 1.5, 3)
    return made, fitted(made)


def test_known_loadings_are_found_up_to_a_turn() -> None:
    made = world(3000, 24, 1.5, 5)
    shares = np.concatenate([softmax(made.logits[0, b]) for b in made.blocks])
    sizes = tuple(b.stop - b.start for b in made.blocks)
    sample = Sample(made.logits, made.data.answers.chosen, made.data.weights, shares, sizes)
    found = fit_loadings(sample, 2, 3.0, None, np.random.default_rng(1)).loadings
    turn, *_ = np.linalg.lstsq(found, made.loadings, rcond=None)
    left = np.square(made.loadings - found @ turn).sum() / np.square(made.loadings).sum()
    assert left < 0.05
    # Covariances between options do not depend on the turn. Laplace's approximation and the ridge shrink
    # them (the strength, chosen on people left out, may undo that), but never blow them up.
    real = made.loadings @ made.loadings.T
    ratio = float((found @ found.T * real).sum() / np.square(real).sum())
    assert 0.5 < ratio < 1.1


def test_known_answers_gain_on_people_left_out_and_on_newcomers() -> None:
    made, result = strong()
    assert result.strength > 0
    gain = result.gains[0]
    assert gain.nats > 0.02
    assert gain.signal_before is None  # everybody has the same distribution
    assert gain.signal_after is not None
    assert gain.signal_after > 0.2
    other = world(700, 24, 1.5, 3)._replace(data=world(1400, 24, 1.5, 3).data)
    rng = np.random.default_rng(0)
    chosen = other.data.answers.chosen[700:]
    known = np.where(rng.random(chosen.shape) < 0.5, chosen, NO_ANSWER)
    rest = (chosen != NO_ANSWER) & (known == NO_ANSWER)
    who, question = np.nonzero(rest)
    rows = np.array([b.start for b in made.blocks])[question] + chosen[rest]
    logits = np.tile(made.logits[0], (700, 1))
    before = result.residuals.condition(logits, np.full_like(known, NO_ANSWER))[who, rows].mean()
    after = result.residuals.condition(logits, known)[who, rows].mean()
    assert after - before == pytest.approx(gain.nats, abs=0.03)


def test_independent_answers_leave_nothing() -> None:
    result = fitted(world(400, 12, 0.0, 7))
    assert (result.strength, result.residuals.rank, result.gains) == (0.0, 0, ())


def test_small_panels_lose_nothing_to_known_answers() -> None:
    """Panels of 100 people x 20 questions: mean loss on newcomers, weak and no correlations."""
    losses: list[float] = []
    for seed in range(6):
        both = world(500, 20, 0.5 * (seed % 2), 100 + seed, missing=0.1)
        answers, people = both.data.answers, both.data.people
        few = np.arange(100)
        small = TrainingData(people.take(few), answers.take(few), np.ones(100))
        result = fit_residuals(small, both.logits[:100], both.blocks, 1)
        chosen, logits = answers.chosen[100:], both.logits[100:]
        known = np.where(np.arange(20) < 10, chosen, NO_ANSWER)
        rest = (chosen != NO_ANSWER) & (known == NO_ANSWER)
        who, question = np.nonzero(rest)
        rows = np.array([b.start for b in both.blocks])[question] + chosen[rest]
        before = result.residuals.condition(logits, np.full_like(known, NO_ANSWER))[who, rows].mean()
        losses.append(float(before - result.residuals.condition(logits, known)[who, rows].mean()))
    assert max(losses) < 0.003


@pytest.mark.parametrize(("n", "n_questions"), [(10, 8), (100, 1)])
def test_too_few_people_or_questions_leave_nothing(n: int, n_questions: int) -> None:
    assert fitted(world(n, n_questions, 1.0, 1)).strength == 0.0


def test_people_without_weight_change_nothing() -> None:
    made, result = strong()
    data, n = made.data, len(made.logits)
    weights = np.ones(n + 50)
    weights[n:] = 0.0
    chosen = np.concatenate([data.answers.chosen, np.zeros((50, 24), dtype=np.int64)])
    people = from_columns([f"p{i}" for i in range(n + 50)], {"all": ["same"] * (n + 50)}, weights)
    wider = TrainingData(people, Answers(data.answers.questions, chosen), weights)
    logits = np.concatenate([made.logits, made.logits[:50]])
    again = fit_residuals(wider, logits, made.blocks, 1)
    np.testing.assert_allclose(again.residuals.loadings, result.residuals.loadings, atol=1e-9)


def test_the_same_seed_gives_the_same_residuals() -> None:
    made, result = strong()
    again = fitted(made)
    np.testing.assert_array_equal(again.residuals.loadings, result.residuals.loadings)
    assert again.gains == result.gains
