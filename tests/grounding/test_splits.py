import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grounding.splits import Groups, Levels, Split, split
from personas.errors import DocumentError
from personas.panel import Panel, from_columns

NAMES = ["roads", "parks", "schools", "police", "health"]
BLOCKS = [("roads", "parks", "schools"), ("police",), ("health",)]
CELLS = ("unseen_people", "unseen_questions", "unseen_both", "unseen_segment", "unseen_wave")
SEGMENT = (Levels("age", ("old",)), Levels("sex", ("f",)))
WAVE = (Levels("year", ("2018",)),)


def population(n: int) -> Panel:
    rng = np.random.default_rng(n)
    columns = {
        "age": [("young", "old", None)[int(i)] for i in rng.integers(0, 3, n)],
        "sex": [str(v) for v in rng.choice(["f", "m"], n)],
        "year": [str(v) for v in rng.choice(["2016", "2018"], n, p=[0.8, 0.2])],
    }
    return from_columns([f"p{i}" for i in range(n)], columns, np.ones(n))


@settings(max_examples=50, deadline=None)
@given(st.lists(st.text(max_size=8), unique=True, max_size=20), st.integers(0, 10), st.randoms())
def test_membership_depends_on_nothing_but_id_and_seed(ids, seed, shuffler) -> None:
    rule = Split(seed, 0.4, ())
    together = dict(zip(ids, rule.held_out(ids), strict=True))
    order = list(ids)
    shuffler.shuffle(order)
    assert dict(zip(order, rule.held_out(order), strict=True)) == together
    assert all(bool(rule.held_out([i])[0]) == out for i, out in together.items())


@pytest.mark.parametrize("fraction", [0.1, 0.4, 0.75])
@pytest.mark.parametrize("seed", [1, 2018])
def test_about_the_right_fraction_is_held_out(fraction: float, seed: int) -> None:
    n = 20_000
    share = Split(seed, fraction, ()).held_out([str(i) for i in range(n)]).mean()
    # Four standard deviations of the binomial.
    assert abs(share - fraction) < 4 * np.sqrt(fraction * (1 - fraction) / n)


def test_seeds_hold_out_different_people() -> None:
    ids = [f"p{i}" for i in range(4000)]
    one, other = Split(1, 0.5, ()).held_out(ids), Split(2, 0.5, ()).held_out(ids)
    assert abs(np.mean(one == other) - 0.5) < 0.04


def test_holding_out_more_keeps_those_held_out_before() -> None:
    ids = [f"p{i}" for i in range(500)]
    few, many = Split(3, 0.2, ()).held_out(ids), Split(3, 0.6, ()).held_out(ids)
    assert np.all(many[few])


def test_membership_stays_what_it_was_when_this_was_written() -> None:
    assert Split(1, 0.4, ()).held_out(["a", "b", "c", "d", "e", "f"]).tolist() == [
        False,
        False,
        True,
        False,
        False,
        False,
    ]
    assert split(1, 0.4, 2, NAMES).questions == ("police", "schools")


def test_a_number_of_questions_is_taken_whatever_their_order() -> None:
    found = split(7, 0.4, 2, NAMES)
    assert len(found.questions) == 2
    assert split(7, 0.4, 2, NAMES[::-1]) == found
    assert set(found.questions) < set(split(7, 0.4, 3, NAMES).questions)


def test_named_questions_are_held_out_in_any_order() -> None:
    one, other = split(1, 0.4, ["police", "parks"], NAMES), split(1, 0.4, ("parks", "police"), NAMES)
    assert one == other
    assert one.questions == ("parks", "police")
    assert one.fingerprint == other.fingerprint


def test_the_fingerprint_tells_rules_apart() -> None:
    rules = [Split(1, 0.4, ("a",)), Split(2, 0.4, ("a",)), Split(1, 0.5, ("a",)), Split(1, 0.4, ())]
    assert len({r.fingerprint for r in rules}) == 4


def test_the_fingerprint_covers_every_part_of_the_rule() -> None:
    rules = [
        Split(1, 0.4, ("a",)),
        Split(1, 0.4, ("a",), 0.2),
        Split(1, 0.4, ("a",), 0.3),
        Split(1, 0.4, ("a",), 0.2, SEGMENT),
        Split(1, 0.4, ("a",), 0.2, SEGMENT[:1]),
        Split(1, 0.4, ("a",), 0.2, (), SEGMENT),
        Split(1, 0.4, ("a",), 0.2, SEGMENT, WAVE),
    ]
    assert len({r.fingerprint for r in rules}) == len(rules)
    swapped = Split(1, 0.4, ("a",), 0.2, SEGMENT[::-1])
    assert swapped.fingerprint == Split(1, 0.4, ("a",), 0.2, SEGMENT).fingerprint


def test_the_fingerprint_of_a_plain_split_stays_what_it_was() -> None:
    assert Split(1, 0.4, ("a",)).fingerprint == "2548c17101c8d213"


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1000), st.floats(0.05, 0.6), st.floats(0.0, 0.35), st.booleans(), st.booleans())
def test_everybody_is_in_one_group_and_new_parts_move_nobody_in_or_out_of_the_held_out(
    seed, people, rectification, with_segment, with_wave
) -> None:
    panel = population(300)
    rule = Split(seed, people, (), rectification, SEGMENT if with_segment else (), WAVE if with_wave else ())
    groups = rule.groups(panel)
    assert np.all(np.sum(groups, axis=0) == 1)
    np.testing.assert_array_equal(groups.held_out, Split(seed, people, ()).held_out(panel.ids))
    np.testing.assert_array_equal(groups.rectification, rule.kept_for_rectification(panel.ids))
    more = Split(seed, people, (), rectification / 2).kept_for_rectification(panel.ids)
    assert np.all(groups.rectification[more])


def test_about_the_right_fraction_is_kept_for_rectification_apart_from_the_held_out() -> None:
    ids = [str(i) for i in range(20_000)]
    rule = Split(3, 0.5, (), 0.2)
    kept = rule.kept_for_rectification(ids)
    assert abs(kept.mean() - 0.2) < 4 * np.sqrt(0.2 * 0.8 / len(ids))
    assert not np.any(kept & rule.held_out(ids))
    assert not Split(3, 0.5, ()).kept_for_rectification(ids).any()


def test_nobody_of_the_segment_or_wave_is_trained_on_and_who_is_unknown_is_not_of_it() -> None:
    panel = population(2000)
    groups = Split(1, 0.3, (), 0.1, SEGMENT, WAVE).groups(panel)
    age, sex, year = (np.array(panel.values(a)) for a in ("age", "sex", "year"))
    segment, wave = (age == "old") & (sex == "f"), year == "2018"
    hashed = groups.held_out | groups.rectification
    np.testing.assert_array_equal(groups.segment, segment & ~hashed)
    np.testing.assert_array_equal(groups.wave, wave & ~segment & ~hashed)
    assert groups.trained[(age == None) & (sex == "f")].any()  # noqa: E711


def test_the_five_cells_are_apart_and_none_has_an_answer_trained_on_or_kept() -> None:
    panel = population(800)
    rule = split(2, 0.4, 2, NAMES, rectification=0.1, segment={"age": ["old"]}, wave={"year": ["2018"]})
    cells = {name: rule.cell(name, panel, NAMES) for name in CELLS}
    masks = np.stack([cells[name].mask() for name in CELLS])
    assert masks.shape == (5, 800, 5)
    assert masks.sum(axis=0).max() == 1
    assert all(mask.any() for mask in masks)
    groups = rule.groups(panel)
    out = np.isin(NAMES, rule.questions)
    assert not np.any(masks.any(axis=0) & groups.trained[:, None] & ~out)
    assert not np.any(masks.any(axis=0) & groups.rectification[:, None])
    old, late = np.array(panel.values("age")) == "old", np.array(panel.values("year")) == "2018"
    np.testing.assert_array_equal(cells["unseen_people"].people, groups.held_out & ~old & ~late)
    np.testing.assert_array_equal(cells["unseen_both"].questions, out)
    np.testing.assert_array_equal(cells["unseen_questions"].people, groups.trained)
    assert np.all(old[cells["unseen_segment"].people])
    assert np.all(late[cells["unseen_wave"].people])


def test_without_segment_and_wave_their_cells_are_empty() -> None:
    panel, rule = population(50), Split(1, 0.4, ("roads",))
    assert not rule.cell("unseen_segment", panel, NAMES).people.any()
    assert not rule.cell("unseen_wave", panel, NAMES).people.any()
    none = np.zeros(50, dtype=np.bool_)
    held = rule.held_out(panel.ids)
    np.testing.assert_array_equal(
        np.stack(rule.groups(panel)), np.stack(Groups(~held, held, none, none, none, none))
    )


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        ({"shoes": ["42"]}, "split.segment.shoes: unknown attribute 'shoes'; the panel has age, sex, year"),
        (
            {"age": ["old", "dead"]},
            "split.segment.age: attribute 'age' has no level 'dead'; it has old, young",
        ),
    ],
)
def test_a_segment_that_the_panel_does_not_have_is_refused(chosen, message) -> None:
    with pytest.raises(DocumentError, match=message):
        split(1, 0.4, 0, NAMES, segment=chosen).groups(population(20))


def test_questions_are_held_out_in_whole_blocks_and_never_more_than_asked_for() -> None:
    for seed in range(20):
        for number in range(1, 5):
            out = set(split(seed, 0.4, number, NAMES, blocks=BLOCKS).questions)
            assert 0 < len(out) <= number
            assert all(set(b) <= out or not set(b) & out for b in BLOCKS)
    assert {split(s, 0.4, 3, NAMES, blocks=BLOCKS).questions for s in range(20)} == {
        ("health", "police"),
        ("parks", "roads", "schools"),
    }


def test_a_named_question_takes_its_block_with_it() -> None:
    assert split(1, 0.4, ["parks"], NAMES, blocks=BLOCKS).questions == ("parks", "roads", "schools")
    assert split(1, 0.4, ["police"], NAMES, blocks=BLOCKS).questions == ("police",)


@pytest.mark.parametrize(
    ("questions", "blocks", "message"),
    [
        (2, [NAMES], r"2 cannot be held out in whole batteries: the 5 questions form one battery \(roads, "),
        (1, [NAMES[:2], NAMES[2:]], "'by: question'.* or hold out at least 2; near-duplicates"),
        (["roads"], [NAMES], "with the batteries of roads 5 of 5 questions are held out, .*'by: question'"),
        (["roads"], [NAMES[:4], NAMES[4:]], "4 of 5 questions are held out, which leaves too few"),
    ],
)
def test_batteries_that_cannot_be_held_out_are_refused_with_what_to_write(questions, blocks, message) -> None:
    with pytest.raises(DocumentError, match=message):
        split(1, 0.4, questions, NAMES, blocks=blocks)


def test_people_held_out_and_kept_for_rectification_must_leave_somebody() -> None:
    with pytest.raises(DocumentError, match=r"rectification must be from 0 to below 0\.4, .* got 0\.4"):
        split(1, 0.6, 0, NAMES, rectification=0.4)


@pytest.mark.parametrize(
    ("people", "questions", "message"),
    [
        (0.0, 0, "above 0 and below 1, got 0.0"),
        (1.0, 0, "above 0 and below 1, got 1.0"),
        (0.4, 5, "from 0 to 4, got 5"),
        (0.4, -1, "from 0 to 4, got -1"),
        (0.4, ["roads", "rivers"], "unknown question 'rivers'; there are roads, parks"),
        (0.4, NAMES, "all questions are held out"),
    ],
)
def test_what_cannot_be_held_out_is_refused(people, questions, message) -> None:
    with pytest.raises(DocumentError, match=message):
        split(1, people, questions, NAMES)


def test_a_level_with_a_slip_is_told_which_was_meant() -> None:
    with pytest.raises(
        DocumentError, match=r"split\.segment\.age: .* no level 'olt' \(did you mean 'old'\?\)"
    ):
        split(1, 0.3, 0, NAMES, segment={"age": ["olt"]}).groups(population(20))
