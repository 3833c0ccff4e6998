"""Codes without labels: what names, neighbours and frequencies say about them."""

from collections.abc import Sequence

import pytest

from grounding.sources.inspection import inspect
from grounding.sources.inspection_findings import Finding
from grounding.sources.table import Table

ROWS = 240


def look(name: str, cells: Sequence[str]) -> Finding:
    """The finding about a column that is not the first one."""
    columns = {"key of rows": tuple(f"p{i}x" for i in range(len(cells))), name: tuple(cells)}
    table = Table("survey.csv", columns, range(2, len(cells) + 2))
    return inspect(table).findings[1]


def repeated(*values: str, rows: int = ROWS) -> list[str]:
    return [values[i % len(values)] for i in range(rows)]


def shares(**counts: int) -> list[str]:
    """Cells in which ``n0=3`` is three times a 0."""
    return [value[1:] for value, count in counts.items() for _ in range(count)]


def test_codes_from_0_with_a_full_upper_end_are_steps_and_thinning_ones_are_counts() -> None:
    assert look("pid", shares(n0=40, n1=30, n2=20, n3=30, n4=40)).type == "scale"
    assert look("visits", shares(n0=120, n1=60, n2=30, n3=15, n4=5)).type == "number"


def test_days_of_a_week_are_numbers_however_many_say_every_day() -> None:
    assert look("active", repeated(*"01234567")).type == "number"


def test_codes_from_0_in_a_small_table_stay_numbers() -> None:
    assert look("pid", repeated(*"0123", rows=40)).type == "number"


@pytest.mark.parametrize("name", ["geschl", "race4", "wrkstat", "trt", "cond", "prodid", "wave"])
def test_names_of_kinds_keep_their_codes_from_becoming_scales(name: str) -> None:
    assert look(name, repeated(*"1234")).type == "choice"


@pytest.mark.parametrize("name", ["How satisfied are you with your job?", "Zufriedenheit mit dem Beruf"])
def test_a_question_how_satisfied_people_are_with_a_kind_is_a_scale(name: str) -> None:
    assert look(name, repeated(*"12345")).type == "scale"
    assert look("job", repeated(*"12345")).type == "choice"


def test_a_household_size_is_a_number_under_its_short_german_name() -> None:
    assert look("hhgr", repeated(*"12345")).type == "number"


@pytest.mark.parametrize("code", ["99", "77", "999"])
def test_a_high_code_among_words_is_missing(code: str) -> None:
    finding = look("state", repeated("Ohio", "Utah", "Iowa", "Texas", code))
    assert finding.missing == (code,)
    assert code not in [option.label for option in finding.options]


def test_a_number_among_words_with_numbers_is_an_answer() -> None:
    assert look("age", repeated("18-29", "30-44", "45-98", "99")).missing == ()
    assert look("mixed", repeated("few", "many", "12")).missing == ()


def test_9999_beside_years_is_missing() -> None:
    years = [str(1940 + i % 60) for i in range(ROWS - 5)]
    assert look("gebjahr", [*years, *["9999"] * 5]).missing == ("9999",)


def test_inapplicable_as_the_general_social_survey_writes_it_is_missing() -> None:
    assert look("owngun", repeated("yes", "no", "iap")).missing == ("iap",)


def _bodies(name: str) -> Finding:
    return look(name, [f"{50 + (i * 7) % 601 / 10:.1f}" for i in range(ROWS)])


@pytest.mark.parametrize("name", ["weight", "Gewicht (kg)", "body weight", "Körpergewicht"])
def test_weights_of_bodies_are_numbers(name: str) -> None:
    assert _bodies(name).type == "number"


def test_weights_of_rows_are_weights_with_mean_one_or_counting_people() -> None:
    assert look("weight", [f"{0.4 + (i * 7) % 121 / 100:.4f}" for i in range(ROWS)]).type == "weight"
    assert look("weight", [f"{400 + i * 13.37:.2f}" for i in range(ROWS)]).type == "weight"
    assert look("wght", [f"{5000 + (i * 7919) % 9001}" for i in range(ROWS)]).type == "weight"


def test_whole_numbers_of_bodies_or_things_are_no_weights_of_rows() -> None:
    assert look("Leergewicht", [f"{900 + (i * 7919) % 901}" for i in range(ROWS)]).type == "number"
    assert look("birth weight", [f"{2500 + (i * 7919) % 1901}" for i in range(ROWS)]).type == "number"
