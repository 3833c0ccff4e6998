from dataclasses import replace

import pytest

import reference_data
from grounding.population import bases, tables
from personas.errors import DataError

OLD = reference_data.margin("de_land_sex_age_2021")
NEW = reference_data.margin("de_land_age_migration_2022")
LABOUR = reference_data.margin("de_sex_age_labour_2024")
EUROPE = reference_data.margin("eu_uk_sex_age_2020")
EDUCATION = tables.filtered(reference_data.margin("eu_education_2021"), {"country": "Germany"})


@pytest.mark.parametrize("pair", [(OLD, NEW), (NEW, OLD), (OLD, LABOUR), (EUROPE, NEW)])
def test_the_two_census_bases_of_germany_are_never_met_in_one_fit(
    pair: tuple[reference_data.MarginTable, reference_data.MarginTable],
) -> None:
    with pytest.raises(DataError) as caught:
        bases.check(pair)
    said = str(caught.value)
    assert all(table.name in said and table.basis in said for table in pair)
    assert "518,000 people apart" in said
    assert "de_sex_age_labour_2024" in said


def test_tables_on_one_basis_are_met_together() -> None:
    assert NEW.basis != OLD.basis
    for met in ([NEW, LABOUR, EDUCATION], [OLD, EDUCATION], []):
        bases.check(met)  # raises where two bases meet, as the test before shows


def test_another_country_of_the_same_table_is_no_matter() -> None:
    bases.check([tables.filtered(EUROPE, {"country": "France"}), NEW])
    with pytest.raises(DataError, match="eu_uk_sex_age_2020"):
        bases.check([tables.filtered(EUROPE, {"country": "DE"}), NEW])


def test_residents_and_civilians_of_the_united_states_may_be_mixed_as_shares() -> None:
    found = [reference_data.margin(name) for name in reference_data.margin_names("US")]
    assert len({table.basis for table in found}) > 1
    bases.check(found)


def test_an_own_table_counts_by_the_basis_that_it_names() -> None:
    named = replace(OLD, name="own", basis="Fortschreibung, Zensus 2011")
    with pytest.raises(DataError, match=r"own \(Fortschreibung, Zensus 2011\)"):
        bases.check([named, NEW])
    bases.check([replace(named, basis="")])


def test_tables_of_households_and_of_people_are_not_taken_for_one_another() -> None:
    income = reference_data.margin("us_household_income_2021")
    bases.check_unit(income, "households")
    bases.check_unit(OLD, "people")
    bases.check_unit(EDUCATION, "people")
    with pytest.raises(DataError, match=r"us_household_income_2021 counts households.*households\.margins"):
        bases.check_unit(income, "people")
    with pytest.raises(DataError, match="counts people, and is used as a margin of households"):
        bases.check_unit(OLD, "households")
