import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grounding.margins import Target
from grounding.population import draw, impute_from_margin
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
def test_the_first_attribute_has_its_weighted_shares_up_to_one_person(panel, size, seed):
    rows = draw(panel, size, np.random.default_rng(seed))
    drawn = np.bincount(panel.codes[rows, 0] + 1, minlength=4)
    weight = np.bincount(panel.codes[:, 0] + 1, weights=panel.weights, minlength=4)
    assert np.all(np.abs(drawn - size * weight / weight.sum()) < 1 + 1e-6)


def test_a_draw_is_the_same_for_the_same_seed_and_another_for_another():
    panel = from_columns([str(i) for i in range(50)], {"a": ["x", "y"] * 25}, np.ones(50))
    first, again, other = (draw(panel, 20, np.random.default_rng(s)) for s in (1, 1, 2))
    assert first.tolist() == again.tolist() != other.tolist()


def test_persons_come_in_random_order_so_that_the_first_of_them_are_a_sample_too():
    panel = from_columns([str(i) for i in range(1000)], {"a": ["x"] * 500 + ["y"] * 500}, np.ones(1000))
    first = draw(panel, 1000, np.random.default_rng(5))[:200]
    assert 70 <= np.sum(first < 500) <= 130  # 100 expected; standard deviation 6.3


def test_sorted_drawing_is_closer_to_all_weighted_shares_than_drawing_at_random():
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

    at_random = np.mean([error(rng.choice(3000, 1000, p=share)) for _ in range(50)])
    systematic = np.mean([error(draw(panel, 1000, rng)) for _ in range(50)])
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
    with pytest.raises(ValueError, match="margin of one attribute, got a x b"):
        impute_from_margin(people(3), crossed, np.random.default_rng(0))


def test_an_attribute_that_was_observed_is_not_drawn_over():
    panel = from_columns(["1"], {"region": ["North"]}, np.ones(1))
    with pytest.raises(DataError, match="attribute 'region' is known in the panel already"):
        impute_from_margin(panel, REGION, np.random.default_rng(0))
