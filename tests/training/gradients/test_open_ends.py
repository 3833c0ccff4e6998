from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from grounding.privacy.guard import Guard
from personas import document
from personas.errors import DataError, DocumentError
from training.gradients import open_ends
from training.gradients.open_ends import OpenEndsSpec

LONG = """
file: answers.csv
id: who
question: asked
answer: said
attributes: {age_group: age}
protection: {anonymous: open data}
held_out: 0.4
"""


def guard(erased: tuple[str, ...] = (), today: date = date(2026, 11, 1)) -> Guard:
    return Guard(lambda source, ids: tuple(f"{source}:{i}" for i in ids), frozenset(erased), today)


def write(folder: Path, **columns: list[str | None]) -> None:
    pd.DataFrame(columns).to_csv(folder / "answers.csv", index=False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    who = [f"r{i // 2}" for i in range(40)]
    said = [f"answer  number\n{i}" for i in range(39)] + [None]
    said[3] = "write to me at jane.roe@example.org"
    write(tmp_path, who=who, asked=["Why?"] * 40, said=said, age=["18-24", None] * 20, secret=["x"] * 40)
    return tmp_path


def spec(**changes: object) -> OpenEndsSpec:
    return document.parse(LONG, OpenEndsSpec, "train.yaml").model_copy(update=changes)


def test_answers_come_with_question_and_attributes_masked_and_on_one_line(folder: Path) -> None:
    data = open_ends.read(spec(), folder, guard())
    rows = (*data.training, *data.held_out)
    assert len(rows) == 39
    by_answer = {row.answer: row for row in rows}
    assert by_answer["answer number 0"].attributes == {"age_group": "18-24"}
    assert by_answer["answer number 1"].attributes == {}
    assert {row.question for row in rows} == {"Why?"}
    assert "write to me at [email]" in by_answer
    assert data.remarks == ("Masked in open answers: 1 × email.",)


def test_nobody_has_answers_on_both_sides(folder: Path) -> None:
    data = open_ends.read(spec(), folder, guard())
    sides = [{row.person for row in rows} for rows in (data.training, data.held_out)]
    assert not sides[0] & sides[1]
    assert len(sides[0] | sides[1]) == 20
    again = open_ends.read(spec(), folder, guard())
    assert again == data
    assert open_ends.read(spec(seed=2), folder, guard()).held_out != data.held_out


def test_a_table_with_a_column_for_each_question_gives_the_same_rows(tmp_path: Path) -> None:
    n = 30
    write(tmp_path, pie=[f"pie {i}" for i in range(n)], dish=[None, "goose"] * (n // 2), sex=["f"] * n)
    wide = OpenEndsSpec(
        file="answers.csv", questions={"pie": "Which pie?", "dish": "Which dish?"}, attributes={"sex": "sex"}
    )
    data = open_ends.read(wide, tmp_path, guard())
    rows = (*data.training, *data.held_out)
    assert sum(row.question == "Which pie?" for row in rows) == n
    assert sum(row.question == "Which dish?" for row in rows) == n // 2
    # Without an id a row is somebody: both of its answers stay on one side.
    sides = [{row.person for row in part} for part in (data.training, data.held_out)]
    assert not sides[0] & sides[1]


def test_parquet_is_read_alike(folder: Path) -> None:
    pd.read_csv(folder / "answers.csv", dtype=str).to_parquet(folder / "answers.parquet")
    assert open_ends.read(spec(file="answers.parquet"), folder, guard()) == open_ends.read(
        spec(), folder, guard()
    )


def test_people_without_consent_or_erased_never_come_in(folder: Path) -> None:
    text = LONG.replace("{anonymous: open data}", "{consent: {column: age, values: [18-24]}}")
    asked = document.parse(text, OpenEndsSpec, "train.yaml")
    data = open_ends.read(asked, folder, guard(erased=("open answers:r0",)))
    rows = (*data.training, *data.held_out)
    assert len(rows) == 19
    assert "open answers:r0" not in {row.person for row in rows}
    assert any("20 rows without consent" in remark for remark in data.remarks)
    assert any("1 row of erased people" in remark for remark in data.remarks)


def test_what_may_not_be_used_is_refused_by_name(folder: Path) -> None:
    text = LONG.replace("{anonymous: open data}", "{retention: 2026-01-01}")
    late = document.parse(text, OpenEndsSpec, "train.yaml")
    with pytest.raises(DataError, match="retention date has passed"):
        open_ends.read(late, folder, guard())
    with pytest.raises(DataError, match="no column 'wrong'"):
        open_ends.read(spec(answer="wrong"), folder, guard())
    with pytest.raises(DataError, match="GDPR"):
        open_ends.read(spec(attributes={"religion": "age"}), folder, guard())
    few = pd.read_csv(folder / "answers.csv", dtype=str).head(1)
    few.to_csv(folder / "few.csv", index=False)
    with pytest.raises(DataError, match="both are needed"):
        open_ends.read(spec(file="few.csv"), folder, guard())


@pytest.mark.parametrize(
    "text", ["file: a.csv", f'{LONG}questions: {{said: "Why?"}}', "file: a\nanswer: said"]
)
def test_a_file_is_either_long_or_wide(text: str) -> None:
    with pytest.raises(DocumentError, match="either question and answer"):
        document.parse(text, OpenEndsSpec, "train.yaml")


def test_the_share_held_out_is_that_of_people() -> None:
    rows = [open_ends.OpenEnd(f"p{i}", "?", "yes", {}) for i in range(4000)]
    data = open_ends.apart(rows, 0.25, 1)
    assert len(data.held_out) / 4000 == pytest.approx(0.25, abs=4 * np.sqrt(0.25 * 0.75 / 4000))
