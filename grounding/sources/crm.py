"""Customers: rows of purchases and the like aggregated by DuckDB into a few named attributes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from grounding.privacy.spec import Protection
from grounding.sources import crm_tables, database, reading
from grounding.sources.aggregates import Aggregates, Grouped
from grounding.sources.crm_spec import CrmSource
from grounding.sources.measures import CustomerAttribute
from grounding.sources.microdata import recoded
from grounding.sources.place import Place
from grounding.sources.table import Table, set_aside
from personas.arrays import FloatArray, IntArray
from personas.errors import DataError
from personas.panel import UNKNOWN

NO_CUSTOMER = -1
tables_used = crm_tables.tables_used


@dataclass(frozen=True)
class Customers:
    """Customers and their attributes.

    Attributes:
        table: key and shared variables of each customer as text, for matching.
        ids: one for each customer.
        attributes: attribute -> groups, and the group of each customer (``UNKNOWN`` where the measure is
            undefined, such as a mean over no rows). Groups of a number stand lowest first.
        without_consent: customers left out because they did not consent.
        strays: rows that were set aside or belong to none of the customers, in words.
        broken: rows of the customer table that were set aside.
        columns: all that was read, as ``table.column``.
        hashes: table of a database -> sha256 of the columns read, whatever the order of their rows.
    """

    table: Table
    ids: tuple[str, ...]
    attributes: Mapping[str, Grouped]
    without_consent: int = 0
    strays: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    broken: int = 0
    hashes: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Joined:
    """Customers found by key.

    Attributes:
        rows: the customer's row for each of the people, shape (n_people,); ``NO_CUSTOMER`` where none.
        matched: people with a customer.
        without_key: people whose key is empty.
        unknown_key: people with a key that no customer has.
        unreferenced: customers that nobody refers to.
        shared: customers that several people refer to.
        sharing: people who refer to one of those.
    """

    rows: IntArray
    matched: int
    without_key: int
    unknown_key: int
    unreferenced: int
    shared: int
    sharing: int


def read(spec: CrmSource, places: Mapping[str, Place], protection: Protection | None = None) -> Customers:
    """Customers with their attributes, aggregated where the rows lie: they are never all in memory.

    Only the columns that ``spec`` names are read. Customers without consent, and their rows, never come in.

    Args:
        spec: what to aggregate and how.
        places: table -> where its rows lie.
        protection: with the consent variable, a column of the customer table; that of ``spec`` if ``None``.

    Raises:
        DataError: a file, table or column is missing, unreadable or may not be used; a value is no number or
            date; customer ids repeat; a lookup table has several rows for one key; a cut leaves a group
            empty. Names source, attribute and column.
        UnknownName: a table without a place.
    """
    with database.connect() as connection:
        found = crm_tables.opened(connection, spec, places, protection or spec.protection)
        rows = Aggregates(connection, spec, found.schema, len(found.ids))
        numbers = rows.numbers()
        attributes: dict[str, Grouped] = {}
        for name, attribute in spec.attributes.items():
            if attribute.measure == "value":
                attributes[name] = recoded(found.people, attribute.recode, f"value of attribute {name!r}")
            elif attribute.measure == "most_common":
                attributes[name] = rows.most_common(name)
            else:
                attributes[name] = (attribute.groups, cut(numbers[name], attribute, name))
        broken = {table: reading.broken_rows(connection, table) for table in found.schema.types}
        hashes = {
            table: reading.attached_fingerprint(connection, table, list(kinds))
            for table, kinds in found.schema.types.items()
            if places[table].path is None
        }
        strays = (*(s for t, b in broken.items() for s in set_aside(b, of=t)), *rows.strays())
    columns = tuple(f"{table}.{column}" for table, kinds in found.schema.types.items() for column in kinds)
    unfit = len(broken[spec.people])
    return Customers(
        found.people, found.ids, attributes, found.without_consent, strays, columns, unfit, hashes
    )


def join(customers: Customers, keys: Sequence[str | None], name: str) -> Joined:
    """The customer that each of the people refers to.

    Keys are compared as text, without blanks at the ends. No key stands in any message.

    Args:
        customers: with their keys as ids.
        keys: of the people; ``None`` or empty where unknown.
        name: of the CRM source, for errors.

    Raises:
        DataError: nobody refers to any customer.
    """
    wanted = [(key or "").strip() for key in keys]
    asked = Counter(key for key in wanted if key)
    place = {key: row for row, key in enumerate(customers.ids) if key in asked}
    rows = np.array([place.get(key, NO_CUSTOMER) for key in wanted], dtype=np.int64)
    matched = int(np.sum(rows != NO_CUSTOMER))
    if not matched:
        raise DataError(
            f"CRM {name!r}: none of the {asked.total()} keys of {len(wanted)} people is that of one of "
            f"{len(customers.ids)} customers; check that both columns hold the same key, written alike "
            "(leading zeros, prefixes, capital letters)"
        )
    shared = [asked[key] for key in place if asked[key] > 1]
    return Joined(
        rows=rows,
        matched=matched,
        without_key=sum(not key for key in wanted),
        unknown_key=asked.total() - matched,
        unreferenced=len(customers.ids) - len(place),
        shared=len(shared),
        sharing=sum(shared),
    )


def sentences(joined: Joined, column: str, key: str) -> tuple[str, ...]:
    """How a join by key went, in words.

    Args:
        joined: whom it found.
        column: of the survey that holds the key.
        key: of the customers.
    """
    people = len(joined.rows)
    lines = [f"{joined.matched:,} of {people:,} people were joined by {column} to their own {key}."]
    if joined.matched < people:
        lines.append(
            f"{joined.without_key:,} people have no key and {joined.unknown_key:,} a key that no customer "
            "has: their customer attributes stay unknown."
        )
    if joined.unreferenced:
        lines.append(f"{joined.unreferenced:,} customers are nobody's in the survey and stay unused.")
    if joined.shared:
        lines.append(
            f"{joined.sharing:,} people share a key with others ({joined.shared:,} customers): each of them "
            "gets what all of them bought together."
        )
    return tuple(lines)


def taken(values: IntArray, joined: Joined) -> IntArray:
    """Each of the people's own customer's ``values``, shape (n_people,); ``UNKNOWN`` without a customer."""
    return np.where(joined.rows != NO_CUSTOMER, values[joined.rows], UNKNOWN)


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
    sizes = np.bincount(groups[known], minlength=len(attribute.groups))
    if attribute.quantiles is not None and not np.all(sizes):
        value, count = np.unique(measured[known], return_counts=True)
        raise DataError(
            f"CRM attribute {name!r}: quantiles leave group {attribute.groups[int(sizes.argmin())]!r} empty, "
            f"because {count.max()} of {known.sum()} customers have the value {value[count.argmax()]:g}; set "
            "limits with up_to"
        )
    return groups
