"""How charts are drawn: dots on an agreement axis and stacked shares, as SVG that needs nothing else.

The synthetic label is part of every drawing, so that a chart copied out of the report still carries it.
"""

import re
from collections.abc import Sequence
from typing import Any, TypeAlias

import altair as alt
import vl_convert

from mirrorpanel.render import wording
from validation.results import QuestionResult

Row: TypeAlias = dict[str, Any]
Drawing: TypeAlias = alt.Chart | alt.LayerChart | alt.FacetChart | alt.HConcatChart

MODEL, CEILING, BASELINE = "persona model", "ceiling", "baseline"
BLUE, BROWN = "#0b4f8a", "#b4632a"

_INK, _MUTED, _GRID, _LINE, _WARNING = "#1d242b", "#5b636b", "#e3e6e9", "#aab1b7", "#8c1d18"
_KINDS = alt.Scale(domain=[MODEL, CEILING, BASELINE], range=[BLUE, "#5b636b", BROWN])
_DOT_ROW, _STACK_ROW = 24, 44
_WHOSE = 66  # pixels for "real" and "simulated" between label and bar
_AXIS_LABEL = "replace(format(datum.value, '.2~f'), /^0/, '')"

# Pale enough for black figures on top; the two ends differ for colour-blind readers as well.
_SHADES = {
    2: ["#9cc3e0", "#e9c28f"],
    3: ["#86b4d8", "#d9dde1", "#e3b27c"],
    4: ["#6fa3cd", "#b5d1e6", "#f0d3ac", "#dea365"],
    5: ["#6fa3cd", "#b5d1e6", "#dfe2e5", "#f0d3ac", "#dea365"],
}
_PLOT_TITLE: dict[str, Any] = {"anchor": "start", "color": _INK}
_CONFIG: dict[str, Any] = {
    "font": "Arial, Liberation Sans, Helvetica, sans-serif",
    "background": "transparent",
    "aria": False,
    "padding": 4,
    "view": {"stroke": None},
    "text": {"fontSize": 12},
    "legend": {"labelFontSize": 12, "labelColor": _INK},
    "axis": {
        "labelFontSize": 12,
        "titleFontSize": 12,
        "labelColor": _INK,
        "titleColor": _MUTED,
        "titleFontWeight": "normal",
        "gridColor": _GRID,
        "domainColor": _LINE,
        "tickColor": _LINE,
    },
}


def point(label: str, kind: str, value: float, low: float | None = None, high: float | None = None) -> Row:
    """One mark of ``dots``; ``low`` and ``high`` add an interval."""
    return {"label": label, "kind": kind, "value": value, "low": low, "high": high, "text": ""}


def remark(label: str, text: str) -> Row:
    """A row of ``dots`` that has words in place of a mark."""
    return {"label": label, "kind": MODEL, "value": None, "low": None, "high": None, "text": text}


def dots(
    rows: Sequence[Row], order: Sequence[str], low: float, width: int, label_width: int, title: str = ""
) -> Drawing:
    """Marks on an agreement axis from ``low`` to 1, one row for each label, ``text`` at the right end.

    The row labels take ``label_width`` pixels beside the plot; with 0 they are left to a neighbour.
    """
    axis = alt.Axis(labelLimit=label_width, minExtent=label_width, maxExtent=label_width)
    y_scale = alt.Scale(domain=list(order))
    y = alt.Y("label:N", sort=list(order), title=None, axis=axis if label_width else None, scale=y_scale)
    ticks = alt.Axis(labelExpr=_AXIS_LABEL, tickCount=6, title="agreement", grid=True)
    scale = alt.Scale(domain=[low, 1.0])
    x, x_low = alt.X("value:Q", scale=scale, axis=ticks), alt.X("low:Q", scale=scale, axis=ticks)
    color = alt.Color("kind:N", scale=_KINDS, legend=None)
    base = alt.Chart(alt.InlineData(values=list(rows))).encode(y=y)
    known = base.transform_filter("isValid(datum.value)")
    spans = known.transform_filter("isValid(datum.low)").mark_rule(strokeWidth=2.5, opacity=0.55)
    bars = known.transform_filter(f"datum.kind == '{CEILING}'").mark_tick(thickness=3, size=14)
    full = known.transform_filter(f"datum.kind == '{MODEL}'").mark_point(filled=True, size=95, opacity=1)
    hollow = known.transform_filter(f"datum.kind == '{BASELINE}'").mark_point(
        shape="diamond", size=110, opacity=1, strokeWidth=1.8
    )
    words = base.transform_filter("!isValid(datum.value)").mark_text(
        align="left", fontStyle="italic", color=_MUTED
    )
    return alt.layer(
        spans.encode(x=x_low, x2="high:Q", color=color),
        bars.encode(x=x, color=color),
        full.encode(x=x, color=color),
        hollow.encode(x=x, color=color),
        words.encode(x=alt.value(6), text="text:N"),
        known.mark_text(align="left", color=_INK).encode(x=alt.value(width + 12), text="text:N"),
    ).properties(
        width=width, height=_DOT_ROW * len(order), title=alt.Title(title, fontSize=12, **_PLOT_TITLE)
    )


def beside(drawings: Sequence[Drawing]) -> Drawing:
    """Drawings next to each other."""
    return alt.hconcat(*drawings, spacing=26)


def stacks(
    results: Sequence[QuestionResult], labels: dict[str, str], width: int, label_width: int
) -> Drawing:
    """Two stacked bars for each question, real above simulated; all questions have the same options."""
    rows = [row for q in results for row in _pieces(q, labels[q.name])]
    options = list(results[0].options)
    axis = alt.Axis(
        labelLimit=label_width - _WHOSE,
        minExtent=label_width,
        maxExtent=label_width,
        labelPadding=_WHOSE,
        domain=False,
    )
    order = [labels[q.name] for q in results]
    y = alt.Y("label:N", sort=order, title=None, axis=axis, scale=alt.Scale(paddingInner=0.28))
    offset = alt.YOffset("who:N", sort=["real", "simulated"], scale=alt.Scale(paddingInner=0.08))
    base = alt.Chart(alt.InlineData(values=rows)).encode(y=y, yOffset=offset)
    percent = alt.Axis(format=".0%", title=None, tickCount=5)
    x = alt.X("start:Q", scale=alt.Scale(domain=[0, 1], nice=False), axis=percent)
    whose = base.transform_filter("datum.start == 0").mark_text(align="right", fontSize=11, color=_MUTED)
    return alt.layer(
        base.mark_bar().encode(x=x, x2="end:Q", color=_option_color(options)),
        base.mark_text(fontSize=11, color=_INK).encode(x="middle:Q", text="text:N"),
        whose.encode(x=alt.value(-6), text="who:N"),
    ).properties(width=width, height=_STACK_ROW * len(order))


def _option_color(options: list[str]) -> alt.Color:
    """One colour for each option, with its legend in a line above the plot."""
    shades = _SHADES.get(len(options))
    scale = alt.Scale(range=shades) if shades else alt.Scale(scheme="tableau20")
    scale["domain"] = options
    legend = alt.Legend(
        orient="none",
        direction="horizontal",
        legendX=0,
        legendY=-24,
        title=None,
        symbolType="square",
        labelLimit=240,
    )
    return alt.Color("option:N", scale=scale, sort=options, legend=legend)


def _pieces(result: QuestionResult, label: str) -> list[Row]:
    """The pieces of both bars of one question; pieces too narrow for a figure carry none."""
    rows: list[Row] = []
    for who, shares in (("real", result.real), ("simulated", result.simulated)):
        start = 0.0
        for option, share in zip(result.options, shares, strict=True):
            place = {"start": start, "end": start + share, "middle": start + share / 2}
            text = f"{100 * share:.0f}" if share >= 0.045 else ""
            rows.append({"label": label, "who": who, "option": option, "text": text, **place})
            start += share
    return rows


def svg(
    drawing: Drawing, title: str, notes: Sequence[str], key: str, gap: int = 12, synthetic: bool = True
) -> str:
    """SVG text with title, notes and, where simulated answers are shown, the synthetic label.

    Args:
        drawing: what to draw.
        title: heading inside the drawing.
        notes: lines below the heading; the base belongs here.
        key: beginning of every id in the SVG, so that several fit into one page.
        gap: pixels between the notes and the plot.
        synthetic: whether the drawing shows simulated answers.
    """
    head = alt.Title(
        title,
        subtitle=list(notes),
        frame="bounds",
        fontSize=15,
        subtitleFontSize=12,
        subtitleColor=_MUTED,
        offset=gap,
        **_PLOT_TITLE,
    )
    label = alt.Title(
        wording.SYNTHETIC_SHORT,
        orient="bottom",
        anchor="start",
        frame="bounds",
        fontSize=11,
        fontWeight="normal",
        fontStyle="italic",
        color=_WARNING,
        offset=10,
    )
    whole = alt.vconcat(drawing.properties(title=head))
    spec: dict[str, Any] = (whole.properties(title=label) if synthetic else whole).to_dict()
    spec["config"] = _CONFIG
    version = ".".join(alt.SCHEMA_VERSION.removeprefix("v").split(".")[:2])
    return re.sub(r'(\bid="|url\(#)', rf"\g<1>{key}-", vl_convert.vegalite_to_svg(spec, vl_version=version))
