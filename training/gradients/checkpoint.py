"""Checkpoints of a training run: one safetensors file, written whole or not at all, checked when read."""

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from personas import disk
from personas.document import Document
from personas.errors import MirrorpanelError

if TYPE_CHECKING:
    import torch

FILE, FORMAT = "checkpoint.safetensors", 1


class CheckpointError(MirrorpanelError):
    """A checkpoint is damaged, or belongs to another run."""


class RunState(Document):
    """Where a run stands, beside its tensors.

    Random numbers need no state: each episode draws its own from the seed and its number (``episode_rng``).

    Attributes:
        format: of the file.
        fingerprint: of objective and settings; only the same run goes on.
        episode: episodes done.
        seconds: time they took, without loading.
        answers: answers learned from so far, repeats included.
        losses: loss of each episode, in nats.
        scores: (episode, held-out score) at each scoring, the first before any training.
        best_episode: episode after which the score was best, whose tensors are kept.
    """

    format: int = FORMAT
    fingerprint: str
    episode: int
    seconds: float
    answers: int
    losses: tuple[float, ...]
    scores: tuple[tuple[int, float], ...]
    best_episode: int


def write(folder: Path, state: RunState, tensors: "Mapping[str, torch.Tensor]") -> Path:
    """Path of the checkpoint; an earlier one is replaced in one step, so a kill leaves one of the two whole.

    Raises:
        CheckpointError: the disk refused it; an earlier checkpoint is still there.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save

    target = folder / FILE
    part = target.with_suffix(".part")
    plain = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    header = {"state": state.model_dump_json(), "sha256": _digest(state.model_dump_json(), plain)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with part.open("wb") as file:
            file.write(save(plain, metadata=header))
            file.flush()
            os.fsync(file.fileno())
        part.replace(target)
        disk.sync_folder(folder)
    except (OSError, SafetensorError) as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        raise CheckpointError(
            f"{target} cannot be written ({error}); free some space or name another folder"
        ) from None
    return target


def read(folder: Path) -> "tuple[RunState, dict[str, torch.Tensor]] | None":
    """State and tensors of the checkpoint in ``folder``; ``None`` where there is none.

    Raises:
        CheckpointError: the file is cut short, its bytes were changed, or its format is another program's.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load

    target = folder / FILE
    if not target.is_file():
        return None
    try:
        # Read at once: another process may be replacing the file.
        content = target.read_bytes()
        header: dict[str, str] = _header(content)["__metadata__"]
        # Tensors in the bytes lie where they happen to; copies are aligned as fresh ones are.
        tensors = {name: tensor.clone() for name, tensor in load(content).items()}
        stated, text = header["sha256"], header["state"]
        state = RunState.model_validate_json(text)
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        first = (str(error).splitlines() or [type(error).__name__])[0]
        raise CheckpointError(f"{target} is damaged ({first}); {_REMOVE}") from None
    if stated != _digest(text, tensors):
        raise CheckpointError(f"{target} is damaged (its bytes do not fit its own sha256); {_REMOVE}")
    return state, tensors


_REMOVE = "remove it to begin this training anew"


def _header(content: bytes) -> dict[str, Any]:
    """The JSON object with which a safetensors file begins, after its length in 8 bytes."""
    return json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])


def _digest(state: str, tensors: "Mapping[str, torch.Tensor]") -> str:
    import torch

    digest = hashlib.sha256(state.encode())
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(json.dumps([name, str(tensor.dtype), list(tensor.shape)]).encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
