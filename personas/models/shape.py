"""What a forward pass costs, worked out from the shape of a language model without running it."""

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from personas.models.attention import SCORES

if TYPE_CHECKING:
    from personas.models.language import LanguageModel

# Copies of a pass's states alive at once: residual, norm, q, k, v, attention; gate, up and their product.
_HIDDEN_COPIES, _INNER_COPIES = 6.0, 3.0
# Float32 copies of the logits: as the output matrix gives them, as float32, and what is summed up of them.
_LOGIT_COPIES = 3.0
# Copies of the scores of attention: as they are, and what the softmax makes of them.
_SCORE_COPIES = 2.0


class Pass(NamedTuple):
    """A forward pass.

    Attributes:
        tokens: that are read in it, padding included.
        flops: floating point operations, a multiplication and an addition counted as two.
        bytes: that it needs at its peak beside the weights.
    """

    tokens: int
    flops: float
    bytes: float


@dataclass(frozen=True)
class Shape:
    """The sizes that a pass's cost follows from.

    Attributes:
        layers: of the model.
        layer_parameters: weights of one layer.
        attention: width of all heads together.
        heads: of attention.
        hidden: width of a hidden state.
        inner: width between the two halves of a layer's feed-forward part.
        vocabulary: rows of the output matrix.
        parameters: all weights.
        number_bytes: of each number in a pass.
        weight_bytes: that all weights take in memory.
    """

    layers: int
    layer_parameters: int
    attention: int
    heads: int
    hidden: int
    inner: int
    vocabulary: int
    parameters: int
    number_bytes: int
    weight_bytes: int

    def reading(self, rows: int, length: int, layers: int | None = None, places: int = 0) -> Pass:
        """A pass over ``rows`` texts of ``length`` tokens, in which each token attends to its whole text.

        Args:
            rows: texts read side by side, padded to one length.
            length: tokens of each.
            layers: that are computed; all where it is ``None``.
            places: in each text whose next token is predicted.

        Worked: 2 texts of 10 tokens, 3 layers of 100 weights, attention of 4, no places ->
        20 * 3 * (200 + 160) = 21,600.
        """
        return self.forward(rows * length, rows * length, length, layers, rows * places)

    def forward(self, tokens: int, queries: int, keys: int, layers: int | None = None, read: int = 0) -> Pass:
        """A pass over ``tokens`` tokens.

        ``flops = layers * (2 * tokens * weights of a layer + 4 * queries * keys * attention)
        + 2 * read * hidden * vocabulary``; norms and softmax are left out.

        Args:
            tokens: that go through the layers.
            queries: tokens that attend, padding included; more than ``tokens`` where texts share some.
            keys: tokens that each of them attends to.
            layers: that are computed; all where it is ``None``.
            read: places whose next token is predicted.
        """
        depth = self.layers if layers is None else layers
        flops = depth * (2.0 * tokens * self.layer_parameters + 4.0 * queries * keys * self.attention)
        flops += 2.0 * read * self.hidden * self.vocabulary
        states = self.number_bytes * (_HIDDEN_COPIES * self.hidden + _INNER_COPIES * self.inner)
        masks = keys * (2.0 + self.number_bytes)
        scores = _SCORE_COPIES * min(self.heads * queries * keys, SCORES) * self.number_bytes
        held = tokens * states + queries * masks + scores + _LOGIT_COPIES * 4.0 * read * self.vocabulary
        return Pass(tokens, flops, held)


def stored_parameters(folder: Path) -> int:
    """Weights in the safetensors files of a folder, as their headers say; 0 where it has none.

    Source: the safetensors format, whose first 8 bytes are the length of a JSON header with all shapes.
    """
    total = 0
    for path in sorted(folder.glob("*.safetensors")):
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            header: dict[str, Any] = json.loads(file.read(length))
        shapes: list[list[int]] = [t["shape"] for name, t in header.items() if name != "__metadata__"]
        total += sum(math.prod(shape) for shape in shapes)
    return total


def shape_of(language: "LanguageModel") -> Shape:
    """The shape of a loaded model."""
    model: Any = language._model  # pyright: ignore[reportPrivateUsage]
    config: Any = model.config
    heads = int(config.num_attention_heads)
    width: int | None = getattr(config, "head_dim", None)
    every: list[Any] = list(model.parameters())
    first: Any = model.base_model.layers[0]
    return Shape(
        layers=language.n_layers,
        layer_parameters=sum(int(p.numel()) for p in first.parameters()),
        attention=heads * (width or language.dim // heads),
        heads=heads,
        hidden=language.dim,
        inner=int(config.intermediate_size),
        vocabulary=int(config.vocab_size),
        parameters=sum(int(p.numel()) for p in every),
        number_bytes=int(model.dtype.itemsize),
        weight_bytes=sum(int(p.numel()) * int(p.element_size()) for p in every),
    )
