from pathlib import Path

import pytest

from grounding.build import ground
from grounding.population import tables
from grounding.population.spec import OwnTable
from grounding.privacy.guard import Guard
from grounding.spec import GroundSpec
from personas import document
from personas.errors import DataError, UnknownName

OWN = OwnTable(file="own.csv", source="Statistical office, table 7", vintage="2024")
BOOK = """
source: test
questions:
  - {name: q, text: "Do you like it?", options: ["yes", "no"]}
"""
GROUND = """
panel: own
persons: 10
survey:
  file: people.csv
  codebook: book.yaml
  id: id
  attributes:
    sex: {column: sex, values: {male: m, female: f}}
    age_group: {column: age, bins: {18-49: [18, 49], 50 and over: [50, 120]}}
tables:
  office: {file: own.csv, source: "Statistical office, table 7", vintage: "2024"}
margins:
  - {table: office, attributes: {sex: sex, age: age_group}}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    rows = [f"p{i},{'mf'[i % 2]},{20 + i % 60},{['yes', 'no'][i % 3 == 0]}" for i in range(60)]
    (tmp_path / "people.csv").write_text("id,sex,age,q\n" + "\n".join(rows) + "\n", encoding="utf-8")
    (tmp_path / "book.yaml").write_text(BOOK, encoding="utf-8")
    counts = [
        f"{sex},{age},{1000 + age + 40 * (sex == 'male')}" for sex in ("male", "female") for age in range(90)
    ]
    (tmp_path / "own.csv").write_text("sex,age,count\n" + "\n".join(counts) + "\n", encoding="utf-8")
    return tmp_path


def test_weights_meet_a_margin_from_an_own_file_and_its_hash_belongs_to_the_panel(folder: Path) -> None:
    spec = document.parse(GROUND, GroundSpec, "grounding.yaml")
    found = ground(spec, folder, folder, Guard(lambda _, ids: tuple(ids)), lambda line: None)
    assert found.weighting.largest_margin_error is not None
    assert found.weighting.largest_margin_error < 1e-6
    young_women = next(m for m in found.weighting.margins if set(m.cell) == {"female", "18-49"})
    women, men = sum(range(1018, 1050)), sum(range(1058, 1090))
    older = sum(range(1050, 1090)) + sum(range(1090, 1130))
    assert young_women.official == pytest.approx(women / (women + men + older))
    assert "own.csv" in found.inputs


def test_a_shipped_table_is_found_by_name_and_an_unknown_one_is_refused_with_all_names(
    tmp_path: Path,
) -> None:
    assert tables.table("us_region_2022", {}, tmp_path).dimensions == ("region",)
    with pytest.raises(UnknownName, match="choose from 'office', 'de_land_age_migration_2022'"):
        tables.table("de_region", {"office": OWN}, tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "sex,people\nmale,3\n",
            "has sex, people. Where the counts have another name, name it: count: people",
        ),
        ("land,Anzahl,Amt\nNord,3,x\n", "name it: count: Anzahl"),
        ("count\n3\n", "at least one dimension"),
        ("sex,count\nmale,3\nfemale,many\n", "own.csv:3: column 'count' holds 'many'"),
        ("sex,count\nmale,51.0 %\n", "own.csv:2: column 'count' holds '51.0 %'; write the figure without"),
        ("sex,count\nmale,-3\n", "own.csv:2: column 'count' holds '-3'"),
        ("sex,count\nmale,3\n,4\n", "own.csv:3: column 'sex' is empty"),
        ("sex,age,count\nm,1,3\nm,2,4\nm,1,5\n", "own.csv:4: sex: m, age: 1 stands in the table twice"),
    ],
)
def test_an_own_table_that_cannot_be_read_is_refused_with_its_line(
    tmp_path: Path, text: str, expected: str
) -> None:
    (tmp_path / "own.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        tables.read("office", OWN, tmp_path / "own.csv")
    assert expected in str(caught.value)


def test_the_column_of_counts_may_have_any_name(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("Land;Anzahl\nNord;3\nOst;4.5\n", encoding="utf-8")
    about = {"file": "own.csv", "source": "Amt", "count": "Anzahl"}
    table = tables.read("own", OwnTable.model_validate(about), tmp_path / "own.csv")
    assert (table.dimensions, table.rows) == (("Land",), ((("Nord",), 3.0), (("Ost",), 4.5)))
    (tmp_path / "own.csv").write_text("Land,Anzahl\nNord,viele\n", encoding="utf-8")
    with pytest.raises(DataError, match="column 'Anzahl' holds 'viele'"):
        tables.read("own", OwnTable.model_validate(about), tmp_path / "own.csv")
    with pytest.raises(DataError, match=r"needs a column 'Zahl' .* it has Land, Anzahl.* count: Anzahl"):
        tables.read("own", OwnTable.model_validate(about | {"count": "Zahl"}), tmp_path / "own.csv")


@pytest.mark.parametrize("name", ["regions.xlsx", "data/regions.CSV", "regions.parquet", "data/regions"])
def test_a_file_in_the_place_of_a_table_is_sent_to_tables(name: str) -> None:
    with pytest.raises(DataError) as caught:
        tables.known(name, {})
    assert f"tables: {{regions: {{file: {name}, source: " in str(caught.value)
    assert str(caught.value).endswith("write table: regions")
    with pytest.raises(DataError, match="takes the name of a table: write table: office"):
        tables.known(name, {"office": OwnTable(file=name, source="office")})


def test_an_own_table_says_its_country_basis_and_unit(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("party,count\na,60\nb,40\n", encoding="utf-8")
    spec = OwnTable(file="own.csv", source="office", country="de", basis="Zensus 2022", unit="percent")
    table = tables.read("own", spec, tmp_path / "own.csv")
    assert (table.country, table.basis, table.unit) == ("Germany", "Zensus 2022", "percent")
    assert (OWN.country, OWN.basis, OWN.unit) == ("", "", "people")


def test_a_country_that_is_not_known_keeps_its_name(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("sex,count\nf,1\nm,2\n", encoding="utf-8")
    spec = OwnTable(file="own.csv", source="office", country="Atlantis")
    assert tables.read("own", spec, tmp_path / "own.csv").country == "Atlantis"


def test_an_own_table_may_be_a_german_csv_file_or_an_excel_sheet(tmp_path: Path) -> None:
    text = "geschlecht;count\nmännlich;1.234,5\nweiblich;2.000,0\n"
    (tmp_path / "own.csv").write_bytes(text.encode("cp1252"))
    spec = OwnTable.model_validate({"file": "own.csv", "source": "Amt", "read": {"decimal": ","}})
    expected = ((("männlich",), 1234.5), (("weiblich",), 2000.0))
    assert tables.read("own", spec, tmp_path / "own.csv").rows == expected
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (("geschlecht", "count"), ("männlich", 1234.5), ("weiblich", 2000)):
        book.active.append(row)
    book.save(tmp_path / "own.xlsx")
    assert tables.read("own", OwnTable(file="own.xlsx", source="Amt"), tmp_path / "own.xlsx").rows == expected


@pytest.mark.parametrize("counts", [("34.100", "999"), ("34.100.000", "33.200.000"), ("1.000", "12.400")])
def test_points_that_may_stand_between_thousands_are_not_taken_for_decimal_points(
    tmp_path: Path, counts: tuple[str, str]
) -> None:
    (tmp_path / "own.csv").write_text(f"land;count\nNord;{counts[0]}\nOst;{counts[1]}\n", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        tables.read("own", OWN, tmp_path / "own.csv")
    assert f"own.csv:2: column 'count' holds '{counts[0]}', which may be" in str(caught.value)
    assert "read: {decimal: ','}" in str(caught.value)
    german = OwnTable.model_validate({"file": "own.csv", "source": "Amt", "read": {"decimal": ","}})
    found = tables.read("own", german, tmp_path / "own.csv").rows
    assert [n for _, n in found] == [float(c.replace(".", "")) for c in counts]


def test_decimal_points_are_taken_as_such_where_they_can_be_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("land,count\nNord,34.1\nOst,12.400\n", encoding="utf-8")
    assert [n for _, n in tables.read("own", OWN, tmp_path / "own.csv").rows] == [34.1, 12.4]
    (tmp_path / "own.csv").write_text("land,count\nNord,34.100\nOst,12.400\n", encoding="utf-8")
    said = OwnTable.model_validate({"file": "own.csv", "source": "x", "read": {"decimal": "."}})
    assert [n for _, n in tables.read("own", said, tmp_path / "own.csv").rows] == [34.1, 12.4]


def test_value_labels_of_an_spss_file_are_the_categories(tmp_path: Path) -> None:
    pyreadstat = pytest.importorskip("pyreadstat")
    frame = pytest.importorskip("pandas").DataFrame({"sex": [1.0, 2.0], "count": [3.0, 4.0]})
    labels = {"sex": {1.0: "male", 2.0: "female"}}
    pyreadstat.write_sav(frame, tmp_path / "own.sav", variable_value_labels=labels)
    table = tables.read("own", OwnTable(file="own.sav", source="office"), tmp_path / "own.sav")
    assert table.rows == ((("male",), 3.0), (("female",), 4.0))


def test_rows_that_do_not_fit_are_not_set_aside_in_a_margin(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("sex,count\nmale,3\nfemale,4,5\n", encoding="utf-8")
    spec = OwnTable.model_validate({"file": "own.csv", "source": "x", "read": {"broken_rows": "quarantine"}})
    with pytest.raises(DataError, match="1 row does not fit the header, first line 3"):
        tables.read("own", spec, tmp_path / "own.csv")


def test_per_cent_that_lack_a_row_are_not_taken_for_several_wholes(tmp_path: Path) -> None:
    (tmp_path / "own.csv").write_text("sex,count\nmale,47\nfemale,50\n", encoding="utf-8")
    whole = tables.read("office", OWN.model_copy(update={"unit": "percent"}), tmp_path / "own.csv")
    with pytest.raises(DataError, match=r"add up to 97\.0, not 100: a row is missing"):
        tables.filtered(whole, {})
