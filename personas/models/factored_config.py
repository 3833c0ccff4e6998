"""What is written beside the tensors of a factored model."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
from numpy.typing import NDArray

from personas.document import Document
from personas.errors import DataError
from personas.models.head import Kernels
from personas.models.persons import Attribute
from personas.prompt import PROMPT_VERSION
from personas.question import Question

FORMAT = 4


class ContextQuestion(Document):
    """A question of a reference adapter: enough to learn from it, its wording left out.

    Attributes:
        source: the survey that it was asked in.
        name: what that survey calls it.
        fingerprint: ``Question.fingerprint``, by which the very same question is recognised.
        options: how many.
        scale: as in ``Question``.
    """

    source: str
    name: str
    fingerprint: str
    options: int
    scale: Literal["ordinal", "nominal"]


class FactoredConfig(Document):
    """Everything about a factored model that is not a number in a tensor.

    ``questions`` were answered by the people trained on, ``context`` by those of the reference adapter.
    ``kernels`` are those over all of them; new questions near to ``questions`` are answered from these alone
    by ``own_kernels``, where that was found to be better. ``lora`` is the folder of a LoRA adapter that the
    language model reads with, inside the model's own; empty without one.
    """

    format: int = FORMAT
    name: str
    base_model: str
    base_fingerprint: str
    base_weights: str = ""
    lora: str = ""
    layers: tuple[int, ...]
    prompt_version: str = PROMPT_VERSION
    questions: tuple[Question, ...]
    context: tuple[ContextQuestion, ...] = ()
    reference: str = ""
    attributes: tuple[Attribute, ...]
    text: float
    kernels: Kernels
    own_kernels: Kernels | None = None
    split: str
    seed: int


def format_of(text: str) -> object:
    """The format that a configuration states, whatever else is in it. Raises: ValueError for no object."""
    content: object = json.loads(text)
    if not isinstance(content, dict):
        raise ValueError(f"the configuration must be a JSON object, found a {type(content).__name__}")
    return cast(dict[str, object], content).get("format")


def unreadable(folder: Path, error: Exception) -> DataError:
    """The refusal of a folder whose files cannot be read."""
    return DataError(
        f"{folder} holds no persona model that can be read: {error}; restore the folder from a backup, "
        "or train it again"
    )


def refuse_no_numbers(file: Path, tensors: Mapping[str, NDArray[Any]]) -> None:
    """Returns where all weights are finite. Raises: DataError naming the first tensor with others."""
    for name, tensor in tensors.items():
        wrong = int(np.sum(~np.isfinite(tensor)))
        if wrong:
            raise DataError(
                f"{file.parent} holds no persona model that can be used: {wrong:,} of {tensor.size:,} "
                f"weights of tensor {name!r} in {file.name} are NaN or infinite; restore the file from a "
                "backup, or train it again"
            )
