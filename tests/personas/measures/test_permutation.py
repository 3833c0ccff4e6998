import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import permutation_test

from personas.measures.permutation import p_value


def test_the_worked_number():
    assert p_value(0.3, np.array([0.1, 0.2, 0.4])) == 0.5


def test_it_equals_scipys_permutation_test_of_the_same_permutations():
    rng = np.random.default_rng(0)
    x = rng.normal(0.25, 1, 20)
    y = x + rng.normal(0, 2, 20)
    found = permutation_test(
        (x,),
        lambda x: np.corrcoef(x, y)[0, 1],
        permutation_type="pairings",
        n_resamples=199,
        alternative="greater",
        vectorized=False,
        rng=rng,
    )
    assert p_value(float(found.statistic), found.null_distribution) == pytest.approx(found.pvalue)


def test_it_keeps_its_level_where_nothing_matters():
    rng = np.random.default_rng(1)
    figures = rng.normal(size=(4000, 20))
    rejected = np.mean([p_value(row[0], row[1:]) <= 0.1 for row in figures])
    assert rejected == pytest.approx(0.1, abs=3 * np.sqrt(0.1 * 0.9 / 4000))


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=30), st.integers(-6, 6))
def test_it_is_never_zero_and_falls_as_the_figure_rises(permuted, observed):
    values = np.array(permuted, dtype=float)
    found = p_value(observed, values)
    assert 1 / (len(values) + 1) <= found <= 1
    assert p_value(observed + 1, values) <= found


@pytest.mark.parametrize(
    ("observed", "permuted"), [(0.1, []), (np.nan, [0.1]), (0.1, [np.nan]), (0.1, [np.inf])]
)
def test_without_finite_figures_there_is_no_p_value(observed, permuted):
    with pytest.raises(ValueError, match="permut"):
        p_value(observed, np.array(permuted))
