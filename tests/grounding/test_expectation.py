"""Bayes' rule between what other questions let expect and real answers."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import expit
from scipy.stats import norm

from grounding.expectation import SCALES, Expectation, updated
from grounding.prior import item_shares
from personas.answer import Answers
from personas.arrays import FloatArray
from personas.question import Question

YES_NO = np.array([[0.5, -0.5], [-0.5, 0.5]])


def together(correlation: float, variance: float, n: int = 2) -> Expectation:
    """Yes/no questions whose log odds have twice the ``variance`` and this correlation."""
    between = np.full((n, n), correlation) + (1 - correlation) * np.eye(n)
    return Expectation(np.zeros(2 * n), variance * np.kron(between, YES_NO))


def exact(counts: FloatArray, mean: float, variance: float) -> tuple[float, float]:
    """Share and log evidence of a yes/no question whose log odds are normal, by numerical integration."""
    scale = np.sqrt(variance)

    def likelihood(odds: float) -> float:
        p = expit(odds)
        return float(p ** counts[0] * (1 - p) ** counts[1] * norm.pdf(odds, mean, scale))

    whole = quad(likelihood, mean - 12 * scale, mean + 12 * scale, epsabs=0, limit=200)[0]
    part = quad(lambda o: expit(o) * likelihood(o), mean - 12 * scale, mean + 12 * scale, epsabs=0, limit=200)
    return part[0] / whole, float(np.log(whole))


@pytest.mark.parametrize(("counts", "mean", "variance"), [((7.0, 3.0), 0.0, 0.4), ((3.0, 12.0), 1.0, 1.0)])
def test_a_yes_no_question_has_the_share_and_evidence_of_numerical_integration(
    counts, mean, variance
) -> None:
    # Log odds are the difference of two centred log shares, whose variance is half of theirs each way.
    expectation = Expectation(np.array([mean / 2, -mean / 2]), variance / 2 * YES_NO)
    found = updated([np.array(counts)], expectation)
    each = [exact(np.array(counts), mean, variance * scale) for scale in SCALES]
    share, evidence = max(zip(each, SCALES, strict=True), key=lambda e: e[0][1] - 0.5 * np.log(e[1]) ** 2)[0]
    assert found.log_evidence == pytest.approx(evidence, abs=0.05)
    assert found.shares[0][0] == pytest.approx(share, abs=0.01)


def test_the_worked_numbers() -> None:
    found = updated([np.array([7.0, 3.0])], Expectation(np.zeros(2), 0.2 * YES_NO))
    assert found.shares[0][0] == pytest.approx(0.6, abs=0.02)
    assert found.totals[0] == pytest.approx(20, abs=4)


def test_what_one_item_of_a_battery_got_informs_the_others() -> None:
    counts = [np.array([40.0, 10.0]), np.array([1.0, 1.0])]
    alone = updated(counts, together(0.0, 0.5)).shares[1][0]
    beside = updated(counts, together(0.9, 0.5)).shares[1][0]
    assert alone == pytest.approx(0.5, abs=0.01)
    assert beside > 0.65


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5))
def test_shares_sum_to_one_and_approach_the_observed_as_answers_grow(seed: int, options: int) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.dirichlet(np.full(options, 3.0))
    root = rng.standard_normal((options, options))
    centre = np.eye(options) - 1 / options
    expectation = Expectation(np.zeros(options), centre @ root @ root.T @ centre + 0.1 * centre)
    off = [
        np.abs(found.shares[0] - truth).sum()
        for n in (1.0, 30.0, 3000.0)
        for found in [updated([n * truth], expectation)]
    ]
    assert off[2] <= off[1] + 1e-9
    assert off[2] < 0.02
    assert sum(updated([30 * truth], expectation).shares[0]) == pytest.approx(1.0)


def test_totals_count_the_real_answers_and_what_was_expected() -> None:
    few, many = (updated([np.array([n, n])], together(0.0, 0.1, 1)).totals[0] for n in (5.0, 500.0))
    assert few > 10
    assert many > 1000
    assert many - 1000 < 200


def test_a_wrong_expectation_is_not_believed() -> None:
    rng = np.random.default_rng(0)
    truth = np.array([0.8, 0.1, 0.1])
    chosen = np.stack([rng.choice(3, 400, p=truth) for _ in range(6)], axis=1)
    asked = tuple(
        Question(name=f"q{i}", text=f"What of thing {i}?", options=("a", "b", "c"), scale="nominal")
        for i in range(6)
    )
    answers = Answers(asked, chosen)
    centred = np.eye(3) - 1 / 3
    wrong = Expectation(np.tile([-2.0, 1.0, 1.0], 6), np.kron(np.eye(6), 0.01 * centred))
    right = Expectation(np.tile(np.log(truth) - np.log(truth).mean(), 6), np.kron(np.eye(6), 0.01 * centred))
    weights = np.ones(400)
    assert not item_shares(answers, weights, expectation=wrong).expected
    helped = item_shares(answers, weights, expectation=right)
    assert helped.expected
    for share in helped.shares:
        np.testing.assert_allclose(share, truth, atol=0.05)
