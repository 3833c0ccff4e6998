"""Files that were changed after they were written are refused, with what was recorded and what is there."""

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from own_study import ADAPTER_STUDY, TRAIN, done, grounded_study, mirrorpanel
from safetensors.numpy import load, save

from mirrorpanel import assessing, intact, lineup, registry
from mirrorpanel.lineup import Machine
from mirrorpanel.records import AdapterRecord
from mirrorpanel.store import Workspace
from mirrorpanel.verbs import training_data
from personas.errors import DataError
from personas.models import factored
from personas.models.wheel import sha256_of
from training.spec import TrainSpec


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path) -> tuple[Path, str]:
    folder = grounded_study(tmp_path_factory.mktemp("intact") / "own")
    (folder / "train.yaml").write_text(TRAIN.replace("smollm2-135m", str(tiny_folder)))
    adapter = str(done("train", folder / "train.yaml", "-w", folder, "--force", "--json").json["adapter"])
    return folder, adapter


@pytest.fixture
def study(made: tuple[Path, str], tmp_path: Path) -> tuple[Path, str]:
    return shutil.copytree(made[0], tmp_path / "own"), made[1]


def flip_a_bit(path: Path, place: int = -1) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(bytes(content))


def test_one_flipped_bit_of_the_weights_is_refused_with_both_fingerprints(study: tuple[Path, str]) -> None:
    folder, adapter = study
    with Workspace(folder) as workspace:
        record = workspace.record("adapters", "adapter", adapter, AdapterRecord)
        assert lineup.adapter_model(workspace, record, Machine()).fingerprint == record.fingerprint
    (folder / "study.yaml").write_text(ADAPTER_STUDY)
    flip_a_bit(folder / record.folder / factored.WEIGHTS)
    outcome = mirrorpanel("field", folder / "study.yaml", "-w", folder)
    assert outcome.code == 1
    said = " ".join(outcome.err.split())
    assert f"but {record.fingerprint} was recorded when it was trained" in said
    assert "restore the folder from a backup, or train it again" in said


@pytest.mark.parametrize("spoil", [flip_a_bit, Path.unlink], ids=["changed", "missing"])
def test_a_changed_or_missing_lora_file_is_refused(
    study: tuple[Path, str], spoil: Callable[[Path], None]
) -> None:
    folder, adapter = study
    home = folder / "adapters" / adapter / "voice"
    home.mkdir()
    for name in intact.TUNED:
        (home / name).write_bytes(b"weights")
    with Workspace(folder) as workspace:
        record = workspace.record("adapters", "adapter", adapter, AdapterRecord)
        intact.refuse_changed_tuning(workspace, record, "voice")  # nothing was recorded of it
        kept = record.model_copy(update={"tuned_files": intact.tuned_files([home])})
        intact.refuse_changed_tuning(workspace, kept, "voice")
        recorded = kept.tuned_files["voice/adapter_model.safetensors"]
        spoil(home / "adapter_model.safetensors")
        with pytest.raises(DataError, match=rf"adapter_model.safetensors .*{recorded} was recorded"):
            intact.refuse_changed_tuning(workspace, kept, "voice")
        intact.refuse_changed_tuning(workspace, kept, "joint")


def test_the_reference_that_ships_is_whole_and_a_changed_one_is_refused(tmp_path: Path) -> None:
    shipped = lineup.reference_folder()
    intact.refuse_changed_reference(shipped, shipped=True)
    copy = shutil.copytree(shipped, tmp_path / "reference")
    listed = [line.split("  ")[1] for line in (copy / intact.SUMS).read_text().splitlines()]
    assert intact.sums(copy, listed) == (copy / intact.SUMS).read_text()
    assert set(listed) == {factored.CONFIG, factored.WEIGHTS}
    before = sha256_of(copy / factored.WEIGHTS)
    flip_a_bit(copy / factored.WEIGHTS)
    for own in (False, True):
        with pytest.raises(
            DataError, match=rf"but {before} was recorded: it was changed; install the program"
        ):
            intact.refuse_changed_reference(copy, shipped=not own)
    (copy / intact.SUMS).unlink()
    intact.refuse_changed_reference(copy, shipped=False)
    with pytest.raises(DataError, match="SHA256SUMS is missing"):
        intact.refuse_changed_reference(copy, shipped=True)


def test_a_training_file_that_names_a_changed_reference_is_refused(tmp_path: Path) -> None:
    copy = shutil.copytree(lineup.reference_folder(), tmp_path / "reference")
    flip_a_bit(copy / factored.WEIGHTS)
    spec = TrainSpec.model_validate({"adapter": "a", "panel": "p", "reference": str(copy)})
    with pytest.raises(DataError, match="it was changed"):
        lineup.reference(spec, Machine(), lambda line: None)


def test_infinite_weights_are_refused_by_the_program_with_the_name_of_the_tensor(
    study: tuple[Path, str],
) -> None:
    folder, adapter = study
    path = folder / "adapters" / adapter / factored.WEIGHTS
    tensors = {name: np.array(found) for name, found in load(path.read_bytes()).items()}
    tensors["effects"].flat[0] = np.inf
    path.write_bytes(save(tensors))
    (folder / "study.yaml").write_text(ADAPTER_STUDY)
    outcome = mirrorpanel("field", folder / "study.yaml", "-w", folder)
    assert outcome.code == 1
    assert "tensor 'effects' in model.safetensors are NaN or infinite" in " ".join(outcome.err.split())


def test_questions_held_out_are_compared_by_vectors_too(study: tuple[Path, str]) -> None:
    folder, adapter = study
    with Workspace(folder) as workspace:
        record = workspace.record("adapters", "adapter", adapter, AdapterRecord)
        model = lineup.adapter_model(workspace, record, Machine())
        ready = training_data.prepared(workspace, folder / "train.yaml", lambda line: None)
        asked = ready.answers.questions
        found = assessing.vectors(model, asked)
        kept = registry.get(workspace, adapter).registration
    own = {q.fingerprint: i for i, q in enumerate(model.config.questions)}
    layers = len(model.config.layers)
    assert found.shape == (len(asked), layers * model.options.vectors.shape[2])
    for row, question in zip(found.reshape(len(asked), layers, -1), asked, strict=True):
        if question.fingerprint in own:
            np.testing.assert_array_equal(row, model.options.means[:, own[question.fingerprint]])
        again = model.option_vectors([question]).means[:, 0]
        assert np.sum(row * again) > 0.999 * np.linalg.norm(row) * np.linalg.norm(again)
    assert kept is not None
    assert kept.gates is not None
    said = {g.name: g.sentence for g in kept.gates.gates}["leakage"]
    assert ("and by vectors" in said) == bool(record.split.questions)
    attributes = {s.attribute for f in kept.figures for s in f.segments}
    assert attributes <= set(record.attributes)
