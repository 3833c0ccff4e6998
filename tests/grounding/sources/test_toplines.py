import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from grounding.sources import toplines
from grounding.sources.toplines_spec import Toplines
from personas import document
from personas.errors import DataError, DocumentError
from personas.question import Question

TEXT = """source: Example Institute, Hot Drinks Report 2025
licence: all rights reserved, figures quoted
population: adults in Germany
field_start: 2025-03-03
field_end: 2025-03-14
n: 1000
weighted: true
design_effect: 1.25
no_answer: [don't know]
questions:
  - name: coffee
    text: How often do you drink coffee?
    options: [daily, less often, never, don't know]
    total: {shares: {daily: 61, never: 13, less often: 23, don't know: 4}}
    segments:
      sex:
        female: {n: 512, shares: [63, 23, 12, 2]}
        male: {n: 488, shares: [59, 23, 14, 4]}
  - name: organic
    text: Do you buy organic food?
    options: ["yes", "no"]
    scale: nominal
    total: {n: 800, shares: [43, 57]}
"""


def study(text: str = TEXT) -> Toplines:
    return document.parse(text, Toplines, "study.yaml")


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return path


def test_shares_are_those_of_people_who_answered(tmp_path: Path) -> None:
    found = toplines.read(written(tmp_path, TEXT))
    coffee = found.questions[0]
    assert found.asked(coffee).options == ("daily", "less often", "never")
    # 61, 23 and 13 of 97; they sum to 101 with the don't knows, which rounding explains.
    np.testing.assert_allclose(
        found.distribution(coffee, coffee.total), np.array([61, 23, 13]) / 97, rtol=1e-12
    )
    assert found.effective_base(coffee, coffee.total) == pytest.approx(1000 * 97 / 101 / 1.25)
    assert list(coffee.tables) == [None, ("sex", "female"), ("sex", "male")]
    assert found.notes == ()


def test_weighted_shares_without_a_design_effect_are_noted() -> None:
    assert "taken for more precise than they are" in study(TEXT.replace("design_effect: 1.25\n", "")).notes[0]
    plain = TEXT.replace("design_effect: 1.25\n", "").replace("weighted: true", "weighted: false")
    assert study(plain).notes == ()


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (
            "[63, 23, 12, 2]",
            "[63, 23, 12, 7]",
            "study.yaml:17: coffee, sex: female: shares sum to 105, not to 100",
        ),
        (
            "[43, 57]",
            "[43, 47]",
            "study.yaml:23: organic, total: shares sum to 90, not to 100 within rounding (up",
        ),
        ("n: 512", "n: 5120", "study.yaml:17: coffee, sex: female: n is 5120, more than the study's 1000"),
        ("{n: 512, shares", "{shares", "sex: female: give n, the number of people in the segment"),
        ("[63, 23, 12, 2]", "[63, 23, 14]", "sex: female: 3 shares for 4 options; give one for each option"),
        ("daily: 61,", "", "total: no share for option 'daily'"),
        ("daily: 61,", "dayly: 61,", "total: share of 'dayly', which is no option; there are daily"),
        ("[don't know]", "[no answer]", "no_answer names 'no answer', which is no option of any question"),
        ("[don't know]", "[don't know, 'no']", "organic: fewer than 2 options are left beside no_answer"),
        ("field_end: 2025-03-14", "field_end: 2025-02-14", "fieldwork ends before it starts, on 2025-03-03"),
        ("name: organic", "name: coffee", "study.yaml:10: questions: question 'coffee' stands twice"),
        ("source: Example", "sauce: Example", "unknown key 'sauce' (did you mean 'source'?)"),
        ("[43, 57]", "[-3, 103]", "greater than or equal to 0"),
        ("design_effect: 1.25", "design_effect: 0.8", "greater than or equal to 1"),
        ("weighted: true\n", "", "weighted: required key is missing"),
    ],
)
def test_a_study_that_cannot_be_right_is_refused_with_its_line(
    tmp_path: Path, old: str, new: str, expected: str
) -> None:
    assert old in TEXT
    with pytest.raises(DocumentError) as caught:
        toplines.read(written(tmp_path, TEXT.replace(old, new)))
    assert expected in str(caught.value)
    assert "study.yaml:" in str(caught.value)


def test_fractions_and_finer_rounding_are_read_as_stated(tmp_path: Path) -> None:
    text = TEXT.replace("weighted: true", "weighted: true\nunit: fraction\nrounding: 0.001")
    for old, new in {
        "61, never: 13, less often: 23, don't know: 4": ".61, never: .13, less often: .22, don't know: .04",
        "[63, 23, 12, 2]": "[.63, .23, .12, .02]",
        "[59, 23, 14, 4]": "[.59, .23, .14, .04]",
        "[43, 57]": "[.43, .57]",
    }.items():
        text = text.replace(old, new)
    found = toplines.read(written(tmp_path, text))
    assert found.distribution(found.questions[1], found.questions[1].total).tolist() == [0.43, 0.57]
    with pytest.raises(
        DocumentError, match=r"shares sum to 0\.99, not to 1 within rounding \(up to 0\.001 off"
    ):
        toplines.read(written(tmp_path, text.replace("[.43, .57]", "[.42, .57]")))


@given(st.lists(st.integers(1, 10_000), min_size=2, max_size=9))
def test_shares_that_were_rounded_are_never_refused(counts: list[int]) -> None:
    shares = [round(100 * c / sum(counts)) for c in counts]
    options = [f"option {i}" for i in range(len(counts))]
    question = {"name": "q", "text": "?", "options": options, "total": {"shares": shares}}
    head = {"source": "s", "population": "p", "field_start": "2025-01-01", "field_end": "2025-01-02"}
    made = Toplines.model_validate({**head, "n": 100, "weighted": False, "questions": [question]})
    assert list(made.problems()) == []


# --- Excel --------------------------------------------------------------------------------------------------


def sheet(tmp_path: Path, edits: dict[str, object] | None = None, name: str = "toplines") -> Path:
    """The template with some cells changed."""
    import openpyxl

    path = tmp_path / "study.xlsx"
    path.unlink(missing_ok=True)
    toplines.template(path)
    book = openpyxl.load_workbook(path)
    for cell, value in (edits or {}).items():
        book[name][cell] = value
    book.save(path)
    book.close()
    return path


def test_the_template_is_a_workbook_that_can_be_read(tmp_path: Path) -> None:
    found = toplines.read(sheet(tmp_path))
    coffee = found.questions[0]
    assert (found.n, found.weighted, found.design_effect, found.no_answer) == (
        1004,
        True,
        1.3,
        ("don't know",),
    )
    assert coffee.options == ("daily", "less often", "never", "don't know")
    assert coffee.total.shares == (61, 24, 13, 2)
    assert coffee.segments["sex"]["female"].n == 512
    with pytest.raises(DataError, match=r"study\.xlsx: there is a file already"):
        toplines.template(tmp_path / "study.xlsx")


def test_excel_and_yaml_give_the_same_toplines(tmp_path: Path) -> None:
    yaml = """source: Example Institute, Hot Drinks Report 2025, tables 3 and 4
licence: all rights reserved, figures quoted
population: adults aged 18 and over in Germany
field_start: 2025-03-03
field_end: 2025-03-14
n: 1004
weighted: true
design_effect: 1.3
unit: percent
rounding: 1
no_answer: [don't know]
questions:
  - name: coffee
    text: How often do you drink coffee?
    options: [daily, less often, never, don't know]
    scale: ordinal
    total: {n: 1004, shares: [61, 24, 13, 2]}
    segments: {sex: {female: {n: 512, shares: [63, 23, 12, 2]}}}
"""
    assert toplines.read(written(tmp_path, yaml)) == toplines.read(sheet(tmp_path))


@pytest.mark.parametrize(
    ("name", "edits", "expected"),
    [
        ("toplines", {"E6": 70}, "sheet 'toplines', row 6: coffee, sex: female: shares sum to 107"),
        ("toplines", {"E2": "many"}, "sheet 'toplines', row 2: column 'share': 'many' is no number"),
        ("toplines", {"C3": "daily"}, "row 3: option 'daily' of 'coffee' stands twice for total"),
        ("toplines", {"C4": None}, "row 4: column 'option' is empty"),
        (
            "toplines",
            {"D6": "women"},
            "row 6: segment 'women' is neither 'total' nor an attribute and a value",
        ),
        ("toplines", {"B4": "Tea?"}, "row 4: question 'coffee' has another text in row 2"),
        ("toplines", {"F3": 1003}, "row 3: n is 1003, and 1004 in another row of the same segment"),
        ("toplines", {"F6": None}, "row 2: sex: female: give n, the number of people in the segment"),
        ("toplines", {"C9": "unsure"}, "row 2: sex: female: share of 'unsure', which is no option"),
        ("toplines", {"E1": "percent"}, "sheet 'toplines' has no column 'share'; it has question, text"),
        ("source", {"B8": "maybe"}, "sheet 'source', row 8: weighted is 'maybe'; write yes or no"),
        ("source", {"B7": "many"}, "sheet 'source', row 7: Input should be a valid integer"),
        ("source", {"A2": "sauce"}, "sheet 'source', row 2: unknown key 'sauce'; allowed: source, licence"),
        ("source", {"A7": None}, "sheet 'source': key 'n' is missing"),
    ],
)
def test_a_workbook_that_cannot_be_right_is_refused_with_sheet_and_row(
    tmp_path: Path, name: str, edits: dict[str, object], expected: str
) -> None:
    with pytest.raises(DataError) as caught:
        toplines.read(sheet(tmp_path, edits, name))
    assert expected in str(caught.value)
    assert "study.xlsx: sheet" in str(caught.value)


def test_toplines_in_another_kind_of_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=re.escape("read from .yaml, .yml, .xlsx or .xlsm, not .pdf")):
        toplines.read(tmp_path / "report.pdf")
    with pytest.raises(DocumentError, match="no such file"):
        toplines.read(tmp_path / "nothing.yaml")


# --- the same question --------------------------------------------------------------------------------------


def asked(name: str, text: str, *options: str) -> Question:
    return Question(name=name, text=text, options=options)


def test_anchors_have_the_options_in_the_order_of_the_panels_question() -> None:
    found = toplines.anchors(
        study(),
        [
            asked("q7", "Do you  buy ORGANIC food?", "No", "Yes"),
            asked("coffee", "Coffee: how often?", "never", "less often", "daily"),
        ],
    )
    coffee, organic = found.anchors
    assert (organic.question, organic.n_effective) == ("q7", 800 / 1.25)
    assert organic.shares.tolist() == pytest.approx([0.57, 0.43])
    assert coffee.shares.tolist() == pytest.approx([13 / 97, 23 / 97, 61 / 97])
    assert coffee.source == "Example Institute, Hot Drinks Report 2025"
    assert found.unused == ()
    assert found.reworded == ("coffee",)


def test_published_questions_that_are_no_question_of_the_panel_say_why() -> None:
    found = toplines.anchors(study(), [asked("coffee", "How often?", "daily", "seldom", "never")])
    assert found.anchors == ()
    reasons = {u.question: u.reason for u in found.unused}
    assert reasons["organic"] == "no question has this name, or this text and these options"
    assert reasons["coffee"] == (
        "its options are not those of question 'coffee': the study also has 'less often' and the study lacks "
        "'seldom'; options that mean no answer go under no_answer"
    )


def test_the_text_counts_more_than_a_name_that_happens_to_be_the_same() -> None:
    questions = [
        asked("organic", "Is organic food healthy?", "yes", "no"),
        asked("q2", "Do you buy organic food?", "yes", "no"),
    ]
    assert [a.question for a in toplines.anchors(study(), questions).anchors] == ["q2"]


def test_a_question_is_anchored_once_by_a_study() -> None:
    again = TEXT + TEXT[TEXT.index("  - name: organic") :].replace("name: organic", "name: organic again")
    found = toplines.anchors(study(again), [asked("organic", "Do you buy organic food?", "yes", "no")])
    assert len(found.anchors) == 1
    assert found.unused[-1].reason == "question 'organic' already has the shares of 'organic'"


def test_merged_cells_are_refused_with_the_place_of_the_cells(tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.load_workbook(sheet(tmp_path))
    book["toplines"].merge_cells("A2:A9")
    book.save(tmp_path / "study.xlsx")
    book.close()
    with pytest.raises(DataError, match=r"cells A2:A9 below the header are merged.*undo the merge"):
        toplines.read(tmp_path / "study.xlsx")


@pytest.mark.parametrize(
    ("edits", "unit", "expected"),
    [
        ({}, "fraction", "they look like per cent: write 'unit: percent', or give them in fractions of 1"),
        (
            {f"E{row}": share for row, share in enumerate((0.61, 0.24, 0.13, 0.02), start=2)},
            "percent",
            "they look like fractions of 1: write 'unit: fraction', or give them in per cent",
        ),
    ],
)
def test_shares_in_the_other_unit_are_told_apart_from_shares_that_are_missing(
    tmp_path: Path, edits: dict[str, object], unit: str, expected: str
) -> None:
    import openpyxl

    path = sheet(tmp_path, edits)
    book = openpyxl.load_workbook(path)
    about = book["source"]
    row = next(r for r in range(1, 20) if about[f"A{r}"].value == "unit")
    about[f"B{row}"] = unit
    about[f"B{row + 1}"] = 1 if unit == "percent" else 0.01
    book.save(path)
    book.close()
    with pytest.raises(DataError, match=expected):
        toplines.read(path)


def test_a_study_says_in_words_what_of_it_can_be_used(tmp_path: Path) -> None:
    found = toplines.read(sheet(tmp_path))
    coffee = Question(
        name="coffee", text="How often do you drink coffee?", options=("daily", "less often", "never")
    )
    lines = toplines.sentences(found, True, [coffee], {"sex": ("female", "male")})
    assert lines[1] == "It is an anchor of the prior of 1 of the panel's questions: coffee."
    assert len(lines) == 2
    lines = toplines.sentences(found, False, [], {})
    assert lines[1:] == (
        "It is no anchor, only a validation target, of 0 of the panel's questions: none.",
        "Published, but not used: coffee (no question has this name, or this text and these options).",
    )
    (*_, last) = toplines.sentences(found, True, [coffee], {"sex": ("male",)})
    assert last == "Segments that the panel does not have, and that stay unused: sex: female."
