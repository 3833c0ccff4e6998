import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grounding.splits import Split, split
from personas.errors import DocumentError

NAMES = ["roads", "parks", "schools", "police", "health"]


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
