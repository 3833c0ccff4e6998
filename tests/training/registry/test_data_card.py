"""What the data card says of the law and of the answers."""

from datetime import date

from grounding.privacy.protection import SourceRecord
from grounding.privacy.spec import Protection, SpecialCategories
from training.registry import data_card, data_protection
from training.registry.data_card import DataFacts, Missing

NAMED = Protection(
    controller="Institute",
    legal_basis="consent, Art. 6(1)(a)",
    purpose="surveys",
    retention=date(2030, 1, 31),
)
PERSONAL = SourceRecord(name="wave1", kind="survey", origin="wave1.csv", protection=NAMED, pseudonymised=True)
BARE = SourceRecord(name="wave2", kind="survey", origin="wave2.csv")
ANONYMOUS = SourceRecord(
    name="open", kind="survey", origin="open.csv", protection=Protection(anonymous="public use")
)
FACTS = DataFacts(
    adapter="a", panel="p", population="", sources=(PERSONAL,), provenance=(), attributes=(),
    questions=("q",), questions_held_out=(), people_trained=9, people_held_out=1,
    special=SpecialCategories(), masked={}, audit=None, data="d" * 64,
)  # fmt: skip


def gdpr(*sources: SourceRecord) -> str:
    return "\n".join(data_protection.lines(sources, SpecialCategories()))


def test_what_a_record_of_processing_asks_for_is_named_and_said_to_be_missing_where_it_is() -> None:
    text = gdpr(PERSONAL)
    for article in ("Art. 30(1)(d)", "Art. 30(1)(e)", "Art. 30(1)(f)", "Art. 30(1)(g)", "Art. 13", "Art. 14"):
        assert article in text
    assert "assessment of impact (Art. 35)" in text
    assert "recipients (Art. 30(1)(d)): not recorded" in text
    assert "wave1: 2030-01-31" in text
    assert "ids under pseudonyms throughout" in text
    both = gdpr(PERSONAL, BARE)
    assert "wave1: 2030-01-31; wave2: not recorded" in both
    assert "ids kept as they were in wave2" in both
    assert "wave2: **missing**: controller, legal basis, purpose, retention date" in both


def test_without_personal_data_nothing_is_asked_of_their_processing() -> None:
    for text in (gdpr(), gdpr(ANONYMOUS)):
        assert "Art. 30" not in text
        assert "rights (Art. 15 to 22)" in text
    assert "- no source with personal data" in gdpr()
    assert "- open: recorded as not personal: public use" in gdpr(ANONYMOUS)


def test_the_ai_act_asks_for_literacy_and_for_more_where_weights_were_changed() -> None:
    plain = data_card.text(FACTS)
    assert "AI literacy (Art. 4)" in plain
    assert "none of its weights were changed" in plain
    changed = data_card.text(FACTS._replace(changed_weights=True))
    assert "none of its weights were changed" not in changed
    assert "Art. 53" in changed
    assert "significant modification" in changed


def test_missing_answers_codes_and_weights_are_said() -> None:
    text = data_card.text(FACTS)
    assert "question by question: not recorded" in text
    assert "codes that mean no answer: none given" in text
    assert "- weights: not recorded" in text
    facts = FACTS._replace(
        answering=Missing(14, 0.0, 0.125, 0.5),
        codebook="/home/me/books/own.yaml",
        weighted="design effect 1.2",
    )
    text = data_card.text(facts)
    assert "0.0\u00a0% at least, 12.5\u00a0% in the median, 50.0\u00a0% at most (14 questions of all" in text
    assert "those that codebook own.yaml lists" in text
    assert "/home/me" not in text
    assert "- weights: design effect 1.2" in text
