"""What a piece of work costs: seconds, and memory above what the process held before."""

import resource
import sys
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from personas.models.processor import peak_bytes

_EVERY = 0.01  # seconds between two looks at the memory
_STATM = Path("/proc/self/statm")


@dataclass
class Spent:
    """Filled in when the work is done.

    Attributes:
        seconds: wall clock.
        memory_gb: highest resident memory of the process while it ran, less that at its start, in 10^9 bytes.
        device_gb: highest memory of the GPU's tensors, less those at its start; 0 without a GPU.
    """

    seconds: float = 0.0
    memory_gb: float = 0.0
    device_gb: float = 0.0


@contextmanager
def watched() -> Generator[Spent]:
    """Measures the block below it.

    Resident memory is read from ``/proc`` every 10 ms in a thread of its own, so a peak shorter than that
    can be missed; where there is no ``/proc``, the growth of the process's all-time peak stands for it, which
    is 0 where earlier work went higher. Why not ``tracemalloc``: it does not see the memory of torch, and
    slows down what it measures.
    """
    spent = Spent()
    gpu = _gpu()
    before_device = 0
    if gpu is not None:
        gpu.reset_peak_memory_stats()
        before_device = gpu.memory_allocated()
    before = peak = _resident()
    done = threading.Event()

    def look() -> None:
        nonlocal peak
        while not done.wait(_EVERY):
            peak = max(peak, _resident())

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    start = time.perf_counter()
    try:
        yield spent
    finally:
        spent.seconds = time.perf_counter() - start
        done.set()
        thread.join()
        spent.memory_gb = max(0, max(peak, _resident()) - before) / 1e9
        if gpu is not None:
            spent.device_gb = max(0, peak_bytes("cuda") - before_device) / 1e9


def _resident() -> int:
    """Bytes that the process holds now; its all-time peak where that cannot be read."""
    if _STATM.exists():
        return int(_STATM.read_text(encoding="ascii").split()[1]) * resource.getpagesize()
    return peak_bytes()


def _gpu() -> Any:
    """The GPU's memory as torch accounts for it; ``None`` where torch is not loaded or has no GPU."""
    torch: Any = sys.modules.get("torch")
    return torch.cuda if torch is not None and torch.cuda.is_available() else None
