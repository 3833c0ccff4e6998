from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grounding.population.drawing import AttributeGap, DrawingError, Filled, draw, errors, impute_from_margin
from grounding.population.margins import Target
from personas.errors import DataError
from personas.panel import Panel, from_columns

REGION = Target(
    ("region",),
    (("North",), ("South",), ("East",)),
    np.array([0.2, 0.5, 0.3]),
    10.0,
    "Office",
    "2020",
    "free",
)


@st.composite
def panels(draw_: st.DrawFn) -> Panel:
    rng = np.random.default_rng(draw_(st.integers(0, 2**32 - 1)))
    n = draw_(st.integers(1, 80))
    codes = np.stack([rng.integers(-1, 3, n), rng.integers(0, 2, n)], axis=1)
    weights = rng.gamma(0.5, size=n) * (rng.random(n) < 0.8)
    weights[0] = 1.0
    return Panel(tuple(map(str, range(n))), ("a", "b"), (("x", "y", "z"), ("0", "1")), codes, weights)


@settings(max_examples=60, deadline=None)
@given(panels(), st.integers(1, 300), st.integers(0, 99))
def test_everybody_is_drawn_as_often_as_their_weight_says_up_to_one(panel, size, seed):
    rows = draw(panel, size, np.random.default_rng(seed))
    assert rows.shape == (size,)
    times = np.bincount(rows, minlength=len(panel))
    expected = size * panel.weights / panel.weights.sum()
    assert np.all(np.abs(times - expected) < 1 + 1e-6)
    assert np.all(times[panel.weights == 0] == 0)


@settings(max_examples=60, deadline=None)
@given(panels(), st.integers(1, 300), st.integers(0, 99))
def test_every_attribute_has_its_weighted_shares_up_to_two_persons(panel, size, seed):
    rows = draw(panel, size, np.random.default_rng(seed))
    for column, k in ((panel.codes[:, 0] + 1, 4), (panel.codes[:, 1] + 1, 3)):
        drawn = np.bincount(column[rows], minlength=k)
        weight = np.bincount(column, weights=panel.weights, minlength=k)
        # Of 1,500 such panels the largest gap was 1.42 persons; 98 % stayed below one.
        assert np.all(np.abs(drawn - size * weight / weight.sum()) < 2)


def test_a_joint_margin_given_as_target_is_kept_as_well():
    rng = np.random.default_rng(8)
    codes = np.stack([rng.integers(0, k, 2000) for k in (2, 20, 13)], axis=1)
    levels = tuple(tuple(map(str, range(k))) for k in (2, 20, 13))
    panel = Panel(tuple(map(str, range(2000))), ("a", "b", "c"), levels, codes, rng.gamma(2, size=2000))
    cells = tuple((b, c) for b in levels[1] for c in levels[2])
    crossed = Target(("b", "c"), cells, np.full(260, 1 / 260), 1.0, "Office", "2020", "free")
    rows = draw(panel, 1000, np.random.default_rng(1), [crossed])
    found = errors(panel, rows, [crossed])
    assert [a.attribute for a in found.by_attribute] == ["a", "b", "c", "b × c"]
    assert found.mean < found.expected / 2
    assert found.by_attribute[0].points < 0.2


@settings(max_examples=40, deadline=None)
@given(panels(), st.integers(1, 200), st.integers(0, 99), st.floats(1e-6, 1e6))
def test_the_unit_of_the_weights_does_not_matter(panel, size, seed, factor):
    scaled = replace(panel, weights=panel.weights * factor)
    one, other = (draw(p, size, np.random.default_rng(seed)) for p in (panel, scaled))
    times = [np.bincount(rows, minlength=len(panel)) for rows in (one, other)]
    expected = size * panel.weights / panel.weights.sum()
    assert all(np.all(np.abs(t - expected) < 1 + 1e-6) for t in times)
    assert times[0].sum() == times[1].sum() == size


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 40), st.integers(1, 9), st.integers(0, 99))
def test_equal_weights_and_a_multiple_of_the_people_give_everybody_as_many_persons(n, times, seed):
    panel = from_columns([str(i) for i in range(n)], {"a": [str(i % 3) for i in range(n)]}, np.full(n, 0.3))
    rows = draw(panel, n * times, np.random.default_rng(seed))
    assert np.bincount(rows).tolist() == [times] * n


def test_every_one_is_drawn_with_the_probability_that_the_weight_says():
    rng = np.random.default_rng(4)
    codes = np.stack([rng.integers(0, k, 30) for k in (3, 2)], axis=1)
    weights = rng.gamma(1.0, size=30)
    panel = Panel(tuple(map(str, range(30))), ("a", "b"), (("x", "y", "z"), ("0", "1")), codes, weights)
    runs = 800
    times = sum(np.bincount(draw(panel, 7, rng), minlength=30) for _ in range(runs)) / runs
    expected = 7 * weights / weights.sum()
    part = expected - np.floor(expected)
    assert np.all(np.abs(times - expected) < 4.5 * np.sqrt(part * (1 - part) / runs) + 1e-9)


@pytest.mark.parametrize("size", [1_000, 100_000, 1_000_000])
def test_a_draw_of_any_size_states_an_error_far_below_that_of_drawing_at_random(size):
    rng = np.random.default_rng(1)
    sizes = (7, 2, 5, 51, 6)
    codes = np.stack([rng.choice(k, 12_000, p=rng.dirichlet(np.full(k, 3.0))) for k in sizes], axis=1)
    levels = tuple(tuple(map(str, range(k))) for k in sizes)
    weights = rng.gamma(2, size=12_000) * (rng.random(12_000) < 0.9)
    panel = Panel(tuple(map(str, range(12_000))), tuple("abcde"), levels, codes, weights)
    rows = draw(panel, size, np.random.default_rng(2))
    assert len(rows) == size
    assert np.all(weights[rows] > 0)
    found = errors(panel, rows)
    assert found.mean < found.expected / 5
    assert found.largest < 300 / size  # three persons
    assert f"{size:,} persons stand for {found.people:,} different people" in found.sentence


def test_the_stated_error_is_the_gap_between_persons_and_weights():
    panel = from_columns(["1", "2", "3"], {"a": ["x", "y", None]}, np.array([2.0, 1.0, 1.0]))
    found = errors(panel, np.array([0, 0, 0, 0, 1]))
    (gap,) = found.by_attribute
    assert (gap.attribute, gap.value, gap.drawn, gap.weighted) == ("a", "x", 0.8, 0.5)
    assert found.mean == pytest.approx(20)  # x 30, y 5, unknown 25 points
    assert found.largest == pytest.approx(30)


def test_of_an_attribute_filled_several_times_the_persons_own_copy_is_compared():
    panel = from_columns(["1", "2"], {"a": ["x", "y"]}, np.ones(2))
    rows = np.array([0, 0, 1, 1])
    codes = np.array([[0, 0], [1, 0]])  # the second was filled: y in one copy, x in the other
    filled = Filled("a", codes, np.array([0, 1, 1, 1]))
    assert errors(panel, rows).largest == 0.0
    (gap,) = errors(panel, rows, filled=[filled]).by_attribute
    assert (gap.drawn, gap.weighted) == (1.0, 0.75) or (gap.drawn, gap.weighted) == (0.0, 0.25)


@pytest.mark.parametrize(
    ("points", "said"),
    [(12.3456, "12.35"), (0.0, "0.00"), (0.0062, "0.01"), (0.0031, "0.003"), (0.00004, "less than 0.0001")],
)
def test_small_errors_are_not_said_to_be_none(points, said):
    gap = AttributeGap("a", "x", 0.5, 0.5, points)
    found = DrawingError(1000, 900, (gap,), points, points, 0.6)
    assert f"by {said} points on average and by {said} at most (a: x)" in found.sentence


def test_nobody_drawn_has_no_error():
    panel = from_columns(["1"], {"a": ["x"]}, np.ones(1))
    with pytest.raises(ValueError, match="at least one person and one attribute, got 0 persons"):
        errors(panel, np.array([], dtype=np.int64))


def test_a_draw_is_the_same_for_the_same_seed_and_another_for_another():
    panel = from_columns([str(i) for i in range(50)], {"a": ["x", "y"] * 25}, np.ones(50))
    first, again, other = (draw(panel, 20, np.random.default_rng(s)) for s in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()


def test_persons_come_in_random_order_so_that_the_first_of_them_are_a_sample_too():
    panel = from_columns([str(i) for i in range(1000)], {"a": ["x"] * 500 + ["y"] * 500}, np.ones(1000))
    first = draw(panel, 1000, np.random.default_rng(5))[:200]
    assert 70 <= np.sum(first < 500) <= 130  # 100 expected; standard deviation 6.3


def test_balanced_drawing_is_closer_to_all_weighted_shares_than_drawing_at_random():
    rng = np.random.default_rng(3)
    codes = np.stack([rng.choice(k, 3000, p=rng.dirichlet(np.full(k, 4.0))) for k in (6, 2, 4, 3)], axis=1)
    levels = tuple(tuple(map(str, range(k))) for k in (6, 2, 4, 3))
    panel = Panel(tuple(map(str, range(3000))), tuple("abcd"), levels, codes, rng.gamma(2, size=3000))
    share = panel.weights / panel.weights.sum()

    def error(rows: np.ndarray) -> float:
        gaps = [
            np.bincount(codes[rows, a], minlength=6) / len(rows)
            - np.bincount(codes[:, a], weights=share, minlength=6)
            for a in range(4)
        ]
        return float(np.abs(gaps).max())

    at_random = np.mean([error(rng.choice(3000, 1000, p=share)) for _ in range(15)])
    systematic = np.mean([error(draw(panel, 1000, rng)) for _ in range(15)])
    assert systematic < at_random / 2


def test_a_panel_without_attributes_can_be_drawn_from():
    panel = Panel(("a", "b"), (), (), np.zeros((2, 0), dtype=np.int64), np.array([1.0, 3.0]))
    assert sorted(draw(panel, 4, np.random.default_rng(0)).tolist()) == [0, 1, 1, 1]


@pytest.mark.parametrize(("size", "weight"), [(0, 1.0), (-3, 1.0), (5, 0.0)])
def test_no_persons_or_no_weight_is_refused(size, weight):
    panel = from_columns(["a"], {"x": ["1"]}, np.array([weight]))
    with pytest.raises(ValueError, match="size must be >= 1 and some weight positive"):
        draw(panel, size, np.random.default_rng(0))


def people(n: int) -> Panel:
    return from_columns([str(i) for i in range(n)], {"sex": ["f"] * n}, np.ones(n))


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 500), st.integers(0, 99))
def test_imputed_values_have_the_official_shares_up_to_rounding(n, seed):
    values = impute_from_margin(people(n), REGION, np.random.default_rng(seed))
    assert len(values) == n
    for (value,), share in zip(REGION.cells, REGION.shares, strict=True):
        assert abs(values.count(value) - n * share) < 1 + 1e-6


def test_one_imputed_person_is_a_draw_from_the_margin():
    values = [impute_from_margin(people(1), REGION, np.random.default_rng(s))[0] for s in range(2000)]
    # Largest remainders would say South each time. Binomial: standard deviation of a share .011.
    assert values.count("South") / 2000 == pytest.approx(0.5, abs=0.045)
    assert values.count("North") / 2000 == pytest.approx(0.2, abs=0.036)


def test_imputed_values_do_not_follow_the_order_of_the_people():
    values = impute_from_margin(people(1000), REGION, np.random.default_rng(0))
    assert values[:500].count("South") == pytest.approx(250, abs=40)


def test_a_margin_of_two_attributes_cannot_be_imputed():
    crossed = Target(("a", "b"), (("x", "y"),), np.ones(1), 1.0, "Office", "2020", "free")
    with pytest.raises(ValueError, match="margin of one attribute, got a × b"):
        impute_from_margin(people(3), crossed, np.random.default_rng(0))


def test_an_attribute_that_was_observed_is_not_drawn_over():
    panel = from_columns(["1"], {"region": ["North"]}, np.ones(1))
    with pytest.raises(DataError, match="attribute 'region' is known in the panel already"):
        impute_from_margin(panel, REGION, np.random.default_rng(0))
