import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personas.answer import NO_ANSWER, Answers, shares
from personas.arrays import FloatArray
from personas.models.scripted import ScriptedModel
from personas.panel import Panel
from personas.person import Person
from personas.question import Question

Questions = tuple[Question, ...]


@pytest.fixture
def answers(few_questions: Questions) -> Answers:
    return Answers(few_questions, np.array([[0, 1, 3], [2, NO_ANSWER, 0]]))


def test_columns_are_found_by_the_question_name(answers: Answers) -> None:
    assert answers.column("survey").tolist() == [3, 0]
    with pytest.raises(KeyError, match="no question 'taxes'; there are environ, health, survey"):
        answers.column("taxes")


def test_rows_and_questions_are_taken_in_the_order_named(answers: Answers) -> None:
    assert answers.take(np.array([1, 0])).chosen.tolist() == [[2, NO_ANSWER, 0], [0, 1, 3]]
    some = answers.only(["survey", "environ"])
    assert [q.name for q in some.questions] == ["survey", "environ"]
    assert some.chosen.tolist() == [[3, 0], [0, 2]]


def test_a_column_for_every_question_is_required(few_questions: Questions) -> None:
    with pytest.raises(ValueError, match=r"chosen must have 3 columns, got shape \(1, 2\)"):
        Answers(few_questions, np.array([[0, 1]]))


def test_shares_leave_out_those_who_did_not_answer() -> None:
    # The worked number of the docstring.
    chosen, weights = np.array([0, 1, 1, NO_ANSWER]), np.array([1.0, 1, 2, 9])
    np.testing.assert_allclose(shares(chosen, 2, weights), [0.25, 0.75])


@settings(max_examples=50)
@given(st.lists(st.tuples(st.integers(-1, 3), st.floats(0.1, 10)), min_size=1), st.floats(0.5, 20))
def test_shares_sum_to_one_and_do_not_depend_on_the_unit_of_the_weights(
    rows: list[tuple[int, float]], factor: float
) -> None:
    chosen = np.array([0, *(c for c, _ in rows)])
    weights = np.array([1.0, *(w for _, w in rows)])
    found = shares(chosen, 4, weights)
    assert found.sum() == pytest.approx(1)
    np.testing.assert_allclose(shares(chosen, 4, factor * weights), found)


@pytest.mark.parametrize(
    ("chosen", "weights"), [([], []), ([NO_ANSWER], [1.0]), ([0, NO_ANSWER], [0.0, 5.0])]
)
def test_shares_of_nobody_are_refused(chosen: list[int], weights: list[float]) -> None:
    with pytest.raises(ValueError, match="at least one answer with a positive weight"):
        shares(np.array(chosen, dtype=np.int64), 2, np.array(weights))


def test_a_scripted_model_answers_as_its_script_says(small_panel: Panel, few_questions: Questions) -> None:
    def script(person: Person, question: Question) -> FloatArray:
        first = 0.7 if person.attributes.get("sex") == "female" else 0.1
        return np.array(
            [first, *np.full(len(question.options) - 1, (1 - first) / (len(question.options) - 1))]
        )

    answers = ScriptedModel(script).distributions(small_panel, few_questions)
    assert [a.shape for a in answers] == [(5, 3), (5, 3), (5, 4)]
    assert answers[2][:, 0].tolist() == [0.7, 0.1, 0.1, 0.7, 0.1]
    uniform = ScriptedModel().distributions(small_panel, few_questions)
    np.testing.assert_allclose(uniform[2], 0.25)


def test_a_script_that_gives_no_distribution_is_refused(small_panel: Panel, few_questions: Questions) -> None:
    for numbers in ([0.5, 0.6, 0.2], [0.5, 0.5]):
        model = ScriptedModel(lambda _person, _question, numbers=numbers: np.array(numbers))
        with pytest.raises(ValueError, match="no distribution over the options of 'environ'"):
            model.distributions(small_panel, few_questions)
