"""The sheets of a review as files: Excel or CSV that raters fill in and send back."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from grounding.sources import reading
from grounding.sources.place import Place
from personas.errors import DataError
from training.review.review import COLUMNS, OpenAnswer, Returned, Review, SheetRow

_WIDTHS = (14, 8, 40, 70, 16, 30)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_LABELS = ("label", "source")


def answers(path: Path) -> tuple[OpenAnswer, ...]:
    """The open answers of a table with the columns question and answer, and label where there is one.

    Rows without an answer are left out.

    Raises:
        DataError: the file cannot be read, or lacks a column.
    """
    table = reading.read(Place(path=path))
    columns = {name.strip().casefold(): name for name in table.columns}
    lacking = [c for c in ("question", "answer") if c not in columns]
    if lacking:
        raise DataError(
            f"{path}: no column {lacking[0]!r}; open answers need the columns question and answer, and may "
            f"have label (such as real or simulated); it has {', '.join(table.columns)}"
        )
    label = next((columns[c] for c in _LABELS if c in columns), None)
    asked, given = table.columns[columns["question"]], table.columns[columns["answer"]]
    labels = table.columns[label] if label is not None else [None] * len(given)
    return tuple(
        OpenAnswer(int(row), str(q or ""), str(a), None if known is None else str(known))
        for row, q, a, known in zip(table.lines, asked, given, labels, strict=True)
        if a is not None
    )


def write(path: Path, review: Review, rows: Sequence[SheetRow]) -> None:
    """Writes one rater's sheet, Excel or CSV by its ending.

    Texts that a spreadsheet would take for a formula are kept as texts.

    Raises:
        DataError: another ending, or the file is there already.
    """
    if path.exists():
        raise DataError(f"{path}: there is a file already, perhaps with ratings; name another one")
    table = [(review.seal, r.code, r.question, r.answer, "", "") for r in rows]
    if path.suffix.lower() == ".xlsx":
        _write_excel(path, review, table)
    elif path.suffix.lower() == ".csv":
        with path.open("w", encoding="utf-8-sig", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows([[_harmless(cell) for cell in row] for row in table])
    else:
        raise DataError(f"{path}: sheets are written as .xlsx or .csv")


def _harmless(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULA) else text


def _write_excel(path: Path, review: Review, table: Sequence[tuple[str, ...]]) -> None:
    import openpyxl
    from openpyxl.styles import Alignment, Font
    from openpyxl.worksheet.datavalidation import DataValidation

    book = openpyxl.Workbook()
    sheet: Any = book.worksheets[0]
    sheet.title = "ratings"
    sheet.append(list(COLUMNS))
    for row in table:
        sheet.append([""] * len(row))
        for column, text in enumerate(row, start=1):
            cell = sheet.cell(sheet.max_row, column)
            cell.value, cell.data_type = text or None, "s" if text else "n"
            cell.alignment = Alignment(wrap_text=True, vertical="top")
    for letter, width in zip("ABCDEF", _WIDTHS, strict=True):
        sheet.column_dimensions[letter].width = width
        sheet[f"{letter}1"].font = Font(bold=True)
    sheet.freeze_panes = "A2"
    choice: Any = DataValidation(
        type="list", formula1=f"values!$A$1:$A${len(review.values)}", allow_blank=True
    )
    sheet.add_data_validation(choice)
    choice.add(f"E2:E{len(table) + 1}")
    told: Any = book.create_sheet("how to")
    for line in _how_to(review):
        told.append([line])
    told.column_dimensions["A"].width = 100
    values: Any = book.create_sheet("values")
    for value in review.values:
        values.append([value])
    book.save(path)


def _how_to(review: Review) -> tuple[str, ...]:
    return (
        review.ask,
        f"Write one of these into the column 'rating': {', '.join(review.values)}.",
        "Leave it empty where you cannot say. Rate alone; do not talk about the answers before all are done.",
        "Do not change the other columns, and neither add nor delete rows; their order does not matter.",
    )


def read(path: Path) -> tuple[Returned, ...]:
    """The rows of a sheet that came back. Raises: DataError where it cannot be read or lacks a column."""
    table = reading.read(Place(path=path))
    lacking = [c for c in ("review", "code", "rating") if c not in table.columns]
    if lacking:
        raise DataError(
            f"{path}: the sheet is damaged: no column {lacking[0]!r}; it has {', '.join(table.columns)}"
        )
    columns = [table.columns[c] for c in ("review", "code", "rating")]
    return tuple(
        Returned(int(line), *(str(cell) if cell is not None else "" for cell in cells))
        for line, cells in zip(table.lines, zip(*columns, strict=True), strict=True)
    )
