"""Every file of the data beside the project: drafted, read by its draft, and never drafted over."""

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import yaml

from grounding.sources import codebook, database, microdata, reading
from grounding.sources.place import Place, ReadOptions
from grounding.sources.spec import SurveySource
from grounding.spec import GroundSpec
from mirrorpanel.verbs import inspecting
from personas import document
from personas.errors import DataError

ROOT = Path(__file__).parents[3]
DATA = ROOT.parent / "shared" / "data"
MEGASTUDY = {
    "consumer_minimalism": (200, 17),
    "infotainment": (300, 32),
    "preference_redistribution": (1198, 26),
    "privacy": (1200, 11),
    "recommendation_algorithms": (598, 125),
    "targeting_fairness": (357, 3),
}
# File -> people, and questions of the drafted codebook.
PEOPLE = {
    "consumers/fields.pub.csv": (23, 0),
    "consumers/survey.pub.csv": (5027, 16),
    "fivethirtyeight/flying-etiquette-survey/flying-etiquette.csv": (1040, 21),
    "fivethirtyeight/food-world-cup/food-world-cup-data.csv": (1373, 42),
    "fivethirtyeight/masculinity-survey/raw-responses.csv": (1615, 91),
    "fivethirtyeight/non-voters/nonvoters_data.csv": (5836, 112),
    "fivethirtyeight/thanksgiving-2015/thanksgiving-2015-poll-data.csv": (1058, 52),
    "gss20/answers.parquet": (4215, 604),
    "gss20/answers_retest.parquet": (1482, 129),
    "gss20/people.parquet": (4215, 4),
    "households/laeken_eusilc.csv": (14827, 4),
    "nfwbs/NFWBS_PUF_2016_data.csv": (6394, 197),
    "sav/Burger_Brand_Tracking_Dec_2017.sav": (4853, 326),
    "sav/Cola.sav": (327, 168),
    "sav/chocolate.sav": (403, 21),
    "twin_megastudy/personas.csv": (2058, 5),
    **{f"twin_megastudy/{name}/response.csv": size for name, size in MEGASTUDY.items()},
}
# Tables without one row for each person: file -> rows.
TABLES = {
    "fivethirtyeight/masculinity-survey/masculinity-survey.csv": 231,
    "retest/psychTools_epiR.csv.gz": 948,
    "sav/chocolate_design.xlsx": 7200,
    "sav/satisfaction.sav": 896,
    "margins/de_bundesland_sex_age_20211231.csv": 2912,
    "margins/de_mikrozensus2024_age_sex_labour.csv": 225,
    "margins/de_zensus2022_age10_migration.csv": 1003,
    "margins/eu27_uk_us_age5_sex_2020_wpp2019.csv": 1218,
    "margins/eu_edat_lfse_03_15_64.csv": 1050,
    "margins/ew_age_mid2020.csv": 91,
    "margins/ew_ethnicity_census2021.csv": 19,
    "margins/us_age_sex_2022.csv": 202,
    "margins/us_age_sex_racehisp_2022_2030.csv": 15480,
    "margins/us_education_18plus_2022.csv": 15,
    "margins/us_household_income_2021.csv": 41,
    "margins/us_state_18plus_2022.csv": 52,
    "margins/us_state_age5_acs.csv": 900,
}
# Ids that stand on several rows, which a survey of people may not have.
REPEATING = {"sav/satisfaction.sav": "ID", "retest/psychTools_epiR.csv.gz": "id"}


def _inspect_table() -> Any:
    spec = importlib.util.spec_from_file_location("inspect_table", ROOT / "docs" / "inspect_table.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["inspect_table"] = module
    spec.loader.exec_module(module)
    return module


inspect_table = _inspect_table()
pytestmark = pytest.mark.skipif(not DATA.is_dir(), reason="the data are not beside the project")


def place(file: str) -> Place:
    """The file, with the Qualtrics survey file beside it where there is one."""
    path = DATA / file
    definition = path.with_name("survey.qsf") if path.name == "response.csv" else None
    return Place(path=path, options=ReadOptions(repeated_names="number"), definition=definition)


def test_every_data_file_is_listed_here() -> None:
    endings = (".csv", ".gz", ".parquet", ".sav", ".xlsx", ".dta")
    there = {str(path.relative_to(DATA)) for path in DATA.rglob("*") if path.suffix in endings}
    assert there == {*PEOPLE, *TABLES}


@pytest.mark.parametrize("file", PEOPLE)
def test_people_and_answers_are_read_by_the_draft_of(file: str, tmp_path: Path) -> None:
    drafted = inspecting.inspect(place(file), tmp_path / "book.yaml", tmp_path / "grounding.yaml")
    spec = document.read(tmp_path / "grounding.yaml", GroundSpec)
    assert spec.survey is not None
    book = codebook.load(drafted.codebook) if drafted.codebook else None
    found = microdata.read(spec.survey, book, spec.survey.place(tmp_path))
    assert (len(found.people), len(found.answers.questions)) == PEOPLE[file]
    assert found.people.attributes
    assert found.people.weights.mean() == pytest.approx(1)
    answered = (found.answers.chosen >= 0).any(axis=0)
    assert answered.mean() > 0.9 if len(answered) else True  # an item that nobody chose has no answers


@pytest.mark.parametrize("file", TABLES)
def test_rows_that_are_no_people_are_aggregated_from(file: str) -> None:
    with database.connect() as connection:
        columns = reading.attach(connection, "rows", place(file))
        assert connection.execute("SELECT count(*) FROM rows").fetchone() == (TABLES[file],)
        assert columns == reading.column_names(place(file))


@pytest.mark.parametrize("file", REPEATING)
def test_a_draft_of_rows_that_are_no_people_says_so_and_is_refused_as_a_survey(
    file: str, tmp_path: Path
) -> None:
    inspecting.inspect(place(file), tmp_path / "book.yaml", tmp_path / "grounding.yaml")
    text = (tmp_path / "grounding.yaml").read_text(encoding="utf-8")
    assert "decide: no column is distinct in every row; each person needs an id" in text
    spec = document.read(tmp_path / "grounding.yaml", GroundSpec)
    assert spec.survey is not None
    with pytest.raises(DataError, match=f"column '{REPEATING[file]}' must be distinct"):
        microdata.read(spec.survey, None, spec.survey.place(tmp_path))


def edited(text: str) -> str:
    """A draft as somebody would correct it: with a comment, another source, and a question left out."""
    lines = text.splitlines(keepends=True)
    starts = [i for i, line in enumerate(lines) if line.startswith("  - name: ")]
    kept = [*lines[: starts[1]], *lines[starts[2] :]]
    return "# ours\n" + "".join(kept).replace("source: ", "source: our survey of ", 1)


FILES = (
    "fivethirtyeight/food-world-cup/food-world-cup-data.csv",
    "sav/chocolate.sav",
    "gss20/people.parquet",
)


@pytest.mark.parametrize("file", FILES)
def test_a_second_draft_keeps_every_edit_and_adds_only_what_is_new(file: str, tmp_path: Path) -> None:
    path = tmp_path / "book.yaml"
    inspecting.inspect(place(file), path)
    mine = edited(path.read_text(encoding="utf-8"))
    path.write_text(mine, encoding="utf-8")
    again = inspecting.inspect(place(file), path)
    assert again.existed
    assert len(again.added) == 1
    after = path.read_text(encoding="utf-8")
    assert set(mine.splitlines()) <= set(after.splitlines())
    assert after.startswith("# ours\n")
    third = inspecting.inspect(place(file), path)
    assert third.added == ()
    assert path.read_text(encoding="utf-8") == after


def test_the_general_social_survey_is_read_by_its_own_questionnaire(tmp_path: Path) -> None:
    answers = place("gss20/answers.parquet")
    there = reading.column_names(answers)
    asked = json.loads((DATA / "gss20" / "questions.json").read_text(encoding="utf-8"))
    questions = [
        {"name": q["id"], "text": q["text"], "options": {o: code for code, o in enumerate(q["options"])}}
        for q in asked
        if q["id"] in there and len(set(q["options"])) == len(q["options"])
    ]
    book = {"source": "General Social Survey, NORC at the University of Chicago", "questions": questions}
    (tmp_path / "book.yaml").write_text(yaml.safe_dump(book, sort_keys=False), encoding="utf-8")
    survey = {"file": "answers.parquet", "id": "person_id", "attributes": {"worked": {"column": "evwork"}}}
    spec = SurveySource.model_validate(survey)
    found = microdata.read(spec, codebook.load(tmp_path / "book.yaml"), answers)
    assert found.answers.chosen.shape == (4215, len(questions))
    assert len(questions) == len(asked) == 606
    expected = pq.read_table(answers.path, columns=["happy"]).column(0).to_pandas().fillna(-1)
    column = [q.name for q in found.answers.questions].index("happy")
    assert found.answers.chosen[:, column].tolist() == expected.astype(int).tolist()


JUDGED = (
    "fivethirtyeight/flying-etiquette-survey/flying-etiquette.csv",
    "fivethirtyeight/non-voters/nonvoters_data.csv",
    "households/laeken_eusilc.csv",
    "sav/chocolate.sav",
    "twin_megastudy/privacy/response.csv",
)


@pytest.mark.parametrize("file", JUDGED)
def test_the_data_page_says_how_right_the_draft_is_of(file: str) -> None:
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    line = inspect_table.table([inspect_table.score(file, DATA, inspect_table.truths()[file])]).splitlines()[
        2
    ]
    assert f"\n{line}\n" in page
