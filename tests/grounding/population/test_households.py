"""Households and persons against R survey 4.1-1 (R 4.2.2), computed on 2026-11-21, and by properties."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_allclose

from grounding.population.households import fit, problems
from grounding.population.margins import Target
from personas.errors import DataError
from personas.panel import Panel, from_columns

EUSILC = Path(__file__).parents[4] / "shared" / "data" / "households" / "laeken_eusilc.csv"


def one(attribute: str, **shares: float) -> Target:
    values = np.array(list(shares.values()))
    return Target((attribute,), tuple((v,) for v in shares), values / values.sum(), 1.0, "Office", "2020", "")


HOME = [1, 1, 2, 2, 2, 3, 4, 4, 5, 5, 5, 5, 6, 7, 7, 8, 8, 8]
IDS = [str(h) for h in HOME]
PERSONS = from_columns(
    [str(i) for i in range(18)],
    {"age": list("ooooyooyooyyooooyy"), "sex": list("fmfmmfffmfmfmfmmfm")},
    np.ones(18),
)
HOUSEHOLDS = from_columns(
    [str(h) for h in range(1, 9)],
    {"place": list("nsnssnsn"), "size": ["small" if HOME.count(h) <= 2 else "large" for h in range(1, 9)]},
    np.array([1, 2, 1.5, 0.8, 1.2, 1, 0.9, 1.1]),
)
OF_PERSONS = [one("age", y=0.3, o=0.7), one("sex", m=0.48, f=0.52)]
OF_HOUSEHOLDS = [one("place", n=0.55, s=0.45), one("size", small=0.6, large=0.4)]


@pytest.mark.parametrize(
    ("cap", "floor", "expected"),
    [
        (
            None,
            0.0,
            [
                1.073915527901,
                1.717769450227,
                2.344436609187,
                0.524613273529,
                0.885750493928,
                0.385167807067,
                0.471866782316,
                0.596480055845,
            ],
        ),
        (
            1.9,
            0.3,
            [
                1.676923076923,
                1.600000000000,
                1.900000000000,
                0.623076923077,
                1.076923076923,
                0.300000000000,
                0.300000000000,
                0.523076923077,
            ],
        ),
    ],
)
def test_eight_households_are_weighted_as_r_survey_calibrate_does_with_persons_as_counts(
    cap, floor, expected
):
    """calibrate(dh, ~n + cy + cm + small, calfun = "raking"), then bounds = c(0.3, 1.9), bounds.const = TRUE.

    cy is the number of young in the household less 0.3 times its size, with population total 0; cm alike.
    """
    found = fit(PERSONS, IDS, OF_PERSONS, HOUSEHOLDS, OF_HOUSEHOLDS, cap=cap, floor=floor, tolerance=1e-12)
    assert found.converged
    assert_allclose(found.households, expected, rtol=1e-8)
    assert_allclose(found.persons, [found.households[h - 1] for h in HOME])


@st.composite
def possible(draw: st.DrawFn) -> tuple[Panel, list[str], list[Target], Panel, list[Target], np.ndarray]:
    """Households with their persons, and margins counted under some weights, which come last."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = rng.integers(1, 6, draw(st.integers(15, 60)))
    home = np.repeat(np.arange(len(sizes)), sizes)
    n = len(home)
    codes = np.stack([rng.integers(0, 3, n), rng.integers(0, 2, n)], axis=1)
    codes[:3, 0], codes[:2, 1] = np.arange(3), np.arange(2)
    persons = Panel(
        tuple(f"p{i}" for i in range(n)), ("a", "b"), (("u", "v", "w"), ("x", "y")), codes, np.ones(n)
    )
    own = np.stack([np.minimum(sizes, 3) - 1, rng.integers(0, 2, len(sizes))], axis=1)
    levels = (("1", "2", "3+"), ("n", "s"))
    ids = tuple(str(i) for i in range(len(sizes)))
    households = Panel(ids, ("size", "place"), levels, own, rng.uniform(0.5, 2, len(sizes)))
    truth = np.exp(rng.normal(0, 0.3, len(sizes)))
    of_persons = [_counted(persons, i, truth[home]) for i in range(2)]
    of_households = [_counted(households, i, truth) for i in range(2)]
    return persons, [str(h) for h in home], of_persons, households, of_households, truth / truth.mean()


def _counted(panel: Panel, column: int, weights: np.ndarray) -> Target:
    sums = np.bincount(panel.codes[:, column], weights, minlength=len(panel.levels[column]))
    shares = {v: s for v, s in zip(panel.levels[column], sums.tolist(), strict=True) if s > 0}
    return one(panel.attributes[column], **shares)


def shares(panel: Panel, target: Target, weights: np.ndarray) -> np.ndarray:
    """Weighted shares by counting one after the other."""
    values = panel.values(target.attributes[0])
    sums = [sum(w for v, w in zip(values, weights, strict=True) if v == cell) for (cell,) in target.cells]
    return np.array(sums) / sum(sums)


@settings(max_examples=25, deadline=None)
@given(possible())
def test_both_kinds_of_margins_are_met_with_one_weight_for_each_household(problem):
    persons, home, of_persons, households, of_households, _ = problem
    found = fit(persons, home, of_persons, households, of_households)
    assert found.converged
    assert found.households.mean() == pytest.approx(1.0)
    for target in of_persons:
        assert_allclose(shares(persons, target, found.persons), target.shares, atol=1e-8)
    for target in of_households:
        assert_allclose(shares(households, target, found.households), target.shares, atol=1e-8)
    assert [p for p in problems(persons, home, of_persons, households, of_households) if p.blocks] == []


@settings(max_examples=25, deadline=None)
@given(possible(), st.floats(1.05, 3.0), st.floats(0.0, 0.9))
def test_bounds_are_kept_and_what_they_cost_is_said_beforehand(problem, cap, floor):
    persons, home, of_persons, households, of_households, truth = problem
    found = fit(persons, home, of_persons, households, of_households, cap=cap, floor=floor)
    assert found.households.max() <= cap * (1 + 1e-12)
    assert found.households.min() >= floor * (1 - 1e-12)
    named = problems(persons, home, of_persons, households, of_households, cap=cap, floor=floor)
    assert found.converged == (named == ())
    if truth.max() < 0.98 * cap and truth.min() > 1.02 * floor:
        assert found.converged


def test_without_persons_margins_households_are_raked_as_people_are():
    from grounding.population import raking

    found = fit(PERSONS, IDS, [], HOUSEHOLDS, OF_HOUSEHOLDS)
    assert_allclose(found.households, raking.fit(HOUSEHOLDS, OF_HOUSEHOLDS).weights, rtol=1e-7)


def test_the_mean_size_of_a_household_can_be_given():
    free = fit(PERSONS, IDS, OF_PERSONS, HOUSEHOLDS, OF_HOUSEHOLDS[:1])
    given_ = fit(PERSONS, IDS, OF_PERSONS, HOUSEHOLDS, OF_HOUSEHOLDS[:1], persons_per_household=2.5)
    assert free.persons_per_household != pytest.approx(2.5, abs=1e-3)
    assert given_.persons_per_household == pytest.approx(2.5)
    assert given_.converged


def test_a_mean_size_that_the_margins_rule_out_is_named():
    (found,) = problems(PERSONS, IDS, OF_PERSONS, HOUSEHOLDS, OF_HOUSEHOLDS, persons_per_household=5.0)
    assert found.kind == "contradiction"
    assert "persons per household" in found.margins
    assert "persons per household at least 5" in found.message
    with pytest.raises(DataError, match="contradict one another"):
        fit(PERSONS, IDS, OF_PERSONS, HOUSEHOLDS, OF_HOUSEHOLDS, persons_per_household=5.0)


def test_margins_of_persons_and_households_that_contradict_each_other_are_named_with_cells():
    few = [one("size", small=0.95, large=0.05)]
    young = [one("age", y=0.6, o=0.4)]
    (found,) = problems(PERSONS, IDS, young, HOUSEHOLDS, few)
    assert set(found.margins) == {"age", "size"}
    assert "persons with age: y at least 60.00\u00a0%" in found.message
    with pytest.raises(DataError, match=r"persons with age: y at least 60\.00\u00a0%"):
        fit(PERSONS, IDS, young, HOUSEHOLDS, few)


def test_bounds_that_cannot_be_kept_are_named_with_the_smallest_cap():
    (found,) = problems(PERSONS, IDS, OF_PERSONS, HOUSEHOLDS, OF_HOUSEHOLDS, cap=1.2, floor=0.5)
    assert found.kind == "bounds"
    loose = fit(PERSONS, IDS, OF_PERSONS, HOUSEHOLDS, OF_HOUSEHOLDS, cap=1.2, floor=0.5)
    assert not loose.converged
    assert max(*loose.household_errors, *loose.person_errors) > 0.01


def test_unknown_persons_are_left_out_or_keep_their_share():
    codes = PERSONS.codes.copy()
    codes[[0, 5, 9], 0] = -1
    persons = replace(PERSONS, codes=codes)
    ignored = fit(persons, IDS, OF_PERSONS, HOUSEHOLDS, OF_HOUSEHOLDS)
    assert_allclose(shares(persons, OF_PERSONS[0], ignored.persons), [0.3, 0.7], atol=1e-8)
    kept = fit(persons, IDS, OF_PERSONS[:1], HOUSEHOLDS, OF_HOUSEHOLDS, missing="category")
    base = HOUSEHOLDS.weights[np.array(HOME) - 1]
    unknown = codes[:, 0] < 0
    assert kept.persons[unknown].sum() / kept.persons.sum() == pytest.approx(base[unknown].sum() / base.sum())


def test_persons_without_a_household_and_households_without_persons_are_named():
    with pytest.raises(DataError, match=r"1 person belongs to a household .* '17' .'99'."):
        fit(PERSONS, [*IDS[:-1], "99"], OF_PERSONS, HOUSEHOLDS, OF_HOUSEHOLDS)
    with pytest.raises(DataError, match="1 household has no persons: '8'"):
        fit(PERSONS, [*IDS[:-3], "7", "7", "7"], OF_PERSONS, HOUSEHOLDS, OF_HOUSEHOLDS)
    with pytest.raises(ValueError, match="household_ids must name 18 households, got 2"):
        fit(PERSONS, ["1", "2"], OF_PERSONS, HOUSEHOLDS, OF_HOUSEHOLDS)


def test_problems_of_weights_and_of_both_kinds_of_margins_are_listed_at_once():
    with pytest.raises(DataError) as refusal:
        fit(
            PERSONS,
            IDS,
            [one("age", y=0.3, o=0.6, z=0.1)],
            HOUSEHOLDS,
            [one("place", n=0.5, s=0.4, w=0.1)],
            base=np.array([0.0] + [1.0] * 7),
        )
    for part in ("person '1' has 0", "age: z", "place: w", "3 problems"):
        assert part in str(refusal.value)


@pytest.mark.skipif(not EUSILC.is_file(), reason="the shared data folder with laeken_eusilc.csv is not here")
def test_six_thousand_households_of_eu_silc_meet_moved_margins_within_bounds():
    with EUSILC.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    home = [r["db030"] for r in rows]
    first = {r["db030"]: r for r in reversed(rows)}
    persons = from_columns(
        [str(i) for i in range(len(rows))], {"sex": [r["rb090"] for r in rows]}, np.ones(len(rows))
    )
    columns = {
        "size": [str(min(int(r["hsize"]), 5)) for r in first.values()],
        "place": [r["db040"] for r in first.values()],
    }
    households = from_columns(list(first), columns, np.array([float(r["db090"]) for r in first.values()]))
    of_households = [_counted(households, i, households.weights) for i in range(2)]
    of_households[0] = replace(of_households[0], shares=np.array([0.38, 0.3, 0.15, 0.11, 0.06]))
    found = fit(
        persons, home, [one("sex", male=0.495, female=0.505)], households, of_households, cap=2.0, floor=0.4
    )
    assert found.converged
    assert max(*found.household_errors, *found.person_errors) < 1e-9
