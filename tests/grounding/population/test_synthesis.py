import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grounding.population import synthesis
from grounding.population.margins import Target
from personas.errors import DataError
from personas.panel import UNKNOWN, Panel

A, B, C = ("a1", "a2", "a3"), ("b1", "b2"), ("c1", "c2", "c3", "c4")


def margin(attribute: str, levels: tuple[str, ...], shares: list[float]) -> Target:
    return Target(
        (attribute,), tuple((v,) for v in levels), np.array(shares), 1000.0, "Office", "2020", "free"
    )


MARGINS = [
    margin("a", A, [0.2, 0.5, 0.3]),
    margin("b", B, [0.45, 0.55]),
    margin("c", C, [0.1, 0.2, 0.3, 0.4]),
]


def sample(n: int, seed: int) -> Panel:
    """A sample in which ``b`` goes with ``a`` and ``c`` with nothing, and no share is the official one."""
    rng = np.random.default_rng(seed)
    a = rng.choice(3, n, p=[0.5, 0.3, 0.2])
    b = (rng.random(n) < np.array([0.15, 0.5, 0.85])[a]).astype(np.int64)
    codes = np.stack([a, b, rng.integers(0, 4, n)], axis=1)
    return Panel(tuple(map(str, range(n))), ("a", "b", "c"), (A, B, C), codes, np.ones(n))


def shares(table: synthesis.Table, *attributes: str) -> np.ndarray:
    """The table's shares of one attribute, or of the combinations of several."""
    places = [table.attributes.index(a) for a in attributes]
    found = np.zeros([len(table.levels[p]) for p in places])
    np.add.at(found, tuple(table.codes[:, p] for p in places), table.shares)
    return found


def odds_ratio(table: np.ndarray) -> float:
    return float(table[0, 0] * table[2, 1] / (table[0, 1] * table[2, 0]))


def test_the_table_meets_every_margin_and_whole_people_do_so_to_within_two():
    made = synthesis.people(MARGINS, sample(2000, 1), 5000, np.random.default_rng(0))
    for target, name in zip(MARGINS, "abc", strict=True):
        assert np.abs(shares(made.table, name) - target.shares).max() < 1e-8
        found = np.bincount(made.panel.codes[:, made.panel.attributes.index(name)]) / 5000
        assert np.abs(found - target.shares).max() < 2 / 5000
    assert np.all(made.panel.weights == 1)
    assert len(made.panel) == 5000


def test_the_odds_ratios_are_the_seeds():
    """Iterative proportional fitting to one-way margins leaves odds ratios as they were (Fienberg 1970)."""
    rng = np.random.default_rng(0)
    reference = sample(4000, 2)
    made = synthesis.people(MARGINS[:2], reference, 100, rng)
    crossed = np.zeros((3, 2))
    np.add.at(crossed, (reference.codes[:, 0], reference.codes[:, 1]), 1.0)
    fitted = shares(made.table, "a", "b")
    # Smoothing moves the seed by about one person in 4,000.
    assert odds_ratio(fitted) == pytest.approx(odds_ratio(crossed), rel=0.02)
    assert np.abs(fitted.sum(axis=1) - MARGINS[0].shares).max() < 1e-8


def test_the_fitted_table_is_that_of_plain_iterative_proportional_fitting():
    reference = sample(3000, 3)
    made = synthesis.people(MARGINS[:2], reference, 100, np.random.default_rng(0))
    crossed = np.zeros((3, 2))
    np.add.at(crossed, (reference.codes[:, 0], reference.codes[:, 1]), 1.0)
    for _ in range(200):
        crossed *= (MARGINS[0].shares / crossed.sum(axis=1))[:, None]
        crossed *= MARGINS[1].shares / crossed.sum(axis=0)
    assert shares(made.table, "a", "b") == pytest.approx(crossed, abs=1e-3)


def test_without_a_sample_all_is_independent_and_said_to_be():
    made = synthesis.people(MARGINS, None, 400, np.random.default_rng(0))
    apart = np.outer(MARGINS[0].shares, MARGINS[1].shares)
    assert shares(made.table, "a", "b") == pytest.approx(apart, abs=1e-12)
    assert {p.origin for p in made.diagnostics.associations} == {"independent"}
    said = " ".join(made.diagnostics.sentences)
    assert "Nothing says how these go together, so they are independent" in said
    assert "a × b, a × c, b × c. Do not report crossings of them." in said
    assert said.startswith("Modelled: these 400 people exist in no data set")


def test_a_joint_margin_is_met_as_such():
    cells = tuple((a, b) for a in A for b in B)
    joint = Target(
        ("a", "b"), cells, np.array([0.15, 0.05, 0.3, 0.2, 0.05, 0.25]), 1.0, "Office", "2020", "free"
    )
    made = synthesis.people([joint, MARGINS[2]], None, 2000, np.random.default_rng(0))
    assert shares(made.table, "a", "b").ravel() == pytest.approx(joint.shares, abs=1e-9)
    origins = {(p.first, p.second): p.origin for p in made.diagnostics.associations}
    assert origins == {("a", "b"): "margin", ("a", "c"): "independent", ("b", "c"): "independent"}


def test_what_is_officially_nobody_stays_nobody():
    cells = tuple((a, b) for a in A for b in B)
    joint = Target(
        ("a", "b"), cells, np.array([0.2, 0.0, 0.25, 0.25, 0.0, 0.3]), 1.0, "Office", "2020", "free"
    )
    made = synthesis.people([joint, MARGINS[2]], sample(500, 4), 3000, np.random.default_rng(0))
    table = shares(made.table, "a", "b")
    assert table[0, 1] == 0.0
    assert table[2, 0] == 0.0
    a, b = made.panel.codes[:, 0], made.panel.codes[:, 1]
    assert not np.any((a == 0) & (b == 1))
    assert not np.any((a == 2) & (b == 0))


def test_a_combination_that_the_sample_lacks_is_rare_but_possible():
    reference = sample(300, 5)
    reference.codes[(reference.codes[:, 0] == 0) & (reference.codes[:, 1] == 1), 1] = 0
    made = synthesis.people(MARGINS[:2], reference, 1000, np.random.default_rng(0))
    assert 0 < shares(made.table, "a", "b")[0, 1] < 0.02


def test_an_attribute_that_the_sample_lacks_is_independent_and_named():
    reference = sample(1000, 6).select(["a", "b"])
    made = synthesis.people(MARGINS, reference, 1000, np.random.default_rng(0))
    origins = {(p.first, p.second): p.origin for p in made.diagnostics.associations}
    assert origins == {("a", "b"): "sample", ("a", "c"): "independent", ("b", "c"): "independent"}
    assert any("a × c, b × c. Do not report crossings" in s for s in made.diagnostics.sentences)


def test_attributes_of_the_sample_that_no_margin_has_are_said_to_be_left_out():
    made = synthesis.people(MARGINS[:2], sample(500, 6), 100, np.random.default_rng(0))
    assert made.panel.attributes == ("a", "b")
    assert any("The sample's c has no margin and is left out" in s for s in made.diagnostics.sentences)


def test_people_of_whom_something_is_unknown_still_count_for_the_pairs_that_are_known():
    reference = sample(3000, 7)
    reference.codes[:, 2] = UNKNOWN  # nobody is complete
    made = synthesis.people(MARGINS, reference, 1000, np.random.default_rng(0))
    pair = next(p for p in made.diagnostics.associations if (p.first, p.second) == ("a", "b"))
    assert pair.origin == "sample"
    assert pair.sample is not None
    assert pair.sample > 0.4
    assert pair.people == pytest.approx(pair.sample, abs=0.1)


def test_survey_weights_of_the_sample_count():
    reference = sample(3000, 8)
    doubled = reference.codes[:, 0] == reference.codes[:, 1]
    weighted = Panel(
        reference.ids, reference.attributes, reference.levels, reference.codes, 1.0 + 4.0 * doubled
    )
    plain, told = (
        odds_ratio(shares(synthesis.people(MARGINS[:2], s, 10, np.random.default_rng(0)).table, "a", "b"))
        for s in (reference, weighted)
    )
    assert told == pytest.approx(5 * plain, rel=0.1)  # the cell (a1, b1) alone among the four counts fivefold


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 999), st.integers(1, 400))
def test_any_margins_that_agree_are_met_for_any_size(seed, size):
    rng = np.random.default_rng(seed)
    levels = {"a": A, "b": B, "c": C}
    targets = [margin(n, v, rng.dirichlet(np.full(len(v), 2.0)).tolist()) for n, v in levels.items()]
    made = synthesis.people(targets, sample(60, seed), size, rng)
    for target, name in zip(targets, "abc", strict=True):
        assert np.abs(shares(made.table, name) - target.shares).max() < 1e-6
    assert len(made.panel) == size


def test_the_same_seed_makes_the_same_people_and_another_others():
    one, again, other = (
        synthesis.people(MARGINS, sample(200, 1), 300, np.random.default_rng(s)).panel.codes
        for s in (1, 1, 2)
    )
    assert np.array_equal(one, again)
    assert not np.array_equal(one, other)


def test_more_combinations_than_can_be_held_are_drawn():
    rng = np.random.default_rng(0)
    names = [f"v{i}" for i in range(9)]
    levels = tuple(map(str, range(6)))  # 6^9 is ten million
    targets = [margin(n, levels, rng.dirichlet(np.full(6, 5.0)).tolist()) for n in names]
    codes = rng.integers(0, 6, (400, 9))
    codes[:, 1] = codes[:, 0]
    reference = Panel(tuple(map(str, range(400))), tuple(names), (levels,) * 9, codes, np.ones(400))
    made = synthesis.people(targets, reference, 2000, rng)
    assert max(m.table for m in made.diagnostics.margins) < 1e-4
    assert any("Of 10,077,696 possible combinations the table holds" in s for s in made.diagnostics.sentences)
    pair = next(p for p in made.diagnostics.associations if (p.first, p.second) == ("v0", "v1"))
    assert pair.people > 0.6


def test_margins_that_contradict_each_other_are_refused_by_name():
    cells = tuple((a, b) for a in A for b in B)
    joint = Target(
        ("a", "b"), cells, np.array([0.1, 0.1, 0.2, 0.2, 0.2, 0.2]), 1.0, "Other office", "2021", "free"
    )
    with pytest.raises(DataError, match=r"no table of people meets all margins: .* a \(Office\)|a × b"):
        synthesis.people([margin("a", A, [0.5, 0.3, 0.2]), joint], None, 100, np.random.default_rng(0))


def test_a_value_that_only_one_side_has_is_refused_with_what_to_do():
    other = Target(
        ("a", "b"), (("a1", "b1"), ("a2", "b2")), np.array([0.5, 0.5]), 1.0, "Office 2", "2020", "free"
    )
    with pytest.raises(DataError, match="different values of 'a': only one of them has 'a3'; recode one"):
        synthesis.people([MARGINS[0], other], None, 100, np.random.default_rng(0))
    strange = Panel(("1",), ("a",), (("a1", "a9"),), np.array([[1]]), np.ones(1))
    with pytest.raises(
        DataError, match=r"value of 'a' that no margin has: person '1' has 'a9'.*Recode the sample"
    ):
        synthesis.people(MARGINS, strange, 100, np.random.default_rng(0))
    foreign = Panel(("1",), ("z",), (("a1",),), np.array([[0]]), np.ones(1))
    with pytest.raises(DataError, match="none of the margins' attributes: it has z"):
        synthesis.people(MARGINS, foreign, 100, np.random.default_rng(0))
    weightless = Panel(("1",), ("a",), (A,), np.array([[0]]), np.zeros(1))
    with pytest.raises(DataError, match="nobody with a positive weight"):
        synthesis.people(MARGINS, weightless, 100, np.random.default_rng(0))


def test_no_margin_and_no_people_are_refused():
    with pytest.raises(ValueError, match="at least one margin and a size >= 1"):
        synthesis.people([], None, 5, np.random.default_rng(0))
    with pytest.raises(ValueError, match="at least one margin and a size >= 1"):
        synthesis.people(MARGINS, None, 0, np.random.default_rng(0))
