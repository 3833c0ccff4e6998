"""A user's own small study in files, and the program run on it, in this process or in one of its own."""

import contextlib
import io
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np

from mirrorpanel import store
from mirrorpanel.cli import app

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-c", "from mirrorpanel.cli.app import main; main()")
PEOPLE = 480
PERSONS = 120
QUESTIONS = ("tea", "coffee", "trains", "parks", "museums")
ALL = PERSONS * len(QUESTIONS)
AMOUNT = ("too little", "about right", "too much")

BOOK = """\
source: an own survey
licence: own
missing: [9]
questions:
  - {name: tea, text: "Do you like tea?", options: {'no': 0, 'yes': 1}, scale: nominal}
  - {name: coffee, text: "Do you like coffee?", options: {'no': 0, 'yes': 1}, scale: nominal}
  - {name: trains, text: "Do we spend enough on trains?", options: [too little, about right, too much]}
  - {name: parks, text: "Do we spend enough on parks?", options: [too little, about right, too much]}
  - {name: museums, text: "Do we spend enough on museums?", options: [too little, about right, too much]}
"""
GROUND = f"""\
panel: own
persons: {PERSONS}
seed: 3
survey:
  file: people.csv
  codebook: book.yaml
  id: id
  source: an own survey
  licence: own
  vintage: "2026"
  attributes:
    age_group: {{column: age, bins: {{18-44: [18, 44], 45 and over: [45, 120]}}}}
    sex: {{column: sex}}
    place: {{column: place}}
margins:
  - {{table: us_age_sex_2022, attributes: {{age: age_group, sex: sex}}}}
"""
STUDY = """\
study: tastes
panel: own
model: scripted
questions: all
segments: [age_group, sex]
seed: 11
batch: 50
"""
TRAIN = """\
adapter: tastes
panel: own
model: smollm2-135m
split: {people: 0.5, questions: [museums], seed: 4, by: question}
folds: 2
seed: 5
"""
ADAPTER_STUDY = STUDY.replace("model: scripted", "adapter: tastes")


@dataclass(frozen=True)
class Outcome:
    """How a run of the program ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The last line of standard output as an object."""
        found = json.loads(self.out.splitlines()[-1])
        assert isinstance(found, dict)
        return found


def mirrorpanel(*arguments: object) -> Outcome:
    """Runs the program in this process, from ``main`` on."""
    out, err = io.StringIO(), io.StringIO()
    code: object = 0
    with (
        mock.patch.object(sys, "argv", ["mirrorpanel", *map(str, arguments)]),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            app.main()
        except SystemExit as left:
            code = left.code or 0
    assert isinstance(code, int)
    return Outcome(code, out.getvalue(), err.getvalue())


def done(*arguments: object) -> Outcome:
    """Runs the program in this process and insists that it is content."""
    outcome = mirrorpanel(*arguments)
    assert outcome.code == 0, outcome.err
    return outcome


def environment(**changes: str) -> dict[str, str]:
    """The environment of a process that finds this checkout."""
    return {**os.environ, "PYTHONPATH": str(ROOT), **changes}


def fielding(folder: Path, program: tuple[str, ...] = PROGRAM) -> subprocess.Popen[str]:
    """A process that fields the study; ``program`` begins its command."""
    return subprocess.Popen(
        [*program, "field", str(folder / "study.yaml"), "-w", str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=environment(),
    )


def survey_rows() -> list[str]:
    """CSV lines of people whose answers depend on age, sex and place; some answers are missing."""
    rng = np.random.default_rng(20)
    rows: list[str] = []
    for i in range(PEOPLE):
        age, sex = int(rng.integers(18, 90)), ("female", "male")[int(rng.integers(2))]
        place = ("town", "country")[int(rng.random() < 0.3)]
        lean = 0.25 * (sex == "female") + 0.2 * (age > 44) - 0.1 * (place == "country")
        tea, coffee = int(rng.random() < 0.3 + lean), int(rng.random() < 0.7 - lean)
        spending = [AMOUNT[round(float(np.clip(rng.normal(1.0 - lean, 0.6), 0, 2)))] for _ in range(3)]
        given = [str(tea), str(coffee), *spending]
        if i % 17 == 0:
            given[i % 5] = "9"
        rows.append(f"h{i:03d},{age},{sex},{place},{','.join(given)}")
    return ["id,age,sex,place,tea,coffee,trains,parks,museums", *rows]


def write_study(folder: Path) -> Path:
    """Writes the files of the study into ``folder`` and makes it a workspace."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "people.csv").write_text("\n".join(survey_rows()) + "\n", encoding="utf-8")
    for name, text in (("book", BOOK), ("grounding", GROUND), ("study", STUDY)):
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    store.create(folder)
    return folder


def grounded_study(folder: Path) -> Path:
    """The study with its panel."""
    write_study(folder)
    done("ground", folder / "grounding.yaml", "-w", folder)
    return folder


def change(file: Path, old: str, new: str) -> None:
    """Replaces a text that stands once in a file."""
    text = file.read_text(encoding="utf-8")
    assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
    file.write_text(text.replace(old, new), encoding="utf-8")


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    """What a query finds in the workspace."""
    with store.Workspace(folder) as workspace:
        return workspace.rows(sql)


def answer_rows(folder: Path) -> list[tuple[Any, ...]]:
    """Every answer of the workspace's runs without the run's name, in one order."""
    return rows(
        folder, "SELECT person, question, option, distribution FROM answers ORDER BY person, question, option"
    )


def contents(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables but the audit log, for comparing before and after."""
    with store.Workspace(folder) as workspace:
        names = workspace.rows("SELECT table_name FROM duckdb_tables() WHERE NOT internal ORDER BY 1")
        return {
            str(name): sorted(workspace.rows(f'SELECT * FROM "{name}"'), key=repr)
            for (name,) in names
            if name != "audit"
        }
