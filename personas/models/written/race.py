"""A token drawn from logits: a race that the same numbers win whatever the last bits of the logits are.

Every token ``k`` of a vocabulary gets an exponential time ``E_k`` of rate ``exp(s_k)``, and the first one is
drawn: its probability is its softmax. Inverting the distribution function would need one number instead of
one for each token, but a border between two tokens then moves with the probability of all before them, and
there are as many borders as tokens. Here only the first two count: the wrong one wins where they are as close
as the logits are wrong, and how close they are is known, so that such a draw can be looked at again.

Source: the race is the "Gumbel-max trick" (Maddison, Tarlow and Minka, "A* sampling", NeurIPS 2014); the
times are hashed from a given number by SplitMix64 (Steele, Lea and Flood, OOPSLA 2014).
"""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from personas.arrays import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import torch

_GOLDEN, _FIRST, _SECOND = (n - 2**64 for n in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))
_AT_ONCE = {"cpu": 2**17, "cuda": 2**26}  # tokens: on a CPU what its cache holds


class Drawn(NamedTuple):
    """Tokens that were drawn.

    Attributes:
        tokens: of each row, (n,).
        leads: how far each was ahead of the second, in nats; (n,).
    """

    tokens: IntArray
    leads: FloatArray


def draw(
    logits: "torch.Tensor", uniforms: FloatArray | None, temperature: float, allowed: BoolArray | None = None
) -> Drawn:
    """A token of each row's softmax.

    Args:
        logits: (n, vocabulary).
        uniforms: numbers in [0, 1) that decide, (n,); without them the likeliest tokens are taken.
        temperature: that logits are divided by.
        allowed: tokens that may be drawn, (n, vocabulary), at least one in each row; all where ``None``.
    """
    import torch

    together = max(1, _AT_ONCE[logits.device.type] // logits.shape[1])
    tokens: list[torch.Tensor] = []
    leads: list[torch.Tensor] = []
    for start in range(0, len(logits), together):
        rows = slice(start, start + together)
        scores = logits[rows].double() / temperature
        if uniforms is not None:
            scores -= _times(uniforms[rows], scores).log_()
        if allowed is not None:
            scores.masked_fill_(~torch.as_tensor(allowed[rows]).to(scores.device), -torch.inf)
        best, which = scores.topk(2, dim=1)
        tokens.append(which[:, 0])
        leads.append(best[:, 0] - best[:, 1])
    return Drawn(torch.cat(tokens).cpu().numpy(), torch.cat(leads).cpu().numpy())


def _times(uniforms: FloatArray, like: "torch.Tensor") -> "torch.Tensor":
    """Exponential times of rate one, (n, vocabulary), hashed from one number each."""
    import torch

    # The 53 bits of a number are its own name.
    seeds = torch.as_tensor((np.asarray(uniforms) * 2.0**53).astype(np.int64)).to(like.device)
    places = torch.arange(1, like.shape[1] + 1, device=like.device) * _GOLDEN
    mixed = _mixed(_mixed(seeds * 2**11 + _GOLDEN)[:, None] + places)
    parts = _shifted(mixed, 11).double().add_(0.5).mul_(2.0**-53)
    return parts.log_().neg_()


def _mixed(z: "torch.Tensor") -> "torch.Tensor":
    """SplitMix64's finaliser; whole numbers of 64 bits wrap around."""
    z = (z ^ _shifted(z, 30)) * _FIRST
    z = (z ^ _shifted(z, 27)) * _SECOND
    return z ^ _shifted(z, 31)


def _shifted(z: "torch.Tensor", bits: int) -> "torch.Tensor":
    """Shifted right, with zeros coming in: torch has signed numbers only."""
    return (z >> bits) & (2 ** (64 - bits) - 1)
