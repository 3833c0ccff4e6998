import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from grounding.population.collapsing import Merge, collapse
from grounding.population.margins import Target
from grounding.population.raking import fit
from personas.panel import UNKNOWN, Panel, from_columns


def one(attribute: str, **shares: float) -> Target:
    values = np.array(list(shares.values()))
    return Target(
        (attribute,), tuple((v,) for v in shares), values / values.sum(), 1000.0, "Office", "2020", ""
    )


def people(**counts: dict[str | None, int]) -> Panel:
    columns = {name: [v for v, n in levels.items() for _ in range(n)] for name, levels in counts.items()}
    n = len(next(iter(columns.values())))
    return from_columns([str(i) for i in range(n)], columns, np.ones(n))


@st.composite
def thin(draw: st.DrawFn) -> tuple[Panel, list[Target], int]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 120))
    ages = ("18-24", "25-34", "35-49", "50-64", "65+")
    sides = ("n", "s", "e", "w")
    codes = np.stack([rng.choice(5, n, p=rng.dirichlet(np.ones(5))), rng.integers(-1, 4, n)], axis=1)
    panel = Panel(tuple(map(str, range(n))), ("age", "side"), (ages, sides), codes, np.ones(n))
    cells = tuple((a, s) for a in ages for s in sides)
    joint = Target(("age", "side"), cells, rng.dirichlet(np.ones(20)), 500.0, "Office", "2020", "")
    alone = Target(
        ("age",), tuple((a,) for a in ages), rng.dirichlet(np.ones(5)), 700.0, "Office", "2020", ""
    )
    return panel, [joint, alone], draw(st.integers(1, 40))


@settings(max_examples=60, deadline=None)
@given(thin())
def test_no_level_is_thin_unless_it_is_the_only_one_and_totals_and_people_are_kept(problem):
    panel, targets, smallest = problem
    found = collapse(panel, targets, smallest)
    assert found.panel.ids == panel.ids
    for attribute in ("age", "side"):
        before, after = panel.values(attribute), found.panel.values(attribute)
        assert [v is None for v in before] == [v is None for v in after]
        levels = {
            c[t.attributes.index(attribute)]
            for t in found.targets
            if attribute in t.attributes
            for c in t.cells
        }
        assert set(after) - {None} <= levels
        assert len(levels) == 1 or min(after.count(level) for level in levels) >= smallest
    for old, new in zip(targets, found.targets, strict=True):
        assert new.total == old.total
        assert new.shares.sum() == pytest.approx(1.0)
        assert len(set(new.cells)) == len(new.cells)


@settings(max_examples=40, deadline=None)
@given(thin())
def test_sample_and_margins_are_merged_alike_and_the_merges_say_how(problem):
    panel, targets, smallest = problem
    found = collapse(panel, targets, smallest)
    names = {(m.attribute, level): m.name for m in found.merges for level in m.levels}
    for attribute in ("age", "side"):
        expected = [v and names.get((attribute, v), v) for v in panel.values(attribute)]
        assert found.panel.values(attribute) == expected
    for old, new in zip(targets, found.targets, strict=True):
        for cell, share in zip(new.cells, new.shares, strict=True):
            parts = [
                s
                for c, s in zip(old.cells, old.shares, strict=True)
                if tuple(names.get((a, v), v) for a, v in zip(old.attributes, c, strict=True)) == cell
            ]
            assert share == pytest.approx(sum(parts))


def test_an_ordered_level_joins_the_adjacent_one_that_fewer_people_have():
    panel = people(age={"18-24": 40, "25-34": 5, "35-49": 30, "50+": 90})
    found = collapse(panel, [one("age", **{"18-24": 1, "25-34": 2, "35-49": 3, "50+": 4})], 10)
    assert found.merges == (Merge("age", ("25-34", "35-49"), (5, 30), "25-34 + 35-49", True),)
    assert found.targets[0].cells == (("18-24",), ("25-34 + 35-49",), ("50+",))
    assert_allclose(found.targets[0].shares, [0.1, 0.5, 0.4])
    assert "fewer than 10 people" in found.rule


def test_an_unordered_level_joins_the_smallest_other_one():
    found = collapse(people(side={"n": 50, "s": 3, "e": 20}), [one("side", n=1, s=1, e=1)], 10)
    assert [(m.levels, m.ordered) for m in found.merges] == [(("e", "s"), False)]


def test_an_order_that_is_given_is_followed_and_one_that_lacks_a_level_is_refused():
    panel = people(school={"none": 2, "high": 50, "degree": 3})
    target = one("school", none=1, high=1, degree=1)
    found = collapse(panel, [target], 10, {"school": ["none", "high", "degree"]})
    assert [m.levels for m in found.merges] == [("none", "high", "degree")]
    # Without an order: none (2) joins degree (3), and both (5) join the only other.
    assert [m.levels for m in collapse(panel, [target], 4).merges] == [("degree", "none")]
    with pytest.raises(ValueError, match="the order of school lacks 'degree'"):
        collapse(panel, [target], 10, {"school": ["none", "high"]})


@pytest.mark.parametrize(
    ("levels", "first"),
    [
        (("18-24", "25-64", "65 and over", "under 18"), ("under 18", "18-24")),
        (("1.000 - 1.999", "500 - 999", "unter 500"), ("unter 500", "500 - 999")),
        (("$1,000-1,999", "$200-999", "<$200"), ("<$200", "$200-999")),
        (("2.5-4.9", "10-20", "5-9.9"), ("2.5-4.9", "5-9.9")),
    ],
)
def test_numbers_in_levels_give_their_order(levels, first):
    counts = {level: 50 for level in levels} | {first[0]: 1, first[1]: 2}
    found = collapse(people(x=counts), [one("x", **{level: 1.0 for level in levels})], 2)
    assert found.merges[0].levels == first


def test_a_level_that_nobody_has_is_merged_so_that_the_margin_can_be_met():
    panel = people(age={"18-24": 20, "25-34": 30})
    target = one("age", **{"18-24": 0.4, "25-34": 0.5, "35+": 0.1})
    found = collapse(panel, [target], 1)
    assert [m.people for m in found.merges] == [(30, 0)]
    assert fit(found.panel, found.targets).converged


def test_attributes_without_a_target_and_thick_levels_are_left_as_they_are():
    panel = people(age={"18-24": 20, "25-34": 30}, pet={"cat": 49, "dog": 1})
    targets = [one("age", **{"18-24": 0.4, "25-34": 0.6})]
    found = collapse(panel, targets, 10)
    assert found.merges == ()
    assert found.targets[0] is targets[0]
    assert np.array_equal(found.panel.codes, panel.codes)


def test_unknown_stays_unknown():
    panel = people(side={"n": 5, "s": 1, None: 4})
    found = collapse(panel, [one("side", n=1, s=1)], 3)
    assert np.sum(found.panel.codes == UNKNOWN) == 4


def test_a_smallest_level_below_one_is_refused():
    with pytest.raises(ValueError, match="smallest must be >= 1, got 0"):
        collapse(people(side={"n": 5}), [one("side", n=1)], 0)
