"""Where a language model runs and in which number format, chosen from what this machine can do."""

import functools
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from personas.errors import MirrorpanelError

DTYPES = ("float32", "bfloat16", "float16")
_SHORT = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}

# Below this bfloat16 is not worth its rounding; a CPU without the instructions is some 130 times slower.
_WORTH = 1.5
_SIZE, _REPEATS = 512, 4


class ProcessorError(MirrorpanelError):
    """The device or number format asked for is unknown or is not there."""


@dataclass(frozen=True)
class Processor:
    """A device and a number format.

    Attributes:
        device: ``cpu``, ``cuda`` or ``cuda:N``.
        dtype: name of the number format, one of ``DTYPES``.
        reason: why this format.
        gflops: matrix multiplication rate of one core in GFLOP/s by format; empty where not measured.
    """

    device: str
    dtype: str
    reason: str
    gflops: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def kind(self) -> str:
        """Device without its number, and number format: ``cuda bfloat16``."""
        return f"{self.device.partition(':')[0]} {self.dtype}"

    def describe(self) -> str:
        """One line for people: ``cpu, bfloat16 (avx512_bf16; 427 GFLOP/s a core against 85 in float32)``."""
        rates = ""
        if "bfloat16" in self.gflops:
            rates = "; {:.0f} GFLOP/s a core against {:.0f} in float32".format(
                self.gflops["bfloat16"], self.gflops["float32"]
            )
        return f"{self.device}, {self.dtype} ({self.reason}{rates})"


def choose(device: str | None = None, dtype: str | None = None) -> Processor:
    """The processor to use; what is not given is chosen.

    CUDA where there is one, in bfloat16 where it has that. On a CPU bfloat16 only where the processor has
    AMX or avx512_bf16 and a small timed multiplication really gains from it; float32 elsewhere.

    Raises:
        ProcessorError: an unknown name, or CUDA asked for where there is none.
    """
    asked = _known_dtype(dtype)
    place = _known_device(device)
    if asked is not None:
        return Processor(place, asked, "asked for")
    return _on_cuda(place) if place.startswith("cuda") else _on_cpu(place)


def free_bytes(device: str) -> int:
    """Memory free on a device, in bytes; of main memory what the system would give without swapping."""
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.mem_get_info(device)[0])
    import psutil

    return int(psutil.virtual_memory().available)


def peak_bytes(device: str = "cpu") -> int:
    """Largest memory of this process so far, in bytes: main memory, or that of its tensors on a GPU.

    What PyTorch has reserved on a GPU beyond its tensors is not in it: it is what earlier work left.
    """
    if device.startswith("cuda"):
        import torch

        return int(torch.cuda.max_memory_allocated(device))
    import resource  # not on every system

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def devices() -> list[str]:
    """The devices of this machine, those faster for a language model first."""
    import torch

    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    return [*(f"cuda:{n}" for n in range(there)), "cpu"]


def check_names(device: str | None, dtype: str | None) -> None:
    """Returns where both could be names; what this machine has is not asked. Raises: ProcessorError."""
    _known_dtype(dtype)
    kind, _, number = ("cpu" if device is None else device).partition(":")
    if kind not in ("cpu", "cuda") or (number and not number.isdecimal()) or device == "cpu:":
        raise ProcessorError(f"Unknown device {device!r}; choose from 'cpu', 'cuda', 'cuda:N'")


def check_there(device: str | None, dtype: str | None) -> None:
    """Returns where both are names of what this machine has; only a GPU that is named is looked for.

    Raises:
        ProcessorError: they are not.
    """
    check_names(device, dtype)
    if device is not None and device.startswith("cuda"):
        _known_device(device)


def _known_dtype(dtype: str | None) -> str | None:
    if dtype is None:
        return None
    name = _SHORT.get(dtype, dtype)
    if name not in DTYPES:
        allowed = ", ".join(repr(d) for d in (*DTYPES, *_SHORT))
        raise ProcessorError(
            f"Unknown dtype {dtype!r}; choose from {allowed}, or leave it out to have it chosen"
        )
    return name


def _known_device(device: str | None) -> str:
    import torch

    there = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device is None:
        return "cuda" if there else "cpu"
    check_names(device, None)
    kind, _, number = device.partition(":")
    if kind == "cuda" and int(number or 0) >= there:
        raise ProcessorError(
            f"Device {device!r} asked for, but PyTorch {torch.__version__} sees {there} CUDA devices here; "
            "use 'cpu', or install a PyTorch build with CUDA and its driver"
        )
    return "cpu" if kind == "cpu" else device


def _on_cuda(device: str) -> Processor:
    import torch

    name = torch.cuda.get_device_name(device)
    # Emulated bfloat16 (before Ampere) is no gain over float32.
    if torch.cuda.is_bf16_supported(including_emulation=False):
        return Processor(device, "bfloat16", name)
    return Processor(device, "float32", f"{name} has no bfloat16")


def _on_cpu(device: str) -> Processor:
    instructions = bf16_instructions()
    if instructions is None:
        return Processor(device, "float32", "this CPU has neither AMX nor avx512_bf16")
    rates = {name: matmul_rate(name) for name in ("float32", "bfloat16")}
    if rates["bfloat16"] >= _WORTH * rates["float32"]:
        return Processor(device, "bfloat16", instructions, MappingProxyType(rates))
    return Processor(device, "float32", f"{instructions} gains too little", MappingProxyType(rates))


def bf16_instructions() -> str | None:
    """Name of this CPU's instructions for bfloat16 matrices, ``None`` where it has none."""
    import torch

    # The one place that asks PyTorch's private names for CPU features; each is a function without arguments.
    tests = {"AMX": "_is_amx_tile_supported", "avx512_bf16": "_is_avx512_bf16_supported"}
    return next((name for name, test in tests.items() if getattr(torch.cpu, test)()), None)


@functools.cache
def matmul_rate(dtype: str) -> float:
    """GFLOP/s of one core multiplying small square matrices, the best of a few tries; some milliseconds."""
    import torch

    a = torch.ones((_SIZE, _SIZE), dtype=getattr(torch, dtype))
    best = float("inf")
    threads = torch.get_num_threads()
    # On a busy machine threads wait for each other longer than so small a product takes.
    torch.set_num_threads(1)
    try:
        for _ in range(_REPEATS + 1):  # the first one also sets up the kernels
            start = time.perf_counter()
            torch.mm(a, a)
            best = min(best, time.perf_counter() - start)
    finally:
        torch.set_num_threads(threads)
    return 2 * _SIZE**3 / best / 1e9
