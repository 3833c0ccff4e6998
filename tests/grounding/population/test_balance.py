import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grounding.population.balance import asmd_between, asmd_to, distances, mean_asmd, moved
from grounding.population.margins import Target
from grounding.population.raking import fit
from personas.errors import DataError
from personas.panel import from_columns

SHARES = st.floats(0.01, 0.99)


def target(attribute: str, **shares: float) -> Target:
    return Target(
        (attribute,), tuple((v,) for v in shares), np.array(list(shares.values())), 1.0, "Office", "", ""
    )


def test_the_worked_differences():
    assert asmd_between(0.5, 0.6) == pytest.approx(0.1 / np.sqrt((0.25 + 0.24) / 2))
    assert asmd_to(0.6, 0.5) == pytest.approx(0.2)


def test_half_against_seven_tenths_is_what_the_package_balance_prints():
    """balance 0.23.0, computed on 2026-11-21: asmd of a 0/1 column with share .7 to a target of 200 halves.

    Its standard deviation in the target is that of a sample (n - 1): sqrt(0.25 x 200 / 199).
    """
    assert asmd_to(0.7, 0.5) * np.sqrt(199 / 200) == pytest.approx(0.3989987468652)


@given(SHARES, SHARES)
def test_a_difference_is_symmetric_and_zero_only_between_equal_shares(first, second):
    assert asmd_between(first, second) == pytest.approx(asmd_between(second, first))
    assert (asmd_between(first, second) == 0) == (first == second)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_difference_without_a_spread_is_undefined(share):
    assert asmd_between(share, share) is None
    assert asmd_to(0.3, share) is None
    assert mean_asmd([None, asmd_to(0.3, share)]) is None


def test_the_mean_is_over_what_is_defined():
    assert mean_asmd([0.1, None, 0.3]) == pytest.approx(0.2)


PANEL = from_columns(
    [str(i) for i in range(6)],
    {"sex": list("ffffmm"), "pet": ["cat", "cat", "dog", None, "dog", "dog"], "car": [None] * 6},
    np.ones(6),
)


def test_weighting_by_sex_moves_pets_and_the_table_says_how_far():
    raked = [target("sex", f=0.5, m=0.5)]
    weights = fit(PANEL, raked).weights
    cat, dog = moved(PANEL, PANEL.weights, weights, raked)
    assert (cat.attribute, cat.level, cat.people, dog.people) == ("pet", "cat", 2, 3)
    assert cat.before == pytest.approx(0.4)
    # Women weigh 0.75, men 1.5: cats 1.5 of 5.25.
    assert cat.after == pytest.approx(1.5 / 5.25)
    assert cat.asmd == pytest.approx(asmd_between(0.4, 1.5 / 5.25))
    assert cat.asmd == pytest.approx(dog.asmd)


def test_attributes_that_were_raked_on_or_that_nobody_has_are_left_out():
    assert {m.attribute for m in moved(PANEL, PANEL.weights, PANEL.weights, [])} == {"sex", "pet"}


def test_an_official_table_that_was_not_raked_on_is_compared_before_and_after():
    weights = fit(PANEL, [target("sex", f=0.5, m=0.5)]).weights
    cat, _ = distances(PANEL, PANEL.weights, weights, [target("pet", cat=0.2, dog=0.8)])
    assert (cat.attributes, cat.cell, cat.official, cat.source) == (("pet",), ("cat",), 0.2, "Office")
    assert cat.asmd_before == pytest.approx(0.2 / 0.4)
    assert cat.asmd_after == pytest.approx((1.5 / 5.25 - 0.2) / 0.4)


def test_tables_and_weights_that_do_not_fit_the_panel_are_refused():
    with pytest.raises(DataError, match="person '2' has pet: dog"):
        distances(PANEL, PANEL.weights, PANEL.weights, [target("pet", cat=1.0)])
    with pytest.raises(ValueError, match="nobody is known in table car"):
        distances(PANEL, PANEL.weights, PANEL.weights, [target("car", yes=1.0)])
    with pytest.raises(ValueError, match="need 6 base weights and weights"):
        moved(PANEL, np.ones(5), PANEL.weights, [])
