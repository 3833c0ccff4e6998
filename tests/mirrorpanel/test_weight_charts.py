from grounding.population.tradeoff import CapPoint
from mirrorpanel.render import weight_charts


def point(cap: float | None, base: float, residual: float) -> CapPoint:
    return CapPoint(cap, base, 1000 / base, 2.0, residual, "a: b", converged=True)


def test_a_cap_that_changes_nothing_is_not_drawn() -> None:
    even = [point(1.5, 1000.0, 2.8e-17), point(5.0, 1000.0, 2.8e-17), point(None, 1000.0, 0.0)]
    assert not weight_charts.worth_showing(even)
    assert weight_charts.charts(even, []) == []


def test_the_axis_of_residuals_has_no_digits_of_the_computer_s_own_rounding() -> None:
    (svg,) = weight_charts.charts([point(1.5, 900.0, 2.8e-17), point(None, 800.0, 0.0)], [])
    assert "0.00000" not in svg


def test_margins_that_every_cap_meets_are_said_in_words_and_not_drawn_as_an_empty_chart() -> None:
    (svg,) = weight_charts.charts([point(1.5, 900.0, 2.8e-17), point(None, 800.0, 0.0)], [])
    assert "worst residual" not in svg
    assert "Every cap meets all margins." in svg
    (missed,) = weight_charts.charts([point(1.5, 900.0, 0.02), point(None, 800.0, 0.0)], [])
    assert "worst residual" in missed
