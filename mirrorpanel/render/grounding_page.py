"""The grounding report as one HTML page that opens offline, and its JSON twin."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from mirrorpanel.records import PanelRecord
from mirrorpanel.render import small_cells, templating, weight_charts
from mirrorpanel.render.numbers import count, points

_TEMPLATE = "grounding.html.j2"
_FAR = 0.1  # a standardised difference above which a variable counts as moved
_SHOWN = 25
LIMITS = (
    "Weights correct what they are weighted by, and what goes with it. Who is missing for other reasons "
    "stays missing.",
    "Matched, imputed and modelled values are no facts about the people behind them: do not tabulate them "
    "against answers as if they were observed.",
    "The precision of everything is that of the effective base of real people, whatever the number of "
    "simulated persons.",
    "Pseudonymised data are personal data still, for whoever can get at the key.",
)


@dataclass(frozen=True)
class PageData:
    """What the page needs beside the record: identifier, time in UTC, version, published studies in words."""

    panel: str
    created: str
    version: str
    studies: tuple[tuple[str, ...], ...]


def write(record: PanelRecord, data: PageData, folder: Path) -> Path:
    """Path of ``grounding.html`` in ``folder``, with ``grounding.json`` beside it; the folder is made."""
    return templating.written(folder, "grounding", html(record, data), _twin(record, data))


def _twin(record: PanelRecord, data: PageData) -> dict[str, Any]:
    """What the page says, for machines."""
    return {
        "panel": data.panel,
        "created": data.created,
        "mirrorpanel": data.version,
        "synthetic": True,
        "summary": _summary(record),
        **small_cells.panel_twin(record),
        "studies": data.studies,
        "limits": LIMITS,
    }


def html(record: PanelRecord, data: PageData) -> str:
    """The whole page; it loads nothing, and every text from the data is escaped."""
    fits = (*record.weighting.margins, *record.found.household_margins)
    kept_back = small_cells.hidden(fits, record.found.balance)
    moved = sorted(small_cells.shown(record.found.balance, kept_back), key=lambda m: -(m.asmd or 0.0))
    covered = record.found.coverage
    charts = weight_charts.charts(record.found.tradeoff, moved)
    return (
        templating.environment()
        .get_template(_TEMPLATE)
        .render(
            data=data,
            record=record,
            spec=record.spec,
            found=record.found,
            style=templating.style(),
            tables=record.tables,
            toplines=data.studies,
            summary=_summary(record),
            tradeoff=record.found.tradeoff if weight_charts.worth_showing(record.found.tradeoff) else (),
            charts=[Markup(svg) for svg in charts],
            balance=moved[:_SHOWN],
            margins=small_cells.margin_rows(record.weighting.margins, kept_back),
            households=small_cells.margin_rows(record.found.household_margins, kept_back),
            filled=[(f, small_cells.few(f.people)) for f in record.found.filled],
            kept_back=small_cells.NOTE if kept_back else "",
            coverage=[] if covered is None else small_cells.coverage_lines(covered, kept_back),
            drawing=[f"Persons drawn: {record.found.drawing.sentence}."],
            privacy=_privacy(record),
            limits=LIMITS,
        )
    )


def _summary(record: PanelRecord) -> list[str]:
    """The findings that a reader must not miss."""
    lines: list[str] = list(record.found.modelled)
    for name, lacking in record.found.unrecorded.items():
        lines.append(f"Not recorded for source {name}: {', '.join(lacking)}.")
    far = [m for m in record.found.balance if m.asmd is not None and m.asmd > _FAR]
    if far:
        names = ", ".join(dict.fromkeys(m.attribute for m in far))
        lines.append(f"Weighting moved variables that it was not asked to move (ASMD above {_FAR}): {names}.")
    error = record.weighting.largest_margin_error
    if error is not None and error > 1e-6:
        lines.append(f"The bounds on weights leave a margin unmet by {points(error)}.")
    lines += [f"{line[:1].upper()}{line[1:]}." for line in record.found.bounds]
    return lines


def _privacy(record: PanelRecord) -> list[str]:
    """What was masked and what special categories came in, in words."""
    masked = record.found.masked
    lines = [
        f"Masked in {where}: {', '.join(f'{count(n)} × {kind}' for kind, n in kinds.items())}."
        for where, kinds in masked.items()
    ]
    if not masked:
        lines.append("No personal data were found in the texts that a model reads.")
    if record.found.special:
        rules = record.spec.special_categories
        let_in = [f for f in record.found.special if f.name in rules.names]
        listed = ", ".join(f"{f.name} ({f.category})" for f in let_in)
        if listed:
            lines.append(f"Special categories (GDPR Art. 9) let in: {listed}. Reason given: {rules.reason}.")
        lines += [
            f"Held to be no special category: {name}, because {why}." for name, why in rules.cleared.items()
        ]
    return lines
