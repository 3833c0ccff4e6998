"""Customer attributes as DuckDB SQL: names are quoted and values bound, so no YAML ever becomes SQL."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from grounding.sources.database import name
from grounding.sources.measures import Condition, CustomerAttribute, Lookup, Measure
from personas.errors import DataError

PERSON = '"selected"."person"'
"""The table of customers who may be used: place (from 0), line, own (key as stored), customer (as text)."""

_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_FRACTIONS = ("FLOAT", "DOUBLE", "DECIMAL")
_NUMERIC = (*_INTEGERS, *(f"U{kind}" for kind in _INTEGERS), *_FRACTIONS, "BOOLEAN")


class Bound(NamedTuple):
    """A piece of SQL and the values bound to its question marks, in order."""

    sql: str
    values: tuple[str | float | date, ...] = ()


@dataclass(frozen=True)
class Schema:
    """The open tables.

    Attributes:
        key: the column that identifies the customer.
        people: the table with one row for each customer.
        types: table -> column -> DuckDB type, of the columns that are read.
        there: table -> all columns that it has, for errors.
    """

    key: str
    people: str
    types: Mapping[str, Mapping[str, str]]
    there: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Timed:
    """A measure, and the days that its span of time runs from and to.

    Attributes:
        measure: what is measured.
        as_of: from which recency, tenure and ``last_days`` count back; ``None`` where nothing does.
    """

    measure: Measure
    as_of: date | None = None


def numbers(measures: Sequence[Timed], schema: Schema) -> Bound:
    """Query of (place, one number for each measure), a row for each customer with rows in the table.

    Args:
        measures: all of one table and lookup.
        schema: the open tables.

    Raises:
        DataError: a column that none of the tables has.
    """
    found = [_number(timed, schema) for timed in measures]
    source = _rows(measures[0].measure, schema)
    listing = ", ".join(f"{number.sql} AS m{i}" for i, number in enumerate(found))
    values = tuple(v for number in found for v in number.values)
    return Bound(f"SELECT person.place, {listing} FROM {source} GROUP BY 1", values)


def shared_values(own: Timed, whole: Timed, schema: Schema) -> Bound:
    """Query of (place, the part of the distinct values of ``whole`` that stand among those of ``own``)."""
    left, right = (_values_of(timed, schema) for timed in (whole, own))
    return _compose(
        "SELECT whole.place, COUNT(own.place) / COUNT(*) AS part FROM ({}) AS whole LEFT JOIN ({}) AS own "
        "ON own.place = whole.place AND own.found = whole.found GROUP BY 1",
        left,
        right,
    )


def most_common(attribute: CustomerAttribute, as_of: date | None, schema: Schema) -> Bound:
    """Query of (place, the customer's most common value as text); of equals the first in the alphabet."""
    column = Bound(_text(*_column(attribute.of or "", attribute, schema)))
    weight = Bound("COUNT(*)")
    if attribute.weighted_by is not None:
        weight = _compose("ROUND(SUM({}), 6)", _numeric(attribute.weighted_by, attribute, schema))
    return _compose(
        "SELECT place, arg_min(found, {{'rank': -weight, 'name': found}}) AS found FROM "
        "(SELECT person.place, {} AS found, {} AS weight FROM {} WHERE {} GROUP BY 1, 2) "
        "WHERE found IS NOT NULL AND found <> '' AND weight IS NOT NULL GROUP BY 1",
        column,
        weight,
        Bound(_rows(attribute, schema)),
        _all([*_window(Timed(attribute, as_of), schema), *_conditions(attribute, schema)]),
    )


def dates(measure: Measure, column: str, schema: Schema) -> Bound:
    """Query of the first and the last date of a column, over all rows of the measure's tables."""
    day = _day(column, measure, schema)
    return _compose("SELECT MIN({}), MAX({}) FROM {}", day, day, Bound(_plain_rows(measure, schema)))


def misfit(measure: Measure, column: str, as_day: bool, schema: Schema) -> Bound:
    """Query of a value of ``column`` that is no number, or no date; no row where all of them are."""
    cell, kind = _column(column, measure, schema)
    value = _day(column, measure, schema, forgiving=True) if as_day else Bound(f"TRY_CAST({cell} AS DOUBLE)")
    blank = f" AND trim({cell}) <> ''" if kind == "VARCHAR" else ""
    rows = _plain_rows(measure, schema)
    return Bound(
        f"SELECT CAST({cell} AS VARCHAR) FROM {rows} WHERE {cell} IS NOT NULL{blank} AND {value.sql} IS NULL "
        "LIMIT 1",
        value.values,
    )


def belonging(table: str, schema: Schema) -> str:
    """Query of (all rows of a table, those without a key, those of the customers who may be used)."""
    key = schema.types[table][schema.key]
    column = f"base.{name(schema.key)}"
    written = f"NULLIF({_text(column, key)}, '')" if key == "VARCHAR" else column
    return (
        f"SELECT COUNT(*), COUNT(*) - COUNT({written}), COUNT(person.place) FROM {name(table)} AS base "
        f"LEFT JOIN {PERSON} AS person ON {_same(column, key, schema)}"
    )


def repeated(lookup: Lookup) -> str:
    """Query of a value of the lookup's ``by`` that has several rows, and how many."""
    on, table = name(lookup.by), name(lookup.table)
    return f"SELECT {on}, COUNT(*) FROM {table} WHERE {on} IS NOT NULL GROUP BY 1 HAVING COUNT(*) > 1 LIMIT 1"


def key_text(column: str, kind: str) -> str:
    """A key as text, in the form in which keys are compared: ``7`` for 7 and 7.0 alike."""
    return _text(column, kind)


def _number(timed: Timed, schema: Schema) -> Bound:
    measure = timed.measure
    window = _window(timed, schema)
    chosen = _all([*window, *_conditions(measure, schema)])
    if measure.measure == "count":
        return _compose("COUNT(*) FILTER (WHERE {})", chosen)
    if measure.measure in ("recency", "tenure"):
        day, end = _day(measure.of or "", measure, schema), Bound("CAST(? AS DATE)", (_known(timed.as_of),))
        seen = _all([chosen, _compose("{} <= {}", day, end)])
        ends = "MAX" if measure.measure == "recency" else "MIN"
        return _compose("{} - " + ends + "({}) FILTER (WHERE {})", end, day, seen)
    if measure.measure == "distinct":
        return _compose("COUNT(DISTINCT {}) FILTER (WHERE {})", _distinct(measure, schema), chosen)
    if measure.measure == "share":
        return _share(measure, _all(window), chosen, schema)
    read = _numeric(measure.of or "", measure, schema)
    function = {"sum": "COALESCE(SUM({}) FILTER (WHERE {}), 0)", "mean": "AVG({}) FILTER (WHERE {})"}
    usual = measure.measure.upper() + "({}) FILTER (WHERE {})"
    return _compose(function.get(measure.measure, usual), read, chosen)


def _share(measure: Measure, window: Bound, chosen: Bound, schema: Schema) -> Bound:
    if measure.of is None:
        return _compose("COUNT(*) FILTER (WHERE {}) / NULLIF(COUNT(*) FILTER (WHERE {}), 0)", chosen, window)
    read = _numeric(measure.of, measure, schema)
    return _compose(
        "CASE WHEN SUM({}) FILTER (WHERE {}) > 0 THEN COALESCE(SUM({}) FILTER (WHERE {}), 0) / "
        "SUM({}) FILTER (WHERE {}) END",
        *(read, window, read, chosen, read, window),
    )


def _distinct(measure: Measure, schema: Schema) -> Bound:
    if measure.rounded_to is None:
        return Bound(_column(measure.of or "", measure, schema)[0])
    return _compose(f"date_trunc('{measure.rounded_to}', {{}})", _day(measure.of or "", measure, schema))


def _values_of(timed: Timed, schema: Schema) -> Bound:
    """Query of the distinct (place, found) of a measure's column."""
    measure = timed.measure
    column = _text(*_column(measure.of or "", measure, schema))
    chosen = _all([Bound(f"{column} IS NOT NULL"), *_window(timed, schema), *_conditions(measure, schema)])
    query = (
        f"SELECT DISTINCT person.place, {column} AS found FROM {_rows(measure, schema)} WHERE {chosen.sql}"
    )
    return Bound(query, chosen.values)


def _window(timed: Timed, schema: Schema) -> list[Bound]:
    window = timed.measure.window
    if window is None:
        return []
    day = _day(window.column, timed.measure, schema)
    found: list[tuple[str, date]] = []
    if window.last_days is not None:
        end = _known(timed.as_of)
        found = [(">", end - timedelta(days=window.last_days)), ("<=", end)]
    found += [(">=", window.since)] if window.since else []
    found += [("<=", window.until)] if window.until else []
    return [_compose(f"{{}} {sign} ?", day)._replace(values=(*day.values, end)) for sign, end in found]


def _conditions(measure: Measure, schema: Schema) -> list[Bound]:
    found: list[Bound] = []
    for column, rule in measure.where.items():
        text = f"CAST({_column(column, measure, schema)[0]} AS VARCHAR)"
        if not isinstance(rule, Condition):
            found.append(_among(text, rule))
            continue
        if rule.contains:
            found.append(Bound(f"contains(lower({text}), lower(?))", (rule.contains,)))
        if rule.not_contains:
            found.append(Bound(f"NOT contains(lower({text}), lower(?))", (rule.not_contains,)))
        if rule.not_in:
            found.append(_compose("NOT ({})", _among(text, rule.not_in)))
        read = _numeric(column, measure, schema) if rule.limits else Bound("")
        found += [Bound(f"{read.sql} {sign} ?", (number,)) for _, sign, number in rule.limits]
    return found


def _among(text: str, codes: Sequence[str]) -> Bound:
    """The text is one of the codes; numbers are compared as numbers, so that 7 is also 7.0 and 007."""
    marks = ", ".join("?" * len(codes))
    written = Bound(f"trim({text}) IN ({marks})", tuple(codes))
    counted = tuple(float(c) for c in codes if _NUMBER.fullmatch(c))
    if not counted:
        return written
    numeric = f"COALESCE(TRY_CAST({text} AS DOUBLE) IN ({', '.join('?' * len(counted))}), FALSE)"
    return _compose("({} OR {})", written, Bound(numeric, counted))


def _rows(measure: Measure, schema: Schema) -> str:
    """The measure's rows, as ``base``, of the customers who may be used, as ``person``."""
    key = schema.types[measure.table].get(schema.key)
    if key is None:
        known = ", ".join(schema.there[measure.table])
        raise DataError(f"table {measure.table!r} has no column {schema.key!r}; it has {known}")
    same = _same(f"base.{name(schema.key)}", key, schema)
    joined = f"{name(measure.table)} AS base JOIN {PERSON} AS person ON {same}"
    return joined + _looked_up(measure, schema)


def _same(column: str, key: str, schema: Schema) -> str:
    """The condition that a key of this type is that of the person."""
    people = schema.types[schema.people][schema.key]
    if key == people != "VARCHAR":
        return f"{column} = person.own"
    return f"{_text(column, key)} = person.customer"


def _plain_rows(measure: Measure, schema: Schema) -> str:
    return f"{name(measure.table)} AS base{_looked_up(measure, schema)}"


def _looked_up(measure: Measure, schema: Schema) -> str:
    lookup = measure.lookup
    if lookup is None:
        return ""
    for table in measure.tables:
        if lookup.by not in schema.types[table]:
            known = ", ".join(schema.there[table])
            raise DataError(f"table {table!r} has no column {lookup.by!r}; it has {known}")
    left, right = (schema.types[table][lookup.by] for table in measure.tables)
    on = name(lookup.by)
    sides = ("looked." + on, right), ("base." + on, left)
    same = " = ".join(column if left == right else _text(column, kind) for column, kind in sides)
    return f" LEFT JOIN {name(lookup.table)} AS looked ON {same}"


def _column(column: str, measure: Measure, schema: Schema) -> tuple[str, str]:
    """The column with the alias of its table, and its type; the measure's own table comes first."""
    for table, alias in zip(measure.tables, ("base", "looked"), strict=False):
        if column in schema.types[table]:
            return f"{alias}.{name(column)}", schema.types[table][column]
    known = "; ".join(f"{table} has {', '.join(schema.there[table])}" for table in measure.tables)
    raise DataError(f"no column {column!r} in {' or '.join(measure.tables)}: {known}")


def _numeric(column: str, measure: Measure, schema: Schema) -> Bound:
    read, kind = _column(column, measure, schema)
    if kind == "VARCHAR":
        read = f"NULLIF(trim({read}), '')"
    elif kind.partition("(")[0] not in _NUMERIC:
        raise DataError(f"column {column!r} holds values of type {kind}, which are no numbers")
    return Bound(f"CAST({read} AS DOUBLE)")


def _day(column: str, measure: Measure, schema: Schema, forgiving: bool = False) -> Bound:
    """The column's date; text is read by the measure's format, as ISO date (and time) without one.

    With a time zone, times count as UTC unless they say otherwise, and the day is that of the zone; dates
    without a time stay as they are. Without one, instants count in UTC and written times as written.
    """
    read, kind = _column(column, measure, schema)
    attempt = "TRY_" if forgiving else ""
    if kind == "DATE":
        return Bound(read)
    if kind == "TIMESTAMP WITH TIME ZONE":
        return Bound(f"CAST(timezone(?, {read}) AS DATE)", (measure.time_zone or "UTC",))
    if kind.startswith("TIMESTAMP"):
        return _local(Bound(read), measure)
    if measure.date_format:
        text = f"NULLIF(trim(CAST({read} AS VARCHAR)), '')"
        moment = Bound(f"{attempt.lower()}strptime({text}, ?)", (measure.date_format,))
        has_time = any(sign in measure.date_format for sign in ("%H", "%I", "%c", "%s"))
        return _local(moment, measure) if has_time else Bound(f"CAST({moment.sql} AS DATE)", moment.values)
    if kind != "VARCHAR":
        raise DataError(
            f"column {column!r} holds values of type {kind}, which are no dates; give date_format"
        )
    text = f"NULLIF(trim({read}), '')"
    plain = Bound(f"CAST({attempt}CAST({text} AS TIMESTAMP) AS DATE)")
    if not measure.time_zone:
        return plain
    zoned = f"CAST(timezone(?, {attempt}CAST({text} AS TIMESTAMPTZ)) AS DATE)"
    return Bound(
        f"CASE WHEN length({text}) <= 10 THEN {plain.sql} ELSE {zoned} END",
        (measure.time_zone,),
    )


def _local(moment: Bound, measure: Measure) -> Bound:
    """The day of a time: as written, or in the measure's zone of a time in UTC."""
    if not measure.time_zone:
        return Bound(f"CAST({moment.sql} AS DATE)", moment.values)
    sql = f"CAST(timezone(?, CAST({moment.sql} AS TIMESTAMPTZ)) AS DATE)"
    return Bound(sql, (measure.time_zone, *moment.values))


def _text(column: str, kind: str) -> str:
    if kind.partition("(")[0] in _FRACTIONS:
        whole = f"{column} = round({column}) AND abs({column}) < 1e15"
        integer = f"CAST(CAST({column} AS BIGINT) AS VARCHAR)"
        return f"CASE WHEN {whole} THEN {integer} ELSE CAST({column} AS VARCHAR) END"
    return f"trim({column})" if kind == "VARCHAR" else f"CAST({column} AS VARCHAR)"


def _all(parts: Sequence[Bound]) -> Bound:
    if not parts:
        return Bound("TRUE")
    return _compose(" AND ".join(["{}"] * len(parts)), *parts)


def _compose(template: str, *parts: Bound) -> Bound:
    return Bound(template.format(*(p.sql for p in parts)), tuple(v for p in parts for v in p.values))


def _known(day: date | None) -> date:
    assert day is not None
    return day
