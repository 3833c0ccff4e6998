"""One number, or one value, for each customer, aggregated by DuckDB from the customers' rows."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from grounding.sources import crm_sql
from grounding.sources.crm_spec import CrmSource
from grounding.sources.crm_sql import Bound, Schema, Timed
from grounding.sources.measures import DAYS, NUMBERS, Measure
from personas.arrays import FloatArray, IntArray
from personas.errors import DataError
from personas.panel import UNKNOWN

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_Dated = tuple[tuple[str, ...], str, str]  # tables, column, format of a date
Grouped = tuple[tuple[str, ...], IntArray]
MOST_LABELS = 100
"""More labels than this are no attribute; ``top`` keeps the most common ones."""

_ZERO_WITHOUT_ROWS = ("count", "distinct", "sum")


class _Part(NamedTuple):
    """A measure of an attribute: its own (part 0), or the one it is divided by (part 1)."""

    attribute: str
    part: int
    measure: Measure

    @property
    def source(self) -> tuple[str, ...]:
        lookup = self.measure.lookup
        return (*self.measure.tables, lookup.by if lookup else "")


@dataclass(frozen=True)
class Aggregates:
    """The rows of a CRM source, ready to be aggregated.

    Attributes:
        connection: with the open tables.
        spec: what to aggregate and how.
        schema: the open tables.
        customers: how many may be used.
    """

    connection: "DuckDBPyConnection"
    spec: CrmSource
    schema: Schema
    customers: int
    _spans: dict[_Dated, tuple[date, date]] = field(default_factory=dict[_Dated, tuple[date, date]])

    def numbers(self) -> dict[str, FloatArray]:
        """Attribute -> its number for each customer, shape (n_customers,); NaN where undefined.

        Customers without rows count and sum to 0; their other measures are undefined, and so is what is
        divided by 0. All numbers from the same rows are made in one pass over them.

        Raises:
            DataError: names source, attribute, table and column.
        """
        parts = [
            _Part(name, i, measure)
            for name, attribute in self.spec.attributes.items()
            if attribute.measure in NUMBERS
            for i, measure in enumerate(attribute.parts)
        ]
        found: dict[tuple[str, int], FloatArray] = {}
        for _, some in groupby(sorted(parts, key=lambda p: p.source), key=lambda p: p.source):
            found |= self._of_one_table(list(some))
        numbers = {n: self._rate(n) for n, a in self.spec.attributes.items() if a.measure == "rate"}
        for name in dict.fromkeys(part.attribute for part in parts):
            whole = found.get((name, 1), np.ones(self.customers))
            numbers[name] = _steady(found[name, 0] / np.where(whole == 0, np.nan, whole))
        return numbers

    def strays(self) -> tuple[str, ...]:
        """Rows that count for nobody, in words: a sentence for each table that has some."""
        tables = (measure.table for a in self.spec.attributes.values() for measure in a.parts)
        found: list[str] = []
        for table in dict.fromkeys(t for t in tables if t != self.spec.people):
            rows, keyless, used = self.connection.execute(crm_sql.belonging(table, self.schema)).fetchall()[0]
            others = rows - keyless - used
            parts = [f"{keyless:,} have no {self.spec.key}"] if keyless else []
            parts += [f"{others:,} belong to nobody in {self.spec.people} who may be used"] if others else []
            if parts:
                found.append(f"Of {rows:,} rows in {table} {' and '.join(parts)}: they count for nobody.")
        return tuple(found)

    def most_common(self, name: str) -> Grouped:
        """The most common values, commonest first, and each customer's own; ``UNKNOWN`` without rows.

        Raises:
            DataError: there are too many values, or none; names source, attribute, table and column.
        """
        attribute = self.spec.attributes[name]
        about = self._about(name)
        self._refuse_repeated(name, attribute)
        as_of = self._timed(name, attribute).as_of
        query = self._compiled(name, lambda: crm_sql.most_common(attribute, as_of, self.schema))
        self._run([_Part(name, 0, attribute)], query._replace(sql=f"CREATE TEMP TABLE chosen AS {query.sql}"))
        try:
            labels = [
                str(row[0])
                for row in self.connection.execute(
                    "SELECT found FROM temp.chosen GROUP BY 1 ORDER BY COUNT(*) DESC, 1"
                ).fetchall()
            ]
            if not labels:
                raise self._nobody(name, attribute)
            if attribute.top is None and len(labels) > MOST_LABELS:
                raise DataError(
                    f"{about}: column {attribute.of!r} has {len(labels)} values that are somebody's most "
                    f"common; keep the commonest with 'top' and name the rest with 'others'"
                )
            kept = tuple(labels[: attribute.top])
            if attribute.others in kept:
                raise DataError(f"{about}: others {attribute.others!r} is itself a value of {attribute.of!r}")
            rows = self.connection.execute(
                "SELECT place, COALESCE(list_position(?::VARCHAR[], found), 0) AS position FROM temp.chosen",
                [list(kept)],
            ).fetchnumpy()
        finally:
            self.connection.execute("DROP TABLE temp.chosen")
        codes = np.full(self.customers, UNKNOWN, dtype=np.int64)
        position = np.ma.filled(rows["position"], 0).astype(np.int64)
        codes[rows["place"]] = np.where(position > 0, position - 1, len(kept))
        return (*kept, *((attribute.others,) if attribute.others else ())), codes

    def _of_one_table(self, parts: Sequence[_Part]) -> dict[tuple[str, int], FloatArray]:
        """The number of each part, all of them from the same table and lookup."""
        first = parts[0]
        self._refuse_repeated(first.attribute, first.measure)
        timed = [self._timed(part.attribute, part.measure) for part in parts]
        for part, time in zip(parts, timed, strict=True):  # one by one, so that an error names the attribute
            self._compiled(part.attribute, lambda time=time: crm_sql.numbers([time], self.schema))
        found = self._fetched(parts, crm_sql.numbers(timed, self.schema))
        if not len(found["place"]):
            raise self._nobody(first.attribute, first.measure)
        numbers: dict[tuple[str, int], FloatArray] = {}
        for i, (part, time) in enumerate(zip(parts, timed, strict=True)):
            values = self._spread(found["place"], found[f"m{i}"], part.measure)
            numbers[part.attribute, part.part] = values / self._periods(part.attribute, time)
        return numbers

    def _rate(self, name: str) -> FloatArray:
        """The part of the whole's distinct values that the attribute's own rows have; NaN without a whole."""
        own, whole = self.spec.attributes[name].parts
        for measure in (own, whole):
            self._refuse_repeated(name, measure)
        times = [self._timed(name, measure) for measure in (own, whole)]
        query = self._compiled(name, lambda: crm_sql.shared_values(times[0], times[1], self.schema))
        found = self._fetched([_Part(name, 0, own), _Part(name, 1, whole)], query)
        if not len(found["place"]):
            raise self._nobody(name, whole)
        return self._spread(found["place"], found["part"], own)

    def _spread(self, place: IntArray, values: Any, measure: Measure) -> FloatArray:
        """Values of customers with rows as values of all customers, shape (n_customers,)."""
        spread = np.full(self.customers, 0.0 if measure.measure in _ZERO_WITHOUT_ROWS else np.nan)
        spread[place] = np.ma.filled(values.astype(np.float64), np.nan)
        return spread

    def _timed(self, name: str, measure: Measure) -> Timed:
        """The measure with the day that it counts back from."""
        window = measure.window
        if measure.measure in ("recency", "tenure"):
            column = measure.of or ""
        elif window is not None and (window.last_days is not None or measure.per is not None):
            column = window.column
        else:
            return Timed(measure)
        if isinstance(measure.as_of, date):
            return Timed(measure, measure.as_of)
        return Timed(measure, self._span(name, measure, column)[1])

    def _periods(self, name: str, timed: Timed) -> float:
        """How many of the measure's units of time its window spans; 1 where it counts over no time."""
        measure, window = timed.measure, timed.measure.window
        if measure.per is None or window is None:
            return 1.0
        if window.last_days is not None:
            return window.last_days / DAYS[measure.per]
        since = window.since or self._span(name, measure, window.column)[0]
        until = window.until or timed.as_of
        assert until is not None
        if until < since:
            raise DataError(f"{self._about(name)}: the window ends on {until}, before it begins on {since}")
        return ((until - since).days + 1) / DAYS[measure.per]

    def _span(self, name: str, measure: Measure, column: str) -> tuple[date, date]:
        """First and last date in a column, over all rows of the table."""
        key = (measure.tables, column, measure.date_format)
        if key not in self._spans:
            query = self._compiled(name, lambda: crm_sql.dates(measure, column, self.schema))
            first, last = self._run([_Part(name, 0, measure)], query).fetchall()[0]
            if first is None:
                raise DataError(f"{self._about(name)}: column {column!r} of {measure.table!r} has no date")
            self._spans[key] = (first, last)
        return self._spans[key]

    def _compiled(self, name: str, compiled: Callable[[], Bound]) -> Bound:
        """The query. Raises: DataError that names the attribute, where a column is missing or of no use."""
        try:
            return compiled()
        except DataError as error:
            raise DataError(f"{self._about(name)}: {error}") from None

    def _fetched(self, parts: Sequence[_Part], query: Bound) -> dict[str, Any]:
        return self._run(parts, query).fetchnumpy()

    def _run(self, parts: Sequence[_Part], query: Bound) -> "DuckDBPyConnection":
        """The executed query. Raises: DataError naming the column and a value that is no number or date."""
        import duckdb

        try:
            return self.connection.execute(query.sql, list(query.values))
        except duckdb.Error as error:
            for part in parts:
                self._refuse_misfits(part)
            raise DataError(f"{self._about(parts[0].attribute)}: {error}") from None

    def _refuse_misfits(self, part: _Part) -> None:
        measure = part.measure
        days = [measure.of] if measure.measure in ("recency", "tenure") or measure.rounded_to else []
        days += [measure.window.column] if measure.window else []
        numbers = [measure.of] if measure.measure in ("sum", "mean", "min", "max", "share") else []
        numbers += [c for c, rule in measure.where.items() if getattr(rule, "limits", ())]
        numbers += [self.spec.attributes[part.attribute].weighted_by] if part.part == 0 else []
        for column, is_day in [*((c, True) for c in days), *((c, False) for c in numbers)]:
            if column is None:
                continue
            query = crm_sql.misfit(measure, column, is_day, self.schema)
            wrong = self.connection.execute(query.sql, list(query.values)).fetchone()
            if wrong is not None:
                kind = f"date of the form {measure.date_format or 'YYYY-MM-DD'}" if is_day else "number"
                raise DataError(
                    f"{self._about(part.attribute)}: column {column!r} of {' or '.join(measure.tables)}: "
                    f"{wrong[0]!r} is no {kind}{_remedy(str(wrong[0]), measure, is_day)}"
                )

    def _refuse_repeated(self, name: str, measure: Measure) -> None:
        """Refuses a lookup table with several rows for one key, which would count rows several times."""
        if measure.lookup is None or measure.lookup.by not in self.schema.types[measure.lookup.table]:
            return
        twice = self.connection.execute(crm_sql.repeated(measure.lookup)).fetchone()
        if twice is not None:
            raise DataError(
                f"{self._about(name)}: lookup table {measure.lookup.table!r} has {twice[1]} rows with "
                f"{measure.lookup.by} '{twice[0]}'; it needs one row for each value, or rows would count "
                "several times"
            )

    def _nobody(self, name: str, measure: Measure) -> DataError:
        return DataError(
            f"{self._about(name)}: none of the {self.customers} customers stands in {measure.table!r}; check "
            f"that {self.spec.key!r} means the same in both tables"
        )

    def _about(self, name: str) -> str:
        return f"CRM {self.spec.name!r}, attribute {name!r}"


def _remedy(value: str, measure: Measure, is_day: bool) -> str:
    """What to do about a cell that is no date or no number, where that can be told."""
    if is_day:
        return "; say how its dates are written under 'date_format', such as \"%d.%m.%Y\""
    if not set(value) <= set("0123456789.,+- "):
        return "; leave signs and words, such as those of a currency, out of the column"
    key = "thousands" if 0 <= value.find(",") < value.find(".") else "decimal"
    what = "commas between thousands" if key == "thousands" else "a decimal comma"
    return f"; for {what} set 'read: {{{measure.table}: {{{key}: \",\"}}}}'" if "," in value else ""


def _steady(values: FloatArray) -> FloatArray:
    """The values to 12 digits: the last ones of a sum depend on the order in which threads add it up."""
    size = np.abs(values)
    exponent = np.floor(np.log10(np.where((size > 0) & np.isfinite(size), size, 1.0)))
    factor = 10.0 ** (11 - exponent)
    return np.asarray(np.round(values * factor) / factor, dtype=np.float64)
