import dataclasses

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from grounding.population.margins import Target, cells_of, check_totals, target
from personas.errors import DataError
from personas.panel import UNKNOWN, from_columns
from reference_data import MarginTable, margin

BINS = {"age_group": {"18-24": (18.0, 24.0), "25-64": (25.0, 64.0), "65 and over": (65.0, 120.0)}}
LEVELS = {"school": {"short": ["None", "Primary"], "long": ["Degree"]}}


def table(
    dimensions: tuple[str, ...], rows: dict[tuple[str, ...], float], name: str = "made_up"
) -> MarginTable:
    about = {"country": "Nowhere", "unit": "people", "source": "Office", "vintage": "2020"}
    return MarginTable(
        name, dimensions=dimensions, rows=tuple(rows.items()), licence="free", retrieved="", note="", **about
    )


SCHOOL = table(("education",), {("None",): 10.0, ("Primary",): 30.0, ("Degree",): 60.0})


def by_name(found: Target) -> dict[tuple[str, ...], float]:
    return dict(zip(found.cells, found.shares.tolist(), strict=True))


def test_single_years_are_binned_and_crossed_with_sex():
    found = target(margin("us_age_sex_2022"), {"age": "age_group", "sex": "sex"}, {}, BINS)
    assert found.attributes == ("age_group", "sex")
    assert found.total == 260_836_730
    assert len(found.cells) == 6
    young_men = sum(n for (age, sex), n in margin("us_age_sex_2022").rows if sex == "male" and int(age) <= 24)
    assert by_name(found)["18-24", "male"] == pytest.approx(young_men / found.total)
    assert found.shares.sum() == pytest.approx(1.0)


def test_dimensions_not_asked_for_are_summed_out():
    both = target(margin("us_age_sex_2022"), {"age": "age_group", "sex": "sex"}, {}, BINS)
    one = target(margin("us_age_sex_2022"), {"sex": "sex"}, {}, BINS)
    women = sum(share for (_, sex), share in by_name(both).items() if sex == "female")
    assert by_name(one)["female",] == pytest.approx(women)


def test_categories_are_recoded_by_levels():
    assert by_name(target(SCHOOL, {"education": "school"}, LEVELS, {})) == pytest.approx(
        {("short",): 0.4, ("long",): 0.6}
    )


def test_levels_win_over_bins_so_that_a_table_of_age_bands_can_serve_a_binned_attribute():
    bands = table(("age",), {("under 25",): 1.0, ("25 to 64",): 2.0, ("65+",): 1.0})
    levels = {"age_group": {"18-24": ["under 25"], "25-64": ["25 to 64"], "65 and over": ["65+"]}}
    assert_allclose(target(bands, {"age": "age_group"}, levels, BINS).shares, [0.25, 0.5, 0.25])


def test_official_numbers_outside_every_bin_are_outside_the_population():
    ages = table(("age",), {("17",): 5.0, ("18",): 3.0, ("70",): 1.0})
    found = target(ages, {"age": "age"}, {}, {"age": {"young": (18, 30), "old": (60, 99)}})
    assert (found.total, by_name(found)) == (4.0, {("young",): 0.75, ("old",): 0.25})


@pytest.mark.parametrize(
    ("attributes", "levels", "bins", "message"),
    [
        ({"schooling": "school"}, {}, {}, "table made_up has no dimension 'schooling'; it has education"),
        ({}, {}, {}, "name one attribute for each dimension"),
        (
            {"education": "school"},
            {"schol": {}},
            {},
            "levels are given for 'schol', which is none of .* school",
        ),
        (
            {"education": "school"},
            {"school": {"short": ["None"], "long": ["Degree"]}},
            {},
            "education as school: no level covers 'Primary'",
        ),
        (
            {"education": "school"},
            {"school": {"short": ["None", "Primary"], "long": ["Phd"]}},
            {},
            "level 'long' names 'Phd', which is not in the table; it has 'None', 'Primary', 'Degree'",
        ),
        (
            {"education": "school"},
            {"school": {"short": ["None", "Primary"], "long": ["Degree", "None"]}},
            {},
            "'None' is given to 'short' and to 'long'",
        ),
        (
            {"education": "school"},
            {"school": {"short": ["None", "Primary", "Degree"], "long": []}},
            {},
            "level 'long' covers no official category",
        ),
        (
            {"education": "school"},
            {},
            {"school": {"all": (0, 9)}},
            "bins need .* of them, the table has 'None'",
        ),
    ],
)
def test_a_margin_that_does_not_fit_its_table_is_refused(attributes, levels, bins, message):
    with pytest.raises(DataError, match=message):
        target(SCHOOL, attributes, levels, bins)


@pytest.mark.parametrize(
    ("bins", "message"),
    [
        ({"old": (130, 140)}, "bin 'old' .130 to 140. covers no official row; the table goes from 18 to 100"),
        ({"a": (18, 30), "b": (30, 100)}, "30 lies in bin 'a' and in bin 'b'"),
    ],
)
def test_bins_that_miss_the_table_or_overlap_are_refused(bins, message):
    with pytest.raises(DataError, match=message):
        target(margin("us_age_sex_2022"), {"age": "age"}, {}, {"age": bins})


def test_margins_with_different_totals_are_refused_naming_both_totals_and_sources():
    residents = target(margin("us_age_sex_2022"), {"sex": "sex"}, {}, {})
    civilians = target(margin("us_education_2022"), {"education": "education"}, {}, {})
    with pytest.raises(DataError) as refusal:
        check_totals([residents, civilians], as_shares=False)
    for part in (
        "260,836,730",
        "NC-EST2022-AGESEX-RES",
        "255,257,000",
        "Current Population Survey",
        "as_shares: true",
    ):
        assert part in str(refusal.value)
    check_totals([residents, civilians], as_shares=True)


def test_margins_of_one_population_need_not_be_taken_as_shares():
    ages = target(margin("us_age_sex_2022"), {"sex": "sex"}, {}, {})
    regions = target(margin("us_region_2022"), {"region": "region"}, {}, {})
    check_totals([ages, regions], as_shares=False)


def people(sex: list[str | None], school: list[str | None]):
    ids = [f"id{i}" for i in range(len(sex))]
    return from_columns(ids, {"school": school, "sex": sex}, np.ones(len(sex)))


CROSSED = Target(
    ("sex", "school"),
    (("f", "short"), ("m", "short"), ("f", "long")),
    np.full(3, 1 / 3),
    3.0,
    "Office",
    "2020",
    "free",
)


def test_people_are_placed_in_cells_and_unknown_stays_unknown():
    panel = people(["f", "m", "f", None, "f"], ["long", "short", "short", "short", None])
    assert_array_equal(cells_of(panel, CROSSED), [2, 1, 0, UNKNOWN, UNKNOWN])


def test_a_combination_without_a_target_is_refused_naming_person_and_values():
    with pytest.raises(
        DataError, match=r"1 person has .* person 'id1' has sex: m, school: long; the margin has"
    ):
        cells_of(people(["f", "m"], ["long", "long"]), CROSSED)


def test_a_value_that_no_cell_mentions_is_refused_too():
    with pytest.raises(DataError, match="person 'id0' has sex: x, school: long"):
        cells_of(people(["x", "m"], ["long", "short"]), CROSSED)


def test_people_with_a_level_that_is_not_counted_are_told_how_they_keep_their_weight():
    with pytest.raises(DataError) as caught:
        cells_of(people(["divers", "m", "divers"], ["long", "short", "short"]), CROSSED)
    said = str(caught.value)
    assert said.startswith("2 people have a value for which margin sex × school (Office) has no target")
    assert "for sex the margin has 'f', 'm'. Where the table does not count 'divers'" in said
    assert "list its code under 'missing' of attribute 'sex', so that these people keep their weight" in said


def test_totals_apart_name_households_and_no_empty_vintage():
    few = dataclasses.replace(CROSSED, total=1000.0, vintage="", unit="households")
    many = dataclasses.replace(CROSSED, total=2500.0, source="Census")
    with pytest.raises(DataError) as caught:
        check_totals([few, many], as_shares=False)
    said = str(caught.value)
    assert "has 2,500 people (Census, 2020), sex × school has 1,000 (Office), a gap of 150.0\u00a0%" in said
    assert "counts children too: where: {age: 18+}" in said


def test_an_attribute_that_the_panel_lacks_is_refused_with_those_it_has():
    with pytest.raises(DataError, match=r"sex × school .Office. needs attribute 'sex'.* it has school"):
        cells_of(people(["f"], ["long"]).select(["school"]), CROSSED)
