from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from audited_survey import SOURCE, battery, material, question
from pydantic import ValidationError

from grounding.privacy.spec import Protection
from personas.answer import Answers
from personas.errors import DataError, DocumentError
from personas.panel import from_columns
from training.audit.audit import CHECKS, NEVER_ALLOWED, audit, refuse
from training.audit.result import Audit
from training.audit.spec import Allowed, AuditSpec

PAGE = Path("reports/own/audit.html")
CONSENT = SOURCE.model_copy(update={"protection": Protection(legal_basis="consent", controller="us")})


def spoilt(**changes):
    """Material with one blocking finding that may be accepted, and a note."""
    return material(sources=(CONSENT,), **changes)


def test_sound_material_passes_without_a_finding():
    result, left_out = audit(material(), AuditSpec())
    assert result.findings == ()
    assert result.passed
    assert not left_out.any()
    assert (result.people, result.people_trained) == (400, 320)
    assert result.answers == int((material().answers.chosen[material().trained] >= 0).sum())
    assert {"new-questions", "empty-segment"} < set(result.skipped)
    refuse(result, PAGE)


def test_the_most_grave_findings_come_first_and_every_check_is_known():
    result = audit(spoilt(seconds=None, attributes=("age",)), AuditSpec(segments=("sex",))).audit
    assert [f.severity for f in result.findings] == sorted(
        (f.severity for f in result.findings), key=["blocking", "warning", "note"].index
    )
    assert {f.check for f in result.findings} == {"consent", "not-recorded", "unused-segment", "speeders"}
    assert all(CHECKS[f.check][0] == f.family for f in result.findings)


def test_a_blocking_finding_is_refused_with_its_remedy_and_the_page():
    result = audit(spoilt(), AuditSpec()).audit
    with pytest.raises(DataError) as refused:
        refuse(result, PAGE)
    message = str(refused.value)
    assert message.startswith("nothing was trained: 1 finding of the audit stops it\n  consent: Source 'own'")
    assert "The whole audit: reports/own/audit.html" in message
    assert "{finding: consent, reason: ...}" in message


def test_a_refusal_names_the_first_people_and_counts_the_others():
    chosen = material().answers.chosen.copy()
    chosen[3:11, 1] = 7
    result, left_out = audit(material(answers=Answers(material().answers.questions, chosen)), AuditSpec())
    assert [f.check for f in result.findings] == ["labels-in-range"]
    assert set(result.skipped) == set(CHECKS) - {"labels-in-range"}
    assert not left_out.any()
    people = "People: person3, person4, person5, person6, person7 and 3 more."
    with pytest.raises(DataError, match=people) as refused:
        refuse(result, PAGE)
    assert "finding:" not in str(refused.value)


def test_an_accepted_finding_stops_nothing_and_keeps_its_reason():
    allow = Allowed(finding="consent", names=("own", "other"), reason=" asked on paper ")
    result = audit(spoilt(), AuditSpec(allow=(allow,))).audit
    assert result.passed
    assert [f.accepted for f in result.findings if f.check == "consent"] == ["asked on paper"]
    elsewhere = allow.model_copy(update={"names": ("other",)})
    assert not audit(spoilt(), AuditSpec(allow=(elsewhere,))).audit.passed


@pytest.mark.parametrize("check", sorted(NEVER_ALLOWED))
def test_what_makes_a_fit_impossible_or_unlawful_cannot_be_accepted(check):
    with pytest.raises(DocumentError, match=f"{check!r} cannot be accepted"):
        audit(material(), AuditSpec(allow=(Allowed(finding=check, reason="please"),)))


def test_an_unknown_finding_or_no_reason_is_refused():
    with pytest.raises(DocumentError, match="unknown finding 'typo'; there are target-questions"):
        audit(material(), AuditSpec(allow=(Allowed(finding="typo", reason="why"),)))
    with pytest.raises(ValidationError, match="say why 'consent' is accepted"):
        Allowed(finding="consent", reason="  ")


def test_who_is_left_out_counts_nowhere_among_those_to_train_on():
    answers = battery(400, 10, seed=2, together=0.3, against=4)
    lines = np.random.default_rng(3).random(400) < 0.3
    answers.chosen[lines] = 1
    found = material(answers=answers)
    assert not audit(found, AuditSpec()).audit.passed
    result, left_out = audit(found, AuditSpec(leave_out=("straight-liners",)))
    assert left_out[lines].mean() > 0.9
    assert result.passed
    assert result.people_left_out == left_out.sum()
    assert result.people_trained == np.sum(found.trained & ~left_out)
    assert result.questions[0].answers == result.people_trained


def test_the_same_material_gives_the_same_audit_and_it_survives_json():
    found = material(answers=battery(400, 10, seed=2), seconds=None)
    first = audit(found, AuditSpec(), seed=4).audit
    assert first == audit(found, AuditSpec(), seed=4).audit
    assert Audit.model_validate_json(first.model_dump_json()) == first


def test_ten_people_with_one_question_all_of_whom_say_the_same_are_refused_in_words():
    people = from_columns([f"p{i}" for i in range(10)], {"sex": ["female", "male"] * 5}, np.ones(10))
    answers = Answers(
        (question("opera", "Do you like opera?", ("yes", "no")),), np.zeros((10, 1), dtype=np.int64)
    )
    found = replace(
        material(), people=people, answers=answers, attributes=("sex",), trained=np.arange(10) < 6,
        seconds=None, kinds={"sex": ("observed",)},
    )  # fmt: skip
    checks = {f.check for f in audit(found, AuditSpec()).audit.blocking}
    assert checks == {"few-people", "few-questions", "few-answers"}


def test_two_hundred_options_and_a_panel_without_questions_or_attributes_are_no_trouble():
    options = tuple(f"brand number {i} of many" for i in range(200))
    chosen = np.arange(400)[:, None] % 200
    many = material(answers=Answers((question("b", "Which brand do you buy?", options, "nominal"),), chosen))
    assert "many-options" in {f.check for f in audit(many, AuditSpec()).audit.findings}
    empty = Answers((), np.empty((400, 0), dtype=np.int64))
    nothing = audit(material(answers=empty, attributes=()), AuditSpec()).audit
    assert {f.check for f in nothing.blocking} == {"few-questions"}
