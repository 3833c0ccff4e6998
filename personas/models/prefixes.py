"""Texts read once, for other texts to be read behind them: what they share, and who sees what.

Persons whose texts begin alike share these beginnings: their tokens go through the layers once. Attention
alone goes text by text.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from personas.arrays import BoolArray, IntArray
from personas.models.tree import Batch, Tree

if TYPE_CHECKING:
    import torch


class Sight(NamedTuple):
    """Which tokens see which.

    Attributes:
        allowed: whether the token of the row sees that of the column, (B or 1, n_queries, n_keys).
        queries: position of each token that sees, (B, n_queries).
        keys: position of each token that is seen, (B, n_keys).
    """

    allowed: BoolArray
    queries: IntArray
    keys: IntArray

    @staticmethod
    def of(batch: Batch) -> "Sight":
        """Of trees that are read with nothing before them."""
        return Sight(batch.mask, batch.positions, batch.positions)

    def within(self, window: int) -> BoolArray:
        """``allowed`` where attention reaches back less than ``window`` tokens."""
        near = self.queries[:, :, None] - self.keys[:, None, :] < window
        return self.allowed & near


class Shared(NamedTuple):
    """Texts of which each beginning is there once.

    Attributes:
        ids: token ids, shape (n_tokens,).
        positions: of each, shape (n_tokens,).
        paths: for each text the places of its tokens, padded at the left with place 0, shape (B, P).
        back: for each token one of its places in ``paths``, counted row by row, shape (n_tokens,).
        lengths: tokens of each text, shape (B,).
    """

    ids: IntArray
    positions: IntArray
    paths: IntArray
    back: IntArray
    lengths: IntArray

    @staticmethod
    def of(texts: Sequence[Sequence[int]]) -> "Shared":
        """The texts merged token by token. Raises: ValueError where one is empty."""
        if not texts or not all(texts):
            raise ValueError("there must be texts, and each needs at least one token")
        lengths = np.array([len(text) for text in texts], dtype=np.int64)
        longest = int(lengths.max())
        paths = np.zeros((len(texts), longest), dtype=np.int64)
        found: dict[tuple[int, int], int] = {}
        back: list[int] = []
        for row, text in enumerate(texts):
            before = -1
            for place, token in enumerate(text, start=longest - len(text)):
                before = found.setdefault((before, token), len(back))
                if before == len(back):
                    back.append(row * longest + place)
                paths[row, place] = before
        first = np.array(back, dtype=np.int64)
        ids = np.array([token for _, token in found], dtype=np.int64)
        positions = first % longest - (longest - lengths)[first // longest]
        return Shared(ids, positions, paths, first, lengths)

    def sight(self) -> Sight:
        """Each token sees what stands before it in its text; padding sees only itself."""
        places = _places(self.lengths)
        seen = (places >= 0)[:, None, :] & np.tri(places.shape[1], dtype=np.bool_)
        return Sight(seen | np.eye(places.shape[1], dtype=np.bool_), places, places)


@dataclass(frozen=True)
class Prefixes:
    """Texts that a model has read.

    Attributes:
        lengths: tokens of each, shape (B,).
        memory: for each layer keys and values, each (B, n_heads, P, width), padded at the left.
    """

    lengths: IntArray
    memory: "list[tuple[torch.Tensor, torch.Tensor]]"

    def sight(self, tree: Tree) -> Sight:
        """Each token of the tree, read behind each text, sees the text and its own path."""
        places = _places(self.lengths)
        queries = self.lengths[:, None] + tree.positions
        own = np.broadcast_to(tree.mask, (len(places), *tree.mask.shape))
        seen = np.broadcast_to((places >= 0)[:, None, :], (len(places), len(tree), places.shape[1]))
        if np.all(self.lengths == self.lengths[0]):
            own, seen = own[:1], seen[:1]
        keys = np.concatenate([places, queries], axis=1)
        return Sight(np.concatenate([seen, own], axis=2), queries, keys)


def _places(lengths: IntArray) -> IntArray:
    """Position of each place of texts that are padded at the left, below 0 for the padding, (B, P)."""
    longest = int(lengths.max())
    return np.arange(longest)[None, :] - (longest - lengths)[:, None]
