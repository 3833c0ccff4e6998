"""docs/sources.md: each of its files works as it is shown, and each message is given word for word."""

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import coffee_files
import openpyxl
import psycopg
import pytest
from postgres_server import PASSWORD, Server, running
from test_docs import mirrorpanel

PAGE = (Path(__file__).parent.parent / "docs" / "sources.md").read_text(encoding="utf-8")
FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
SECTION = re.compile(r"^## (.+?)\n(.*?)(?=^## |\Z)", flags=re.MULTILINE | re.DOTALL)
BLOCKS = {
    f"{title} {number}": content
    for title, body in SECTION.findall(PAGE)
    for number, (language, content) in enumerate(FENCE.findall(body))
    if language == "yaml"
}
HEAD = "panel: coffee\npersons: 500\n"
SERVER = "postgresql://reader@db.example.org:5432/market"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with the page's files and drafts."""
    folder = tmp_path_factory.mktemp("sources") / "own"
    folder.mkdir()
    coffee_files.write(folder)
    for words in re.findall(r"^\$ mirrorpanel (init .*|data inspect .*)$", PAGE, flags=re.MULTILINE):
        ended = mirrorpanel(words.split(), folder)
        assert ended.code == 0, ended.err
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "own")


def whole(block: str) -> str:
    """The block as a grounding file."""
    if block.startswith("crm:"):
        return next(b for b in BLOCKS.values() if b.startswith("panel:")) + block
    return block if block.startswith("panel:") else HEAD + block


@pytest.mark.parametrize("name", [name for name, block in BLOCKS.items() if "postgresql:" not in block])
def test_the_file_shown_makes_a_panel(name: str, folder: Path) -> None:
    (folder / "grounding.yaml").write_text(whole(BLOCKS[name]), encoding="utf-8")
    ended = mirrorpanel(["ground", "grounding.yaml"], folder)
    assert ended.code == 0, ended.err
    assert "500 persons from 300 people" in ended.out


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with running() as started:
        header, *rows = coffee_files.text()
        with psycopg.connect(started.url, password=PASSWORD, autocommit=True) as connection:
            columns = ", ".join(f"{name} double precision" for name in header)
            connection.execute(f"CREATE TABLE coffee ({columns})".encode())
            connection.execute(f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}'".encode())
            connection.execute("GRANT SELECT ON coffee TO reader")
            with connection.cursor() as cursor, cursor.copy("COPY coffee FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        yield started


def test_the_database_shown_makes_a_panel(
    folder: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    block = next(block for block in BLOCKS.values() if SERVER in block)
    here = server.url.replace("panel@", "reader@")
    (folder / "grounding.yaml").write_text(HEAD + block.replace(SERVER, here), encoding="utf-8")
    ended = mirrorpanel(["ground", "grounding.yaml"], folder)
    assert ended.code == 0, ended.err
    assert "500 persons from 300 people" in ended.out


def cut_off(name: str) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = (folder / name).read_bytes()
        (folder / name).write_bytes(content[: len(content) // 2])

    return damage


def merge_header(folder: Path) -> None:
    book = openpyxl.load_workbook(folder / "coffee.xlsx")
    book["Daten"].merge_cells("E3:F3")
    book.save(folder / "coffee.xlsx")


def break_rows(folder: Path) -> None:
    lines = (folder / "coffee.csv").read_bytes().split(b"\r\n")
    lines[99::100] = [line + b";x" for line in lines[99::100]]
    (folder / "coffee.csv").write_bytes(b"\r\n".join(lines))


def mix_encodings(folder: Path) -> None:
    lines = (folder / "coffee.csv").read_bytes().replace(b"weiblich", "männlich".encode("cp1252"))
    first, second, rest = lines.split(b"\r\n", 2)
    utf8 = second.decode("cp1252").encode()
    (folder / "coffee.csv").write_bytes(b"\r\n".join([first, utf8, rest]))


def mix_numbers(folder: Path) -> None:
    lines = (folder / "coffee.csv").read_bytes().split(b"\r\n")
    for line, weight in ((1, b"0.886"), (2, b"1.599")):
        cells = lines[line].split(b";")
        cells[lines[0].split(b";").index(b"w")] = weight
        lines[line] = b";".join(cells)
    (folder / "coffee.csv").write_bytes(b"\r\n".join(lines))


def nothing(folder: Path) -> None:
    """The files stay as they are; the grounding file is at fault."""


# Section of the block, damage to the files, edit of the block.
FAULTS: dict[str, tuple[str, Callable[[Path], None], Callable[[str], str]]] = {
    "a cut off SPSS file": ("coffee.sav\n  codebook", cut_off("coffee.sav"), str),
    "a cut off Parquet file": ("coffee.parquet", cut_off("coffee.parquet"), str),
    "a merged header": ("coffee.xlsx", merge_header, str),
    "broken rows": ("coffee.csv", break_rows, str),
    "mixed encodings": ("coffee.csv", mix_encodings, str),
    "a decimal comma": ("coffee.csv", nothing, lambda b: b.replace('  read: {decimal: ","}', "  read: {}")),
    "numbers with commas and with points": ("coffee.csv", mix_numbers, str),
    "a missing column": ("allow:", nothing, lambda b: b.replace("allow: [id,", "allow: [income, id,")),
    "an unknown code": (
        "sex: {column: sex}",
        nothing,
        lambda b: b.replace("{column: sex}", "{column: sex, values: {m: 2}}"),
    ),
    "rows that are no people": ("coffee.csv", nothing, lambda b: b.replace("id: id", "id: sex")),
    "no database": ("SELECT", nothing, lambda b: b.replace("reader@db.example.org:5432", "r@127.0.0.1:9")),
}
DOCUMENTED = [content.strip() for language, content in FENCE.findall(PAGE) if language == "text"]


@pytest.mark.parametrize("name", FAULTS)
def test_the_page_documents_the_message_of(name: str, folder: Path) -> None:
    part, damage, edit = FAULTS[name]
    block = next(block for block in BLOCKS.values() if part in block)
    damage(folder)
    (folder / "grounding.yaml").write_text(whole(edit(block)), encoding="utf-8")
    ended = mirrorpanel(["ground", "grounding.yaml"], folder)
    assert ended.code == 1
    message = ended.err[ended.err.index("mirrorpanel: ") + len("mirrorpanel: ") :].strip()
    message = message.replace(str(folder), "FOLDER")
    if name == "no database":  # what follows depends on the client library's version
        message = message.partition(" Is the server running")[0]
    assert message in DOCUMENTED


def test_the_page_documents_no_message_that_nothing_gives() -> None:
    assert len(DOCUMENTED) == len(FAULTS)
