import csv
import json
from collections import Counter

import duckdb
import pytest
from own_study import GROUND, PERSONS, change, done, mirrorpanel, rows, write_study

CRM = """\
crm:
  - name: shop
    files: {customers: customers.csv, sales: sales.csv}
    people: customers
    key: customer
    licence: own
    vintage: "2025"
    attributes:
      spend: {table: sales, measure: sum, of: price, up_to: {little: 5, much: null}}
    match:
      age:
        people: {column: age, bins: {18-44: [18, 44], 45 and over: [45, 120]}}
        customers: {column: age, values: {18-44: young, 45 and over: old}}
impute:
  - {attribute: region, table: us_region_2022}
"""
SEX = "    sex: {column: sex}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    made = write_study(tmp_path_factory.mktemp("composition") / "own")
    (made / "grounding.yaml").write_text(GROUND + CRM)
    (made / "customers.csv").write_text("customer,age\nc1,young\nc2,old\n")
    (made / "sales.csv").write_text("customer,price\nc1,2\nc2,9\n")
    text = (made / "people.csv").read_text()
    (made / "people.csv").write_text(text.replace("town", "", 40))
    done("ground", made / "grounding.yaml", "-w", made)
    return made


def test_a_panel_shows_each_attribute_with_its_kind_and_the_shares_beside_the_official_ones(folder):
    shown = done("panel", "show", "-w", folder).out
    listed = shown.partition("Attributes\n")[2].partition("\n\n")[0]
    kinds = {line.split()[0]: line.split()[1] for line in listed.splitlines()}
    assert {a: kinds[a] for a in ("age_group", "place", "spend", "region")} == {
        "age_group": "observed",
        "place": "observed",
        "spend": "matched",
        "region": "imputed",
    }
    assert "raked to us_age_sex_2022" in shown
    found = done("panel", "show", "own", "--json", "-w", folder).json
    cells = found["weighting"]["margins"]
    assert sum(cell["official"] for cell in cells) == pytest.approx(1)
    assert sum(cell["base"] for cell in cells) == 480
    assert found["panel"].startswith("own-")


def test_a_person_is_explained_attribute_by_attribute_with_donor_distance_seed_and_hash(folder):
    person = rows(folder, "SELECT person FROM person_attributes WHERE attribute = 'place' ORDER BY 1")[0][0]
    found = done("panel", "explain", person, "--json", "-w", folder).json
    facts = {fact["attribute"]: fact for fact in found["attributes"]}
    assert set(facts) == {"age_group", "sex", "place", "spend", "region"}
    assert found["unknown"] == []
    observed, lent, drawn = facts["age_group"], facts["spend"], facts["region"]
    assert (observed["kind"], observed["raked"], observed["donor"]) == ("observed", "us_age_sex_2022", None)
    assert len(observed["sha256"]) == len(lent["sha256"]) == 64
    assert (lent["kind"], lent["distance"], lent["vintage"], lent["seed"]) == ("matched", 0.0, "2025", 3)
    assert lent["donor"] not in (None, "c1", "c2"), "a donor is named by the pseudonym"
    assert drawn["kind"] == "imputed"
    assert "us_region_2022" in drawn["method"]
    text = done("panel", "explain", person, "-w", folder).out
    assert f"donor {lent['donor']} at distance 0.000" in text


def test_what_is_unknown_of_a_person_is_listed_as_unknown(folder):
    known = "SELECT person FROM person_attributes WHERE attribute = 'place'"
    person = rows(folder, f"SELECT person FROM persons WHERE person NOT IN ({known}) ORDER BY 1")[0][0]
    assert done("panel", "explain", person, "--json", "-w", folder).json["unknown"] == ["place"]
    assert "\nUnknown: place\n" in done("panel", "explain", person, "-w", folder).out


def test_the_panels_of_a_workspace_are_listed_with_what_is_in_them(folder, tmp_path):
    (found,) = done("panel", "list", "--json", "-w", folder).json["panels"]
    assert (found["name"], found["persons"], found["people"]) == ("own", PERSONS, 480)
    assert [found["panel"]] == [row[0] for row in rows(folder, "SELECT panel FROM panels")]
    head, line = done("panel", "list", "-w", folder).out.splitlines()
    assert head.split() == ["name", "identifier", "created", "(UTC)", "persons", "people"]
    assert line.split()[:2] == ["own", found["panel"]]
    assert line.split()[-2:] == [str(PERSONS), "480"]
    done("init", tmp_path / "empty")
    assert done("panel", "list", "--json", "-w", tmp_path / "empty").json == {"panels": []}
    assert "No panel yet" in done("panel", "list", "-w", tmp_path / "empty").out


def test_a_person_or_panel_that_there_is_not_is_refused_with_some_that_there_are(folder):
    outcome = mirrorpanel("panel", "explain", "p9999", "-w", folder)
    assert outcome.code == 1
    assert f"there are p0001 to p{PERSONS:04}, {PERSONS} persons" in " ".join(outcome.err.split())
    outcome = mirrorpanel("panel", "show", "others", "-w", folder)
    assert outcome.code == 1
    assert "'own'" in outcome.err


def test_an_export_shows_no_combination_of_values_that_fewer_than_k_people_share(folder, tmp_path):
    out = tmp_path / "panel.csv"
    done("panel", "export", "--out", out, "-w", folder)
    with out.open(encoding="utf-8", newline="") as file:
        exported = list(csv.DictReader(file))
    assert {row["synthetic"] for row in exported} == {"True"}
    assert len(exported) <= PERSONS
    attributes = [name for name in exported[0] if name not in ("synthetic", "person", "weight")]
    assert attributes == ["age_group", "sex", "place", "spend", "region"]
    people = dict(rows(folder, "SELECT person, mirrors FROM persons"))
    sharing: dict[tuple[str, ...], set[str]] = {}
    for row in exported:
        sharing.setdefault(tuple(row[a] for a in attributes), set()).add(people[row["person"]])
    assert min(len(group) for group in sharing.values()) >= 10
    assert not set(people.values()) & set(out.read_text(encoding="utf-8").replace("\n", ",").split(","))


def test_the_same_export_as_parquet_holds_the_same_rows(folder, tmp_path):
    for name in ("panel.csv", "panel.parquet"):
        done("panel", "export", "--out", tmp_path / name, "--attribute", "sex", "-w", folder)
    read = "SELECT person, weight, sex FROM '{}' ORDER BY person"
    with duckdb.connect() as connection:
        both = [
            connection.execute(read.format(tmp_path / n)).fetchall() for n in ("panel.csv", "panel.parquet")
        ]
    assert both[0] == both[1]
    assert Counter(row[2] for row in both[0]).total() == PERSONS


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--k", "4"], "at least 5"),
        (["--attribute", "shoe_size"], "Unknown attribute 'shoe_size'; choose from 'age_group'"),
        (["--out", "panel.xls"], "panels are exported to .csv or .parquet"),
        (["--k", "1000"], "rests on fewer than 1000 people"),
    ],
)
def test_an_export_that_cannot_be_made_is_refused(folder, options, expected, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    outcome = mirrorpanel("panel", "export", *options, "-w", folder)
    assert outcome.code == 1
    assert expected in outcome.err
    assert list(tmp_path.iterdir()) == []


def test_the_page_of_a_panel_says_the_same_as_its_json_and_holds_no_id(folder):
    found = done("ground", folder / "grounding.yaml", "--json", "-w", folder).json
    page = folder / "reports" / found["panel"] / "grounding.html"
    assert str(page) == found["page"]
    html, twin = page.read_text(encoding="utf-8"), json.loads(page.with_suffix(".json").read_text())
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "<script" not in html
    assert f"{twin['weighting']['effective_base']:,.0f}" in html
    assert (twin["panel"], twin["synthetic"]) == (found["panel"], True)
    for sentence in (*twin["summary"], *twin["limits"]):
        assert sentence in html
    for heading in ("Sources", "Coverage", "Margins", "Weights", "Attributes", "Matching", "Data protection"):
        assert f">{heading}" in html, heading
    for record in twin["provenance"]:
        assert record["attribute"].replace("_", " ") in html
    pseudonyms = {str(row[0]) for row in rows(folder, "SELECT id FROM people")}
    for text in (html, page.with_suffix(".json").read_text()):
        assert "h005" not in text
        assert not any(name in text for name in pseudonyms)


def test_the_page_warns_of_what_was_not_recorded_and_says_what_the_matching_cannot_support(folder):
    page = next((folder / "reports").glob("own-*/grounding.html")).read_text(encoding="utf-8")
    assert "Not recorded for source people.csv: controller, legal basis, purpose" in page
    assert "Assumed (conditional independence): given age" in page


def test_a_panel_without_margins_has_a_page_that_says_so(tmp_path):
    made = write_study(tmp_path / "own")
    text = (made / "grounding.yaml").read_text()
    (made / "grounding.yaml").write_text(text[: text.index("margins:")])
    done("ground", made / "grounding.yaml", "-w", made)
    page = next((made / "reports").glob("own-*/grounding.html")).read_text(encoding="utf-8")
    assert "No margins were given" in page


def test_two_panels_must_be_told_apart_by_name(tmp_path):
    made = write_study(tmp_path / "own")
    done("ground", made / "grounding.yaml", "-w", made)
    change(made / "grounding.yaml", "panel: own", "panel: mine")
    done("ground", made / "grounding.yaml", "-w", made)
    outcome = mirrorpanel("panel", "show", "-w", made)
    assert outcome.code == 1
    assert "Name the panel: there are mine, own" in outcome.err
    assert done("panel", "show", "mine", "-w", made).out.startswith("Panel mine-")
