import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from grounding.population.margins import Target
from grounding.population.raking import fit
from personas.errors import DataError
from personas.panel import Panel, from_columns

LEVELS = (("a0", "a1", "a2"), ("b0", "b1"), ("c0", "c1", "c2", "c3"))
NAMES = ("a", "b", "c")
ONES = np.ones


def margin(
    attributes: tuple[str, ...], shares: dict[tuple[str, ...], float], source: str = "Office"
) -> Target:
    values = np.array(list(shares.values()))
    return Target(
        attributes, tuple(shares), values / values.sum(), float(values.sum()), source, "2020", "free"
    )


def one(attribute: str, source: str = "Office", **shares: float) -> Target:
    return margin((attribute,), {(level,): share for level, share in shares.items()}, source)


def panel_of(**columns: list[str | None]) -> Panel:
    n = len(next(iter(columns.values())))
    return from_columns([f"id{i}" for i in range(n)], columns, ONES(n))


@st.composite
def problems(draw: st.DrawFn) -> tuple[Panel, list[Target]]:
    """People with every combination of values, unequal base weights, and margins of any positive shares."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    combinations = np.array(list(itertools.product(*(range(len(v)) for v in LEVELS))))
    extra = combinations[rng.integers(len(combinations), size=draw(st.integers(0, 60)))]
    codes = rng.permutation(np.concatenate([combinations, extra])).astype(np.int64)
    weights = rng.uniform(0.2, 5.0, len(codes))
    panel = Panel(tuple(map(str, range(len(codes)))), NAMES, LEVELS, codes, weights)
    crossed = margin(
        ("a", "b"), dict(zip(itertools.product(*LEVELS[:2]), rng.uniform(0.1, 1, 6), strict=True))
    )
    single = margin(("c",), dict(zip(((v,) for v in LEVELS[2]), rng.uniform(0.1, 1, 4), strict=True)))
    return panel, [crossed, single]


def achieved(panel: Panel, weights: np.ndarray, target: Target) -> np.ndarray:
    """Weighted shares by counting one person after the other, without any code of the package."""
    sums = dict.fromkeys(target.cells, 0.0)
    for i, weight in enumerate(weights):
        known = panel.person(i).attributes
        if all(a in known for a in target.attributes):
            sums[tuple(known[a] for a in target.attributes)] += weight
    return np.array(list(sums.values())) / sum(sums.values())


@settings(max_examples=25, deadline=None)
@given(problems())
def test_raked_weights_meet_every_margin_and_have_mean_one(problem):
    panel, targets = problem
    raking = fit(panel, targets)
    assert raking.converged
    assert max(raking.errors) <= 1e-9
    assert raking.weights.mean() == pytest.approx(1.0)
    for target in targets:
        assert_allclose(achieved(panel, raking.weights, target), target.shares, atol=2e-9)


@settings(max_examples=25, deadline=None)
@given(problems(), st.floats(1e-6, 1e6))
def test_the_scale_of_the_base_weights_does_not_matter(problem, scale):
    panel, targets = problem
    scaled = fit(panel, targets, base=panel.weights * scale).weights
    assert_allclose(scaled, fit(panel, targets).weights, rtol=1e-6)


@settings(max_examples=25, deadline=None)
@given(problems())
def test_the_order_of_the_targets_does_not_matter(problem):
    panel, targets = problem
    assert_allclose(fit(panel, targets[::-1]).weights, fit(panel, targets).weights, rtol=1e-5)


@settings(max_examples=25, deadline=None)
@given(problems())
def test_weights_are_base_weights_times_one_factor_for_each_cell(problem):
    """The form of the raking estimator: log(weight / base) is additive in the targets' cells."""
    panel, targets = problem
    ratio = np.log(fit(panel, targets).weights / panel.weights)
    crossed = panel.codes[:, 0] * 2 + panel.codes[:, 1]
    design = np.concatenate([np.eye(6)[crossed], np.eye(4)[panel.codes[:, 2]]], axis=1)
    fitted = design @ np.linalg.lstsq(design, ratio, rcond=None)[0]
    assert_allclose(fitted, ratio, atol=1e-8)


@settings(max_examples=25, deadline=None)
@given(problems(), st.floats(1.1, 4.0))
def test_no_weight_exceeds_the_cap_and_the_errors_say_what_that_costs(problem, cap):
    panel, targets = problem
    raking = fit(panel, targets, cap=cap)
    assert raking.weights.max() <= cap * (1 + 1e-9)
    assert raking.weights.mean() == pytest.approx(1.0)
    worst = [np.abs(achieved(panel, raking.weights, t) - t.shares).max() for t in targets]
    assert_allclose(raking.errors, worst, atol=1e-12)
    assert raking.converged == (max(raking.errors) <= 1e-9)


@settings(max_examples=25, deadline=None)
@given(problems())
def test_a_cap_that_nobody_reaches_changes_nothing(problem):
    panel, targets = problem
    free = fit(panel, targets)
    assert_allclose(fit(panel, targets, cap=free.weights.max() * 1.5).weights, free.weights, rtol=1e-6)


def test_a_panel_that_fits_already_keeps_its_weights():
    raking = fit(panel_of(sex=["f", "m"]), [one("sex", f=1.0, m=1.0)])
    assert raking.rounds == 0
    assert raking.weights.tolist() == [1.0, 1.0]


def test_people_unknown_in_a_margin_keep_their_weight_and_the_margin_is_met_among_the_known():
    panel = panel_of(sex=["f", "f", "m", None], age=["y", "o", "o", "y"])
    targets = [one("sex", f=0.5, m=0.5), one("age", y=0.6, o=0.4)]
    weights = fit(panel, targets).weights
    assert np.all(weights > 0)
    for target in targets:
        assert_allclose(achieved(panel, weights, target), target.shares, atol=2e-9)


def test_unknown_people_alone_do_not_move():
    weights = fit(panel_of(sex=["f", "f", "m", None]), [one("sex", f=0.5, m=0.5)]).weights
    assert_allclose(weights, [0.75, 0.75, 1.5, 1.0])


def test_a_cap_that_cannot_be_kept_leaves_a_residual_and_is_no_error():
    raking = fit(panel_of(sex=["f"] * 9 + ["m"]), [one("sex", f=0.5, m=0.5)], cap=2.0)
    assert not raking.converged
    assert_allclose(raking.weights, [8 / 9] * 9 + [2.0])
    assert raking.errors == pytest.approx((0.3,))


def test_many_attributes_of_many_levels_do_not_need_a_table_of_all_their_combinations():
    rng = np.random.default_rng(1)
    names, size = [f"x{i}" for i in range(12)], 40
    levels = tuple(tuple(str(v) for v in range(size)) for _ in names)
    codes = np.concatenate([np.tile(np.arange(size)[:, None], (1, 12)), rng.integers(size, size=(4000, 12))])
    panel = Panel(tuple(map(str, range(len(codes)))), tuple(names), levels, codes, ONES(len(codes)))
    targets = [margin((n,), {(v,): 1 + i % 3 for i, v in enumerate(levels[0])}) for n in names]
    assert fit(panel, targets).converged


def test_an_official_category_that_nobody_has_is_refused_with_its_share():
    panel = panel_of(school=["short", "short", "long"])
    with pytest.raises(
        DataError, match=r"margin school .Office.: nobody in the sample of 3 .* school: none .20.00\u00a0%."
    ):
        fit(panel, [one("school", short=0.4, long=0.4, none=0.2)])


def test_an_official_category_that_only_the_levels_mention_is_absent_too():
    panel = Panel(("p",), ("sex",), (("f", "m"),), np.zeros((1, 1), dtype=np.int64), ONES(1))
    with pytest.raises(DataError, match="nobody in the sample of 1 person has sex: m"):
        fit(panel, [one("sex", f=0.5, m=0.5)])


def test_a_value_without_a_target_is_refused_naming_the_person():
    with pytest.raises(
        DataError, match=r"1 person has .* margin sex .Office. has no target: person 'id2' has sex: x"
    ):
        fit(panel_of(sex=["f", "m", "x"]), [one("sex", f=0.5, m=0.5)])


def test_people_whose_official_share_is_zero_are_refused():
    with pytest.raises(DataError, match="1 person has sex: x, whose official share is 0"):
        fit(panel_of(sex=["f", "m", "x"]), [one("sex", f=0.5, m=0.5, x=0.0)])


def test_an_unknown_attribute_is_refused_with_those_there_are():
    with pytest.raises(DataError, match="needs attribute 'age', which the panel lacks; it has sex"):
        fit(panel_of(sex=["f", "m"]), [one("age", y=1.0)])


@pytest.mark.parametrize("weight", [0.0, -1.0, np.nan, np.inf])
def test_base_weights_that_are_not_positive_numbers_are_refused_naming_the_first(weight):
    with pytest.raises(DataError, match=r"1 person has a base weight .* person 'id1' has"):
        fit(panel_of(sex=["f", "m"]), [one("sex", f=0.5, m=0.5)], base=np.array([1.0, weight]))


def test_a_combination_that_the_sample_rules_out_is_refused_before_fitting():
    panel = panel_of(sex=["m", "m", "f", "f"], age=["y", "y", "o", "o"])
    with pytest.raises(DataError) as refusal:
        fit(panel, [one("sex", "Census", m=0.5, f=0.5), one("age", "Registry", y=0.3, o=0.7)])
    said = str(refusal.value).replace("\u00a0", " ")
    for part in ("impossible combination", "sex: m", "50.00 %", "Census", "age: y", "30.00 %", "Registry"):
        assert part in said


def test_margins_that_contradict_each_other_are_refused_naming_both():
    panel = panel_of(sex=["m", "m", "f", "f"], age=["y", "o", "y", "o"])
    crossed = margin(
        ("sex", "age"), {("m", "y"): 0.3, ("m", "o"): 0.2, ("f", "y"): 0.3, ("f", "o"): 0.2}, "Census"
    )
    with pytest.raises(
        DataError, match=r"sex: m is officially 55.00.% .Registry.* officially 50.00.% together .Census"
    ):
        fit(panel, [crossed, one("sex", "Registry", m=0.55, f=0.45)])


def clashing(age: float, place: float) -> tuple[Panel, list[Target]]:
    """Whoever is y or n is m, nobody is both, and half of the population is m."""
    panel = panel_of(sex=["m", "m", "f", "m"], age=["y", "o", "o", "o"], place=["s", "n", "s", "s"])
    return panel, [
        one("sex", "Census", m=0.5, f=0.5),
        one("age", "Registry", y=age, o=1 - age),
        one("place", "Post", n=place, s=1 - place),
    ]


def test_three_margins_that_clash_only_together_are_refused_naming_all_three_and_their_cells():
    with pytest.raises(
        DataError, match=r"sex .Census., age .Registry. and place .Post. contradict"
    ) as refusal:
        fit(*clashing(0.4, 0.4))
    said = str(refusal.value).replace("\u00a0", " ")
    for part in ("sex: ", "age: y at least 40.00 %", "place: n at least 40.00 %", "cannot hold together"):
        assert part in said


def test_margins_that_leave_somebody_no_weight_are_refused_though_weights_near_zero_would_meet_them():
    with pytest.raises(DataError, match="leave some people no weight at all"):
        fit(*clashing(0.25, 0.25))
    assert fit(*clashing(0.25, 0.2)).weights.min() == pytest.approx(0.2)


def test_margins_that_clash_are_no_error_under_a_cap_but_are_not_called_met():
    raking = fit(*clashing(0.4, 0.4), cap=3.0)
    assert not raking.converged
    assert max(raking.errors) > 0.05


@settings(max_examples=25, deadline=None)
@given(problems(), st.floats(1.2, 4.0), st.floats(0.05, 0.8))
def test_weights_keep_within_cap_and_floor_and_have_mean_one(problem, cap, floor):
    panel, targets = problem
    raking = fit(panel, targets, cap=cap, floor=floor)
    assert raking.weights.max() <= cap * (1 + 1e-12)
    assert raking.weights.min() >= floor * (1 - 1e-12)
    assert raking.weights.mean() == pytest.approx(1.0)
    worst = [np.abs(achieved(panel, raking.weights, t) - t.shares).max() for t in targets]
    assert_allclose(raking.errors, worst, atol=1e-11)


@settings(max_examples=25, deadline=None)
@given(problems(), st.floats(0.3, 0.9))
def test_bounded_weights_that_meet_the_margins_are_clipped_products_of_one_factor_for_each_cell(
    problem, part
):
    """The form of the truncated raking estimator, among those whom no bound holds."""
    panel, targets = problem
    free = fit(panel, targets).weights
    cap, floor = 1 + part * (free.max() - 1), free.min() + (1 - part) * 0.5 * (1 - free.min())
    raking = fit(panel, targets, cap=max(cap, 1.01), floor=min(floor, 0.99))
    if not raking.converged:
        return
    between = (raking.weights < cap * (1 - 1e-9)) & (raking.weights > floor * (1 + 1e-9))
    ratio = np.log(raking.weights / panel.weights)[between]
    crossed = panel.codes[between, 0] * 2 + panel.codes[between, 1]
    design = np.concatenate([np.eye(6)[crossed], np.eye(4)[panel.codes[between, 2]]], axis=1)
    fitted = design @ np.linalg.lstsq(design, ratio, rcond=None)[0]
    assert_allclose(fitted, ratio, atol=1e-6)


@settings(max_examples=15, deadline=None)
@given(problems(), st.floats(1.5, 4.0))
def test_many_people_with_the_same_cells_are_bounded_as_each_by_themselves(problem, cap):
    """Groups of people with other base weights, summed up from sorted base weights, against rows."""
    panel, targets = problem
    rng = np.random.default_rng(0)
    rows = np.tile(np.arange(len(panel)), 5)
    many = Panel(
        tuple(map(str, range(len(rows)))),
        NAMES,
        LEVELS,
        panel.codes[rows],
        rng.gamma(2, size=len(rows)) + 0.05,
    )
    raking = fit(many, targets, cap=cap, floor=0.1)
    if raking.converged:
        for target in targets:
            assert_allclose(achieved(many, raking.weights, target), target.shares, atol=1e-8)
        lifted = raking.weights / many.weights
        held = (raking.weights > cap * (1 - 1e-9)) | (raking.weights < 0.1 * (1 + 1e-9))
        same = np.unique(many.codes, axis=0, return_inverse=True)[1].reshape(-1)
        for group in range(same.max() + 1):
            free = lifted[(same == group) & ~held]
            assert free.size == 0 or np.ptp(free) <= 1e-9 * free.max()


def test_unknown_as_a_category_keep_the_share_they_have_under_the_base_weights():
    panel = panel_of(sex=["f", "f", "m", None], age=["y", "o", "o", "y"])
    base = np.array([1.0, 2.0, 1.0, 1.0])
    weights = fit(
        panel, [one("sex", f=0.5, m=0.5), one("age", y=0.4, o=0.6)], base, missing="category"
    ).weights
    assert weights[3] / weights.sum() == pytest.approx(0.2)
    assert weights[:2].sum() / weights[:3].sum() == pytest.approx(0.5)
    assert weights[[0, 3]].sum() / weights.sum() == pytest.approx(0.4)


def test_without_unknown_people_it_does_not_matter_what_becomes_of_them():
    panel = panel_of(sex=["f", "f", "m"], age=["y", "o", "o"])
    targets = [one("sex", f=0.6, m=0.4)]
    assert_allclose(fit(panel, targets, missing="category").weights, fit(panel, targets).weights)


def test_unknown_people_who_are_refused_are_counted():
    with pytest.raises(DataError, match=r"1 of 3 people .33.3\u00a0%. has no value in it. Impute them"):
        fit(panel_of(sex=["f", "m", None]), [one("sex", f=0.5, m=0.5)], missing="refuse")


def test_all_problems_of_weights_and_margins_are_listed_at_once():
    panel = panel_of(sex=["f", "m", "x"], age=["y", "y", "y"], place=["n", None, "s"])
    targets = [
        one("sex", f=0.5, m=0.5),
        one("age", y=0.5, o=0.5),
        one("place", n=0.4, s=0.4, w=0.2),
        one("income", low=1.0),
    ]
    with pytest.raises(DataError) as refusal:
        fit(panel, targets, base=np.array([1.0, -2.0, 1.0]))
    for part in (
        "for 5 problems",
        "person 'id1' has -2",
        "person 'id2' has sex: x",
        "one category holds everything: nobody in the sample of 3 people has age: o (50.00\u00a0%)",
        "has place: w (20.00\u00a0%)",
        "needs attribute 'income'",
        "(to know) margin place (Office): 1 of 3 people",
    ):
        assert part in str(refusal.value)


def test_two_hundred_margins_are_met_at_once():
    rng = np.random.default_rng(3)
    names = tuple(f"x{i}" for i in range(200))
    codes = rng.integers(3, size=(1500, 200))
    panel = Panel(
        tuple(map(str, range(1500))), names, (("u", "v", "w"),) * 200, codes, rng.gamma(3, size=1500)
    )
    truth = np.exp(rng.normal(0, 0.2, 1500))
    targets = [
        one(n, **dict(zip("uvw", np.bincount(codes[:, i], weights=truth).tolist(), strict=True)))
        for i, n in enumerate(names)
    ]
    raking = fit(panel, targets)
    assert raking.converged
    assert raking.weights.min() > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"targets": []}, "at least one target"),
        ({"cap": 1.0}, "cap must be > 1 .times the mean weight., got 1"),
        ({"floor": 1.0}, "floor must be >= 0 and < 1 .times the mean weight., got 1"),
        ({"floor": -0.1}, "floor must be >= 0 and < 1 .times the mean weight., got -0.1"),
        ({"base": np.ones(3)}, r"base must have shape \(2,\), got \(3,\)"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        fit(panel_of(sex=["f", "m"]), **{"targets": [one("sex", f=0.5, m=0.5)], **arguments})


def test_a_panel_without_people_is_refused():
    empty = Panel((), ("sex",), (("f",),), np.zeros((0, 1), dtype=np.int64), np.zeros(0))
    with pytest.raises(DataError, match="the panel is empty"):
        fit(empty, [one("sex", f=1.0)])
