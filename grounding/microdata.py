"""Survey rows: people with their observed attributes and their real answers."""

import csv
import difflib
import io
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from glob import escape
from pathlib import Path
from typing import Any

import numpy as np

from grounding.codebook import Codebook, Recode, canonical, code_lookup
from grounding.provenance import Source
from grounding.spec import SurveySource
from personas.answer import Answers
from personas.arrays import FloatArray, IntArray
from personas.errors import DataError
from personas.models.wheel import sha256_of
from personas.panel import UNKNOWN, Panel


@dataclass(frozen=True)
class Table:
    """A data file as text.

    Attributes:
        name: the file's path, for errors.
        columns: column -> value of each row; ``None`` where empty.
        lines: where each row stands: the line of a CSV file (the header is line 1), the row elsewhere.
        unit: what ``lines`` counts, "line" or "row".
    """

    name: str
    columns: Mapping[str, Sequence[str | None]]
    lines: Sequence[int]
    unit: str = "line"

    def __len__(self) -> int:
        return len(self.lines)

    def column(self, name: str) -> Sequence[str | None]:
        """Values of a column. Raises: DataError, listing the columns, if missing; or if all are empty."""
        if name not in self.columns:
            close = difflib.get_close_matches(name, self.columns, n=1)
            hint = f" (did you mean {close[0]!r}?)" if close else ""
            raise DataError(f"{self.name}: no column {name!r}{hint}; there are {', '.join(self.columns)}")
        values = self.columns[name]
        if all(v is None for v in values):
            raise DataError(
                f"{self.name}: column {name!r} is empty in all {len(self)} rows; "
                "fill it or leave it out of the grounding file and the codebook"
            )
        return values

    def where(self, row: int) -> str:
        """The place of a row, as ``file:line 7``."""
        return f"{self.name}: {self.unit} {self.lines[row]}"


@dataclass(frozen=True)
class Microdata:
    """Real people, what was observed of them, and what they answered.

    Attributes:
        people: observed attributes and base weights (mean 1).
        answers: real answers in the same order.
        table: the rows as read, for variables that serve only to match.
        source: where the rows come from.
    """

    people: Panel
    answers: Answers
    table: Table
    source: Source


def read_table(path: Path) -> Table:
    """The rows of a CSV (UTF-8, commas) or Parquet file.

    Raises:
        DataError: the file is missing, empty, of another kind, not UTF-8 (naming byte offset and line), or
            a row has more or fewer fields than the header.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    if path.suffix.lower() == ".csv":
        table = _read_csv(path)
    elif path.suffix.lower() == ".parquet":
        table = _read_parquet(path)
    else:
        raise DataError(
            f"{path}: cannot read {path.suffix or 'a file without an ending'}; use .csv or .parquet"
        )
    if not len(table):
        raise DataError(f"{path}: the file holds no rows below its header")
    return table


def _read_csv(path: Path) -> Table:
    raw = path.read_bytes()
    if not raw.strip():
        raise DataError(f"{path}: the file is empty")
    try:
        text = raw.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}: line {line}: byte {raw[error.start]:#04x} at offset {error.start} is not UTF-8; "
            "save the file as UTF-8 and try again"
        ) from None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    rows: list[list[str]] = []
    lines: list[int] = []
    header: list[str] | None = None
    begin = 1
    try:
        for row in reader:
            if row and header is None:
                header = _checked_header(row, path)
            elif row and header is not None:
                _refuse_ragged(row, header, path, begin)
                rows.append(row)
                lines.append(begin)
            begin = reader.line_num + 1
    except csv.Error as error:
        raise DataError(f"{path}: line {reader.line_num}: not valid CSV ({error})") from None
    columns = zip(*rows, strict=True) if rows else ((),) * len(header or [])
    cells = [tuple(v.strip() or None for v in column) for column in columns]
    return Table(str(path), dict(zip(header or [], cells, strict=True)), lines)


def _checked_header(row: list[str], path: Path) -> list[str]:
    names = [name.strip() for name in row]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        raise DataError(f"{path}: line 1: column {twice!r} stands twice; give each column its own name")
    separator = next((s for s in (";", "\t") if len(names) == 1 and s in names[0]), None)
    if separator is not None:
        raise DataError(f"{path}: line 1: columns are separated by {separator!r}; separate them by commas")
    return names


def _refuse_ragged(row: list[str], header: list[str], path: Path, line: int) -> None:
    if len(row) != len(header):
        raise DataError(f"{path}: line {line}: {len(row)} fields, but the header names {len(header)} columns")


def _read_parquet(path: Path) -> Table:
    import duckdb

    # DuckDB reads a path as a glob pattern, so brackets in a folder's name have to be escaped.
    with duckdb.connect(":memory:") as connection:
        try:
            cursor = connection.execute("SELECT * FROM read_parquet(?)", [escape(str(path))])
            names = [str(column[0]) for column in cursor.description or ()]
            rows = cursor.fetchall()
        except duckdb.Error as error:
            raise DataError(f"{path}: cannot be read as Parquet ({error})") from None
    columns = {name: tuple(_as_text(row[i]) for row in rows) for i, name in enumerate(names)}
    return Table(str(path), columns, range(1, len(rows) + 1), "row")


def _as_text(value: Any) -> str | None:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return (canonical(str(value)) if isinstance(value, float) else str(value).strip()) or None


def encoded(
    table: Table, column: str, lookup: Callable[[str], int | None], allowed: Sequence[str], what: str
) -> IntArray:
    """Index for each row of what ``lookup`` makes of the value, shape (n_rows,); ``UNKNOWN`` where missing.

    Raises:
        DataError: a value that the lookup does not define, with line, column and the values allowed.
    """
    known: dict[str | None, int] = {None: UNKNOWN}
    values = table.column(column)
    for row, value in enumerate(values):
        if value is not None and value not in known:
            code = lookup(value)
            if code is None:
                raise DataError(
                    f"{table.where(row)}: column {column!r}: {value!r} stands for no {what}; "
                    f"allowed: {', '.join(allowed)}; list a code that means nothing is known under 'missing'"
                )
            known[value] = code
    return np.array([known[v] for v in values], dtype=np.int64)


def recoded(table: Table, recode: Recode, what: str) -> tuple[tuple[str, ...], IntArray]:
    """Labels in the order written, and the index of each row's label. Raises: DataError as ``encoded``."""
    if not recode.labels:
        own = {canonical(v) for v in table.column(recode.column) if v is not None}
        labels = tuple(sorted(own - set(recode.missing)))
        lookup = code_lookup([(label,) for label in labels], recode.missing)
        return labels, encoded(table, recode.column, lookup, labels, what)
    if recode.values is not None:
        allowed = [c for codes in recode.values.values() for c in codes]
    else:
        allowed = [f"{low:g} to {high:g}" for low, high in (recode.bins or {}).values()]
    return recode.labels, encoded(table, recode.column, recode.lookup(), allowed, what)


def unique_ids(table: Table, column: str) -> tuple[str, ...]:
    """The id of each row. Raises: DataError naming an id that is empty or repeated, and where."""
    found: dict[str, list[int]] = {}
    for row, value in enumerate(table.column(column)):
        if value is None:
            raise DataError(f"{table.where(row)}: column {column!r} is empty; every row needs an id")
        found.setdefault(value, []).append(table.lines[row])
    repeated = {value: lines for value, lines in found.items() if len(lines) > 1}
    if repeated:
        listing = "; ".join(
            f"{value!r} {len(lines)} times ({table.unit}s {', '.join(map(str, lines[:5]))})"
            for value, lines in list(repeated.items())[:3]
        )
        raise DataError(
            f"{table.name}: column {column!r} must be distinct, {len(repeated)} ids are not: {listing}; "
            "keep one row for each person"
        )
    return tuple(found)


def base_weights(table: Table, column: str | None) -> FloatArray:
    """Design weights with mean 1, shape (n_rows,); ones without a column. Raises: DataError."""
    if column is None:
        return np.ones(len(table))
    weights = np.empty(len(table))
    for row, value in enumerate(table.column(column)):
        try:
            weights[row] = float(value or "")
        except ValueError:
            weights[row] = math.nan
        if not 0 <= weights[row] < math.inf:
            raise DataError(
                f"{table.where(row)}: column {column!r}: {value!r} is no weight; use a number >= 0"
            )
    if weights.sum() <= 0:
        raise DataError(f"{table.name}: column {column!r}: all weights are zero")
    return weights / weights.mean()


def panel_from(ids: Sequence[str], attributes: Mapping[str, tuple[tuple[str, ...], IntArray]]) -> Panel:
    """A panel with weights 1 from labels and codes of each attribute; labels that nobody has are left out."""
    levels: list[tuple[str, ...]] = []
    codes = np.full((len(ids), len(attributes)), UNKNOWN, dtype=np.int64)
    for a, (labels, column) in enumerate(attributes.values()):
        used = [i for i in range(len(labels)) if np.any(column == i)]
        place = np.full(len(labels) + 1, UNKNOWN, dtype=np.int64)  # the last place serves UNKNOWN (-1)
        place[used] = np.arange(len(used))
        codes[:, a] = place[column]
        levels.append(tuple(labels[i] for i in used))
    return Panel(tuple(ids), tuple(attributes), tuple(levels), codes, np.ones(len(ids)))


def read(spec: SurveySource, codebook: Codebook, path: Path, source: Source | None = None) -> Microdata:
    """The people and answers of a survey file; ``source`` says where it comes from, the file if ``None``.

    Raises:
        DataError: the file or a value in it cannot be used; names line, column, value and what is allowed.
    """
    table = read_table(path)
    ids = unique_ids(table, spec.id)
    attributes = {n: recoded(table, r, f"value of attribute {n!r}") for n, r in spec.attributes.items()}
    people = replace(panel_from(ids, attributes), weights=base_weights(table, spec.weight))
    chosen = [
        encoded(
            table,
            coded.column or coded.name,
            code_lookup(coded.codes, (*codebook.missing, *coded.missing)),
            [f"{'/'.join(codes)} ({o})" for o, codes in zip(coded.options, coded.codes, strict=True)],
            f"option of question {coded.name!r}",
        )
        for coded in codebook.questions
    ]
    answers = Answers(tuple(c.question for c in codebook.questions), np.stack(chosen, axis=1))
    made = source or Source(path.name, spec.source, spec.licence, spec.vintage, sha256_of(path))
    return Microdata(people, answers, table, made)
