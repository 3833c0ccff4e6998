"""Every way in which rows come in: as one table of text, or as a DuckDB relation to aggregate from."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from grounding.sources import (
    database,
    delimited,
    parquet,
    postgres,
    relations,
    spreadsheet,
    spss,
    stata,
)
from grounding.sources.columns import Column
from grounding.sources.database import literal, name
from grounding.sources.delimited import Layout
from grounding.sources.place import Place
from grounding.sources.stream import BLANKS, Stream, chosen, collect
from grounding.sources.table import BrokenRow, Table
from personas.errors import DataError
from personas.models.wheel import sha256_of

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_BROKEN = "mirrorpanel_broken_rows"
_ENDINGS = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".tsv": "csv",
    ".tsv.gz": "csv",
    ".txt": "csv",
    ".parquet": "parquet",
    ".xlsx": "excel",
    ".xlsm": "excel",
    ".sav": "spss",
    ".zsav": "spss",
    ".dta": "stata",
}
_OPENERS: dict[str, Callable[[Place, Sequence[str] | None], Stream]] = {
    "csv": delimited.stream,
    "parquet": lambda place, columns: parquet.stream(_file(place), columns),
    "excel": spreadsheet.stream,
    "spss": spss.stream,
    "stata": stata.stream,
    "postgresql": postgres.stream,
    "duckdb": lambda place, columns: _duckdb_stream(place, columns),
}
_NAMERS: dict[str, Callable[[Place], tuple[str, ...]]] = {
    "csv": delimited.column_names,
    "parquet": lambda place: parquet.column_names(_file(place)),
    "excel": spreadsheet.column_names,
    "spss": spss.column_names,
    "stata": stata.column_names,
    "postgresql": postgres.column_names,
    "duckdb": lambda place: _duckdb_names(place),
}
_REMEDIES = {
    ".xls": "open it in Excel and save it as .xlsx",
    ".xlsb": "open it in Excel and save it as .xlsx",
    ".ods": "save it as .xlsx or CSV",
    ".por": "save it as .sav",
    ".sas7bdat": "export it as .sav, .dta, CSV or Parquet",
    ".rds": "write it with arrow::write_parquet() or write.csv()",
    ".rdata": "write it with arrow::write_parquet() or write.csv()",
    ".feather": "write it as Parquet",
    ".json": "write it as CSV or Parquet",
    ".duckdb": "name it as a database: url duckdb:path, with a table or query",
}


def read(place: Place, columns: Sequence[str] | None = None) -> Table:
    """The rows of a place as text.

    Args:
        place: a CSV, Parquet, Excel, SPSS or Stata file, or a DuckDB or PostgreSQL table or query.
        columns: the only columns that are kept; where the format allows, no other is read. All without it.

    Raises:
        DataError: the place is missing, empty, damaged or of another kind; a column is not there, naming
            those that are; or rows do not fit the header and are not to be set aside.
    """
    return collect(_stream(place, columns))


def column_names(place: Place) -> tuple[str, ...]:
    """Names of the columns, without reading the rows. Raises: DataError as ``read``."""
    return _NAMERS[kind(place)](place)


def kind(place: Place) -> str:
    """The format of a place: csv, parquet, excel, spss, stata, duckdb or postgresql.

    Raises:
        DataError: no such file, or of a kind that is not read, with what to do.
    """
    if place.path is None:
        assert place.database is not None
        return "postgresql" if postgres.is_postgres(place.database) else "duckdb"
    path = place.path
    if not path.is_file():
        what = "is a folder, not a file" if path.is_dir() else "no such file"
        raise DataError(f"{path}: {what}")
    ending = _ending(path)
    if ending not in _ENDINGS:
        remedy = _REMEDIES.get(ending, "save it as one of these")
        raise DataError(
            f"{path}: cannot read {ending or 'a file without an ending'}; use .csv, .csv.gz, .tsv, .parquet, "
            f".xlsx, .sav, .zsav or .dta: {remedy}"
        )
    if place.definition is not None and _ENDINGS[ending] != "csv":
        raise DataError(f"{path}: 'definition' describes a Qualtrics CSV export, not {ending}; export CSV")
    return _ENDINGS[ending]


def _ending(path: Path) -> str:
    ending = path.suffix.lower()
    return "".join(path.suffixes[-2:]).lower() if ending == ".gz" else ending


def _file(place: Place) -> Path:
    assert place.path is not None
    return place.path


def _stream(place: Place, columns: Sequence[str] | None) -> Stream:
    if columns is not None and not columns:
        raise ValueError("columns must name at least one column, or be None for all")
    return _OPENERS[kind(place)](place, columns)


def _duckdb_stream(place: Place, columns: Sequence[str] | None) -> Stream:
    assert place.database is not None
    connection = database.opened(place)
    relation = database.relation_of(place.database, connection, place.name)
    return database.stream(connection, relation, place.name, columns)


def _duckdb_names(place: Place) -> tuple[str, ...]:
    assert place.database is not None
    with database.opened(place) as connection:
        relation = database.relation_of(place.database, connection, place.name)
        return tuple(database.columns_of(connection, relation, place.name))


def attach(
    connection: "DuckDBPyConnection", table: str, place: Place, columns: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Makes the place a relation of a DuckDB connection, and returns its columns.

    UTF-8 CSV, Parquet and DuckDB tables become views, from which a query reads only what it needs, without
    taking the rows into memory. Everything else becomes a table filled batch by batch, which DuckDB spills to
    disk beyond its memory limit (``database.connect`` sets one). Columns have types: those of the source, or
    for text (CSV, Excel, SPSS, Stata) the narrowest of whole number, number, date, time stamp and text that
    fits every row; numbers with leading zeros stay text. In CSV and Excel the words ``BLANKS`` are empty
    cells, and rows without any value in the columns read are left out.

    Args:
        connection: where queries run.
        table: name of the relation.
        place: where the rows lie.
        columns: the only columns that the relation has.

    Raises:
        DataError: as ``read``; a database that goes away leaves no table behind.
    """
    import duckdb

    found = kind(place)
    try:
        if found == "parquet":
            return _parquet_view(connection, table, place, columns)
        if found == "duckdb" and place.database is not None and place.database.table:
            return _duckdb_view(connection, table, place, columns)
        if found == "csv":
            layout = delimited.layout(_file(place), place.options)
            if _is_plain(layout, place) and _csv_view(connection, table, place, layout, columns):
                return chosen(place.name, layout.columns, columns)
        return _filled(connection, table, _stream(place, columns))
    except duckdb.Error as error:
        raise database.unreadable(place.name, error) from None


def _parquet_view(
    connection: "DuckDBPyConnection", table: str, place: Place, columns: Sequence[str] | None
) -> tuple[str, ...]:
    return _view(connection, table, parquet.relation(_file(place)), place.name, columns)


def _view(
    connection: "DuckDBPyConnection", table: str, relation: str, where: str, columns: Sequence[str] | None
) -> tuple[str, ...]:
    types = database.columns_of(connection, relation, where)
    wanted = chosen(where, tuple(types), columns)
    database.refuse_nested(types, wanted, where)
    listing = ", ".join(name(c) for c in wanted)
    connection.execute(f"CREATE VIEW {name(table)} AS SELECT {listing} FROM {relation}")
    return wanted


def _duckdb_view(
    connection: "DuckDBPyConnection", table: str, place: Place, columns: Sequence[str] | None
) -> tuple[str, ...]:
    """A view on a table of a DuckDB file, which is attached once, to be read only."""
    assert place.database is not None
    path = str(database.file_of(place).resolve())
    query = "SELECT database_name FROM duckdb_databases() WHERE path = ?"
    known = connection.execute(query, [path]).fetchone()
    alias = str(known[0]) if known else f"{table} (file)"
    if known is None:
        connection.execute(f"ATTACH {literal(path)} AS {name(alias)} (READ_ONLY)")
    relation = f"{name(alias)}.{database.parts(place.database.table)}"
    return _view(connection, table, relation, place.name, columns)


def _is_plain(layout: Layout, place: Place) -> bool:
    """Whether DuckDB can read the CSV file by itself, with the same result as ``read``."""
    return layout.encoding.name == "utf-8" and layout.extra is None and place.options.broken_rows == "refuse"


def _csv_view(
    connection: "DuckDBPyConnection",
    table: str,
    place: Place,
    layout: Layout,
    columns: Sequence[str] | None,
) -> bool:
    """Makes the view, unless DuckDB cannot read every row of the file."""
    import duckdb

    wanted = chosen(place.name, layout.columns, columns)
    fields = ", ".join(f"{literal(c)}: 'VARCHAR'" for c in layout.columns)
    blanks = ", ".join(literal(word) for word in ("", *BLANKS))
    relation = (
        f"read_csv({literal(database.escape(str(place.path)))}, auto_detect=false, header=false, "
        f"skip={layout.first - 1}, delim={literal(layout.separator)}, quote='\"', escape='\"', "
        f"columns={{{fields}}}, nullstr=[{blanks}])"
    )
    texts = {c: f"NULLIF(trim({name(c)}), '')" for c in wanted}
    try:
        if place.options.decimal == ",":
            _refuse_points(connection, place.name, texts, relation)
            texts = {c: _with_point(sql) for c, sql in texts.items()}
        elif place.options.thousands:
            texts = {c: _without_thousands(sql) for c, sql in texts.items()}
        every = [f"NULLIF(trim({name(c)}), '')" for c in layout.columns]
        relations.typed_view(connection, table, texts, relation, every)
    except duckdb.Error:
        return False
    return True


_GROUPED = r"[+-]?[1-9][0-9]?[0-9]?(\.[0-9][0-9][0-9])+"


def _refuse_points(
    connection: "DuckDBPyConnection", where: str, texts: Mapping[str, str], relation: str
) -> None:
    """Raises: DataError where a point is not always for thousands, as the rows of a survey are refused."""
    asked = "min({0}) FILTER (regexp_full_match({0}, '{1}') AND NOT regexp_full_match({0}, '{2}'))"
    forms = ((r"[+-]?[0-9]*\.[0-9]+", _GROUPED), (_GROUPED, ""))
    listing = [asked.format(sql, *form) for sql in texts.values() for form in forms]
    found = connection.execute(f"SELECT {', '.join(listing)} FROM {relation}").fetchone() or ()
    for column, point, grouped in zip(texts, found[::2], found[1::2], strict=True):
        if point is not None and grouped is not None:
            raise delimited.point_and_comma(f"{where}: column {column!r}", str(point), str(grouped))


def _with_point(sql: str) -> str:
    """SQL for the text with the comma of a number written as a point, as ``delimited.with_comma``."""
    thousands = f"'{_GROUPED}(,[0-9]+)?'"
    comma = r"'[+-]?[0-9]*,[0-9]+'"
    return (
        f"CASE WHEN regexp_full_match({sql}, {thousands}) THEN replace(replace({sql}, '.', ''), ',', '.') "
        f"WHEN regexp_full_match({sql}, {comma}) THEN replace({sql}, ',', '.') ELSE {sql} END"
    )


def _without_thousands(sql: str) -> str:
    """SQL for the text without the commas between thousands, as ``delimited.without_thousands``."""
    grouped = r"'[+-]?[1-9][0-9]?[0-9]?(,[0-9][0-9][0-9])+(\.[0-9]+)?'"
    return f"CASE WHEN regexp_full_match({sql}, {grouped}) THEN replace({sql}, ',', '') ELSE {sql} END"


def _filled(connection: "DuckDBPyConnection", table: str, stream: Stream) -> tuple[str, ...]:
    """A table of the stream's rows; behind a view where its columns are text."""
    if stream.types:
        relations.fill(connection, table, stream)
    else:
        texts = f"{table} (text)"
        relations.fill(connection, texts, stream)
        relations.typed_view(connection, table, {c: name(c) for c in stream.columns}, name(texts))
    connection.execute(f"CREATE TABLE IF NOT EXISTS {_BROKEN} (name VARCHAR, line BIGINT, problem VARCHAR)")
    rows = [(table, row.line, row.problem) for row in stream.broken]
    if rows:
        connection.executemany(f"INSERT INTO {_BROKEN} VALUES (?, ?, ?)", rows)
    return stream.columns


def broken_rows(connection: "DuckDBPyConnection", table: str) -> tuple[BrokenRow, ...]:
    """The rows that ``attach`` set aside, where the place's options say so, in the file's order."""
    known = connection.execute("SELECT 1 FROM duckdb_tables() WHERE table_name = ?", [_BROKEN]).fetchone()
    if known is None:
        return ()
    query = f"SELECT line, problem FROM {_BROKEN} WHERE name = ? ORDER BY line"
    return tuple(BrokenRow(int(r[0]), str(r[1])) for r in connection.execute(query, [table]).fetchall())


def fingerprint(place: Place, table: Table | None = None) -> str:
    """Sha256 of a file; for a database, of the rows as read.

    The hash of rows does not depend on their order, as a database gives them in any; it covers the columns
    read, and nothing of the url.

    Args:
        place: where the rows lie.
        table: the rows, where they are read already; needed for a database to hash no more than was read.

    Raises:
        DataError: as ``read``.
    """
    if place.path is not None:
        return sha256_of(place.path)
    rows = table or read(place)
    columns = sorted(rows.columns)
    head = "\x1e".join(columns)
    sums = [0, 0, 0, 0]
    for cells in zip(*(Column.of(rows.columns[c]) for c in columns), strict=True):
        text = "\x1f".join("-" if cell is None else f"={cell}" for cell in cells)
        digest = hashlib.sha256(f"{head}\x1e{text}".encode()).digest()
        for part in range(4):
            sums[part] += int.from_bytes(digest[8 * part : 8 * part + 8], "big")
    return hashlib.sha256(" ".join(map(str, [len(rows), *sums])).encode()).hexdigest()


def attached_fingerprint(connection: "DuckDBPyConnection", table: str, columns: Sequence[str]) -> str:
    """Sha256 of an attached relation's rows, whatever their order; not comparable with ``fingerprint``."""
    return relations.fingerprint(connection, name(table), sorted(columns))
