import json
from pathlib import Path

import numpy as np
import pytest
from own_study import PERSONS, QUESTIONS, change, done, grounded_study, mirrorpanel, rows

from mirrorpanel import lineup, panels
from mirrorpanel.store import Workspace
from personas.models.scripted import ScriptedModel
from validation import stopping


@pytest.fixture
def folder(tmp_path):
    made = grounded_study(tmp_path / "own")
    change(made / "study.yaml", "batch: 50", "batch: 20")
    return made


def field(folder, until: str):
    file = folder / "study.yaml"
    file.write_text(f"{file.read_text(encoding='utf-8')}until: {until}\n", encoding="utf-8")
    return done("field", file, "-w", folder, "--json").json


def asked(folder) -> list[str]:
    return [person for (person,) in rows(folder, "SELECT person FROM asked ORDER BY rowid")]


def panel(folder):
    with Workspace(folder) as workspace:
        return panels.persons(workspace, workspace.latest("panels", "panel", "own"))


def test_so_many_persons_are_asked_in_the_order_of_the_seed_and_the_run_is_complete(folder):
    found = field(folder, "{persons: 50}")
    assert (found["answers"], found["complete"]) == (50 * len(QUESTIONS), True)
    assert found["stopped"] == {
        "met": True,
        "persons": 50,
        "of": PERSONS,
        "why": "50 persons, 50 asked for",
    }
    everybody = panel(folder)
    assert asked(folder) == [everybody.ids[i] for i in stopping.order(everybody, 11)[:50]]
    again = done("field", folder / "study.yaml", "-w", folder)
    assert f"Stopped by its rule after 50 of {PERSONS} persons: 50 persons, 50 asked for." in again.out
    assert len(asked(folder)) == 50
    said = done("validate", "tastes", "-w", folder)
    assert "after 50 of 120 persons" in said.out
    report = done("report", "tastes", "-w", folder, "--json").json["report"]
    twin = json.loads(Path(report).with_suffix(".json").read_text(encoding="utf-8"))
    assert (twin["persons"], twin["answers"]) == (50, 250)
    assert any("Stopped by its rule after 50 of 120 persons" in note for note in twin["agreement"]["notes"])


def test_quotas_are_looked_at_after_whole_batches(folder):
    found = field(folder, "{cell: {sex: {female: 23, male: 5}}}")
    everybody = panel(folder)
    women = np.array(everybody.values("sex"))[stopping.order(everybody, 11)] == "female"
    n = next(n for n in range(20, PERSONS + 1, 20) if women[:n].sum() >= 23 and (~women[:n]).sum() >= 5)
    assert found["stopped"]["persons"] == len(asked(folder)) == n < PERSONS
    assert f"female {int(women[:n].sum())} of 23" in found["stopped"]["why"]


def test_precision_stops_at_the_same_person_however_often_it_was_broken_off(folder, tmp_path, monkeypatch):
    broken = grounded_study(tmp_path / "broken")
    change(broken / "study.yaml", "batch: 50", "batch: 20")
    rule = "{precision: 0.12, question: tea}"
    whole = field(folder, rule)
    assert whole["stopped"]["met"]
    assert whole["stopped"]["persons"] in (60, 80)

    class Breaks(ScriptedModel):
        def distributions(self, panel, questions):
            left.append(1)
            if len(left) % 2 == 0:
                raise KeyboardInterrupt
            return super().distributions(panel, questions)

    left: list[int] = []
    monkeypatch.setattr(lineup, "ScriptedModel", Breaks)
    file = broken / "study.yaml"
    file.write_text(f"{file.read_text(encoding='utf-8')}until: {rule}\n", encoding="utf-8")
    for _ in range(2):
        assert mirrorpanel("field", file, "-w", broken).code != 0
    monkeypatch.undo()
    assert rows(broken, "SELECT finished FROM runs") == [(None,)]
    found = done("field", file, "-w", broken, "--json").json
    assert found["stopped"] == whole["stopped"]
    assert asked(broken) == asked(folder)


def test_a_target_that_the_whole_panel_misses_is_said(folder):
    found = field(folder, "{precision: 0.01}")
    assert (found["complete"], found["stopped"]["met"], found["stopped"]["persons"]) == (True, False, PERSONS)
    said = done("field", folder / "study.yaml", "-w", folder).out
    assert "Everybody was asked and the rule of the study was not met: the widest 95 % interval" in said


@pytest.mark.parametrize(
    ("until", "said"),
    [
        ("{persons: 121}", "until.persons: the panel has 120, found 121"),
        ("{cell: {sex: {female: 100}}}", "until.cell.sex: the panel has"),
        ("{precision: 0.1, question: milk}", "until: Unknown question 'milk'; choose from 'tea'"),
        ("{persons: 5, precision: 0.1}", "give one of 'persons', 'cell' and 'precision'"),
    ],
)
def test_a_rule_that_cannot_be_met_is_refused_with_its_line(folder, until, said):
    file = folder / "study.yaml"
    file.write_text(f"{file.read_text(encoding='utf-8')}until: {until}\n", encoding="utf-8")
    refused = mirrorpanel("field", file, "-w", folder)
    assert refused.code == 1
    assert said in refused.err
    assert "study.yaml:8: " in refused.err
    assert rows(folder, "SELECT count(*) FROM runs") == [(0,)]
