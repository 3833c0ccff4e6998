from pathlib import Path
from typing import Any

import pytest
import torch

from training.gradients import checkpoint
from training.gradients.checkpoint import FILE, CheckpointError, RunState

pytorch: Any = torch
STATE = RunState(
    fingerprint="abc", episode=3, seconds=1.5, answers=48, losses=(0.1, 0.2, 1 / 3), scores=((0, -1 / 7),),
    best_episode=0,
)  # fmt: skip
TENSORS = {
    "weights/a": pytorch.linspace(0, 1, 7).reshape(7, 1).T,
    "steps/a": pytorch.tensor(3.0),
    "half": pytorch.ones(3, dtype=pytorch.bfloat16),
}


def test_what_is_written_is_read_to_the_bit(tmp_path: Path) -> None:
    assert checkpoint.read(tmp_path / "new") is None
    path = checkpoint.write(tmp_path / "new", STATE, TENSORS)
    assert [p.name for p in path.parent.iterdir()] == [FILE]
    found = checkpoint.read(tmp_path / "new")
    assert found is not None
    assert found[0] == STATE
    assert found[1].keys() == TENSORS.keys()
    for name, tensor in TENSORS.items():
        assert pytorch.equal(found[1][name], tensor)
        assert found[1][name].dtype == tensor.dtype


def test_a_checkpoint_that_is_cut_short_anywhere_is_named(tmp_path: Path) -> None:
    path = checkpoint.write(tmp_path, STATE, TENSORS)
    whole = path.read_bytes()
    for length in (0, 4, 60, len(whole) // 2, len(whole) - 1):
        path.write_bytes(whole[:length])
        with pytest.raises(CheckpointError, match=rf"{FILE} is damaged .*remove it to begin"):
            checkpoint.read(tmp_path)


@pytest.mark.parametrize("place", [-1, -20, 40, 200])
def test_a_changed_byte_is_found(tmp_path: Path, place: int) -> None:
    path = checkpoint.write(tmp_path, STATE, TENSORS)
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match="is damaged"):
        checkpoint.read(tmp_path)


def test_a_safetensors_file_of_another_kind_is_no_checkpoint(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    save_file({"a": pytorch.ones(2)}, tmp_path / FILE)
    with pytest.raises(CheckpointError, match="is damaged"):
        checkpoint.read(tmp_path)


def test_what_an_earlier_kill_left_half_written_is_not_read(tmp_path: Path) -> None:
    checkpoint.write(tmp_path, STATE, TENSORS)
    (tmp_path / FILE).with_suffix(".part").write_bytes(b"half")
    assert checkpoint.read(tmp_path) is not None
    checkpoint.write(tmp_path, STATE, TENSORS)
    assert [p.name for p in tmp_path.iterdir()] == [FILE]


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(CheckpointError, match="cannot be written"):
        checkpoint.write(tmp_path / "file", STATE, TENSORS)
