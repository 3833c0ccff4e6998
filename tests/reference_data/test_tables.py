import csv
from importlib import resources
from pathlib import Path

import pytest
import yaml

import reference_data

SOURCES = Path(__file__).parents[3] / "shared" / "data" / "margins"
RESIDENTS_18_PLUS = 260_836_730  # SCPRC-EST2022-18+POP, United States without Puerto Rico
PUERTO_RICO_18_PLUS = 2_703_450


def total(name: str) -> float:
    return sum(count for _, count in reference_data.margin(name).rows)


def test_the_margin_tables_that_ship_are_these():
    assert reference_data.margin_names() == [
        "de_land_age_migration_2022",
        "de_land_sex_age_2021",
        "de_sex_age_labour_2024",
        "eu_education_2021",
        "eu_uk_sex_age_2020",
        "ew_age_2020",
        "ew_ethnicity_2021",
        "us_age_sex_2022",
        "us_education_2022",
        "us_hispanic_sex_age_2022",
        "us_hispanic_sex_age_2026",
        "us_household_income_2021",
        "us_race_sex_age_2022",
        "us_race_sex_age_2026",
        "us_region_2022",
        "us_state_2022",
        "us_state_age_2023",
    ]


@pytest.mark.parametrize("name", reference_data.margin_names())
def test_every_table_says_where_it_comes_from_and_has_each_cell_once(name: str):
    table = reference_data.margin(name)
    assert all(
        [table.country, table.unit, table.source, table.vintage, table.licence, table.note, table.basis]
    )
    assert bool(table.attribution) != ("public domain" in table.licence)
    cells = [cell for cell, _ in table.rows]
    assert len(set(cells)) == len(cells)
    assert all(len(cell) == len(table.dimensions) and all(cell) for cell in cells)
    assert all(count > 0 for _, count in table.rows)


def test_two_independent_releases_agree_on_the_number_of_adult_residents():
    assert total("us_age_sex_2022") == RESIDENTS_18_PLUS
    assert total("us_region_2022") == RESIDENTS_18_PLUS
    # 263,540,180 is the sum of the source's 52 rows, Puerto Rico among them.
    assert total("us_region_2022") + PUERTO_RICO_18_PLUS == 263_540_180


def test_ages_are_single_years_from_18_to_100_for_both_sexes():
    cells = {cell for cell, _ in reference_data.margin("us_age_sex_2022").rows}
    assert cells == {(str(age), sex) for age in range(18, 101) for sex in ("female", "male")}


def test_education_counts_the_published_total_to_the_rounding_of_thousands():
    assert total("us_education_2022") == pytest.approx(255_255_000, abs=15 * 500)


def test_region_names_are_the_four_census_regions():
    regions = [cell[0] for cell, _ in reference_data.margin("us_region_2022").rows]
    assert regions == ["Northeast", "Midwest", "South", "West"]


@pytest.mark.skipif(not SOURCES.exists(), reason="../shared/data/margins is not here")
def test_ages_and_education_equal_the_rows_of_their_sources():
    with (SOURCES / "us_age_sex_2022.csv").open(encoding="utf-8") as file:
        published = {(r["age"], r["sex"]): float(r["n"]) for r in csv.DictReader(file) if int(r["age"]) >= 18}
    assert dict(reference_data.margin("us_age_sex_2022").rows) == published
    with (SOURCES / "us_education_18plus_2022.csv").open(encoding="utf-8") as file:
        thousands = [int(r["n_thousand"]) for r in csv.DictReader(file)]
    assert [c for _, c in reference_data.margin("us_education_2022").rows] == [1000 * n for n in thousands]


def test_an_unknown_table_is_refused_with_the_names_there_are():
    with pytest.raises(KeyError, match=r"no margin table 'us_shoe_size'.*us_region_2022"):
        reference_data.margin("us_shoe_size")


def test_an_unknown_codebook_is_refused_with_the_names_there_are():
    with pytest.raises(KeyError, match=r"no codebook 'anes'.*gss_spending"):
        reference_data.codebook_path("anes")


def test_the_spending_codebook_has_18_questions_that_stand_alone():
    book = yaml.safe_load(reference_data.codebook_path("gss_spending").read_text(encoding="utf-8"))
    assert {"source", "licence", "note"} <= set(book)
    questions = book["questions"]
    assert len({q["name"] for q in questions}) == len({q["text"] for q in questions}) == 18
    for question in questions:
        assert question["text"].startswith(
            "Are we spending too much, too little, or about the right amount on "
        )
        assert question["text"].endswith("?")
        assert question["options"] == {"too little": 1, "about the right amount": 0, "too much": -1}


def test_every_table_and_codebook_is_reachable_as_a_package_resource():
    folder = resources.files("reference_data")
    assert (folder / "margins" / "tables.yaml").is_file()
    assert all((folder / "margins" / f"{n}.csv").is_file() for n in reference_data.margin_names())
    assert all(reference_data.codebook_path(n).is_file() for n in reference_data.codebook_names())
