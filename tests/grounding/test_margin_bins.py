from pathlib import Path

from grounding.build import ground
from grounding.spec import GroundSpec
from personas import document

GROUND = """
panel: grouped
persons: 10
survey:
  file: people.csv
  codebook: book.yaml
  id: id
  attributes:
    age: {column: age}
margins:
  - table: us_age_sex_2022
    attributes: {age: age}
    bins: {age: {18 - 34: [18, 34], 35 and up: [35, 120]}}
"""


def test_a_survey_that_holds_age_groups_meets_a_table_of_single_years(tmp_path: Path) -> None:
    rows = [f"p{i},{['18 - 34', '35 and up'][i % 4 == 0]},{['a', 'b'][i % 3 == 0]}" for i in range(40)]
    (tmp_path / "people.csv").write_text("id,age,q\n" + "\n".join(rows) + "\n", encoding="utf-8")
    book = "source: test\nquestions:\n  - {name: q, text: 'Which?', options: [a, b]}\n"
    (tmp_path / "book.yaml").write_text(book, encoding="utf-8")
    found = ground(document.parse(GROUND, GroundSpec, "g"), tmp_path, tmp_path, lambda line: None).weighting
    assert {m.cell[0] for m in found.margins} == {"18 - 34", "35 and up"}
    assert found.largest_margin_error is not None
    assert found.largest_margin_error < 1e-6
