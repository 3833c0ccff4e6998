"""The public face: placeholders, places in the original, counts, idempotence."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grounding.privacy import pii
from grounding.privacy.pii import Find, Gate, mask

LETTER = (
    "Sehr geehrte Frau Özdemir, Erstattung bitte auf DE89 3704 0044 0532 0130 00. Tel. 0171 2345678, LG Anna"
)
PARTS = st.sampled_from(
    [
        "Anna Schmidt", "0171 2345678", "anna@firma.de", "DE89370400440532013000", "Herr ", "my name is ",
            ", ",
        " ", "\n", "[name]", "[", "]", "Musterstr. 5, 12345 Bonn", "B-MW 1234", "192.168.1.1",
            "geb. 12.03.1980",
        "\u200b", "٠١٧١", "ａ", "ß", "İ", "é", "4111 1111 1111 1111", "Best, ", "@", " at ", " dot com", "7",
    ]
)  # fmt: skip


def test_each_find_becomes_a_typed_placeholder_and_the_rest_stays():
    masked = mask(LETTER)
    assert masked.text == "Sehr geehrte [name], Erstattung bitte auf [iban]. Tel. [phone], LG [name]"
    assert [f.kind for f in masked.finds] == ["name", "iban", "phone", "name"]


def test_finds_point_into_the_original_text():
    masked = mask(LETTER)
    assert [LETTER[f.start : f.end] for f in masked.finds] == [
        "Frau Özdemir", "DE89 3704 0044 0532 0130 00", "0171 2345678", "Anna",
    ]  # fmt: skip


def test_a_find_never_holds_the_text_that_was_found():
    assert set(Find.__slots__) == {"kind", "start", "end"}
    assert "Anna" not in repr(Gate().__dict__ | {"finds": mask("Anna Schmidt rief an").finds})


def test_a_text_without_personal_data_comes_back_as_it_is():
    text = "Artikel 4006381333931 kostet 19,99 € und kam am 12.03.2024 um 14:30."
    assert mask(text) == pii.Masked(text, ())


@settings(max_examples=150, deadline=None)
@given(st.lists(PARTS, max_size=8).map("".join))
def test_masking_a_masked_text_changes_nothing(text: str):
    once = mask(text)
    again = mask(once.text)
    assert again.text == once.text
    assert again.finds == ()


@settings(max_examples=150, deadline=None)
@given(st.lists(PARTS, max_size=8).map("".join) | st.text(max_size=60))
def test_finds_are_ordered_apart_and_rebuild_the_masked_text(text: str):
    masked = mask(text)
    at, rebuilt = 0, ""
    for find in masked.finds:
        assert find.kind in pii.KINDS
        assert at <= find.start < find.end <= len(text)
        rebuilt += text[at : find.start] + f"[{find.kind}]"
        at = find.end
    assert rebuilt + text[at:] == masked.text


@settings(max_examples=100, deadline=None)
@given(st.text(alphabet=st.characters(), max_size=80))
def test_any_text_passes_the_gate_and_what_comes_out_is_what_mask_says(text: str):
    assert Gate().clean(text, "anywhere") == mask(text).text


def test_the_gate_counts_by_place_and_kind_and_repeats_count_again():
    gate = Gate()
    for _ in range(2):
        gate.clean("Mail an anna@firma.de und max@firma.de", "comment")
    gate.clean("Herr Müller", "questions")
    gate.clean("strongly agree", "options")
    assert {w: dict(k) for w, k in gate.counts.items()} == {"comment": {"email": 4}, "questions": {"name": 1}}
    assert (gate.total, gate.texts) == (5, 4)


def test_counts_that_were_taken_do_not_change_later():
    gate = Gate()
    gate.clean("Herr Müller", "a")
    taken = gate.counts
    gate.clean("Frau Yılmaz", "a")
    assert taken["a"]["name"] == 1
    with pytest.raises(TypeError):
        taken["a"]["name"] = 9  # type: ignore[index]


def test_public_figures_stay_in_a_question_unless_somebody_introduces_herself_so():
    question = "Do you approve of the way Donald Trump handles his job as president?"
    assert mask(question).text == question
    assert mask("My name is Donald Trump.").text == "My name is [name]."


def test_further_public_names_can_be_allowed():
    option = "Other candidate (such as Gary Johnson)"
    assert "[name]" in mask(option).text
    assert mask(option, public_names=("Gary Johnson",)).text == option
    assert Gate(public_names=("Gary Johnson",)).clean(option, "options") == option


class _Pets:
    """A recogniser of somebody else's, which knows one pet."""

    def find(self, text: str) -> list[Find]:
        at = text.find("Wuffi")
        return [Find("pet", at, at + 5)] if at >= 0 else []


def test_a_further_recogniser_stands_behind_the_same_face():
    gate = Gate(recogniser=_Pets())
    assert gate.clean("Wuffi gehört Anna Schmidt", "comment") == "[name] gehört [name]"


def test_a_placeholder_is_no_context_for_what_stands_beside_it():
    assert mask("AB12 CDE and LED 5W 2700K").text == "[licence plate] and LED 5W 2700K"
