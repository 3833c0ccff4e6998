import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grounding.sources import delimited, reading
from grounding.sources.place import Place, ReadOptions
from grounding.sources.table import BrokenRow
from personas.errors import DataError

GERMAN = "id;Wohnort;Größe\n1;Köln;1,75\n2;Übersee;1,80\n3;Straßburg;1,62\n"


@pytest.fixture
def place(tmp_path):
    def write(content: str | bytes, name: str = "people.csv", **options: object) -> Place:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return Place(path=path, options=ReadOptions.model_validate(options))

    return write


def test_lines_are_counted_through_quoted_line_breaks_and_blank_lines(place):
    table = reading.read(place('\ufeffid,text\n1,"two\nlines"\n\n2,one\n'))
    assert table.columns["text"] == ("two\nlines", "one")
    assert list(table.lines) == [2, 5]
    assert table.where(1).endswith("people.csv: line 5")


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found_out(place, separator):
    rows = [["id", "place", "text"], ["1", "Rome", '"a, b; c | d"'], ["2", "Oslo", '"e; f"']]
    table = reading.read(place("\n".join(separator.join(row) for row in rows)))
    assert table.columns == {"id": ("1", "2"), "place": ("Rome", "Oslo"), "text": ("a, b; c | d", "e; f")}


def test_the_first_line_that_excel_writes_says_the_separator(place):
    table = reading.read(place("sep=;\nid;x\n1;a,b,c\n"))
    assert table.columns == {"id": ("1",), "x": ("a,b,c",)}
    assert list(table.lines) == [3]


def test_a_single_column_is_a_table_too(place):
    assert reading.read(place("id\n1\n2\n")).columns == {"id": ("1", "2")}


def test_decimal_commas_become_points_and_thousands_points_go(place):
    text = "id;w;n;day;text\n1;1,75;1.234;01.02.2024;a,b\n2;-,5;1.234.567,25;03.04.2024;1,2,3\n"
    table = reading.read(place(text, decimal=","))
    assert table.columns["w"] == ("1.75", "-.5")
    assert table.columns["n"] == ("1234", "1234567.25")
    assert table.columns["day"] == ("01.02.2024", "03.04.2024")
    assert table.columns["text"] == ("a,b", "1,2,3")


def test_points_for_decimals_and_for_thousands_in_one_column_are_refused(place):
    with pytest.raises(DataError, match=r"'0\.886' has a decimal point.* makes '1\.599' a thousand times"):
        reading.read(place("id;w\n1;1.599\n2;0.886\n", decimal=","))


def test_commas_between_thousands_go_where_they_are_asked_to(place):
    text = 'id,n,text\n1,"24,150","1,2"\n2,"1,234,567.5",a\n3,-99,"0,123"\n'
    table = reading.read(place(text, thousands=","))
    assert table.columns["n"] == ("24150", "1234567.5", "-99")
    assert table.columns["text"] == ("1,2", "a", "0,123")


def test_a_comma_is_not_for_decimals_and_for_thousands_at_once(place):
    with pytest.raises(ValueError, match="either decimal sign or thousands sign"):
        place("id\n1\n", thousands=",", decimal=",")


def test_commas_stay_where_the_decimal_sign_is_a_point(place):
    assert reading.read(place("id;w\n1;1,75\n")).columns["w"] == ("1,75",)


@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman", "cp850"])
def test_old_encodings_of_german_text_are_found_out_and_named(place, encoding):
    table = reading.read(place(GERMAN.encode(encoding)))
    assert table.columns["Wohnort"] == ("Köln", "Übersee", "Straßburg")
    assert table.encoding == f"{encoding} (found out)"


@pytest.mark.parametrize("encoding", ["cp1252", "mac_roman", "cp850"])
def test_one_word_with_an_umlaut_is_enough_to_tell_the_encoding(place, encoding):
    table = reading.read(place("id;Gegend\n1;Süd\n2;Nord\n".encode(encoding)))
    assert table.columns["Gegend"] == ("Süd", "Nord")


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("id,city\n1,Kraków\n2,Łódź\n3,Gdańsk\n4,Poznań\n", "cp1250"),
        ("id,note\n1,“well” – said she…\n2,it’s 20 €\n3,fiancé\n", "cp1252"),
        ("id,note\n1,“well” – said she…\n2,it’s\n3,fiancé\n", "mac_roman"),
        ("id,note\n1,Il a été là où ça coûte\n2,même Noël garçon\n", "cp1252"),
        ("id,note\n1,smørrebrød på Ålesund\n2,ærlig\n", "cp1252"),
    ],
)
def test_other_european_texts_are_read_in_their_old_encoding(place, text, encoding):
    table = reading.read(place(text.encode(encoding)))
    assert table.columns == reading.read(place(text)).columns


def test_russian_text_is_not_taken_for_western_letters(place):
    text = "id,ответ\n" + "".join(f"{i},Совершенно не согласен с этим утверждением\n" for i in range(20))
    table = reading.read(place(text.encode("cp1251")))
    assert table.columns["ответ"][0] == "Совершенно не согласен с этим утверждением"


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "utf-16-le", "utf-16-be"])
def test_unicode_in_any_form_is_read(place, encoding):
    table = reading.read(place(GERMAN.encode(encoding)))
    assert list(table.columns) == ["id", "Wohnort", "Größe"]
    assert table.columns["Wohnort"][2] == "Straßburg"


def test_the_encoding_given_is_used_and_named(place):
    table = reading.read(place(GERMAN.encode("cp850"), encoding="cp850"))
    assert table.columns["Wohnort"][0] == "Köln"
    assert table.encoding == "cp850 (as given)"


def test_bytes_outside_the_encoding_given_are_named_by_offset_and_line(place):
    with pytest.raises(DataError, match="line 2: byte 0xf6 at offset 22 is not UTF-8; mend"):
        reading.read(place(GERMAN.replace("Größe", "Groesse").encode("cp1252"), encoding="utf-8"))


def test_an_unknown_encoding_is_named(place):
    with pytest.raises(DataError, match="unknown encoding 'klingon' under 'read'; write one such as utf-8"):
        reading.read(place("id,x\n1,2\n", encoding="klingon"))


def test_lines_in_several_encodings_are_refused_naming_the_first_of_each(place):
    lines = [f"{i},Köln\n".encode() for i in range(20)]
    lines[4] = lines[11] = "5,Köln\n".encode("cp1252")
    with pytest.raises(DataError) as caught:
        reading.read(place(b"id,city\n" + b"".join(lines)))
    assert "several encodings: lines 2, 3, 4 and others are UTF-8, lines 6, 13 are not;" in str(caught.value)
    assert "set 'read: encoding'" in str(caught.value)


def test_lines_in_several_encodings_are_read_in_the_one_given(place):
    content = b"id,city\n" + "1,Köln\n".encode() + "2,Bünde\n".encode("cp1252")
    assert reading.read(place(content, encoding="cp1252")).columns["city"] == ("KÃ¶ln", "Bünde")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"", "the file is empty"),
        (b" \n", "the file is empty"),
        (b"id,age\n", "no rows below its header"),
        (b"id,age\n,\n,\n", "no rows below its header"),
        (b"id,id\n1,2\n", "line 1: column 'id' stands twice; .* set 'read: repeated_names: number'"),
        (b"id,x\n1,a\n2,b\x00c\n", "line 3: holds a NUL byte"),
        (b"PK\x03\x04 and so on", "this is an Excel workbook or a zip archive, not CSV text; name it .xlsx"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old or a password-protected Excel workbook"),
        (b"PAR1xxxx", "this is a Parquet file"),
        (b"$FL2@(#) SPSS", "this is an SPSS file"),
        (b"\x1f\x8b\x08\x00", "packed with gzip"),
        (b"%PDF-1.7", "a PDF document"),
        (b'id,"x\n1,2\n', "the header is not valid CSV"),
    ],
)
def test_files_that_hold_no_table_are_refused(place, content, expected):
    with pytest.raises(DataError, match=expected):
        reading.read(place(content))


def test_a_separator_of_several_letters_is_refused(place):
    with pytest.raises(DataError, match="separator '::' under 'read' must be one letter"):
        reading.read(place("id::x\n1::2\n", separator="::"))


def test_a_header_behind_a_title_is_found_where_the_options_say(place):
    table = reading.read(place("Customers 2024\n\nid;x\n1;a\n", header=3))
    assert table.columns == {"id": ("1",), "x": ("a",)}
    assert list(table.lines) == [4]


def test_a_header_beyond_the_end_is_refused(place):
    with pytest.raises(DataError, match="line 9: there is no header"):
        reading.read(place("id,x\n1,a\n", header=9))


def test_repeated_names_are_numbered_where_the_options_say(place):
    table = reading.read(place("x,x,,y,\n1,2,3,4,5\n", repeated_names="number"))
    assert list(table.columns) == ["x", "x (2)", "column 3", "y", "column 5"]


def test_only_the_wanted_columns_are_kept(place):
    found = place("id,name,age\n1,Ann,30\n")
    assert list(reading.read(found, ["age", "id"]).columns) == ["id", "age"]
    with pytest.raises(
        DataError, match=r"no column 'agee' \(did you mean 'age'\?\); there are id, name, age"
    ):
        reading.read(found, ["agee"])
    assert reading.column_names(found) == ("id", "name", "age")


def _with_broken_rows(n: int) -> tuple[str, list[int]]:
    """A table with a field too many or too few in each hundredth row, and the lines of these rows."""
    rows = ["id,x,y"]
    for i in range(1, n + 1):
        rows.append(f"{i},a" if i % 200 == 0 else f"{i},a,b,c" if i % 100 == 0 else f"{i},a,b")
    return "\n".join(rows), list(range(101, n + 2, 100))


def test_broken_rows_are_refused_with_their_number_and_lines(place):
    text, _ = _with_broken_rows(2000)
    with pytest.raises(DataError) as caught:
        reading.read(place(text))
    message = str(caught.value)
    assert "20 of 2,000 rows do not fit the header of 3 columns (separator ',')" in message
    assert "line 101: 4 fields, but the header names 3 columns; line 201: 2 fields" in message
    assert "and 15 more; mend them, or set 'read: broken_rows: quarantine'" in message


def test_broken_rows_are_set_aside_and_counted_where_the_options_say(place):
    text, lines = _with_broken_rows(2000)
    table = reading.read(place(text, broken_rows="quarantine"))
    assert len(table) == 1980
    assert [row.line for row in table.broken] == lines
    assert table.broken[0] == BrokenRow(101, "4 fields, but the header names 3 columns")
    assert "100" not in table.columns["id"]
    assert "101" in table.columns["id"]


def test_a_row_that_is_no_csv_is_broken_and_the_next_is_read(place):
    table = reading.read(place('id,x\n1,"a"b\n2,c\n', broken_rows="quarantine"))
    assert table.columns["id"] == ("2",)
    assert table.broken[0].line == 2
    assert "not valid CSV" in table.broken[0].problem


def test_a_quotation_mark_that_stays_open_is_named(place):
    with pytest.raises(DataError, match=r"line 3: not valid CSV .*is a quotation mark left open\?"):
        reading.read(place('id,x\n1,a\n2,"b\n3,c\n'))


def test_a_table_of_broken_rows_only_says_how_many_there_were(place):
    with pytest.raises(DataError, match="no rows below its header; 2 rows that do not fit it were set aside"):
        reading.read(place("id,x\n1\n2\n", broken_rows="quarantine"))


def test_packed_files_are_read_and_cut_off_ones_refused(place):
    packed = gzip.compress(b"".join(b"%d,%d\n" % (i, i * 7919 % 1000) for i in range(5000)), mtime=0)
    table = reading.read(place(gzip.compress(b"id,x\n") + packed, "people.csv.gz"))
    assert len(table) == 5000
    with pytest.raises(DataError, match=r"people.csv.gz: cannot be unpacked .*cut off or damaged"):
        reading.read(place(gzip.compress(b"id,x\n") + packed[: len(packed) // 2], "people.csv.gz"))


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r\ufeff"), max_size=8)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=12))
def test_what_is_written_as_csv_comes_back(rows):
    import csv
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerows([("id", "left", "right"), *((i, *row) for i, row in enumerate(rows))])
        table = reading.read(Place(path=path, options=ReadOptions(separator=",")))
    assert table.columns["left"] == [row[0].strip() or None for row in rows]
    assert table.columns["right"] == [row[1].strip() or None for row in rows]


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1,5", "1.5"), ("-1.000,5", "-1000.5"), ("0.123", "0.123"), ("12.34", "12.34"), (",", "."), ("", None)],
)
def test_numbers_with_a_comma(text, expected):
    assert delimited.with_comma(text) == (expected if text != "," else ",")
