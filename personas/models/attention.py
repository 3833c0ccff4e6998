"""Attention over token trees: every token sees its own path, wherever the tokens of the path lie.

Registered with transformers as one more way to attend, so that models of any architecture use it.
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    import torch

    Memory = Sequence[tuple[torch.Tensor, torch.Tensor]]

NAME = "mirrorpanel"
SCORES = 1 << 26
"""Scores that are held at once, for all heads; above it the fused kernel, which holds none, is as fast."""


class Enough(Exception):
    """What was wanted has been computed; the rest of the forward pass is not needed."""


class Rows(NamedTuple):
    """Tokens of which several texts share some, put into one row for each text to attend, and back.

    Attributes:
        paths: for each text the places of its tokens, padded at the left with any, shape (B, P).
        back: for each token one of its places in the rows, counted row by row, shape (n_tokens,).
    """

    paths: "torch.Tensor"
    back: "torch.Tensor"


@dataclass
class Carried:
    """What one forward pass has before it and leaves behind it.

    Attributes:
        rows: where the tokens of texts that begin alike are read once; ``None`` where each row is a text.
        before: for each layer keys and values of what was read before, each (B, n_heads, P, width).
        kept: those of this pass, as far as they are kept.
        keep: how many layers' are kept, after which the pass ends; 0 where none are.
    """

    rows: Rows | None = None
    before: "Memory" = ()
    kept: "list[tuple[torch.Tensor, torch.Tensor]]" = field(default_factory=lambda: [])
    keep: int = 0


def register() -> None:
    """Makes ``NAME`` known to transformers."""
    attentions: Any = importlib.import_module("transformers.modeling_utils").ALL_ATTENTION_FUNCTIONS
    masks: Any = importlib.import_module("transformers.masking_utils")
    attentions.register(NAME, attend)
    masks.ALL_MASK_ATTENTION_FUNCTIONS.register(NAME, masks.sdpa_mask)


def attend(
    module: Any,
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    attention_mask: "torch.Tensor | None",
    carried: Carried | None = None,
    **others: Any,
) -> "tuple[torch.Tensor, torch.Tensor | None]":
    """Attention (B, T, n_heads, width) as transformers calls it; ``carried`` says what is shared.

    Args:
        module: the layer's attention.
        query: shape (B, n_heads, T, width); keys and values have as many heads or fewer.
        key: see ``query``.
        value: see ``query``.
        attention_mask: numbers to add to the scores, (B or 1, 1, T, keys), or none where all before is seen.
        carried: what was read before, and what is kept.
        others: what transformers gives besides.
    """
    import torch

    rows = None if carried is None else carried.rows
    if rows is not None:
        query, key, value = (_gathered(x, rows.paths) for x in (query, key, value))
    if carried is not None and carried.before:
        number: int = module.layer_idx
        keys, values = carried.before[number]
        key, value = torch.cat([keys, key], dim=2), torch.cat([values, value], dim=2)
    if carried is not None and carried.keep:
        carried.kept.append((key, value))
        if len(carried.kept) == carried.keep:
            raise Enough
    out = _attended(module, query, key, value, attention_mask, others)
    return out if rows is None else out.flatten(0, 1)[rows.back][None], None


def _gathered(x: "torch.Tensor", paths: "torch.Tensor") -> "torch.Tensor":
    """(1, n_heads, n_tokens, width) as rows (B, n_heads, P, width)."""
    return x[0].transpose(0, 1)[paths].transpose(1, 2)


def _attended(
    module: Any,
    query: "torch.Tensor",
    key: "torch.Tensor",
    value: "torch.Tensor",
    bias: "torch.Tensor | None",
    others: dict[str, Any],
) -> "torch.Tensor":
    """Attention, (B, T, n_heads, width)."""
    few = query[..., 0].numel() * key.shape[2] <= SCORES
    plain = others.get("softcap") is None and others.get("s_aux") is None
    here = query.device.type == "cpu" and not query.requires_grad
    if few and plain and here and bias is not None and bias.is_floating_point():
        scale: float = others.get("scaling") or float(query.shape[-1]) ** -0.5
        return grouped(query * scale, key, value, bias).transpose(1, 2)
    fused: Any = importlib.import_module("transformers.integrations.sdpa_attention").sdpa_attention_forward
    return fused(module, query, key, value, bias, **others)[0]


def grouped(
    query: "torch.Tensor", key: "torch.Tensor", value: "torch.Tensor", bias: "torch.Tensor"
) -> "torch.Tensor":
    """``softmax(query key' + bias) value``, shape of ``query`` (B, n_heads, T, width), which is scaled.

    The heads that share keys and values go into one product: on a CPU two to three times as fast for texts of
    some hundred tokens as the fused kernel, which works through them in small pieces.
    """
    import torch

    texts, heads, length, width = query.shape
    groups, keys = key.shape[1], key.shape[2]
    together = query.reshape(texts, groups, heads // groups * length, width)
    scores = torch.matmul(together, key.transpose(-1, -2)).view(texts, groups, -1, length, keys)
    scores += bias[:, :, None]
    weights = torch.softmax(scores, dim=-1).view(texts, groups, -1, keys)
    return torch.matmul(weights, value).view(texts, heads, length, width)
