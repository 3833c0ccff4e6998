"""Each kind of file and database, from ``mirrorpanel ground`` to a panel, and each kind of damage to it."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import openpyxl
import pandas as pd
import psycopg
import pyreadstat
import pytest
from own_study import GROUND, change, contents, done, mirrorpanel, rows, survey_rows
from postgres_server import PASSWORD, Server, running

from mirrorpanel import store

NAMES, *LINES = [line.split(",") for line in survey_rows()]
CODED = ("age", "tea", "coffee")
SPENDING = {"too little": 1.0, "about right": 2.0, "too much": 3.0}
QUESTIONS = """\
source: an own survey
missing: [9]
questions:
  - {name: tea, text: "Do you like tea?", options: {'no': 0, 'yes': 1}, scale: nominal}
  - {name: trains, text: "Do we spend enough on trains?", options: [too little, about right, too much]}
"""


def frame() -> pd.DataFrame:
    """The survey with numbers as numbers."""
    found = pd.DataFrame(LINES, columns=NAMES)
    return found.astype(dict.fromkeys(CODED, float))


def labelled() -> tuple[pd.DataFrame, dict[str, dict[float, str]]]:
    """The survey as statistics programs hold it: codes, and labels for them."""
    found = frame()
    for column in ("trains", "parks", "museums"):
        found[column] = found[column].map(lambda cell: SPENDING.get(cell, 9.0))
    found["place"] = found["place"].map({"town": 1.0, "country": 2.0})
    words = {value: label for label, value in SPENDING.items()}
    labels = dict.fromkeys(("trains", "parks", "museums"), words | {9.0: "weiß nicht"})
    return found, {**labels, "place": {1.0: "town", 2.0: "country"}}


def write_csv(folder: Path) -> str:
    text = "\r\n".join(";".join(line) for line in [NAMES, *LINES]).replace("town", "Köln")
    (folder / "people.csv").write_bytes(text.encode("cp1252"))
    return "file: people.csv"


def write_tsv(folder: Path) -> str:
    (folder / "people.tsv").write_text("\n".join("\t".join(line) for line in [NAMES, *LINES]), "utf-16")
    return "file: people.tsv"


def write_parquet(folder: Path) -> str:
    table = frame()
    duckdb.from_df(table).write_parquet(str(folder / "people.parquet"))
    return "file: people.parquet"


def write_excel(folder: Path) -> str:
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Daten")
    sheet.append(["Eigene Umfrage 2026"])
    sheet.append(NAMES)
    for row in frame().itertuples(index=False):
        sheet.append(list(row))
    book.save(folder / "people.xlsx")
    return "file: people.xlsx\n  read: {sheet: Daten, header: 2}"


def write_spss(folder: Path) -> str:
    found, labels = labelled()
    missing = {"trains": [9.0], "parks": [9.0], "museums": [9.0]}
    pyreadstat.write_sav(
        found, folder / "people.sav", variable_value_labels=labels, missing_ranges=missing
    )  # fmt: skip
    return "file: people.sav"


def write_stata(folder: Path) -> str:
    found, labels = labelled()
    pyreadstat.write_dta(found, folder / "people.dta", variable_value_labels=labels)
    return "file: people.dta"


def write_qualtrics(folder: Path) -> str:
    ids = [json.dumps({"ImportId": f"QID{i}"}).replace('"', '""') for i in range(len(NAMES))]
    head = [",".join(NAMES), ",".join(f"What is {name}?" for name in NAMES), ",".join(f'"{i}"' for i in ids)]
    (folder / "people.csv").write_text("\n".join([*head, *map(",".join, LINES)]), encoding="utf-8-sig")
    question = {
        "QuestionID": f"QID{NAMES.index('tea')}",
        "DataExportTag": "tea",
        "QuestionType": "MC",
        "Selector": "SAVR",
        "QuestionText": "Do you like tea?",
        "Choices": {"1": {"Display": "yes"}, "2": {"Display": "no"}, "3": {"Display": "No answer"}},
        "ChoiceOrder": ["1", "2", "3"],
        "RecodeValues": {"1": "1", "2": "0", "3": "9"},
    }
    survey = {"SurveyElements": [{"Element": "SQ", "Payload": question}]}
    (folder / "survey.qsf").write_text(json.dumps(survey), encoding="utf-8")
    return "file: people.csv\n  definition: survey.qsf"


def write_duckdb(folder: Path) -> str:
    table = frame()
    with duckdb.connect(str(folder / "people.duckdb")) as connection:
        connection.register("found", table)
        connection.execute("CREATE TABLE people AS SELECT * FROM found")
    return "database: {url: 'duckdb:people.duckdb', table: people}"


WRITERS: dict[str, Callable[[Path], str]] = {
    "CSV with semicolons in an old encoding": write_csv,
    "tabs in UTF-16": write_tsv,
    "Parquet": write_parquet,
    "Excel": write_excel,
    "SPSS": write_spss,
    "Stata": write_stata,
    "Qualtrics": write_qualtrics,
    "DuckDB": write_duckdb,
}


SOURCE = "file: people.csv"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A workspace with a grounding file and a codebook of questions that every format can hold."""
    made = tmp_path / "own"
    store.create(made)
    (made / "grounding.yaml").write_text(GROUND, encoding="utf-8")
    (made / "book.yaml").write_text(QUESTIONS, encoding="utf-8")
    return made


def use(folder: Path, where: str) -> Path:
    """The grounding file, with the rows there."""
    change(folder / "grounding.yaml", SOURCE, where)
    return folder / "grounding.yaml"


def found(folder: Path) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """How many people gave each answer and have each attribute value, as the panel has it."""
    answers = "SELECT question, option, count(*) FROM real_answers GROUP BY ALL ORDER BY ALL"
    values = (
        "SELECT attribute, replace(value, 'Köln', 'town') AS said, count(*) "
        "FROM attributes JOIN people USING (panel, id) GROUP BY ALL ORDER BY ALL"
    )
    return rows(folder, answers), rows(folder, values)


def expected() -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
    """The same, counted from the rows that were written."""
    table = pd.DataFrame(LINES, columns=NAMES)
    table["age_group"] = ["18-44" if int(age) <= 44 else "45 and over" for age in table["age"]]
    options = {"tea": ("0", "1"), "trains": tuple(SPENDING)}
    answers = [
        (name, place, int((table[name] == option).sum()))
        for name, known in options.items()
        for place, option in enumerate(known)
    ]
    values = [
        (name, value, int(count))
        for name in ("age_group", "place", "sex")
        for value, count in sorted(table[name].value_counts().items())
    ]
    return answers, values


@pytest.mark.parametrize("kind", WRITERS)
def test_the_same_people_come_from(kind: str, folder: Path) -> None:
    ended = done("ground", use(folder, WRITERS[kind](folder)), "-w", folder)
    assert "480 of 480 rows, 3 attributes, 2 questions" in ended.err
    assert found(folder) == expected()


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as started:
        started.execute(f"CREATE TABLE people ({', '.join(f'{name} text' for name in NAMES)})")
        with psycopg.connect(started.url, password=PASSWORD) as connection, connection.cursor() as cursor:
            with cursor.copy("COPY people FROM STDIN") as copy:
                for line in LINES:
                    copy.write_row(line)
            cursor.execute("CREATE TABLE crowd AS SELECT * FROM people CROSS JOIN generate_series(1, 50)")
        yield started


@pytest.mark.parametrize("rows_of", ["table: people", "query: SELECT * FROM people ORDER BY id"])
def test_the_same_people_come_from_postgresql(
    rows_of: str, folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    done("ground", use(folder, f"database: {{url: '{server.url}', {rows_of}}}"), "-w", folder)
    assert found(folder) == expected()
    record = rows(folder, "SELECT record FROM sources")[0][0]
    assert f"postgresql://127.0.0.1:{server.port}/postgres" in record
    assert PASSWORD not in record


# --- what cannot be read ------------------------------------------------------------------------------------


@pytest.fixture
def kept(folder: Path) -> Iterator[Path]:
    """A workspace that has a panel already, which a refusal must leave as it is, with all its files."""
    (folder / "people.csv").write_text("\n".join(map(",".join, [NAMES, *LINES])), encoding="utf-8")
    done("ground", folder / "grounding.yaml", "-w", folder)
    before = contents(folder), reports(folder)
    assert before[0]["panels"]
    yield folder
    assert (contents(folder), reports(folder)) == before


def reports(folder: Path) -> list[Path]:
    return sorted((folder / "reports").rglob("*"))


def refusal(folder: Path, where: str = SOURCE) -> str:
    """The message of a refusal: exit code 1, nothing on standard output, no traceback."""
    ended = mirrorpanel("ground", use(folder, where), "-w", folder)
    assert ended.code == 1, ended.out + ended.err
    assert ended.out == ""
    assert "Traceback" not in ended.err
    return " ".join(ended.err.split())


def test_a_corrupt_spss_file_is_refused(kept: Path) -> None:
    where = write_spss(kept)
    content = bytearray((kept / "people.sav").read_bytes())
    content[180:900] = bytes(720)  # the variable records
    (kept / "people.sav").write_bytes(content)
    message = refusal(kept, where)
    assert "people.sav: cannot be read as an SPSS file" in message
    assert "damaged or of another kind: export it again" in message


@pytest.mark.parametrize("share", [0.2, 0.95])
def test_a_truncated_spss_file_is_refused(kept: Path, share: float) -> None:
    where = write_spss(kept)
    content = (kept / "people.sav").read_bytes()
    (kept / "people.sav").write_bytes(content[: int(len(content) * share)])
    assert "people.sav: cannot be read as an SPSS file" in refusal(kept, where)


def test_a_truncated_parquet_file_is_refused(kept: Path) -> None:
    where = write_parquet(kept)
    content = (kept / "people.parquet").read_bytes()
    (kept / "people.parquet").write_bytes(content[: len(content) // 2])
    message = refusal(kept, where)
    assert "people.parquet: cannot be read (" in message
    assert "the file is cut off, damaged or of another kind: write it again" in message


def test_an_excel_sheet_with_merged_headers_is_refused(kept: Path) -> None:
    write_excel(kept)
    book = openpyxl.load_workbook(kept / "people.xlsx")
    book["Daten"].merge_cells("F2:G2")
    book.save(kept / "people.xlsx")
    message = refusal(kept, "file: people.xlsx\n  read: {sheet: Daten, header: 2}")
    assert (
        "people.xlsx: header cells F2:G2 are merged; columns need a name each: set 'read: header'" in message
    )
    assert "(now 2), or undo the merge in Excel" in message


def broken(folder: Path) -> list[int]:
    """Writes the survey with one row in a hundred broken, and says in which lines."""
    lines = [",".join(line) for line in [NAMES, *LINES]]
    bad = list(range(50, len(lines), 100))
    for place in bad:
        lines[place] = lines[place] + ",extra" if place % 200 == 50 else lines[place].rpartition(",")[0]
    (folder / "people.csv").write_text("\n".join(lines), encoding="utf-8")
    return [place + 1 for place in bad]


def test_broken_rows_are_refused_by_line(kept: Path) -> None:
    bad = broken(kept)
    message = refusal(kept)
    assert f"{len(bad)} of 480 rows do not fit the header of 9 columns" in message
    assert f"line {bad[0]}: 10 fields" in message
    assert f"line {bad[1]}: 8 fields" in message
    assert (
        "mend them, or set 'read: broken_rows: quarantine' to leave them out and have them counted" in message
    )


def test_broken_rows_are_set_aside_and_counted_where_that_is_chosen(folder: Path) -> None:
    bad = broken(folder)
    where = use(folder, "file: people.csv\n  read: {broken_rows: quarantine}")
    ended = done("ground", where, "-w", folder)
    assert f"{480 - len(bad)} of 480 rows" in ended.err
    assert f"{len(bad)} broken rows set aside" in ended.err
    record = json.loads(rows(folder, "SELECT record FROM sources")[0][0])
    counts = [record[key] for key in ("rows_read", "rows_broken", "rows_used")]
    assert counts == [480, len(bad), 480 - len(bad)]
    page = next((folder / "reports").rglob("grounding.html")).read_text(encoding="utf-8")
    assert f"{len(bad)} rows that do not fit were set aside (line {bad[0]}: 10 fields" in page


def test_the_page_says_which_old_encoding_was_found_out(folder: Path) -> None:
    done("ground", use(folder, write_csv(folder)), "-w", folder)
    page = next((folder / "reports").rglob("grounding.html")).read_text(encoding="utf-8")
    assert "Text was read as cp1252 (found out)." in page
    shown = done("data", "inspect", folder / "people.csv").out
    assert "Text was read as cp1252 (found out)." in shown


SLOWER = "SELECT *, CASE WHEN n > 20000 THEN pg_sleep(0.01)::text END AS sleep"
NUMBERED = "(SELECT *, row_number() OVER () AS n FROM crowd)"


@pytest.mark.parametrize("how", ["backend", "server"])
def test_a_database_that_goes_away_half_way_is_refused(
    how: str, kept: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    asked = f"SELECT id || n AS id, age, sex, place || left(sleep, 0) AS place, tea, trains FROM ({SLOWER} "
    where = f"database: {{url: '{server.url}', query: \"{asked}FROM {NUMBERED} AS a) AS b\"}}"
    thread = threading.Thread(target=end_when_slow, args=(server, how))
    thread.start()
    try:
        message = refusal(kept, where)
    finally:
        thread.join()
        if how == "server":
            server.start()
    assert "query: the database went away or refused after 20,000 rows" in message
    assert "nothing of them was kept: try again" in message
    assert PASSWORD not in message


def end_when_slow(server: Server, how: str) -> None:
    """Waits until the query has reached its slow rows, then ends its backend or the whole server."""
    asleep = (
        "SELECT pid FROM pg_stat_activity WHERE application_name = 'mirrorpanel' AND wait_event = 'PgSleep'"
    )
    deadline = time.monotonic() + 30
    while not (sleeping := server.execute(asleep)) and time.monotonic() < deadline:
        time.sleep(0.02)
    if how == "server":
        server.stop()
    else:
        server.execute(f"SELECT pg_terminate_backend({sleeping[0][0]})")


REFUSED = {
    "an allow-list naming a missing column": (
        "file: people.csv\n  allow: [id, age, sex, place, tea, trains, incom]",
        ["allow-list: ", "people.csv: no column 'incom'", "there are id, age, sex, place, tea"],
    ),
    "an allow-list that lacks a column used": (
        "file: people.csv\n  allow: [id, age, sex, tea, trains]",
        [
            "allow-list: column 'place' is used by the grounding file or the codebook but not listed",
            "list it",
        ],
    ),
    "a weight that is none": (
        "file: people.csv\n  weight: sex",
        ["people.csv: line 2: column 'sex'", "is no weight; use a number >= 0"],
    ),
    "an unknown encoding": (
        "file: people.csv\n  read: {encoding: klingon}",
        ["unknown encoding 'klingon' under 'read'; write one such as utf-8, cp1252"],
    ),
    "the wrong separator": (
        "file: people.csv\n  read: {separator: ';'}",
        ["people.csv: no column 'id'", "there are id,age,sex"],
    ),
    "a database of another kind": (
        "database: {url: 'mysql://u@h/d', table: people}",
        ["urls of kind 'mysql' cannot be read; use duckdb:path or postgresql://user@host:port/name"],
    ),
    "a variable of the environment that is not set": (
        "database: {url: 'env:NO_SUCH_URL', table: people}",
        ["the environment has no variable 'NO_SUCH_URL'; set it to the url"],
    ),
    "a DuckDB file that is not there": (
        "database: {url: 'duckdb:nothing.duckdb', table: people}",
        ["nothing.duckdb: no such DuckDB file"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_ground_refuses(case: str, kept: Path) -> None:
    where, parts = REFUSED[case]
    message = refusal(kept, where)
    for part in parts:
        assert part in message
