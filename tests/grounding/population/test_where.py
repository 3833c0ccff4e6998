import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

import reference_data
from grounding.population import margins, tables
from personas.errors import DataError
from reference_data import MarginTable

EDUCATION = reference_data.margin("eu_education_2021")
EUROPE = reference_data.margin("eu_uk_sex_age_2020")
LAND = reference_data.margin("de_land_sex_age_2021")


def own(unit: str, *rows: tuple[tuple[str, ...], float]) -> MarginTable:
    about = dict.fromkeys(("source", "vintage", "licence", "retrieved", "note"), "")
    return MarginTable("own", "", ("sex", "party"), rows, unit, **about)


def test_one_country_of_many_is_chosen_by_any_of_its_names() -> None:
    for name in ("Germany", "Deutschland", "DE"):
        table = tables.filtered(EUROPE, {"country": name})
        assert table.country == "Germany"
        assert table.total == pytest.approx(83_783_945, abs=50)  # World Population Prospects 2019
    assert tables.filtered(EUROPE, {"country": ["Austria", "DE"]}).categories("country") == (
        "Austria",
        "Germany",
    )


def test_an_empty_where_keeps_the_table() -> None:
    assert tables.filtered(LAND, {}) == LAND


@given(low=st.integers(0, 90), width=st.integers(0, 90))
def test_a_range_of_single_years_keeps_exactly_the_years_inside(low: int, width: int) -> None:
    kept = tables.filtered(LAND, {"age": f"{low}-{low + width}", "land": "Bremen"}).categories("age")
    assert kept == tuple(str(age) for age in range(low, min(low + width, 90) + 1))


def test_an_open_range_keeps_the_open_group() -> None:
    assert tables.filtered(EUROPE, {"age": "85+"}).categories("age") == (
        "85-89",
        "90-94",
        "95-99",
        "100 and over",
    )


def test_several_values_and_ranges_add_up() -> None:
    table = tables.filtered(
        LAND, {"land": ["Berlin", "Brandenburg"], "age": ["18-29", "65+"], "sex": "female"}
    )
    assert len(table.rows) == 2 * (12 + 26)
    assert table.dimensions == LAND.dimensions


@pytest.mark.parametrize(
    ("table", "where", "expected"),
    [
        (EUROPE, {"age": "18+"}, "age '18+' cuts through '15-19', which the table counts whole; '20+' is"),
        (EUROPE, {"age": "16-17"}, "cuts through '15-19', which the table counts whole; choose bounds"),
        (EUROPE, {"country": "Canada"}, "No official margin for Canada is in this package: bring a table"),
        (EUROPE, {"country": "Canada"}, "of your own under 'tables' of the grounding file, with its source"),
        (
            EUROPE,
            {"country": "Canada"},
            "Countries of eu_uk_sex_age_2020: Austria, Belgium, Bulgaria",
        ),
        (EUROPE, {"country": "USA"}, "'United States'; these do: us_age_sex_2022, us_education_2022"),
        (EUROPE, {"country": "Germny"}, "does not count 'Germny' (did you mean 'Germany'?)"),
        (EUROPE, {"age": "18-64", "country": "DE"}, "cuts through '15-19'"),
        (
            EUROPE,
            {"country": "Mars"},
            "does not count 'Mars'. No official margin for Mars is in",
        ),
        (LAND, {"land": "Bayer"}, "no land 'Bayer' (did you mean 'Bayern'?)"),
        (LAND, {"state": "Bayern"}, "'where' names 'state', which is no dimension; it has land, sex, age"),
        (LAND, {"age": "95+"}, "age '95+' holds none of its categories"),
        (LAND, {"land": []}, "'where' names no value of 'land'"),
        (own("people", (("f", "a"), 0.0), (("m", "a"), 3.0)), {"sex": "f"}, "counts nobody where sex is f"),
    ],
)
def test_a_where_that_does_not_fit_is_refused_with_what_does(
    table: MarginTable, where: dict[str, str | list[str]], expected: str
) -> None:
    with pytest.raises(DataError) as caught:
        tables.filtered(table, where)
    assert table.name in str(caught.value)
    assert expected in str(caught.value)


def test_per_cent_of_several_countries_is_refused_and_of_one_makes_a_target() -> None:
    with pytest.raises(DataError, match=r"add up to 3,100\.0, not 100.*where: \{country: Austria\}"):
        tables.filtered(EDUCATION, {})
    one = tables.filtered(EDUCATION, {"country": "DE"})
    target = margins.target(one, {"education": "education"}, {}, {})
    # Eurostat, edat_lfse_03, Germany 2021, ages 15 to 64: 21.0, 52.0, 27.0 per cent.
    assert dict(zip(target.cells, target.shares, strict=True)) == pytest.approx(
        {
            ("lower secondary or less",): 0.210,
            ("upper secondary or post-secondary",): 0.520,
            ("tertiary",): 0.270,
        }
    )


def test_own_rows_in_per_cent_must_be_of_one_whole() -> None:
    rows = [((sex, party), 50.0) for sex in ("f", "m") for party in ("a", "b")]
    with pytest.raises(DataError, match="add up to 200"):
        tables.filtered(own("percent", *rows), {})
    assert tables.filtered(own("percent", *rows), {"sex": "f"}).total == 100
    assert tables.filtered(dataclasses.replace(own("percent", *rows), unit="people"), {}).total == 200
