import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import reference_data
from benchmarks.open_data import catalogue, demographics, gss20, twin
from benchmarks.open_data.battery import Battery, chosen
from benchmarks.open_data.survey import (
    FOLDER,
    OpenSurvey,
    data_folder,
    only_people,
    pooled,
    survey_answers,
    survey_people,
    without,
)
from benchmarks.open_data.wording import anchored, labelled, scale_of, spoken
from grounding.sources import codebook
from personas.answer import NO_ANSWER, Answers, shares
from personas.question import Question

DATA = Path(os.environ.get(FOLDER, "../shared/data")).resolve()
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"{FOLDER} names no folder with the open data")


@pytest.fixture(autouse=True)
def _data(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests run in a folder of their own, from which a relative path leads elsewhere."""
    monkeypatch.setenv(FOLDER, str(DATA))


def survey(name: str, texts: list[str], **levels: list[str | None]) -> OpenSurvey:
    n = len(next(iter(levels.values())))
    questions = tuple(Question(name=f"q{i}", text=t, options=("yes", "no")) for i, t in enumerate(texts))
    people = survey_people(name, [str(i) for i in range(n)], levels, np.arange(1.0, n + 1))
    return OpenSurvey(name, "", "", people, Answers(questions, np.zeros((n, len(texts)), dtype=np.int64)))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("[HAND CARD D9] Which is true?", "Which is true?"),
        ("Do you agree? A. Taxes are too high", "Do you agree? Taxes are too high"),
        ("Would it be banned in the U.S. Do you agree?", "Would it be banned in the U.S. Do you agree?"),
        (
            "Now I''m going to ask. . . READ EACH STATEMENT, AND CIRCLE ONE. B. Yes?",
            "Now I'm going to ask… Yes?",
        ),
        ("Are we spending too much on (ITEM)? D. Big cities", "Are we spending too much on Big cities?"),
    ],
)
def test_a_text_is_what_people_heard(written: str, expected: str) -> None:
    assert spoken(written) == expected


def test_an_option_loses_remarks_of_the_file() -> None:
    assert [labelled(o) for o in ("other (vol.)", "Other (please specify)", "no")] == ["other", "Other", "no"]


def test_a_numbered_scale_says_in_the_question_what_its_ends_mean() -> None:
    text, options = anchored("Agree?", ("1 - Strongly Disagree", "2", "3 Strongly agree"))
    assert text == "Agree? (1 means strongly disagree, 3 means strongly agree.)"
    assert options == ("1, strongly disagree", "2", "3, strongly agree")


def test_options_without_numbers_start_small_but_for_names_and_the_first_person() -> None:
    assert anchored("Who?", ("Joe Biden", "I did not vote", "Someone else"))[1] == (
        "Joe Biden",
        "I did not vote",
        "someone else",
    )


def test_options_with_an_other_are_no_scale_but_two_options_always_are() -> None:
    assert scale_of(("often", "never", "other")) == "nominal"
    assert scale_of(("one", "other")) == "ordinal"


@pytest.mark.parametrize(
    ("age", "group", "stage"),
    [
        (18, "18-24", "under 30"), (29, "25-34", "under 30"), (30, "25-34", "30 to 44"),
        (89, "65 and over", "60 and over"),
    ],
)  # fmt: skip
def test_an_age_falls_into_one_group_of_each_kind(age: float, group: str, stage: str) -> None:
    assert (demographics.age_group(age), demographics.age_range(age)) == (group, stage)


def test_an_unknown_age_or_income_stays_unknown() -> None:
    assert (
        demographics.age_group(None) is demographics.income_group(None) is demographics.age_range(17) is None
    )


def test_a_battery_makes_a_question_of_each_item_in_its_column() -> None:
    battery = Battery(
        column="Q8", text="How much do you trust this?", options=("a lot", "not"), items=("Police", "Press")
    )
    assert [(q.name, q.text) for q in battery.questions()] == [
        ("Q8_1", "How much do you trust this? Police"),
        ("Q8_2", "How much do you trust this? Press"),
    ]


def test_codes_that_mean_one_option_are_read_alike_and_others_are_no_answer() -> None:
    assert chosen(["1.0", "2", "x", "3", "-1"], ["1", "2|3"]).tolist() == [0, 1, NO_ANSWER, 1, NO_ANSWER]


def test_questions_that_all_answered_alike_or_few_answered_are_left_out() -> None:
    questions = [Question(name="same", text=t, options=("a", "b")) for t in "abcd"]
    mixed, alike = np.arange(40) % 2, np.zeros(40, dtype=np.int64)
    few = np.where(np.arange(40) < 5, mixed, NO_ANSWER)
    answers = survey_answers(questions, [mixed, alike, few, mixed])
    assert [(q.name, q.text) for q in answers.questions] == [("same", "a"), ("same_again2", "d")]


def test_pooled_surveys_share_attributes_and_no_answers() -> None:
    a = survey("a", ["x?", "y?"], sex=["male", "female"], region=["South", None])
    b = survey("b", ["x?"], sex=["female", "female", "male"])
    whole = pooled([a, b])
    assert [q.name for q in whole.answers.questions] == ["a/q0", "a/q1", "b/q0"]
    assert whole.people.values("sex") == ["male", "female", "female", "female", "male"]
    assert whole.people.values("region") == ["South", None, None, None, None]
    assert (whole.answers.chosen == NO_ANSWER).tolist() == [[False, False, True]] * 2 + [
        [True, True, False]
    ] * 3
    assert whole.people.weights[:2].mean() == whole.people.weights[2:].mean() == 1


def test_a_question_is_left_out_by_name_version_or_by_what_it_asks() -> None:
    found = survey(
        "a",
        ["Are we spending too much on space exploration?", "Do you own a dog?", "Are you happy?"],
        sex=["male"],
    )
    text = "I will name problems. Are we spending too much money or too little on space exploration?"
    assert [q.name for q in without(found, [text]).answers.questions] == ["q1", "q2"]
    assert [q.name for q in without(found, [], ["Q1"]).answers.questions] == ["q0", "q2"]


def test_questions_worded_like_others_are_left_out() -> None:
    found = survey("a", ["How much do you trust the police in your town?", "Do you like fish?"], sex=["male"])
    other = Question(name="z", text="How much do you trust the police in your city?", options=("a", "b"))
    assert [q.name for q in catalogue.unlike(found, [other]).answers.questions] == ["q1"]


@pytest.fixture(scope="module")
def gss() -> OpenSurvey:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(FOLDER, str(DATA))
        return gss20.read()


@needs_data
def test_the_general_social_survey_is_read_as_its_files_count(gss: OpenSurvey) -> None:
    assert gss.counts == "4,215 people x 606 questions, 920,410 answers"
    codes = pd.read_parquet(DATA / "gss20" / "answers.parquet")["cappun"]
    weights = pd.read_parquet(DATA / "gss20" / "people.parquet")["weight"]
    real = weights.groupby(codes).sum() / weights[codes.notna()].sum()
    found = shares(gss.answers.column("cappun"), 2, gss.people.weights)
    np.testing.assert_allclose(found, real.to_numpy())


@needs_data
def test_the_spending_items_of_the_demo_can_be_taken_out_by_text_alone(gss: OpenSurvey) -> None:
    book = codebook.load(reference_data.codebook_path("gss_spending"))
    by_name = {q.name for q in without(gss, [q.question for q in book.questions]).answers.questions}
    by_text = {q.name for q in without(gss, [q.text for q in book.questions]).answers.questions}
    assert by_name == by_text
    out = {q.name for q in gss.answers.questions} - by_text
    assert len(out) == 11
    assert all(name.startswith("nat") and name.endswith("y") for name in out)


@needs_data
def test_people_questions_leave_out_what_interviewers_noted(gss: OpenSurvey) -> None:
    names = {q.name for q in only_people(gss).answers.questions}
    assert "cappun" in names
    assert not names & {"rlooks", "phase", "form", "huclean"}


@needs_data
def test_each_scenario_of_an_experiment_is_a_question_of_its_own() -> None:
    found = twin.read("targeting_fairness")
    assert len(found.answers.questions) == 2
    assert (found.answers.chosen != NO_ANSWER).sum(axis=1).tolist() == [1] * len(found.people)
    assert all("snack" in q.text and "9, very fair" in q.options for q in found.answers.questions)


@needs_data
@pytest.mark.parametrize("name", [n for n in catalogue.SURVEYS if n not in ("gss20", "nfwbs")])
def test_every_survey_has_the_attributes_that_all_share(name: str) -> None:
    found = catalogue.read(name)
    shared = {"sex", "region"} if name != "non_voters" else {"sex"}
    assert shared <= set(found.people.attributes)
    assert {"income_level"} <= set(found.people.attributes)
    assert found.people.weights.mean() == pytest.approx(1.0)
    assert len({q.name for q in found.answers.questions}) == len(found.answers.questions)
    assert data_folder().is_dir()
