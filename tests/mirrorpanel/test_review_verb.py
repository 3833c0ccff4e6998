import csv
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest
from own_study import done, mirrorpanel

from mirrorpanel import store
from mirrorpanel.store import Workspace
from mirrorpanel.verbs import review as verbs
from personas.errors import DataError, WorkspaceError
from training.review import sheets as review_sheets
from training.review.review import Review, Sealed

REAL = "Honestly it depends on the bus number {}, mostly it is late."
SIMULATED = "As a member of this group I value punctual transport, reason {}."


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    store.create(tmp_path / "study")
    rows = [
        (f"a{i}", "How is the bus?", (REAL, SIMULATED)[i % 2].format(i), ("real", "simulated")[i % 2])
        for i in range(40)
    ]
    rows[3] = ("a3", "How is the bus?", "=HYPERLINK(1)", "simulated")
    rows[5] = ("a5", "How is the bus?", "Write to anna.schmidt@example.org, please.", "simulated")
    with (tmp_path / "answers.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("id", "question", "answer", "label"), *rows])
    return tmp_path


def exported(folder: Path, ending: str, **more: Any) -> verbs.Exported:
    with Workspace(folder / "study") as workspace:
        return verbs.export(workspace, folder / "answers.csv", folder / f"review{ending}", 40, 3, **more)


def cells(path: Path) -> list[list[str]]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            separator = ";" if file.readline().startswith("review;") else ","
            file.seek(0)
            return list(csv.reader(file, delimiter=separator))
    sheet: Any = openpyxl.load_workbook(path)["ratings"]
    return [["" if c is None else str(c) for c in row] for row in sheet.iter_rows(values_only=True)]


def fill(path: Path, rating: Any) -> None:
    """Fills in the ratings: ``rating(answer, place)`` for each row."""
    if path.suffix == ".csv":
        rows = cells(path)
        for place, row in enumerate(rows[1:]):
            row[4] = rating(row[3], place)
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file, delimiter=";").writerows(rows)
        return
    book = openpyxl.load_workbook(path)
    sheet: Any = book["ratings"]
    for place in range(2, sheet.max_row + 1):
        sheet.cell(place, 5).value = rating(sheet.cell(place, 4).value, place - 2) or None
    book.save(path)


def right(answer: str, place: int) -> str:
    return "real" if answer.startswith("Honestly") else "simulated"


@pytest.mark.parametrize("ending", [".xlsx", ".csv"])
def test_sheets_go_out_and_come_back(folder: Path, ending: str) -> None:
    out = exported(folder, ending)
    tables = [cells(path) for path in out.sheets]
    assert [p.name for p in out.sheets] == [f"review-{i}{ending}" for i in (1, 2, 3)]
    codes = [[row[1] for row in table[1:]] for table in tables]
    assert sorted(codes[0]) == sorted(codes[1]) == sorted(codes[2])
    assert codes[0] != codes[1]
    for path in out.sheets[:2]:
        fill(path, right)
    fill(out.sheets[2], lambda answer, place: "Real " if place % 2 else "")
    with Workspace(folder / "study") as workspace:
        found = verbs.read(workspace, out.sheets)
    assert [r.rated for r in found.raters] == [40, 40, 20]
    assert found.raters[0].accuracy == 1.0
    assert found.raters[2].unrated_rows == tuple(range(2, 42, 2))
    assert found.labelled == 40
    assert [(s.label, s.precision, s.recall) for s in found.labels] == [
        ("real", 1.0, 1.0), ("simulated", 1.0, 1.0),
    ]  # fmt: skip
    assert found.alpha is not None
    assert found.alpha.value < 1.0


def test_sheets_tell_nothing_of_the_source_and_formulas_stay_texts(folder: Path) -> None:
    out = exported(folder, ".xlsx")
    book = openpyxl.load_workbook(out.sheets[0])
    sheet: Any = book["ratings"]
    told = "\n".join(str(c) for row in sheet.iter_rows(values_only=True) for c in row)
    assert "a1" not in told.split()
    assert "simulated" not in told
    formula = [c for row in sheet.iter_rows() for c in row if str(c.value).startswith("=")]
    assert [c.data_type for c in formula] == ["s"]
    table = cells(exported(folder, ".csv", seed=2).sheets[0])
    assert [row[3] for row in table if "HYPERLINK" in row[3]] == ["'=HYPERLINK(1)"]


def test_personal_data_in_answers_are_masked_and_the_key_holds_no_text(folder: Path) -> None:
    out = exported(folder, ".csv")
    assert out.masked >= 1
    assert "anna.schmidt" not in out.sheets[0].read_text(encoding="utf-8")
    key = out.review.model_dump_json()
    assert "bus" not in key
    assert "a1" not in [item.code for item in out.review.items]


def test_a_key_that_was_changed_is_noticed(folder: Path) -> None:
    out = exported(folder, ".csv")
    first = out.review.items[0]
    other = Sealed(code=first.code, row=first.row, label="real" if first.label != "real" else "simulated")
    changed = out.review.model_copy(update={"items": (other, *out.review.items[1:])})
    with Workspace(folder / "study") as workspace:
        with workspace.transaction("test", "change"):
            workspace.connection.execute("UPDATE reviews SET record = ?", [changed.model_dump_json()])
        with pytest.raises(WorkspaceError, match=r"the key of review .* was changed"):
            verbs.read(workspace, out.sheets)


def damaged(path: Path, change: Any) -> None:
    rows = cells(path)
    change(rows)
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda rows: rows[4].__setitem__(4, "perhaps"),
            "row 5: rating 'perhaps' is none of real, simulated",
        ),
        (lambda rows: rows[6].__setitem__(1, "????"), r"row 7: unknown code '\?\?\?\?'"),
        (lambda rows: rows[6].__setitem__(1, rows[2][1]), r"row 7: code .* stands in row 3 already"),
        (lambda rows: rows.pop(8), "1 row of the sheet missing, with the codes"),
        (lambda rows: rows[2].__setitem__(0, "abc"), "row 3: belongs to review 'abc'"),
        (lambda rows: [row.pop(4) for row in rows], "no column 'rating'"),
    ],
)
def test_damaged_sheets_are_refused_by_row(folder: Path, change: Any, message: str) -> None:
    out = exported(folder, ".csv")
    for path in out.sheets:
        fill(path, right)
    damaged(out.sheets[1], change)
    with Workspace(folder / "study") as workspace, pytest.raises(DataError, match=message):
        verbs.read(workspace, out.sheets)


def test_sheets_of_another_workspace_are_refused(folder: Path) -> None:
    out = exported(folder, ".csv")
    store.create(folder / "other")
    with Workspace(folder / "other") as workspace, pytest.raises(WorkspaceError, match="did not go out from"):
        verbs.read(workspace, out.sheets)


def test_without_labels_answers_are_rated_from_one_to_five(folder: Path) -> None:
    (folder / "answers.csv").write_text("question,answer\nWhy?,so\nWhy?,thus\nWhy?,hence\n", encoding="utf-8")
    out = exported(folder, ".xlsx")
    assert out.review.values == verbs.PLAUSIBLE
    assert out.review.level == "ordinal"
    for path, shift in zip(out.sheets, (0, 0, 1), strict=True):
        fill(path, lambda answer, place, more=shift: float(("so", "thus", "hence").index(answer) + 1 + more))
    with Workspace(folder / "study") as workspace:
        found = verbs.read(workspace, out.sheets)
    assert found.labels == ()
    assert found.alpha is not None
    assert 0 < found.alpha.value < 1


def test_the_command_line_exports_and_reads(folder: Path) -> None:
    study = folder / "study"
    found = done(
        "review", "export", folder / "answers.csv", "--out", folder / "r.csv", "-w", study, "--json"
    ).json
    for name in found["sheets"]:
        fill(Path(name), right)
    told = done("review", "read", *found["sheets"], "-w", study).out
    assert "Krippendorff's alpha, nominal): 1.00" in told
    assert "real: precision 1.00 of 20 rated so, recall 1.00 of 20 that are" in told
    assert "no rating in" not in told
    fill(Path(found["sheets"][1]), lambda answer, place: "" if place == 7 else right(answer, place))
    told = done("review", "read", *found["sheets"], "-w", study).out
    assert "as labelled; no rating in row 9\n" in told
    again = mirrorpanel("review", "export", folder / "answers.csv", "--out", folder / "r.csv", "-w", study)
    assert again.code == 1
    assert "there is a file already" in again.err


def test_values_that_are_no_numbers_have_no_intervals(folder: Path) -> None:
    with pytest.raises(DataError, match="values on an interval scale must be numbers"):
        exported(folder, ".csv", values=("low", "high"), level="interval")


def test_a_table_without_answers_is_refused(folder: Path) -> None:
    (folder / "answers.csv").write_text("question,reply\nWhy?,so\n", encoding="utf-8")
    with pytest.raises(DataError, match="no column 'answer'"):
        review_sheets.answers(folder / "answers.csv")


def test_the_draw_depends_on_the_seed_alone(folder: Path) -> None:
    items = [exported(folder, f"-{i}.csv", seed=s).review.items for i, s in enumerate((4, 4, 5))]
    assert items[0] == items[1]
    assert {i.row for i in items[0]} == {i.row for i in items[2]}
    assert items[0] != items[2]
    assert np.all([isinstance(i, Sealed) for i in items[0]])
    assert Review.model_validate_json(exported(folder, "-9.csv").review.model_dump_json()).seal
