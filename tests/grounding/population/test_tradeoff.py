from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose

from grounding.population.margins import Target
from grounding.population.raking import fit
from grounding.population.tradeoff import CAPS, curve
from grounding.population.weights import effective_base
from personas.errors import DataError
from personas.panel import Panel, from_columns


def target(attribute: str, **shares: float) -> Target:
    return Target(
        (attribute,), tuple((v,) for v in shares), np.array(list(shares.values())), 1.0, "Office", "", ""
    )


def sample() -> tuple[Panel, list[Target]]:
    rng = np.random.default_rng(2)
    n = 2000
    columns = {
        "age": rng.choice(["y", "m", "o"], n, p=[0.06, 0.5, 0.44]).tolist(),
        "place": rng.choice(["n", "s"], n, p=[0.8, 0.2]).tolist(),
    }
    panel = from_columns([str(i) for i in range(n)], columns, rng.gamma(2, size=n) + 0.1)
    return panel, [target("age", y=0.2, m=0.5, o=0.3), target("place", n=0.5, s=0.5)]


def test_a_tighter_cap_keeps_a_larger_base_and_a_larger_error():
    points = curve(*sample())
    assert tuple(p.cap for p in points) == CAPS
    assert all(a.effective_base >= b.effective_base - 1e-6 for a, b in pairwise(points))
    unmet = [p for p in points if not p.converged]
    assert all(a.worst_residual > b.worst_residual for a, b in pairwise(unmet))
    assert not points[0].converged
    assert points[-1].converged
    assert points[0].worst_cell == "place: n"
    assert all(p.largest_weight <= p.cap * (1 + 1e-9) for p in points if p.cap is not None)


def test_each_point_is_the_fit_under_its_cap():
    panel, targets = sample()
    for point in curve(panel, targets, caps=(8.0, None)):
        raking = fit(panel, targets, cap=point.cap)
        assert point.converged == raking.converged
        assert_allclose(point.effective_base, effective_base(raking.weights), rtol=1e-6)
        assert_allclose(point.design_effect, len(panel) / point.effective_base)


def test_margins_that_contradict_one_another_leave_a_residual_at_every_cap():
    panel = from_columns(list("abcd"), {"sex": list("mmff"), "age": list("yyoo")}, np.ones(4))
    points = curve(panel, [target("sex", m=0.5, f=0.5), target("age", y=0.3, o=0.7)], caps=(2.0, None))
    assert [p.converged for p in points] == [False, False]
    assert min(p.worst_residual for p in points) > 0.05


def test_what_no_fit_could_use_is_refused():
    panel, targets = sample()
    with pytest.raises(ValueError, match="cap must be > 1"):
        curve(panel, targets, caps=(1.0,))
    with pytest.raises(DataError, match="age: old"):
        curve(panel, [target("age", y=0.2, m=0.4, o=0.3, old=0.1)])
