import hashlib
from pathlib import Path

import duckdb
import pytest

from grounding.sources import database, reading
from grounding.sources.place import Database, Place
from personas.errors import DataError

ROWS = """
SELECT * FROM (VALUES
  (1, 'Köln', 1.5::DOUBLE, 12.30::DECIMAL(8, 2), DATE '1990-01-02', TRUE),
  (2, NULL, 0.00001, 7, NULL, FALSE),
  (3, ' Übersee ', 2, 0.1, TIMESTAMP '2001-12-31', NULL)
) AS rows (id, town, size, spent, born, member)
"""
CELLS = {
    "id": ("1", "2", "3"),
    "town": ("Köln", None, "Übersee"),
    "size": ("1.5", "0.00001", "2"),
    "spent": ("12.30", "7.00", "0.10"),
    "born": ("1990-01-02 00:00:00", None, "2001-12-31 00:00:00"),
    "member": ("true", "false", None),
}


@pytest.fixture
def file(tmp_path) -> Path:
    path = tmp_path / "crm.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"CREATE TABLE people AS {ROWS}")
        connection.execute("CREATE TABLE nested AS SELECT 1 AS id, [1, 2] AS brands")
        connection.execute("CREATE SCHEMA old; CREATE TABLE old.people AS SELECT 7 AS id")
        connection.execute("CREATE TABLE none (id INTEGER)")
    return path


def at(file: Path, table: str = "", query: str = "") -> Place:
    return Place(database=Database(url=f"duckdb:{file.name}", table=table, query=query), base=file.parent)


def test_a_duckdb_table_is_read_and_the_file_stays_as_it_is(file):
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    assert reading.read(at(file, "people")).columns == CELLS
    assert reading.read(at(file, "old.people")).columns == {"id": ("7",)}
    assert reading.column_names(at(file, "people")) == tuple(CELLS)
    assert hashlib.sha256(file.read_bytes()).hexdigest() == before
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_duckdb_query_is_read(file):
    query = "SELECT town, count(*) AS n FROM people GROUP BY town ORDER BY n, town;"
    assert reading.read(at(file, query=query), ["n"]).columns == {"n": ("1", "1", "1")}


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("DELETE FROM people RETURNING *", "give one SELECT under 'query'"),
        ("SELECT 1; SELECT 2", "give one SELECT under 'query'"),
        ("COPY people TO 'stolen.csv'", "give one SELECT under 'query'"),
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM read_csv('/etc/passwd')", "cannot be read .*disabled"),
        ("SELECT * FROM poeple", "poeple"),
    ],
)
def test_a_query_that_does_more_than_read_its_own_file_is_refused(file, query, words):
    with pytest.raises(DataError, match=words):
        reading.read(at(file, query=query))


def test_duckdb_files_that_cannot_be_opened_are_refused(file):
    with pytest.raises(DataError, match=r"crm2\.duckdb: no such DuckDB file"):
        reading.read(at(file.with_name("crm2.duckdb"), "people"))
    for content in (file.read_bytes()[:5000], b"id,x\n1,2\n"):
        damaged = file.with_name("damaged.duckdb")
        damaged.write_bytes(content)
        with pytest.raises(DataError, match=r"damaged\.duckdb"):
            reading.read(at(damaged, "people"))


def test_what_a_duckdb_file_cannot_give_is_named(file):
    with pytest.raises(DataError, match=r"column 'brands' holds INTEGER\[\]; a column of a source holds one"):
        reading.read(at(file, "nested"))
    assert reading.read(at(file, "nested"), ["id"]).columns == {"id": ("1",)}
    with pytest.raises(DataError, match="peple"):
        reading.read(at(file, "peple"))
    with pytest.raises(DataError, match="the source holds no rows"):
        reading.read(at(file, "none"))


def test_a_duckdb_table_becomes_a_view_to_aggregate_from(file):
    with database.connect() as connection:
        assert reading.attach(connection, "who", at(file, "people"), ["id", "size"]) == ("id", "size")
        found = connection.execute("SELECT count(*), max(size), typeof(max(size)) FROM who").fetchone()
        assert found == (3, 2.0, "DOUBLE")
        with pytest.raises(duckdb.Error):
            connection.execute("SELECT town FROM who")


@pytest.fixture
def parquet(tmp_path) -> Path:
    path = tmp_path / "people.parquet"
    duckdb.sql(f"COPY ({ROWS}) TO '{path}' (FORMAT parquet)")
    return path


def test_parquet_cells_become_the_same_text(parquet):
    assert reading.read(Place(path=parquet)).columns == CELLS
    assert list(reading.read(Place(path=parquet), ["spent", "id"]).columns) == ["id", "spent"]


def test_a_big_parquet_file_is_read_by_its_columns_in_pieces(tmp_path):
    path = tmp_path / "big.parquet"
    make = "SELECT i AS id, i % 7 AS answer, md5(i::VARCHAR) AS wide FROM range(250000) AS rows (i)"
    duckdb.sql(f"COPY ({make}) TO '{path}' (FORMAT parquet)")
    stream = reading._stream(Place(path=path), ["answer"])
    sizes = [len(batch.lines) for batch in stream.batches]
    assert sum(sizes) == 250_000
    assert max(sizes) <= 123_000  # DuckDB fills whole vectors of 2,048 rows
    table = reading.read(Place(path=path), ["answer"])
    assert table.columns["answer"][:3] == ("0", "1", "2")
    assert table.where(249_999).endswith("row 250000")


@pytest.mark.parametrize("kept", [0, 3, 100, -300, -8, -1])
def test_a_parquet_file_that_is_cut_off_is_refused(parquet, kept):
    parquet.write_bytes(parquet.read_bytes()[:kept])
    with pytest.raises(
        DataError, match=r"people\.parquet: cannot be read \(.*; the file is cut off, damaged"
    ):
        reading.read(Place(path=parquet))


def test_a_parquet_file_whose_middle_is_damaged_is_refused(tmp_path):
    path = tmp_path / "big.parquet"
    make = "SELECT i AS id, md5(i::VARCHAR) AS word FROM range(300000) AS rows (i)"
    duckdb.sql(f"COPY ({make}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 20_000] = bytes(20_000)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"big\.parquet: cannot be read .*damaged or of another kind"):
        reading.read(Place(path=path))


def test_a_csv_named_parquet_is_refused_with_what_it_is_not(parquet):
    parquet.write_bytes(b"id,x\n1,2\n" * 50)
    with pytest.raises(DataError, match=r"people\.parquet: cannot be read \("):
        reading.read(Place(path=parquet))
