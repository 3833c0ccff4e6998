import numpy as np
import pytest
from own_study import PERSONS, QUESTIONS, change, contents, done, grounded_study, mirrorpanel, rows

from mirrorpanel import lineup
from mirrorpanel.store import Workspace
from personas.models.scripted import ScriptedModel

ALL = PERSONS * len(QUESTIONS)


@pytest.fixture
def folder(tmp_path):
    made = grounded_study(tmp_path / "own")
    done("field", made / "study.yaml", "-w", made)
    return made


def change_rows(folder, sql: str) -> None:
    with Workspace(folder) as workspace:
        workspace.connection.execute(sql)


def audit(folder):
    return rows(folder, "SELECT count(*) FROM audit")


def test_a_run_comes_again_byte_for_byte_and_nothing_is_written(folder):
    before = contents(folder), audit(folder)
    run = rows(folder, "SELECT run FROM runs")[0][0]
    for name in ("tastes", run):
        said = done("field", "--replay", name, "-w", folder).out
        assert said == f"Run {run}: {ALL} answers came again byte for byte\n".replace("600", f"{ALL}")
    found = done("field", "--replay", run, "-w", folder, "--json").json
    assert found["identical"]
    assert (found["answers"], found["draws_different"], found["largest_difference"]) == (ALL, 0, 0.0)
    assert (contents(folder), audit(folder)) == before


def test_the_first_answer_that_differs_is_named_with_its_size(folder):
    person = rows(folder, "SELECT person FROM asked ORDER BY rowid LIMIT 1 OFFSET 70")[0][0]
    spot = f"person = '{person}' AND question = 'trains'"
    change_rows(folder, f"UPDATE answers SET option = (option + 1) % 3 WHERE {spot}")
    last = rows(folder, "SELECT person FROM asked ORDER BY rowid DESC LIMIT 1")[0][0]
    change_rows(
        folder, f"UPDATE answers SET distribution = [0.75, 0.25] WHERE person = '{last}' AND question = 'tea'"
    )
    found = mirrorpanel("field", "--replay", "tastes", "-w", folder, "--json")
    assert found.code == 1
    assert not found.json["identical"]
    assert (found.json["draws_different"], found.json["distributions_different"]) == (1, 1)
    assert found.json["largest_difference"] == 0.25
    assert (found.json["first"]["person"], found.json["first"]["question"]) == (person, "trains")
    said = mirrorpanel("field", "--replay", "tastes", "-w", folder).out
    assert f"of {ALL} answers 1 were drawn otherwise, and 1 distribution differs, by 0.25 at most" in said
    assert f"First difference: person {person}, question trains: " in said


def test_an_answer_that_is_gone_or_stands_there_twice_is_found(folder):
    person = rows(folder, "SELECT person FROM asked ORDER BY rowid LIMIT 1")[0][0]
    change_rows(folder, "INSERT INTO answers FROM answers LIMIT 3")
    found = mirrorpanel("field", "--replay", "tastes", "-w", folder, "--json")
    assert (found.code, found.json["doubled"]) == (1, 3)
    change_rows(folder, f"DELETE FROM answers WHERE person = '{person}' AND question = 'tea'")
    said = mirrorpanel("field", "--replay", "tastes", "-w", folder).out
    assert f"person {person}, question tea: no answer then" in said


def test_another_model_is_named_as_the_reason(folder, monkeypatch):
    def tilted(person, question):
        weights = np.arange(1.0, 1 + len(question.options))
        return weights / weights.sum()

    monkeypatch.setattr(lineup, "ScriptedModel", lambda: ScriptedModel(tilted, fingerprint="tilted"))
    found = mirrorpanel("field", "--replay", "tastes", "-w", folder)
    assert found.code == 1
    assert "It was answered by fingerprint scripted, and is now by tilted" in found.out


def test_a_run_of_whom_nobody_was_asked_and_a_file_beside_it_are_refused(folder):
    change(folder / "study.yaml", "seed: 11", "seed: 12")
    for arguments in (("--replay", "tastes", folder / "study.yaml"), ()):
        refused = mirrorpanel("field", *arguments, "-w", folder)
        assert refused.code == 2
        assert "give a study file, or --replay with a run" in refused.err
    unknown = mirrorpanel("field", "--replay", "nothing", "-w", folder)
    assert unknown.code == 1
    assert "choose from 'tastes'" in unknown.err
