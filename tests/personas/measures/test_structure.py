import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personas.answer import NO_ANSWER, Answers
from personas.measures import structure
from personas.question import Question

FIVE = Question(name="five", text="How much?", options=("a", "b", "c", "d", "e"))
TWO = Question(name="two", text="Is it?", options=("no", "yes"), scale="nominal")
THREE = Question(name="three", text="Which?", options=("x", "y", "z"), scale="nominal")


def answers(n: int, seed: int, missing: float = 0.0, questions=(FIVE, TWO)) -> Answers:
    """Answers that go together, some of them missing."""
    rng = np.random.default_rng(seed)
    lean = rng.normal(size=n)
    columns = [
        np.clip(np.round(lean + rng.normal(size=n) + len(q.options) / 2), 0, len(q.options) - 1)
        for q in questions
    ]
    chosen = np.stack(columns, axis=1).astype(np.int64)
    chosen[rng.random(chosen.shape) < missing] = NO_ANSWER
    return Answers(tuple(questions), chosen)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000))
def test_a_correlation_is_numpys_over_those_who_answered_both(seed: int) -> None:
    """Reference: ``numpy.cov`` with analytic weights on complete pairs."""
    data = answers(400, seed, 0.3)
    weights = np.random.default_rng(seed).uniform(0.5, 2.0, 400)
    both = np.all(data.chosen != NO_ANSWER, axis=1)
    covariance = np.cov(data.chosen[both].T, aweights=weights[both])
    expected = covariance[0, 1] / np.sqrt(covariance[0, 0] * covariance[1, 1])
    found = structure.correlations(data, weights)
    assert found[0, 1] == pytest.approx(expected) == found[1, 0]
    np.testing.assert_allclose(np.diag(found), 1.0)


def test_what_has_no_correlation_has_none() -> None:
    data = answers(300, 1, questions=(FIVE, TWO, THREE))
    same = Answers(data.questions, np.where(np.arange(3) == 1, 1, data.chosen))
    found = structure.correlations(data, np.ones(300))
    assert not np.isnan(found[0, 1])
    assert np.all(np.isnan(found[2])), "options without an order have no place"
    assert np.all(np.isnan(structure.correlations(same, np.ones(300))[1])), "one answer from everybody"
    assert np.all(np.isnan(structure.correlations(data, np.ones(300), fewest=301)))


def test_the_distance_is_that_of_the_pairs_that_both_have() -> None:
    first = np.array([[1.0, 0.5, 0.1], [0.5, 1.0, np.nan], [0.1, np.nan, 1.0]])
    second = np.array([[1.0, 0.2, 0.5], [0.2, 1.0, 0.3], [0.5, 0.3, 1.0]])
    assert structure.distance(first, second) == pytest.approx(np.sqrt((0.3**2 + 0.4**2) / 2))
    assert structure.distance(second, second) == 0.0
    with pytest.raises(ValueError, match="no two questions have a correlation in both"):
        structure.distance(first, np.full((3, 3), np.nan))
