from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grounding.population import contradiction, disagreement, preflight
from grounding.population.conditions import Row, system
from grounding.population.groups import grouped
from grounding.population.margins import Target, places_of
from grounding.population.preflight import check, problems
from grounding.population.raking import fit
from personas.errors import DataError
from personas.panel import Panel, from_columns


def one(attribute: str, source: str = "Office", total: float = 1000.0, **shares: float) -> Target:
    values = np.array(list(shares.values()))
    cells = tuple((level,) for level in shares)
    return Target((attribute,), cells, values / values.sum(), total, source, "2020", "free")


def panel_of(**columns: list[str | None]) -> Panel:
    n = len(next(iter(columns.values())))
    return from_columns([f"id{i}" for i in range(n)], columns, np.ones(n))


def kinds(found: tuple[preflight.Problem, ...]) -> list[str]:
    return [problem.kind for problem in found]


@st.composite
def possible(draw: st.DrawFn) -> tuple[Panel, list[Target], np.ndarray]:
    """People, margins counted under some weights above zero, and these weights."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(8, 60))
    codes = rng.integers(-1 if draw(st.booleans()) else 0, 3, (n, 4))
    codes[:3] = np.arange(3)[:, None]
    names = tuple("abcd")
    panel = Panel(tuple(map(str, range(n))), names, (("u", "v", "w"),) * 4, codes, rng.uniform(0.3, 3, n))
    truth = np.exp(rng.normal(0, 0.5, n))
    targets = [
        one(name, **dict(zip("uvw", np.bincount(codes[k, i], truth[k]).tolist(), strict=True)))
        for i, name in enumerate(names)
        for k in [codes[:, i] >= 0]
    ]
    return panel, targets, truth / truth.mean()


@settings(max_examples=60, deadline=None)
@given(possible())
def test_what_some_weights_above_zero_meet_is_not_called_a_problem(problem):
    panel, targets, _ = problem
    found = problems(panel, targets)
    assert [p for p in found if p.blocks] == []
    assert fit(panel, targets).converged


@settings(max_examples=40, deadline=None)
@given(possible())
def test_bounds_that_some_weights_keep_are_not_called_a_problem(problem):
    panel, targets, truth = problem
    found = problems(panel, targets, cap=max(1.01, truth.max() * 1.02), floor=truth.min() * 0.98)
    assert [p for p in found if p.blocks or p.kind == "bounds"] == []


@settings(max_examples=40, deadline=None)
@given(possible(), st.floats(1.05, 3.0))
def test_the_smallest_cap_that_is_named_is_one_that_can_be_kept(problem, cap):
    panel, targets, _ = problem
    found = [p for p in problems(panel, targets, cap=cap) if p.kind == "bounds"]
    assert fit(panel, targets, cap=cap).converged == (not found)
    if found:
        smallest = float(found[0].fix.split("can be met is ")[1].split(";")[0])
        assert smallest >= cap - 1e-3
        assert fit(panel, targets, cap=smallest * 1.02).converged


@settings(max_examples=30, deadline=None)
@given(possible(), st.floats(1.001, 1.01))
def test_a_cap_hardly_above_the_smallest_is_kept_though_it_holds_most_people(problem, room):
    panel, targets, _ = problem
    found = [p for p in problems(panel, targets, cap=1.02) if p.kind == "bounds"]
    if not found or "can be met is " not in found[0].fix:
        return
    smallest = float(found[0].fix.split("can be met is ")[1].split(";")[0])
    assert fit(panel, targets, cap=(smallest + 1e-3) * room).converged


def test_the_worked_cap_half_the_population_in_a_tenth_of_the_people():
    panel = panel_of(sex=["f"] * 9 + ["m"])
    (found,) = problems(panel, [one("sex", f=0.5, m=0.5)], cap=2.0)
    assert (found.kind, found.margins, found.blocks) == ("bounds", ("sex",), False)
    assert "sex: m at least 50.00\u00a0%" in found.message
    assert "smallest cap with which all margins can be met is 5;" in found.fix
    assert problems(panel, [one("sex", f=0.5, m=0.5)], cap=5.01) == ()


def test_of_many_cells_that_bounds_leave_unmet_those_farthest_from_the_people_are_told():
    sizes = np.arange(1, 15)
    levels = [f"l{i}" for i in range(14)]
    panel = panel_of(land=[level for level, n in zip(levels, sizes, strict=True) for _ in range(n)])
    target = one("land", **dict.fromkeys(levels, 1.0))
    placed = grouped([places_of(panel, target)], [target], np.ones(len(panel)), "ignore")
    rows = [Row(0, cell, 1 if size < 7.5 else -1) for cell, size in enumerate(sizes)]
    said = contradiction.stated(system(placed), rows, 3).replace("\u00a0", " ")
    assert said.count("land: ") == 3
    assert said.endswith(" and 11 more")
    assert "land: l0 at least 7.14 %" in said
    assert "land: l13 at most 7.14 %" in said
    assert contradiction.stated(system(placed), rows[:3], 3).count("land: ") == 3


def test_a_floor_that_is_too_high_is_named_with_the_largest_possible():
    panel = panel_of(sex=["f"] * 9 + ["m"])
    (found,) = problems(panel, [one("sex", f=0.5, m=0.5)], floor=0.7)
    assert "largest floor with which all margins can be met is 0.555;" in found.fix
    (found,) = problems(panel, [one("sex", f=0.5, m=0.5)], floor=0.7, cap=9.0)
    assert "No cap is large enough for this floor" in str(found)


def test_every_problem_is_named_with_its_margins_and_none_twice():
    panel = panel_of(
        sex=["f", "m", "f", "m"],
        age=["y", "y", "o", None],
        place=["n", "n", "n", "n"],
        school=["s", "l", "l", "x"],
    )
    targets = [
        one("sex", f=0.5, m=0.5),
        one("age", y=0.3, o=0.3, old=0.4),
        one("place", total=2000.0, n=0.5, s=0.5),
        one("school", s=0.5, l=0.5),
        one("income", low=1.0),
    ]
    found = problems(panel, targets, base=np.array([1.0, 0.0, np.nan, -1.0]))
    assert kinds(found) == [
        "base", "base", "base", "totals", "missing", "absent", "one category", "surplus", "attribute"
    ]  # fmt: skip
    named = {p.kind: p.margins for p in found}
    assert named["absent"] == named["missing"] == ("age",)
    assert named["one category"] == ("place",)
    assert named["surplus"] == ("school",)
    assert named["attribute"] == ("income",)
    assert [p.blocks for p in found] == [True] * 4 + [False] + [True] * 4


def test_totals_are_compared_unless_margins_are_taken_as_shares():
    panel = panel_of(sex=["f", "m"], age=["y", "o"])
    targets = [one("sex", f=1, m=1), one("age", total=900.0, y=1, o=1)]
    assert kinds(problems(panel, targets)) == ["totals"]
    assert problems(panel, targets, as_shares=True) == ()


def test_per_cent_are_no_number_of_people():
    panel = panel_of(sex=["f", "m"], age=["y", "o"])
    ages = one("age", y=1, o=1)
    percent = Target(ages.attributes, ages.cells, ages.shares, 100.0, "Office", "2020", "", unit="percent")
    assert problems(panel, [one("sex", f=1, m=1), percent]) == ()


def test_an_empty_joint_cell_is_told_from_a_level_that_nobody_has():
    panel = panel_of(sex=["f", "m", "f"], age=["y", "o", "o"])
    cells = (("f", "y"), ("m", "o"), ("f", "o"), ("m", "y"), ("m", "old"))
    joint = Target(("sex", "age"), cells, np.full(5, 0.2), 1.0, "Census", "2020", "")
    empty, absent = problems(panel, [joint])
    assert (empty.kind, absent.kind) == ("empty cell", "absent")
    assert "sex: m, age: y (20.00\u00a0%)" in empty.message
    assert "use its attributes as margins of their own" in empty.fix
    assert "sex: m, age: old" in absent.message


@pytest.mark.parametrize(
    ("shares", "message"),
    [
        ([0.5, np.nan], "the share of sex: m is nan"),
        ([1.5, -0.5], "the share of sex: m is -0.5"),
        ([0.5, 0.4], "the shares sum to 90.000000\u00a0%"),
    ],
)
def test_shares_that_are_none_are_refused(shares, message):
    target = Target(("sex",), (("f",), ("m",)), np.array(shares), 1.0, "Office", "", "")
    (found,) = problems(panel_of(sex=["f", "m"]), [target])
    assert found.kind == "shares"
    assert message in found.message


def test_a_cell_that_is_given_twice_is_refused():
    target = Target(("sex",), (("f",), ("m",), ("f",)), np.array([0.3, 0.4, 0.3]), 1.0, "Office", "", "")
    assert kinds(problems(panel_of(sex=["f", "m"]), [target])) == ["shares"]


def test_a_margin_of_one_category_that_everybody_has_is_only_to_be_known():
    (found,) = problems(panel_of(sex=["f", "f"]), [one("sex", f=1.0)])
    assert (found.kind, found.blocks) == ("one category", False)


def test_all_base_weights_zero_is_one_problem_that_says_so():
    (found,) = problems(panel_of(sex=["f", "m"]), [one("sex", f=1, m=1)], base=np.zeros(2))
    assert "all 2 people have a base weight that is not a positive number (zero)" in found.message


def test_an_empty_panel_is_named():
    empty = Panel((), ("sex",), (("f",),), np.zeros((0, 1), dtype=np.int64), np.zeros(0))
    assert "the panel is empty" in problems(empty, [one("sex", f=1.0)])[0].message


def test_missing_values_are_counted_for_each_margin_and_block_only_where_refused():
    panel = panel_of(sex=["f", "m", None, None, "f", "m"], age=["y", "o", None, "y", "o", "y"])
    targets = [one("sex", f=1, m=1), one("age", y=1, o=1)]
    for missing, blocks in (("ignore", False), ("category", False), ("refuse", True)):
        found = problems(panel, targets, missing=missing)
        assert [(p.kind, p.margins, p.blocks) for p in found] == [
            ("missing", ("sex",), blocks),
            ("missing", ("age",), blocks),
        ]
        assert "2 of 6 people (33.3\u00a0%)" in found[0].message


def test_joint_margins_unknown_for_other_people_do_not_contradict_each_other_as_categories():
    panel = panel_of(
        a=["u", "v", None, None, "u", "v"],
        b=["x", "y", "x", "x", "y", "x"],
        c=["p", "q", "p", "q", None, "p"],
    )
    # Both are counted among these people under equal weights, so equal weights meet them.
    ab = (("u", "x"), ("v", "y"), ("u", "y"), ("v", "x"))
    bc = (("x", "p"), ("y", "q"), ("x", "q"))
    first = Target(("a", "b"), ab, np.full(4, 0.25), 4.0, "Office", "2020", "")
    second = Target(("b", "c"), bc, np.array([0.6, 0.2, 0.2]), 5.0, "Office", "2020", "")
    targets = [first, second]
    posed = grouped([places_of(panel, t) for t in targets], targets, np.ones(6), "category")
    assert disagreement.clashes(posed.margins) == []
    assert fit(panel, targets, missing="category", cap=1.5).converged


def test_one_category_is_not_called_that_of_the_sample_where_others_have_another():
    panel = panel_of(sex=["f", "m", "f"])
    (found,) = problems(panel, [one("sex", f=1.0)])
    assert (found.kind, found.blocks) == ("surplus", True)


def test_a_margin_in_which_nobody_is_known_blocks():
    (found,) = problems(panel_of(sex=[None, None], age=["y", "o"]), [one("sex", f=1, m=1)])
    assert found.blocks
    assert "all are unknown" in found.message


def test_shared_attributes_with_other_shares_are_named_with_both_figures_however_close():
    panel = panel_of(sex=["m", "m", "f", "f"], age=["y", "o", "y", "o"])
    cells = (("m", "y"), ("m", "o"), ("f", "y"), ("f", "o"))
    joint = Target(("sex", "age"), cells, np.array([0.3, 0.2, 0.3, 0.2]), 1.0, "Census", "2022", "")
    (found,) = problems(panel, [joint, one("sex", "Registry", 1.0, m=0.500001, f=0.499999)])
    assert set(found.margins) == {"sex", "sex × age"}
    for part in ("50.0001\u00a0%", "50.0000\u00a0%", "Registry, 2020", "Census, 2022"):
        assert part in found.message


def chain(parts: int, excess: float) -> tuple[Panel, list[Target]]:
    """Levels that exclude one another, all within one that is too small for them; each of equal size."""
    people = [{"x": "in", **{f"p{i}": "yes" if i == j else "no" for i in range(parts)}} for j in range(parts)]
    people += [{"x": "in", **{f"p{i}": "no" for i in range(parts)}}]
    people += [{"x": "out", **{f"p{i}": "no" for i in range(parts)}}]
    panel = panel_of(**{name: [p[name] for p in people] for name in people[0]})
    each = 0.6 / parts * (1 + excess)
    targets = [one(f"p{i}", f"office {i}", yes=each, no=1 - each) for i in range(parts)]
    return panel, [*targets, one("x", "Census", **{"in": 0.6, "out": 0.4})]


@pytest.mark.parametrize("parts", [2, 3, 5])
def test_the_smallest_contradicting_set_is_found_whole_with_sources_and_cells(parts):
    panel, targets = chain(parts, 0.1)
    (found,) = problems(panel, targets)
    assert found.kind == "contradiction"
    assert set(found.margins) == {"x", *(f"p{i}" for i in range(parts))}
    assert all(
        f"p{i} (office {i})" in found.message and f"p{i}: yes at least" in found.message for i in range(parts)
    )
    assert fit(panel, targets[1:]).converged


def test_margins_that_fit_to_the_last_person_leave_somebody_without_weight():
    panel, targets = chain(3, 0.0)
    (found,) = problems(panel, targets)
    assert "leave some people no weight at all" in found.message
    assert problems(*chain(3, -0.001)) == ()


def test_two_contradictions_that_have_nothing_in_common_are_both_named():
    (first, clash), (second, again) = chain(2, 0.1), chain(3, 0.1)
    pairs = [(i, j) for i in range(len(first)) for j in range(len(second))]
    panel = panel_of(
        **{name: [first.values(name)[i] for i, _ in pairs] for name in first.attributes},
        **{f"q{name}": [second.values(name)[j] for _, j in pairs] for name in second.attributes},
    )
    again = [replace(t, attributes=(f"q{t.name}",)) for t in again]
    found = problems(panel, [*clash, *again])
    assert any(set(p.margins) == {"p0", "p1", "x"} for p in found)
    assert any(set(p.margins) == {"qp0", "qp1", "qp2", "qx"} for p in found)


def test_unknown_people_give_room_that_a_contradiction_must_not_deny():
    panel = panel_of(sex=["m", "m", "f", None], age=["y", "y", "o", "y"])
    targets = [one("sex", m=0.3, f=0.7), one("age", y=0.5, o=0.5)]
    assert [p for p in problems(panel, targets) if p.blocks] == []
    assert fit(panel, targets).converged


def test_a_search_that_runs_out_of_time_says_so():
    found = problems(*chain(5, 0.1), seconds=0.0)
    assert kinds(found) == ["unfinished"]
    assert not found[0].blocks


def test_check_refuses_with_all_problems_and_returns_what_is_to_be_known():
    panel = panel_of(sex=["f", "m", None], age=["y", "o", "o"])
    known = check(panel, [one("sex", f=1, m=1)])
    assert kinds(known) == ["missing"]
    with pytest.raises(DataError) as refusal:
        check(panel, [one("sex", f=1, m=1, x=1), one("age", y=1, o=1, z=1)])
    for part in ("2 problems", "sex: x", "age: z", "(to know) margin sex"):
        assert part in str(refusal.value)


def test_a_clash_among_two_hundred_margins_is_found():
    rng = np.random.default_rng(5)
    names = tuple(f"x{i}" for i in range(200))
    codes = rng.integers(2, size=(600, 200))
    both = (codes[:, 3] == 0) & (codes[:, 77] == 0)
    codes[both, 77] = 1
    codes[(codes[:, 3] == 0) | (codes[:, 77] == 0), 150] = 0
    panel = Panel(tuple(map(str, range(600))), names, (("u", "v"),) * 200, codes, np.ones(600))
    truth = np.exp(rng.normal(0, 0.1, 600))
    targets = [
        one(n, **dict(zip("uv", np.bincount(codes[:, i], truth).tolist(), strict=True)))
        for i, n in enumerate(names)
    ]
    for i, share in ((3, 0.4), (77, 0.4), (150, 0.7)):
        targets[i] = one(names[i], u=share, v=1 - share)
    found = problems(panel, targets)
    assert set(found[0].margins) == {"x3", "x77", "x150"}
