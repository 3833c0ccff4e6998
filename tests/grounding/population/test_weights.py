import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grounding.population.margins import Target
from grounding.population.raking import fit
from grounding.population.weights import QUANTILES, design_effect, effective_base, quantiles, weighting
from personas.errors import DataError
from personas.panel import from_columns

WEIGHTS = st.lists(st.floats(0.01, 100), min_size=1, max_size=40).map(np.array)
SEX = Target(("sex",), (("f",), ("m",)), np.array([0.5, 0.5]), 2.0, "Office", "2020", "free")


def panel_of(sex: list[str | None]):
    return from_columns([f"id{i}" for i in range(len(sex))], {"sex": sex}, np.ones(len(sex)))


def test_three_weights_have_the_worked_design_effect():
    assert design_effect(np.array([1.0, 1.0, 2.0])) == pytest.approx(1.125)
    assert effective_base(np.array([1.0, 1.0, 2.0])) == pytest.approx(16 / 6)


@given(WEIGHTS, st.floats(1e-3, 1e3))
def test_the_design_effect_is_kish_one_plus_squared_variation_at_any_scale(weights, scale):
    expected = 1 + (weights.std() / weights.mean()) ** 2
    assert design_effect(weights * scale) == pytest.approx(expected)
    assert 1 - 1e-9 <= design_effect(weights) <= len(weights) + 1e-9
    assert effective_base(weights) == pytest.approx(len(weights) / expected)


def test_people_with_weight_zero_count_as_people_but_not_as_base():
    assert effective_base(np.array([1.0, 1.0, 0.0, 0.0])) == pytest.approx(2.0)


@pytest.mark.parametrize("weights", [[], [0.0, 0.0], [1.0, -1.0], [1.0, np.nan], [1.0, np.inf]])
def test_weights_without_a_design_effect_are_refused(weights):
    with pytest.raises(ValueError, match="weights must be finite numbers >= 0"):
        design_effect(np.array(weights))


def test_diagnostics_show_each_cell_before_and_after_weighting():
    panel = panel_of(["f", "f", "f", "m", None])
    found = weighting(panel, fit(panel, [SEX]).weights, [SEX])
    assert found.people == 5
    assert [(m.cell, m.base) for m in found.margins] == [(("f",), 3), (("m",), 1)]
    assert [m.unweighted for m in found.margins] == pytest.approx([0.75, 0.25])
    assert [m.weighted for m in found.margins] == pytest.approx([0.5, 0.5])
    assert found.largest_margin_error < 1e-9
    assert found.largest_weight == pytest.approx(2.0)
    assert found.effective_base == pytest.approx(25 / (3 * (2 / 3) ** 2 + 4 + 1))


def test_the_largest_margin_error_of_weights_that_miss_is_the_gap():
    assert weighting(panel_of(["f", "f", "f", "m"]), np.ones(4), [SEX]).largest_margin_error == pytest.approx(
        0.25
    )


def test_weights_for_other_people_or_no_targets_are_refused():
    with pytest.raises(ValueError, match="at least one target and 2 weights, got 0"):
        weighting(panel_of(["f", "m"]), np.ones(2), [])
    with pytest.raises(ValueError, match=r"2 weights, got 1 and \(3,\)"):
        weighting(panel_of(["f", "m"]), np.ones(3), [SEX])


def test_a_margin_whose_known_people_all_weigh_nothing_is_refused():
    with pytest.raises(ValueError, match="nobody with a positive weight is known in margin sex"):
        weighting(panel_of(["f", None]), np.array([0.0, 1.0]), [SEX])


def test_a_value_without_a_target_is_refused():
    with pytest.raises(DataError, match="person 'id1' has sex: x"):
        weighting(panel_of(["f", "x"]), np.ones(2), [SEX])


def test_quantiles_are_multiples_of_the_mean_weight():
    found = quantiles(np.array([1.0, 1.0, 2.0]))
    assert [q.at for q in found] == list(QUANTILES)
    by = {q.at: q.weight for q in found}
    assert (by[0.0], by[0.5], by[1.0]) == pytest.approx((0.75, 0.75, 1.5))
    with pytest.raises(ValueError, match="finite numbers >= 0"):
        quantiles(np.array([]))


@given(WEIGHTS, st.floats(1e-3, 1e3))
def test_quantiles_rise_and_do_not_depend_on_the_scale(weights, scale):
    values = [q.weight for q in quantiles(weights)]
    assert values == sorted(values)
    assert [q.weight for q in quantiles(weights * scale)] == pytest.approx(values)
