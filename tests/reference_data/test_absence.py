import pytest

import reference_data
from reference_data import countries


@pytest.mark.parametrize("text", ["Germany", "germany", " Deutschland ", "DE", "de", "DEU"])
def test_a_country_is_found_by_its_english_and_german_name_and_its_codes(text: str) -> None:
    assert countries.name(text) == "Germany"


def test_names_of_countries_are_unambiguous_and_cover_the_union() -> None:
    known = [n for c in countries.COUNTRIES for n in {c.name, c.code, c.german, *c.other} if n]
    assert len({n.casefold() for n in known}) == len(known)
    for table in map(reference_data.margin, reference_data.margin_names()):
        if "country" in table.dimensions:
            assert all(countries.name(name) == name for name in table.categories("country"))
    with pytest.raises(KeyError, match=r"no figures for 'Mars'.*Germany.*United States"):
        countries.name("Mars")


def test_eurostat_codes_that_differ_from_iso_are_known() -> None:
    assert (countries.name("EL"), countries.name("UK")) == ("Greece", "United Kingdom")


@pytest.mark.parametrize(
    ("country", "topic"),
    [
        ("Germany", "household size"),
        ("de", "Haushaltsgröße"),
        ("DE", "income"),
        ("UK", "education"),
        ("United Kingdom", "Bildung"),
    ],
)
def test_margins_that_were_looked_for_and_not_found_are_answered_with_why_and_what_there_is(
    country: str, topic: str
) -> None:
    answer = reference_data.absent(country, topic)
    assert answer is not None
    assert answer.reason != "It is not in this package."
    assert answer.instead
    assert answer.tables
    assert answer.sentence.startswith(f"No official margin: {answer.country}, {answer.topic}.")


@pytest.mark.parametrize(
    ("country", "topic"),
    [
        ("Germany", "education"),
        ("DE", "Bundesland"),
        ("US", "household income"),
        ("E&W", "race"),
        ("FR", "Alter"),
    ],
)
def test_there_is_no_absence_where_there_is_a_table(country: str, topic: str) -> None:
    assert reference_data.absent(country, topic) is None


def test_a_topic_that_nobody_looked_for_is_not_in_the_package_and_nothing_is_guessed() -> None:
    answer = reference_data.absent("France", "shoe size")
    assert answer is not None
    assert answer.reason == "It is not in this package."
    assert "No table of any country is about shoe size." in answer.instead
    assert answer.tables == ("eu_education_2021", "eu_uk_sex_age_2020")


def test_a_topic_that_other_countries_have_is_answered_with_their_tables() -> None:
    answer = reference_data.absent("France", "labour status")
    assert answer is not None
    assert "de_sex_age_labour_2024" in answer.instead


def test_an_unknown_country_is_answered_with_those_that_there_are() -> None:
    answer = reference_data.absent("Mars", "age")
    assert answer is not None
    assert answer.tables == ()
    assert "Germany" in answer.instead


def test_what_is_said_to_be_absent_is_absent() -> None:
    assert len(reference_data.absences()) >= 5
    for entry in reference_data.absences():
        found = reference_data.absent(entry.country, entry.topic)
        assert found is not None
        assert found.reason == entry.reason
        for name in [w.strip(".,;:") for w in entry.instead.split() if w.count("_") >= 2 and w[-1].isdigit()]:
            assert name in {*reference_data.margin_names(), "edat_lfse_03"}


def test_tables_of_a_country_are_its_own_those_of_its_parts_and_those_of_several() -> None:
    assert reference_data.margin_names("Italien") == ["eu_education_2021", "eu_uk_sex_age_2020"]
    assert "ew_age_2020" in reference_data.margin_names("UK")
    assert all(n.startswith("us_") for n in reference_data.margin_names("USA"))
