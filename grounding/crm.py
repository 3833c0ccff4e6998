"""Customers: rows of purchases and the like aggregated by DuckDB into a few named attributes."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from grounding.microdata import Table, unique_ids
from grounding.spec import Contains, CrmSource, CustomerAttribute
from personas.arrays import FloatArray, IntArray
from personas.errors import DataError, UnknownName
from personas.panel import UNKNOWN

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Columns = Mapping[str, tuple[str, ...]]
Grouped = tuple[tuple[str, ...], IntArray]


@dataclass(frozen=True)
class Customers:
    """Customers and their attributes.

    Attributes:
        table: the table with one row for each customer, for the variables that people and customers share.
        ids: one for each customer.
        attributes: attribute -> groups, lowest first, and the group of each customer (``UNKNOWN`` where the
            measure is undefined, such as a mean over no rows).
    """

    table: Table
    ids: tuple[str, ...]
    attributes: Mapping[str, Grouped]


def read(spec: CrmSource, files: Mapping[str, Path]) -> Customers:
    """Customers with their attributes, aggregated straight from the files.

    Args:
        spec: what to aggregate and how.
        files: table -> CSV or Parquet file.

    Raises:
        DataError: a file, table or column is missing or unreadable, customer ids repeat, a lookup table has
            several rows for one key, or a cut leaves a group empty.
    """
    import duckdb

    with duckdb.connect(":memory:") as connection:
        columns = {table: _open(connection, table, files[table]) for table in tables_used(spec, files)}
        people = _customer_table(connection, spec, files[spec.people])
        ids = unique_ids(people, spec.key)
        attributes: dict[str, Grouped] = {}
        for name, attribute in spec.attributes.items():
            measured = _measured(connection, spec, name, columns, ids)
            attributes[name] = (attribute.groups, cut(measured, attribute, name))
    return Customers(people, ids, attributes)


def _measured(
    connection: "DuckDBPyConnection", spec: CrmSource, name: str, columns: Columns, ids: Sequence[str]
) -> FloatArray:
    """The attribute's number for each customer, shape (n_customers,); NaN where undefined."""
    import duckdb

    attribute = spec.attributes[name]
    query, values = compile_query(attribute, spec.people, spec.key, columns)
    try:
        _check_lookup(connection, attribute)
        rows = connection.execute(query, values).fetchall()
    except duckdb.Error as error:
        raise DataError(f"CRM {spec.name!r}, attribute {name!r}: {error}") from None
    if not any(present for _, _, present in rows):
        raise DataError(
            f"CRM {spec.name!r}, attribute {name!r}: none of the {len(ids)} customers stands in "
            f"{attribute.table!r}; check that {spec.key!r} means the same in both tables"
        )
    value_of = {customer: value for customer, value, _ in rows}
    return np.array([math.nan if (v := value_of[i]) is None else float(v) for i in ids])


def tables_used(spec: CrmSource, files: Mapping[str, Path]) -> list[str]:
    """Names of the tables that the attributes need. Raises: UnknownName, listing those with files."""
    used = [spec.people]
    for attribute in spec.attributes.values():
        used += [attribute.table, *([attribute.lookup.table] if attribute.lookup else [])]
    unknown = next((t for t in used if t not in files), None)
    if unknown is not None:
        raise UnknownName(f"table of CRM {spec.name!r}", unknown, sorted(files))
    return list(dict.fromkeys(used))


def _open(connection: "DuckDBPyConnection", table: str, path: Path) -> tuple[str, ...]:
    """Makes the file a view and returns its columns."""
    import duckdb

    if not path.is_file():
        raise DataError(f"{path}: no such file")
    readers = {".csv": "read_csv", ".parquet": "read_parquet"}
    if path.suffix.lower() not in readers:
        raise DataError(
            f"{path}: cannot read {path.suffix or 'a file without an ending'}; use .csv or .parquet"
        )
    # Views take no bound parameters: the path is escaped as a literal, and against glob characters.
    source = f"{readers[path.suffix.lower()]}({_literal(escape(str(path)))})"
    try:
        connection.execute(f"CREATE VIEW {_name(table)} AS SELECT * FROM {source}")
        described = connection.execute(f"DESCRIBE {_name(table)}").fetchall()
    except duckdb.Error as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    return tuple(str(row[0]) for row in described)


def _customer_table(connection: "DuckDBPyConnection", spec: CrmSource, path: Path) -> Table:
    """The customers' own table as text, with the key written as the aggregates write it."""
    import duckdb

    try:
        cursor = connection.execute(f"SELECT CAST(COLUMNS(*) AS VARCHAR) FROM {_name(spec.people)}")
        names = [str(column[0]) for column in cursor.description or ()]
        rows = cursor.fetchall()
    except duckdb.Error as error:
        raise DataError(f"{path}: cannot be read ({error})") from None
    columns = {name: tuple(row[i] for row in rows) for i, name in enumerate(names)}
    return Table(str(path), columns, range(1, len(rows) + 1), "row")


def compile_query(
    attribute: CustomerAttribute, people: str, key: str, columns: Columns
) -> tuple[str, list[str]]:
    """SQL for (customer, number, whether the table has rows of theirs), and the values bound to it.

    Names are quoted and values bound, so nothing in a grounding file can become SQL. Customers without rows
    count and sum to 0; their mean and share are undefined (NULL).

    Args:
        attribute: what is measured.
        people: table with one row for each customer.
        key: the customer's column in it and in the attribute's table.
        columns: table -> its columns.

    Raises:
        DataError: a column that none of the tables has.
    """
    condition, values = _conditions(attribute, columns)
    of = _column(attribute.of, attribute, columns) if attribute.of is not None else "*"
    chosen = f" FILTER (WHERE {condition})" if condition else ""
    sum_of = f"COALESCE(SUM({of}){chosen}, 0)"
    measured = {
        "count": f"COUNT(*){chosen}",
        "distinct": f"COUNT(DISTINCT {of}){chosen}",
        "sum": sum_of,
        "mean": f"AVG({of}){chosen}",
        "share": f"{sum_of} / NULLIF(SUM({of}), 0)",
    }[attribute.measure]
    absent = "0" if attribute.measure in ("count", "distinct", "sum") else "NULL"
    _require(key, people, columns)
    _require(key, attribute.table, columns)
    lookup = ""
    if attribute.lookup is not None:
        on = _name(attribute.lookup.by)
        _require(attribute.lookup.by, attribute.table, columns)
        _require(attribute.lookup.by, attribute.lookup.table, columns)
        lookup = f" LEFT JOIN {_name(attribute.lookup.table)} AS looked ON looked.{on} = base.{on}"
    return (
        f"SELECT CAST(person.{_name(key)} AS VARCHAR), COALESCE(found.measured, {absent}), "
        "found.customer IS NOT NULL "
        f"FROM {_name(people)} AS person LEFT JOIN (SELECT base.{_name(key)} AS customer, "
        f"{measured} AS measured FROM {_name(attribute.table)} AS base{lookup} GROUP BY 1) AS found "
        f"ON found.customer = person.{_name(key)}",
        values,
    )


def _conditions(attribute: CustomerAttribute, columns: Columns) -> tuple[str, list[str]]:
    parts: list[str] = []
    values: list[str] = []
    for name, rule in attribute.where.items():
        column = f"CAST({_column(name, attribute, columns)} AS VARCHAR)"
        if isinstance(rule, Contains):
            parts.append(f"contains(lower({column}), lower(?))")
            values.append(rule.contains)
        else:
            parts.append(f"{column} IN ({', '.join('?' * len(rule))})")
            values += rule
    return " AND ".join(parts), values


def _column(name: str, attribute: CustomerAttribute, columns: Columns) -> str:
    """The column with the alias of the table it stands in; the attribute's own table comes first."""
    if name in columns[attribute.table]:
        return f"base.{_name(name)}"
    if attribute.lookup is not None and name in columns[attribute.lookup.table]:
        return f"looked.{_name(name)}"
    tables = [attribute.table, *([attribute.lookup.table] if attribute.lookup else [])]
    known = "; ".join(f"{t} has {', '.join(columns[t])}" for t in tables)
    raise DataError(f"no column {name!r} in {' or '.join(tables)}: {known}")


def _require(name: str, table: str, columns: Columns) -> None:
    if name not in columns[table]:
        raise DataError(f"table {table!r} has no column {name!r}; it has {', '.join(columns[table])}")


def _check_lookup(connection: "DuckDBPyConnection", attribute: CustomerAttribute) -> None:
    """Refuses a lookup table with several rows for one key, which would count rows several times."""
    if attribute.lookup is None:
        return
    on, table = _name(attribute.lookup.by), _name(attribute.lookup.table)
    query = (
        f"SELECT {on}, COUNT(*) FROM {table} WHERE {on} IS NOT NULL GROUP BY 1 HAVING COUNT(*) > 1 LIMIT 1"
    )
    twice = connection.execute(query).fetchone()
    if twice is not None:
        raise DataError(
            f"lookup table {attribute.lookup.table!r} has {twice[1]} rows with {attribute.lookup.by} "
            f"{twice[0]!r}; it needs one row for each value, or purchases would be counted several times"
        )


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def cut(measured: FloatArray, attribute: CustomerAttribute, name: str) -> IntArray:
    """Group of each customer, shape (n_customers,); ``UNKNOWN`` where the measure is not a number.

    Quantile groups hold equal numbers of customers up to ties, which stay together in the lower group.

    Raises:
        DataError: nothing was measured, or ties leave a quantile group empty.
    """
    known = ~np.isnan(measured)
    if not known.any():
        raise DataError(f"CRM attribute {name!r} is undefined for all {len(measured)} customers")
    if attribute.up_to is not None:
        limits = np.array([high for high in attribute.up_to.values() if high is not None])
    else:
        n = len(attribute.groups)
        limits = np.quantile(measured[known], np.arange(1, n) / n)
    groups = np.where(known, np.searchsorted(limits, measured, side="left"), UNKNOWN).astype(np.int64)
    empty = [g for i, g in enumerate(attribute.groups) if not np.any(groups == i)]
    if attribute.quantiles is not None and empty:
        value, count = np.unique(measured[known], return_counts=True)
        raise DataError(
            f"CRM attribute {name!r}: quantiles leave group {empty[0]!r} empty, because {count.max()} of "
            f"{known.sum()} customers have the value {value[count.argmax()]:g}; set limits with up_to"
        )
    return groups
