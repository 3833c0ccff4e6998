import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from simulated_survey import Survey, survey
from tiny_model import FLOAT32
from word_encoder import WordEncoder

from grounding.prior import item_shares
from personas.answer import NO_ANSWER
from personas.errors import DataError
from personas.models import projection
from personas.models.factored import option_blocks, question_option_vectors
from personas.models.head import normalised
from personas.models.kernel import KernelRegression, KernelSettings, centred_blocks, damping, option_set
from personas.models.persons import person_encoder
from training.gradients.backbone import Backbone, LoraSettings
from training.gradients.engine import train
from training.gradients.episodes import EpisodeSettings, FactoredEpisodes, Lessons
from training.gradients.metric import Learned, metric
from training.gradients.schedule import EngineSettings, episode_rng
from training.gradients.vectors import LoraVectors, frozen
from training.hierarchy.objective import objective

torch: Any = importlib.import_module("torch")
KERNEL = KernelSettings(text=1.0, pair=0.5, slope=0.5, position=0.3, length=0.4, noise=0.1)


def lessons_of(found: Survey, strength: float = 1.0) -> Lessons:
    prior = item_shares(found.answers, found.people.weights)
    attributes = person_encoder(found.people, found.people.attributes, 0.0, lambda p: np.ones((1, len(p), 2)))
    persons = attributes.encode(found.people)
    answers = objective(persons, prior, found.answers, found.people.weights)
    questions = found.answers.questions
    return Lessons(
        questions=questions,
        batteries=np.arange(len(questions)) // 2,
        log_shares=prior.log_shares,
        effects=answers.fit(10.0),
        persons=persons,
        chosen=found.answers.chosen,
        weights=found.people.weights,
        extra=np.full(len(prior.log_shares), 0.01),
    )


@pytest.fixture(scope="module")
def lessons() -> Lessons:
    return lessons_of(survey(300, 1))


def start_of(vectors: np.ndarray) -> Learned:
    return Learned(projection.fitted(vectors), KERNEL, KERNEL.model_copy(update={"noise": 0.5}), 0.5)


def episodes(lessons: Lessons, vectors: np.ndarray, **changes: Any) -> FactoredEpisodes:
    settings = EpisodeSettings(**{"held_out": 3, "context": None, "validation": 0.2, **changes})
    return FactoredEpisodes(frozen(vectors, lessons.questions), metric(start_of(vectors)), lessons, settings)


@pytest.fixture(scope="module")
def vectors(lessons: Lessons) -> np.ndarray:
    return question_option_vectors(WordEncoder(), lessons.questions)


def test_the_held_out_score_is_that_of_the_closed_form(lessons: Lessons, vectors: np.ndarray) -> None:
    task = episodes(lessons, vectors)
    score = task.score()
    held, rest, start = task.validation, task.training, start_of(vectors)
    assert len(held) >= 3
    assert not set(lessons.batteries[held]) & set(lessons.batteries[rest])
    blocks = option_blocks(lessons.questions)
    options = option_set(lessons.questions, start.projection.apply(vectors))
    near, far = options.take(rest), options.take(held)
    rows = np.concatenate([np.arange(blocks[i].start, blocks[i].stop) for i in rest])
    extra = lessons.extra[rows] / 0.5
    targets = centred_blocks(lessons.log_shares[rows][:, None], near.blocks)
    shares = KernelRegression(near, targets, start.shares, extra).predict(far)
    effects = centred_blocks(lessons.effects[:, rows].T, near.blocks)
    predicted = KernelRegression(near, effects, start.effects, extra).predict(far)
    widen = damping(0.5 * shares.variance, far.blocks)
    logits = shares.mean[:, 0] * widen + lessons.persons @ (predicted.mean * widen[:, None]).T
    total = weight = 0.0
    for block, question in zip(far.blocks, held, strict=True):
        given = np.flatnonzero(lessons.chosen[:, question] != NO_ANSWER)
        for i in given:
            log_p = normalised(logits[i, block], [slice(0, 3)])
            total += lessons.weights[i] * log_p[lessons.chosen[i, question]]
            weight += lessons.weights[i]
    assert score == pytest.approx(total / weight, abs=1e-4)


def test_an_episode_holds_out_whole_batteries_and_counts_its_answers(
    lessons: Lessons, vectors: np.ndarray
) -> None:
    task = episodes(lessons, vectors, people=50)
    done = task.backward(0, episode_rng(0, 0))
    assert 0 < done.answers <= 50 * 4
    assert 0.5 < done.loss < 2.0
    assert all(t.grad is not None for group in task.groups() for t in group.tensors.values())
    again = episodes(lessons, vectors, people=50)
    assert again.backward(0, episode_rng(0, 0)) == done
    assert again.backward(1, episode_rng(0, 1)) != done


def test_training_the_kernel_on_features_that_stand_still_helps_where_it_was_wrong(
    lessons: Lessons, vectors: np.ndarray
) -> None:
    wrong = start_of(vectors)
    bad = KernelSettings(text=1.0, pair=0.0, slope=0.0, position=2.0, length=0.05, noise=2.0)
    wrong = replace(wrong, shares=bad, effects=bad, amplitude=5.0)
    settings = EpisodeSettings(held_out=4, context=None, validation=0.25, kernel_rate=0.1)
    task = FactoredEpisodes(frozen(vectors, lessons.questions), metric(wrong), lessons, settings)
    outcome = train(task, EngineSettings(episodes=60, score_every=20, warm_up=2), None, lambda p: None)
    assert outcome.gain is not None
    assert outcome.gain > 0.002
    learned = task.metric.learned()
    assert learned.shares.pair == 0.0
    assert learned.shares != bad
    assert task.score() == pytest.approx(dict(outcome.state.scores)[outcome.state.best_episode], abs=1e-6)


def test_a_language_model_learns_in_episodes_and_reads_better_afterwards(
    lessons: Lessons, tiny_folder: Path, tmp_path: Path
) -> None:
    backbone = Backbone.load(tiny_folder, FLOAT32, LoraSettings(rank=4, first=1))
    source = LoraVectors(backbone, (2, 3), lessons.questions)
    before = source.vectors(np.arange(len(lessons.questions)), gradients=False).numpy().astype(float)
    settings = EpisodeSettings(held_out=4, context=6, validation=0.0, rate=3e-3, layer_decay=0.5)
    task = FactoredEpisodes(source, metric(start_of(before)), lessons, settings)
    rates = {round(group.rate, 6) for group in task.groups()}
    assert {0.003, 0.0015} <= rates  # the last layer at the full rate, the one below at half of it
    told: list[float] = []
    run = EngineSettings(episodes=12, warm_up=1)
    train(task, run, tmp_path, lambda p: told.append(p.answers_per_second))
    after = source.vectors(np.arange(len(lessons.questions)), gradients=False).numpy()
    assert np.abs(after - before).max() > 1e-3
    assert min(told) > 0
    second = Backbone.load(tiny_folder, FLOAT32, LoraSettings(rank=4, first=1))
    other = LoraVectors(second, (2, 3), lessons.questions)
    resumed = FactoredEpisodes(other, metric(start_of(before)), lessons, settings)
    train(resumed, run, tmp_path, lambda p: None)
    for name, tensor in source.tensors().items():
        assert torch.equal(tensor, other.tensors()[name])


def test_fewer_than_three_batteries_are_refused(lessons: Lessons, vectors: np.ndarray) -> None:
    two = replace(lessons, batteries=np.arange(len(lessons.questions)) // 8)
    with pytest.raises(DataError, match="at least 3 batteries, found 2"):
        episodes(two, vectors)


def test_other_data_other_settings_and_other_starts_have_other_fingerprints(
    lessons: Lessons, vectors: np.ndarray
) -> None:
    tasks = [
        episodes(lessons, vectors),
        episodes(lessons, vectors, held_out=4),
        episodes(lessons, vectors + 0.1 * np.sin(np.arange(vectors.shape[2]))),
        episodes(replace(lessons, weights=lessons.weights[::-1]), vectors),
    ]
    assert len({task.fingerprint for task in tasks}) == 4
    assert tasks[0].fingerprint == episodes(lessons, vectors).fingerprint
