import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.calibration import calibration_curve

from personas.answer import NO_ANSWER, Answers
from personas.measures.calibration import classwise_ece, classwise_ece_floor, pooled_ece
from personas.question import Question


def _answers(*columns, options=2):
    names = tuple("abcdef"[:options])
    questions = tuple(Question(name=f"q{i}", text="?", options=names) for i in range(len(columns)))
    return Answers(questions, np.array(columns).T)


def test_the_worked_number():
    parts = [np.array([[0.8, 0.2], [0.8, 0.2]])]
    assert classwise_ece(parts, _answers([0, 1]), np.ones(2)) == pytest.approx(0.3)


def test_a_table_checked_by_hand():
    # Option a: bin [.2, .4): .3 and .3, nobody chose it -> 2 (.3); bin [.6, .8): .7, chosen -> .3.
    # Option b: bin [.6, .8): .7 and .7, both chose it -> 2 (.3); bin [.2, .4): .3, not chosen -> .3.
    parts = [np.array([[0.3, 0.7], [0.3, 0.7], [0.7, 0.3]])]
    found = classwise_ece(parts, _answers([1, 1, 0]), np.ones(3), bins=5)
    assert found == pytest.approx((0.9 / 3 + 0.9 / 3) / 2)
    # With the third person counting twice: (2 * .3 + 2 * .3) / 4 for both options.
    assert classwise_ece(parts, _answers([1, 1, 0]), np.array([1.0, 1.0, 2.0]), bins=5) == pytest.approx(0.3)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5), st.integers(1, 20))
def test_each_option_alone_is_the_reliability_curve_of_scikit_learn(seed, options, bins):
    rng = np.random.default_rng(seed)
    part = rng.dirichlet(np.ones(options), size=40)
    chosen = rng.integers(0, options, 40)
    expected = []
    for o in range(options):
        came_true, said = calibration_curve(chosen == o, part[:, o], n_bins=bins)
        sizes = np.histogram(part[:, o], bins=bins, range=(0, 1))[0]
        expected.append(sizes[sizes > 0] @ np.abs(came_true - said) / 40)
    found = classwise_ece([part], _answers(chosen, options=options), np.ones(40), bins)
    assert found == pytest.approx(np.mean(expected))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000))
def test_questions_count_by_the_weight_of_their_answers_and_finer_bins_find_no_less(seed):
    rng = np.random.default_rng(seed)
    parts = [rng.dirichlet(np.ones(2), size=20) for _ in range(2)]
    chosen = rng.integers(0, 2, (2, 20))
    chosen[1, 5:] = NO_ANSWER
    weights = rng.uniform(0.5, 2, 20)
    answers = _answers(*chosen)
    each = [classwise_ece([p], answers.only([f"q{i}"]), weights) for i, p in enumerate(parts)]
    sizes = [weights.sum(), weights[:5].sum()]
    found = classwise_ece(parts, answers, weights)
    assert found == pytest.approx(np.average(each, weights=sizes))
    assert classwise_ece(parts, answers, weights, bins=30) >= found - 1e-12
    assert 0 <= found <= 1


def test_a_model_that_is_right_scores_its_floor_and_an_overconfident_one_much_more():
    rng = np.random.default_rng(0)
    truth = [rng.dirichlet(np.ones(3) * 2, size=2000) for _ in range(4)]
    chosen = [(p.cumsum(axis=1) < rng.random((2000, 1))).sum(axis=1) for p in truth]
    answers, weights = _answers(*chosen, options=3), rng.uniform(0.5, 2, 2000)
    floor = classwise_ece_floor(truth, answers, weights, rng)
    assert classwise_ece(truth, answers, weights) == pytest.approx(floor, rel=0.25)
    sharp = [p**3 / (p**3).sum(axis=1, keepdims=True) for p in truth]
    assert classwise_ece(sharp, answers, weights) > 3 * classwise_ece_floor(sharp, answers, weights, rng)


def test_certainty_that_is_right_has_no_error_and_that_is_wrong_all_of_it():
    parts = [np.array([[1.0, 0.0], [0.0, 1.0]])]
    assert classwise_ece(parts, _answers([0, 1]), np.ones(2)) == 0.0
    assert classwise_ece(parts, _answers([1, 0]), np.ones(2)) == 1.0


def test_what_cannot_be_measured_raises():
    parts = [np.array([[0.5, 0.5]])]
    with pytest.raises(ValueError, match="at least one answer"):
        classwise_ece(parts, _answers([NO_ANSWER]), np.ones(1))
    with pytest.raises(ValueError, match="bins must be >= 1, got 0"):
        classwise_ece(parts, _answers([0]), np.ones(1), bins=0)
    with pytest.raises(ValueError, match="replicates must be >= 1, got 0"):
        classwise_ece_floor(parts, _answers([0]), np.ones(1), np.random.default_rng(0), replicates=0)


def test_pooled_over_all_options_the_worked_number_and_the_reliability_curve_of_scikit_learn():
    parts = [np.array([[0.8, 0.2], [0.8, 0.2]])]
    assert pooled_ece(parts, _answers([0, 1]), np.ones(2)) == pytest.approx(0.3)
    rng = np.random.default_rng(3)
    parts = [rng.dirichlet(np.ones(3), size=60) for _ in range(4)]
    columns = [rng.integers(0, 3, 60) for _ in range(4)]
    called = np.concatenate([p.ravel() for p in parts])
    came = np.concatenate([np.eye(3)[c].ravel() for c in columns])
    true, said = calibration_curve(came, called, n_bins=10)
    size = np.histogram(called, np.linspace(0, 1, 11))[0]
    expected = (np.abs(true - said) * size[size > 0]).sum() / len(called)
    found = pooled_ece(parts, _answers(*columns, options=3), np.ones(60), bins=10)
    assert found == pytest.approx(expected)


def test_pooled_over_many_questions_luck_evens_out():
    rng = np.random.default_rng(4)
    parts = [np.tile(rng.dirichlet(np.ones(3)), (40, 1)) for _ in range(200)]
    columns = [rng.choice(3, 40, p=p[0]) for p in parts]
    answers = _answers(*columns, options=3)
    assert pooled_ece(parts, answers, np.ones(40)) < 0.2 * classwise_ece(parts, answers, np.ones(40))
