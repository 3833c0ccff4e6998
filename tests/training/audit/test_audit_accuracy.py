from dataclasses import replace

import numpy as np
import pytest
from audited_survey import AGREE, asked, battery, material, question

from personas.answer import NO_ANSWER, Answers
from personas.errors import DocumentError
from training.audit import accuracy, contradictions
from training.audit.spec import AuditSpec, Contradiction


def suspects(found, spec=None):
    alike = contradictions.like_questions(found.answers)
    return accuracy.suspects(found, spec or AuditSpec(), alike, np.random.default_rng(1))


def checks(findings):
    return [(f.check, f.severity) for f in findings]


def with_lines(share):
    answers = battery(400, 10, seed=2, together=0.3, against=4)
    lines = np.random.default_rng(3).random(400) < share
    answers.chosen[lines] = 1
    return material(answers=answers), lines


def test_an_answer_that_is_no_option_names_question_and_person():
    sound = material()
    assert accuracy.out_of_range(sound) == []
    chosen = sound.answers.chosen.copy()
    chosen[7, 2], chosen[9, 2] = 3, -2
    (finding,) = accuracy.out_of_range(replace(sound, answers=Answers(sound.answers.questions, chosen)))
    assert finding.severity == "blocking"
    assert finding.names == (sound.answers.questions[2].name,)
    assert finding.people == ("person7", "person9")
    assert finding.number == 2


def test_few_straight_liners_are_a_warning_and_many_stop_the_training():
    few, lines = with_lines(0.05)
    found = suspects(few)
    assert checks(found.findings) == [("straight-liners", "warning")]
    assert np.mean(found.masks["straight-liners"][lines]) > 0.9
    many = suspects(with_lines(0.3)[0]).findings
    assert checks(many) == [("straight-liners", "blocking")]
    assert "More than 20\u00a0% are too many" in many[0].remedy
    assert len(many[0].people) == 20
    assert many[0].number > 100


def test_suspects_who_are_left_out_stop_nothing():
    spec = AuditSpec(leave_out=("straight-liners",))
    (finding,) = suspects(with_lines(0.3)[0], spec).findings
    assert (finding.severity, finding.left_out) == ("note", True)


def test_without_times_the_audit_says_that_speeders_cannot_be_found():
    found = suspects(material(seconds=None))
    assert checks(found.findings) == [("speeders", "note")]
    assert found.median_seconds is None
    assert not found.masks["speeders"].any()


def test_speeders_are_named():
    seconds = np.full(400, 600.0)
    seconds[[3, 8]] = 60
    found = suspects(material(seconds=seconds))
    (finding,) = found.findings
    assert finding.people == ("person3", "person8")
    assert "2 people of 400 took less than 33\u00a0% of the median of 600 seconds" in finding.sentence


def test_a_rule_names_who_breaks_it_among_those_whom_it_is_about():
    sound = material()
    first, second = sound.answers.questions[:2]
    rule = Contradiction(
        when={first.name: "too much", "age": "18 to 34 years"}, never={second.name: "too little"}
    )
    concerned, broken = contradictions.rule_breakers(rule, sound)
    expected = (sound.answers.chosen[:, 0] == 2) & (sound.people.codes[:, 0] == 0)
    np.testing.assert_array_equal(concerned, expected)
    np.testing.assert_array_equal(broken, expected & (sound.answers.chosen[:, 1] == 0))
    (finding,) = suspects(sound, AuditSpec(contradictions=(rule,), most_careless=0.99)).findings
    assert finding.number == broken.sum()
    assert finding.names == (first.name, "age", second.name)
    assert "say rivers 'too much' and age '18 to 34 years', yet forests 'too little'" in finding.sentence


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (Contradiction(when={"opera": "yes"}, never={"sex": "male"}), "'opera' is neither a question nor"),
        (Contradiction(when={"sex": "men"}, never={"rivers": "too much"}), "'sex' has no 'men'; it has"),
        (Contradiction(when={"sex": "male"}, never={"rivers": "much"}), "'rivers' has no 'much'; it has"),
    ],
)
def test_a_rule_with_a_name_or_label_that_there_is_not_is_refused(rule, message):
    with pytest.raises(DocumentError, match=message):
        suspects(material(), AuditSpec(contradictions=(rule,)))


def twice(flip, options=AGREE):
    """The same question twice; the tenth person answers them with opposite ends."""
    rng = np.random.default_rng(4)
    first = rng.integers(0, 5, 400)
    second = np.clip(first + rng.integers(-1, 2, 400), 0, 4)
    first[9], second[9] = 0, 4
    order = [AGREE.index(o) for o in options]
    text = "Do you agree that opera should be free?"
    second = np.array([order.index(s) for s in second]) if not flip else 4 - second
    chosen = np.stack([first, second], axis=1)
    chosen[0] = NO_ANSWER
    return asked([question("one", text), question("two", text, options)], chosen)


@pytest.mark.parametrize("options", [AGREE, AGREE[::-1]])
def test_opposite_answers_to_the_same_question_accuse_whatever_the_order_of_options(options):
    found = suspects(twice(False, options))
    assert np.flatnonzero(found.masks["contradictions"]).tolist() == [9]
    assert found.findings[0].names == ("one", "two")
    assert found.findings[0].people == ("person9",)


def test_where_a_copy_is_coded_the_other_way_around_the_same_end_is_the_contradiction():
    found = suspects(twice(True))
    assert np.flatnonzero(found.masks["contradictions"]).tolist() == [9]


def test_who_minds_one_thing_and_not_another_contradicts_nobody():
    rng = np.random.default_rng(5)
    first = rng.integers(0, 5, 400)
    second = np.clip(first + rng.integers(-1, 2, 400), 0, 4)
    second[:3], first[:3] = 4, 0
    texts = ("Would you mind if a neighbour kept rabbits?", "Would you mind if a neighbour kept a rabbit?")
    chosen = np.stack([first, second], axis=1)
    found = asked([question("a", texts[0]), question("b", texts[1])], chosen)
    (pair,) = contradictions.like_questions(found.answers)
    assert 0.6 < pair.correlation < 0.9
    assert not contradictions.opposed(found.answers, pair).any()


def test_attributes_that_were_not_observed_are_warned_of():
    kinds = {"age": ("observed",), "sex": ("observed", "imputed"), "pet": ("matched",)}
    found = accuracy.not_observed(material(kinds=kinds))
    assert [f.names for f in found] == [("sex",), ("pet",)]
    assert "some values are imputed" in found[0].sentence
    assert "'pet': matched, not observed" in found[1].sentence
    assert accuracy.not_observed(material(kinds=kinds, attributes=("age",))) == []
