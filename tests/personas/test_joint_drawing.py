from dataclasses import replace

import numpy as np
import pytest
import related_model
from related_model import ASKED, KNOWN, TRAINED
from simulated_survey import OPTIONS

from personas.answer import Answers
from personas.arrays import FloatArray
from personas.models.drawing import Jointly, independently
from personas.question import Question

MODEL, PANEL = related_model.model(), related_model.panel(6000)
NEW = Question(name="new", text="Money for nature: what do you say of swamps?", options=OPTIONS)


def correlation(drawn: np.ndarray) -> float:
    """Mean correlation between questions."""
    found: FloatArray = np.asarray(np.corrcoef(drawn.T), dtype=np.float64)
    return float(found[np.triu_indices(len(found), 1)].mean())


@pytest.mark.parametrize("drawing", [independently, Jointly(MODEL)], ids=["independent", "joint"])
@pytest.mark.parametrize("known", [False, True])
def test_shares_of_drawn_answers_are_those_of_the_distributions(drawing, known: bool) -> None:
    """Also among the persons of whom something is known: within 4.5 binomial standard errors."""
    panel = PANEL if known else replace(PANEL, known=None)
    expected = MODEL.distributions(panel, ASKED)
    drawn = drawing(panel, ASKED, expected, 7)
    for part in (slice(0, None, 2), slice(1, None, 2)):
        for q, distribution in enumerate(expected):
            here = distribution[part]
            found = np.bincount(drawn[part, q], minlength=3) / len(here)
            error = np.sqrt((here * (1 - here)).sum(axis=0)) / len(here)
            assert np.all(np.abs(found - here.mean(axis=0)) < 4.5 * error)


def test_joint_draws_of_a_person_hang_together_and_independent_ones_do_not() -> None:
    nobody = replace(PANEL, known=None)
    expected = MODEL.distributions(nobody, ASKED)
    apart, together = (
        correlation(drawing(nobody, ASKED, expected, 3)) for drawing in (independently, Jointly(MODEL))
    )
    assert abs(apart) < 0.05
    assert together > apart + 0.2


def test_what_is_known_explains_a_part_of_what_draws_share() -> None:
    told = PANEL.take(np.arange(1, len(PANEL), 2))
    expected = MODEL.distributions(told, ASKED)
    drawn = Jointly(MODEL)(told, ASKED, expected, 3)
    centred = drawn - np.stack([d @ np.arange(3.0) for d in expected], axis=1)
    nobody = replace(told, known=None)
    before = MODEL.distributions(nobody, ASKED)
    without = Jointly(MODEL)(nobody, ASKED, before, 3) - np.stack(
        [d @ np.arange(3.0) for d in before], axis=1
    )
    assert 0.02 < correlation(centred) < correlation(without) - 0.1


def test_draws_do_not_depend_on_batch_order_or_company() -> None:
    panel, joint = PANEL.take(np.arange(60)), Jointly(MODEL)
    asked = [*ASKED, NEW]
    whole = joint(panel, asked, MODEL.distributions(panel, asked), 11)
    rows = np.arange(60)[::-1][5:40]
    part, some = panel.take(rows), [asked[4], asked[1]]
    again = Jointly(MODEL)(part, some, MODEL.distributions(part, some), 11)
    np.testing.assert_array_equal(again, whole[rows][:, [4, 1]])
    other = joint(panel, asked, MODEL.distributions(panel, asked), 12)
    assert np.mean(other == whole) < 0.8


def test_a_model_that_relates_nothing_draws_each_answer_for_itself() -> None:
    alone = related_model.model(0.0)
    assert not alone.relates
    expected = alone.distributions(PANEL, ASKED)
    np.testing.assert_array_equal(
        Jointly(alone)(PANEL, ASKED, expected, 2), independently(PANEL, ASKED, expected, 2)
    )
    nobody = replace(PANEL, known=None)
    for one, other in zip(expected, alone.distributions(nobody, ASKED), strict=True):
        np.testing.assert_array_equal(one, other)


def test_known_answers_move_those_of_whom_they_are_known_and_nobody_else() -> None:
    nobody = replace(PANEL, known=None)
    with_known, without = MODEL.distributions(PANEL, ASKED), MODEL.distributions(nobody, ASKED)
    assert PANEL.known is not None
    lean = np.sign(PANEL.known.chosen.mean(axis=1) - 1.0)
    for after, before in zip(with_known, without, strict=True):
        np.testing.assert_allclose(after[::2], before[::2], atol=1e-12)
        moved = (after - before) @ np.array([-1.0, 0.0, 1.0])
        assert np.mean(moved[1::2] * lean[1::2] > 0) > 0.8 * np.mean(lean[1::2] != 0)


def test_a_known_answer_to_what_is_asked_tells_nothing() -> None:
    """Not even under another name: that it is known does not give it away."""
    renamed = [q.model_copy(update={"name": f"again {q.name}"}) for q in ASKED]
    rng = np.random.default_rng(8)
    known = Answers((*renamed, *KNOWN), rng.integers(3, size=(len(PANEL), 8)))
    whole = MODEL.distributions(replace(PANEL, known=known), ASKED)
    others = replace(PANEL, known=known.only([q.name for q in KNOWN]))
    for one, other in zip(whole, MODEL.distributions(others, ASKED), strict=True):
        np.testing.assert_array_equal(one, other)
    assert MODEL.posterior(replace(PANEL, known=known.only([renamed[0].name])), TRAINED) is None
