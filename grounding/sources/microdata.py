"""Survey rows: people with their observed attributes and their real answers."""

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from grounding.privacy.spec import Consent, Protection
from grounding.provenance import Source
from grounding.sources import blanks, reading
from grounding.sources.codebook import Codebook, Coded, Recode, canonical, code_lookup
from grounding.sources.columns import NOTHING, Column
from grounding.sources.place import Place
from grounding.sources.spec import SurveySource
from grounding.sources.stream import no_column
from grounding.sources.table import Table
from personas.answer import Answers
from personas.arrays import FloatArray, IntArray
from personas.errors import DataError
from personas.panel import UNKNOWN, Panel

Lookup = Callable[[str], int | None]
MOST_VALUES = 200
"""A column of more values than this, taken as it stands, is an attribute only where most values recur."""


@dataclass(frozen=True)
class Microdata:
    """Real people, what was observed of them, and what they answered.

    Attributes:
        people: observed attributes and base weights (mean 1).
        answers: real answers in the same order; no questions without a codebook.
        table: the rows as read, for variables that serve only to match; only of those who consented.
        source: where the rows come from.
        households: id of each person's household, ``None`` where the survey has no such column.
        seconds: how long each person took to answer, NaN where unknown; ``None`` without such a column.
        rows_read: rows of the source.
        without_consent: rows left out because the person did not consent, or nothing is known of it.
    """

    people: Panel
    answers: Answers
    table: Table
    source: Source
    households: tuple[str | None, ...] | None = None
    seconds: FloatArray | None = None
    rows_read: int = 0
    without_consent: int = 0


def read_table(path: Path) -> Table:
    """All columns of a file, read as it is found to be written. Raises: DataError as ``reading.read``."""
    return reading.read(Place(path=path))


def read(
    spec: SurveySource,
    codebook: Codebook | None,
    place: Place,
    source: Source | None = None,
    protection: Protection | None = None,
    also: Sequence[str] = (),
) -> Microdata:
    """The people and answers of a survey.

    Only the columns that the arguments name are read. Rows without consent are left out before anything else
    is looked at.

    Args:
        spec: which columns are what.
        codebook: the questions; without one there are none.
        place: where the rows lie.
        source: what is known of where they come from; the place and the spec's own words if ``None``.
        protection: says whose consent is needed; ``spec.protection`` if ``None``.
        also: further columns that are needed, such as those that customers are matched on.

    Raises:
        DataError: the place or a value in it cannot be used, a column is missing, or one is used that
            ``spec.allow`` does not list; names line, column, value and what is allowed.
    """
    rules = protection or spec.protection
    consent = rules.consent if rules else None
    columns = columns_used(spec, codebook, consent, also)
    _check_allowed(spec, place, columns)
    everybody = reading.read(place, columns)
    table = everybody if consent is None else _consenting(everybody, consent)
    ids = unique_ids(table, spec.id)
    attributes = {n: recoded(table, r, f"value of attribute {n!r}") for n, r in spec.attributes.items()}
    people = replace(panel_from(ids, attributes), weights=base_weights(table, spec.weight))
    return Microdata(
        people=people,
        answers=_answers(table, codebook),
        table=table,
        source=source or _source(spec, place, everybody),
        households=_households(table, spec.household),
        seconds=_seconds(table, spec.duration) if spec.duration else None,
        rows_read=len(everybody),
        without_consent=len(everybody) - len(table),
    )


def columns_used(
    spec: SurveySource, codebook: Codebook | None, consent: Consent | None, also: Sequence[str] = ()
) -> tuple[str, ...]:
    """The columns that a survey's people and answers are made of; no other is ever read."""
    used = [spec.id, spec.weight or "", spec.household, spec.duration, consent.column if consent else ""]
    used += [recode.column for recode in spec.attributes.values()]
    used += [coded.column or coded.name for coded in codebook.questions] if codebook else []
    return tuple(dict.fromkeys(c for c in (*used, *also) if c))


def _check_allowed(spec: SurveySource, place: Place, columns: Sequence[str]) -> None:
    """Raises: DataError where a column is used that the allow-list lacks, or listed that does not exist."""
    if spec.allow is None:
        return
    there = reading.column_names(place)
    absent = next((column for column in spec.allow if column not in there), None)
    if absent is not None:
        raise DataError(f"survey, allow-list: {place.name}: {no_column(absent, there)}")
    stray = next((column for column in columns if column not in spec.allow), None)
    if stray is not None:
        raise DataError(
            f"survey, allow-list: column {stray!r} is used by the grounding file or the codebook but not "
            f"listed; listed are {', '.join(spec.allow)}; list it, or leave out what needs it"
        )


def _consenting(table: Table, consent: Consent) -> Table:
    """The rows of those who consented. Raises: DataError if there are none."""
    lookup = code_lookup([consent.values], ())
    labels = _labels(table, consent.column)
    column = Column.of(table.column(consent.column))
    yes = np.array([_known(v, lookup, labels) == 0 for v in column.values] + [False])
    rows = np.flatnonzero(yes[column.codes])  # the last place serves NOTHING (-1)
    if not len(rows):
        held = [f"{v} ({labels[canonical(v)]})" if canonical(v) in labels else v for v in column.values[:10]]
        raise DataError(
            f"{table.name}: none of the {len(table)} rows has consent: column {consent.column!r} never holds "
            f"{' or '.join(consent.values)}; it holds {', '.join(held) or 'nothing'}: list under "
            "'consent: values' those that mean yes"
        )
    return table.take(rows)


def _answers(table: Table, codebook: Codebook | None) -> Answers:
    if codebook is None:
        return Answers((), np.empty((len(table), 0), dtype=np.int64))
    chosen = np.stack([_answered(table, codebook, coded) for coded in codebook.questions], axis=1)
    return Answers(tuple(c.question for c in codebook.questions), blanks.filled(table, codebook, chosen))


def _answered(table: Table, codebook: Codebook, coded: Coded) -> IntArray:
    column = coded.column or coded.name
    # Nobody may have chosen an item of a set, whose empty cells then mean just that.
    if any("" in codes for codes in coded.codes) and not Column.of(table.columns[column]).values:
        return np.full(len(table), UNKNOWN, dtype=np.int64)
    return encoded(
        table,
        column,
        code_lookup(coded.codes, (*codebook.missing, *coded.missing)),
        [f"{'/'.join(codes)} ({o})" for o, codes in zip(coded.options, coded.codes, strict=True)],
        f"option of question {coded.name!r}",
    )


def _households(table: Table, column: str) -> tuple[str | None, ...] | None:
    return tuple(None if v in table.blanks else v for v in table.column(column)) if column else None


def _seconds(table: Table, column: str) -> FloatArray:
    """Seconds that each person took, NaN where the cell is empty, shape (n_rows,). Raises: DataError."""
    cells = Column.of(table.column(column))
    empty = np.isin(cells.codes, [NOTHING, *(i for i, v in enumerate(cells.values) if v in table.blanks)])
    seconds = np.array([*map(_number, cells.values), math.nan])[cells.codes]  # the last serves NOTHING (-1)
    wrong = ~empty & ~((seconds >= 0) & (seconds < math.inf))
    if wrong.any():
        row = int(np.argmax(wrong))
        raise DataError(
            f"{table.where(row)}: column {column!r}: {cells[row]!r} is no duration; "
            "use seconds, a number >= 0"
        )
    return np.where(empty, math.nan, seconds)


def _source(spec: SurveySource, place: Place, rows: Table) -> Source:
    name = place.path.name if place.path is not None else place.name
    return Source(name, spec.source, spec.licence, spec.vintage, reading.fingerprint(place, rows))


def _labels(table: Table, column: str) -> Mapping[str, str]:
    """Code, in the form in which codes are compared -> value label, as the source itself has it."""
    variable = table.variables.get(column)
    return {canonical(code): label for code, label in variable.labels.items()} if variable else {}


def _known(value: str, lookup: Lookup, labels: Mapping[str, str]) -> int | None:
    """What the lookup makes of a code or, where it does not know the code, of the code's label."""
    found = lookup(value)
    label = labels.get(canonical(value))
    return lookup(label) if found is None and label is not None else found


def encoded(table: Table, column: str, lookup: Lookup, allowed: Sequence[str], what: str) -> IntArray:
    """Index for each row of what ``lookup`` makes of the value, shape (n_rows,); ``UNKNOWN`` where missing.

    A cell is known by its code or, where the lookup does not know that, by the value label that the source
    has for it. The words of ``table.blanks``, such as ``NA`` in CSV, are missing unless the lookup knows
    them.

    Raises:
        DataError: a value that the lookup does not define, with line, column and the values allowed.
    """
    cells = Column.of(table.column(column))
    labels = _labels(table, column)
    found = [_known(value, lookup, labels) for value in cells.values]
    codes = [
        UNKNOWN if code is None and value in table.blanks else code
        for value, code in zip(cells.values, found, strict=True)
    ]
    undefined = [place for place, code in enumerate(codes) if code is None]
    if undefined:
        row = min(cells.first(place) for place in undefined[:1000])
        raise DataError(_undefined(table, column, row, labels, allowed, what))
    return np.array([*codes, UNKNOWN], dtype=np.int64)[cells.codes]  # the last place serves NOTHING (-1)


def _undefined(
    table: Table, column: str, row: int, labels: Mapping[str, str], allowed: Sequence[str], what: str
) -> str:
    value = str(table.columns[column][row])
    label = labels.get(canonical(value))
    labelled = f" (labelled {label!r})" if label else ""
    return (
        f"{table.where(row)}: column {column!r}: {value!r}{labelled} stands for no {what}; "
        f"allowed: {', '.join(allowed)}; list a code that means nothing is known under 'missing'"
        + _of_commas(value)
        + _of_labels(value, allowed)
    )


def _of_labels(value: str, allowed: Sequence[str]) -> str:
    """What to do about a file that holds the labels of options whose codes the codebook names."""
    if not any(each.endswith(f" ({value})") for each in allowed):
        return ""
    return (
        "; the file holds labels where the codebook names codes: write the options as a list of labels, or "
        "both, as 'label: [code, label]'"
    )


def _of_commas(value: str) -> str:
    """What to do about a number with a comma, which may stand for decimals or for thousands."""
    if not re.fullmatch(r"[+-]?\d+(,\d+)+", value):
        return ""
    return (
        "; for a decimal comma set 'read: decimal' to ','; for commas between thousands set "
        "'read: thousands' to ','"
    )


def recoded(table: Table, recode: Recode, what: str) -> tuple[tuple[str, ...], IntArray]:
    """Labels in the order written, and the index of each row's label. Raises: DataError as ``encoded``.

    Where the recode takes labels as they stand, these are the source's own value labels in the source's
    order, and values without one behind them; where only some steps of a numeric scale have labels, all steps
    are in the order of their codes.
    """
    if not recode.labels:
        return _as_they_stand(table, recode, what)
    if recode.values is not None:
        allowed = [c for codes in recode.values.values() for c in codes]
    else:
        allowed = [f"{low:g} to {high:g}" for low, high in (recode.bins or {}).values()]
    return recode.labels, encoded(table, recode.column, recode.lookup(), allowed, what)


def _as_they_stand(table: Table, recode: Recode, what: str) -> tuple[tuple[str, ...], IntArray]:
    named = _labels(table, recode.column)
    own = {canonical(v) for v in Column.of(table.column(recode.column)).values if v not in table.blanks}
    used = {c for c in own if c not in recode.missing and named.get(c) not in recode.missing}
    bare = sorted(used - set(named))
    ordered = [c for c in named if c in used] + bare
    if bare and named and all(_is_number(c) for c in used):
        ordered = sorted(used, key=float)
    groups: dict[str, list[str]] = {}
    for code in ordered:
        groups.setdefault(named.get(code, code), []).append(code)
    missing = [c for c in own if c not in used]
    lookup = code_lookup(list(groups.values()), [*recode.missing, *missing])
    labels = tuple(groups)
    return labels, encoded(table, recode.column, lookup, labels, what)


def free_text(codes: IntArray, recode: Recode, about: str) -> tuple[str, ...]:
    """What to know of hundreds of labels as they stand, most of them of one person each; mostly nothing.

    Args:
        codes: label of each of the people or customers, ``UNKNOWN`` where nothing is known.
        recode: of the attribute; one that groups the values itself is never named.
        about: source and attribute.
    """
    if recode.labels:
        return ()
    sizes = np.bincount(codes[codes != UNKNOWN])
    sizes = sizes[sizes > 0]
    if len(sizes) <= MOST_VALUES or 2 * np.count_nonzero(sizes == 1) <= len(sizes):
        return ()
    return (
        f"to know: {about}: column {recode.column!r} looks like free text or an id: {len(sizes):,} values "
        f"for {sizes.sum():,} people, which models will read; recode it with values or bins, or leave it out",
    )


def _is_number(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def unique_ids(table: Table, column: str) -> tuple[str, ...]:
    """The id of each row. Raises: DataError naming an id that is empty or repeated, and where."""
    cells = Column.of(table.column(column))
    blank = np.isin(cells.codes, [NOTHING, *(i for i, v in enumerate(cells.values) if v in table.blanks)])
    if blank.any():
        row = int(np.argmax(blank))
        raise DataError(f"{table.where(row)}: column {column!r} is empty; every row needs an id")
    counts = np.bincount(cells.codes, minlength=len(cells.values))
    repeated = np.flatnonzero(counts > 1)
    if not len(repeated):
        return tuple(map(cells.values.__getitem__, cells.codes.tolist()))
    listing = "; ".join(
        f"{cells.values[i]!r} {counts[i]} times ({table.unit}s "
        f"{', '.join(str(table.lines[int(row)]) for row in np.flatnonzero(cells.codes == i)[:5])})"
        for i in map(int, repeated[:3])
    )
    raise DataError(
        f"{table.name}: column {column!r} must be distinct, {len(repeated)} ids are not: {listing}; "
        "keep one row for each person"
    )


def base_weights(table: Table, column: str | None) -> FloatArray:
    """Design weights with mean 1, shape (n_rows,); ones without a column. Raises: DataError."""
    if column is None:
        return np.ones(len(table))
    cells = Column.of(table.column(column))
    weights = np.array([*map(_number, cells.values), math.nan])[cells.codes]  # the last serves NOTHING (-1)
    wrong = ~((weights >= 0) & (weights < math.inf))
    if wrong.any():
        row = int(np.argmax(wrong))
        value = cells[row]
        comma = "; for a decimal comma set 'read: decimal' to ','" if "," in (value or "") else ""
        found = "an empty cell" if value is None else repr(value)
        raise DataError(
            f"{table.where(row)}: column {column!r}: {found} is no weight; use a number >= 0{comma}"
        )
    with np.errstate(over="ignore"):
        total = weights.sum()
    if total <= 0:
        raise DataError(f"{table.name}: column {column!r}: all weights are zero")
    if not math.isfinite(total):
        row = int(np.argmax(weights))
        raise DataError(
            f"{table.where(row)}: column {column!r}: {cells[row]!r} is too large for a weight: they "
            "add up to no number; use weights around 1"
        )
    return weights / weights.mean()


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def panel_from(ids: Sequence[str], attributes: Mapping[str, tuple[tuple[str, ...], IntArray]]) -> Panel:
    """A panel with weights 1 from labels and codes of each attribute; labels that nobody has are left out."""
    levels: list[tuple[str, ...]] = []
    codes = np.full((len(ids), len(attributes)), UNKNOWN, dtype=np.int64)
    for a, (labels, column) in enumerate(attributes.values()):
        used = [int(i) for i in np.unique(column[column != UNKNOWN])]
        place = np.full(len(labels) + 1, UNKNOWN, dtype=np.int64)  # the last place serves UNKNOWN (-1)
        place[used] = np.arange(len(used))
        codes[:, a] = place[column]
        levels.append(tuple(labels[i] for i in used))
    return Panel(tuple(ids), tuple(attributes), tuple(levels), codes, np.ones(len(ids)))
