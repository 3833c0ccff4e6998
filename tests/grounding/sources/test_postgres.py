import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from postgres_server import PASSWORD, Server, running

from grounding.sources import database, postgres, reading
from grounding.sources.place import Database, Place
from personas.errors import DataError

PEOPLE = """
CREATE TABLE people AS SELECT * FROM (VALUES
  (1, 'Köln', 1.50::float8, 12.30::numeric, DATE '1990-01-02', TRUE, NULL::text),
  (2, NULL, 0.00001, 7, NULL, FALSE, ' x '),
  (3, 'Übersee', 2, 0.10, DATE '2001-12-31', NULL, '')
) AS rows (id, town, size, spent, born, member, "Free Text")
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as started:
        started.execute(
            PEOPLE,
            "CREATE SCHEMA crm",
            "CREATE TABLE crm.sales AS SELECT i % 1000 AS customer, i AS amount, md5(i::text) AS note "
            "FROM generate_series(1, 45000) AS i",
            "CREATE SEQUENCE counter",
        )
        yield started


@pytest.fixture
def place(server, monkeypatch):
    monkeypatch.setenv("PGPASSWORD", PASSWORD)

    def at(table: str = "", query: str = "") -> Place:
        return Place(database=Database(url=server.url, table=table, query=query))

    return at


def test_cells_become_text_in_one_form(place):
    table = reading.read(place("people"))
    assert table.columns == {
        "id": ("1", "2", "3"),
        "town": ("Köln", None, "Übersee"),
        "size": ("1.5", "0.00001", "2"),
        "spent": ("12.30", "7", "0.10"),
        "born": ("1990-01-02", None, "2001-12-31"),
        "member": ("true", "false", None),
        "Free Text": (None, "x", None),
    }
    assert table.where(2).endswith("people: row 3")


def test_a_query_and_the_wanted_columns_are_read(place):
    query = "SELECT id, town AS ort, size * 2 AS doppelt FROM people WHERE id > 1 ORDER BY id; "
    assert reading.column_names(place(query=query)) == ("id", "ort", "doppelt")
    assert reading.read(place(query=query), ["doppelt", "id"]).columns == {
        "id": ("2", "3"),
        "doppelt": ("0.00002", "4"),
    }


def test_a_table_in_a_schema_is_read_by_its_whole_name(place):
    assert len(reading.read(place("crm.sales"), ["customer"])) == 45_000


def test_rows_stay_on_the_server_until_they_are_fetched(place, server):
    stream = postgres.stream(place("crm.sales"), ["note"])
    batches = iter(stream.batches)
    assert len(next(batches).lines) == 20_000
    doing = "SELECT state, query FROM pg_stat_activity WHERE application_name = 'mirrorpanel'"
    assert server.execute(doing) == [("idle in transaction", 'FETCH FORWARD 20000 FROM "mirrorpanel_rows"')]
    batches.close()  # type: ignore[attr-defined]
    deadline = time.monotonic() + 5
    while server.execute(doing) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert server.execute(doing) == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("DELETE FROM people RETURNING *", "syntax error"),
        ("WITH gone AS (DELETE FROM people RETURNING *) SELECT * FROM gone", "data-modifying"),
        ("SELECT 1) AS s; DROP TABLE people; SELECT * FROM (SELECT 2", "multiple commands"),
        ("SELECT * FROM people) AS s; DROP TABLE people; --", "syntax error"),
        ("SELECT setval('counter', 99)", "read-only transaction"),
        ("SELECT 1; SELECT 2", "syntax error"),
        ("SELECT * FROM poeple", 'relation "poeple" does not exist'),
    ],
)
def test_what_would_change_the_database_or_is_no_single_query_is_refused(place, server, query, words):
    with pytest.raises(DataError, match=words) as caught:
        reading.read(place(query=query))
    assert "127.0.0.1" in str(caught.value)
    assert server.execute("SELECT count(*) FROM people") == [(3,)]
    assert server.execute("SELECT last_value FROM counter") == [(1,)]


def test_a_column_or_table_that_is_not_there_is_named(place):
    with pytest.raises(DataError, match=r"no column 'twon' \(did you mean 'town'\?\); there are id, town"):
        reading.read(place("people"), ["twon"])
    with pytest.raises(DataError, match=r'people2.*"people2" does not exist; give a table\'s name or one'):
        reading.read(place("people2"))


def test_an_empty_table_and_repeated_columns_are_refused(place):
    with pytest.raises(DataError, match="holds no rows"):
        reading.read(place(query="SELECT * FROM people WHERE false"))
    with pytest.raises(DataError, match="column 'id' stands twice"):
        reading.read(place(query="SELECT a.id, b.id FROM people a JOIN people b USING (id)"))


def test_a_wrong_password_is_refused_and_never_shown(server, monkeypatch):
    monkeypatch.delenv("PGPASSWORD", raising=False)
    url = server.url.replace("panel@", "panel:hunter2-wrong@")
    with pytest.raises(DataError, match=r"cannot connect: .*password authentication failed") as caught:
        reading.read(Place(database=Database(url=url, table="people")))
    assert "hunter2" not in str(caught.value)


def test_the_whole_url_may_come_from_the_environment(server, monkeypatch):
    monkeypatch.setenv("SURVEY_DB", server.url.replace("panel@", f"panel:{PASSWORD}@"))
    place = Place(database=Database(url="env:SURVEY_DB", table="people"))
    assert len(reading.read(place)) == 3
    assert PASSWORD not in place.name
    monkeypatch.delenv("SURVEY_DB")
    with pytest.raises(DataError, match="the environment has no variable 'SURVEY_DB'; set it to the url"):
        reading.read(place)


def test_a_server_that_is_not_there_is_named():
    url = "postgresql://panel@127.0.0.1:9/nothing"
    with pytest.raises(DataError, match=r"127\.0\.0\.1:9/nothing: people: cannot connect: .*refused"):
        reading.read(Place(database=Database(url=url, table="people")))


def test_another_kind_of_database_is_refused_with_what_can_be_read():
    with pytest.raises(DataError, match="urls of kind 'mysql' cannot be read; use duckdb:path or postgresql"):
        reading.read(Place(database=Database(url="mysql://x@y/z", table="people")))


def test_the_fingerprint_is_of_the_rows_in_whatever_order_they_come(place):
    one = place(query="SELECT id, town FROM people ORDER BY id")
    other = place(query="SELECT town, id FROM people ORDER BY id DESC")
    assert reading.fingerprint(one) == reading.fingerprint(other)
    assert reading.fingerprint(one) != reading.fingerprint(
        place(query="SELECT id, town FROM people WHERE id < 3")
    )


def test_a_table_becomes_a_relation_to_aggregate_from(place):
    with database.connect() as connection:
        assert reading.attach(connection, "sales", place("crm.sales"), ["customer", "amount"]) == (
            "customer",
            "amount",
        )
        query = "SELECT count(*), sum(amount), count(DISTINCT customer) FROM sales"
        assert connection.execute(query).fetchone() == (45_000, 45_000 * 45_001 // 2, 1000)


# The second batch of 20,000 rows is slow, so that there is time to take the server away.
SLOW = (
    "SELECT i AS id, CASE WHEN i > 20000 THEN pg_sleep(0.01)::text END AS slow "
    "FROM generate_series(1, 30000) AS i"
)

OURS = "SELECT pid FROM pg_stat_activity WHERE application_name = 'mirrorpanel'"


def kill_while_it_sleeps(server: Server, how: str) -> threading.Thread:
    """A running thread that waits until a query of ours has reached its slow rows, and ends it."""

    def kill() -> None:
        asleep = f"{OURS} AND wait_event = 'PgSleep'"
        deadline = time.monotonic() + 20
        while not (found := server.execute(asleep)) and time.monotonic() < deadline:
            time.sleep(0.02)
        if how == "server":
            server.stop()
        else:
            server.execute(f"SELECT pg_terminate_backend({found[0][0]})")

    thread = threading.Thread(target=kill)
    thread.start()
    return thread


@pytest.mark.parametrize("how", ["backend", "server"])
def test_a_database_that_goes_away_half_way_is_refused_with_how_far_it_came(place, server, how):
    thread = kill_while_it_sleeps(server, how)
    try:
        with pytest.raises(DataError) as caught:
            reading.read(place(query=SLOW))
    finally:
        thread.join()
        if how == "server":
            server.start()
    message = str(caught.value)
    assert "query: the database went away or refused after 20,000 rows" in message
    assert message.endswith("nothing of them was kept: try again")


def test_a_relation_whose_database_goes_away_is_not_left_behind(place, server):
    thread = kill_while_it_sleeps(server, "backend")
    with database.connect() as connection:
        with pytest.raises(DataError, match="after 20,000 rows"):
            reading.attach(connection, "slow", place(query=SLOW))
        thread.join()
        assert connection.execute("SELECT count(*) FROM duckdb_tables()").fetchone() == (0,)


def test_a_reader_without_rights_is_refused_with_the_servers_words(server, monkeypatch):
    server.execute("CREATE ROLE reader LOGIN PASSWORD 'r'")
    monkeypatch.setenv("PGPASSWORD", "r")
    url = server.url.replace("panel@", "reader@")
    with pytest.raises(DataError, match="permission denied for table people"):
        reading.read(Place(database=Database(url=url, table="people")))
    with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(url) as connection:
        connection.execute("DELETE FROM people")
