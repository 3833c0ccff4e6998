import numpy as np
import pytest

from personas.panel import from_columns
from personas.question import Question
from validation import segments
from validation.scored import Scored

QUESTION = Question(name="q", text="Q?", options=("yes", "no"))
PANEL = from_columns(["a", "b", "c"], {"sex": ["f", "m", None]}, np.array([1.0, 3.0, 0.0]))
ROWS = np.array([[1.0, 0.0], [0.2, 0.8], [0.5, 0.5]])


def test_shares_are_weighted_by_hand():
    assert Scored(PANEL, (QUESTION,), (ROWS,)).shares("q").tolist() == pytest.approx([0.4, 0.6])


def test_shares_of_a_segment_use_only_its_persons():
    scored = Scored(PANEL, (QUESTION,), (ROWS,))
    women = segments.members(PANEL, segments.Segment("sex", "f"))
    assert scored.shares("q", women).tolist() == [1.0, 0.0]


def test_shares_of_nobody_are_refused():
    with pytest.raises(ValueError, match="no person"):
        Scored(PANEL, (QUESTION,), (ROWS,)).shares("q", np.array([False, False, True]))


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (ROWS[:2], "shape"),
        (ROWS * 2, "sum to 1"),
        (np.full((3, 3), 1 / 3), "shape"),
        (np.array([[np.nan, 1.0]] * 3), "sum to 1"),
    ],
)
def test_distributions_that_do_not_fit_are_refused(rows, message):
    with pytest.raises(ValueError, match=message):
        Scored(PANEL, (QUESTION,), (rows,))


def test_a_panel_of_nobody_is_refused():
    with pytest.raises(ValueError, match="at least one person"):
        Scored(PANEL.take(np.array([], dtype=np.int64)), (QUESTION,), (ROWS[:0],))


def test_taking_persons_and_questions_keeps_rows_together():
    part = Scored(PANEL, (QUESTION,), (ROWS,)).only(["q"]).take(np.array([1, 0]))
    assert part.panel.ids == ("b", "a")
    assert part.distribution("q").tolist() == ROWS[[1, 0]].tolist()
    with pytest.raises(KeyError, match="no question 'x'; there are q"):
        part.distribution("x")


def test_segments_are_matched_by_name_and_unknown_belongs_to_none():
    other = from_columns(["x", "y"], {"sex": ["m", "d"]}, np.ones(2))
    found = segments.levels([PANEL, other], ["sex"])
    assert [s.level for s in found] == ["f", "m", "d"]
    assert [int(segments.members(PANEL, s).sum()) for s in found] == [1, 1, 0]
    assert [int(segments.members(other, s).sum()) for s in found] == [0, 1, 1]


def test_a_segment_attribute_that_a_panel_lacks_is_named():
    with pytest.raises(ValueError, match="no attribute 'age'"):
        segments.levels([PANEL], ["age"])
