from pathlib import Path

import pytest

from grounding import tables
from grounding.build import ground
from grounding.spec import GroundSpec, OwnTable
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
    spec = document.parse(GROUND, GroundSpec, "ground.yaml")
    found = ground(spec, folder, folder, lambda line: None)
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
    with pytest.raises(UnknownName, match="'office', 'de_land_age_migration_2022'"):
        tables.table("de_region", {"office": OWN}, tmp_path)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("sex,people\nmale,3\n", "needs a column 'count'"),
        ("count\n3\n", "at least one dimension"),
        ("sex,count\nmale,3\nfemale,many\n", "own.csv:3: column 'count' holds 'many'"),
        ("sex,count\nmale,-3\n", "own.csv:2: column 'count' holds '-3'"),
        ("sex,count\nmale,3\n,4\n", "own.csv:3: column 'sex' is empty"),
    ],
)
def test_an_own_table_that_cannot_be_read_is_refused_with_its_line(
    tmp_path: Path, text: str, expected: str
) -> None:
    (tmp_path / "own.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        tables.read("office", OWN, tmp_path / "own.csv")
    assert expected in str(caught.value)
