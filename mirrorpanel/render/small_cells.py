"""What reports keep back: counts of few people, and as many others as hide them.

A page and its JSON twin leave the house. Wherever they list how many people have a value, or a share from
which that number follows, fewer than k people are kept back, together with further cells so that they cannot
be computed from the rest (see ``grounding.privacy.suppression``). Margins of two or more attributes are
protected with the totals of their attributes; different margins that share an attribute are protected one by
one.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from grounding.population.balance import Moved
from grounding.population.coverage import Coverage
from grounding.population.weights import MarginFit
from grounding.privacy import suppression
from grounding.privacy.anonymity import DEFAULT_K
from mirrorpanel.records import PanelRecord
from mirrorpanel.render.data import ReportData
from validation.results import SegmentResult

NOTE = (
    f"– kept back: fewer than {DEFAULT_K} people are in the cell, or their number would follow from this one."
)
Cell = tuple[tuple[str, ...], tuple[str, ...]]


class MarginRow(NamedTuple):
    """One cell of a margin as it is shown; ``base`` and ``unweighted`` are ``None`` where kept back."""

    attributes: tuple[str, ...]
    cell: tuple[str, ...]
    official: float
    unweighted: float | None
    weighted: float
    base: int | None


def hidden(fits: Sequence[MarginFit], moved: Sequence[Moved] = (), k: int = DEFAULT_K) -> frozenset[Cell]:
    """Cells whose number of people is kept back, as (attributes, values).

    Args:
        fits: cells of margins.
        moved: values of attributes that are in no margin.
        k: people that a shown cell has at least.
    """
    lists: dict[tuple[str, ...], dict[tuple[str, ...], int]] = {}
    for fit in fits:
        lists.setdefault(fit.attributes, {})[fit.cell] = fit.base
    for entry in moved:
        lists.setdefault((entry.attribute,), {})[entry.level,] = entry.people
    found: set[Cell] = set()
    for attributes, cells in lists.items():
        found |= _crossed(attributes, cells, k) if len(attributes) > 1 else _listed(attributes, cells, k)
    return frozenset(found)


def margin_rows(fits: Sequence[MarginFit], kept_back: frozenset[Cell]) -> tuple[MarginRow, ...]:
    """The cells of margins as they are shown."""
    return tuple(
        MarginRow(f.attributes, f.cell, f.official, None, f.weighted, None)
        if (f.attributes, f.cell) in kept_back
        else MarginRow(f.attributes, f.cell, f.official, f.unweighted, f.weighted, f.base)
        for f in fits
    )


def shown(moved: Iterable[Moved], kept_back: frozenset[Cell]) -> list[Moved]:
    """The values whose shares may be shown."""
    return [m for m in moved if ((m.attribute,), (m.level,)) not in kept_back]


def few(people: int, k: int = DEFAULT_K) -> str:
    """A count of people in words, without a number below k."""
    return f"fewer than {k}" if 0 < people < k else f"{people:,}"


def coverage_lines(found: Coverage, kept_back: frozenset[Cell]) -> list[str]:
    """The coverage report in words, without the figures of a category that is kept back."""
    lines: list[str] = []
    for line in found.sentences:
        named = next((c for c in (found.over, found.under) if c is not None and c.label in line), None)
        if line.startswith("Most ") and named is not None and named.label in _labels(kept_back):
            line = f"{line.split(':', 1)[0]}: {named.label}."
        lines.append(line)
    return lines


def panel_twin(record: PanelRecord) -> dict[str, Any]:
    """The record of a panel as JSON content, without what is kept back."""
    kept_back = hidden((*record.weighting.margins, *record.found.household_margins), record.found.balance)
    twin = record.model_dump(mode="json")
    found = twin["found"]
    _blank_margins(twin["weighting"]["margins"], kept_back)
    _blank_margins(found["household_margins"], kept_back)
    for entry in found["filled"]:
        if 0 < entry["people"] < DEFAULT_K:
            entry["people"] = None
    found["balance"] = [
        entry for entry in found["balance"] if ((entry["attribute"],), (entry["level"],)) not in kept_back
    ]
    for gap in found["drawing"]["by_attribute"]:
        if ((gap["attribute"],), (gap["value"],)) in kept_back:
            gap["drawn"] = gap["weighted"] = None
    if record.found.coverage is not None:
        _blank_coverage(found["coverage"], _labels(kept_back))
        found["coverage"]["sentences"] = coverage_lines(record.found.coverage, kept_back)
    return twin


def segments_kept_back(segments: Sequence[SegmentResult], k: int = DEFAULT_K) -> frozenset[tuple[str, ...]]:
    """Segments, as (status, attribute, level), whose number of people is kept back."""
    lists: dict[tuple[str, str], dict[tuple[str, ...], int]] = {}
    for segment in segments:
        lists.setdefault((segment.status, segment.attribute), {})[segment.level,] = segment.people
    return frozenset(
        (status, attribute, cell[0])
        for (status, attribute), cells in lists.items()
        for _, cell in _listed((attribute,), cells, k)
    )


def report_twin(data: ReportData) -> dict[str, Any]:
    """The content of an agreement report as JSON content, without what is kept back."""
    twin = data.model_dump(mode="json")
    _blank_margins(twin["weighting"]["margins"], hidden(data.weighting.margins))
    kept_back = segments_kept_back(data.agreement.segments)
    for segment in twin["agreement"]["segments"]:
        if (segment["status"], segment["attribute"], segment["level"]) in kept_back:
            segment["people"] = None
    return twin


def _listed(attributes: tuple[str, ...], cells: Mapping[tuple[str, ...], int], k: int) -> set[Cell]:
    """What to keep back of a list of counts whose total is known."""
    mask, total = suppression.row(np.array(list(cells.values()), dtype=np.int64), k)
    return {(attributes, cell) for cell, gone in zip(cells, mask, strict=True) if gone or total}


def _crossed(attributes: tuple[str, ...], cells: Mapping[tuple[str, ...], int], k: int) -> set[Cell]:
    """What to keep back of a margin by several attributes, and of the totals by the first and by the rest."""
    first = list(dict.fromkeys(cell[0] for cell in cells))
    rest = list(dict.fromkeys(cell[1:] for cell in cells))
    if min(len(first), len(rest)) < 2:
        return _listed(attributes, cells, k)
    counts = np.array([[cells.get((a, *b), 0) for b in rest] for a in first], dtype=np.int64)
    gone = suppression.table(counts, k, total_known=True)
    found = {
        (attributes, (a, *b)) for i, a in enumerate(first) for j, b in enumerate(rest) if gone.cells[i, j]
    }
    found |= {(attributes[:1], (a,)) for a, small in zip(first, gone.rows, strict=True) if small}
    found |= {(attributes[1:], b) for b, small in zip(rest, gone.columns, strict=True) if small}
    return found


def _labels(kept_back: frozenset[Cell]) -> frozenset[str]:
    """The cells in the words of ``grounding.population.margins.Target.label``."""
    return frozenset(
        ", ".join(f"{a}: {v}" for a, v in zip(attributes, cell, strict=True))
        for attributes, cell in kept_back
    )


def _blank_margins(margins: list[dict[str, Any]], kept_back: frozenset[Cell]) -> None:
    for entry in margins:
        if (tuple(entry["attributes"]), tuple(entry["cell"])) in kept_back:
            entry["base"] = entry["unweighted"] = None


def _blank_coverage(coverage: dict[str, Any], labels: frozenset[str]) -> None:
    named = [c for c in (coverage["over"], coverage["under"]) if c is not None]
    for cell in (*coverage["cells"], *coverage["thin"], *named):
        if cell["label"] in labels:
            cell["people"] = cell["unweighted"] = cell["base"] = None
