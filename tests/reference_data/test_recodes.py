from importlib import resources

import pytest

import reference_data
from reference_data import official

SHIPPED = [reference_data.margin(name) for name in reference_data.margin_names()]


@pytest.mark.parametrize("table", SHIPPED, ids=lambda t: t.name)
def test_a_ready_recode_gives_each_category_of_the_table_to_one_value(table: official.MarginTable) -> None:
    for dimension in table.dimensions:
        for recode in reference_data.levels_for(table, dimension).values():
            covered = [category for categories in recode.values() for category in categories]
            assert sorted(covered) == sorted(table.categories(dimension))
            assert all(recode.values())


def test_every_ready_recode_fits_some_table_and_names_only_categories_that_exist() -> None:
    for dimension in official._levels():  # pyright: ignore[reportPrivateUsage]
        known = {c for t in SHIPPED if dimension in t.dimensions for c in t.categories(dimension)}
        for name, recode in reference_data.levels(dimension).items():
            assert any(
                name in reference_data.levels_for(t, dimension) for t in SHIPPED if dimension in t.dimensions
            )
            stray = {c for covered in recode.values() for c in covered} - known
            assert not stray or dimension == "country"


def test_nuts_codes_and_official_keys_lead_to_the_same_16_states() -> None:
    recodes = reference_data.levels("land")
    assert recodes["nuts1"]["DEA"] == recodes["official_key"]["05"] == ("Nordrhein-Westfalen",)
    assert recodes["nuts1"]["DE2"] == recodes["english"]["Bavaria"] == ("Bayern",)
    assert len(recodes["nuts1"]) == len(recodes["official_key"]) == 16
    assert [len(v) for v in recodes["east_west"].values()] == [6, 10]


def test_states_and_regions_agree_between_the_two_tables_of_the_united_states() -> None:
    states = dict(reference_data.margin("us_state_2022").rows)
    regions = dict(reference_data.margin("us_region_2022").rows)
    for region, covered in reference_data.levels("state")["census_region"].items():
        assert sum(states[(state,)] for state in covered) == regions[(region,)]


def test_a_dimension_without_ready_recodes_has_none() -> None:
    assert reference_data.levels("shoe size") == {}


def test_each_attribution_that_a_licence_asks_for_stands_in_the_notice() -> None:
    notice = (resources.files("reference_data") / "margins" / "NOTICE.md").read_text(encoding="utf-8")
    for table in SHIPPED:
        if table.attribution:
            assert table.attribution in notice
            assert f"`{table.name}`" in notice


def test_attributions_hold_the_words_of_their_licences() -> None:
    wanted = {
        "dl-de/by-2-0": "www.govdata.de/dl-de/by-2-0",
        "CC BY 3.0 IGO": "CC BY 3.0 IGO",
        "Open Government Licence v3.0": "licensed under the Open Government Licence v.3.0",
    }
    for table in SHIPPED:
        if table.licence in wanted:
            assert wanted[table.licence] in table.attribution


def test_a_table_says_which_dimensions_it_has() -> None:
    with pytest.raises(KeyError, match="no dimension 'land'"):
        reference_data.margin("ew_age_2020").categories("land")
