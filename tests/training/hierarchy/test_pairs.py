"""Directions for what single pairs of questions share."""

import numpy as np
import pytest

from personas.answer import NO_ANSWER
from personas.models.residuals import Residuals, no_residuals
from training.hierarchy.loadings import Sample
from training.hierarchy.pairs import with_pairs

N, QUESTIONS = 1500, 16
SIZES = (3,) * QUESTIONS
PLACES = np.tile([-1.0, 0.0, 1.0], QUESTIONS)


def sample(seed: int, twins: float) -> Sample:
    """People of whom questions 0 and 1, 2 and 3 and so on have a feeling in common, and nothing else."""
    rng = np.random.default_rng(seed)
    feeling = np.repeat(rng.standard_normal((N, QUESTIONS // 2)), 2, axis=1)
    latent = twins * feeling + np.sqrt(1 - twins**2) * rng.standard_normal((N, QUESTIONS))
    chosen = np.digitize(latent, [-0.43, 0.43])
    chosen[rng.random(chosen.shape) < 0.3] = NO_ANSWER
    thirds = np.full(3 * QUESTIONS, 1 / 3)
    return Sample(np.zeros((N, 3 * QUESTIONS)), chosen, np.ones(N), thirds, SIZES)


def score(residuals: Residuals, people: Sample) -> float:
    """Mean log score of the answers to odd questions once those to even ones are known."""
    known = people.chosen.copy()
    known[:, 1::2] = NO_ANSWER
    logs = residuals.condition(people.logits, known)
    who, question = np.nonzero((people.chosen != NO_ANSWER) & (known == NO_ANSWER))
    return float(logs[who, 3 * question + people.chosen[who, question]].mean())


def test_an_answer_tells_of_its_twin() -> None:
    train, test = sample(0, 0.7), sample(1, 0.7)
    plain = no_residuals(train.shares, SIZES)
    paired = with_pairs(train, plain, PLACES)
    assert paired.rank == QUESTIONS // 8
    assert score(plain, test) == pytest.approx(-np.log(3), abs=1e-9)
    assert score(paired, test) > score(plain, test) + 0.01


def test_where_pairs_share_nothing_little_is_added() -> None:
    train, test = sample(2, 0.0), sample(3, 0.0)
    paired = with_pairs(train, no_residuals(train.shares, SIZES), PLACES)
    assert score(paired, test) > -np.log(3) - 0.005


def test_unordered_questions_get_no_direction() -> None:
    train = sample(4, 0.7)
    places = PLACES.copy()
    places[: 3 * 8] = 0.0
    found = with_pairs(train, no_residuals(train.shares, SIZES), places)
    assert found.rank == 1
    assert not np.any(found.loadings[: 3 * 8])
    assert with_pairs(train, no_residuals(train.shares, SIZES), 0 * PLACES).rank == 0
