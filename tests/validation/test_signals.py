import numpy as np
import pytest

from personas.answer import NO_ANSWER, Answers
from personas.measures import bootstrap, scores
from personas.panel import from_columns
from personas.question import Question
from validation import signals
from validation.scored import Scored

ORDINAL = Question(name="o", text="O?", options=("low", "mid", "high"))
NOMINAL = Question(name="n", text="N?", options=("x", "y"), scale="nominal")
PANEL = from_columns(["a", "b", "c"], {}, np.array([1.0, 1.0, 2.0]))
ANSWERS = Answers((ORDINAL, NOMINAL), np.array([[0, 1], [2, NO_ANSWER], [1, 0]]))
OF_ORDINAL = np.array([[0.5, 0.3, 0.2], [0.1, 0.1, 0.8], [0.25, 0.5, 0.25]])
OF_NOMINAL = np.array([[0.4, 0.6], [0.5, 0.5], [1.0, 0.0]])
SCORED = Scored(PANEL, (ORDINAL, NOMINAL), (OF_ORDINAL, OF_NOMINAL))


def test_the_log_score_by_hand():
    own = signals.log_scores(SCORED, ANSWERS)
    assert np.isnan(own[1, 1])
    expected = (np.log(0.5) + np.log(0.6) + np.log(0.8) + 2 * np.log(0.5) + 2 * np.log(1.0)) / 7
    assert scores.mean(own, PANEL.weights) == pytest.approx(expected)


def test_an_answer_called_impossible_is_counted_and_costs_a_finite_amount():
    wrong = Scored(PANEL, (NOMINAL,), (np.array([[1.0, 0.0]] * 3),))
    answers = ANSWERS.only(["n"])
    assert signals.impossible(wrong, answers) == 1
    assert signals.log_scores(wrong, answers)[0, 0] == np.log(scores.FLOOR)


def test_no_answers_have_no_log_score():
    with pytest.raises(ValueError, match="at least one answer"):
        scores.mean(np.full((2, 1), np.nan), np.ones(2))


def test_person_signal_is_the_correlation_without_question_means():
    rng = np.random.default_rng(0)
    people, questions = 200, (ORDINAL, Question(name="p", text="P?", options=("low", "mid", "high")))
    panel = from_columns([str(i) for i in range(people)], {}, np.ones(people))
    parts = tuple(rng.dirichlet([1, 1, k], size=people) for k in (1, 4))
    chosen = np.stack([[rng.choice(3, p=row) for row in part] for part in parts], axis=1)
    found = signals.person_signal(Scored(panel, questions, parts), Answers(questions, chosen), panel.weights)
    places = np.array([-1.0, 0.0, 1.0])
    expected = np.concatenate([part @ places - (part @ places).mean() for part in parts])
    real = np.concatenate([places[c] - places[c].mean() for c in chosen.T])
    assert found == pytest.approx(np.corrcoef(expected, real)[0, 1])


def test_person_signal_is_undefined_not_zero_where_everybody_gets_the_same():
    same = Scored(PANEL, (ORDINAL,), (np.tile(OF_ORDINAL[:1].astype(np.float32).astype(float), (3, 1)),))
    assert signals.person_signal(same, ANSWERS.only(["o"]), PANEL.weights) is None


def test_person_signal_is_undefined_without_an_ordered_scale():
    assert signals.person_signal(SCORED.only(["n"]), ANSWERS.only(["n"]), PANEL.weights) is None


def test_a_model_against_itself_differs_by_nothing():
    rng = np.random.default_rng(1)
    own = signals.log_scores(SCORED, ANSWERS)
    own[1, 1] = -0.5
    drawn = bootstrap.counts(3, 50, rng)
    found = bootstrap.paired_difference(own, own, PANEL.weights, drawn, rng)
    assert (found.value, found.low, found.high) == (0.0, 0.0, 0.0)
