"""Curves of benchmarks as SVG files."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import altair as alt

from mirrorpanel.render import drawing


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
