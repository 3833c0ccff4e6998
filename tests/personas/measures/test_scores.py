import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    log_loss,
    precision_recall_fscore_support,
)

from personas.answer import NO_ANSWER, Answers
from personas.measures import scores
from personas.question import Question


def _question(name, n, scale="ordinal"):
    return Question(name=name, text=f"{name}?", options=tuple("abcdefgh"[:n]), scale=scale)


def _one(distribution, chosen):
    """Distributions and answers of a single question."""
    values = np.array(distribution, dtype=float)
    return [values], Answers((_question("q", values.shape[1]),), np.array(chosen)[:, None])


@st.composite
def worlds(draw, most_questions=3):
    """Distributions, answers with gaps and weights, some of them zero; somebody always counts."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    people, sizes = draw(st.integers(2, 12)), draw(st.lists(st.integers(2, 5), min_size=1, max_size=3))
    questions = tuple(_question(f"q{i}", n) for i, n in enumerate(sizes[:most_questions]))
    parts = [rng.dirichlet(np.ones(len(q.options)), size=people) for q in questions]
    chosen = np.stack([rng.integers(0, len(q.options), people) for q in questions], axis=1)
    chosen[rng.random(chosen.shape) < 0.2] = NO_ANSWER
    weights = rng.choice([0.0, 0.5, 1.0, 3.0], people)
    chosen[0], weights[0] = 0, 1.0
    return parts, Answers(questions, chosen), weights


def _counted(world):
    """Rows of each question as plain software wants them: distribution, answers, weights."""
    parts, answers, weights = world
    for part, chosen in zip(parts, answers.chosen.T, strict=True):
        rows = (chosen != NO_ANSWER) & (weights > 0)
        yield part[rows], chosen[rows], weights[rows]


def _pooled(world, score):
    """A figure of scikit-learn for each question, averaged by the weight of its answers."""
    found = [(score(p, c, w), w.sum()) for p, c, w in _counted(world) if len(c)]
    return np.average([f for f, _ in found], weights=[s for _, s in found])


def test_the_worked_numbers():
    two = _one([[0.5, 0.5], [0.8, 0.2]], [0, 0])
    assert scores.log_loss(*two, np.ones(2)) == pytest.approx(0.458, abs=5e-4)
    assert scores.brier(*_one([[0.7, 0.2, 0.1]], [0]), np.ones(1)) == pytest.approx(0.14)
    assert scores.accuracy(*_one([[0.6, 0.4], [0.5, 0.5]], [0, 0]), np.ones(2)) == 0.75
    found = scores.macro(*_one([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]], [0, 1, 1]), np.ones(3))
    assert found == pytest.approx((0.75, 0.75, 2 / 3))
    shares = scores.shares(np.array([[1.0, 0.0], [0.5, 0.5]]), np.array([1.0, 3.0]))
    assert shares.tolist() == [0.625, 0.375]
    ends = _one([[0.4, 0.3, 0.3], [0.3, 0.3, 0.4]], [0, 2])
    assert scores.signal(*ends, np.ones(2)) == pytest.approx(1.0)


def test_log_scores_of_one_question_by_hand():
    found = scores.log_scores(np.array([[0.5, 0.5], [1.0, 0.0], [0.1, 0.9]]), np.array([0, 1, NO_ANSWER]))
    assert found[:2] == pytest.approx([np.log(0.5), np.log(scores.FLOOR)])
    assert np.isnan(found[2])


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_log_loss_is_that_of_scikit_learn(world):
    expected = _pooled(world, lambda p, c, w: log_loss(c, p, sample_weight=w, labels=list(range(p.shape[1]))))
    assert scores.log_loss(*world) == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_brier_is_that_of_scikit_learn(world):
    expected = _pooled(
        world,
        lambda p, c, w: brier_score_loss(
            c, p, sample_weight=w, labels=list(range(p.shape[1])), scale_by_half=False
        ),
    )
    assert scores.brier(*world) == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_accuracy_is_that_of_scikit_learn(world):
    expected = _pooled(world, lambda p, c, w: accuracy_score(c, p.argmax(axis=1), sample_weight=w))
    assert scores.accuracy(*world) == pytest.approx(expected)


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_macro_figures_are_the_mean_over_questions_of_those_of_scikit_learn(world):
    found = [
        precision_recall_fscore_support(
            c,
            p.argmax(axis=1),
            labels=list(range(p.shape[1])),
            sample_weight=w,
            average="macro",
            zero_division=np.nan,
        )[:3]
        for p, c, w in _counted(world)
        if len(c)
    ]
    assert scores.macro(*world) == pytest.approx(np.mean(found, axis=0))


@settings(max_examples=40, deadline=None)
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_options_changes_no_score(world, random):
    parts, answers, weights = world
    turned, columns = [], []
    for part, chosen in zip(parts, answers.chosen.T, strict=True):
        order = list(range(part.shape[1]))
        random.shuffle(order)
        turned.append(part[:, order])
        columns.append([NO_ANSWER if c == NO_ANSWER else order.index(c) for c in chosen])
    other = Answers(answers.questions, np.array(columns).T)
    for score in (scores.log_loss, scores.brier, scores.accuracy):
        assert score(turned, other, weights) == pytest.approx(score(parts, answers, weights))
    assert scores.macro(turned, other, weights) == pytest.approx(scores.macro(parts, answers, weights))


@settings(max_examples=40, deadline=None)
@given(worlds())
def test_a_person_of_weight_two_counts_like_two_people(world):
    parts, answers, _ = world
    weights = np.ones(len(answers.chosen))
    weights[-1] = 2.0
    rows = np.append(np.arange(len(weights)), len(weights) - 1)
    twice = [p[rows] for p in parts], answers.take(rows), np.ones(len(rows))
    for score in (scores.log_loss, scores.brier, scores.accuracy):
        assert score(parts, answers, weights) == pytest.approx(score(*twice))
    assert scores.signal(parts, answers, weights) == pytest.approx(scores.signal(*twice), nan_ok=True)


def test_a_tie_is_right_by_chance_whatever_the_order():
    tie = [[0.4, 0.4, 0.2]] * 3
    assert scores.accuracy(*_one(tie, [0, 1, 2]), np.ones(3)) == pytest.approx(1 / 3)


def test_an_option_never_predicted_has_no_precision_but_a_recall_of_zero():
    found = scores.macro(*_one([[0.9, 0.1]] * 4, [0, 0, 0, 1]), np.ones(4))
    assert found == pytest.approx((0.75, 0.5, (6 / 7) / 2))


def test_the_signal_is_the_correlation_without_question_means():
    rng = np.random.default_rng(0)
    questions = (_question("a", 3), _question("b", 3))
    parts = [rng.dirichlet([1, 1, k], size=200) for k in (1, 4)]
    chosen = np.stack([[rng.choice(3, p=row) for row in part] for part in parts], axis=1)
    places = np.array([-1.0, 0.0, 1.0])
    expected = np.concatenate([part @ places - (part @ places).mean() for part in parts])
    real = np.concatenate([places[c] - places[c].mean() for c in chosen.T])
    found = scores.signal(parts, Answers(questions, chosen), np.ones(200))
    assert found == pytest.approx(np.corrcoef(expected, real)[0, 1])


def test_the_signal_is_undefined_not_zero_without_order_or_spread():
    parts = [np.array([[0.2, 0.8], [0.7, 0.3]])]
    nominal = Answers((_question("q", 2, "nominal"),), np.array([[0], [1]]))
    assert scores.signal(parts, nominal, np.ones(2)) is None
    ordinal = Answers((_question("q", 4),), np.ones((7, 1), dtype=int))
    four = [np.random.default_rng(0).dirichlet(np.ones(4), size=7)]
    assert scores.signal(four, ordinal, np.linspace(0.1, 0.7, 7)) is None
    same = Answers((_question("q", 2),), np.array([[0], [1]]))
    assert scores.signal([np.array([[0.2, 0.8]] * 2)], same, np.ones(2)) is None


FIGURES = (scores.log_loss, scores.brier, scores.accuracy, scores.macro, scores.signal)


@pytest.mark.parametrize("figure", FIGURES)
def test_without_answers_there_is_no_figure(figure):
    parts, answers = _one([[0.5, 0.5]] * 2, [0, NO_ANSWER])
    with pytest.raises(ValueError, match="at least one answer with a positive weight"):
        figure(parts, answers, np.array([0.0, 1.0]))


@pytest.mark.parametrize(
    ("parts", "weights", "problem"),
    [
        ([[[0.5, 0.5]] * 2], [np.nan, 1.0], "weights must be 2 numbers >= 0"),
        ([[[0.5, 0.5]] * 2], [-1.0, 1.0], "weights must be 2 numbers >= 0"),
        ([[[0.5, 0.5]] * 2], [1.0], "weights must be 2 numbers >= 0"),
        ([[[0.5, 0.5]]], [1.0, 1.0], r"'q' needs shape \(2, 2\), got \(1, 2\)"),
        ([[[np.nan, 0.5]] * 2], [1.0, 1.0], "answer distribution of 'q' must be numbers"),
        ([], [1.0, 1.0], "0 distributions for 1 questions"),
    ],
)
def test_input_that_does_not_fit_raises_and_says_what(parts, weights, problem):
    answers = Answers((_question("q", 2),), np.array([[0], [1]]))
    with pytest.raises(ValueError, match=problem):
        scores.log_loss([np.array(p, dtype=float) for p in parts], answers, np.array(weights))
