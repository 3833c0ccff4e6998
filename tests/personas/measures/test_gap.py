import pytest
from hypothesis import given
from hypothesis import strategies as st

from personas.measures.gap import gap_closed


def test_the_worked_number():
    assert gap_closed(0.90, 0.70, 0.95) == pytest.approx(0.8)


def test_it_is_undefined_not_zero_where_uniform_is_near_the_ceiling():
    assert gap_closed(0.95, 0.94, 0.955) is None
    assert gap_closed(0.5, 0.9, 0.8) is None


@given(st.floats(0, 0.9), st.floats(0.03, 0.5), st.floats(-1, 2))
def test_it_is_zero_at_uniform_one_at_the_ceiling_and_straight_between(uniform, gap, share):
    ceiling = uniform + gap
    assert gap_closed(uniform, uniform, ceiling) == 0.0
    assert gap_closed(ceiling, uniform, ceiling) == pytest.approx(1.0)
    assert gap_closed(uniform + share * gap, uniform, ceiling) == pytest.approx(share, abs=1e-9)
