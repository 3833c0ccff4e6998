import json
import re
from pathlib import Path

import pytest
import yaml

import reference_data
from grounding.population import margins as targets
from grounding.population import tables
from grounding.population.spec import MarginUse
from mirrorpanel.cli import margins as command
from mirrorpanel.verbs import margins as verb
from personas.errors import DataError, UnknownName


def printed(capsys: pytest.CaptureFixture[str], **options: object) -> str:
    command.margins(**options)  # pyright: ignore[reportArgumentType]
    return capsys.readouterr().out


def test_the_list_has_every_table_with_its_basis_unit_total_source_and_licence(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = printed(capsys)
    for table in map(reference_data.margin, reference_data.margin_names()):
        for words in (table.name, " × ".join(table.dimensions), table.basis, table.source, table.licence):
            assert words in text
    assert "83,237,124 people; 2021-12-31; basis: 2011 census, updated" in text
    assert "131,200,000 households" in text
    assert "per cent, shares only, of 31 countries" in text
    assert "No official margin: Germany, household size." in text


@pytest.mark.parametrize("country", ["Germany", "DE", "de", "Deutschland"])
def test_tables_of_a_country_come_with_its_own_totals_and_with_what_there_is_not(country: str) -> None:
    found = verb.overview(country)
    names = [table.name for table in found.tables]
    assert names[:3] == ["de_land_age_migration_2022", "de_land_sex_age_2021", "de_sex_age_labour_2024"]
    assert set(names[3:]) == {"eu_education_2021", "eu_uk_sex_age_2020"}
    europe = next(t for t in found.tables if t.name == "eu_uk_sex_age_2020")
    assert (europe.country, round(europe.total, -3)) == ("Germany", 83_784_000)
    assert {a.topic for a in found.absent} >= {"household size", "household income"}


@pytest.mark.parametrize(
    ("country", "topic", "expected"),
    [
        ("Germany", "household size", "bring a table under 'tables' with unit households"),
        ("UK", "education", "for 2019 and ages 15 to 64"),
        ("France", "religion", "It is not in this package."),
        ("Mars", "", "This package has no table for that country. It covers Austria"),
        ("", "shoe size", "these are: age, education, ethnicity"),
    ],
)
def test_where_there_is_no_margin_the_answer_says_so_and_what_there_is(
    country: str, topic: str, expected: str, capsys: pytest.CaptureFixture[str]
) -> None:
    text = printed(capsys, country=country, topic=topic)
    assert "no official margin" in text.lower()
    assert expected in text


def test_a_topic_may_be_named_in_german() -> None:
    assert [t.name for t in verb.overview("DE", "Bildung").tables] == ["eu_education_2021"]
    assert verb.overview("DE", "Bildung").absent == ()


def test_one_table_is_shown_with_its_categories_provenance_and_ready_levels(
    capsys: pytest.CaptureFixture[str],
) -> None:
    text = printed(capsys, name="de_land_sex_age_2021")
    assert "Datenlizenz by-2-0 (www.govdata.de/dl-de/by-2-0)" in text
    assert "land (16): Baden-Württemberg | Bayern | " in text
    assert "age (91): 0 | 1 | " in text
    assert " more, to 90" in text
    levels = next(line for line in text.splitlines() if line.startswith("  land: {DE1"))
    assert yaml.safe_load(levels)["land"]["DEG"] == ["Thüringen"]


def test_what_looks_like_a_number_is_quoted_and_what_is_not_known_is_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    names = reference_data.margin_names()
    text = "\n".join(printed(capsys, name=name) for name in names)
    assert '"08": [' in text
    assert not re.search(r"[{,] \d+:", text)
    assert "not recorded" not in text


def test_levels_are_printed_as_yaml_reads_them_back(capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("us_education_2022", "ew_ethnicity_2021", "us_household_income_2021", "us_state_2022"):
        shown = verb.show(name)
        printed_levels = [
            yaml.safe_load(line)
            for line in printed(capsys, name=name).splitlines()
            if line.startswith("  ") and line.endswith("]}")
        ]
        for dimension, recodes in shown.levels.items():
            for recode in recodes.values():
                as_lists = {value: list(covered) for value, covered in recode.items()}
                assert {dimension: as_lists} in printed_levels


@pytest.mark.parametrize("name", reference_data.margin_names())
def test_the_lines_that_are_shown_for_a_table_make_a_target_of_it(name: str) -> None:
    lines = yaml.safe_load(verb.show(name).use)
    inside = lines.get("households", lines)
    assert ("households" in lines) == (reference_data.margin(name).unit == "households")
    use = MarginUse.model_validate(inside["margins"][0])
    table = tables.filtered(reference_data.margin(use.table), use.where)
    target = targets.target(table, use.attributes, use.levels, use.bins)
    assert target.shares.sum() == pytest.approx(1)
    assert target.total > 0
    assert len(target.cells) > 1


def test_a_table_of_several_countries_is_shown_for_one(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, name="eu_education_2021", country="Italien")
    assert "where: {country: Italy}" in text
    assert "only stands in" not in text
    assert "# Austria only stands in: name your country under 'where'" in printed(
        capsys, name="eu_education_2021"
    )
    with pytest.raises(DataError, match="does not count 'Mars'"):
        verb.show("eu_education_2021", "Mars")


def test_an_unknown_table_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(
        UnknownName, match="Unknown margin table 'de_shoes'; choose from 'de_land_age_migration"
    ):
        command.margins(name="de_shoes")


def test_json_holds_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    listed = json.loads(printed(capsys, country="DE", topic="household size", as_json=True))
    assert listed["margins"] == []
    assert listed["absent"][0]["topic"] == "household size"
    one = json.loads(printed(capsys, name="us_state_2022", as_json=True))
    assert (one["total"], one["rows"], one["unit"]) == (260_836_730, 51, "people")
    assert one["categories"]["state"][:2] == ["Alabama", "Alaska"]
    assert one["levels"]["state"]["postal"]["NY"] == ["New York"]
    education = json.loads(printed(capsys, name="eu_education_2021", as_json=True))
    assert education["total"] is None


def test_refresh_refuses_an_unknown_data_set_without_asking_anybody(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="'edat_lfse_03'"):
        command.refresh("nama_10_gdp", tmp_path / "a.csv")
