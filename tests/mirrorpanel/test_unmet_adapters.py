"""Adapters that do not meet what is asked of them: another base, attributes unseen, texts too long."""

import json
import shutil
from pathlib import Path

import pytest
from own_study import (
    ADAPTER_STUDY,
    GROUND,
    TRAIN,
    change,
    done,
    grounded_study,
    mirrorpanel,
    rows,
)
from tiny_model import FLOAT32, save_tiny_model

from mirrorpanel import intact, lineup
from personas.models import factored
from personas.models.language import LanguageModel

CPU = ("--device", "cpu", "--dtype", "float32")
NEW = """
new_questions:
  - {name: juice, text: "Do you like juice?", options: ['no', 'yes']}
"""
LONG = f"""
new_questions:
  - {{name: long, text: "Do you like {"juice " * 600}?", options: ['no', 'yes']}}
"""


def base(folder: Path, tiny: Path) -> Path:
    """A model of one's own that can be exchanged."""
    return shutil.copytree(tiny, folder / "base")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path) -> Path:
    """A workspace with a panel and an adapter; its base lies beside it."""
    folder = grounded_study(tmp_path_factory.mktemp("unmet") / "own")
    file = folder / "train.yaml"
    file.write_text(TRAIN.replace("smollm2-135m", str(base(folder.parent, tiny_folder))))
    done("train", file, "-w", folder, *CPU, "--force")
    return folder


def study(folder: Path, name: str, more: str = "") -> Path:
    file = folder / f"{name}.yaml"
    file.write_text(ADAPTER_STUDY.replace("study: tastes", f"study: {name}") + more)
    return file


def refused(*arguments: object) -> str:
    outcome = mirrorpanel(*arguments)
    assert outcome.code == 1, outcome.out
    assert "Traceback" not in outcome.err
    return outcome.err


def test_an_adapter_on_another_base_is_refused_before_the_run_begins(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = LanguageModel.load(trained.parent / "base", FLOAT32).weights
    other = save_tiny_model(tmp_path / "other", seed=5)
    after = LanguageModel.load(other, FLOAT32).weights
    monkeypatch.setattr(lineup.catalogue, "folder", lambda *_: other)
    lineup.language.cache_clear()
    message = refused("field", study(trained, "exchanged", NEW), "-w", trained, *CPU)
    lineup.language.cache_clear()
    assert "exchanged.yaml:3: adapter: " in message
    assert f"with weights {before}, but those here are {after}" in message
    assert rows(trained, "SELECT 1 FROM runs WHERE study = 'exchanged'") == []


def test_a_question_too_long_for_the_model_is_named_before_the_run_begins(trained: Path) -> None:
    message = refused("field", study(trained, "lengthy", LONG), "-w", trained, *CPU)
    assert "lengthy.yaml:3: adapter: question 'long' with its longest option: a text of " in message
    assert "which reads 512; shorten what begins with 'Question: Do you like juice juice" in message
    assert rows(trained, "SELECT 1 FROM runs WHERE study = 'lengthy'") == []


def test_a_question_too_long_for_an_untrained_model_is_named(trained: Path) -> None:
    file = study(trained, "untrained", LONG)
    change(file, "adapter: tastes", f"model: {trained.parent / 'base'}")
    for more in ((), ("--dry-run",)):
        message = refused("field", file, "-w", trained, *CPU, *more)
        assert f"{file}:3: model: a question of " in message
        assert "is too long for base, which reads 512; shorten the question 'long'" in message


def test_a_question_too_long_to_train_on_is_named(trained: Path, tmp_path: Path) -> None:
    own = grounded_study(tmp_path / "own")
    change(own / "book.yaml", "Do you like tea?", "Do you like " + "tea " * 600 + "?")
    done("ground", own / "grounding.yaml", "-w", own)
    (own / "train.yaml").write_text(TRAIN.replace("smollm2-135m", str(trained.parent / "base")))
    message = refused("train", own / "train.yaml", "-w", own, *CPU)
    assert "shorten what begins with 'Question: Do you like tea tea" in message


def test_an_attribute_that_the_panel_lacks_and_values_unseen_in_training_are_said(trained: Path) -> None:
    assert json.loads(done("field", study(trained, "met"), "-w", trained, "--json").out)["unseen"] is None
    lines = (trained / "people.csv").read_text()
    (trained / "moved.csv").write_text(lines.replace(",country,", ",island,"))
    ground = GROUND.replace("panel: own", "panel: moved").replace("people.csv", "moved.csv")
    ground = ground.replace("    sex: {column: sex}\n", "").split("margins:")[0]
    (trained / "moved.yaml").write_text(ground)
    done("ground", trained / "moved.yaml", "-w", trained)
    file = study(trained, "foreign")
    change(file, "panel: own", "panel: moved")
    change(file, "segments: [age_group, sex]", "segments: [age_group]")
    said = done("field", file, "-w", trained, *CPU).out
    assert "The panel lacks 'sex' of the 3 attributes that the adapter uses, for all 120 persons" in said
    assert "Nobody trained on had place 'island', which " in said
    unseen = json.loads(done("field", file, "-w", trained, *CPU, "--json").out)["unseen"]
    assert unseen["missing"] == ["sex"]
    assert unseen["levels"] == {"place": ["island"]}
    assert 0 < unseen["persons"] < 120


def test_an_adapter_whose_configuration_is_a_list_is_refused_with_what_was_found(
    trained: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(next((trained / "adapters").glob("tastes-*")), tmp_path / "adapter")
    (copy / factored.CONFIG).write_text("[1, 2]")
    with pytest.raises(factored.DataError, match=r"must be a JSON object, found a list; restore the folder"):
        factored.load_config(copy)


def test_a_reference_that_is_no_folder_is_answered_with_the_words_that_are_understood(trained: Path) -> None:
    assert "write 'shipped' for the reference" in with_reference(trained, "shiped")


def test_damaged_files_of_a_reference_are_refused_each(trained: Path, tmp_path: Path) -> None:
    def spoiled(file: str, content: bytes | None) -> str:
        copy = shutil.copytree(lineup.reference_folder(), tmp_path / "reference")
        if content is None:
            (copy / file).unlink()
        else:
            (copy / file).write_bytes(content)
        said = with_reference(trained, str(copy))
        shutil.rmtree(copy)
        return said

    sums = (lineup.reference_folder() / intact.SUMS).read_bytes()
    weights = bytearray((lineup.reference_folder() / factored.WEIGHTS).read_bytes())
    weights[len(weights) // 2] ^= 1
    assert "it was changed; install the program again" in spoiled(factored.WEIGHTS, bytes(weights))
    assert "is missing (sha256 " in spoiled(factored.WEIGHTS, None)
    assert "is missing (sha256 " in spoiled(factored.CONFIG, None)
    assert "SHA256SUMS:1: no sha256 with a file's name" in spoiled(intact.SUMS, b"\xff\xfe" + sums)
    assert "SHA256SUMS does not list config.json" in spoiled(intact.SUMS, b"")
    assert "it was changed" in spoiled(intact.SUMS, b"0" * 64 + sums[64:])


def with_reference(folder: Path, reference: str) -> str:
    """What a training says that names this reference."""
    file = folder / "referred.yaml"
    text = TRAIN.replace("smollm2-135m", str(folder.parent / "base")).replace("tastes", "referred")
    file.write_text(f"{text}reference: {reference}\n")
    message = refused("train", file, "-w", folder, *CPU)
    assert "referred.yaml:7: reference: " in message
    return message
