"""How fast this machine multiplies matrices: the rate that other work is held against."""

import importlib
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

from personas.models.processor import bf16_instructions

_SIZES = {"cpu": (1024, 2048, 4096), "cuda": (4096, 8192, 16384)}
_SECONDS = 0.5


class Product(NamedTuple):
    """Square matrices of one size and number format on a device, and FLOP/s of multiplying them."""

    device: str
    dtype: str
    size: int
    rate: float

    def again(self) -> "Product":
        """The same product, measured now."""
        return measured(self.device, self.dtype, self.size)

    def describe(self) -> str:
        """One line for people."""
        return (
            f"{self.size} x {self.size} matrices in {self.dtype} on {self.device}, all cores that PyTorch "
            f"uses, for {_SECONDS:g} s after a first one; an addition and a multiplication are two operations"
        )


def best(device: str) -> Product:
    """The fastest of the formats and sizes tried: the machine's own rate."""
    kind = device.partition(":")[0]
    tried = [measured(device, dtype, n) for dtype in _formats(kind) for n in _SIZES[kind]]
    return max(tried, key=lambda product: product.rate)


def measured(device: str, dtype: str, size: int) -> Product:
    """The rate of half a second of products; see ``Product.describe``."""
    torch: Any = importlib.import_module("torch")
    a = torch.randn((size, size), device=device).to(getattr(torch, dtype))
    b = torch.randn((size, size), device=device).to(getattr(torch, dtype))
    out = torch.mm(a, b)
    _wait(torch, device)
    started, done = time.perf_counter(), 0
    while True:
        torch.mm(a, b, out=out)
        done += 1
        _wait(torch, device)
        seconds = time.perf_counter() - started
        if seconds >= _SECONDS:
            return Product(device, dtype, size, done * 2.0 * size**3 / seconds)


def middle(rates: Sequence[float]) -> float:
    """The median of rates measured over a run."""
    ordered = sorted(rates)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


def _formats(kind: str) -> tuple[str, ...]:
    """Formats that are tried: bfloat16 without instructions for it takes a hundred times as long."""
    if kind == "cuda":
        return ("float16", "bfloat16")
    return ("float32",) if bf16_instructions() is None else ("float32", "bfloat16")


def _wait(torch: Any, device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize()
