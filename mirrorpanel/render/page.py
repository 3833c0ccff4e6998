"""The report as one HTML page that opens offline, and its JSON twin."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from markupsafe import Markup

from mirrorpanel.render import charts, disclosure, numbers, small_cells, templating, wording
from mirrorpanel.render.data import ReportData
from personas.measures.estimate import Estimate
from validation import verdicts
from validation.results import Comparison, Measure, QuestionResult, SegmentResult, StatusResult

_OUTCOMES = {"better": "ahead", "no better": "no clear difference", "worse": "behind"}
_TEMPLATE = "report.html.j2"


class QuestionRow(NamedTuple):
    """One row of the question table; ``bar`` and ``tick`` are places in per cent of the bar's full width."""

    label: str
    result: QuestionResult
    best: str | None
    bar: float
    tick: float


class SegmentRow(NamedTuple):
    """One row of a segment table; ``kept_back`` where its number of people is not shown."""

    result: SegmentResult
    best: str | None
    kept_back: bool


class Lead(NamedTuple):
    """The model's lead over a baseline on one measure, and the word that its interval allows."""

    difference: Estimate
    outcome: str


class ContestRow(NamedTuple):
    """The model, the ceiling or a baseline with all its measures; what is undefined is ``None``."""

    name: str
    agreement: float | None
    segment_agreement: float | None
    log_score: float | None
    person_signal: float | None
    leads: Mapping[Measure, Lead]


def write(data: ReportData, folder: Path) -> Path:
    """Path of ``report.html`` in ``folder``, with ``report.json`` beside it; the folder is made."""
    return templating.written(folder, "report", html(data), small_cells.report_twin(data))


def html(data: ReportData) -> str:
    """The whole page; it loads nothing, and every text from the data is escaped."""
    kept_back = small_cells.hidden(data.weighting.margins)
    return (
        templating.environment()
        .get_template(_TEMPLATE)
        .render(
            data=data,
            style=templating.style(),
            wording=wording,
            interval=numbers.interval,
            difference_interval=numbers.difference_interval,
            questions=question_rows(data),
            margins=small_cells.margin_rows(data.weighting.margins, kept_back),
            kept_back=small_cells.NOTE if kept_back else "",
            segments={s.status: segment_rows(data, s) for s in data.agreement.statuses},
            contests={s.status: contest_rows(s) for s in data.agreement.statuses},
            items=disclosure.items(data),
            overview=_drawn(charts.overview(data)),
            question_charts=_drawn([charts.questions(data), *charts.shares(data)]),
            segment_charts=_drawn([charts.segments(data)] if data.agreement.segments else []),
        )
    )


def question_rows(data: ReportData) -> list[QuestionRow]:
    """The question table, worst first; bars share one scale that begins at zero answers off."""
    worst = charts.worst_first(data.agreement.questions)
    widest = max((1 - q.agreement.value for q in worst), default=0) or 1
    return [
        QuestionRow(
            label=q.text,
            result=q,
            best=charts.best_baseline(q),
            bar=100 * (1 - q.agreement.value) / widest,
            tick=min(100.0, 100 * (1 - q.ceiling.value) / widest),
        )
        for q in worst
    ]


def segment_rows(data: ReportData, status: StatusResult) -> list[SegmentRow]:
    """The segment table of one kind of held-out data, in the order of the attributes' levels."""
    found = [s for s in data.agreement.segments if s.status == status.status]
    kept_back = small_cells.segments_kept_back(data.agreement.segments)
    return [
        SegmentRow(s, charts.best_baseline(s), (s.status, s.attribute, s.level) in kept_back) for s in found
    ]


def contest_rows(status: StatusResult) -> list[ContestRow]:
    """The model first, then its ceiling, then the baselines from the best to the worst."""
    model = wording.MODEL
    segment = None if status.segment_agreement is None else status.segment_agreement.value
    own = ContestRow(
        wording.baseline(model),
        status.agreement.value,
        segment,
        status.log_score.get(model),
        status.person_signal.get(model),
        {},
    )
    ceiling = ContestRow("ceiling", status.ceiling.value, status.segment_ceiling, None, None, {})
    names = sorted(status.baselines, key=lambda n: -status.baselines[n])
    return [own, ceiling, *(_baseline_row(status, name) for name in names)]


def lead(comparison: Comparison) -> Lead:
    """A comparison in words: ``ahead`` or ``behind`` only where the interval excludes zero."""
    return Lead(comparison.difference, _OUTCOMES[verdicts.outcome(comparison.difference)])


def _baseline_row(status: StatusResult, name: str) -> ContestRow:
    return ContestRow(
        wording.baseline(name),
        status.baselines[name],
        status.segment_baselines.get(name),
        status.log_score.get(name),
        status.person_signal.get(name),
        {c.measure: lead(c) for c in status.comparisons if c.baseline == name},
    )


def _drawn(drawings: list[str]) -> list[Markup]:
    """SVG as markup: vl-convert has escaped its texts already."""
    return [Markup(d) for d in drawings]
