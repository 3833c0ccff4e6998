"""SPSS and Stata files, written by pyreadstat and changed by bytes where it cannot write what is needed."""

import datetime
import struct
from pathlib import Path

import numpy as np
import pandas as pd
import pyreadstat
import pytest

from grounding.sources import reading, readstat
from grounding.sources.place import Place, ReadOptions
from personas.errors import DataError

SAV = Path(__file__).parents[3].parent / "shared" / "data" / "sav"
PEOPLE = pd.DataFrame(
    {
        "id": [1.0, 2.0, 3.0, 4.0],
        "Größe": [1.75, np.nan, -8.0, -99.0],
        "Ort": ["Köln", "", "k.A.", "Übersee"],
        "born": [datetime.date(1990, 1, 2)] * 3 + [None],
        "seen": [datetime.datetime(2024, 5, 6, 7, 8, 9)] * 4,  # noqa: DTZ001
        "a": [1.0, 0.0, 1.0, 0.0],
    }
)


@pytest.fixture
def sav(tmp_path):
    def write(**options) -> Place:
        path = tmp_path / "people.sav"
        pyreadstat.write_sav(
            PEOPLE,
            path,
            column_labels={"id": "Nummer", "Größe": "Wie groß sind Sie?"},
            variable_value_labels={"a": {1: "Ja", 0: "Nein"}, "Größe": {-8: "weiß nicht"}},
            missing_ranges={"Größe": [{"lo": -99, "hi": -1}], "Ort": ["k.A."]},
        )
        return Place(path=path, options=ReadOptions(**options))

    return write


def test_codes_come_as_text_with_labels_and_declared_missing_values(sav):
    table = reading.read(sav())
    assert table.columns["id"] == ("1", "2", "3", "4")
    assert table.columns["Größe"] == ("1.75", None, None, None)
    assert table.columns["Ort"] == ("Köln", None, None, "Übersee")
    assert table.columns["born"] == (*["1990-01-02"] * 3, None)
    assert table.columns["seen"][0] == "2024-05-06 07:08:09"
    size, place = table.variables["Größe"], table.variables["Ort"]
    assert size.text == "Wie groß sind Sie?"
    assert (size.kind, place.kind, table.variables["born"].kind) == ("number", "text", "date")
    assert set(size.missing) == {"-8", "-99"}  # both lie in the range and occur
    assert place.missing == ("k.A.",)
    assert list(table.variables["a"].labels.items()) == [("1", "Ja"), ("0", "Nein")] or table.variables[
        "a"
    ].labels == {"0": "Nein", "1": "Ja"}
    assert table.encoding == "UTF-8 (declared)"


def test_only_the_wanted_columns_are_read(sav, monkeypatch):
    asked: list[object] = []
    original = pyreadstat.read_sav
    monkeypatch.setattr(pyreadstat, "read_sav", lambda *a, **k: (asked.append(k), original(*a, **k))[1])
    place = sav()
    assert list(reading.read(place, ["Ort", "id"]).columns) == ["id", "Ort"]
    assert asked[-1]["usecols"] == ["id", "Ort"]
    assert reading.column_names(place) == tuple(PEOPLE.columns)
    with pytest.raises(DataError, match=r"no column 'Alter'.*; there are id, Größe"):
        reading.read(place, ["Alter"])


def test_rows_come_in_pieces_that_fit_together(sav, monkeypatch):
    monkeypatch.setattr(readstat, "_CELLS", 6)
    monkeypatch.setattr(readstat, "_FEWEST_ROWS", 1)
    whole = sav()
    assert reading.read(whole).columns["id"] == ("1", "2", "3", "4")
    assert len(reading.read(whole, ["id", "Ort"])) == 4


def _declared_as_utf8(path: Path) -> None:
    """Writes cp1252 text into a file that goes on declaring UTF-8, as converters have been seen to do."""
    content = path.read_bytes()
    for old, new in (("Käse ", b"K\xe4se  "), ("süß  ", b"s\xfc\xdf    ")):
        assert old.encode() in content
        content = content.replace(old.encode(), new)
    path.write_bytes(content)


def test_text_in_another_encoding_than_declared_is_read_as_cp1252_and_named(tmp_path):
    path = tmp_path / "old.sav"
    pyreadstat.write_sav(pd.DataFrame({"food": ["Käse x", "süß  x"]}), path)
    _declared_as_utf8(path)
    table = reading.read(Place(path=path))
    assert [cell.split()[0] for cell in table.columns["food"]] == ["Käse", "süß"]
    assert table.encoding == "cp1252 (found out: the one declared does not fit)"
    with pytest.raises(DataError, match=r"its text is not utf-8; set 'read: encoding'"):
        reading.read(Place(path=path, options=ReadOptions(encoding="utf-8")))
    with pytest.raises(DataError, match="unknown encoding 'klingon'"):
        reading.read(Place(path=path, options=ReadOptions(encoding="klingon")))


def test_the_weight_that_the_file_declares_is_named(sav):
    place = sav()
    assert reading.read(place).weight == ""
    content = bytearray(place.path.read_bytes())
    for record, column in ((1, "id"), (2, "Größe"), (4, "born"), (6, "a")):
        content[76:80] = struct.pack("<i", record)
        place.path.write_bytes(content)
        assert reading.read(place).weight == column


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.9])
def test_a_file_that_is_cut_off_is_refused(sav, share):
    place = sav()
    whole = place.path.read_bytes()
    place.path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(DataError, match=r"people.sav: cannot be read as an SPSS file .*cut off, damaged"):
        reading.read(place)


@pytest.mark.parametrize("name", ["people.sav", "people.zsav", "people.dta"])
def test_a_file_of_another_kind_is_refused(tmp_path, name):
    (tmp_path / name).write_bytes(b"id,x\n1,2\n" * 200)
    with pytest.raises(DataError, match=r"cannot be read as an? (SPSS|Stata) file"):
        reading.read(Place(path=tmp_path / name))


def test_a_corrupted_file_is_refused_or_read_but_never_breaks_off(sav):
    place = sav()
    whole = place.path.read_bytes()
    random = np.random.default_rng(5)
    refused: list[str] = []
    for _ in range(20):
        content = bytearray(whole)
        for at in random.integers(0, len(whole), 4):
            content[at] = random.integers(0, 256)
        place.path.write_bytes(content)
        refused += _refusal(place)
    assert 0 < len(refused) < 20
    assert all("people.sav: " in words and ("damaged" in words or "read" in words) for words in refused)


def _refusal(place: Place) -> list[str]:
    try:
        reading.read(place)
    except DataError as error:
        return [str(error)]
    return []


def test_a_file_whose_columns_have_lost_their_names_is_refused(sav, monkeypatch):
    place = sav()
    monkeypatch.setattr(readstat, "_probe", lambda *_: None)
    original = pyreadstat.read_sav

    def nameless(*args, **options):
        rows, meta = original(*args, **options)
        meta.column_names = [meta.column_names[0], None, *meta.column_names[2:]]
        return rows, meta

    monkeypatch.setattr(pyreadstat, "read_sav", nameless)
    with pytest.raises(DataError, match=r"people.sav: .*the name of column 2 cannot be read .*export it"):
        reading.read(place)


@pytest.fixture
def dta(tmp_path):
    path = tmp_path / "people.dta"
    rows = pd.DataFrame({"a": [1.0, 2.0, "b", None], "ort": ["Köln", "", "x", "y"], "n": [1.5, 2, 3, 4]})
    pyreadstat.write_dta(
        rows,
        path,
        column_labels={"a": "Alter"},
        variable_value_labels={"a": {1: "jung", 2: "alt", "b": "verweigert"}},
        missing_user_values={"a": ["b"]},
    )
    return Place(path=path)


def test_statas_missing_letters_come_as_none_and_are_named(dta):
    table = reading.read(dta)
    assert table.columns == {
        "a": ("1", "2", None, None),
        "ort": ("Köln", None, "x", "y"),
        "n": ("1.5", "2", "3", "4"),
    }
    assert table.variables["a"].labels == {"1": "jung", "2": "alt", ".b": "verweigert"}
    assert table.variables["a"].missing == (".b",)
    assert table.variables["a"].text == "Alter"
    assert reading.read(dta, ["ort"]).columns == {"ort": ("Köln", None, "x", "y")}
    assert reading.column_names(dta) == ("a", "ort", "n")


def test_multiple_response_sets_of_real_files_are_read():
    if not SAV.is_dir():
        pytest.skip("the SPSS files are not beside the project")
    burger = reading.read(Place(path=SAV / "Burger_Brand_Tracking_Dec_2017.sav"))
    known = next(s for s in burger.sets if s.text == "Q1. Aided brand awareness")
    assert known.columns == tuple(f"Q1_{i}" for i in range(1, 16))
    assert known.chosen == "1"
    assert set(burger.columns["Q1_1"].values) <= {"0", "1"}
    cola = reading.read(Place(path=SAV / "Cola.sav"))
    reasons = next(s for s in cola.sets if s.name == "Q10")
    assert reasons.chosen == ""
    assert reasons.columns == tuple(f"Q10_{letter}" for letter in "ABCDEF")


def test_real_codes_agree_with_what_pyreadstat_says_in_labels():
    if not SAV.is_dir():
        pytest.skip("the SPSS files are not beside the project")
    path = SAV / "chocolate.sav"
    rows, _ = pyreadstat.read_sav(path, apply_value_formats=True)
    table = reading.read(Place(path=path))
    for column in ("Q1", "Q2"):
        labels = table.variables[column].labels
        assert [labels[code] for code in table.columns[column]] == rows[column].astype(str).tolist()
