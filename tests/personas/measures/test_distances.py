import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import wasserstein_distance

from personas.measures.distances import agreement, check, wasserstein

LEFT, RIGHT = np.array([0.7, 0.2, 0.1]), np.array([0.1, 0.2, 0.7])


@st.composite
def pairs(draw):
    options = draw(st.integers(2, 7))
    numbers = st.lists(st.floats(0.01, 1.0), min_size=options, max_size=options)
    p, q = np.array(draw(numbers)), np.array(draw(numbers))
    return p / p.sum(), q / q.sum()


@settings(max_examples=50, deadline=None)
@given(pairs())
def test_agreement_is_symmetric_and_between_zero_and_one(pair):
    p, q = pair
    assert agreement(p, q) == agreement(q, p)
    assert 0.0 <= agreement(p, q) <= 1.0


@settings(max_examples=50, deadline=None)
@given(pairs())
def test_agreement_is_one_only_for_equal_distributions(pair):
    p, q = pair
    assert agreement(p, p) == 1.0
    assert (agreement(p, q) < 1.0) == bool(np.any(p != q)) or np.allclose(p, q, atol=1e-12)


@settings(max_examples=50, deadline=None)
@given(pairs(), st.randoms(use_true_random=False))
def test_the_order_of_options_does_not_matter_to_agreement(pair, random):
    p, q = pair
    order = list(range(len(p)))
    random.shuffle(order)
    assert agreement(p[order], q[order]) == pytest.approx(float(agreement(p, q)), abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(pairs())
def test_wasserstein_equals_scipy_with_shares_as_weights(pair):
    p, q = pair
    places = np.arange(len(p), dtype=float)
    expected = wasserstein_distance(places, places, p, q) / (len(p) - 1)
    assert wasserstein(p, q) == pytest.approx(expected, abs=1e-12)


def test_agreement_by_hand():
    assert agreement(LEFT, RIGHT) == pytest.approx(0.4)


def test_wasserstein_does_not_take_probabilities_for_samples():
    # The published mistake: as samples the two hold the same numbers and are 0 apart.
    assert wasserstein_distance(LEFT, RIGHT) == 0.0
    assert wasserstein(LEFT, RIGHT) == pytest.approx(0.6)


def test_opposite_ends_of_a_scale_are_one_apart_whatever_its_spacing():
    low, high = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
    assert wasserstein(low, high) == 1.0
    assert wasserstein(low, high, np.array([1.0, 2.0, 10.0])) == 1.0


@pytest.mark.parametrize("positions", [[1.0, 1.0, 1.0], [1.0, 2.0], [3.0, 2.0, 1.0], [0.0, np.nan, 1.0]])
def test_positions_that_do_not_increase_are_refused(positions):
    with pytest.raises(ValueError, match="strictly increasing"):
        wasserstein(LEFT, RIGHT, np.array(positions))


@pytest.mark.parametrize(
    "wrong",
    [[0.5, 0.6, 0.1], [-0.1, 0.6, 0.5], [np.nan, 0.5, 0.5], [0.2, 0.2, 0.2], [1.0], []],
    ids=["too much", "negative", "nan", "too little", "one option", "empty"],
)
def test_what_is_no_distribution_is_refused(wrong):
    with pytest.raises(ValueError, match="distribution"):
        agreement(np.array(wrong, dtype=float), RIGHT)
    with pytest.raises(ValueError, match="distribution"):
        agreement(RIGHT, np.array(wrong, dtype=float))


def test_probabilities_spread_over_more_options_than_the_question_has_are_refused():
    with pytest.raises(ValueError, match="10 and 3 options"):
        agreement(np.full(10, 0.1), RIGHT)


def test_the_offending_row_is_named():
    with pytest.raises(ValueError, match=r"shares of q1 .*\[0\.9, 0\.9\]"):
        check(np.array([[0.5, 0.5], [0.9, 0.9]]), "shares of q1")


def test_leading_axes_broadcast():
    stack = np.stack([LEFT, RIGHT])
    assert agreement(stack, LEFT).tolist() == pytest.approx([1.0, 0.4])
