"""The charts of a grounding report as SVG text: what a cap costs, and what weighting moved."""

from collections.abc import Sequence

import altair as alt

from grounding.population.balance import Moved
from grounding.population.tradeoff import CapPoint
from mirrorpanel.render import drawing

_WIDTH, _HEIGHT = 420, 200
_MOST = 16
_SEEN = 0.00005  # the smallest residual that is not written as 0.00 %


def charts(tradeoff: Sequence[CapPoint], moved: Sequence[Moved]) -> list[str]:
    """One SVG for each chart that there is something to draw for; what moved most comes first."""
    drawn: list[str] = []
    if len(tradeoff) > 1 and worth_showing(tradeoff):
        drawn.append(_tradeoff(tradeoff))
    known = [m for m in moved if m.asmd is not None]
    if known:
        drawn.append(_balance(known[:_MOST]))
    return drawn


def worth_showing(tradeoff: Sequence[CapPoint]) -> bool:
    """Whether the caps differ in what they cost: with equal weights none of them changes anything."""
    bases = [p.effective_base for p in tradeoff]
    missed = max((p.worst_residual for p in tradeoff), default=0.0)
    return bool(bases) and (max(bases) - min(bases) >= 0.5 or missed >= _SEEN)


def _tradeoff(points: Sequence[CapPoint]) -> str:
    order = ["none" if p.cap is None else f"{p.cap:g}" for p in points]
    rows = [
        {"cap": label, "base": p.effective_base, "residual": round(100 * p.worst_residual, 4)}
        for label, p in zip(order, points, strict=True)
    ]
    highest = max(0.1, *(100 * p.worst_residual for p in points))
    base = alt.Chart(alt.InlineData(values=rows)).encode(
        x=alt.X(
            "cap:O", sort=order, title="largest weight allowed (times the mean)", axis=alt.Axis(labelAngle=0)
        )
    )
    left = base.mark_line(point=alt.OverlayMarkDef(size=60), color=drawing.BLUE).encode(
        y=alt.Y("base:Q", title="effective base", scale=alt.Scale(zero=True))
    )
    right = base.mark_bar(color=drawing.BROWN, size=26).encode(
        y=alt.Y("residual:Q", title="worst residual (points)", scale=alt.Scale(domain=[0, highest]))
    )
    missed = max(p.worst_residual for p in points) >= _SEEN
    drawn = [p.properties(width=_WIDTH, height=_HEIGHT) for p in ((left, right) if missed else (left,))]
    notes = [] if missed else ["Every cap meets all margins."]
    return drawing.svg(
        alt.hconcat(*drawn, spacing=40), "What a cap on the weights costs", notes, "tradeoff", synthetic=False
    )


def _balance(moved: Sequence[Moved]) -> str:
    rows = [
        {"label": f"{m.attribute.replace('_', ' ')}: {m.level}", "share": 100 * share, "when": when}
        for m in moved
        for when, share in (("before", m.before), ("after", m.after))
    ]
    order = list(dict.fromkeys(str(r["label"]) for r in rows))
    color = alt.Color(
        "when:N",
        scale=alt.Scale(domain=["before", "after"], range=[drawing.BROWN, drawing.BLUE]),
        legend=alt.Legend(title=None, orient="top"),
    )
    dots = (
        alt.Chart(alt.InlineData(values=rows))
        .mark_point(filled=True, size=80, opacity=1)
        .encode(
            x=alt.X("share:Q", title="per cent", scale=alt.Scale(zero=False)),
            y=alt.Y("label:N", sort=order, title=None, axis=alt.Axis(labelLimit=330)),
            color=color,
        )
        .properties(width=480, height=24 * len(order))
    )
    notes = ["Largest standardised differences first."]
    title = "Variables not weighted by, before and after weighting"
    return drawing.svg(dots, title, notes, "balance", synthetic=False)
