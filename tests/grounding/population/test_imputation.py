from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grounding.population import imputation
from grounding.population.imputation_donors import NO_DONOR
from personas.errors import DataError
from personas.panel import UNKNOWN, Panel, from_columns

METHODS = [imputation.hot_deck, imputation.model]


def ids(n: int) -> tuple[str, ...]:
    return tuple(f"i{i}" for i in range(n))


def gappy(n: int, seed: int, weights: np.ndarray | None = None) -> tuple[Panel, np.ndarray]:
    """People whose vote goes with age and is missing far more often among the young, and the true votes.

    Missing at random given age: the complete cases have too few of the young, who mostly vote "left".
    """
    rng = np.random.default_rng(seed)
    age = rng.integers(0, 3, n)
    vote = (rng.random(n) > np.array([0.8, 0.5, 0.2])[age]).astype(np.int64)
    region = rng.integers(0, 4, n)
    missing = rng.random(n) < np.array([0.7, 0.3, 0.05])[age]
    codes = np.stack([np.where(missing, UNKNOWN, vote), age, region], axis=1)
    levels = (("left", "right"), ("young", "middle", "old"), ("n", "e", "s", "w"))
    return Panel(
        ids(n), ("vote", "age", "region"), levels, codes, np.ones(n) if weights is None else weights
    ), vote


@pytest.mark.parametrize("fill", METHODS)
def test_shares_come_out_right_where_the_complete_cases_are_biased(fill):
    panel, vote = gappy(4000, 1)
    truth = np.mean(vote == 0)
    known = panel.codes[:, 0] != UNKNOWN
    biased = np.mean(panel.codes[known, 0] == 0)
    found = fill(panel, "vote", ["age", "region"], 5, 3)
    assert truth - biased > 0.08
    assert found.shares[0].value == "left"
    assert found.shares[0].completed == pytest.approx(truth, abs=0.025)
    assert found.shares[0].observed == pytest.approx(biased)


@pytest.mark.parametrize("fill", METHODS)
def test_nobody_is_dropped_and_nothing_observed_is_changed(fill):
    panel, _ = gappy(500, 2)
    found = fill(panel, "vote", (), 3, 1)
    known = panel.codes[:, 0] != UNKNOWN
    assert found.codes.shape == (500, 3)
    assert np.all(found.codes != UNKNOWN)
    assert np.all(found.codes[known] == panel.codes[known, :1])
    assert np.array_equal(found.imputed, ~known)
    completed = found.completed(panel, 2)
    assert np.array_equal(completed.codes[:, 0], found.codes[:, 2])
    assert np.array_equal(completed.codes[:, 1:], panel.codes[:, 1:])


@pytest.mark.parametrize("fill", METHODS)
@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 2**31), order=st.integers(0, 99))
def test_the_order_of_the_rows_does_not_matter(fill, seed, order):
    panel, _ = gappy(80, 5)
    turn = np.random.default_rng(order).permutation(80)
    found = fill(panel, "vote", ["age", "region"], 2, seed)
    turned = fill(panel.take(turn), "vote", ["age", "region"], 2, seed)
    assert np.array_equal(found.codes[turn], turned.codes)


@pytest.mark.parametrize("fill", METHODS)
def test_the_same_seed_gives_the_same_values_and_another_others(fill):
    panel, _ = gappy(400, 6)
    one, again, other = (fill(panel, "vote", ["age"], 2, s).codes for s in (1, 1, 2))
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)
    assert not np.array_equal(one[:, 0], one[:, 1])


@pytest.mark.parametrize("fill", METHODS)
def test_survey_weights_decide_what_the_donors_stand_for(fill):
    rng = np.random.default_rng(0)
    panel, _ = gappy(3000, 7)
    heavy = panel.codes[:, 0] == 1
    weighted = replace(panel, weights=np.where(heavy, 9.0, 1.0) * rng.uniform(0.9, 1.1, 3000))
    plain, told = (fill(p, "vote", ["age"], 3, 1).shares[1].imputed for p in (panel, weighted))
    odds = plain / (1 - plain)
    assert told == pytest.approx(9 * odds / (1 + 9 * odds), abs=0.05)


@pytest.mark.parametrize("fill", METHODS)
def test_people_without_weight_lend_nothing(fill):
    panel = from_columns(
        ids(40),
        {"a": ["x"] * 10 + ["y"] * 10 + [None] * 20, "b": ["1"] * 40},
        np.repeat([0.0, 1.0], [10, 30]),
    )
    found = fill(panel, "a", ["b"], 4, 0)
    assert found.levels == ("x", "y")
    assert np.all(found.codes[20:] == 1)


def test_a_donor_is_alike_wherever_enough_people_are():
    panel, _ = gappy(2000, 8)
    found = imputation.hot_deck(panel, "vote", ["age", "region"], 3, 1)
    assert found.donors is not None
    assert found.distance is not None
    rows = np.flatnonzero(found.imputed)
    for copy in range(3):
        donors = found.donors[rows, copy]
        assert np.all(panel.codes[donors, 0] == found.codes[rows, copy])
        assert np.array_equal(panel.codes[donors, 1:], panel.codes[rows, 1:])
    assert np.all(found.distance[rows] == 0)
    assert np.all(found.donors[~found.imputed] == NO_DONOR)
    assert np.all(np.isnan(found.distance[~found.imputed]))


def test_the_distance_is_gowers_with_steps_of_a_scale_counted():
    columns = {"a": ["x", "y", None], "age": ["1", "3", "2"], "sex": ["f", "m", "f"]}
    panel = from_columns(ids(3), columns, np.ones(3))
    near = imputation.hot_deck(panel, "a", ["age", "sex"], 1, 0, ordered=["age"], nearest=1)
    assert near.donors is not None
    assert near.distance is not None
    assert near.donors[2, 0] == 0
    assert near.distance[2, 0] == pytest.approx((1 / 2 + 0) / 2)
    apart = imputation.hot_deck(panel, "a", ["age", "sex"], 1, 0, nearest=1)
    assert apart.distance is not None
    assert apart.distance[2, 0] == pytest.approx((1 + 0) / 2)


def test_with_too_few_alike_the_pool_reaches_on_to_the_next_nearest():
    age = [0] * 2 + [1] * 3 + [9] * 50 + [0]
    values: list[str | None] = [*["x"] * 2, *["y"] * 3, *["z"] * 50, None]
    codes = np.stack([[("x", "y", "z").index(v) if v else UNKNOWN for v in values], age], axis=1)
    levels = (("x", "y", "z"), tuple(map(str, range(10))))
    panel = Panel(ids(56), ("a", "age"), levels, codes, np.ones(56))
    found = imputation.hot_deck(panel, "a", ["age"], 300, 0, ordered=["age"], nearest=5)
    times = np.bincount(found.codes[-1], minlength=3)
    assert times[2] == 0  # the fifty at the far end are never among the five nearest
    assert times[0] / 300 == pytest.approx(2 / 5, abs=0.12)


def test_somebody_of_whom_nothing_is_known_is_filled_and_counted():
    columns = {"a": ["x", "y", None, None], "b": ["1", "2", None, "1"]}
    panel = from_columns(ids(4), columns, np.ones(4))
    for fill in METHODS:
        found = fill(panel, "a", ["b"], 2, 0)
        assert np.all(found.codes != UNKNOWN)
        assert found.unmatched == 1
        assert any("of 1 people nothing in b is known" in w for w in found.warnings)


def test_copies_differ_by_more_than_sampling_and_rubins_rules_say_so():
    panel, _ = gappy(600, 9)
    found = imputation.hot_deck(panel, "vote", ["age"], 20, 1)
    shares = (found.codes == 0).mean(axis=0)
    assert shares.std() > 0
    result = imputation.pooled(found, "left")
    assert result.estimate == pytest.approx(shares.mean())
    assert result.between == pytest.approx(shares.var(ddof=1))
    assert result.total == pytest.approx(result.within + 21 / 20 * result.between)
    # About 35 % of the votes are missing; age tells a part of them.
    assert 0.1 < result.missing_information < 0.6


@pytest.mark.parametrize(
    ("fill", "runs", "least"), [(imputation.hot_deck, 60, 51), (imputation.model, 20, 16)]
)
def test_intervals_over_copies_cover_the_truth_as_often_as_they_say(fill, runs, least):
    hits, blind = 0, 0
    for run in range(runs):
        panel, _ = gappy(300, 1000 + run)
        found = fill(panel, "vote", ["age"], 5, run)
        result = imputation.pooled(found, "left")
        truth = (0.8 + 0.5 + 0.2) / 3
        hits += result.low <= truth <= result.high
        known = panel.codes[:, 0] != UNKNOWN
        share = np.mean(panel.codes[known, 0] == 0)
        blind += abs(share - truth) < 1.96 * np.sqrt(share * (1 - share) / known.sum())
    assert hits >= least  # 95 % expected, less three binomial standard deviations
    assert blind < runs / 3  # complete cases


def test_copies_of_later_attributes_rest_on_the_same_copies_of_earlier_ones():
    rng = np.random.default_rng(3)
    n = 900
    a = rng.integers(0, 2, n)
    codes = np.stack([a, a], axis=1)
    codes[: n // 2] = UNKNOWN  # both unknown for half of the people, and always alike
    panel = Panel(ids(n), ("a", "b"), (("x", "y"), ("x", "y")), codes, np.ones(n))
    wide = replace(
        panel,
        attributes=("a", "b", "c"),
        levels=(*panel.levels, ("1",)),
        codes=np.column_stack([codes, np.zeros(n, dtype=np.int64)]),
    )
    for fill in METHODS:
        first = fill(wide, "a", ["c"], 4, 0)
        second = fill(first.completed(wide), "b", ["a"], 4, 0, earlier=[first])
        alike = np.mean(first.codes == second.codes, axis=0)
        assert np.all(alike > 0.97)
        blind = fill(first.completed(wide), "b", ["a"], 4, 0)
        assert np.mean(first.codes[:, 1] == blind.codes[:, 1]) < 0.85


def test_warnings_say_what_an_imputation_cannot_be_trusted_with():
    rng = np.random.default_rng(0)
    codes = np.stack([rng.integers(0, 2, 500), rng.integers(0, 3, 500)], axis=1)
    codes[:300, 0] = UNKNOWN
    panel = Panel(ids(500), ("a", "b"), (("x", "y"), ("1", "2", "3")), codes, np.ones(500))
    said = " ".join(imputation.hot_deck(panel, "a", ["b"], 1, 0).warnings)
    assert "a is missing for 60\u00a0% of the people: more is filled than known" in said
    assert "nothing in b goes with a: the filled values are draws from the observed shares" in said
    assert "a is filled once: intervals that use it leave out" in said


def test_nothing_missing_leaves_all_as_it_was_without_a_warning():
    panel = from_columns(ids(4), {"a": ["x", "y", "x", "y"], "b": ["1", "1", "2", "2"]}, np.ones(4))
    for fill in METHODS:
        found = fill(panel, "a", ["b"], 2, 0)
        assert np.array_equal(found.codes, np.repeat(panel.codes[:, :1], 2, axis=1))
        assert (found.imputed.any(), found.warnings, found.shares[0].imputed) == (False, (), None)


@pytest.mark.parametrize("fill", METHODS)
@pytest.mark.parametrize(
    ("columns", "attribute", "on", "said"),
    [
        ({"a": ["x", None]}, "a", [], "'a': the panel has no other attribute to fill it from"),
        ({"a": ["x", None], "b": ["1", "2"]}, "c", ["b"], "the panel has no attribute 'c'; it has a, b"),
        ({"a": ["x", None], "b": ["1", "2"]}, "a", ["c"], "the panel has no attribute 'c'; it has a, b"),
        ({"a": ["x", None], "b": ["1", "2"]}, "a", ["a"], "an attribute cannot be filled on itself"),
        ({"a": [None, None], "b": ["1", "2"]}, "a", ["b"], "'a' is observed for none of the 2 people"),
        ({"a": ["x", None], "b": [None, None]}, "a", ["b"], "'b' is observed for none of the 2 people"),
    ],
)
def test_what_cannot_be_filled_is_refused_with_what_to_do(fill, columns, attribute, on, said):
    panel = from_columns(ids(2), columns, np.ones(2))
    with pytest.raises(DataError, match=said):
        fill(panel, attribute, on, 1, 0)


@pytest.mark.parametrize("fill", METHODS)
def test_no_copies_are_refused(fill):
    panel, _ = gappy(20, 0)
    with pytest.raises(ValueError, match="copies must be >= 1"):
        fill(panel, "vote", ["age"], 0, 0)
