"""PostgreSQL tables and queries, read in a transaction that can only read, some rows at a time."""

import os
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from grounding.sources import database
from grounding.sources.columns import Clean, number_clean
from grounding.sources.place import Database, Place
from grounding.sources.stream import Batch, Stream, chosen, distinct_names
from personas.errors import DataError

if TYPE_CHECKING:
    from psycopg import Connection

_ROWS = 20_000
_SECONDS_TO_CONNECT = 10
_DECIMAL = "DECIMAL"
_FLOATS = ("FLOAT", "DOUBLE")
# Object identifiers of PostgreSQL's built-in types, pg_type.dat.
_TYPES = {
    16: "BOOLEAN",
    20: "BIGINT",
    21: "BIGINT",
    23: "BIGINT",
    700: "FLOAT",
    701: "DOUBLE",
    1700: _DECIMAL,
    1082: "DATE",
    1114: "TIMESTAMP",
    1184: "TIMESTAMP",
}


def is_postgres(found: Database) -> bool:
    """Whether the database is a PostgreSQL server. Raises: DataError as ``address``."""
    return address(found).startswith(("postgresql://", "postgres://"))


def address(found: Database) -> str:
    """The url, looked up where it is ``env:NAME``. Raises: DataError, which never shows a password."""
    url = found.url
    if url.startswith("env:"):
        name = url.removeprefix("env:")
        if not os.environ.get(name):
            raise DataError(f"database {url!r}: the environment has no variable {name!r}; set it to the url")
        url = os.environ[name]
    if not url.startswith(("postgresql://", "postgres://", "duckdb:")):
        kind = url.partition(":")[0] if ":" in url[:20] else "none"
        raise DataError(
            f"database {found.url.partition(':')[0] + ':...'!r}: urls of kind {kind!r} cannot be read; use "
            "duckdb:path or postgresql://user@host:port/name"
        )
    return url


def stream(place: Place, columns: Sequence[str] | None) -> Stream:
    """The rows of a table or query as text, fetched by a cursor that the server keeps.

    All rows come out of one transaction that can only read, so they fit together; it ends when the last has
    come or the batches are let go.

    Raises:
        DataError: the server cannot be reached, refuses, or goes away, saying how many rows had come; the
            query is not one SELECT; or a column is not there. No error shows the password.
    """
    connection, relation = _opened(place)
    try:
        types = _described(connection, relation, place.name)
        wanted = chosen(place.name, tuple(types), columns)
    except BaseException:
        connection.close()
        raise
    cleans: dict[str, Clean] = {c: number_clean for c in wanted if types[c] in _FLOATS}
    return Stream(
        name=place.name,
        columns=wanted,
        batches=_batches(connection, relation, wanted, place.name),
        cleans=cleans,
        # DuckDB's own decimals have a fixed number of digits, which a numeric need not fit.
        types={c: "DOUBLE" if types[c] == _DECIMAL else types[c] for c in wanted},
    )


def column_names(place: Place) -> tuple[str, ...]:
    """Names of the columns. Raises: DataError."""
    connection, relation = _opened(place)
    with connection:
        return tuple(_described(connection, relation, place.name))


def _opened(place: Place) -> "tuple[Connection[Any], str]":
    """A connection that can only read, and the table or query as it stands behind FROM."""
    import psycopg

    assert place.database is not None
    url = address(place.database)
    try:
        connection = psycopg.connect(url, connect_timeout=_SECONDS_TO_CONNECT, application_name="mirrorpanel")
    except (psycopg.Error, ValueError) as error:
        raise DataError(f"{place.name}: cannot connect: {_safe(error, url)}") from None
    connection.read_only = True
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    if place.database.table:
        return connection, database.parts(place.database.table)
    return connection, f"({place.database.query.strip().rstrip(';')}\n) AS source"


def _safe(error: Exception, url: str) -> str:
    """The error's words, unless they hold the password or may hold a part of the url."""
    from psycopg import conninfo

    text = " ".join(str(error).split())
    try:
        password = str(conninfo.conninfo_to_dict(url).get("password") or "")
    except Exception:  # what a url that cannot be taken apart is complained of may quote any part of it
        return "the url cannot be understood; write postgresql://user@host:port/name"
    return text.replace(password, "***") if password else text


def _described(connection: "Connection[Any]", relation: str, where: str) -> dict[str, str]:
    """Column -> DuckDB type, or ``_DECIMAL``.

    Nothing runs: the server only prepares the statement, and takes only one.
    """
    import psycopg
    from psycopg.pq import ExecStatus

    server = connection.pgconn
    text = f"SELECT * FROM {relation}".encode()
    try:
        connection.execute("SELECT 1")  # begins the transaction that can only read
        prepared = server.prepare(b"mirrorpanel_source", text)
        if prepared.status != ExecStatus.COMMAND_OK:
            raise DataError(f"{where}: {_words(prepared.error_message)}; give a table's name or one SELECT")
        found = server.describe_prepared(b"mirrorpanel_source")
        names = [(found.fname(i) or b"").decode() for i in range(found.nfields)]
        kinds = [_TYPES.get(found.ftype(i), "VARCHAR") for i in range(found.nfields)]
    except psycopg.Error as error:
        raise DataError(f"{where}: cannot be read: {' '.join(str(error).split())}") from None
    return dict(zip(distinct_names(where, names, "the columns", False), kinds, strict=True))


def _words(message: bytes) -> str:
    return message.decode(errors="replace").partition("\n")[0].strip()


def _batches(
    connection: "Connection[Any]", relation: str, wanted: Sequence[str], where: str
) -> Iterator[Batch]:
    import psycopg
    from psycopg import sql

    # The names are quoted; the query stands in brackets, and the server prepared it as a single statement.
    listing = ", ".join(f"CAST({database.name(c)} AS text)" for c in wanted)
    query: Any = f"SELECT {listing} FROM {relation}"
    first = 1
    try:
        with connection, connection.cursor(name="mirrorpanel_rows") as cursor:
            cursor.execute(sql.SQL(query))
            while rows := cursor.fetchmany(_ROWS):
                lines = range(first, first + len(rows))
                first = lines.stop
                yield Batch(lines, list(zip(*rows, strict=True)))
    except psycopg.Error as error:
        words = " ".join(str(error).split()) or type(error).__name__
        raise DataError(
            f"{where}: the database went away or refused after {first - 1:,} rows ({words}); nothing of them "
            "was kept: try again"
        ) from None
