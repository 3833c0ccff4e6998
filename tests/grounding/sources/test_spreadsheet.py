import datetime
import io
import zipfile

import openpyxl
import pytest

from grounding.sources import reading
from grounding.sources.place import Place, ReadOptions
from personas.errors import DataError

# Excel knows no time zones.
SEEN = datetime.datetime(2024, 5, 6, 7, 8)  # noqa: DTZ001
MIDNIGHT = datetime.datetime(1980, 3, 4)  # noqa: DTZ001


@pytest.fixture
def workbook(tmp_path):
    """Writes rows into a sheet, after which ``change`` may alter it."""

    def write(rows, change=None, name="people.xlsx", **options) -> Place:
        book = openpyxl.Workbook()
        sheet = book.active
        sheet.title = "Data"
        for row in rows:
            sheet.append(row)
        if change is not None:
            change(book)
        book.save(tmp_path / name)
        return Place(path=tmp_path / name, options=ReadOptions(**options))

    return write


def test_cells_become_text_in_one_form(workbook):
    table = reading.read(
        workbook(
            [
                ["id", "w", "born", "seen", "yes", "t"],
                [1, 1.5, datetime.date(1990, 1, 2), SEEN, True, "  a "],
                [2.0, 0.00001, MIDNIGHT, None, False, ""],
            ]
        )
    )
    assert table.columns == {
        "id": ("1", "2"),
        "w": ("1.5", "0.00001"),
        "born": ("1990-01-02", "1980-03-04"),
        "seen": ("2024-05-06 07:08:00", None),
        "yes": ("true", "false"),
        "t": ("a", None),
    }
    assert table.unit == "row"
    assert list(table.lines) == [2, 3]


def test_only_numbers_written_as_text_lose_their_decimal_comma(workbook):
    rows = [("id", "paid"), (1, "1.067,50"), (2, 1.234), (3, "12,5")]
    assert reading.read(workbook(rows, decimal=",")).columns["paid"] == ("1067.50", "1.234", "12.5")


def test_empty_rows_between_and_behind_the_rows_are_left_out(workbook):
    table = reading.read(workbook([["id", "x"], [1, "a"], [None, None], [2, "b"], [None, None]]))
    assert table.columns["id"] == ("1", "2")
    assert list(table.lines) == [2, 4]


def test_a_sheet_is_read_by_its_name_and_an_unknown_one_refused(workbook):
    def add(book):
        book.create_sheet("Other").append(["key"])
        book["Other"].append([7])

    assert reading.read(workbook([["id"], [1]], add, sheet="Other")).columns == {"key": ("7",)}
    with pytest.raises(DataError, match="no sheet 'Others'; there are 'Data', 'Other'"):
        reading.read(workbook([["id"], [1]], add, sheet="Others"))


def test_the_header_may_stand_below_a_title(workbook):
    table = reading.read(workbook([["Survey 2024"], [None], ["id", "x"], [1, "a"]], header=3))
    assert table.columns == {"id": ("1",), "x": ("a",)}


def test_an_empty_header_row_is_refused(workbook):
    with pytest.raises(DataError, match="row 2 of sheet 'Data' is empty; set 'read: header'"):
        reading.read(workbook([["Survey"], [None], ["id"]], header=2))


def test_header_cells_merged_sideways_are_refused_with_what_to_do(workbook):
    rows = [["id", "Brand", None], [None, "Cola", "Fanta"], [1, 5, 4]]
    with pytest.raises(DataError) as caught:
        reading.read(workbook(rows, lambda book: book.active.merge_cells("B1:C1")))
    assert "header cells B1:C1 are merged; columns need a name each: set 'read: header' to the row" in str(
        caught.value
    )


def test_a_name_merged_downwards_into_the_header_row_counts_there(workbook):
    def merge(book):
        book.active.merge_cells("A1:A2")
        book.active.merge_cells("B1:C1")

    rows = [["id", "Brand", None], [None, "Cola", "Fanta"], [1, 5, 4]]
    table = reading.read(workbook(rows, merge, header=2))
    assert table.columns == {"id": ("1",), "Cola": ("5",), "Fanta": ("4",)}


def test_merged_cells_below_the_header_are_refused(workbook):
    with pytest.raises(DataError, match="cells A2:A3 below the header are merged"):
        reading.read(
            workbook([["id", "x"], [1, "a"], [None, "b"]], lambda book: book.active.merge_cells("A2:A3"))
        )


def test_a_formula_without_a_stored_value_is_refused_by_its_cell(workbook):
    # openpyxl writes formulas without their values, as many programs do.
    place = workbook([["id", "x"], [1, "a"], [2, "=A2+1"]])
    with pytest.raises(DataError, match=r"cell B3 holds the formula =A2\+1 without a stored value; open the"):
        reading.read(place)
    assert reading.read(place, ["id"]).columns == {"id": ("1", "2")}


def test_a_formula_with_its_stored_value_is_read(workbook, tmp_path):
    place = workbook([["id", "x"], [1, "=A2+1"], [2, 5]])
    packed = io.BytesIO()
    with zipfile.ZipFile(place.path) as old, zipfile.ZipFile(packed, "w") as new:
        for item in old.namelist():
            content = old.read(item)
            if item.endswith("sheet1.xml"):
                assert b"<v></v>" in content or b"<v />" in content
                content = content.replace(b"<v></v>", b"<v>2</v>", 1).replace(b"<v />", b"<v>2</v>", 1)
            new.writestr(item, content)
    place.path.write_bytes(packed.getvalue())
    assert reading.read(place).columns["x"] == ("2", "5")


def test_a_cell_with_an_error_is_refused_and_na_is_a_blank(workbook):
    table = reading.read(workbook([["id", "x"], [1, "#N/A"]]))
    assert "#N/A" in table.blanks
    with pytest.raises(DataError, match="cell B2 holds the error #REF!"):
        reading.read(workbook([["id", "x"], [1, "#REF!"]]))


def test_a_value_outside_the_named_columns_is_refused(workbook):
    with pytest.raises(DataError, match="cell C3 holds a value, but its column has no name in the header"):
        reading.read(workbook([["id", "x"], [1, "a"], [2, "b", "note to self"]]))


def test_files_that_are_no_workbook_are_refused(workbook, tmp_path):
    path = tmp_path / "people.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(100))
    with pytest.raises(DataError, match=r"protected with a password, or is an old \.xls by another name"):
        reading.read(Place(path=path))
    whole = workbook([["id", "x"], *([i, i] for i in range(500))]).path.read_bytes()
    for content in (b"id,x\n1,2\n", whole[: len(whole) // 2], whole[:-40], b""):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"people.xlsx: cannot be read as an Excel workbook \("):
            reading.read(Place(path=path))


def test_old_workbooks_are_refused_with_what_to_do(tmp_path):
    (tmp_path / "people.xls").write_bytes(b"\xd0\xcf\x11\xe0")
    with pytest.raises(DataError, match=r"cannot read .xls; .*: open it in Excel and save it as .xlsx"):
        reading.read(Place(path=tmp_path / "people.xls"))


def test_a_workbook_without_rows_is_refused(workbook):
    with pytest.raises(DataError, match="holds no rows"):
        reading.read(workbook([["id", "x"]]))


def test_names_that_stand_twice_are_refused(workbook):
    with pytest.raises(DataError, match="row 1: column 'x' stands twice"):
        reading.read(workbook([["x", "x"], [1, 2]]))


def test_wanted_columns_are_kept_in_the_order_of_the_sheet(workbook):
    place = workbook([["id", None, "x", "y"], [1, 9, 2, 3]])
    assert reading.column_names(place) == ("id", "column 2", "x", "y")
    assert reading.read(place, ["y", "id"]).columns == {"id": ("1",), "y": ("3",)}
