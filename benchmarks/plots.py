"""Curves of benchmarks as SVG files."""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import altair as alt

from mirrorpanel.render import drawing

# Apart for colour-blind readers as well (Okabe and Ito, "Color Universal Design", 2008).
_COLOURS = ("#0072b2", "#56b4e9", "#009e73", "#d55e00", "#e69f00", "#cc79a7", "#6b6b6b", "#000000")
_POWER = "datum.value >= 1 ? format(datum.value, '~s') : format(datum.value, '~r')"


class Point(NamedTuple):
    """One point of a curve.

    Attributes:
        x: number of answers or questions, or a name where the axis has names.
        y: the figure.
        series: which curve it belongs to.
        low: end of the range over splits.
        high: other end.
        panel: which of several plots side by side it belongs to.
    """

    x: float | str
    y: float
    series: str
    low: float | None = None
    high: float | None = None
    panel: str = ""


def curves(points: Sequence[Point], x: str, y: str, title: str, notes: Sequence[str], file: Path) -> None:
    """Writes lines with their ranges, one plot for each panel, as SVG.

    Numbers on the x axis are on a logarithmic scale, with 0 in its own place at the left end.
    """
    panels = list(dict.fromkeys(p.panel for p in points))
    plots = [_plot([p for p in points if p.panel == panel], x, y, panel) for panel in panels]
    file.parent.mkdir(parents=True, exist_ok=True)
    whole = drawing.beside(plots) if len(plots) > 1 else plots[0]
    file.write_text(drawing.svg(whole, title, notes, file.stem), encoding="utf-8")


def _plot(points: Sequence[Point], x: str, y: str, panel: str) -> drawing.Drawing:
    rows = [p._asdict() | {"x": _place(p.x)} for p in points]
    order = list(dict.fromkeys(_place(p.x) for p in points))
    angle = -25 if max(len(name) for name in order) > 8 else 0
    base = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("x:O", sort=order, title=x, axis=alt.Axis(labelAngle=angle, labelLimit=220)),
        color=alt.Color("series:N", title=None, legend=alt.Legend(orient="bottom", columns=2)),
    )
    line = base.mark_line(point=True).encode(y=alt.Y("y:Q", title=panel or y, scale=alt.Scale(zero=False)))
    span = base.mark_rule(opacity=0.4).encode(y=alt.Y("low:Q", title=panel or y), y2="high:Q")
    layers: list[alt.Chart] = [line, span] if any(p.low is not None for p in points) else [line]
    return alt.layer(*layers).properties(width=340, height=260)


def _place(x: float | str) -> str:
    return x if isinstance(x, str) else f"{x:,.0f}"


def log_log(
    points: Sequence[Point],
    lines: Sequence[Point],
    x: str,
    y: str,
    title: str,
    notes: Sequence[str],
    file: Path,
) -> None:
    """Writes points over lines of the same series as SVG, both axes logarithmic.

    Raises:
        ValueError: an x that is a name, or a figure of 0 or less, which has no place on such an axis.
    """
    for p in (*points, *lines):
        if isinstance(p.x, str) or p.x <= 0 or p.y <= 0:
            raise ValueError(f"{p.series}: ({p.x}, {p.y}) has no place on logarithmic axes")
    series = list(dict.fromkeys(p.series for p in points))
    right, top = _powers([p.x for p in (*points, *lines)]), _powers([p.y for p in (*points, *lines)])
    across = alt.X("x:Q", title=x, scale=_logarithmic(right), axis=_axis(right))
    up = alt.Y("y:Q", title=y, scale=_logarithmic(top), axis=_axis(top))
    colour = alt.Color(
        "series:N",
        title=None,
        scale=alt.Scale(domain=series, range=list(_COLOURS[: len(series)])),
        legend=alt.Legend(orient="right", labelLimit=220, symbolType="circle"),
    )
    drawn = alt.Chart(alt.Data(values=[p._asdict() for p in lines])).mark_line(opacity=0.7)
    dots = alt.Chart(alt.Data(values=[p._asdict() for p in points])).mark_point(
        filled=True, size=70, opacity=1
    )
    whole = alt.layer(
        drawn.encode(x=across, y=up, color=colour), dots.encode(x=across, y=up, color=colour)
    ).properties(width=520, height=380)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(drawing.svg(whole, title, notes, file.stem, synthetic=False), encoding="utf-8")


def _logarithmic(powers: Sequence[float]) -> alt.Scale:
    return alt.Scale(type="log", domain=[powers[0], powers[-1]], nice=False)


def _axis(powers: Sequence[float]) -> alt.Axis:
    """A line for each power of ten, and none between two."""
    return alt.Axis(labelExpr=_POWER, values=list(powers), labelOverlap=False)


def _powers(values: Sequence[float | str]) -> list[float]:
    """Powers of ten from the one at or below the least value to the one at or above the largest."""
    logs = [math.log10(float(v)) for v in values]
    return [10.0**n for n in range(math.floor(min(logs)), math.ceil(max(logs)) + 1)]
