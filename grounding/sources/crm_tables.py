"""The tables of a CRM source, opened with only the columns that the grounding file uses."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from grounding.privacy.spec import Consent, Protection
from grounding.sources import reading
from grounding.sources.crm_spec import CrmSource
from grounding.sources.crm_sql import PERSON, Schema, key_text
from grounding.sources.database import name
from grounding.sources.place import Place
from grounding.sources.table import Table
from personas.errors import DataError, UnknownName

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Opened:
    """Open tables, and the customers who may be used.

    Attributes:
        schema: the open tables.
        people: customers who may be used: the key and the columns that matching and values need, as text.
        ids: their keys as text.
        without_consent: customers left out because they did not consent.
    """

    schema: Schema
    people: Table
    ids: tuple[str, ...]
    without_consent: int


def opened(
    connection: "DuckDBPyConnection",
    spec: CrmSource,
    places: Mapping[str, Place],
    protection: Protection | None,
) -> Opened:
    """The source's tables in the connection, and its customers, without those who did not consent.

    Raises:
        DataError: a file or column is missing or unreadable, a column is used that may not be, or customer
            ids are empty or repeat.
        UnknownName: a table without a place.
    """
    consent = protection.consent if protection else None
    used = columns_used(spec, consent)
    unknown = next((table for table in used if table not in places), None)
    if unknown is not None:
        raise UnknownName(f"table of CRM {spec.name!r}", unknown, sorted(places))
    types: dict[str, dict[str, str]] = {}
    there: dict[str, tuple[str, ...]] = {}
    for table, columns in used.items():
        there[table] = reading.column_names(places[table])
        _refuse_unlisted(spec, table, there[table], columns)
        wanted = [column for column in columns if column in there[table]]
        if spec.key not in wanted and table == spec.people:
            raise DataError(_absent(places[table], spec.key, there[table]))
        if not wanted:
            raise DataError(
                f"CRM {spec.name!r}: table {table!r} has no column {columns[0]!r}; it has "
                f"{', '.join(there[table])}"
            )
        reading.attach(connection, table, places[table], wanted)
        described = connection.execute(f"DESCRIBE {name(table)}").fetchall()
        types[table] = {str(row[0]): str(row[1]) for row in described}
    schema = Schema(spec.key, spec.people, types, there)
    people, without = _customers(connection, spec, consent, schema, places[spec.people])
    return Opened(schema, people, _distinct(people, spec.key), without)


def tables_used(spec: CrmSource) -> tuple[str, ...]:
    """Names of the tables that are read, the customer table first."""
    return tuple(columns_used(spec, None))


def columns_used(spec: CrmSource, consent: Consent | None) -> dict[str, tuple[str, ...]]:
    """Table -> the columns that the grounding file names; no other is ever read.

    A column of a measure with a lookup may stand in either of its two tables.
    """
    used: dict[str, dict[str, None]] = {spec.people: {spec.key: None}}
    for column in _customer_columns(spec, consent):
        used[spec.people][column] = None
    for attribute in spec.attributes.values():
        for measure in attribute.parts:
            extra = (attribute.weighted_by,) if measure is attribute and attribute.weighted_by else ()
            named = (*measure.columns, *extra)
            rows = used.setdefault(measure.table, {})
            rows |= dict.fromkeys((spec.key, *named))
            if measure.lookup is not None:
                rows[measure.lookup.by] = None
                looked = used.setdefault(measure.lookup.table, {})
                looked |= dict.fromkeys((measure.lookup.by, *named))
    return {table: tuple(columns) for table, columns in used.items()}


def _customer_columns(spec: CrmSource, consent: Consent | None) -> list[str]:
    """Columns of the customer table that are read as text, without the key."""
    found = [variable.customers.column for variable in spec.match.values()]
    found += [a.of or "" for a in spec.attributes.values() if a.measure == "value"]
    found += [consent.column] if consent else []
    return [c for c in dict.fromkeys(found) if c != spec.key]


def _absent(place: Place, column: str, there: Sequence[str]) -> str:
    return f"{place.name}: no column {column!r}; there are {', '.join(there)}"


def _refuse_unlisted(spec: CrmSource, table: str, there: Sequence[str], wanted: Sequence[str]) -> None:
    """Raises: DataError where a column is used that the allow-list lacks, or listed that does not exist."""
    if spec.allow is None:
        return
    about = f"CRM {spec.name!r}, allow-list"
    if table not in spec.allow:
        raise DataError(
            f"{about}: table {table!r} is used but not listed; listed are {', '.join(spec.allow) or 'none'}"
        )
    listed = spec.allow[table]
    absent = next((column for column in listed if column not in there), None)
    if absent is not None:
        raise DataError(f"{about}: table {table!r} has no column {absent!r}; it has {', '.join(there)}")
    stray = next((column for column in wanted if column in there and column not in listed), None)
    if stray is not None:
        raise DataError(
            f"{about}: column {stray!r} of {table!r} is used by {_user(spec, stray)} but not listed; "
            f"listed are {', '.join(listed)}; list it or leave out what needs it"
        )


def _user(spec: CrmSource, column: str) -> str:
    """What needs a column, in words."""
    for attribute_name, attribute in spec.attributes.items():
        for measure in attribute.parts:
            lookups = (measure.lookup.by,) if measure.lookup else ()
            if column in (*measure.columns, *lookups, attribute.weighted_by):
                return f"attribute {attribute_name!r}"
    matched = (n for n, variable in spec.match.items() if variable.customers.column == column)
    return next((f"matching variable {n!r}" for n in matched), "the key or the consent")


def _customers(
    connection: "DuckDBPyConnection", spec: CrmSource, consent: Consent | None, schema: Schema, place: Place
) -> tuple[Table, int]:
    """The customers who may be used, as rows of text, and how many did not consent."""
    import duckdb

    kinds = schema.types[spec.people]
    absent = next((c for c in (spec.key, *_customer_columns(spec, consent)) if c not in kinds), None)
    if absent is not None:
        hint = ""
        if consent is not None and absent == consent.column:
            hint = (
                f"; it says who consented: give CRM {spec.name!r} a 'protection' of its own, with the "
                "consent of the customers"
            )
        raise DataError(_absent(place, absent, schema.there[spec.people]) + hint)
    kept = _customer_columns(spec, None)
    listing = ", ".join(["customer", *(f"c{i}" for i in range(len(kept)))])
    query = f"SELECT line, {listing} FROM {PERSON} ORDER BY place"
    try:
        everybody = _select_customers(connection, schema, kept, consent)
        found = connection.execute(query).fetchnumpy()
    except duckdb.Error as error:
        raise DataError(f"{place.name}: cannot be read ({error})") from None
    lines = cast(list[int], found.pop("line").tolist())
    columns = {
        column: tuple(value or None for value in cast(list[str | None], found[short].tolist()))
        for column, short in zip([spec.key, *kept], listing.split(", "), strict=True)
    }
    if consent and not lines:
        raise DataError(
            f"CRM {spec.name!r}: none of the {everybody} customers has {' or '.join(consent.values)} in the "
            f"consent column {consent.column!r}; nobody may be used"
        )
    return Table(place.name, columns, lines, "row"), everybody - len(lines)


def _select_customers(
    connection: "DuckDBPyConnection", schema: Schema, kept: Sequence[str], consent: Consent | None
) -> int:
    """Makes the table ``PERSON``, with ``kept`` as columns c0, c1 and so on; how many customers there are.

    All aggregates are joined to it: who is not in it never comes in.
    """
    kinds, key = schema.types[schema.people], name(schema.key)
    chosen = [f"{key} AS own", f"{key_text(key, kinds[schema.key])} AS customer"]
    chosen += [f"{key_text(name(column), kinds[column])} AS c{i}" for i, column in enumerate(kept)]
    where, values = "TRUE", list[str]()
    if consent is not None:
        said = key_text(name(consent.column), kinds[consent.column])
        where, values = f"{said} IN ({', '.join('?' * len(consent.values))})", list(consent.values)
    line = name("row of " + schema.people)  # no column of the table itself, however that calls its columns
    numbered = f"SELECT row_number() OVER () AS {line}, * FROM {name(schema.people)}"
    connection.execute("CREATE SCHEMA selected")
    connection.execute(
        f"CREATE TABLE {PERSON} AS SELECT row_number() OVER () - 1 AS place, {line} AS line, "
        f"{', '.join(chosen)} FROM ({numbered}) WHERE {where}",
        values,
    )
    return int(connection.execute(f"SELECT COUNT(*) FROM {name(schema.people)}").fetchall()[0][0])


def _distinct(people: Table, key: str) -> tuple[str, ...]:
    """The customers' keys. Raises: DataError naming keys that are empty or repeat, and where."""
    ids = people.column(key)
    from grounding.sources.microdata import unique_ids

    if None in ids or len(set(ids)) < len(ids):
        return unique_ids(people, key)
    return tuple(i for i in ids if i is not None)
