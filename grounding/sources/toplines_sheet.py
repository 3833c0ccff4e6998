"""Toplines in an Excel workbook: one row for each share, and a sheet that says where they come from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from grounding.sources import reading
from grounding.sources.place import Place, ReadOptions
from grounding.sources.table import Table
from grounding.sources.toplines_spec import Toplines
from personas.errors import DataError

SHARES, SOURCE = "toplines", "source"
COLUMNS = ("question", "text", "option", "segment", "share", "n")
TOTAL = "total"
_TRUTHS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_EXAMPLE_SOURCE = (
    ("source", "Example Institute, Hot Drinks Report 2025, tables 3 and 4"),
    ("licence", "all rights reserved, figures quoted"),
    ("population", "adults aged 18 and over in Germany"),
    ("field_start", "2025-03-03"),
    ("field_end", "2025-03-14"),
    ("n", 1004),
    ("weighted", "yes"),
    ("design_effect", 1.3),
    ("unit", "percent"),
    ("rounding", 1),
    ("no_answer", "don't know"),
)
_EXAMPLE_ROWS = (
    ("coffee", "How often do you drink coffee?", "daily", "total", 61, 1004, "ordinal"),
    ("coffee", "", "less often", "total", 24, "", ""),
    ("coffee", "", "never", "total", 13, "", ""),
    ("coffee", "", "don't know", "total", 2, "", ""),
    ("coffee", "", "daily", "sex: female", 63, 512, ""),
    ("coffee", "", "less often", "sex: female", 23, "", ""),
    ("coffee", "", "never", "sex: female", 12, "", ""),
    ("coffee", "", "don't know", "sex: female", 2, "", ""),
)
_NOTES = (
    ("Sheet 'toplines': one row for each option of each question, in total and for each segment.",),
    ("question: short name; the same in every row of the question.",),
    ("text: the wording; the first row of a question is enough.",),
    ("option: the label; every segment lists the same options.",),
    ("segment: 'total', or attribute and value with a colon between, such as 'sex: female'.",),
    ("share: in percent, or as a fraction where 'unit' on sheet 'source' says so.",),
    ("n: unweighted number of people; in the first row of a segment. The total may leave it out.",),
    ("scale (may be left out): ordinal or nominal.",),
    ("Sheet 'source': no_answer lists, separated by ;, the options that count as no answer.",),
)


@dataclass
class _Block:
    """Shares of one segment, and the row in which it begins."""

    row: int
    shares: dict[str, float]
    n: int | None = None


@dataclass
class _Asked:
    """A question as its rows give it."""

    row: int
    text: str
    scale: str
    blocks: dict[str, _Block]


def read(path: Path) -> Toplines:
    """The toplines in a workbook as ``template`` writes it.

    Raises:
        DataError: a sheet, column or cell is missing or wrong; names file, sheet and row.
    """
    rows = reading.read(Place(path=path, options=ReadOptions(sheet=SHARES)))
    source = reading.read(Place(path=path, options=ReadOptions(sheet=SOURCE)))
    for table, columns in ((rows, COLUMNS), (source, ("key", "value"))):
        absent = next((column for column in columns if column not in table.columns), None)
        if absent is not None:
            raise DataError(
                f"{path}: sheet {_sheet(table, source)!r} has no column {absent!r}; it has "
                f"{', '.join(table.columns)}; toplines.template writes an example"
            )
    asked = _asked(rows)
    content = _about(source) | {"questions": [_question(name, question) for name, question in asked.items()]}
    try:
        toplines = Toplines.model_validate(content)
    except ValidationError as error:
        raise DataError("\n".join(_explained(error, path, source, list(asked.values())))) from None
    problems = [f"{_place(path, list(asked.values()), p.keys)}: {p.message}" for p in toplines.problems()]
    if problems:
        raise DataError("\n".join(problems))
    return toplines


def template(path: Path) -> None:
    """Writes an example workbook to fill in, with a sheet that explains each column.

    Raises:
        DataError: the file is there already, or cannot be written.
    """
    import openpyxl

    if path.exists():
        raise DataError(f"{path}: there is a file already; name another one or remove it")
    book = openpyxl.Workbook()
    sheets = {
        SHARES: [(*COLUMNS, "scale"), *_EXAMPLE_ROWS],
        SOURCE: [("key", "value"), *_EXAMPLE_SOURCE],
        "how to": list(_NOTES),
    }
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    try:
        book.save(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror})") from None


def _sheet(table: Table, source: Table) -> str:
    return SOURCE if table is source else SHARES


def _about(source: Table) -> dict[str, Any]:
    """Key -> value of the sheet about the source."""
    content: dict[str, Any] = {}
    for row, (key, value) in enumerate(zip(source.columns["key"], source.columns["value"], strict=True)):
        where = f"{source.name}: sheet {SOURCE!r}, row {source.lines[row]}"
        if key is None or value is None:
            continue
        if key in content:
            raise DataError(f"{where}: key {key!r} is given twice")
        if key == "questions":
            raise DataError(f"{where}: questions stand on sheet {SHARES!r}")
        if key == "weighted":
            if value.lower() not in _TRUTHS:
                raise DataError(f"{where}: weighted is {value!r}; write yes or no")
            content[key] = _TRUTHS[value.lower()]
        elif key == "no_answer":
            content[key] = [option.strip() for option in value.split(";") if option.strip()]
        else:
            content[key] = value[:10] if key.startswith("field_") else value
    return content


def _asked(rows: Table) -> dict[str, _Asked]:
    """Question -> its rows put together. Raises: DataError with the row."""
    asked: dict[str, _Asked] = {}
    for where, row, cells in _rows(rows):
        name, option, share = cells["question"], cells["option"], _number(cells["share"], "share", where)
        question = asked.setdefault(name, _Asked(row, cells["text"], cells["scale"], {}))
        if cells["text"] and cells["text"] != question.text:
            raise DataError(
                f"{where}: question {name!r} has another text in row {question.row}; give a question one text"
            )
        block = question.blocks.setdefault(cells["segment"], _Block(row, {}))
        if option in block.shares:
            raise DataError(f"{where}: option {option!r} of {name!r} stands twice for {cells['segment']}")
        block.shares[option] = share
        if cells["n"]:
            n = _number(cells["n"], "n", where)
            if n != int(n) or (block.n is not None and block.n != n):
                known = "" if block.n is None else f", and {block.n} in another row of the same segment"
                raise DataError(f"{where}: n is {cells['n']}{known}; give one whole number for each segment")
            block.n = int(n)
    return asked


def _rows(rows: Table) -> Iterator[tuple[str, int, Mapping[str, str]]]:
    """Where each row stands, its number, and its cells; those that must not be empty are not."""
    columns = (*COLUMNS, *(("scale",) if "scale" in rows.columns else ()))
    for i, line in enumerate(rows.lines):
        where = f"{rows.name}: sheet {SHARES!r}, row {line}"
        cells = {column: rows.columns[column][i] or "" for column in columns}
        empty = next((c for c in ("question", "option", "share") if not cells[c]), None)
        if empty is not None:
            raise DataError(f"{where}: column {empty!r} is empty")
        attribute, _, value = (part.strip() for part in (cells["segment"] or TOTAL).partition(":"))
        if not value and attribute != TOTAL:
            raise DataError(
                f"{where}: segment {cells['segment']!r} is neither {TOTAL!r} nor an attribute and a value "
                "such as 'sex: female'"
            )
        yield where, line, {"scale": "", **cells, "segment": f"{attribute}: {value}" if value else TOTAL}


def _number(text: str, column: str, where: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise DataError(f"{where}: column {column!r}: {text!r} is no number") from None


def _question(name: str, question: _Asked) -> dict[str, Any]:
    """A question as the YAML file would give it."""
    first = next(iter(question.blocks.values()))
    content: dict[str, Any] = {"name": name, "text": question.text, "options": list(first.shares)}
    if question.scale:
        content["scale"] = question.scale
    segments: dict[str, dict[str, Any]] = {}
    for segment, block in question.blocks.items():
        shares: dict[str, Any] = {"shares": block.shares, "n": block.n}
        if segment == TOTAL:
            content["total"] = shares
        else:
            attribute, _, value = segment.partition(": ")
            segments.setdefault(attribute, {})[value] = shares
    return content | ({"segments": segments} if segments else {})


def _explained(error: ValidationError, path: Path, source: Table, asked: list[_Asked]) -> Iterator[str]:
    for problem in error.errors(include_url=False):
        location = tuple(problem["loc"])
        message = str(problem["msg"]).removeprefix("Value error, ")
        if location[:1] == ("questions",):
            yield f"{_place(path, asked, location)}: {message}"
            continue
        key = str(location[0]) if location else ""
        keys = list(source.columns["key"])
        row = f", row {source.lines[keys.index(key)]}" if key in keys else ""
        if problem["type"] == "extra_forbidden":
            allowed = ", ".join(k for k in Toplines.model_fields if k != "questions")
            message = f"unknown key {key!r}; allowed: {allowed}"
        elif problem["type"] == "missing":
            message = f"key {key!r} is missing"
        yield f"{path}: sheet {SOURCE!r}{row}: {message}"


def _place(path: Path, asked: list[_Asked], keys: tuple[str | int, ...]) -> str:
    """File, sheet and row of what stands under ``keys`` of the toplines."""
    place = f"{path}: sheet {SHARES!r}"
    if len(keys) < 2 or not isinstance(keys[1], int):
        return place
    question = asked[keys[1]]
    segment = ": ".join(str(key) for key in keys[3:5]) if keys[2:3] == ("segments",) else str(keys[2:3])
    row = question.blocks[segment].row if segment in question.blocks else question.row
    return f"{place}, row {row}"
