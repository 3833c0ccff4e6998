import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personas.answer import Answers
from personas.panel import UNKNOWN, Panel, from_columns

values = st.sampled_from(["red", "green", "blue", None])


@st.composite
def panels(draw: st.DrawFn) -> Panel:
    n = draw(st.integers(1, 6))
    columns = {name: draw(st.lists(values, min_size=n, max_size=n)) for name in ("colour", "hat")}
    return from_columns([f"p{i}" for i in range(n)], columns, np.arange(n, dtype=float))


@settings(max_examples=40)
@given(st.lists(values, min_size=1, max_size=8))
def test_columns_come_back_as_they_went_in(column: list[str | None]) -> None:
    panel = from_columns([f"p{i}" for i in range(len(column))], {"colour": column}, np.ones(len(column)))
    assert panel.values("colour") == column
    assert list(panel.levels[0]) == sorted(panel.levels[0])


@settings(max_examples=40)
@given(panels(), st.data())
def test_take_keeps_persons_whole(panel: Panel, data: st.DataObject) -> None:
    rows = data.draw(st.lists(st.integers(0, len(panel) - 1), unique=True))
    taken = panel.take(np.array(rows, dtype=np.int64))
    assert [taken.person(k) for k in range(len(taken))] == [panel.person(i) for i in rows]
    assert taken.weights.tolist() == [float(i) for i in rows]
    mask = np.isin(np.arange(len(panel)), rows)
    assert panel.take(mask).ids == panel.take(np.array(sorted(rows), dtype=np.int64)).ids


@settings(max_examples=30)
@given(panels(), st.integers(0, 99))
def test_shuffled_persons_keep_ids_weights_and_whole_sets_of_attributes(panel: Panel, seed: int) -> None:
    dealt = panel.shuffled(np.random.default_rng(seed))
    assert dealt.ids == panel.ids
    np.testing.assert_array_equal(dealt.weights, panel.weights)
    assert sorted(map(tuple, dealt.codes.tolist())) == sorted(map(tuple, panel.codes.tolist()))


def test_known_answers_go_where_the_attributes_go(few_questions) -> None:
    """The persons' answers are their numbers, so that they show whose they are."""
    columns = {"number": [str(i) for i in range(40)]}
    known = Answers(few_questions[:1], np.arange(40)[:, None])
    panel = replace(from_columns([f"p{i}" for i in range(40)], columns, np.ones(40)), known=known)

    def numbers(panel: Panel) -> list[str]:
        assert panel.known is not None
        return [str(i) for i in panel.known.column("environ")]

    for taken in (panel.take(np.array([3, 1])), panel.take(np.arange(40) > 30)):
        assert numbers(taken) == taken.values("number")
    dealt = panel.shuffled(np.random.default_rng(1))
    assert numbers(dealt) == dealt.values("number") != panel.values("number")
    assert numbers(panel.select([])) == panel.values("number")
    assert panel.empty().known is None


def test_an_unknown_attribute_is_absent_from_the_person(small_panel: Panel) -> None:
    assert small_panel.person(2).attributes == {"age_group": "35-44", "education": "high school"}
    assert small_panel.person(4).attributes == {}
    assert small_panel.values("sex") == ["female", "male", None, "female", None]


def test_an_empty_persona_knows_nothing_and_stays_in_the_panel(small_panel: Panel) -> None:
    empty = small_panel.empty()
    assert empty.ids == small_panel.ids
    assert np.all(empty.codes == UNKNOWN)
    assert empty.person(0).attributes == {}


def test_selected_attributes_come_in_the_order_named(small_panel: Panel) -> None:
    chosen = small_panel.select(["education", "sex"])
    assert chosen.attributes == ("education", "sex")
    assert chosen.person(1).attributes == {"education": "less than high school", "sex": "male"}


def test_an_attribute_that_is_not_there_is_named(small_panel: Panel) -> None:
    with pytest.raises(ValueError, match="no attribute 'income'; it has age_group, sex, education"):
        small_panel.select(["sex", "income"])
    with pytest.raises(ValueError, match="no attribute 'income'"):
        small_panel.values("income")


def test_parts_that_do_not_fit_are_refused(small_panel: Panel) -> None:
    with pytest.raises(ValueError, match="ids must be unique"):
        replace(small_panel, ids=("p1", "p1", "p3", "p4", "p5"))
    with pytest.raises(ValueError, match=r"codes must have shape \(5, 3\), got \(5, 2\)"):
        replace(small_panel, codes=small_panel.codes[:, :2])
    with pytest.raises(ValueError, match="known answers must have 5 rows, got 4"):
        replace(small_panel, known=Answers((), np.zeros((4, 0), dtype=np.int64)))
    for weights in (np.ones(4), np.array([1, 1, 1, 1, -1.0]), np.array([1, 1, 1, 1, np.nan])):
        with pytest.raises(ValueError, match="weights must be 5 numbers >= 0"):
            replace(small_panel, weights=weights)


def test_importing_the_rooms_does_not_import_torch() -> None:
    heavy = "torch", "transformers", "peft"
    code = (
        "import sys, grounding.build, personas.panel, validation.results, validation.agreement, "
        "personas.models.catalogue, personas.models.joint, personas.models.encoder, "
        "personas.models.language, personas.models.processor\n"
        f"print([name for name in {heavy} if name in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
