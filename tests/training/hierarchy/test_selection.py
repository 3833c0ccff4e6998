from dataclasses import replace

import numpy as np
import pytest
from simulated_survey import survey
from word_encoder import WordEncoder

from grounding.prior import ItemShares, item_shares
from grounding.splits import Split
from personas.arrays import FloatArray
from personas.models import projection
from personas.models.factored import attribute_vectors, question_option_vectors
from personas.models.head import normalised
from personas.models.kernel import KernelSettings, OptionSet, centred_blocks, damping, gram_matrix, option_set
from personas.models.persons import PersonEncoder, person_encoder
from personas.models.spectrum import leave_one_question_out
from training.dataset import TrainingData, training_data
from training.hierarchy import selection
from training.hierarchy.objective import Objective, objective
from training.hierarchy.selection import NOTHING, Answered, Left, choose_effects

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
    return choose_effects(answers_of(data), None, folds, np.random.default_rng(seed))


def answers_of(data: TrainingData) -> Objective:
    persons = encoder(data, 0.0).encode(data.people)
    return objective(persons, shares_of(data), data.answers, data.weights)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    return training(500, seed=1)


@pytest.fixture(scope="module")
def options(data: TrainingData) -> OptionSet:
    vectors = question_option_vectors(ENCODER, data.answers.questions)
    return option_set(data.answers.questions, projection.fitted(vectors).apply(vectors))


@pytest.fixture(scope="module")
def answers(data: TrainingData) -> Objective:
    return answers_of(data)


@pytest.fixture(scope="module")
def left(options: OptionSet) -> Left:
    return Left(options, None)


@pytest.fixture(scope="module")
def answered(answers: Objective) -> Answered:
    return Answered.of([answers], np.random.default_rng(1))


def test_effects_that_are_there_are_kept(data: TrainingData) -> None:
    chosen = choose(data)
    assert np.isfinite(chosen.ridge)
    assert chosen.gain > 0.05


def test_effects_that_are_not_there_are_dropped() -> None:
    chosen = choose(training(150, seed=2, strength=0.0))
    assert chosen.blend.max() < 0.5
    assert 0.0 <= chosen.gain < 0.003


def test_effects_expected_from_elsewhere_are_used_where_they_are_right(data: TrainingData) -> None:
    answers = answers_of(data)
    right = answers.fit(10.0)
    few = answers.take(np.arange(60))
    rng = np.random.default_rng
    alone, helped = (choose_effects(few, goal, 4, rng(5)) for goal in (None, right))
    misled = choose_effects(few, -right, 4, rng(5))
    assert helped.towards
    assert helped.gain > alone.gain + 0.01
    assert not misled.towards
    assert misled.gain == pytest.approx(alone.gain)


def test_a_question_that_attributes_say_nothing_of_keeps_little_of_its_effects() -> None:
    data = training(500, seed=8)
    chosen = data.answers.chosen.copy()
    rng = np.random.default_rng(9)
    for silent in (3, 12):
        given = chosen[:, silent] >= 0
        chosen[given, silent] = rng.permutation(chosen[given, silent])
    found = choose(replace(data, answers=replace(data.answers, chosen=chosen)))
    others = np.delete(found.blend, [3, 12])
    assert found.blend[[3, 12]].max() < 0.4
    assert others.mean() > 0.85


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
    monkeypatch.setattr(selection, "BLENDS", (1.0,))
    monkeypatch.setattr(selection, "_RANK", 0)
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
    data: TrainingData, options: OptionSet, left: Left, answers: Objective, answered: Answered
) -> None:
    targets = centred_blocks(prior(data)[:, None], options.blocks)
    best, place = answers.mean_share_score(np.full(48, np.log(1 / 3))), NOTHING
    for length in selection.LENGTHS:
        for text, pair, slope, position in (*selection.PARTS, (0.0, 0.0, 0.0, 1.0)):
            for noise in selection.NOISES:
                kernel = KernelSettings(
                    text=text, pair=pair, slope=slope, position=position, length=length, noise=noise
                )
                gram = gram_matrix(options, kernel)
                found = leave_one_question_out(gram, targets, options.blocks)
                contrasts = len(targets) - len(options.blocks)
                amplitude = float((targets * np.linalg.solve(gram, targets)).sum() / contrasts)
                widen = damping(amplitude * found.variance, options.blocks)
                score = answers.mean_share_score(normalised(found.mean[:, 0] * widen, options.blocks))
                if score > best + 1e-9:
                    best, place = score, kernel
    chosen = left.shares(prior(data), answered)
    assert chosen.settings == place
    assert chosen.log_score == pytest.approx(best, abs=1e-9)


def test_texts_are_used_where_they_tell_which_questions_are_alike(
    data: TrainingData, left: Left, answers: Objective, answered: Answered
) -> None:
    chosen = left.shares(prior(data), answered)
    assert chosen.settings.text + chosen.settings.slope > 0
    assert chosen.log_score > answers.mean_share_score(np.full(48, np.log(1 / 3))) + 0.03
    again, amplitude = left.left_out_shares(prior(data), chosen.settings)
    assert amplitude > 0
    assert answers.mean_share_score(again.log_shares) == pytest.approx(chosen.log_score, abs=1e-9)
    assert np.all((again.damping > 0) & (again.damping <= 1))
    assert left.support(chosen.settings).min() > 0.3


def test_effects_carry_to_left_out_questions(
    data: TrainingData, options: OptionSet, left: Left, answers: Objective, answered: Answered
) -> None:
    share_kernel = left.shares(prior(data), answered)
    shares, _ = left.left_out_shares(prior(data), share_kernel.settings)
    effects = answers.fit(30.0)
    chosen = left.effects(effects, shares, answered)
    assert chosen.settings.text + chosen.settings.slope > 0
    assert chosen.log_score > share_kernel.log_score + 0.02
    # The score is that of damped effects, as the model damps them for new questions.
    targets = centred_blocks(effects.T, options.blocks)
    found = leave_one_question_out(gram_matrix(options, chosen.settings), targets, options.blocks)
    trial = replace(answers, log_prior=shares.log_shares)
    assert trial.mean_log_score(found.mean.T * shares.damping) == pytest.approx(chosen.log_score, abs=1e-9)


def test_no_effects_choose_no_kernel(
    data: TrainingData, left: Left, answers: Objective, answered: Answered
) -> None:
    share_kernel = left.shares(prior(data), answered)
    shares, _ = left.left_out_shares(prior(data), share_kernel.settings)
    chosen = left.effects(np.zeros((answers.persons.shape[1], 48)), shares, answered)
    assert chosen.settings == NOTHING
    assert chosen.log_score == pytest.approx(share_kernel.log_score, abs=1e-9)


def test_a_left_out_question_is_predicted_without_its_own_answers(data: TrainingData, left: Left) -> None:
    parts = NOTHING.model_copy(update={"text": 1.0, "length": 0.5, "noise": 0.2})
    log_shares = prior(data)
    before = left.left_out_shares(log_shares, parts)[0].log_shares
    log_shares[:3] = np.log([0.05, 0.05, 0.9])
    after = left.left_out_shares(log_shares, parts)[0]
    # Its own prediction moves only by the damping, which shares one amplitude with all questions.
    centred = [x[:3] - x[:3].mean() for x in (before, after.log_shares)]
    assert centred[0] @ centred[1] == pytest.approx(np.linalg.norm(centred[0]) * np.linalg.norm(centred[1]))
    assert np.abs(after.log_shares[3:6] - before[3:6]).max() > 0.01


def test_questions_left_out_with_their_battery_know_nothing_of_it(
    data: TrainingData, options: OptionSet
) -> None:
    nature, army = list(range(8)), list(range(8, 16))
    apart = Left(options, [nature, army])
    kernel = NOTHING.model_copy(update={"text": 1.0, "length": 0.4, "noise": 0.1})
    log_shares = prior(data)
    before = apart.left_out_shares(log_shares, kernel)[0].log_shares
    log_shares[3:24] = np.tile(np.log([0.1, 0.1, 0.8]), 7)
    after = apart.left_out_shares(log_shares, kernel)[0].log_shares
    centred = [x[:3] - x[:3].mean() for x in (before, after)]
    assert centred[0] @ centred[1] == pytest.approx(np.linalg.norm(centred[0]) * np.linalg.norm(centred[1]))
    assert np.abs(after[24:] - before[24:]).max() > 0.01


def test_surveys_are_scored_by_their_own_answers(data: TrainingData, answers: Objective) -> None:
    other = answers_of(training(200, seed=21))
    both = Answered.of([answers, other], np.random.default_rng(2))
    guess = np.concatenate([answers.log_prior, other.log_prior])
    weights = answers.total_weight, other.total_weight
    expected = sum(
        o.mean_share_score(o.log_prior) * w for o, w in zip((answers, other), weights, strict=True)
    ) / sum(weights)
    assert both.mean_share_score(guess) == pytest.approx(expected)
    nothing = np.zeros((answers.persons.shape[1], len(guess)))
    assert both.mean_log_score(guess, nothing) == pytest.approx(expected)


def test_common_directions_are_kept_and_the_rest_is_left(data: TrainingData) -> None:
    effects = np.random.default_rng(4).normal(size=(8, 20))
    found = selection.low_rank(effects, 2)
    np.testing.assert_array_equal(found[0], effects[0])
    assert np.linalg.matrix_rank(found[1:]) == 2
    np.testing.assert_allclose(selection.low_rank(effects, 7), effects, atol=1e-12)


def test_effects_pulled_to_their_common_directions_answer_few_people_better() -> None:
    few, many = answers_of(training(150, seed=31)), answers_of(training(1500, seed=32))
    plain = few.fit(10.0)
    shared = selection.pulled(few, plain, 10.0, 1)
    assert many.mean_log_score(shared) > many.mean_log_score(plain) + 0.002


def test_of_many_answers_some_questions_choose_the_ridge(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "_ENOUGH_ANSWERS", 1_000)
    chosen = choose(training(500, seed=1))
    assert np.isfinite(chosen.ridge)
    assert chosen.gain > 0.05
    assert chosen.blend.shape == (16,)
