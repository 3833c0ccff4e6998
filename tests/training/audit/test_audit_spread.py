"""Relevance and diversity: whom and what the material covers, and how much people differ."""

from dataclasses import replace

import numpy as np
import pytest
from audited_survey import material, question

from personas.answer import NO_ANSWER, Answers
from personas.errors import DocumentError, UnknownName
from personas.panel import UNKNOWN
from training.audit import diversity, relevance
from training.audit.spec import AuditSpec


def changed(change):
    """The sound material with other answers."""
    sound = material()
    chosen = sound.answers.chosen.copy()
    change(chosen)
    return replace(sound, answers=Answers(sound.answers.questions, chosen))


def told(findings):
    return [(f.check, f.severity) for f in findings]


def questions(found):
    return diversity.questions(diversity.facts(found))


def test_a_sound_panel_has_nothing_to_tell():
    sound = material()
    assert diversity.people(sound) == diversity.attributes(sound) == questions(sound) == []
    assert relevance.questions(sound, AuditSpec()) == []


def test_figures_of_a_question_are_weighted_and_leave_out_who_is_held_out():
    def half(chosen):
        chosen[:, 0] = NO_ANSWER
        chosen[:8, 0] = [0, 0, 1, 1, 1, 1, 1, 1]

    found = changed(half)
    weights = np.zeros(400)
    weights[[1, 2, 5, 6]] = 1, 3, 1, 1  # 0 and 5 are held out
    found = replace(found, people=replace(found.people, weights=weights))
    fact = diversity.facts(found)[0]
    assert fact.answers == 3
    assert fact.largest_share == pytest.approx(4 / 5)
    assert fact.entropy == pytest.approx(-(0.2 * np.log(0.2) + 0.8 * np.log(0.8)) / np.log(3))
    assert fact.effective_base == pytest.approx(25 / 11)
    assert fact.never_given == ("too much",)


def test_values_of_the_segment_held_out_are_no_finding_although_nobody_is_trained_on() -> None:
    sound = material()
    name = sound.attributes[0]
    column = sound.people.attributes.index(name)
    level = sound.people.levels[column][0]
    found = replace(sound, trained=sound.trained & (sound.people.codes[:, column] != 0))
    assert ("rare-values", "note") in told(diversity.attributes(found))
    meant = diversity.attributes(replace(found, apart={name: (level,)}))
    assert ("rare-values", "note") not in told(meant)


@pytest.mark.parametrize(("people", "severity"), [(10, "blocking"), (40, "warning")])
def test_few_people_to_train_on_stop_the_training_or_are_warned_of(people, severity):
    found = material(trained=np.arange(400) < (9 if severity == "blocking" else people))
    assert ("few-people", severity) in told(diversity.people(found))
    sentence = next(f.sentence for f in diversity.people(found) if f.check == "few-people")
    assert ("fewer than 10" in sentence) == (severity == "blocking") != ("below 50" in sentence)


def test_weights_that_leave_few_to_count_are_warned_of():
    weights = np.ones(400)
    weights[1] = 300
    found = material(people=replace(material().people, weights=weights))
    assert told(diversity.people(found)) == [("effective-base", "warning")]


def test_people_without_an_answer_are_named():
    def silent(chosen):
        chosen[[1, 5, 7]] = NO_ANSWER  # the second of them is held out

    (finding,) = diversity.people(changed(silent))
    assert (finding.check, finding.people, finding.number) == ("no-answers", ("person1", "person7"), 2)


def test_a_question_with_nine_answers_stops_the_training_unless_it_is_held_out():
    def few(chosen):
        chosen[:, 0] = NO_ANSWER
        chosen[1:12, 0] = np.arange(11) % 3  # two of these people are held out

    (finding,) = questions(changed(few))
    assert (finding.check, finding.severity, finding.names) == ("few-answers", "blocking", ("rivers",))
    assert questions(replace(changed(few), held_out=("rivers",))) == []


def test_the_same_answer_from_everybody_stops_only_where_it_is_so_everywhere():
    def one(chosen):
        chosen[chosen[:, 0] != NO_ANSWER, 0] = 1

    def all_(chosen):
        chosen[chosen != NO_ANSWER] = 2

    assert ("one-answer", "warning") in told(questions(changed(one)))
    assert ("one-answer", "blocking") in told(questions(changed(all_)))


def test_nearly_the_same_answer_is_noted():
    def nearly(chosen):
        chosen[:, 0] = 0
        chosen[1:3, 0] = 1

    findings = questions(changed(nearly))
    assert told(findings) == [("low-entropy", "note"), ("never-given", "note")]


def test_one_question_is_too_few():
    sound = material()
    rest = tuple(q.name for q in sound.answers.questions[1:])
    assert told(questions(replace(sound, held_out=rest))) == [("few-questions", "blocking")]


def test_attributes_that_tell_nobody_apart_are_named():
    people = material().people
    codes = people.codes.copy()
    codes[:, 0] = UNKNOWN
    codes[:, 1] = 0
    codes[20:, 2] = UNKNOWN
    found = diversity.attributes(material(people=replace(people, codes=codes)))
    assert [(f.check, f.severity, f.names) for f in found] == [
        ("unknown-attribute", "blocking", ("age",)),
        ("constant-attribute", "warning", ("sex",)),
        ("rare-values", "note", ("sex",)),
        ("mostly-unknown", "warning", ("pet",)),
        ("rare-values", "note", ("pet",)),
    ]
    assert diversity.attributes(material(people=replace(people, codes=codes), attributes=("pet",)))[
        0
    ].names == ("pet",)


def test_questions_to_serve_that_nobody_answered_or_that_are_held_out_are_told():
    def nobody(chosen):
        chosen[:, 1] = NO_ANSWER

    found = replace(changed(nobody), held_out=("rivers",))
    findings = relevance.questions(found, AuditSpec(questions=("rivers", "forests", "birds")))
    assert [(f.severity, f.names) for f in findings] == [("warning", ("forests",)), ("note", ("rivers",))]
    with pytest.raises(DocumentError, match="unknown question 'opera'; the panel has 'rivers'"):
        relevance.questions(found, AuditSpec(questions=("opera",)))


def test_a_new_question_is_held_against_what_was_asked():
    near = question(
        "n1", "Money for nature: what do you say of otters?", ("too little", "about right", "too much")
    )
    far = question("n2", "Trinkst du Kaffee?", ("ja", "nein"))
    findings = relevance.questions(material(), AuditSpec(new_questions=(near, far)))
    assert [(f.severity, f.names) for f in findings] == [("warning", ("n2",)), ("note", ("n1",))]
    first, second = relevance.nearest(material(), AuditSpec(new_questions=(near, far)))
    assert first.nearest in {"rivers", "forests", "birds", "lakes", "meadows", "whales", "parks", "bees"}
    assert first.similarity > 0.3 > 0.15 > second.similarity


def segments(found, spec):
    return relevance.segments(found, spec, relevance.segment_facts(found, spec))


def test_segments_are_counted_among_people_to_train_on():
    found, spec = material(), AuditSpec(segments=("sex", ("age", "pet")))
    facts = relevance.segment_facts(found, spec)
    assert [f.values for f in facts[:2]] == [("female",), ("male",)]
    assert len(facts) == 2 + 3 * 2
    female = found.trained & (found.people.codes[:, 1] == 0)
    assert facts[0].people == female.sum()
    w = found.people.weights[female]
    assert facts[0].effective_base == pytest.approx(w.sum() ** 2 / (w**2).sum())
    assert segments(found, spec) == []
    assert {f.check for f in segments(found, spec.model_copy(update={"smallest_segment": 60}))} == {
        "sparse-segment"
    }


def test_a_segment_without_people_stops_the_training_a_crossed_one_does_not():
    found = material()
    male = found.people.codes[:, 1] == 1
    found = found.without(male)
    spec = AuditSpec(segments=("sex", ("sex", "pet")))
    assert told(segments(found, spec)) == [
        ("empty-segment", "blocking"), ("empty-segment", "warning"), ("empty-segment", "warning"),
    ]  # fmt: skip


def test_a_segment_that_the_model_does_not_use_is_warned_of():
    findings = segments(material(attributes=("age",)), AuditSpec(segments=("sex",)))
    assert told(findings) == [("unused-segment", "warning")]
    with pytest.raises(UnknownName, match="Unknown attribute 'shoes'"):
        segments(material(), AuditSpec(segments=("shoes",)))
