import numpy as np
import pytest

from personas.answer import NO_ANSWER
from personas.question import Question
from validation.field import AnswerBatch
from validation.replay import Compared, Difference, compare

TEA = Question(name="tea", text="Tea?", options=("no", "yes"))
FOOD = Question(name="food", text="Food?", options=("a", "b", "c"), scale="nominal")


def stored():
    distributions = [np.array([[0.25, 0.75], [0.5, 0.5]]), np.array([[0.2, 0.3, 0.5], [0.1, 0.1, 0.8]])]
    return distributions, np.array([[1, 2], [0, 2]])


def new(distributions, drawn) -> AnswerBatch:
    return AnswerBatch(("p1", "p2"), (TEA, FOOD), distributions, drawn, 0.0)


def test_the_same_answers_are_identical() -> None:
    found = compare(*stored(), new(*stored()))
    assert found == Compared(answers=4)
    assert found.identical


def test_one_bit_is_a_difference_of_which_the_first_is_named() -> None:
    distributions, drawn = stored()
    distributions[1][1, 0] = np.nextafter(0.1, 1.0)
    distributions[1][0, 2] = 0.5 + 2**-10
    found = compare(*stored(), new(distributions, drawn))
    assert (found.draws, found.distributions) == (0, 2)
    assert found.largest == 2**-10
    assert found.first == Difference("p1", "food", "c", "c", 2**-10)


def test_draws_that_differ_are_counted_apart_from_distributions() -> None:
    distributions, drawn = stored()
    drawn[1, 0] = 1
    found = compare(*stored(), new(distributions, drawn))
    assert (found.draws, found.distributions, found.largest) == (1, 0, 0.0)
    assert found.first == Difference("p2", "tea", "no", "yes", 0.0)


def test_answers_that_came_neither_then_nor_now_are_alike_and_others_differ() -> None:
    distributions, drawn = stored()
    distributions[0][0], drawn[0, 0] = np.nan, NO_ANSWER
    assert compare(distributions, drawn, new(distributions, drawn)).identical
    only_then = compare(*stored(), new(distributions, drawn))
    assert (only_then.draws, only_then.distributions, only_then.largest) == (1, 1, 0.0)
    assert only_then.first == Difference("p1", "tea", "yes", None, None)
    assert compare(distributions, drawn, new(*stored())).first == Difference("p1", "tea", None, "yes", None)


def test_batches_add_up_and_the_first_difference_stays() -> None:
    first = Difference("p1", "tea", "no", "yes", 0.5)
    one, later = Compared(4, 1, 1, 0.5, first), Difference("p9", "tea", "a", "b", 0.75)
    other = Compared(6, 2, 0, 0.75, later)
    assert Compared(2).plus(one).plus(other) == Compared(12, 3, 1, 0.75, first)
    assert not one.identical


def test_answers_that_do_not_belong_together_are_refused() -> None:
    distributions, drawn = stored()
    with pytest.raises(ValueError, match="do not fit"):
        compare(distributions, drawn[:1], new(*stored()))
    with pytest.raises(ValueError, match="do not fit"):
        compare([distributions[1], distributions[0]], drawn, new(*stored()))
