import numpy as np
import pytest

from personas.answer import Answers
from personas.measures import ceilings
from personas.question import Question

QUESTIONS = tuple(Question(name=n, text=n, options=("x", "y")) for n in "ab")


def _answers(people, share=0.5):
    chosen = (np.arange(people) < share * people).astype(np.int64)
    return Answers(QUESTIONS, np.stack([chosen, chosen[::-1]], axis=1))


def test_the_ceiling_is_the_expected_agreement_of_two_samples():
    # Two shares of n people each differ by a normal of variance 2 p (1 - p) / n; its mean is below.
    expected = 1 - np.sqrt(4 * 0.5 * 0.5 / (np.pi * 250))
    by_question, mean = ceilings.ceiling(_answers(250), np.ones(250), np.random.default_rng(0), 4000)
    assert [c.value for c in by_question] == pytest.approx([expected] * 2, abs=0.002)
    assert mean.value == pytest.approx(expected, abs=0.002)


def test_the_ceiling_rises_with_the_number_of_people():
    values = []
    for people in (40, 160, 640):
        _, mean = ceilings.ceiling(_answers(people), np.ones(people), np.random.default_rng(1))
        values.append(mean.value)
    assert values == sorted(values)


def test_the_ceiling_is_one_where_everybody_says_the_same():
    _, mean = ceilings.ceiling(_answers(50, share=0.0).only(["a"]), np.ones(50), np.random.default_rng(2))
    assert mean.value == 1.0


def test_unequal_weights_lower_the_ceiling():
    rng = np.random.default_rng(3)
    chosen = rng.integers(0, 2, (400, 2))
    answers = Answers(QUESTIONS, chosen)
    _, equal = ceilings.ceiling(answers, np.ones(400), np.random.default_rng(4))
    _, unequal = ceilings.ceiling(answers, rng.lognormal(0, 1.5, 400), np.random.default_rng(4))
    assert unequal.value < equal.value


def test_renaming_or_permuting_options_changes_nothing():
    answers = _answers(60, share=0.3)
    flipped = Answers(
        tuple(Question(name=q.name, text=q.text, options=("other", "one")) for q in QUESTIONS),
        1 - answers.chosen,
    )
    one = ceilings.ceiling(answers, np.ones(60), np.random.default_rng(5))
    assert ceilings.ceiling(flipped, np.ones(60), np.random.default_rng(5)) == one


def test_no_people_have_no_ceiling():
    with pytest.raises(ValueError, match="at least 1 unit"):
        ceilings.ceiling(_answers(0), np.ones(0), np.random.default_rng(6))
