from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import log_softmax

from grounding.prior import item_shares
from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray
from personas.models.factored import option_blocks
from personas.question import Question
from training.hierarchy.objective import Objective, objective

SIZES = (3, 2, 5)


def questions(*sizes: int) -> tuple[Question, ...]:
    return tuple(
        Question(name=f"q{i}", text=f"{i}?", options=tuple(map(str, range(n)))) for i, n in enumerate(sizes)
    )


def plain(persons: FloatArray, log_prior: FloatArray, answers: Answers, weights: FloatArray) -> Objective:
    """The objective of shares that were not shrunk."""
    blocks = option_blocks(answers.questions)
    return Objective(persons, log_prior, blocks, answers.chosen, weights, np.zeros_like(log_prior))


def random_objective(seed: int, n: int = 30, missing: float = 0.3, pseudo: bool = False) -> Objective:
    rng = np.random.default_rng(seed)
    chosen = np.stack([rng.integers(0, k, n) for k in SIZES], axis=1)
    chosen[rng.random(chosen.shape) < missing] = NO_ANSWER
    persons = np.column_stack([np.ones(n), rng.normal(size=(n, 3))])
    log_prior = np.concatenate([log_softmax(rng.normal(size=k)) for k in SIZES])
    answers = Answers(questions(*SIZES), chosen)
    found = plain(persons, log_prior, answers, rng.uniform(0, 2, n))
    return replace(found, pseudo=rng.uniform(0, 3, len(log_prior))) if pseudo else found


def by_hand(found: Objective, effects: FloatArray) -> float:
    """The weighted log-likelihood, answer by answer."""
    total = 0.0
    for person, weight, row in zip(found.persons, found.weights, found.chosen, strict=True):
        logits = found.log_prior + person @ effects
        for block, option in zip(found.blocks, row, strict=True):
            if option != NO_ANSWER:
                total += weight * float(log_softmax(logits[block])[option])
    return total


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 10**6), st.floats(0.1, 100.0))
def test_the_gradient_is_that_of_finite_differences(seed: int, ridge: float) -> None:
    found = random_objective(seed, n=12, pseudo=True)
    at = np.random.default_rng(seed).normal(size=4 * sum(SIZES))
    gradient = found.value_and_gradient(at, ridge)[1]
    step = 1e-5
    for i in range(len(at)):
        move = np.zeros_like(at)
        move[i] = step
        up, down = (
            found.value_and_gradient(at + move, ridge)[0],
            found.value_and_gradient(at - move, ridge)[0],
        )
        assert gradient[i] == pytest.approx((up - down) / (2 * step), rel=1e-5, abs=1e-5)


def test_the_likelihood_is_the_sum_over_answers() -> None:
    found = random_objective(1)
    effects = np.random.default_rng(2).normal(size=(4, sum(SIZES)))
    expected = by_hand(found, effects)
    assert found.log_likelihood(effects) == pytest.approx(expected)
    answered = found.weights @ (found.chosen != NO_ANSWER).sum(axis=1)
    assert found.total_weight == pytest.approx(answered)
    assert found.mean_log_score(effects) == pytest.approx(expected / answered)
    penalty = 0.5 * (0.01 * np.square(effects[0]).sum() + 7.0 * np.square(effects[1:]).sum())
    assert found.value_and_gradient(effects.ravel(), 7.0)[0] == pytest.approx(penalty - expected)


def test_shares_for_everybody_score_like_no_effects() -> None:
    found = random_objective(3)
    assert found.mean_share_score(found.log_prior) == pytest.approx(found.mean_log_score(np.zeros((4, 10))))


@pytest.mark.parametrize("ridge", [300.0, 3.0])
def test_the_fit_is_where_the_gradient_vanishes_wherever_it_starts(ridge: float) -> None:
    found = random_objective(4, n=200, pseudo=True)
    effects = found.fit(ridge)
    assert np.abs(found.value_and_gradient(effects.ravel(), ridge)[1]).max() < 0.02
    other = found.fit(ridge, np.random.default_rng(5).normal(size=effects.shape))
    np.testing.assert_allclose(found.persons @ other, found.persons @ effects, atol=0.01)


def test_effects_agree_with_an_unpenalised_multinomial_logit() -> None:
    # Reference: statsmodels MNLogit (maximum likelihood) on the same simulated answers.
    rng = np.random.default_rng(6)
    x = np.column_stack([np.ones(800), rng.normal(size=(800, 2))])
    logits = x @ np.array([[0.0, 0.5, -0.3], [0.0, 1.0, -0.5], [0.0, -0.4, 0.8]])
    chosen = (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)
    found = plain(x, np.log(np.full(3, 1 / 3)), Answers(questions(3), chosen[:, None]), np.ones(800))
    effects = found.fit(1e-6)
    reference = sm.MNLogit(chosen, x).fit(disp=0)
    np.testing.assert_allclose((effects - effects[:, :1])[:, 1:], reference.params, atol=0.01)
    assert found.log_likelihood(effects) == pytest.approx(reference.llf, abs=0.01)


def test_simulated_effects_are_recovered() -> None:
    rng = np.random.default_rng(7)
    truth = np.vstack([np.zeros(10), 0.6 * rng.normal(size=(3, 10))])
    x = np.column_stack([np.ones(6000), rng.normal(size=(6000, 3))])
    blocks = random_objective(0).blocks
    logits = x @ truth
    drawn = [
        (logits[:, b] + rng.gumbel(size=(6000, k))).argmax(axis=1) for b, k in zip(blocks, SIZES, strict=True)
    ]
    log_prior = np.concatenate([np.log(np.full(k, 1 / k)) for k in SIZES])
    found = plain(x, log_prior, Answers(questions(*SIZES), np.stack(drawn, axis=1)), np.ones(6000))
    effects = found.fit(1.0)
    for block in blocks:
        centred = truth[:, block] - truth[:, block].mean(axis=1, keepdims=True)
        estimate = effects[:, block] - effects[:, block].mean(axis=1, keepdims=True)
        np.testing.assert_allclose(estimate, centred, atol=0.12)


def test_an_immense_ridge_leaves_only_the_main_term() -> None:
    found = random_objective(8, n=200)
    effects = found.fit(1e9)
    assert np.abs(effects[1:]).max() < 1e-5


def test_questions_are_fitted_independently() -> None:
    both = random_objective(9, n=150)
    answers = Answers(questions(*SIZES), both.chosen).only(["q0"])
    alone = plain(both.persons, both.log_prior[:3], answers, both.weights)
    np.testing.assert_allclose(alone.fit(10.0), both.fit(10.0)[:, :3], atol=0.003)


def test_people_without_weight_and_people_who_are_not_there_are_the_same() -> None:
    found = random_objective(10, n=100)
    weights = found.weights.copy()
    weights[50:] = 0.0
    silent = replace(found, weights=weights)
    np.testing.assert_allclose(silent.fit(10.0), found.take(np.arange(50)).fit(10.0), atol=1e-9)


def test_a_weight_of_two_is_two_people() -> None:
    found = random_objective(11, n=60)
    twice = found.take(np.tile(np.arange(60), 2))
    heavy = replace(found, weights=2 * found.weights)
    at = np.random.default_rng(12).normal(size=40)
    one, other = twice.value_and_gradient(at, 5.0), heavy.value_and_gradient(at, 5.0)
    assert one[0] == pytest.approx(other[0])
    np.testing.assert_allclose(one[1], other[1])


def test_a_question_that_all_answer_alike_or_that_nobody_answers_is_fitted() -> None:
    found = random_objective(13, n=80, missing=0.0)
    found.chosen[:, 0], found.chosen[:, 2] = 1, NO_ANSWER
    effects = found.fit(10.0)
    assert np.all(np.isfinite(effects))
    np.testing.assert_allclose(effects[:, 5:], 0.0, atol=1e-12)
    logits = found.log_prior[:3] + found.persons @ effects[:, :3]
    assert np.exp(log_softmax(logits, axis=1)[:, 1]).mean() > 0.95


def test_permuting_the_options_permutes_the_effects() -> None:
    found = random_objective(14, n=150)
    order = np.array([2, 0, 1])
    rows = np.concatenate([order, np.arange(3, 10)])
    chosen = found.chosen.copy()
    chosen[chosen[:, 0] >= 0, 0] = np.argsort(order)[chosen[chosen[:, 0] >= 0, 0]]
    turned = replace(found, log_prior=found.log_prior[rows], chosen=chosen)
    np.testing.assert_allclose(turned.fit(10.0), found.fit(10.0)[:, rows], atol=1e-6)


def test_logits_of_any_size_are_stable() -> None:
    found = random_objective(15)
    loss, gradient = found.value_and_gradient(np.full(40, 1e4) * np.arange(40), 1.0)
    assert np.isfinite(loss)
    assert np.all(np.isfinite(gradient))


def test_without_effects_the_main_term_keeps_the_shrunken_shares() -> None:
    rng = np.random.default_rng(16)
    chosen = np.stack([rng.choice(3, 25, p=p) for p in ([0.8, 0.1, 0.1], [0.2, 0.3, 0.5])], axis=1)
    answers, weights = Answers(questions(3, 3), chosen), rng.uniform(0.2, 2.0, 25)
    shares = item_shares(answers, weights)
    persons = np.column_stack([np.ones(25), rng.normal(size=(25, 2))])
    found = objective(persons, shares, answers, weights)
    np.testing.assert_allclose(found.log_prior, shares.log_shares)
    np.testing.assert_allclose(found.fit(1e9), 0.0, atol=1e-3)
    raw = replace(found, pseudo=np.zeros(6)).fit(1e9)
    assert np.abs(raw[0]).max() > 0.05
