import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference_data
from grounding.sources import codebook
from grounding.sources.codebook import Codebook, Recode, canonical
from personas import document
from personas.errors import DocumentError, UnknownName
from personas.panel import UNKNOWN
from personas.question import Question

BOOK = """source: a survey
questions:
  - name: parks
    text: Too much or too little on parks?
    options: {too little: 1, about right: [0, 2], too much: -1}
  - {name: party, column: q2, text: "Which party?", scale: nominal, options: [red, blue]}
"""


def parse(text: str) -> Codebook:
    return document.parse(text, Codebook, "book.yaml")


@given(st.integers(-(10**20), 10**20))
def test_one_number_has_one_form_however_it_is_written(number):
    forms = [f"{number}", f"{number}.0", f" {number}.", f"{number}.000 "]
    assert {canonical(f) for f in forms} == {str(number)}


@pytest.mark.parametrize(
    ("written", "form"),
    [("-0", "0"), ("0.50", "0.5"), (".5", "0.5"), ("100", "100"), ("1e9999999", "1e9999999"), ("7a", "7a")],
)
def test_canonical_forms(written, form):
    assert canonical(written) == form


def test_options_map_labels_to_codes_in_the_order_of_the_scale():
    parks, party = parse(BOOK).questions
    assert parks.options == ("too little", "about right", "too much")
    assert parks.codes == (("1",), ("0", "2"), ("-1",))
    assert party.codes == (("red",), ("blue",))
    assert party.column == "q2"


def test_a_coded_question_asks_what_the_plain_question_asks():
    coded = parse(BOOK).questions[0]
    plain = Question(name="parks", text=coded.text, options=coded.options)
    assert coded.question == plain
    assert coded.fingerprint == plain.fingerprint


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "[0, 2]",
            "[0, 1.0]",
            "book.yaml:3: questions.0: code '1' is listed under 'too little' and under",
        ),
        ("[0, 2]", "[0, 0]", "code '0' is listed under 'about right' twice"),
        ("[0, 2]", "[]", "'about right' lists no code"),
        ("[red, blue]", "[yes, no]", "put words like yes, no, on, off into quotes"),
        ("[red, blue]", "[red, red]", "options must be at least 2 distinct labels"),
        ("[red, blue]", "red", "questions.1.options"),
        ("name: party", "name: parks", "question 'parks' stands twice"),
        ("scale: nominal", "codes: [1]", "'codes' is not a key here"),
        (
            "scale: nominal",
            "scale: interval",
            "book.yaml:6: questions.1.scale: Input should be 'ordinal' or 'nominal'",
        ),
        ("scale: nominal", "colum: q", "questions.1.colum: unknown key 'colum' (did you mean 'column'?)"),
    ],
)
def test_a_codebook_that_cannot_be_used_is_refused_with_its_line(old, new, expected):
    with pytest.raises(DocumentError) as caught:
        parse(BOOK.replace(old, new))
    assert expected in str(caught.value)


def recode(text: str) -> Recode:
    return document.parse(text, Recode, "grounding.yaml")


def test_recodes_find_labels_missing_codes_and_strangers():
    values = recode("{column: sex, values: {male: 0, female: [1, 2]}, missing: [9]}").lookup()
    assert [values(v) for v in ("0", "2.0", "9", "3", "male")] == [0, 1, UNKNOWN, None, None]
    bins = recode("{column: age, bins: {young: [18, 39.5], old: [40, 120]}, missing: [-1]}").lookup()
    assert [bins(v) for v in ("18", "39.5", "39.9", "120", "-1", "old")] == [0, 0, None, 1, UNKNOWN, None]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "column: a\nbins: {young: [18, 40], old: [40, 120]}",
            "grounding.yaml:2: bins: bins 'young' and 'old' overlap at 40",
        ),
        ("column: a\nbins: {old: [40, 18]}", "bin 'old' runs from 40 to 18"),
        (
            "column: a\nvalues: {x: [1, 2], y: 2.0}",
            "grounding.yaml:2: values: code '2' is listed under 'x' and under 'y'",
        ),
        ("column: a\nvalues: {x: 1}\nbins: {y: [1, 2]}", "give values or bins, not both"),
        ("column: a\nvalues: {x: 1}\nmissing: 1.0", "code '1' is listed under 'x' and under 'missing'"),
        ("column: a\nvalues: {x: yes}", "put words like yes"),
        ("column: a\nbinz: {}", "grounding.yaml:2: binz: unknown key 'binz' (did you mean 'bins'?)"),
    ],
)
def test_a_recode_that_contradicts_itself_is_refused_with_its_line(text, expected):
    with pytest.raises(DocumentError) as caught:
        recode(text)
    assert expected in str(caught.value)


def test_codebooks_are_found_by_name_or_beside_the_grounding_file(tmp_path):
    assert codebook.locate("own.yaml", tmp_path) == tmp_path / "own.yaml"
    for name in reference_data.codebook_names():
        assert codebook.load(codebook.locate(name, tmp_path)).questions
    with pytest.raises(UnknownName, match="'gss_spending', 'a path ending in"):
        codebook.locate("gss", tmp_path)
