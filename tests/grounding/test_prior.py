import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grounding.prior import item_shares
from personas.answer import NO_ANSWER, Answers, shares
from personas.arrays import FloatArray, IntArray
from personas.question import Question


def question(name: str, options: int = 3, scale: str = "ordinal") -> Question:
    labels = tuple(f"option {i}" for i in range(options))
    return Question(name=name, text=f"What of {name}?", options=labels, scale=scale)


def asked(chosen: IntArray, *kinds: tuple[int, str]) -> Answers:
    return Answers(tuple(question(f"q{i}", n, scale) for i, (n, scale) in enumerate(kinds)), chosen)


def simulated(n_people: int, truth: FloatArray, rng: np.random.Generator) -> Answers:
    chosen = np.stack([rng.choice(truth.shape[1], n_people, p=row) for row in truth], axis=1)
    return asked(chosen, *[(truth.shape[1], "ordinal")] * len(truth))


counts = st.lists(st.integers(0, 30), min_size=3, max_size=3).filter(lambda c: sum(c) > 0)


@settings(max_examples=40, deadline=None)
@given(st.lists(counts, min_size=2, max_size=5))
def test_shares_lie_between_the_observed_shares_and_their_centre(table: list[list[int]]) -> None:
    n = max(sum(row) for row in table)
    chosen = np.full((n, len(table)), NO_ANSWER)
    for j, row in enumerate(table):
        chosen[: sum(row), j] = np.repeat([0, 1, 2], row)
    answers = asked(chosen, *[(3, "ordinal")] * len(table))
    found = item_shares(answers, np.ones(n))
    observed = np.array(table) / np.sum(table, axis=1, keepdims=True)
    centre = (observed.mean(axis=0) + 1e-3) / (1 + 3e-3)
    for j, share in enumerate(found.shares):
        assert share.sum() == pytest.approx(1.0)
        assert np.all(share > 0)
        low, high = np.minimum(observed[j], centre), np.maximum(observed[j], centre)
        assert np.all((share >= low - 1e-12) & (share <= high + 1e-12))


def test_shares_approach_the_observed_shares_as_people_grow() -> None:
    truth = np.random.default_rng(0).dirichlet([3, 3, 3], 6)
    distances: list[float] = []
    for n in (20, 200, 2000):
        answers = simulated(n, truth, np.random.default_rng(1))
        found = item_shares(answers, np.ones(n))
        observed = [shares(answers.chosen[:, j], 3, np.ones(n)) for j in range(6)]
        distances.append(
            float(np.mean([abs(a - b).sum() for a, b in zip(found.shares, observed, strict=True)]))
        )
    assert distances[0] > 3 * distances[1] > 9 * distances[2]
    assert distances[2] < 0.005


@pytest.mark.parametrize("strength", [5.0, 40.0])
def test_a_simulated_strength_is_recovered(strength: float) -> None:
    rng = np.random.default_rng(2)
    truth = rng.dirichlet(strength * np.array([0.5, 0.3, 0.2]), 80)
    found = item_shares(simulated(150, truth, rng), np.ones(150))
    assert found.strengths[0] == pytest.approx(strength, rel=0.3)
    assert len(set(found.strengths)) == 1


def test_a_single_question_of_its_kind_is_shrunk_towards_uniform() -> None:
    found = item_shares(asked(np.array([[0]] * 6 + [[1]] * 4), (2, "ordinal")), np.ones(10))
    np.testing.assert_allclose(found.shares[0], [7 / 12, 5 / 12])
    assert found.strengths == (2.0,)


def test_kinds_of_questions_do_not_learn_from_each_other() -> None:
    rng = np.random.default_rng(3)
    chosen = np.column_stack([rng.integers(0, 3, (50, 2)), rng.integers(0, 2, (50, 2))])
    kinds = [(3, "ordinal"), (3, "ordinal"), (2, "ordinal"), (2, "ordinal")]
    before = item_shares(asked(chosen, *kinds), np.ones(50))
    chosen[:, 2:] = 1
    after = item_shares(asked(chosen, *kinds), np.ones(50))
    for j in (0, 1):
        np.testing.assert_array_equal(before.shares[j], after.shares[j])


def test_permuting_the_options_of_an_unordered_question_permutes_its_shares_and_changes_no_other() -> None:
    rng = np.random.default_rng(4)
    chosen = np.stack(
        [rng.choice(3, 40, p=p) for p in ([0.7, 0.2, 0.1], [0.1, 0.3, 0.6], [0.3, 0.4, 0.3])], axis=1
    )
    kinds = [(3, "nominal")] * 3
    before = item_shares(asked(chosen, *kinds), np.ones(40))
    order = np.array([2, 0, 1])
    chosen[:, 0] = order[chosen[:, 0]]
    after = item_shares(asked(chosen, *kinds), np.ones(40))
    np.testing.assert_allclose(after.shares[0][order], before.shares[0])
    for j in (1, 2):
        np.testing.assert_allclose(after.shares[j], before.shares[j])


def test_an_option_that_nobody_chose_keeps_a_positive_share() -> None:
    found = item_shares(asked(np.zeros((30, 2), dtype=np.int64), (3, "ordinal"), (3, "ordinal")), np.ones(30))
    assert np.all(np.isfinite(found.log_shares))
    assert all(share[0] > 0.99 for share in found.shares)


def test_bases_are_effective_numbers_of_people() -> None:
    weights = np.array([1.0, 1.0, 2.0, 0.0])
    chosen = np.array([[0, 0], [1, NO_ANSWER], [1, 1], [0, 0]])
    found = item_shares(asked(chosen, (2, "ordinal"), (2, "ordinal")), weights)
    assert found.bases == pytest.approx((16 / 6, 9 / 5))


def test_the_unit_of_the_weights_does_not_matter() -> None:
    rng = np.random.default_rng(5)
    answers = asked(rng.integers(0, 3, (60, 4)), *[(3, "ordinal")] * 4)
    weights = rng.uniform(0.2, 3.0, 60)
    one, other = item_shares(answers, weights), item_shares(answers, 1e4 * weights)
    np.testing.assert_allclose(one.shares, other.shares)


def test_a_question_that_nobody_answered_is_refused() -> None:
    chosen = np.array([[0, NO_ANSWER], [1, 0]])
    with pytest.raises(ValueError, match="nobody answered question 'q1'"):
        item_shares(asked(chosen, (2, "ordinal"), (2, "ordinal")), np.array([1.0, 0.0]))
