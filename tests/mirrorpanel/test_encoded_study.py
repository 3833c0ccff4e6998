"""A study of questions that nobody was asked, fielded twice: the second time nothing is encoded."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from own_study import change, done, grounded_study, mirrorpanel, rows
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


def overlapping(folder: Path) -> str:
    """The run of a study with questions of its own and with one that a study before it encoded."""
    fielded(folder, 1)
    content = ASKED.replace("study: anew", "study: more").replace("name: bus", "name: coach")
    (folder / "more.yaml").write_text(content.replace("take the bus", "take a coach"))
    done("field", folder / "more.yaml", "-w", folder)
    return rows(folder, "SELECT run FROM runs WHERE run LIKE 'more-%'")[0][0]


def test_a_run_that_found_some_encodings_comes_again_with_them(folder, monkeypatch):
    run = overlapping(folder)
    lineup.language.cache_clear()
    with monkeypatch.context() as patch:
        patch.setattr(LanguageModel, "load", lambda *arguments, **named: pytest.fail("was loaded"))
        found = done("field", "--replay", run, "-w", folder)
        content = done("field", "--replay", run, "-w", folder, "--json").json
    assert "came again byte for byte, with the encodings that the run used\n" in found.out
    assert content["encodings_kept_then"] == 3
    assert (content["encodings_looked_up"], content["encodings_made_anew"]) == (True, 0)


def test_a_run_that_found_some_encodings_can_be_replayed_with_all_of_them_made_anew(folder):
    found = mirrorpanel("field", "--replay", overlapping(folder), "-w", folder, "--anew", "--json").json
    assert (found["encodings_looked_up"], found["encodings_made_anew"]) == (False, 0)
    assert found["largest_difference"] < 1e-4


def test_a_replay_says_what_it_had_to_encode_since_it_is_not_kept_any_more(folder):
    run = overlapping(folder)
    first = done("field", "--replay", "anew", "-w", folder).out
    files = list((folder / FOLDER).iterdir())
    shutil.rmtree(folder / FOLDER)
    found = mirrorpanel("field", "--replay", run, "-w", folder).out
    # Texts and predictions of both questions.
    assert "7 encodings or predictions that the run used are not kept any more" in found
    assert "in bfloat16 the third" in found
    assert files
    assert not (folder / FOLDER).exists()
    assert done("field", "--replay", "anew", "-w", folder).out == first  # it had found none


def damage(folder: Path) -> None:
    for path in (folder / FOLDER).iterdir():
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(bytes(content))


def test_a_replay_takes_no_damaged_encoding_and_leaves_it_where_it_is(folder):
    run = overlapping(folder)
    damage(folder)
    before = {path: path.read_bytes() for path in (folder / FOLDER).iterdir()}
    found = mirrorpanel("field", "--replay", run, "-w", folder, "--json").json
    assert found["encodings_looked_up"]
    assert found["encodings_made_anew"] > 0
    assert found["largest_difference"] < 1e-4
    assert {path: path.read_bytes() for path in (folder / FOLDER).iterdir()} == before


def test_a_run_that_found_no_encodings_is_replayed_without_any(folder):
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
    damage(folder)
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
