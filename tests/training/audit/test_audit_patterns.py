import itertools

import numpy as np
import pytest
from audited_survey import AGREE, battery, question
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from personas.answer import NO_ANSWER, Answers
from training.audit import patterns

CHOSEN = arrays.arrays(np.int64, (4, 9), elements=st.integers(-1, 3))


@given(CHOSEN)
def test_the_longest_run_of_each_option_is_what_a_loop_over_the_answers_finds(chosen):
    found = patterns.longest_runs(chosen, 4)
    for row, runs in zip(chosen, found, strict=True):
        given_ = [int(c) for c in row if c != NO_ANSWER]
        groups = [(option, len(list(run))) for option, run in itertools.groupby(given_)]
        assert runs.tolist() == [max((n for o, n in groups if o == k), default=0) for k in range(4)]


def test_a_battery_is_questions_next_to_one_another_with_the_same_options():
    own = ("yes", "no")
    asked = [question(f"a{i}", "?", AGREE) for i in range(6)]
    asked += [question("b", "?", own), *(question(f"c{i}", "?", AGREE) for i in range(5))]
    asked += [question(f"d{i}", "?", ("bus", "car", "tram"), "nominal") for i in range(6)]
    assert [b.tolist() for b in patterns.batteries(asked, 5)] == [list(range(6)), list(range(7, 12))]
    assert [len(b) for b in patterns.batteries(asked, 6)] == [6]


@pytest.mark.parametrize("against", [0, 4])
def test_hardly_any_honest_person_is_suspected(against):
    honest = battery(2_000, 10, seed=5, against=against)
    (found,) = patterns.straight_liners(honest, 8, 0.1, np.random.default_rng(1))
    assert found.suspects.sum() <= 4
    assert found.reversed == against


def test_agreement_of_everybody_accuses_nobody():
    honest = battery(1_500, 10, seed=6, together=0.95)
    chosen = np.maximum(honest.chosen - 3, 0)  # nine in ten say the first option, whatever is asked
    runs = patterns.longest_runs(chosen, 2)
    assert np.mean(runs.max(axis=1) == 10) > 0.5
    (found,) = patterns.straight_liners(Answers(honest.questions, chosen), 8, 0.1, np.random.default_rng(1))
    assert found.suspects.mean() < 0.01


@pytest.mark.parametrize(("share", "against"), [(0.02, 0), (0.1, 0), (0.02, 4), (0.1, 4)])
def test_injected_straight_lines_are_found_and_others_left_alone(share, against):
    rng = np.random.default_rng(9)
    answers = battery(2_000, 10, seed=7, together=0.4, against=against)
    lines = rng.random(2_000) < share
    answers.chosen[lines] = rng.integers(0, 5, (int(lines.sum()), 1))
    (found,) = patterns.straight_liners(answers, 8, 0.1, np.random.default_rng(1))
    recall = found.suspects[lines].mean()
    false = found.suspects[~lines].sum() / found.suspects.sum()
    assert recall > (0.95 if against else 0.8)  # honest people agree with everything now and then
    assert false < 0.1 + 3 * np.sqrt(0.1 * 0.9 / lines.sum())


def test_a_line_through_missing_answers_counts_and_a_short_one_does_not():
    answers = battery(600, 10, seed=8, together=0.3, against=4)
    answers.chosen[0] = [2, 2, NO_ANSWER, 2, 2, 2, NO_ANSWER, 2, 2, 2]
    answers.chosen[1] = [2, 2, 2, 2, 2, NO_ANSWER, NO_ANSWER, NO_ANSWER, 2, 2]
    (found,) = patterns.straight_liners(answers, 8, 0.2, np.random.default_rng(1))
    assert found.suspects[0]
    assert not found.suspects[1]


def test_too_few_people_accuse_nobody():
    answers = battery(20, 10, seed=8)
    answers.chosen[:] = 2
    (found,) = patterns.straight_liners(answers, 8, 0.1, np.random.default_rng(1))
    assert not found.suspects.any()
    assert found.expected == 0


def test_simulated_people_have_the_shares_and_correlations_of_the_real_ones():
    real = battery(4_000, 8, seed=11, against=3).chosen
    real[np.random.default_rng(2).random(real.shape) < 0.1] = NO_ANSWER
    drawn = patterns._simulated(real, np.random.default_rng(3))
    for own, other in zip(real.T, drawn.T, strict=True):
        shares = np.bincount(own[own != NO_ANSWER], minlength=5) / np.sum(own != NO_ANSWER)
        np.testing.assert_allclose(np.bincount(other, minlength=5) / len(other), shares, atol=0.02)
    expected = patterns.position_correlations(real)
    np.testing.assert_allclose(patterns.position_correlations(drawn), expected, atol=0.03)


def test_correlations_over_who_answered_both_are_those_of_numpy():
    chosen = battery(500, 4, seed=12).chosen
    chosen[:200, 0] = NO_ANSWER
    found = patterns.position_correlations(chosen)
    assert found[1, 2] == pytest.approx(np.corrcoef(chosen[:, 1], chosen[:, 2])[0, 1])
    assert found[0, 1] == pytest.approx(np.corrcoef(chosen[200:, 0], chosen[200:, 1])[0, 1])


def test_a_speeder_is_fast_in_all_and_for_each_answer():
    answers = battery(50, 10, seed=13)
    seconds = np.full(50, 600.0)
    seconds[0] = 150  # answered everything in a quarter of the median
    seconds[1] = 150  # was led past most questions
    answers.chosen[1, 2:] = NO_ANSWER
    seconds[2] = np.nan
    seconds[3] = 250  # more than a third
    fast, median = patterns.speeders(seconds, answers, 1 / 3)
    assert np.flatnonzero(fast).tolist() == [0]
    assert median == 600


def test_nobody_is_a_speeder_where_no_time_is_known():
    with pytest.raises(ValueError, match="a time that is known of somebody"):
        patterns.speeders(np.full(5, np.nan), battery(5, 5, seed=1), 0.3)
