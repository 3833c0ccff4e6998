"""Look-alike characters and the way back to the original."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from grounding.privacy.pii import mask
from grounding.privacy.pii_folding import fold


def test_plain_ascii_needs_no_map():
    folded = fold("Anna 0171")
    assert folded.text == "Anna 0171"
    assert folded.original(5, 9) == (5, 9)


def test_look_alikes_digits_of_other_scripts_and_invisible_characters_fold():
    assert fold("ａｎｎａ＠ｗｅｂ．ｄｅ").text == "anna@web.de"
    assert fold("аnnа").text == "anna"
    assert fold("٠١٧١").text == "0171"
    assert fold("1️⃣2️⃣").text == "12"
    assert fold("M\u00adü\u200bller").text == "Müller"
    assert fold("Mu\u0308ller").text == "Müller"
    assert fold("12\u00a034\u201156").text == "12 34-56"


def test_places_lead_back_to_the_original():
    text = "x \u200bMu\u0308ller y"
    folded = fold(text)
    at = folded.text.index("Müller")
    start, end = folded.original(at, at + 6)
    assert text[start:end].replace("\u200b", "") == "Mu\u0308ller"


@given(st.text(max_size=60))
def test_the_map_is_monotone_and_within_the_text(text: str):
    folded = fold(text)
    spans = [folded.original(i, i + 1) for i in range(len(folded.text))]
    assert all(0 <= a < b <= len(text) for a, b in spans)
    assert all(p[0] <= q[0] and p[1] <= q[1] for p, q in pairwise(spans))


def test_html_entities_are_read_as_what_they_show_and_masked_whole():
    assert mask("f&#46;becker&#64;firma&#46;de bitte").text == "[email] bitte"
    assert mask("Weserstra&szlig;e 201, 12047 Berlin").text == "[postal address]"
    assert mask("+49&nbsp;30&nbsp;123456 im Büro").text == "[phone] im Büro"
    assert mask("R&D; AT&T; Marks &amp; Spencer").finds == ()
