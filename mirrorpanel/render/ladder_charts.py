"""The charts of a ladder as SVG text: how much of the gap each rung closes, and its log loss.

A rung that is far off would press all others together. Its axis ends before it: an arrow at the edge stands
for it, and its figure stands beside it as every rung's does.
"""

from collections.abc import Sequence
from typing import NamedTuple

import altair as alt

from mirrorpanel.render import drawing, numbers
from training.ladder.ladder import PartResult
from training.ladder.measured import Measured

_ROW, _WIDTH, _LABELS = 24, 260, 290
_LEAST_GAP = -0.5  # the uniform guess stands at 0, the ceiling at 1
_COLOURS = {"statistics": drawing.BROWN, "language model": "#5b636b", "trained": drawing.BLUE}
_NAMES = {"statistics": "statistics", "language model": "untuned language model", "trained": "trained here"}
_CLIPPED = " Arrow: off the chart, with its figure."


class Ends(NamedTuple):
    """Where an axis ends; ``None`` where it ends by itself."""

    low: float | None = None
    high: float | None = None

    def clips(self, value: float | None) -> bool:
        """Whether a value lies off the axis."""
        if value is None:
            return False
        return (self.low is not None and value < self.low) or (self.high is not None and value > self.high)

    def inside(self, value: float | None) -> float | None:
        """The value, or the end of the axis that it lies beyond."""
        if value is None or not self.clips(value):
            return value
        return self.low if self.low is not None and value < self.low else self.high


def chart(part: PartResult, key: str) -> str:
    """One SVG with a row for each rung: gap closed on the left, log loss on the right."""
    gaps, losses = gap_ends(part.rungs), loss_ends(part.rungs)
    rows = [_row(m, part.answers, gaps, losses) for m in part.rungs]
    order = [m.title for m in part.rungs]
    axis = alt.Axis(labelLimit=_LABELS, minExtent=_LABELS, maxExtent=_LABELS)
    left = _panel(rows, order, "gap", "gap closed", alt.Y("label:N", sort=order, title=None, axis=axis), gaps)
    right = _panel(
        rows,
        order,
        "loss",
        "log loss (nats; less is better)",
        alt.Y("label:N", sort=order, title=None, axis=None),
        losses,
    )
    clipped = _CLIPPED if any(r["gap_off"] or r["loss_off"] for r in rows) else ""
    some = " Hollow: measured on some of them, for want of time." if any(not r["whole"] for r in rows) else ""
    asked = "question" if part.questions == 1 else "questions"
    notes = [
        f"Base: {numbers.count(part.answers)} answers of {numbers.count(part.people)} real people to "
        f"{part.questions} {asked}.{some}{clipped}"
    ]
    title = part.title[:1].upper() + part.title[1:]
    return drawing.svg(alt.hconcat(left, right, spacing=60), title, notes, key)


def gap_ends(rungs: Sequence[Measured]) -> Ends:
    """The axis of gaps closed ends half a gap below the uniform guess, where any rung lies below that."""
    gaps = [m.gap_closed for m in rungs if m.gap_closed is not None]
    return Ends(low=_LEAST_GAP) if any(gap < _LEAST_GAP for gap in gaps) else Ends()


def loss_ends(rungs: Sequence[Measured]) -> Ends:
    """The axis of log loss ends as far above the uniform guess as the best rung lies below it.

    It ends a tenth above the guess at least. Without a uniform guess, or without a rung beyond that end, it
    ends by itself.
    """
    guess = next((m.log_loss for m in rungs if m.rung == "uniform"), None)
    if guess is None:
        return Ends()
    end = guess + max(guess - min(m.log_loss for m in rungs), 0.1 * guess)
    return Ends(high=end) if any(m.log_loss > end for m in rungs) else Ends()


def _panel(
    rows: list[drawing.Row], order: list[str], field: str, title: str, y: alt.Y, ends: Ends
) -> drawing.Drawing:
    color = alt.Color(
        "family:N",
        scale=alt.Scale(domain=list(_NAMES.values()), range=list(_COLOURS.values())),
        legend=alt.Legend(title=None, orient="top"),
    )
    base = alt.Chart(alt.InlineData(values=rows)).encode(y=y)
    known = base.transform_filter(f"isValid(datum.{field}) && !datum.{field}_off")
    axis = alt.Axis(tickCount=5, labelExpr="replace(datum.label, /^(−?)0\\./, '$1.')")
    x = alt.X(f"{field}:Q", title=title, scale=_scale(rows, field, ends), axis=axis)
    whole = known.transform_filter("datum.whole").mark_point(filled=True, size=90, opacity=1)
    some = known.transform_filter("!datum.whole").mark_point(size=90, opacity=1, strokeWidth=1.8)
    shape = "triangle-left" if ends.low is not None else "triangle-right"
    off = base.transform_filter(f"datum.{field}_off").mark_point(
        shape=shape, filled=True, size=110, opacity=1, clip=False
    )
    text = base.mark_text(align="left").encode(x=alt.value(_WIDTH + 12), text=f"{field}_text:N")
    layers = [m.encode(x=x, color=color) for m in (whole, some, off)]
    return alt.layer(*layers, text).properties(width=_WIDTH, height=_ROW * len(order))


def _scale(rows: list[drawing.Row], field: str, ends: Ends) -> alt.Scale:
    """The axis by itself, or from where all others begin to its end."""
    if ends == Ends():
        return alt.Scale(zero=field == "gap")
    shown = [r[field] for r in rows if r[field] is not None]
    low = min(shown) if ends.low is None else ends.low
    high = max(shown) if ends.high is None else ends.high
    margin = 0.04 * (high - low)
    if ends.low is None:
        return alt.Scale(domain=[low - margin, high], nice=False, zero=False)
    return alt.Scale(domain=[low, max(high, 1.0) + margin], nice=False, zero=False)


def _row(measured: Measured, answers: int, gaps: Ends, losses: Ends) -> drawing.Row:
    return {
        "label": measured.title,
        "family": _NAMES[measured.family],
        "gap": gaps.inside(measured.gap_closed),
        "gap_off": gaps.clips(measured.gap_closed),
        "gap_text": numbers.proportion(measured.gap_closed, 2),
        "loss": losses.inside(measured.log_loss),
        "loss_off": losses.clips(measured.log_loss),
        "loss_text": numbers.proportion(measured.log_loss),
        "whole": measured.answers == answers,
    }
