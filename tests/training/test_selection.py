from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from simulated_survey import survey
from word_encoder import WordEncoder

from grounding.prior import ItemShares, item_shares
from grounding.splits import Split
from personas.arrays import FloatArray
from personas.models.factored import attribute_vectors, normalised, question_option_vectors
from personas.models.kernel import (
    OptionSet,
    centred_blocks,
    damping,
    gram_matrix,
    leave_one_question_out,
    option_set,
)
from personas.models.persons import PersonEncoder, person_encoder
from training import selection
from training.dataset import TrainingData, training_data
from training.objective import Objective, objective
from training.selection import (
    NOTHING,
    choose_effect_kernel,
    choose_effects,
    choose_share_kernel,
    left_out_shares,
)

ENCODER = WordEncoder()


def training(n_people: int, seed: int, strength: float = 1.0) -> TrainingData:
    world = survey(n_people, seed, strength)
    return training_data(world.people, world.answers, Split(1, 0.2, ()), world.people.attributes)


def shares_of(data: TrainingData) -> ItemShares:
    return item_shares(data.answers, data.weights)


def prior(data: TrainingData) -> FloatArray:
    return shares_of(data).log_shares


def encoder(data: TrainingData, text: float) -> PersonEncoder:
    people = data.people
    return person_encoder(people, people.attributes, text, lambda pairs: attribute_vectors(ENCODER, pairs))


def choose(data: TrainingData, folds: int = 4, seed: int = 1) -> selection.EffectChoice:
    rng = np.random.default_rng(seed)
    return choose_effects(data, shares_of(data), lambda text: encoder(data, text), folds, rng)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return training(500, seed=1)


@pytest.fixture(scope="module")
def options(data: TrainingData) -> OptionSet:
    return option_set(data.answers.questions, question_option_vectors(ENCODER, data.answers.questions))


@pytest.fixture(scope="module")
def answers(data: TrainingData) -> Objective:
    return objective(encoder(data, 0.0).encode(data.people), shares_of(data), data.answers, data.weights)


def test_effects_that_are_there_are_kept(data: TrainingData) -> None:
    chosen = choose(data)
    assert np.isfinite(chosen.ridge)
    assert chosen.gain > 0.05


def test_effects_that_are_not_there_are_dropped() -> None:
    chosen = choose(training(150, seed=2, strength=0.0))
    assert (chosen.ridge, chosen.text, chosen.gain) == (np.inf, 0.0, 0.0)


def test_few_people_in_many_folds_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "RIDGES", (100.0, 10.0))
    few = training(22, seed=3)
    assert len(few.people) < 20
    chosen = choose(few, folds=20)
    assert chosen.gain >= 0.0


def test_the_gain_is_that_of_people_left_out_fold_by_fold(
    data: TrainingData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(selection, "RIDGES", (30.0,))
    monkeypatch.setattr(selection, "TEXT_SHARES", (0.0,))
    chosen = choose(data, folds=3, seed=7)
    persons = encoder(data, 0.0).encode(data.people)
    whole = objective(persons, shares_of(data), data.answers, data.weights)
    fold = np.random.default_rng(7).permutation(np.arange(len(persons)) % 3)
    total = 0.0
    for f in range(3):
        effects = whole.take(np.flatnonzero(fold != f)).fit(30.0)
        total += whole.take(np.flatnonzero(fold == f)).log_likelihood(effects)
    none = whole.mean_log_score(np.zeros((persons.shape[1], len(prior(data)))))
    assert chosen.gain == pytest.approx(total / whole.total_weight - none, abs=1e-6)


def test_the_search_equals_trying_every_kernel_one_by_one(
    data: TrainingData, options: OptionSet, answers: Objective
) -> None:
    targets = centred_blocks(prior(data)[:, None], options.blocks)
    best, place = -np.inf, NOTHING
    grid = product((0.0, 1.0), selection.POSITIONS, selection.LENGTHS, selection.NOISES)
    for text, position, length, noise in grid:
        if text == 0 and (length, position) != (selection.LENGTHS[0], 1.0):
            continue
        parts = NOTHING.model_copy(
            update={"text": text, "position": position, "length": length, "noise": noise}
        )
        gram = gram_matrix(options, parts)
        found = leave_one_question_out(gram, targets, options.blocks)
        contrasts = len(targets) - len(options.blocks)
        amplitude = float((targets * np.linalg.solve(gram, targets)).sum() / contrasts)
        widen = damping(amplitude * found.variance, options.blocks)
        score = answers.mean_share_score(normalised(found.mean[:, 0] * widen, options.blocks))
        if score > best + 1e-9:
            best, place = score, parts
    chosen, _ = choose_share_kernel(options, prior(data), answers)
    assert chosen.settings == place
    assert chosen.log_score == pytest.approx(best, abs=1e-9)


def test_texts_are_used_where_they_tell_which_questions_are_alike(
    data: TrainingData, options: OptionSet, answers: Objective
) -> None:
    chosen, amplitude = choose_share_kernel(options, prior(data), answers)
    assert chosen.settings.text == 1.0
    assert chosen.log_score > answers.mean_share_score(np.full(48, np.log(1 / 3))) + 0.03
    assert amplitude > 0
    again = left_out_shares(options, prior(data), chosen.settings)
    assert answers.mean_share_score(again.log_shares) == pytest.approx(chosen.log_score, abs=1e-9)
    assert np.all((again.damping > 0) & (again.damping <= 1))


def test_effects_carry_to_left_out_questions(
    data: TrainingData, options: OptionSet, answers: Objective
) -> None:
    share_kernel, _ = choose_share_kernel(options, prior(data), answers)
    shares = left_out_shares(options, prior(data), share_kernel.settings)
    effects = answers.fit(30.0)
    chosen = choose_effect_kernel(options, shares, effects, answers)
    assert chosen.settings.text == 1.0
    assert chosen.log_score > share_kernel.log_score + 0.02
    # The score is that of damped effects, as the model damps them for new questions.
    targets = centred_blocks(effects.T, options.blocks)
    found = leave_one_question_out(gram_matrix(options, chosen.settings), targets, options.blocks)
    trial = replace(answers, log_prior=shares.log_shares)
    assert trial.mean_log_score(found.mean.T * shares.damping) == pytest.approx(chosen.log_score, abs=1e-9)


def test_no_effects_choose_no_kernel(data: TrainingData, options: OptionSet, answers: Objective) -> None:
    share_kernel, _ = choose_share_kernel(options, prior(data), answers)
    shares = left_out_shares(options, prior(data), share_kernel.settings)
    chosen = choose_effect_kernel(options, shares, np.zeros((answers.persons.shape[1], 48)), answers)
    assert chosen.settings == NOTHING
    assert chosen.log_score == pytest.approx(share_kernel.log_score, abs=1e-9)


def test_a_left_out_question_is_predicted_without_its_own_answers(
    data: TrainingData, options: OptionSet
) -> None:
    parts = NOTHING.model_copy(update={"text": 1.0, "length": 0.5, "noise": 0.2})
    log_shares = prior(data)
    before = left_out_shares(options, log_shares, parts).log_shares
    log_shares[:3] = np.log([0.05, 0.05, 0.9])
    after = left_out_shares(options, log_shares, parts)
    # Its own prediction moves only by the damping, which shares one amplitude with all questions.
    centred = [x[:3] - x[:3].mean() for x in (before, after.log_shares)]
    assert centred[0] @ centred[1] == pytest.approx(np.linalg.norm(centred[0]) * np.linalg.norm(centred[1]))
    assert np.abs(after.log_shares[3:6] - before[3:6]).max() > 0.01
