import json
import re

import pytest
from audited_survey import SOURCE, battery, material, question

from grounding.privacy.spec import Protection
from mirrorpanel.render import audit_page
from mirrorpanel.render.audit_page import PageData
from personas.answer import Answers
from training.audit.audit import audit
from training.audit.spec import Allowed, AuditSpec

DATA = PageData("own-1a2b3c4d", "tastes", "2026-11-21T19:00:00+00:00", "0.1.0")
CONSENT = SOURCE.model_copy(
    update={"name": "<b>own</b>", "protection": Protection(legal_basis="consent", controller="us")}
)


@pytest.fixture(scope="module")
def result():
    answers = battery(400, 10, seed=2, together=0.3, against=4)
    answers.chosen[20:60] = 1
    spec = AuditSpec(segments=("age",), smallest_segment=90, new_questions=(question("n", "Tea?"),))
    return audit(material(answers=answers, sources=(CONSENT,)), spec).audit


def text_of(html):
    return " ".join(re.sub(r"<[^>]+>", " ", html[html.index("<body>") :]).split())


def test_the_page_says_the_verdict_and_every_finding_with_its_people(result):
    page = text_of(audit_page.html(result, DATA))
    assert "The training does not begin: 1 finding stops it" in page
    for finding in result.findings:
        assert (
            " ".join(finding.sentence.replace("'", "&#39;").replace("<", "&lt;").replace(">", "&gt;").split())
            in page
        )
    lines = next(f for f in result.findings if f.check == "straight-liners")
    assert f"{', '.join(lines.people)} and {lines.number - 20} more" in page


def test_the_page_loads_nothing_and_escapes_what_comes_from_the_data(result):
    html = audit_page.html(result, DATA)
    assert not re.search(r"(src|href)=\"(?!#)|@import|url\(", html)
    assert "<b>own</b>" not in html
    assert "&lt;b&gt;own&lt;/b&gt;" in html


def test_what_was_not_looked_at_is_not_said_to_be_in_order():
    sound = audit(material(), AuditSpec()).audit
    page = text_of(audit_page.html(sound, DATA))
    skipped = page[page.index("Nothing to look at:") : page.index("Looked at and in order:")]
    assert "Every segment to serve has people in it." in skipped
    assert "The training may begin: nothing stops it, 0 warnings." in page
    assert page.count("Every segment to serve has people in it.") == 1


def test_the_twin_holds_the_same_for_machines(result, tmp_path):
    page = audit_page.write(result, DATA, tmp_path / "reports")
    twin = json.loads((page.parent / "audit.json").read_text())
    assert twin["passed"] is False
    assert twin["verdict"] == audit_page.verdict(result)
    assert [f["check"] for f in twin["findings"]] == [f.check for f in result.findings]
    assert twin["questions"][0]["answers"] == result.questions[0].answers


def test_a_finding_that_was_accepted_shows_the_reason():
    spec = AuditSpec(allow=(Allowed(finding="consent", reason="asked on paper"),))
    page = text_of(audit_page.html(audit(material(sources=(CONSENT,)), spec).audit, DATA))
    assert "Accepted in the training file: asked on paper" in page
    assert "The training may begin: nothing stops it" in page
    assert "1 finding accepted with a reason" in page


def test_a_page_without_figures_is_a_page_still():
    chosen = material().answers.chosen.copy()
    chosen[3, 1] = 7
    wrong = audit(material(answers=Answers(material().answers.questions, chosen)), AuditSpec()).audit
    page = text_of(audit_page.html(wrong, DATA))
    assert "none of the options" in page
    assert "Looked at and in order" not in page
