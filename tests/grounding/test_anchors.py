"""Published shares as the prior of item shares: what they add, and how little they harm where wrong."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grounding.prior import BETWEEN_STUDIES, ItemShares, item_shares
from grounding.sources.toplines import Anchor
from personas.answer import Answers
from personas.arrays import FloatArray
from personas.question import Question


def answers_of(counts: FloatArray) -> Answers:
    """Answers with these counts of options, (n_questions, n_options), as many for each question."""
    labels = tuple(f"option {i}" for i in range(counts.shape[1]))
    questions = tuple(Question(name=f"q{i}", text=f"{i}?", options=labels) for i in range(len(counts)))
    chosen = np.stack([np.repeat(np.arange(counts.shape[1]), row.astype(int)) for row in counts], axis=1)
    return Answers(questions, chosen)


def anchors_of(shares: FloatArray, n: float = 1000.0) -> list[Anchor]:
    return [Anchor(f"q{i}", row, n, "study") for i, row in enumerate(shares)]


def found(counts: FloatArray, published: list[Anchor]) -> ItemShares:
    answers = answers_of(counts)
    return item_shares(answers, np.ones(len(answers.chosen)), published)


def error(shares: ItemShares, truth: FloatArray) -> float:
    """Mean total variation between the shares and the truth."""
    return float(0.5 * np.abs(np.stack(shares.shares) - truth).sum(axis=1).mean())


def world(
    people: int, between: float, unrelated: float, rng: np.random.Generator, questions: int = 40
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """True shares, counts of so many people's answers, and what a study of 1,000 people published.

    Args:
        people: of the panel.
        between: variance between the studies, as a part of ``p (1 - p)``.
        unrelated: part of the questions of which the study published something else altogether.
        rng: draws everything.
        questions: how many.
    """
    truth = rng.dirichlet(np.full(4, 1.5), questions) + 1e-9
    truth /= truth.sum(axis=1, keepdims=True)
    meant = (
        np.stack([rng.dirichlet((1 / between - 1) * t + 1e-6) for t in truth]) if between else truth.copy()
    )
    wrong = rng.random(questions) < unrelated
    meant[wrong] = rng.dirichlet(np.full(4, 1.5), int(wrong.sum()))
    published = np.stack([rng.multinomial(1000, p / p.sum()) / 1000 for p in meant])
    counts = np.stack([rng.multinomial(people, t) for t in truth]).astype(np.float64)
    return truth, counts, published


def errors(people: int, between: float, unrelated: float, runs: int = 8) -> tuple[float, float]:
    """Mean error of the item shares without and with anchors."""
    rng = np.random.default_rng(people)
    pairs: list[tuple[float, float]] = []
    for _ in range(runs):
        truth, counts, published = world(people, between, unrelated, rng)
        plain, anchored = found(counts, []), found(counts, anchors_of(published))
        pairs.append((error(plain, truth), error(anchored, truth)))
    without, within = np.mean(pairs, axis=0)
    return float(without), float(within)


def test_no_anchors_change_nothing() -> None:
    answers = answers_of(np.array([[3.0, 5, 2], [1, 1, 8], [4, 4, 2]]))
    weights = np.linspace(0.5, 2, 10)
    plain, empty = item_shares(answers, weights), item_shares(answers, weights, ())
    for one, other in zip(plain.shares, empty.shares, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (empty.anchored, empty.between_studies) == ((), None)


def test_the_anchor_counts_as_many_people_as_the_formula_says() -> None:
    shares = found(np.array([[6.0, 4]]), anchors_of(np.array([[0.6, 0.4]])))
    between, anchored = shares.between_studies, shares.anchored[0]
    assert between == pytest.approx(BETWEEN_STUDIES, rel=0.5)
    strength = 1 / (1 / 1000 + between) - 1
    assert anchored.strength == pytest.approx(anchored.same * strength)
    # Without a second question of its kind the rest of the prior is two people, one for each option.
    total = 2 + anchored.strength
    np.testing.assert_allclose(
        shares.centres[0] * total, [1 + 0.6 * anchored.strength, 1 + 0.4 * anchored.strength]
    )
    np.testing.assert_allclose(shares.shares[0], (shares.centres[0] * total + [6, 4]) / (10 + total))
    assert shares.strengths == pytest.approx((total,))
    assert shares.bases == (10.0,)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.integers(0, 40), min_size=3, max_size=3).filter(lambda c: sum(c) > 0),
    st.lists(st.floats(0, 1), min_size=3, max_size=3).filter(lambda s: sum(s) > 0.1),
    st.floats(1, 1e6),
)
def test_an_anchor_never_counts_more_than_its_people_nor_moves_shares_beyond_it(
    counts: list[int], published: list[float], n: float
) -> None:
    shares = np.array(published) / sum(published)
    anchored = found(np.array([counts], dtype=np.float64), [Anchor("q0", shares, n, "study")])
    assert 0 <= anchored.anchored[0].strength <= n
    assert 0 <= anchored.anchored[0].same <= 1
    plain = found(np.array([counts], dtype=np.float64), [])
    low, high = np.minimum(plain.shares[0], shares), np.maximum(plain.shares[0], shares)
    assert np.all((anchored.shares[0] >= low - 1e-9) & (anchored.shares[0] <= high + 1e-9))
    assert anchored.bases == plain.bases


def test_an_anchored_question_changes_no_other() -> None:
    counts = np.array([[10.0, 6, 4], [2, 9, 9], [5, 10, 5]])
    plain = found(counts, [])
    anchored = found(counts, [Anchor("q1", np.array([0.1, 0.5, 0.4]), 800, "study")])
    for i in (0, 2):
        np.testing.assert_array_equal(plain.shares[i], anchored.shares[i])
    assert [a.question for a in anchored.anchored] == ["q1"]


@pytest.mark.parametrize(("people", "at_most"), [(10, 0.35), (30, 0.5), (100, 0.75)])
def test_anchors_take_away_much_of_the_error_of_few_answers(people: int, at_most: float) -> None:
    without, within = errors(people, BETWEEN_STUDIES, 0.0)
    assert within < at_most * without


@pytest.mark.parametrize("people", [10, 30, 100, 300])
def test_anchors_of_other_questions_altogether_hardly_harm(people: int) -> None:
    without, within = errors(people, BETWEEN_STUDIES, 1.0)
    assert within < without + 0.01  # one point of agreement


@pytest.mark.parametrize("people", [30, 100, 300])
def test_anchors_help_although_a_fifth_of_them_is_wrong(people: int) -> None:
    without, within = errors(people, BETWEEN_STUDIES, 0.2)
    assert within < without


def test_an_anchor_that_contradicts_many_answers_is_let_go() -> None:
    agreeing = found(np.array([[150.0, 150]]), anchors_of(np.array([[0.52, 0.48]]))).anchored[0]
    opposed = found(np.array([[150.0, 150]]), anchors_of(np.array([[0.85, 0.15]])))
    assert agreeing.same > 0.9
    assert opposed.anchored[0].same < 0.01
    assert abs(opposed.shares[0][0] - 0.5) < 0.005


def test_the_worst_that_a_single_anchor_can_do_is_bounded() -> None:
    worst: dict[int, float] = {}
    for people in (10, 30, 100, 300, 1000):
        counts = np.array([[people / 2, people / 2]])
        moved = [
            abs(float(found(counts, anchors_of(np.array([[s, 1 - s]]))).shares[0][0]) - 0.5)
            for s in np.linspace(0.5, 1.0, 26)
        ]
        worst[people] = max(moved)
    # Points by which the share of one half moves, at the published share that moves it most.
    standard_errors = {people: 0.5 / np.sqrt(people) for people in worst}
    assert all(worst[p] < 2 * standard_errors[p] for p in worst)
    assert worst[1000] < 0.01


def test_the_variance_between_studies_is_found_where_answers_are_many() -> None:
    for between in (0.001, 0.03):
        rng = np.random.default_rng(3)
        _, counts, published = world(2000, between, 0.0, rng, questions=80)
        shares = found(counts, anchors_of(published))
        assert shares.between_studies == pytest.approx(between, rel=0.4)


def test_several_studies_of_a_question_add_up() -> None:
    counts = np.array([[5.0, 5]])
    one = found(counts, [Anchor("q0", np.array([0.4, 0.6]), 500, "first")])
    two = found(counts, [Anchor("q0", np.array([0.4, 0.6]), 500, s) for s in ("first", "second")])
    assert two.anchored[0].sources == ("first", "second")
    assert two.anchored[0].n_effective == 1000
    assert two.anchored[0].strength > 1.5 * one.anchored[0].strength


def test_anchors_that_fit_no_question_are_refused() -> None:
    counts = np.array([[5.0, 5]])
    with pytest.raises(ValueError, match="anchor of 'q9', which is not among the questions answered"):
        found(counts, [Anchor("q9", np.array([0.5, 0.5]), 100, "study")])
    with pytest.raises(ValueError, match="anchor of 'q0' has 3 shares for 2 options"):
        found(counts, [Anchor("q0", np.array([0.5, 0.3, 0.2]), 100, "study")])
