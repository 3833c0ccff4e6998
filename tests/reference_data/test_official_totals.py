"""Sums of the shipped tables against totals as the offices publish them, typed in here with their origin."""

import csv
from collections.abc import Callable, Iterator
from importlib import resources
from pathlib import Path

import pytest

import reference_data

SOURCES = Path(__file__).parents[3] / "shared" / "data" / "margins"
here = pytest.mark.skipif(not SOURCES.exists(), reason="../shared/data/margins is not here")

# Table -> published total, and by how much the sum of the rows may differ.
PUBLISHED = {
    "us_state_2022": (260_836_730, 0),  # SCPRC-EST2022-18+POP, United States without Puerto Rico
    "us_race_sex_age_2022": (333_287_557, 0),  # NC-EST2022: residents on 1 July 2022
    "us_hispanic_sex_age_2022": (333_287_557, 0),
    "us_race_sex_age_2026": (339_513_045, 0),  # np2023, main series, 2026
    "us_hispanic_sex_age_2026": (339_513_045, 0),
    "us_state_age_2023": (334_235_924, 0),  # 50 states
    "us_household_income_2021": (131_202_000, 41 * 500),  # HINC-01: 131,202 thousand, 41 rounded classes
    "de_land_sex_age_2021": (83_237_124, 0),  # GENESIS 12411: residents on 31 December 2021
    # Zensus 2022: 82,719,540, of whom 8,258 belong to no Land; each figure is changed a little by the office.
    "de_land_age_migration_2022": (82_719_540 - 8_258, 16 * 10),
    # Mikrozensus 2024: 82,777 thousand; unemployed people of 70 and over are not published.
    "de_sex_age_labour_2024": (82_777_000, 10_000),
    "ew_age_2020": (59_719_724, 0),  # ONS mid-2020, England and Wales
    "ew_ethnicity_2021": (59_597_578, 0),
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_rows_add_up_to_the_published_total_of(name: str) -> None:
    total, gap = PUBLISHED[name]
    assert reference_data.margin(name).total == pytest.approx(total, abs=gap, rel=0)


def part(name: str, **values: str) -> float:
    """Sum of the rows with these values, by dimension."""
    table = reference_data.margin(name)
    columns = [(table.dimensions.index(d), v) for d, v in values.items()]
    return sum(count for cell, count in table.rows if all(cell[c] == v for c, v in columns))


def test_the_27_countries_of_the_union_and_the_united_kingdom_add_up_as_published() -> None:
    # World Population Prospects 2019, 2020: 445,251 thousand in the 27 states, 67,886 in the United Kingdom.
    kingdom = part("eu_uk_sex_age_2020", country="United Kingdom")
    assert kingdom == pytest.approx(67_886_000, abs=500)
    assert reference_data.margin("eu_uk_sex_age_2020").total - kingdom == pytest.approx(
        445_251_000, abs=1_000
    )
    assert len(reference_data.margin("eu_uk_sex_age_2020").categories("country")) == 28
    assert part("eu_uk_sex_age_2020", country="Germany") == pytest.approx(83_783_945, abs=50)


def test_every_german_state_has_its_population_of_the_zensus() -> None:
    # Zensus 2022, residents on 15 May 2022 by Land, as first published.
    published = {
        "Baden-Württemberg": 11_104_040,
        "Bayern": 13_038_724,
        "Berlin": 3_596_999,
        "Brandenburg": 2_534_075,
        "Bremen": 693_204,
        "Hamburg": 1_808_846,
        "Hessen": 6_207_278,
        "Mecklenburg-Vorpommern": 1_570_817,
        "Niedersachsen": 7_943_265,
        "Nordrhein-Westfalen": 17_890_489,
        "Rheinland-Pfalz": 4_094_169,
        "Saarland": 1_006_864,
        "Sachsen": 4_038_131,
        "Sachsen-Anhalt": 2_146_443,
        "Schleswig-Holstein": 2_927_542,
        "Thüringen": 2_110_396,
    }
    assert sum(published.values()) == 82_719_540 - 8_258
    for land, people in published.items():
        assert part("de_land_age_migration_2022", land=land) == pytest.approx(people, abs=10)


def test_labour_status_adds_up_to_the_published_parts_of_the_mikrozensus() -> None:
    # Mikrozensus 2024, in thousands: 42,641 employed, 1,516 unemployed, 38,619 not in the labour force.
    name, rounding = "de_sex_age_labour_2024", 26 * 500
    assert part(name, labour_status="employed") == pytest.approx(42_641_000, abs=rounding)
    assert part(name, labour_status="not in the labour force") == pytest.approx(38_619_000, abs=rounding)
    unemployed = part(name, labour_status="unemployed")
    assert unemployed == pytest.approx(1_516_000, abs=rounding)
    assert unemployed < 1_516_000 + 5_000


def test_cells_that_the_office_suppresses_are_left_out_and_said_to_be() -> None:
    table = reference_data.margin("de_sex_age_labour_2024")
    ages = {cell[1] for cell, _ in table.rows if cell[2] == "unemployed"}
    assert ages == set(table.categories("age")) - {"0-14", "70-74", "75 and over"}
    assert "not in the table" in table.note


def test_the_two_bases_of_germany_are_518_000_people_apart() -> None:
    gap = reference_data.margin("de_land_sex_age_2021").total - 82_719_540
    assert gap == pytest.approx(518_000, abs=500)


def test_the_three_groups_of_hispanic_origin_are_all_residents_at_every_age() -> None:
    for year in ("2022", "2026"):
        for age in ("0", "18", "64", "85"):
            races = part(f"us_race_sex_age_{year}", age=age)
            assert part(f"us_hispanic_sex_age_{year}", age=age) == races


def test_education_of_each_country_adds_up_to_one_hundred_per_cent() -> None:
    table = reference_data.margin("eu_education_2021")
    assert len(table.categories("country")) == 31
    for country in table.categories("country"):
        assert part(table.name, country=country) == pytest.approx(100, abs=0.1 + 1e-9)


def test_all_tables_together_stay_small() -> None:
    folder = resources.files("reference_data") / "margins"
    size = sum(len(file.read_bytes()) for file in folder.iterdir() if file.is_file())
    assert size < 1_500_000


# --- against the files that the figures were taken from -----------------------------------------------------


def raw(name: str) -> Iterator[dict[str, str]]:
    with (SOURCES / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file)


def _hispanic(year: str) -> dict[tuple[str, ...], float]:
    words = {"8": "Hispanic", "9": "non-Hispanic White"}
    return {
        (words[r["RACE_HISP"]], "male" if r["SEX"] == "1" else "female", r["age"]): float(r["n"])
        for r in raw("us_age_sex_racehisp_2022_2030.csv")
        if r["YEAR"] == year and r["RACE_HISP"] in words and r["SEX"] in "12"
    }


EQUAL: dict[str, Callable[[], dict[tuple[str, ...], float]]] = {
    "us_state_2022": lambda: {(r["state"],): float(r["n"]) for r in raw("us_state_18plus_2022.csv")},
    "us_household_income_2021": lambda: {
        (r["income"],): 1000 * float(r["households_thousand"]) for r in raw("us_household_income_2021.csv")
    },
    "us_hispanic_sex_age_2022": lambda: _hispanic("2022"),
    "us_hispanic_sex_age_2026": lambda: _hispanic("2026"),
    "de_land_sex_age_2021": lambda: {
        (r["bundesland"], r["sex"], r["age"]): float(r["n"])
        for r in raw("de_bundesland_sex_age_20211231.csv")
    },
    "eu_uk_sex_age_2020": lambda: {
        (r["name"], r["sex"], r["age"].replace("+", " and over")): round(1000 * float(r["n_thousand"]))
        for r in raw("eu27_uk_us_age5_sex_2020_wpp2019.csv")
    },
    "ew_age_2020": lambda: {(r["age"],): float(r["n"]) for r in raw("ew_age_mid2020.csv")},
    "ew_ethnicity_2021": lambda: {
        (r["ethnic_group"].removesuffix(" (number)"),): float(r["value"])
        for r in raw("ew_ethnicity_census2021.csv")
    },
}
LEFT_OUT = {"us_state_2022": "Puerto Rico", "eu_uk_sex_age_2020": "United States of America"}
COMPUTED = {
    "us_hispanic_sex_age_2022": "non-Hispanic other",
    "us_hispanic_sex_age_2026": "non-Hispanic other",
}


@here
@pytest.mark.parametrize("name", EQUAL)
def test_every_figure_equals_that_of_its_source_in(name: str) -> None:
    source = {cell: n for cell, n in EQUAL[name]().items() if cell[0] != LEFT_OUT.get(name)}
    ours = {cell: n for cell, n in reference_data.margin(name).rows if cell[0] != COMPUTED.get(name)}
    assert ours == source


@here
def test_samples_of_race_migration_labour_and_education_equal_the_figures_of_their_sources() -> None:
    race = {
        (r["RACE_HISP"], r["SEX"], r["age"]): float(r["n"])
        for r in raw("us_age_sex_racehisp_2022_2030.csv")
        if r["YEAR"] == "2026"
    }
    assert part("us_race_sex_age_2026", race="Asian", sex="female", age="40") == race["4", "2", "40"]
    assert (
        part("us_race_sex_age_2026", race="two or more races", sex="male", age="85") == race["6", "1", "85"]
    )
    zensus = {
        (
            r["1_variable_attribute_label"],
            r["2_variable_attribute_label"],
            r["3_variable_attribute_label"],
        ): float(r["value"])
        for r in raw("de_zensus2022_age10_migration.csv")
    }
    assert (
        part("de_land_age_migration_2022", land="Bremen", age="30-39", migration="immigrated")
        == zensus["Bremen", "30 bis 39 Jahre", "Eingewanderte"]
    )
    labour = {
        (r["2_variable_attribute_label"], r["3_variable_attribute_label"], r["value_variable_label"]): r[
            "value"
        ]
        for r in raw("de_mikrozensus2024_age_sex_labour.csv")
    }
    people = 1000 * int(
        labour["weiblich", "25 bis unter 30 Jahre", "Erwerbslose aus Hauptwohnsitzhaushalten"]
    )
    assert part("de_sex_age_labour_2024", sex="female", age="25-29", labour_status="unemployed") == people
    assert labour["männlich", "75 Jahre und mehr", "Erwerbslose aus Hauptwohnsitzhaushalten"] == "/"
    shares = {
        (r["geo"], r["isced11"]): r["OBS_VALUE"]
        for r in raw("eu_edat_lfse_03_15_64.csv")
        if r["TIME_PERIOD"] == "2021" and r["OBS_VALUE"]
    }
    assert len(shares) == len(reference_data.margin("eu_education_2021").rows)
    assert part("eu_education_2021", country="Greece", education="tertiary") == float(shares["EL", "ED5-8"])
