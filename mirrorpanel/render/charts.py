"""The charts of an agreement report as SVG text: what each shows, with its title and its base."""

import math
from collections.abc import Sequence

from mirrorpanel.render import drawing, numbers, wording
from mirrorpanel.render.data import ReportData
from mirrorpanel.render.drawing import BASELINE, CEILING, MODEL, Row
from personas.measures.estimate import Estimate
from validation.results import QuestionResult, SegmentResult, Status, StatusResult

MOST_QUESTIONS = 40
_STACKS = 20  # questions in one drawing of shares: what fits on a printed page
_KEY = "Dot: persona model with 95 % interval. Bar: ceiling. Diamond: best baseline."


def overview(data: ReportData) -> list[str]:
    """One SVG for each kind of held-out data: the model between its baselines and the ceiling."""
    statuses = data.agreement.statuses
    low = domain_low([v for s in statuses for v in (*s.baselines.values(), s.agreement.low)])
    return [
        drawing.svg(_ranking(s, low), wording.STATUSES[s.status], [_status_base(data, s)], f"overview{i}")
        for i, s in enumerate(statuses)
    ]


def questions(data: ReportData) -> str:
    """SVG of agreement by question, worst first, ``MOST_QUESTIONS`` at most."""
    results = data.agreement.questions
    worst = worst_first(results)[:MOST_QUESTIONS]
    labels = wording.question_labels(results)
    stars = {q.name: labels[q.name] + (" *" if q.status == "unseen_both" else "") for q in worst}
    rows = [row for q in worst for row in _question_rows(q, stars[q.name])]
    low = domain_low([r["value"] for r in rows] + [q.agreement.low for q in worst])
    star = " * Question not in training." if any(q.status == "unseen_both" for q in worst) else ""
    cut = "" if len(worst) == len(results) else f" The {len(worst)} worst of {len(results)} are shown."
    chart = drawing.dots(rows, [stars[q.name] for q in worst], low, width=520, label_width=350)
    title = "Agreement by question, worst first"
    return drawing.svg(chart, title, [_base(data), _KEY + star + cut], "questions")


def shares(data: ReportData) -> list[str]:
    """SVGs of real and simulated shares, worst question first, one or more for each set of options."""
    worst = worst_first(data.agreement.questions)[:MOST_QUESTIONS]
    labels = wording.question_labels(data.agreement.questions)
    pages = [
        group[start : start + _STACKS]
        for options in dict.fromkeys(q.options for q in worst)
        for group in [[q for q in worst if q.options == options]]
        for start in range(0, len(group), _STACKS)
    ]
    title, notes = "Real and simulated answers", ["Shares in per cent. " + _base(data)]
    return [
        drawing.svg(drawing.stacks(page, labels, 560, 350), title, notes, f"shares{i}", gap=34)
        for i, page in enumerate(pages)
    ]


def segments(data: ReportData) -> str:
    """SVG of agreement by segment, one column of dots for each kind of held-out data."""
    results = data.agreement.segments
    order = list(dict.fromkeys(_segment(s) for s in results))
    by_status: dict[Status, list[Row]] = {}
    for s in results:
        by_status.setdefault(s.status, []).extend(_segment_rows(s))
    values = [r[k] for rows in by_status.values() for r in rows for k in ("value", "low") if r[k] is not None]
    low = domain_low(values)
    panels = [
        drawing.dots(rows, order, low, 350, 230 if i == 0 else 0, wording.STATUSES[status])
        for i, (status, rows) in enumerate(by_status.items())
    ]
    return drawing.svg(drawing.beside(panels), "Agreement by segment", [_base(data), _KEY], "segments")


def worst_first(results: Sequence[QuestionResult]) -> list[QuestionResult]:
    """The questions by agreement, the lowest first."""
    return sorted(results, key=lambda q: q.agreement.value)


def best_baseline(result: QuestionResult | SegmentResult) -> str | None:
    """Name of the baseline that agrees best, ``None`` where there is none.

    For all people together shuffled personas are passed over, as the verdicts do: dealing the same
    personas out differently leaves overall shares as they are.
    """
    blind = "shuffled_persona" if isinstance(result, QuestionResult) else None
    named = {n: v for n, v in result.baselines.items() if n != blind}
    return max(named, key=lambda n: named[n], default=None)


def domain_low(values: Sequence[float]) -> float:
    """Where an agreement axis begins: the tenth below the lowest value, and .9 at the highest."""
    return max(0.0, min(0.9, math.floor(min(values, default=0.9) * 10 - 1e-9) / 10))


def _status_base(data: ReportData, status: StatusResult) -> str:
    kind = "question" if status.questions == 1 else "questions"
    return (
        f"Base: {numbers.count(status.people)} real people never trained on, {status.questions} {kind}, "
        f"{numbers.count(data.persons)} simulated persons. Mean agreement with 95 % interval."
    )


def _base(data: ReportData) -> str:
    people, persons = numbers.count(data.agreement.people), numbers.count(data.agreement.persons)
    return f"Base: {people} real people never trained on, {persons} simulated persons."


def _ranking(status: StatusResult, low: float) -> drawing.Drawing:
    """Model, ceiling and baselines from best to worst, the value printed at the end of each row."""
    rows = [
        _estimate("ceiling (second real sample)", CEILING, status.ceiling),
        _estimate(wording.baseline(wording.MODEL), MODEL, status.agreement),
        *(drawing.point(wording.baseline(n), BASELINE, v) for n, v in status.baselines.items()),
    ]
    for row in rows:
        span = "" if row["low"] is None else f"  ({numbers.interval(row['low'], row['high'])})"
        row["text"] = numbers.proportion(row["value"]) + span
    rows.sort(key=lambda r: -r["value"])
    return drawing.dots(rows, [r["label"] for r in rows], low, width=560, label_width=210)


def _estimate(label: str, kind: str, estimate: Estimate) -> Row:
    return drawing.point(label, kind, estimate.value, estimate.low, estimate.high)


def _question_rows(result: QuestionResult, label: str) -> list[Row]:
    own = _estimate(label, MODEL, result.agreement) | {"text": numbers.proportion(result.agreement.value)}
    rows = [own, drawing.point(label, CEILING, result.ceiling.value)]
    best = best_baseline(result)
    if best is not None:
        rows.append(drawing.point(label, BASELINE, result.baselines[best]))
    return rows


def _segment(result: SegmentResult) -> str:
    return f"{result.attribute.replace('_', ' ')}: {result.level}"


def _segment_rows(result: SegmentResult) -> list[Row]:
    label = _segment(result)
    if result.suppressed or result.agreement is None:
        return [drawing.remark(label, "suppressed")]
    rows = [_estimate(label, MODEL, result.agreement)]
    if result.ceiling is not None:
        rows.append(drawing.point(label, CEILING, result.ceiling))
    best = best_baseline(result)
    if best is not None:
        rows.append(drawing.point(label, BASELINE, result.baselines[best]))
    return rows
