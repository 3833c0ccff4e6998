import yaml

from grounding.sources import draft
from grounding.sources.draft_grounding import Placed, grounding
from grounding.sources.inspection import Inspection, inspect
from grounding.sources.table import Table, Variable

ROWS = 120
LABELS = {"einw": {"1": "ja", "2": "nein"}, "bland": {"8": "Baden-Württemberg", "9": "Bayern"}}
TEXTS = {"einw": "Einwilligung in die Datenverarbeitung", "bland": "Bundesland (Hauptwohnsitz)"}


def inspected(*columns: str) -> Inspection:
    """A survey with an id, a question and the columns named, as an SPSS file has them."""
    cells = {
        "id": tuple(f"p{i}x" for i in range(ROWS)),
        "f1": tuple(("Yes", "No")[i % 2] for i in range(ROWS)),
        **{name: tuple(list(LABELS[name])[i % 2] for i in range(ROWS)) for name in columns},
    }
    about = {name: Variable(text=TEXTS[name], labels=LABELS[name]) for name in columns}
    return inspect(Table("survey.sav", cells, range(1, ROWS + 1), variables=about))


def test_a_column_of_consent_is_proposed_as_such_and_asked_as_no_question() -> None:
    found = inspected("einw")
    drafted = yaml.safe_load(grounding(found, Placed("p", ("file: survey.sav",), "book.yaml")))
    assert drafted["protection"]["consent"] == {"column": "einw", "values": [1]}
    book = yaml.safe_load(draft.codebook(found, "survey.sav"))
    assert [q["name"] for q in book["questions"]] == ["f1"]
    assert "says who consented" in next(v for v in book["variables"] if v["name"] == "einw")["note"]


def test_codes_with_leading_zeros_are_quoted_whatever_version_of_yaml_reads_them() -> None:
    assert [draft.scalar(code) for code in ("01", "08", "09", "0", "8")] == [
        "'01'",
        "'08'",
        "'09'",
        "'0'",
        "'8'",
    ]
    assert [draft.code(code) for code in ("08", "8")] == ["'08'", "8"]


def test_without_such_a_column_no_consent_is_proposed() -> None:
    text = grounding(inspected(), Placed("p", ("file: survey.sav",), "book.yaml"))
    assert "consent" not in yaml.safe_load(text)["protection"]
    assert "needed where the legal basis is consent" in text


def test_the_state_that_people_live_in_is_an_attribute() -> None:
    drafted = yaml.safe_load(grounding(inspected("bland"), Placed("p", ("file: survey.sav",), "book.yaml")))
    assert drafted["survey"]["attributes"]["region"]["values"] == {"Baden-Württemberg": 8, "Bayern": 9}


def test_decimal_commas_and_the_time_taken_are_drafted_where_they_were_found() -> None:
    cells = {
        "Nr": tuple(f"B{i:05d}" for i in range(ROWS)),
        "Gewicht": tuple(f"{0.5 + i / ROWS:.4f}".replace(".", ",") for i in range(ROWS)),
        "f1": tuple(("Ja", "Nein")[i % 2] for i in range(ROWS)),
        "Dauer": tuple(str(300 + 7 * i) for i in range(ROWS)),
    }
    found = inspect(Table("welle.csv", cells, range(1, ROWS + 1)))
    for where in (("file: welle.csv",), ("file: welle.csv", "read:", '  separator: ";"')):
        survey = yaml.safe_load(grounding(found, Placed("p", where, "book.yaml")))["survey"]
        assert (survey["weight"], survey["duration"], survey["read"]["decimal"]) == ("Gewicht", "Dauer", ",")
    told = yaml.safe_load(grounding(found, Placed("p", ("file: welle.parquet",), "book.yaml")))["survey"]
    assert "read" not in told


def test_groups_of_a_german_survey_have_german_names_and_the_german_table_comes_first() -> None:
    def drafted(age: str, text: str) -> str:
        cells = {
            "id": tuple(f"p{i}x" for i in range(ROWS)),
            age: tuple(str(18 + i % 60) for i in range(ROWS)),
            "f1": tuple(("Ja", "Nein")[i % 2] for i in range(ROWS)),
        }
        about = {age: Variable(text=text, labels={})}
        table = Table("survey.sav", cells, range(1, ROWS + 1), variables=about)
        return grounding(inspect(table), Placed("p", ("file: survey.sav",), "book.yaml"))

    german, english = drafted("Alter", "Wie alt sind Sie?"), drafted("age", "How old are you?")
    levels = [[*yaml.safe_load(t)["survey"]["attributes"]["age"]["bins"]] for t in (german, english)]
    assert [(each[0], each[-1]) for each in levels] == [
        ("unter 18", "60 und älter"),
        ("under 18", "60 and over"),
    ]
    assert "table: de_land_sex_age_2021  # or us_age_sex_2022" in german
    assert "table: us_age_sex_2022  # or de_land_sex_age_2021" in english
