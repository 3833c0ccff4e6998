"""Which processor was chosen the last time that a language model was loaded, without loading anything.

Choosing takes PyTorch, and a timed multiplication. Who only wants to know which encodings would be made is
told what was chosen then, on the same machine with the same versions; loading a model chooses anew.
"""

import contextlib
import hashlib
import json
import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import NamedTuple

from pydantic import TypeAdapter

from personas import disk
from personas.models.processor import Processor

FILE = "processor.json"
_PACKAGES = ("torch", "transformers", "peft", "tokenizers")


class Chosen(NamedTuple):
    """What an encoding depends on of a processor: its kind, ``cpu`` or ``cuda``, and the number format."""

    kind: str
    dtype: str


_PAIRS = TypeAdapter(dict[str, tuple[str, str]])


def of(processor: Processor) -> Chosen:
    """What an encoding depends on of ``processor``."""
    return Chosen(processor.device.partition(":")[0], processor.dtype)


def remember(cache: Path, device: str | None, dtype: str | None, processor: Processor) -> None:
    """Notes in the cache folder what was chosen where ``device`` and ``dtype`` were asked for."""
    known, new = _known(cache), tuple(of(processor))
    key = _signature(device, dtype)
    if known.get(key) == new:
        return
    # A folder that cannot be written only costs choosing again.
    with contextlib.suppress(OSError):
        disk.replace(cache / FILE, json.dumps(known | {key: new}))


def remembered(cache: Path, device: str | None, dtype: str | None) -> Chosen | None:
    """What was chosen the last time; ``None`` where nothing is known for this machine and these versions."""
    found = _known(cache).get(_signature(device, dtype))
    return None if found is None else Chosen(*found)


def versions() -> list[str]:
    """The versions of the packages that run a language model; empty for one that is not there."""
    return [_version(name) for name in _PACKAGES]


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _signature(device: str | None, dtype: str | None) -> str:
    cards = sorted(path.name for path in Path("/dev").glob("nvidia*"))
    seen = os.environ.get("CUDA_VISIBLE_DEVICES")
    content = [platform.node(), platform.machine(), _cpu(), cards, seen, versions(), device, dtype]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def _cpu() -> str:
    """What the system calls the processor, and what it can do; empty where it does not say."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    wanted = ("model name", "flags", "Features")
    return "\n".join(next((line for line in lines if line.startswith(name)), "") for name in wanted)


def _known(cache: Path) -> dict[str, tuple[str, str]]:
    try:
        return _PAIRS.validate_json((cache / FILE).read_bytes())
    except (OSError, ValueError):
        return {}
