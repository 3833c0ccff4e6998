import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from personas.answer import NO_ANSWER
from personas.measures.dispersion import entropy_ratio, variance_ratio

TWO, THREE = np.array([-1.0, 1.0]), np.array([-1.0, 0.0, 1.0])


def _people(seed, n=30):
    rng = np.random.default_rng(seed)
    part = rng.dirichlet(np.ones(3), size=n)
    return part, rng.integers(0, 3, n), rng.uniform(0.5, 2, n)


def _draws(part, rng, times):
    """Answers drawn from the distributions, (times, n_people)."""
    return (part.cumsum(axis=1)[None] < rng.random((times, len(part), 1))).sum(axis=2)


def test_the_worked_numbers():
    half, chosen = np.full((2, 2), 0.5), np.array([0, 1])
    assert variance_ratio(half, chosen, np.ones(2), TWO) == pytest.approx(0.5)
    assert entropy_ratio(half, chosen, np.ones(2)) == pytest.approx(0.5)


def test_the_simulated_variance_is_the_mean_variance_of_draws():
    part, chosen, weights = _people(0)
    draws = THREE[_draws(part, np.random.default_rng(1), 20_000)]
    share = weights / weights.sum()
    drawn = (np.square(draws) @ share - (draws @ share) ** 2).mean()
    real = share @ np.square(THREE[chosen] - share @ THREE[chosen])
    assert variance_ratio(part, chosen, weights, THREE) == pytest.approx(drawn / real, rel=0.005)


def test_with_equal_people_and_weights_the_simulated_entropy_is_the_mean_entropy_of_draws():
    part = np.tile([[0.6, 0.3, 0.1]], (25, 1))
    chosen = np.repeat([0, 1, 2], [10, 10, 5])
    draws = _draws(part, np.random.default_rng(2), 4000)
    shares = np.stack([(draws == o).mean(axis=1) for o in range(3)], axis=1)
    expected = entropy(shares, axis=1).mean() / entropy([0.4, 0.4, 0.2])
    assert entropy_ratio(part, chosen, np.ones(25)) == pytest.approx(expected, rel=0.005)


@pytest.mark.parametrize("cells", [None, np.arange(1200) % 80])
def test_a_model_that_is_right_has_ratios_near_one_in_small_cells_too(cells):
    rng = np.random.default_rng(3)
    part = rng.dirichlet([2, 2, 2], size=1200)
    found = np.array(
        [
            (
                variance_ratio(part, c, np.ones(1200), THREE, cells),
                entropy_ratio(part, c, np.ones(1200), cells),
            )
            for c in _draws(part, rng, 20)
        ]
    )
    assert found.mean(axis=0) == pytest.approx([1.0, 1.0], abs=0.02)


def test_a_model_that_answers_alike_is_found_out_only_where_people_differ_more():
    rng = np.random.default_rng(4)
    sure = np.tile([[0.05, 0.9, 0.05]], (400, 1))
    chosen = rng.integers(0, 3, 400)
    assert variance_ratio(sure, chosen, np.ones(400), THREE) < 0.2
    assert entropy_ratio(sure, chosen, np.ones(400)) < 0.5


def test_within_cells_differences_between_them_do_not_count():
    cells = np.array([0, 0, 1, 1])
    part = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    chosen = np.array([0, 1, 1, 0])
    assert variance_ratio(part, chosen, np.ones(4), TWO) == pytest.approx(1.0)
    assert variance_ratio(part, chosen, np.ones(4), TWO, cells) == pytest.approx(0.0)
    assert entropy_ratio(part, chosen, np.ones(4), cells) == pytest.approx(0.0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.1, 10))
def test_scales_of_weights_and_places_do_not_matter_and_nobody_counts_who_did_not_answer(seed, factor):
    part, chosen, weights = _people(seed)
    places = 3 + factor * THREE
    found = variance_ratio(part, chosen, weights, THREE), entropy_ratio(part, chosen, weights)
    assert variance_ratio(part, chosen, factor * weights, places) == pytest.approx(found[0])
    assert entropy_ratio(part, chosen, factor * weights) == pytest.approx(found[1])
    silent, weightless = chosen.copy(), weights.copy()
    silent[:3], weightless[:3] = NO_ANSWER, 0.0
    rest = part[3:], chosen[3:], weights[3:]
    for other in ((part, silent, weights), (part, chosen, weightless)):
        assert variance_ratio(*other, THREE) == pytest.approx(variance_ratio(*rest, THREE))
        assert entropy_ratio(*other) == pytest.approx(entropy_ratio(*rest))


def test_the_ratios_are_undefined_not_zero_where_real_answers_do_not_vary():
    half, chosen, weights = np.full((7, 2), 0.5), np.ones(7, dtype=int), np.linspace(0.1, 0.7, 7)
    assert variance_ratio(half, chosen, weights, TWO / 3) is None
    assert entropy_ratio(half, chosen, weights) is None
    # No order, no places: the variance means nothing, the entropy does.
    assert variance_ratio(half[:2], np.array([0, 1]), np.ones(2), np.zeros(2)) is None


def test_what_cannot_be_measured_raises():
    half, none = np.full((2, 2), 0.5), np.full(2, NO_ANSWER)
    with pytest.raises(ValueError, match="at least one answer"):
        variance_ratio(half, none, np.ones(2), TWO)
    with pytest.raises(ValueError, match="at least one answer"):
        entropy_ratio(half, np.array([0, 1]), np.zeros(2))
    with pytest.raises(ValueError, match="positions must be 2 numbers"):
        variance_ratio(half, np.array([0, 1]), np.ones(2), THREE)
    with pytest.raises(ValueError, match="need the same people; got 2, 2, 3 and 2"):
        entropy_ratio(half, np.array([0, 1]), np.ones(3))
