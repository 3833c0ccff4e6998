import csv
import json
from pathlib import Path

import pytest

from grounding.sources import qualtrics, reading
from grounding.sources.place import Place
from personas.errors import DataError

EXPERIMENTS = Path(__file__).parents[3].parent / "shared" / "data" / "twin_megastudy"
# Rows below the three header rows, counted with Python's csv module.
PEOPLE = {
    "consumer_minimalism": 200,
    "infotainment": 300,
    "preference_redistribution": 1198,
    "privacy": 1200,
    "recommendation_algorithms": 598,
    "targeting_fairness": 357,
}


def _element(**payload: object) -> dict[str, object]:
    return {"Element": "SQ", "Payload": payload}


QUESTIONS = [
    _element(
        QuestionID="QID1",
        DataExportTag="Q1",
        QuestionType="MC",
        Selector="SAVR",
        QuestionText="<div>Do you <b>like</b>&nbsp;${e://Field/brand}?<br>Say so.</div><style>p {}</style>",
        Choices={"4": {"Display": "Yes"}, "5": {"Display": "<i>No</i>"}, "6": {"Display": "Don&#39;t know"}},
        ChoiceOrder=["5", "4", 6],
        RecodeValues={"4": "1", "5": 0, "6": "-9"},
        VariableNaming={"6": "No idea"},
    ),
    _element(
        QuestionID="QID2",
        DataExportTag="Q2",
        QuestionType="MC",
        Selector="MAVR",
        QuestionText="Which?",
        Choices={"1": {"Display": "Red"}, "2": {"Display": "Blue"}},
        ChoiceOrder=[2, 1],
    ),
    _element(
        QuestionID="QID3",
        DataExportTag="Q3",
        QuestionType="Matrix",
        Selector="Likert",
        SubSelector="SingleAnswer",
        QuestionText="How much do you agree?",
        Choices={"11": {"Display": "It is cheap"}, "7": {"Display": "It is good"}},
        ChoiceOrder=["7", "11"],
        Answers={"11": {"Display": "Agree"}, "12": {"Display": "Disagree"}},
        AnswerOrder=["12", "11"],
        RecodeValues={"11": "5", "12": "1"},
    ),
    _element(
        QuestionID="QID4",
        DataExportTag="Q4",
        QuestionType="TE",
        Selector="SL",
        QuestionText="Why?",
        Choices=[],
    ),
    _element(QuestionID="QID5", DataExportTag="Q5", QuestionType="Timing", QuestionText="Timing"),
]
HEADER = ["ResponseId", "Q1", "Q2_1", "Q2_2", "Q3_1", "Q3_2", "Q4", "Q5_Page Submit", "FL_1_DO"]
TEXTS = [
    "Response ID",
    "Do you",
    "Which? - Red",
    "Which? - Blue",
    "a",
    "b",
    "Why?",
    "Timing - Page Submit",
    "FL",
]
IDS = [
    {"ImportId": "_recordId"},
    {"ImportId": "QID1"},
    {"ImportId": "QID2", "choiceId": "1"},
    {"ImportId": "QID2", "choiceId": "2"},
    {"ImportId": "QID3_7"},
    {"ImportId": "QID3_11"},
    {"ImportId": "QID4_TEXT"},
    {"ImportId": "QID5_PAGE_SUBMIT"},
    {"ImportId": "FL_1_DO"},
]
ROWS = [
    ["R_1", "1", "1", "", "5", "1", "so, what", "3.5", "1"],
    ["R_2", "-9", "", "1", "", "5", "", "4", "2"],
]


@pytest.fixture
def export(tmp_path):
    def write(*, further: bool = True, definition: bool = True) -> Place:
        path, survey = tmp_path / "response.csv", tmp_path / "survey.qsf"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(HEADER)
            if further:
                writer.writerows([TEXTS, [json.dumps(i) for i in IDS]])
            writer.writerows(ROWS)
        survey.write_text(json.dumps({"SurveyElements": [{"Element": "BL", "Payload": {}}, *QUESTIONS]}))
        return Place(path=path, definition=survey if definition else None)

    return write


def test_the_survey_file_gives_texts_labels_and_sets(export):
    table = reading.read(export())
    assert len(table) == 2
    assert list(table.lines) == [4, 5]
    assert table.variables["Q1"].text == "Do you like [Field-brand]? Say so."
    assert list(table.variables["Q1"].labels.items()) == [("0", "No"), ("1", "Yes"), ("-9", "No idea")]
    assert table.variables["Q3_1"].text == "How much do you agree? - It is good"
    assert table.variables["Q3_2"].text == "How much do you agree? - It is cheap"
    assert list(table.variables["Q3_1"].labels.items()) == [("1", "Disagree"), ("5", "Agree")]
    assert table.variables["Q2_2"].labels == {"1": "Blue"}
    assert table.variables["Q4"].text == "Why?"
    assert table.variables["Q4"].labels == {}
    assert table.variables["Q5_Page Submit"].kind == "number"
    (found,) = table.sets
    assert (found.name, found.text, found.columns, found.chosen) == ("Q2", "Which?", ("Q2_1", "Q2_2"), "1")


def test_columns_are_known_by_their_names_where_further_header_rows_are_missing(export):
    with_ids, by_name = reading.read(export()), reading.read(export(further=False))
    for column in ("Q1", "Q2_1", "Q2_2", "Q3_1", "Q3_2"):
        assert by_name.variables[column] == with_ids.variables[column]
    assert by_name.sets == with_ids.sets
    assert list(by_name.lines) == [2, 3]


def test_three_header_rows_are_known_without_a_survey_file(export):
    table = reading.read(export(definition=False))
    assert table.columns["Q1"] == ("1", "-9")
    assert table.variables["Q2_1"].text == "Which? - Red"
    assert table.sets[0].columns == ("Q2_1", "Q2_2")
    assert table.sets[0].text == "Which?"


def test_sets_are_cut_down_to_the_columns_read(export):
    assert reading.read(export(), ["Q2_2", "Q1"]).sets[0].columns == ("Q2_2",)


def test_a_survey_file_that_is_none_is_refused(export, tmp_path):
    place = export()
    (tmp_path / "survey.qsf").write_text('{"SurveyEntry": {}}')
    with pytest.raises(
        DataError, match=r"survey.qsf: not a Qualtrics survey file \(KeyError: 'SurveyElements'\)"
    ):
        reading.read(place)
    (tmp_path / "survey.qsf").unlink()
    with pytest.raises(DataError, match=r"survey.qsf: no such file"):
        reading.read(place)


def test_a_survey_file_for_another_format_is_refused(tmp_path):
    (tmp_path / "people.parquet").write_bytes(b"PAR1")
    with pytest.raises(DataError, match=r"'definition' describes a Qualtrics CSV export, not \.parquet"):
        reading.read(Place(path=tmp_path / "people.parquet", definition=tmp_path / "survey.qsf"))


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<b>Do you use</b>&nbsp;${lm://Field/1}?", "Do you use [Field-1]?"),
        ("a < b &amp; c", "a < b & c"),
        ("one<br/>two<p>three</p>four", "one two three four"),
        (
            "because of ${q://QID9/ChoiceGroup/SelectedAnswers}",
            "because of [QID9-ChoiceGroup-SelectedAnswers]",
        ),
    ],
)
def test_question_texts_are_plain(html, text):
    assert qualtrics.plain(html) == text


@pytest.mark.parametrize("name", PEOPLE)
def test_every_answer_of_the_experiments_has_the_label_of_an_option(name):
    folder = EXPERIMENTS / name
    if not folder.is_dir():
        pytest.skip("the twin megastudy is not beside the project")
    table = reading.read(Place(path=folder / "response.csv", definition=folder / "survey.qsf"))
    assert len(table) == PEOPLE[name]
    labelled = {c: v for c, v in table.variables.items() if v.labels}
    assert labelled
    for column, variable in labelled.items():
        assert set(table.columns[column].values) <= set(variable.labels), column
    assert not any(("<" in v.text and ">" in v.text) or "${" in v.text for v in table.variables.values())


def test_the_experiments_are_read_with_their_details():
    if not EXPERIMENTS.is_dir():
        pytest.skip("the twin megastudy is not beside the project")

    def table(name: str):
        folder = EXPERIMENTS / name
        return reading.read(Place(path=folder / "response.csv", definition=folder / "survey.qsf"))

    check = table("preference_redistribution").variables["ATTENTION_CHECK"]
    assert check.labels["3"] == "Don’t know"
    assert table("infotainment").variables["Q275_Click Count"].kind == "number"
    # Two columns are called Q2_1, from two versions of a question.
    privacy = table("privacy")
    assert {"Q2_1 (QID1217928509_1)", "Q2_1 (QID1217928562_1)"} <= set(privacy.columns)
    # Each question is asked in a loop over platforms.
    loops = table("recommendation_algorithms")
    platforms = next(s for s in loops.sets if s.name == "Platform Use")
    assert len(platforms.columns) == 6
    assert loops.variables["Platform Use_7"].labels == {"1": "Youtube"}
    assert loops.variables["1_Q15"].text.startswith("TikTok - How much time do you spend on [Field-1]")
    assert len(loops.sets) == len({s.name for s in loops.sets}) == 17
