"""Personal data in all that a user hands in, and none of them in a text that a model reads or learns."""

import csv
from pathlib import Path

import pytest
import yaml
from own_study import GROUND, STUDY, change, done, mirrorpanel, write_study

from grounding.splits import split
from mirrorpanel import panels
from mirrorpanel.records import PanelRecord, RunRecord
from mirrorpanel.store import Workspace
from personas.panel import UNKNOWN, Panel
from personas.prompt import attribute_text, option_text, person_text, question_text, value_text
from training.dataset import training_data

SECRETS = (
    "Rebecca Thornton", "r.thornton@mail.example.org", "07700 900461", "DE95 7015 0000 5333 1478 93",
    "Oberländer", "536-22-8741", "Lindenallee 47", "84.132.77.19", "jens petersen", "19 454 407 321",
)  # fmt: skip
COMMENTS = (
    "My name is Rebecca Thornton, write to r.thornton@mail.example.org",
    "call me on 07700 900461, I live in the Lindenallee 47, 50968 Köln",
    "Herr Oberländer war unfreundlich, Konto DE95 7015 0000 5333 1478 93",
    "mein name ist jens petersen",
    "nothing to add",
)
REMARKS = ("SSN 536-22-8741", "logged in from 84.132.77.19", "Steuer-ID 19 454 407 321", "pays by invoice")
NEW = """\
new_questions:
  - name: staff
    text: "Was Herr Oberländer (r.thornton@mail.example.org) helpful?"
    options: ["ask Rebecca Thornton", "ask Jens Petersen", "neither", "Would Angela Merkel help?"]
    scale: nominal
"""


def _write(folder: Path) -> None:
    write_study(folder)
    lines = list(csv.reader((folder / "people.csv").read_text(encoding="utf-8").splitlines()))
    with (folder / "people.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow([*lines[0], "comment"])
        rows.writerows([*row, COMMENTS[i % len(COMMENTS)]] for i, row in enumerate(lines[1:]))
    customers = [f"{row[0]},{REMARKS[i % len(REMARKS)]}" for i, row in enumerate(lines[1:])]
    (folder / "crm.csv").write_text("\n".join(["id,remark", *customers]) + "\n", encoding="utf-8")
    change(folder / "book.yaml", "Do you like tea?", "Do you like tea, as Rebecca Thornton does?")
    change(folder / "book.yaml", "options: {'no': 0, 'yes': 1}, scale: nominal}\n  - {name: trains",
           "options: {'no, call 07700 900461': 0, 'yes': 1}, scale: nominal}\n  - {name: trains")  # fmt: skip
    ground = yaml.safe_load(GROUND)
    ground["survey"]["attributes"]["comment"] = {"column": "comment"}
    remark = {"table": "crm", "measure": "value", "of": "remark"}
    ground["crm"] = [
        {"name": "crm", "files": {"crm": "crm.csv"}, "people": "crm", "key": "id", "join": "id",
         "source": "own", "licence": "own", "vintage": "2026", "attributes": {"remark": remark}}
    ]  # fmt: skip
    (folder / "grounding.yaml").write_text(yaml.safe_dump(ground, allow_unicode=True), encoding="utf-8")
    (folder / "study.yaml").write_text(STUDY + NEW, encoding="utf-8")


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The workspace after ``ground`` and ``field``, and what ``field`` said."""
    folder = tmp_path_factory.mktemp("leaks")
    _write(folder)
    done("ground", folder / "grounding.yaml", "-w", folder)
    return folder, done("field", folder / "study.yaml", "-w", folder).out


def _texts_of(people: Panel) -> set[str]:
    read: set[str] = set()
    for codes in people.codes:
        known = {
            name: values[int(code)]
            for name, values, code in zip(people.attributes, people.levels, codes, strict=True)
            if code != UNKNOWN
        }
        read |= {person_text(known), *(attribute_text(n) + value_text(v) for n, v in known.items())}
    return read


def _leaks(texts: set[str]) -> list[tuple[str, str]]:
    return [(secret, text) for secret in SECRETS for text in texts if secret.lower() in text.lower()]


def test_no_text_of_persons_training_rows_and_questions_holds_what_was_planted(told: tuple[Path, str]):
    folder, _ = told
    with Workspace(folder) as workspace:
        panel = workspace.latest("panels", "panel", "own")
        people, answers = panels.people(workspace, panel)
        names = [q.name for q in answers.questions]
        parts = split(4, 0.5, ["museums"], names)
        data = training_data(people, answers, parts, ["comment", "remark", "sex"])
        run = workspace.latest("runs", "run", "tastes")
        asked = workspace.record("runs", "run", run, RunRecord).questions
        read = _texts_of(panels.persons(workspace, panel)) | _texts_of(data.people)
        for question in (*data.answers.questions, *asked):
            read |= {question_text(question), *map(option_text, question.options)}
    assert any("nothing to add" in text for text in read)
    assert any("pays by invoice" in text for text in read)
    assert any("[social security number]" in text for text in read)
    assert _leaks(read) == []


def test_nothing_in_the_workspace_but_its_pseudonyms_comes_from_what_was_planted(told: tuple[Path, str]):
    folder, _ = told
    with Workspace(folder) as workspace:
        names = workspace.rows("SELECT table_name FROM duckdb_tables() WHERE NOT internal")
        kept = {repr(row) for (name,) in names for row in workspace.rows(f'SELECT * FROM "{name}"')}
    assert _leaks(kept) == []


def test_what_was_masked_is_counted_and_said(told: tuple[Path, str]):
    folder, out = told
    assert "Masked in question staff: 1 × email, 3 × name before any model read it." in out
    with Workspace(folder) as workspace:
        record = workspace.record("panels", "panel", workspace.latest("panels", "panel", "own"), PanelRecord)
    assert record.found.masked["attribute remark"] == {
        "ip address": 1, "social security number": 1, "tax number": 1,
    }  # fmt: skip
    assert record.found.masked["question coffee"] == {"phone": 1}


def test_masked_options_stay_apart_in_their_places(told: tuple[Path, str]):
    folder, _ = told
    with Workspace(folder) as workspace:
        run = workspace.record("runs", "run", workspace.latest("runs", "run", "tastes"), RunRecord)
    staff = run.questions[-1]
    assert staff.text == "Was [name] ([email]) helpful?"
    assert staff.options == ("ask [name]", "ask [name] 2", "neither", "Would Angela Merkel help?")


def test_an_attribute_called_after_somebody_is_refused_with_what_to_do(tmp_path: Path):
    write_study(tmp_path)
    change(tmp_path / "grounding.yaml", "    place: {", "    likes_anna_schmidt: {")
    refused = mirrorpanel("ground", tmp_path / "grounding.yaml", "-w", tmp_path)
    assert refused.code == 1
    assert "'likes_anna_schmidt' holds personal data (name)" in refused.err
    assert "give it another name" in refused.err
