import numpy as np
import pytest

from personas.answer import NO_ANSWER, Answers, shares
from personas.measures import bootstrap, distances
from personas.measures.bootstrap import Sample
from personas.question import Question

TWO = tuple(Question(name=n, text=n, options=o) for n, o in (("a", ("x", "y")), ("b", ("x", "y", "z"))))


def _answers(rng, people):
    chosen = np.stack([rng.integers(0, 2, people), rng.integers(0, 3, people)], axis=1)
    chosen[rng.random(chosen.shape) < 0.2] = NO_ANSWER
    return Answers(TWO, chosen)


def test_replicate_shares_equal_shares_of_the_people_written_out():
    rng = np.random.default_rng(0)
    answers, weights = _answers(rng, 50), rng.uniform(0.5, 2, 50)
    drawn = bootstrap.counts(50, 4, rng)
    found = Sample.of(answers, weights).replicate(drawn)
    for b in range(4):
        rows = np.repeat(np.arange(50), drawn[b].astype(int))
        for i, question in enumerate(TWO):
            n = len(question.options)
            expected = shares(answers.chosen[rows, i], n, weights[rows])
            assert found[b, i, :n] == pytest.approx(expected)
            assert np.all(found[b, i, n:] == 0)


def test_people_without_weight_are_no_base():
    answers = Answers(TWO, np.array([[0, 1], [1, NO_ANSWER], [1, 2]]))
    sample = Sample.of(answers, np.array([1.0, 2.0, 0.0]))
    assert sample.base().tolist() == [2, 1]
    assert sample.shares()[0, :2].tolist() == pytest.approx([1 / 3, 2 / 3])


def test_a_question_nobody_answered_has_no_shares():
    answers = Answers(TWO, np.array([[0, NO_ANSWER]]))
    with pytest.raises(ValueError, match="at least one answer"):
        Sample.of(answers, np.ones(1)).shares()


def test_resampling_nobody_is_refused():
    with pytest.raises(ValueError, match="at least 1 unit"):
        bootstrap.counts(0, 10, np.random.default_rng(0))


def test_a_mean_over_cells_by_hand():
    scores = np.array([[0.8, 0.6], [0.4, np.nan]])
    usable = ~np.isnan(scores)
    assert bootstrap.cell_mean(scores, usable) == pytest.approx(0.6)
    again = np.array([[2.0, 0.0], [0.0, 2.0]])
    both = np.stack([scores, scores])
    assert bootstrap.cell_mean(both, usable, again).tolist() == pytest.approx([0.6, 0.6])


def test_a_mean_over_no_cells_is_refused():
    with pytest.raises(ValueError, match="at least one usable cell"):
        bootstrap.cell_mean(np.zeros((0, 0)), np.zeros((0, 0), dtype=bool))
    with pytest.raises(ValueError, match="finite"):
        bootstrap.cell_mean(np.array([[np.nan]]), np.array([[True]]))


def test_an_interval_is_centred_on_the_estimate_and_stays_within_bounds():
    replicates = np.linspace(0.80, 0.90, 101)
    found = bootstrap.recentred(0.97, replicates, bounds=(0.0, 1.0))
    assert found.value == 0.97
    assert found.low == pytest.approx(0.9225)
    assert found.high == 1.0


def test_few_questions_widen_the_interval_as_student_says():
    replicates = np.linspace(-0.1, 0.1, 101)
    plain = bootstrap.recentred(0.0, replicates)
    four = bootstrap.recentred(0.0, replicates, n_questions=4)
    # t(.975, 3) = 3.1824 and z = 1.9600 from any table; sqrt(4 / 3) = 1.1547.
    assert four.high / plain.high == pytest.approx(3.1824 / 1.9600 * 1.1547, rel=1e-3)


@pytest.mark.parametrize(("value", "replicates"), [(np.nan, [0.1, 0.2]), (0.1, [0.1]), (0.1, [0.1, np.nan])])
def test_an_undefined_interval_is_refused(value, replicates):
    with pytest.raises(ValueError, match="finite"):
        bootstrap.recentred(value, np.array(replicates))


def _least(simulations, nominal=0.95, errors=3.0):
    """Smallest coverage that luck allows: three binomial standard errors below the nominal one."""
    return nominal - errors * np.sqrt(nominal * (1 - nominal) / simulations)


@pytest.mark.parametrize(("people", "shift"), [(300, 0.0), (300, 0.15), (900, 0.02), (900, 0.10)])
def test_intervals_cover_the_expected_agreement_at_this_sample_size(people, shift):
    rng, simulations = np.random.default_rng(11), 400
    true = np.array([0.5, 0.3, 0.2])
    simulated = true + np.array([shift, 0.0, -shift])
    expected = distances.agreement(rng.multinomial(people, true, 20000) / people, simulated).mean()
    hits = 0
    for observed in rng.multinomial(people, true, simulations) / people:
        again = rng.multinomial(people, observed, 300) / people
        value = float(distances.agreement(observed, simulated))
        found = bootstrap.recentred(value, distances.agreement(again, simulated))
        hits += found.low <= expected <= found.high
    assert hits / simulations >= _least(simulations)


def _population(questions, error, rng):
    true = rng.dirichlet([6.0, 6.0, 4.0], size=questions)
    wrong = np.exp(np.log(true) + error * rng.normal(size=true.shape))
    return true, wrong / wrong.sum(axis=1, keepdims=True)


@pytest.mark.parametrize(("questions", "error"), [(4, 0.5), (14, 0.1), (14, 0.5)])
def test_two_way_intervals_cover_the_mean_over_questions_never_seen(questions, error):
    rng, simulations, people = np.random.default_rng(12), 150, 200
    true, wrong = _population(20000, error, rng)
    expected = distances.agreement(rng.multinomial(people, true) / people, wrong).mean()
    usable = np.ones((1, questions), dtype=bool)
    hits = 0
    for _ in range(simulations):
        true, wrong = _population(questions, error, rng)
        chosen = np.stack([rng.choice(3, people, p=p) for p in true], axis=1)
        sample = Sample(np.eye(3)[chosen], np.ones(people))
        value = float(distances.agreement(sample.shares(), wrong).mean())
        again = distances.agreement(sample.replicate(bootstrap.counts(people, 200, rng)), wrong)
        spread = bootstrap.cell_mean(again[:, None], usable, bootstrap.counts(questions, 200, rng))
        found = bootstrap.recentred(value, spread, questions)
        hits += found.low <= expected <= found.high
    assert hits / simulations >= _least(simulations)


def test_the_plain_percentile_interval_misses_a_model_that_is_right():
    # Why intervals are re-centred: each replicate adds noise of its own, and noise only adds distance.
    rng, people, questions = np.random.default_rng(13), 200, 30
    true = rng.dirichlet([6.0, 6.0, 4.0], size=questions)
    expected = distances.agreement(rng.multinomial(people, true, (4000, questions)) / people, true).mean()
    plain = centred = 0
    for _ in range(40):
        chosen = np.stack([rng.choice(3, people, p=p) for p in true], axis=1)
        sample = Sample(np.eye(3)[chosen], np.ones(people))
        spread = distances.agreement(sample.replicate(bootstrap.counts(people, 200, rng)), true).mean(axis=1)
        low, high = np.quantile(spread, [0.025, 0.975])
        plain += low <= expected <= high
        found = bootstrap.recentred(float(distances.agreement(sample.shares(), true).mean()), spread)
        centred += found.low <= expected <= found.high
    assert plain < 20 < centred


@pytest.mark.parametrize(("one", "other"), [(0.1, 0.1), (0.1, 0.5), (0.0, 0.05)])
def test_paired_intervals_cover_the_difference_of_two_models(one, other):
    rng, simulations, people, questions = np.random.default_rng(14), 150, 300, 14

    def gap(observed, first, second):
        return distances.agreement(observed, first) - distances.agreement(observed, second)

    def two_models(size):
        true, first = _population(size, one, rng)
        second = true * np.exp(other * rng.normal(size=true.shape))
        return true, first, second / second.sum(axis=1, keepdims=True)

    true, first, second = two_models(40000)
    expected = gap(rng.multinomial(people, true) / people, first, second).mean()
    usable = np.ones((1, questions), dtype=bool)
    hits = 0
    for _ in range(simulations):
        true, first, second = two_models(questions)
        chosen = np.stack([rng.choice(3, people, p=p) for p in true], axis=1)
        sample = Sample(np.eye(3)[chosen], np.ones(people))
        value = float(gap(sample.shares(), first, second).mean())
        again = gap(sample.replicate(bootstrap.counts(people, 200, rng)), first, second)
        spread = bootstrap.cell_mean(again[:, None], usable, bootstrap.counts(questions, 200, rng))
        found = bootstrap.recentred(value, spread, questions)
        hits += found.low <= expected <= found.high
    assert hits / simulations >= _least(simulations)
