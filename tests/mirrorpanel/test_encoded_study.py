"""A study of questions that nobody was asked, fielded twice: the second time nothing is encoded."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from own_study import change, done, grounded_study, rows
from tuned_study import TRAIN

from mirrorpanel import lineup
from mirrorpanel.encodings import FOLDER
from mirrorpanel.records import RunRecord
from personas.models.language import LanguageModel

ASKED = """\
study: anew
panel: own
adapter: tastes
questions: []
new_questions:
  - {name: tea, text: "How often do you drink tea?", options: [never, sometimes, daily], scale: ordinal}
  - {name: bus, text: "Do you take the bus to work?", options: ["yes", "no"]}
seed: 3
"""
TEXTS = 5


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path) -> Path:
    folder = grounded_study(tmp_path_factory.mktemp("encoded") / "own")
    (folder / "train.yaml").write_text(TRAIN.format(model=tiny_folder))
    done("train", folder / "train.yaml", "-w", folder, "--force")
    (folder / "anew.yaml").write_text(ASKED)
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return shutil.copytree(made, tmp_path / "own")


def fielded(folder: Path, seed: int) -> tuple[RunRecord, list[tuple[object, ...]]]:
    change(folder / "anew.yaml", "seed: 3", f"seed: {seed}")
    run = done("field", folder / "anew.yaml", "-w", folder, "--json").json["run"]
    change(folder / "anew.yaml", f"seed: {seed}", "seed: 3")
    record = rows(folder, f"SELECT record FROM runs WHERE run = '{run}'")[0][0]
    found = f"SELECT person, question, distribution FROM answers WHERE run = '{run}' ORDER BY ALL"
    return RunRecord.model_validate_json(record), rows(folder, found)


def test_a_second_study_loads_no_language_model_and_answers_with_the_same_distributions(folder, monkeypatch):
    cold, first = fielded(folder, 1)
    assert cold.plan is not None
    assert cold.plan.passes > 0
    assert cold.plan.remembered == 0
    lineup.language.cache_clear()
    monkeypatch.setattr(LanguageModel, "load", lambda *arguments, **named: pytest.fail("was loaded"))
    warm, second = fielded(folder, 2)
    assert warm.plan is not None
    assert (warm.plan.passes, warm.plan.tokens, warm.plan.remembered) == (0, 0, TEXTS)
    assert second == first
    said = done("field", folder / "anew.yaml", "-w", folder, "--dry-run").out
    assert f"Encoded before and kept: {TEXTS} texts" in said
    lineup.language.cache_clear()


def test_a_replay_encodes_anew_whatever_was_kept(folder):
    fielded(folder, 1)
    before = {path: path.read_bytes() for path in (folder / FOLDER).iterdir()}
    kept = done("field", "--replay", "anew", "-w", folder)
    assert "came again byte for byte" in kept.out
    assert {path: path.read_bytes() for path in (folder / FOLDER).iterdir()} == before


def test_a_dry_run_keeps_nothing_and_a_run_after_it_is_the_one_without_it(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "other")
    done("field", folder / "anew.yaml", "-w", folder, "--dry-run")
    assert not (folder / FOLDER).exists()
    assert fielded(folder, 1)[1] == fielded(other, 1)[1]


def test_encodings_that_were_damaged_are_made_again_and_change_nothing(folder):
    _, first = fielded(folder, 1)
    for path in (folder / FOLDER).iterdir():
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(bytes(content))
    found, second = fielded(folder, 2)
    assert found.plan is not None
    assert found.plan.remembered < TEXTS
    for one, other in zip(first, second, strict=True):
        assert one[:2] == other[:2]
        np.testing.assert_allclose(one[2], other[2], atol=1e-5)


def test_encodings_go_with_a_panel_and_with_anybody_who_is_erased(folder):
    fielded(folder, 1)
    panel, person = rows(folder, "SELECT panel, id FROM people LIMIT 1")[0]
    assert list((folder / FOLDER).iterdir())
    done("erase", person, "-w", folder, "--yes")
    assert not (folder / FOLDER).exists()
    fielded(folder, 2)
    assert list((folder / FOLDER).iterdir())
    done("panel", "delete", panel, "-w", folder, "--yes")
    assert not list((folder / FOLDER).glob("*"))
