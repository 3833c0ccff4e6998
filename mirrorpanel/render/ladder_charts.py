"""The charts of a ladder as SVG text: how much of the gap each rung closes, and its log loss."""

import altair as alt

from mirrorpanel.render import drawing, numbers
from training.ladder.ladder import PartResult
from training.ladder.measured import Measured

_ROW, _WIDTH, _LABELS = 24, 260, 290
_COLOURS = {"statistics": drawing.BROWN, "language model": "#5b636b", "trained": drawing.BLUE}
_NAMES = {"statistics": "statistics", "language model": "untuned language model", "trained": "trained here"}


def chart(part: PartResult, key: str) -> str:
    """One SVG with a row for each rung: gap closed on the left, log loss on the right."""
    rows = [_row(m, part.answers) for m in part.rungs]
    order = [m.title for m in part.rungs]
    axis = alt.Axis(labelLimit=_LABELS, minExtent=_LABELS, maxExtent=_LABELS)
    left = _panel(
        rows, order, "gap", "share of the gap closed", alt.Y("label:N", sort=order, title=None, axis=axis)
    )
    right = _panel(
        rows,
        order,
        "loss",
        "log loss (nats; less is better)",
        alt.Y("label:N", sort=order, title=None, axis=None),
    )
    notes = [
        f"Base: {numbers.count(part.answers)} answers of {numbers.count(part.people)} real people to "
        f"{part.questions} questions. Hollow: measured on some of them, for want of time."
    ]
    return drawing.svg(alt.hconcat(left, right, spacing=60), part.title.capitalize(), notes, key)


def _panel(rows: list[drawing.Row], order: list[str], field: str, title: str, y: alt.Y) -> drawing.Drawing:
    color = alt.Color(
        "family:N",
        scale=alt.Scale(domain=list(_NAMES.values()), range=list(_COLOURS.values())),
        legend=alt.Legend(title=None, orient="top"),
    )
    base = alt.Chart(alt.InlineData(values=rows)).encode(y=y)
    known = base.transform_filter(f"isValid(datum.{field})")
    x = alt.X(f"{field}:Q", title=title, scale=alt.Scale(zero=field == "gap"), axis=alt.Axis(tickCount=5))
    whole = known.transform_filter("datum.whole").mark_point(filled=True, size=90, opacity=1)
    some = known.transform_filter("!datum.whole").mark_point(size=90, opacity=1, strokeWidth=1.8)
    text = base.mark_text(align="left").encode(x=alt.value(_WIDTH + 10), text=f"{field}_text:N")
    return alt.layer(whole.encode(x=x, color=color), some.encode(x=x, color=color), text).properties(
        width=_WIDTH, height=_ROW * len(order)
    )


def _row(measured: Measured, answers: int) -> drawing.Row:
    return {
        "label": measured.title,
        "family": _NAMES[measured.family],
        "gap": measured.gap_closed,
        "gap_text": numbers.proportion(measured.gap_closed, 2),
        "loss": measured.log_loss,
        "loss_text": numbers.proportion(measured.log_loss),
        "whole": measured.answers == answers,
    }
