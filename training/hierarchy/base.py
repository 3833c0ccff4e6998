"""What every fit is made on: the language model underneath, and somebody to report to."""

from collections.abc import Callable
from dataclasses import dataclass

from personas.models.factored import TextEncoder

Report = Callable[[str], None]
"""Called with a line for each step."""


@dataclass(frozen=True)
class BaseModel:
    """The language model underneath: how to find it again, and its encoder.

    ``weights`` hashes its weights alone, whatever the number format it runs in. ``lora`` is the folder that a
    LoRA adapter in it will have inside the persona model's; empty without one.
    """

    name: str
    fingerprint: str
    layers: tuple[int, ...]
    encoder: TextEncoder
    weights: str = ""
    lora: str = ""
