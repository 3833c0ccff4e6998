"""Sources as DuckDB relations: tables filled batch by batch, and views that give text its types."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from grounding.sources.columns import Clean, arrow_table, to_arrow
from grounding.sources.database import literal, name
from grounding.sources.stream import Stream, nothing_in
from personas.errors import DataError

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_SAMPLE = 20_000
_WHOLE = r"[+-]?(0|[1-9][0-9]{0,17})"
_NUMBER = r"[+-]?(0|[1-9][0-9]*)?(\.[0-9]*)?([eE][+-]?[0-9]+)?"
_DAY = "[0-9]{4}-[0-9]{2}-[0-9]{2}"


@dataclass(frozen=True)
class _Reading:
    """A type that text may be read as: SQL for whether a text ``@`` allows it, and how it is made of it."""

    allowed: str
    made: str


# Tried in this order. Numbers with leading zeros, such as postcodes, stay text. A date such as 3/4/2024 is
# read only where a day above 12 in the column tells which of the two comes first.
_READINGS = (
    _Reading(f"regexp_full_match(@, '{_WHOLE}')", "CAST(@ AS BIGINT)"),
    _Reading(f"regexp_full_match(@, '{_NUMBER}') AND regexp_matches(@, '[0-9]')", "CAST(@ AS DOUBLE)"),
    _Reading(f"regexp_full_match(@, '{_DAY}') AND TRY_CAST(@ AS DATE) IS NOT NULL", "CAST(@ AS DATE)"),
    _Reading(
        f"regexp_full_match(@, '{_DAY}[ T][0-9:.]+') AND TRY_CAST(@ AS TIMESTAMP) IS NOT NULL",
        "CAST(@ AS TIMESTAMP)",
    ),
    _Reading("try_strptime(@, '%d.%m.%Y') IS NOT NULL", "CAST(strptime(@, '%d.%m.%Y') AS DATE)"),
)
_AMBIGUOUS = ("%m/%d/%Y", "%d/%m/%Y")


def typed_view(
    connection: "DuckDBPyConnection",
    view: str,
    texts: dict[str, str],
    relation: str,
    cells: Sequence[str] = (),
) -> None:
    """Makes a view whose columns have the narrowest type that fits all of their cells.

    Rows without any text in ``cells`` are left out.

    Args:
        connection: where the view is made.
        view: its name.
        texts: column -> SQL for its text, ``NULL`` where empty.
        relation: where that SQL reads from.
        cells: SQL for the text of every column of the relation, ``NULL`` where empty; all rows stay without.

    Raises:
        duckdb.Error: the relation cannot be read.
    """
    readings = _readings(connection, texts, relation)
    listing = ", ".join(f"{readings[c]} AS {name(c)}" for c in texts)
    filled = f"COALESCE({', '.join(cells)}) IS NOT NULL" if cells else "TRUE"
    connection.execute(f"CREATE VIEW {name(view)} AS SELECT {listing} FROM {relation} WHERE {filled}")


def _readings(connection: "DuckDBPyConnection", texts: dict[str, str], relation: str) -> dict[str, str]:
    """Column -> SQL that reads it as the first type that fits a sample, and then every row."""
    tests = [r.allowed for r in _READINGS] + [f"try_strptime(@, '{f}') IS NOT NULL" for f in _AMBIGUOUS]
    sample = f"(SELECT * FROM {relation} LIMIT {_SAMPLE})"
    fits = _all_fit(connection, [(sql, test) for sql in texts.values() for test in tests], sample)
    left = {
        column: [t for t in range(len(tests)) if fits[i * len(tests) + t]] for i, column in enumerate(texts)
    }
    found: dict[str, str] = {}
    while open_ := [c for c in texts if c not in found and left[c]]:
        asked = [(c, t) for c in open_ for t in (left[c] if left[c][0] >= len(_READINGS) else left[c][:1])]
        answers = _all_fit(connection, [(texts[c], tests[t]) for c, t in asked], relation)
        good = {c: [t for (a, t), ok in zip(asked, answers, strict=True) if ok and a == c] for c in open_}
        for c in open_:
            if len(good[c]) == 1:
                found[c] = _made(good[c][0]).replace("@", texts[c])
            left[c] = [t for t in left[c] if (c, t) not in asked]
    return {c: found.get(c, texts[c]) for c in texts}


def _made(test: int) -> str:
    if test < len(_READINGS):
        return _READINGS[test].made
    return f"CAST(strptime(@, '{_AMBIGUOUS[test - len(_READINGS)]}') AS DATE)"


def _all_fit(
    connection: "DuckDBPyConnection", asked: Sequence[tuple[str, str]], relation: str
) -> tuple[bool, ...]:
    """Whether every cell that is not empty passes the test; ``False`` where all are empty."""
    if not asked:
        return ()
    listing = ", ".join(f"COALESCE(bool_and({test.replace('@', sql)}), false)" for sql, test in asked)
    row = connection.execute(f"SELECT {listing} FROM {relation}").fetchone()
    return tuple(bool(value) for value in row or ())


def fill(connection: "DuckDBPyConnection", table: str, stream: Stream) -> int:
    """Makes a table of a stream's rows, batch by batch; columns have the stream's types, or are text.

    The table is there with all rows or not at all.

    Returns:
        How many rows came.

    Raises:
        DataError: the source cannot be read to its end, or holds no rows.
    """
    import duckdb

    types = [stream.types.get(c, "VARCHAR") for c in stream.columns]
    columns = ", ".join(f"{name(c)} {kind}" for c, kind in zip(stream.columns, types, strict=True))
    casts = ", ".join(f"CAST({name(c)} AS {kind})" for c, kind in zip(stream.columns, types, strict=True))
    cleans = [_without(stream.cleans.get(c, stream.clean), stream.blanks) for c in stream.columns]
    rows = 0
    connection.begin()
    try:
        connection.execute(f"CREATE TABLE {name(table)} ({columns})")
        for batch in stream.batches:
            cells: list[Any] = [to_arrow(c, clean) for c, clean in zip(batch.cells, cleans, strict=True)]
            connection.register("incoming_rows", arrow_table(cells, stream.columns))
            connection.execute(f"INSERT INTO {name(table)} SELECT {casts} FROM incoming_rows")
            connection.unregister("incoming_rows")
            rows += len(batch.lines)
        if not rows:
            raise DataError(nothing_in(stream))
        connection.commit()
    except duckdb.Error as error:
        connection.rollback()
        raise DataError(f"{stream.name}: cannot be read ({error})") from None
    except BaseException:
        connection.rollback()
        raise
    return rows


def _without(clean: Clean, blanks: Sequence[str]) -> Clean:
    """The cleaning that also empties cells with one of these words."""
    if not blanks:
        return clean

    def cleaned(text: str) -> str | None:
        found = clean(text)
        return None if found in blanks else found

    return cleaned


def fingerprint(connection: "DuckDBPyConnection", relation: str, columns: Sequence[str]) -> str:
    """Sha256 over the rows of a relation, whatever their order: of their number and the sums of hashes."""
    cells = ", ".join(f"COALESCE('=' || CAST({name(c)} AS VARCHAR), '-')" for c in columns)
    row = f"sha256({literal(chr(30).join(columns))} || chr(30) || concat_ws(chr(31), {cells}))"
    halves = ", ".join(f"sum(CAST('0x' || substr(hash, {at}, 15) AS UBIGINT))" for at in (1, 16, 31, 46))
    query = f"SELECT sha256(concat_ws(' ', count(*), {halves})) FROM (SELECT {row} AS hash FROM {relation})"
    found = connection.execute(query).fetchone()
    return str(found[0]) if found else ""
