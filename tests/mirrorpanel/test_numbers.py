import math

import pytest

from mirrorpanel.render import numbers

NAN = math.nan


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.968, ".968"),
        (0.96849, ".968"),
        (1.0, "1.000"),
        (0.9999, "1.000"),
        (0.0, ".000"),
        (-0.0001, ".000"),
        (-0.012, "−.012"),
        (-1.0984, "−1.098"),
        (None, "–"),
        (NAN, "–"),
    ],
)
def test_a_proportion_has_no_leading_zero(value: float | None, text: str) -> None:
    assert numbers.proportion(value) == text


def test_a_difference_between_shares_is_in_points() -> None:
    assert numbers.points(0.0031) == "0.31\u00a0points"
    assert numbers.points(-0.00124, 3) == "−0.124\u00a0points"
    assert numbers.points(None) == "–"


def test_a_proportion_takes_its_number_of_digits() -> None:
    assert numbers.proportion(0.968, 2) == ".97"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.012, "+.012"),
        (-0.012, "−.012"),
        (0.0, ".000"),
        (0.0004, ".000"),
        (-0.0004, ".000"),
        (1.2, "+1.200"),
        (NAN, "–"),
    ],
)
def test_a_difference_carries_its_sign(value: float, text: str) -> None:
    assert numbers.difference(value) == text


def test_intervals_read_from_low_to_high() -> None:
    assert numbers.interval(0.961, 0.974) == ".961 to .974"
    assert numbers.difference_interval(-0.003, 0.012) == "−.003 to +.012"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.968, "96.8\u00a0%"),
        (1.0, "100.0\u00a0%"),
        (0.0, "0.0\u00a0%"),
        (-0.031, "−3.1\u00a0%"),
        (None, "–"),
        (NAN, "–"),
    ],
)
def test_a_share_becomes_a_percentage(value: float | None, text: str) -> None:
    assert numbers.percent(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1000, "1,000"), (0, "0"), (18000, "18,000"), (1713.6, "1,714"), (NAN, "–")]
)
def test_a_count_has_thousands_separators(value: float, text: str) -> None:
    assert numbers.count(value) == text


@pytest.mark.parametrize(
    ("value", "text"), [(1.3666, "1.37"), (1234.5, "1,234.50"), (-0.001, "0.00"), (-2.5, "−2.50")]
)
def test_a_decimal_has_fixed_digits(value: float, text: str) -> None:
    assert numbers.decimal(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(12345.6, "12,346"), (100.0, "100"), (45.32, "45.3"), (4.532, "4.53"), (0.0523, "0.052"), (NAN, "–")],
)
def test_a_rate_keeps_about_three_digits(value: float, text: str) -> None:
    assert numbers.rate(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.0, "0 ms"),
        (0.052, "52 ms"),
        (0.9999, "1.0 s"),
        (8.4, "8.4 s"),
        (59.96, "1 min 0 s"),
        (75.2, "1 min 15 s"),
        (3599.7, "1 h 0 min"),
        (7500, "2 h 5 min"),
    ],
)
def test_a_duration_uses_the_unit_that_fits(seconds: float, text: str) -> None:
    assert numbers.duration(seconds).replace("\u00a0", " ") == text


@pytest.mark.parametrize("seconds", [-1.0, NAN, math.inf])
def test_a_duration_that_cannot_be_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match="seconds must be finite"):
        numbers.duration(seconds)


@pytest.mark.parametrize(
    ("iso", "text"),
    [
        ("2026-11-21", "21 November 2026"),
        ("2026-11-21T09:41:07+00:00", "21 November 2026, 09:41 UTC"),
        ("2026-11-21T00:41:07+02:00", "20 November 2026, 22:41 UTC"),
        ("2026-11-21T09:41:07Z", "21 November 2026, 09:41 UTC"),
    ],
)
def test_a_moment_is_written_in_words_and_utc(iso: str, text: str) -> None:
    assert numbers.moment(iso) == text


def test_a_time_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="must carry its zone"):
        numbers.moment("2026-11-21T09:41:07")
