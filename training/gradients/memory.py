"""How much memory a training will need, and whether it is there: asked before the start."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from personas.errors import MirrorpanelError

_GIB = 1 << 30
# Of the memory free, what a run may plan for; the rest is for what no formula knows.
_USABLE = 0.9
# Copies of a layer's activations kept for its gradient, in widths of the hidden state and of the inner one:
# norms, q, k, v, attention and projections; gate, up, their product and the activation.
_HIDDEN_COPIES, _INNER_COPIES = 10.0, 4.0
_SHORTEST = 32  # tokens; no person and question fit into fewer
_STATIC_GIB = 0.7  # interpreter, PyTorch and tokenizer


class OutOfMemory(MirrorpanelError):
    """A training does not fit into memory, or ran out of it."""


@dataclass(frozen=True)
class Load:
    """What decides how much memory a training takes.

    Attributes:
        parameters: of the base model.
        weight_bytes: for each of them: 4 in float32, 2 in bfloat16, .5 in 4 bits.
        trained: parameters that are trained; each has a weight, a gradient and two moments in float32,
            and the best weights so far are kept.
        layers: that gradients go through.
        hidden: width of a hidden state.
        inner: width between the two halves of a layer's feed-forward part.
        heads: attention heads.
        tokens: in one forward pass that keeps its activations; ``longest`` in one of its sequences.
        longest: see ``tokens``.
        vocabulary: rows of the output matrix where the objective reads logits, else 0.
        checkpointed: activations are computed again for the gradient instead of kept.
        number_bytes: for each activation: 4 in float32, 2 under autocast.
        other: bytes for data, masks and the objective itself.
    """

    parameters: int
    weight_bytes: float
    trained: int
    layers: int
    hidden: int
    inner: int
    heads: int
    tokens: int
    longest: int
    vocabulary: int = 0
    checkpointed: bool = False
    number_bytes: int = 4
    other: int = 0

    def bytes(self) -> float:
        """Memory that the training takes at its peak, in bytes."""
        base = self.parameters * self.weight_bytes + 20.0 * self.trained + self.other
        layer = self.tokens * self.number_bytes * (_HIDDEN_COPIES * self.hidden + _INNER_COPIES * self.inner)
        # Attention under a mask keeps its scores where no fused kernel takes the mask.
        layer += self.tokens * self.longest * self.heads * self.number_bytes
        kept = self.tokens * self.hidden * 4.0
        activations = layer + self.layers * kept if self.checkpointed else layer * self.layers
        logits = 2.0 * 4 * self.tokens * self.vocabulary
        return base + activations + logits + _STATIC_GIB * _GIB


def check(load: Load, available: float, smaller_models: Sequence[tuple[str, int]] = ()) -> float:
    """Bytes that the training is expected to take, where they fit into ``available``.

    Args:
        load: the training.
        available: bytes free, from ``processor.free_bytes``.
        smaller_models: names and parameters of other bases that could be named in the refusal.

    Raises:
        OutOfMemory: it would not fit; names each single change that would make it fit.
    """
    needed = load.bytes()
    if needed <= _USABLE * available:
        return needed
    options = _that_fit(load, _USABLE * available, smaller_models)
    advice = "; it would fit with " + " or ".join(options) if options else "; no single change makes it fit"
    raise OutOfMemory(
        f"This training needs about {needed / _GIB:.1f} GiB and {available / _GIB:.1f} GiB are free{advice}"
    )


def _that_fit(load: Load, limit: float, smaller: Sequence[tuple[str, int]]) -> list[str]:
    found = _fewer_tokens(load, limit)
    if not load.checkpointed and replace(load, checkpointed=True).bytes() <= limit:
        found.append("activation checkpointing")
    layers = load.layers
    while layers > 1 and replace(load, layers=layers).bytes() > limit:
        layers -= 1
    if layers < load.layers and replace(load, layers=layers).bytes() <= limit:
        found.append(f"gradients through {layers} layers instead of {load.layers}")
    for name, parameters in smaller:
        shrink = (parameters / load.parameters) ** 0.5
        other = replace(
            load, parameters=parameters, hidden=round(load.hidden * shrink), inner=round(load.inner * shrink)
        )
        if parameters < load.parameters and other.bytes() <= limit:
            found.append(f"the base model {name}")
            break
    return found


def _fewer_tokens(load: Load, limit: float) -> list[str]:
    """Fewer sequences in a batch where that is enough, else shorter ones; in one line at most."""
    tokens = load.tokens
    while tokens // 2 >= load.longest:
        tokens //= 2
        if replace(load, tokens=tokens).bytes() <= limit:
            return [f"a batch of {tokens:,} tokens instead of {load.tokens:,}"]
    longest = load.longest
    while longest // 2 >= _SHORTEST:
        longest //= 2
        shorter = replace(load, tokens=load.tokens * longest // load.longest, longest=longest)
        if shorter.bytes() <= limit:
            noun = "a batch" if load.tokens == load.longest else "sequences"
            return [f"{noun} of {longest:,} tokens instead of {load.longest:,}"]
    return []


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out, on any device."""
    if isinstance(error, MemoryError):  # first: with no memory left nothing can be imported
        return True
    if not isinstance(error, RuntimeError):
        return False
    import torch

    return isinstance(error, torch.OutOfMemoryError) or "can't allocate memory" in str(error)
