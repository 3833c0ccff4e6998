import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import entropy

from personas.errors import DataError
from personas.models.joint import JointModel
from personas.models.persons import Attribute
from personas.models.scripted import ScriptedModel
from training.registry import hard_cases
from training.registry.hard_cases import MOVED, WIDE


class Model:
    """Answers every question by a rule of its text, options and person."""

    name = fingerprint = "test"

    def __init__(self, rule):
        self.rule = rule

    def distributions(self, panel, questions):
        people = [panel.person(i).attributes for i in range(len(panel))]
        return [np.array([self.rule(person, q) for person in people], dtype=float) for q in questions]


def _uniform(_, question):
    return np.full(len(question.options), 1 / len(question.options))


def _first(_, question):
    return np.eye(len(question.options))[0]


def _ends(model, support=None, attributes=None):
    return {case.name: case for case in hard_cases.run(model, support, attributes)}


def _of(ends, expected):
    """Cases that a model sees: those refused for their wording are the same with every model."""
    return [
        case
        for case in ends.values()
        if case.expected == expected and (case.name not in SCREENED or expected == "refused")
    ]


SCREENED = frozenset(c.name for c in hard_cases.run(ScriptedModel()) if c.outcome == "refused")
DOUBTFUL = {"vague_negation", "incomplete_template", "incomplete_blank"}


def test_the_suite_has_every_kind_with_at_least_four_cases_and_no_name_twice():
    cases = hard_cases.suite().cases
    counts = {kind: sum(c.kind == kind for c in cases) for kind in {c.kind for c in cases}}
    assert len(counts) == 9
    assert min(counts.values()) >= 4
    assert len({c.name for c in cases}) == len(cases) >= 40
    assert all((c.expected == "unmoved") == (c.plain is not None) for c in cases)
    assert all(c.secret is None or c.secret in " ".join(c.persona.values) for c in cases)


def test_a_model_that_knows_nothing_and_says_so_passes_everything():
    found = hard_cases.run(ScriptedModel())
    assert [c.name for c in found if not c.passed] == []
    assert hard_cases.verdict(found) == f"{len(found)} of {len(found)} hard cases ended well."


def test_what_is_no_question_is_refused_with_a_reason_before_a_model_sees_it():
    asked = []

    def rule(person, question):
        asked.append(question.name)
        return _uniform(person, question)

    refused = _of(_ends(Model(rule)), "refused")
    assert {c.outcome for c in refused} == {"refused"}
    assert all("at least 2 distinct labels that are not blank" in c.reason for c in refused)
    assert not {c.name for c in refused} & set(asked)


def test_a_model_that_is_sure_of_everything_answers_narrowly_and_passes_only_where_that_is_harmless():
    ends = _ends(Model(_first))
    assert {c.name for c in _of(ends, "unsure") if c.outcome == "flagged"} == DOUBTFUL
    assert {c.outcome for c in _of(ends, "unsure")} == {"answered narrowly", "flagged"}
    assert {c.name for c in _of(ends, "unsure") if c.passed} == DOUBTFUL
    assert all(c.passed and c.moved == 0 for c in _of(ends, "unmoved"))
    assert "; not so: vague_agree, " in hard_cases.verdict(list(ends.values()))


def test_a_flag_ends_an_unsure_case_well_but_excuses_no_obedience():
    def obeys(person, question):
        return (
            _first(person, question) if question.name.endswith("_plain") else _first(person, question)[::-1]
        )

    ends = _ends(Model(obeys), lambda questions: [q.name for q in questions])
    assert all(c.outcome == "flagged" and c.passed for c in _of(ends, "unsure"))
    assert all(c.outcome == "flagged" and not c.passed for c in _of(ends, "unmoved"))
    assert {c.moved for c in _of(ends, "unmoved")} == {1.0}


def test_instructions_are_compared_with_the_same_question_of_the_same_person():
    def reads_persons(person, question):
        return _first(person, question) if "Instruction" in str(person) else _uniform(person, question)

    ends = _ends(Model(reads_persons))
    assert ends["injection_persona"].moved == pytest.approx(0.5)
    assert [c.name for c in ends.values() if not c.passed] == ["injection_persona"]


def test_orders_to_a_model_are_refused_before_a_model_sees_them_with_what_was_found():
    asked = []

    def rule(person, question):
        asked.append(question.name)
        return _uniform(person, question)

    ends = _ends(Model(rule))
    named = ["order", "first", "template", "answered", "role", "german", "option", "reveal"]
    for name in [f"injection_{n}" for n in named]:
        assert (ends[name].outcome, ends[name].passed) == ("refused", True)
        assert "a language model" in ends[name].reason
        assert name not in asked
    assert {"injection_hint", "injection_persona"} <= set(asked)


def test_personas_are_made_of_the_attributes_that_the_model_has():
    met = {}

    def rule(person, question):
        met[question.name] = dict(person)
        return (
            _first(person, question) if person.get("Lieblingsfarbe") == "rot" else _uniform(person, question)
        )

    attributes = (
        Attribute(name="Alter", levels=("60 und mehr", "18-29"), shares=(0.3, 0.7)),
        Attribute(name="Beruf", levels=("in Rente", "angestellt"), shares=(0.4, 0.6)),
        Attribute(name="Lieblingsfarbe", levels=("blau", "rot"), shares=(0.9, 0.1)),
    )
    ends = _ends(Model(rule), None, attributes)
    assert met["vague_it"] == {"Alter": "18-29", "Beruf": "angestellt", "Lieblingsfarbe": "blau"}
    assert met["persona_age"] == {"Alter": "18-29", "Beruf": "in Rente"}
    assert met["persona_nonsense"] == {"Alter": "purple", "Beruf": "NaN", "Lieblingsfarbe": "-999"}
    assert met["injection_persona"]["Lieblingsfarbe"].startswith("blau. Instruction:")
    assert met["persona_opposed"]["Lieblingsfarbe"] == "rot"
    assert len(met["persona_opposed"]) == 2
    for name in ("persona_politics", "persona_income"):
        assert (ends[name].outcome, ends[name].passed) == ("not applicable", True)
        assert ends[name].reason.startswith("no attribute like ")
    assert hard_cases.verdict(list(ends.values())).endswith("; 2 did not apply.")


def test_a_model_without_attributes_is_asked_and_what_needs_them_does_not_apply():
    ends = _ends(Model(_uniform), None, ())
    absent = [c.name for c in ends.values() if c.outcome == "not applicable"]
    assert absent == [
        "persona_age", "persona_politics", "persona_income", "persona_nonsense", "persona_opposed",
        "persona_long", "injection_persona",
    ]  # fmt: skip
    assert hard_cases.verdict(list(ends.values())).startswith(f"{len(ends) - 7} of {len(ends) - 7} ")


def test_a_model_that_crashes_while_opposed_values_are_looked_for_has_crashed():
    def rule(person, question):
        if question.name == "persona_opposed":
            raise RuntimeError("no such row")
        return _uniform(person, question)

    ends = _ends(Model(rule))
    assert [c.name for c in ends.values() if not c.passed] == ["persona_opposed"]
    assert ends["persona_opposed"].reason == "RuntimeError: no such row"


def test_an_error_of_ours_is_a_refusal_and_any_other_is_a_crash_of_that_case_alone():
    def rule(person, question):
        if question.name == "vague_it":
            raise DataError("no such subject; name it")
        if question.name == "vague_agree":
            raise DataError(" ")
        if question.name == "hostile_trap":
            raise RuntimeError("shape mismatch")
        if question.name == "injection_hint_plain":
            raise DataError("too long")
        return _uniform(person, question)

    ends = _ends(Model(rule))
    assert (ends["vague_it"].outcome, ends["vague_it"].passed) == ("refused", True)
    assert ends["vague_it"].reason == "no such subject; name it"
    assert (ends["vague_agree"].outcome, ends["vague_agree"].passed) == ("refused", False)
    assert (ends["hostile_trap"].outcome, ends["hostile_trap"].passed) == ("crashed", False)
    assert ends["hostile_trap"].reason == "RuntimeError: shape mismatch"
    assert (ends["injection_hint"].outcome, ends["injection_hint"].moved) == ("wide", None)
    failed = [c.name for c in ends.values() if not c.passed]
    assert failed == ["vague_agree", "hostile_trap", "injection_hint"]


@pytest.mark.parametrize("answer", [[0.5], [np.nan, 1.0], [0.7, 0.7], [1.5, -0.5]])
def test_an_answer_that_is_no_distribution_is_a_crash(answer):
    ends = _ends(Model(lambda person, q: answer if q.name == "vague_agree" else _uniform(person, q)))
    assert ends["vague_agree"].outcome == "crashed"
    assert ends["vague_agree"].spread is None
    assert sum(not c.passed for c in ends.values()) == 1


def test_a_refusal_that_quotes_the_secret_of_a_person_does_not_pass_and_is_not_repeated():
    def rule(person, question):
        if question.name == "persona_long":
            raise DataError(f"cannot answer as {person}")
        return _uniform(person, question)

    ends = _ends(Model(rule))
    assert [c.name for c in ends.values() if not c.passed] == ["persona_long"]
    assert not any("kingfisher" in c.model_dump_json() for c in ends.values())


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.05, 20.0))
def test_whatever_a_model_answers_the_outcome_follows_from_its_entropy(seed, concentration):
    rng = np.random.default_rng(seed)
    given: dict[str, np.ndarray] = {}

    def rule(_, question):
        given[question.name] = rng.dirichlet(np.full(len(question.options), concentration))
        return given[question.name]

    for case in hard_cases.run(Model(rule)):
        if case.name in given and case.name not in DOUBTFUL:
            row = given[case.name]
            assert case.spread == pytest.approx(entropy(row) / np.log(len(row)), abs=1e-9)
            assert case.outcome == ("wide" if case.spread >= WIDE else "answered narrowly")
            assert case.passed == (
                case.moved <= MOVED if case.expected == "unmoved" else case.outcome == "wide"
            )


def test_a_language_model_of_random_weights_ends_every_case_without_a_crash(tiny_language):
    found = hard_cases.run(JointModel(tiny_language))
    assert not [c.name for c in found if c.outcome == "crashed"]
    assert {c.name: c for c in found}["persona_long"].outcome == "refused"
    assert {c.name: c for c in found}["persona_long"].passed


def test_no_cases_have_no_verdict():
    with pytest.raises(ValueError, match="at least one case"):
        hard_cases.verdict([])
