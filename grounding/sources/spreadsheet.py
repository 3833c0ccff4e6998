"""Excel workbooks: one sheet, its header row, and the cells below as text."""

import importlib
import re
import warnings
import zipfile
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, NoReturn

from grounding.sources import delimited, readstat
from grounding.sources.place import Place, ReadOptions
from grounding.sources.stream import BLANKS, Batch, Stream, chosen, distinct_names, pieces
from personas.errors import DataError

_ROWS = 20_000
_CHUNK = 1 << 20
_ERRORS = ("#REF!", "#DIV/0!", "#VALUE!", "#NAME?", "#NUM!")
_MERGED = re.compile(rb'<mergeCell\s+ref="([A-Z]+)(\d+):([A-Z]+)(\d+)"')


@dataclass(frozen=True)
class Merged:
    """A rectangle of merged cells, both ends included; columns and rows from 1."""

    first_column: int
    first_row: int
    last_column: int
    last_row: int

    @property
    def words(self) -> str:
        """The rectangle as Excel writes it."""
        return f"{letters(self.first_column)}{self.first_row}:{letters(self.last_column)}{self.last_row}"


@dataclass(frozen=True)
class _Layout:
    """Names of the columns, and the place of each in the sheet, from 0."""

    columns: tuple[str, ...]
    places: tuple[int, ...]


def stream(place: Place, columns: Sequence[str] | None) -> Stream:
    """The rows of a sheet, of which only the wanted columns are kept; empty rows are left out.

    Raises:
        DataError: the file is no .xlsx workbook, is cut off or has a password; there is no such sheet;
            header or data cells are merged; or a cell holds a formula without a stored value, or an error.
    """
    path, options = _path(place), place.options
    with _sheet(path, options, values=True) as sheet:
        found = _layout(sheet, path, options)
    wanted = chosen(str(path), found.columns, columns)
    places = [found.places[found.columns.index(c)] for c in wanted]
    batches = _batches(path, options, places, list(found.places))
    return Stream(name=str(path), columns=wanted, batches=batches, blanks=BLANKS)


def column_names(place: Place) -> tuple[str, ...]:
    """Names of the columns. Raises: DataError."""
    path = _path(place)
    with _sheet(path, place.options, values=True) as sheet:
        return _layout(sheet, path, place.options).columns


def letters(column: int) -> str:
    """Excel's name of a column counted from 1: A, B, ..., Z, AA."""
    name = ""
    while column:
        column, rest = divmod(column - 1, 26)
        name = chr(ord("A") + rest) + name
    return name


def _number(name: bytes) -> int:
    number = 0
    for letter in name:
        number = number * 26 + letter - ord("A") + 1
    return number


def _path(place: Place) -> Path:
    path = place.path
    assert path is not None
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    with path.open("rb") as file:
        head = file.read(8)
    if head.startswith(b"\xd0\xcf\x11\xe0"):
        raise DataError(
            f"{path}: the workbook is protected with a password, or is an old .xls by another name; save it "
            "as .xlsx without a password"
        )
    return path


@contextmanager
def _sheet(path: Path, options: ReadOptions, values: bool) -> Generator[Any]:
    """The sheet to be read; formulas are given by their stored values, or as they are written."""
    openpyxl: Any = importlib.import_module("openpyxl")
    book: Any = None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # openpyxl warns of styles and extensions, which hold no values
            book = openpyxl.load_workbook(str(path), read_only=True, data_only=values)
            sheet = _named(book, path, options.sheet)
            sheet.reset_dimensions()
            yield sheet
    except DataError:
        raise
    except Exception as error:  # a damaged archive fails in zipfile, zlib, the XML parser or openpyxl
        _refuse(path, error)
    finally:
        if book is not None:
            book.close()


def _refuse(path: Path, error: Exception) -> NoReturn:
    raise DataError(
        f"{path}: cannot be read as an Excel workbook ({type(error).__name__}: {error}); the file is cut "
        "off, damaged or of another kind: open it in Excel and save it as .xlsx"
    ) from None


def _named(book: Any, path: Path, name: str) -> Any:
    names = [str(sheet.title) for sheet in book.worksheets]
    if not names:
        raise DataError(f"{path}: the workbook has no sheet with cells")
    if name and name not in names:
        raise DataError(f"{path}: no sheet {name!r}; there are {', '.join(map(repr, names))}")
    return book.worksheets[names.index(name) if name else 0]


def _layout(sheet: Any, path: Path, options: ReadOptions) -> _Layout:
    row = options.header
    merged = _merged(path, sheet)
    lines: list[list[Any]] = [list(cells) for cells in islice(sheet.iter_rows(values_only=True), row)]
    if len(lines) < row or not any(value is not None for value in lines[-1]):
        raise DataError(
            f"{path}: row {row} of sheet {sheet.title!r} is empty; set 'read: header' to the row with the "
            "names of the columns, or 'read: sheet' to another sheet"
        )
    names = _names(lines, merged, path, row)
    while names and not names[-1]:
        names.pop()
    columns = distinct_names(str(path), names, f"row {row}", options.repeated_names == "number")
    below = next((m for m in merged if m.last_row > row), None)
    if below is not None:
        raise DataError(
            f"{path}: cells {below.words} below the header are merged, so that only the first of them holds "
            "the value; undo the merge in Excel and fill every cell"
        )
    return _Layout(columns, tuple(range(len(columns))))


def _names(lines: Sequence[Sequence[Any]], merged: Sequence[Merged], path: Path, row: int) -> list[str]:
    """The header's names; a name merged downwards into the header row counts there.

    Raises:
        DataError: cells of the header are merged sideways, so that columns share a name.
    """
    names = [readstat.cell_text(value) or "" for value in lines[row - 1]]
    for area in merged:
        if not area.first_row <= row <= area.last_row:
            continue
        if area.last_column > area.first_column or area.last_row > row:
            raise DataError(
                f"{path}: header cells {area.words} are merged; columns need a name each: set 'read: header' "
                f"to the row with one name for each column (now {row}), or undo the merge in Excel"
            )
        value = lines[area.first_row - 1][area.first_column - 1]
        names += [""] * (area.first_column - len(names))
        names[area.first_column - 1] = readstat.cell_text(value) or ""
    return names


def _merged(path: Path, sheet: Any) -> list[Merged]:
    """Merged cells of the sheet, which openpyxl does not tell when it reads row by row."""
    found: list[Merged] = []
    for piece in _xml(path, sheet):
        for left, top, right, bottom in _MERGED.findall(piece):
            area = Merged(_number(left), int(top), _number(right), int(bottom))
            found += [area] if area not in found else []
    return found


def _has_formulas(path: Path, sheet: Any) -> bool:
    return any(b"<f>" in piece or b"<f " in piece for piece in _xml(path, sheet))


def _xml(path: Path, sheet: Any) -> Iterator[bytes]:
    """The sheet's XML in pieces that overlap a little."""
    with zipfile.ZipFile(path) as archive, archive.open(sheet._worksheet_path.lstrip("/")) as file:
        tail = b""
        while chunk := file.read(_CHUNK):
            yield tail + chunk
            tail = chunk[-80:]


def _batches(
    path: Path, options: ReadOptions, places: Sequence[int], all_places: Sequence[int]
) -> Iterator[Batch]:
    with _sheet(path, options, values=True) as sheet:
        rows = _rows(sheet, path, options, places, all_places)
        if not _has_formulas(path, sheet):
            yield from pieces(rows, len(places), _ROWS)
            return
        with _sheet(path, options, values=False) as written:
            formulas: Iterator[Sequence[Any]] = written.iter_rows(
                min_row=options.header + 1, values_only=True
            )
            checked = _checked(rows, enumerate(formulas, start=options.header + 1), path, places)
            yield from pieces(checked, len(places), _ROWS)


def _rows(
    sheet: Any, path: Path, options: ReadOptions, places: Sequence[int], all_places: Sequence[int]
) -> Iterator[tuple[int, list[str | None]]]:
    first = options.header + 1
    for row, cells in enumerate(sheet.iter_rows(min_row=first, values_only=True), start=first):
        _refuse_outside(cells, len(all_places), row, path)
        texts = [_cell(cells[i], options) if i < len(cells) else None for i in places]
        wrong = next((i for i, text in zip(places, texts, strict=True) if text in _ERRORS), None)
        if wrong is not None:
            raise DataError(f"{path}: cell {letters(wrong + 1)}{row} holds the error {cells[wrong]}; mend it")
        if any(cell is not None for cell in cells):
            yield row, texts


def _cell(value: object, options: ReadOptions) -> str | None:
    """The cell as text; only a number kept as text can have a decimal comma, a real one has none."""
    if options.decimal == "," and isinstance(value, str):
        return delimited.with_comma(value)
    if options.thousands and isinstance(value, str):
        return delimited.without_thousands(value)
    return readstat.cell_text(value)


def _refuse_outside(cells: Sequence[Any], width: int, row: int, path: Path) -> None:
    stray = next((i for i in range(width, len(cells)) if cells[i] is not None), None)
    if stray is not None:
        raise DataError(
            f"{path}: cell {letters(stray + 1)}{row} holds a value, but its column has no name in the "
            "header; name the column, empty it, or set 'read: header'"
        )


def _checked(
    rows: Iterator[tuple[int, list[str | None]]],
    written: Iterator[tuple[int, Sequence[Any]]],
    path: Path,
    places: Sequence[int],
) -> Iterator[tuple[int, list[str | None]]]:
    """The rows, refused where a formula has no stored value."""
    for row, texts in rows:
        formulas = next(cells for number, cells in written if number == row)
        for i, text in zip(places, texts, strict=True):
            formula = formulas[i] if text is None and i < len(formulas) else None
            if formula is not None:
                shown = formula if isinstance(formula, str) else "an array formula"
                raise DataError(
                    f"{path}: cell {letters(i + 1)}{row} holds the formula {shown} without a stored value; "
                    "open the file in Excel and save it, or replace the formula by its value"
                )
        yield row, texts
