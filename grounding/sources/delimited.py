"""CSV files: separator, header and rows found out, with the rows that do not fit named by their line."""

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from grounding.sources import encodings, qualtrics
from grounding.sources.columns import stripped
from grounding.sources.encodings import Encoding
from grounding.sources.place import Place, ReadOptions
from grounding.sources.qualtrics import Header
from grounding.sources.stream import BLANKS, Batch, Stream, chosen, distinct_names
from grounding.sources.table import BrokenRow, ResponseSet, Variable
from personas.errors import DataError

_SEPARATORS = (",", ";", "\t", "|")
_SAMPLE_LINES = 300
_ROWS = 50_000
_SHOWN = 5
_COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d*)(,\d+)?")
_POINT = re.compile(r"[+-]?\d*\.\d+")
_ENGLISH = re.compile(r"[+-]?[1-9]\d{0,2}(,\d{3})+(\.\d+)?")
_THOUSANDS = re.compile(r"[+-]?[1-9]\d{0,2}(\.\d{3})+(,\d+)?")


@dataclass(frozen=True)
class Layout:
    """How a CSV file is written.

    Attributes:
        encoding: of the text.
        separator: between fields.
        columns: names, in order.
        skipped: lines before the header.
        first: the line of the first row below all header rows.
        header_rows: 1, or 3 in a Qualtrics export.
        extra: the two further header rows of a Qualtrics export.
    """

    encoding: Encoding
    separator: str
    columns: tuple[str, ...]
    skipped: int
    first: int
    header_rows: int
    extra: Header | None


def layout(path: Path, options: ReadOptions) -> Layout:
    """How the file is written. Raises: DataError if it is no CSV text, or its header cannot be used."""
    encoding = encodings.find(path, options.encoding)
    skipped = options.header - 1
    with _text(path, encoding) as text:
        lines = list(islice(text, skipped + _SAMPLE_LINES))[skipped:]
    declared = re.fullmatch(r"\ufeff?sep=(.)\r?\n?", lines[0]) if lines else None
    if declared:
        skipped, lines = skipped + 1, lines[1:]
    separator = options.separator or (declared[1] if declared else _separator(lines))
    records = _head(path, lines, separator, skipped)
    if not records:
        raise DataError(f"{path}: line {options.header}: there is no header; the file has no such line")
    (_, written), *below = records
    extra = qualtrics.header(below[0][1], below[1][1]) if len(below) > 1 else None
    names = qualtrics.names(written, extra) if extra else [name.removeprefix("\ufeff") for name in written]
    used = 3 if extra else 1
    return Layout(
        encoding=encoding,
        separator=separator,
        columns=distinct_names(str(path), names, f"line {skipped + 1}", options.repeated_names == "number"),
        skipped=skipped,
        first=records[used][0] if len(records) > used else records[-1][0] + 1,
        header_rows=used,
        extra=extra,
    )


def _text(path: Path, encoding: Encoding) -> io.TextIOWrapper:
    name = "utf-8-sig" if encoding.name == "utf-8" else encoding.name
    return io.TextIOWrapper(encodings.opened(path), encoding=name, newline="")


def _separator(lines: Sequence[str]) -> str:
    """The separator by which most rows have as many fields, at least two, as the header."""
    best, found = (0.0, 0), ","
    for separator in _SEPARATORS:
        counts = [len(row) for row in _parsed(lines, separator) if row][: _SAMPLE_LINES // 2]
        if counts and counts[0] > 1:
            score = (sum(n == counts[0] for n in counts) / len(counts), counts[0])
            best, found = max((best, found), (score, separator), key=lambda pair: pair[0])
    return found


def _parsed(lines: Sequence[str], separator: str) -> Iterator[list[str]]:
    reader = csv.reader(iter(lines), delimiter=separator, strict=True)
    while True:
        try:
            yield next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield [""]


def _head(path: Path, lines: Sequence[str], separator: str, skipped: int) -> list[tuple[int, list[str]]]:
    """The first four records that are not empty, with the line where each begins."""
    try:
        reader = csv.reader(iter(lines), delimiter=separator, strict=True)
    except (TypeError, ValueError):
        raise DataError(
            f"{path}: separator {separator!r} under 'read' must be one letter, such as ',' or ';'"
        ) from None
    found: list[tuple[int, list[str]]] = []
    begin = skipped + 1
    try:
        for row in reader:
            if row:
                found.append((begin, row))
            if len(found) == 4:
                break
            begin = skipped + reader.line_num + 1
    except csv.Error as error:
        if not found:
            raise DataError(f"{path}: line {begin}: the header is not valid CSV ({error})") from None
    return found


def column_names(place: Place) -> tuple[str, ...]:
    """Names of the columns. Raises: DataError."""
    assert place.path is not None
    return layout(place.path, place.options).columns


def described(place: Place, found: Layout) -> tuple[dict[str, Variable], tuple[ResponseSet, ...]]:
    """What a Qualtrics export or its survey file says about the columns. Raises: DataError."""
    if found.extra is None and place.definition is None:
        return {}, ()
    asked = qualtrics.load(place.definition) if place.definition else {}
    return qualtrics.describe(found.columns, found.extra, asked)


def stream(place: Place, columns: Sequence[str] | None) -> Stream:
    """The rows of a CSV file, of which only the wanted columns are kept.

    Raises:
        DataError: see ``encodings.find`` and ``layout``; or, once all rows have come, that some do not fit
            the header and are to be refused, with how many and the first of them.
    """
    path = place.path
    assert path is not None
    found = layout(path, place.options)
    wanted = chosen(str(path), found.columns, columns)
    variables, sets = described(place, found)
    broken: list[BrokenRow] = []
    return Stream(
        name=str(path),
        columns=wanted,
        batches=_batches(path, found, wanted, broken, place.options),
        unit="line",
        clean=without_thousands if place.options.thousands else stripped,
        cleans={c: _Commas(str(path), c) for c in wanted} if place.options.decimal == "," else {},
        variables={name: v for name, v in variables.items() if name in wanted},
        sets=sets_within(sets, wanted),
        broken=broken,
        encoding=found.encoding.words,
        blanks=BLANKS,
    )


def sets_within(sets: Sequence[ResponseSet], columns: Sequence[str]) -> tuple[ResponseSet, ...]:
    """The sets with only those of their columns that are read."""
    kept = [(s, tuple(c for c in s.columns if c in columns)) for s in sets]
    return tuple(ResponseSet(s.name, s.text, left, s.chosen) for s, left in kept if left)


def with_comma(text: str) -> str | None:
    """The cell, with a point for the comma of a number: ``1.234,5`` is ``1234.5``."""
    text = text.strip()
    if _THOUSANDS.fullmatch(text):
        return text.replace(".", "").replace(",", ".")
    if "," in text and _COMMA.fullmatch(text):
        return text.replace(",", ".")
    return text or None


def without_thousands(text: str) -> str | None:
    """The cell, without the commas between the thousands of a number: ``24,150.5`` is ``24150.5``."""
    text = text.strip()
    return (text.replace(",", "") if _ENGLISH.fullmatch(text) else text) or None


class _Commas:
    """Cleans the cells of one column as ``with_comma``; raises where a point is not always for thousands."""

    def __init__(self, source: str, column: str) -> None:
        self._about = f"{source}: column {column!r}"
        self._point = self._grouped = ""

    def __call__(self, text: str) -> str | None:
        bare = text.strip()
        if "," not in bare and _THOUSANDS.fullmatch(bare):
            self._grouped = bare
        elif _POINT.fullmatch(bare):
            self._point = bare
        if self._point and self._grouped:
            raise point_and_comma(self._about, self._point, self._grouped)
        return with_comma(text)


def point_and_comma(about: str, point: str, grouped: str) -> DataError:
    """What to say of a column in which a point stands for decimals in one cell, for thousands in another."""
    return DataError(
        f"{about}: {point!r} has a decimal point, but 'read: decimal' is a comma, which makes {grouped!r} a "
        "thousand times as much; leave 'decimal' out, or write all numbers of the file in one way"
    )


def _batches(
    path: Path, found: Layout, wanted: Sequence[str], broken: list[BrokenRow], options: ReadOptions
) -> Iterator[Batch]:
    places = [found.columns.index(name) for name in wanted]
    lines: list[int] = []
    rows: list[list[str]] = []
    total = 0
    for line, row in _rows(path, found, broken):
        lines.append(line)
        rows.append(row)
        if len(rows) == _ROWS:
            total += len(rows)
            yield Batch(lines, [[row[i] for row in rows] for i in places])
            lines, rows = [], []
    total += len(rows)
    if broken and options.broken_rows == "refuse":
        raise DataError(_refusal(path, found, broken, total))
    if rows:
        yield Batch(lines, [[row[i] for row in rows] for i in places])


def _refusal(path: Path, found: Layout, broken: Sequence[BrokenRow], total: int) -> str:
    listing = "; ".join(f"line {row.line}: {row.problem}" for row in broken[:_SHOWN])
    more = f"; and {len(broken) - _SHOWN} more" if len(broken) > _SHOWN else ""
    return (
        f"{path}: {len(broken):,} of {len(broken) + total:,} rows do not fit the header of "
        f"{len(found.columns)} columns (separator {found.separator!r}): {listing}{more}; mend them, or set "
        "'read: broken_rows: quarantine' to leave them out and have them counted"
    )


def _rows(path: Path, found: Layout, broken: list[BrokenRow]) -> Iterator[tuple[int, list[str]]]:
    """Rows that fit the header, with the line where each begins; rows without any value are left out."""
    width, headers = len(found.columns), found.header_rows
    with _text(path, found.encoding) as text:
        for _ in range(found.skipped):
            next(text)
        reader = csv.reader(text, delimiter=found.separator, strict=True)
        begin = found.skipped + 1
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                row, headers = [], max(headers - 1, 0)
                broken.append(BrokenRow(begin, _not_csv(error)))
            if row and headers:
                headers -= 1
            elif row and len(row) != width:
                broken.append(BrokenRow(begin, f"{len(row)} fields, but the header names {width} columns"))
            elif row and (row[0] or any(row)):
                yield begin, row
            begin = found.skipped + reader.line_num + 1


def _not_csv(error: csv.Error) -> str:
    open_quote = "unexpected end" in str(error) or "field larger" in str(error)
    return f"not valid CSV ({error}{'; is a quotation mark left open?' if open_quote else ''})"
