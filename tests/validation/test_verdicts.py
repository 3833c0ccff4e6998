import pytest

from personas.measures.estimate import Estimate
from validation import verdicts
from validation.results import Comparison


def _comparison(baseline, measure, value, low, high):
    return Comparison(
        baseline=baseline, measure=measure, difference=Estimate(value=value, low=low, high=high)
    )


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.9684, ".968"),
        (1.0, "1.000"),
        (-0.0124, "-.012"),
        (-1.2, "-1.200"),
        (0.0, ".000"),
        (-0.0001, ".000"),
        (10.5, "10.500"),
    ],
)
def test_numbers_are_written_without_a_leading_zero(value, text):
    assert verdicts.number(value) == text


def test_a_better_model_is_called_better_than_the_best_baseline():
    found = verdicts.claim(_comparison("item_share", "agreement", 0.017, 0.010, 0.024), 0.968, 0.951, 0.966)
    assert found.outcome == "better"
    assert found.sentence == (
        "It is better than the best baseline, the item share (.951; difference +.017, +.010 to +.024)."
    )


def test_a_model_no_better_is_called_so_and_nothing_is_claimed():
    found = verdicts.claim(_comparison("item_share", "agreement", -0.001, -0.004, 0.002), 0.968, 0.969, 0.966)
    assert found.outcome == "no better"
    assert found.sentence == (
        "It is no better than the item share (.969; difference -.001, -.004 to +.002): there is no evidence "
        "that knowing the persona improves agreement on overall shares here."
    )


def test_a_gain_too_uncertain_is_not_called_equal():
    found = verdicts.claim(_comparison("uniform", "agreement", 0.11, -0.03, 0.24), 0.86, 0.75, 0.97)
    assert found.outcome == "no better"
    assert "not shown to be better than the uniform guess" in found.sentence
    assert "the interval includes zero" in found.sentence


def test_a_worse_model_is_called_worse():
    found = verdicts.claim(_comparison("untuned", "log_score", -0.1, -0.2, -0.05), -1.1, -1.0, None)
    assert found.outcome == "worse"
    assert found.sentence == (
        "The mean log score of single answers is -1.100 nats, worse than the untuned model "
        "(-1.000; difference -.100, -.200 to -.050)."
    )


def test_segments_are_put_beside_their_own_ceiling():
    found = verdicts.claim(
        _comparison("shuffled_persona", "segment_agreement", 0.0, -0.01, 0.01), 0.9, 0.9, 0.93
    )
    assert found.sentence.startswith(
        "Segment by segment it is .900 against a ceiling of .930, no better than"
    )
    assert "knowing the right persona improves agreement within segments" in found.sentence


def test_a_baseline_of_the_users_own_is_named_as_it_is():
    found = verdicts.claim(_comparison("last_wave", "agreement", 0.0, -0.1, 0.1), 0.9, 0.9, None)
    assert "the baseline last wave" in found.sentence


def test_rounding_does_not_hide_on_which_side_of_zero_an_interval_ends():
    found = verdicts.claim(_comparison("uniform", "agreement", 0.0104, 0.0003, 0.0205), 0.9, 0.8896, None)
    assert "+.00030 to" in found.sentence


def test_rounding_errors_are_no_difference():
    assert verdicts.outcome(Estimate(value=3e-17, low=1e-17, high=5e-17)) == "no better"


def test_shuffled_personas_do_not_count_for_overall_agreement_only():
    tie = [
        _comparison(b, m, v, v - 0.01, v + 0.01)
        for m in ("agreement", "segment_agreement")
        for b, v in (("shuffled_persona", 0.0), ("item_share", 0.02), ("uniform", 0.2))
    ]
    overall, segments = verdicts.best(tie, "agreement"), verdicts.best(tie, "segment_agreement")
    assert overall is not None
    assert segments is not None
    assert (overall.baseline, segments.baseline) == ("item_share", "shuffled_persona")
    assert verdicts.best(tie, "log_score") is None


@pytest.mark.parametrize(
    ("questions", "caution"), [(1, "only one question"), (4, "over only 4 questions"), (14, None)]
)
def test_few_questions_are_said_to_be_few(questions, caution):
    text = verdicts.verdict("unseen_both", questions, Estimate(value=0.86, low=0.8, high=0.92), 0.966, ())
    assert text.startswith(
        "On questions never trained on, asked of people never trained on, agreement is .860"
    )
    assert (caution in text) if caution else ("only" not in text)
