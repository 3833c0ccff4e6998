"""Token trees: texts with shared beginnings packed into one sequence, where a token sees only its ancestors.

A causal language model reads a branch of the tree exactly as it would read that branch alone, because each
token attends to its own path and sits at the position that it has on this path. What several branches have
in common (a person, the wording that a battery of questions shares, the word with which two options begin)
is read once.

Source: the packing is that of tree attention in speculative decoding (Miao et al., "SpecInfer", ASPLOS
2024, section 4.2), used here for scoring rather than for decoding.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import numpy as np

from personas.arrays import BoolArray, IntArray

ROOT = -1


class Segment(NamedTuple):
    """A piece of text that continues an earlier one.

    Attributes:
        parent: index of the segment that it continues; ``ROOT`` where it begins a text.
        tokens: its token ids, at least one.
        scored: nothing reads on from its end, so its last token is predicted but need not be read.
    """

    parent: int
    tokens: tuple[int, ...]
    scored: bool = False


@dataclass(frozen=True)
class Tree:
    """A packed tree of ``T`` tokens.

    Attributes:
        ids: token ids, shape (T,); a parent comes before its children.
        positions: depth of each token on its own path, from 0, shape (T,).
        mask: whether the token of the row sees the token of the column, shape (T, T).
        places: for each segment the places of its own tokens (all but the last of a scored one).
        predictors: for each segment and each of its tokens the place whose output predicts that token;
            ``ROOT`` for the very first token of a text, which nothing predicts.
    """

    ids: IntArray
    positions: IntArray
    mask: BoolArray
    places: tuple[IntArray, ...]
    predictors: tuple[IntArray, ...]

    def __len__(self) -> int:
        return len(self.ids)

    def behind(self, prefix: Sequence[int]) -> "Tree":
        """The same tree read after ``prefix``, which becomes the beginning of every path.

        Its own places move up by ``len(prefix)``, and what had no predictor gets the prefix's last token.
        """
        n = len(prefix)
        mask = np.zeros((n + len(self), n + len(self)), dtype=np.bool_)
        mask[:n, :n] = np.tri(n, dtype=np.bool_)
        mask[n:, :n] = True
        mask[n:, n:] = self.mask
        return replace(
            self,
            ids=np.concatenate([np.asarray(prefix, dtype=np.int64), self.ids]),
            positions=np.concatenate([np.arange(n, dtype=np.int64), self.positions + n]),
            mask=mask,
            places=tuple(p + n for p in self.places),
            predictors=tuple(p + n for p in self.predictors),
        )


class Batch(NamedTuple):
    """Trees padded to one length: ids (B, T), positions (B, T), mask (B, T, T)."""

    ids: IntArray
    positions: IntArray
    mask: BoolArray


def pack(segments: Sequence[Segment]) -> Tree:
    """The tree of ``segments``; equal beginnings are merged token by token.

    Raises:
        ValueError: a segment has no tokens, or its parent is not an earlier segment that can be continued.
    """
    nodes = _Nodes()
    ends: list[int] = []
    places: list[IntArray] = []
    predictors: list[IntArray] = []
    for number, segment in enumerate(segments):
        _check(number, segment, segments)
        before = ROOT if segment.parent == ROOT else ends[segment.parent]
        own: list[int] = []
        predicted_by: list[int] = []
        read = len(segment.tokens) - int(segment.scored)
        for k, token in enumerate(segment.tokens):
            predicted_by.append(before)
            if k < read:
                before = nodes.child(before, token)
                own.append(before)
        ends.append(before)
        places.append(np.array(own, dtype=np.int64))
        predictors.append(np.array(predicted_by, dtype=np.int64))
    return nodes.tree(tuple(places), tuple(predictors))


def stack(trees: Sequence[Tree], side: Literal["left", "right"]) -> Batch:
    """The trees as one batch, padded at ``side``; a padding token sees only itself and nobody sees it."""
    longest = max(len(tree) for tree in trees)
    ids = np.zeros((len(trees), longest), dtype=np.int64)
    positions = np.zeros_like(ids)
    mask = np.zeros((len(trees), longest, longest), dtype=np.bool_)
    # A row that sees nothing would make the softmax of its attention undefined.
    mask[:, np.arange(longest), np.arange(longest)] = True
    for row, tree in enumerate(trees):
        start = longest - len(tree) if side == "left" else 0
        here = slice(start, start + len(tree))
        ids[row, here] = tree.ids
        positions[row, here] = tree.positions
        mask[row, here, here] = tree.mask
    return Batch(ids, positions, mask)


def _check(number: int, segment: Segment, segments: Sequence[Segment]) -> None:
    if not segment.tokens:
        raise ValueError(f"segment {number} has no tokens")
    if not ROOT <= segment.parent < number:
        raise ValueError(f"segment {number} has parent {segment.parent}; it must be {ROOT} or an earlier one")
    if segment.parent != ROOT and segments[segment.parent].scored:
        raise ValueError(f"segment {number} continues segment {segment.parent}, whose last token is not read")


class _Nodes:
    """The tokens of a tree while it grows."""

    def __init__(self) -> None:
        self._index: dict[tuple[int, int], int] = {}
        self._ids: list[int] = []
        self._parents: list[int] = []

    def child(self, parent: int, token: int) -> int:
        key = (parent, token)
        if key not in self._index:
            self._index[key] = len(self._ids)
            self._ids.append(token)
            self._parents.append(parent)
        return self._index[key]

    def tree(self, places: tuple[IntArray, ...], predictors: tuple[IntArray, ...]) -> Tree:
        n = len(self._ids)
        positions = np.zeros(n, dtype=np.int64)
        mask = np.eye(n, dtype=np.bool_)
        for node, parent in enumerate(self._parents):
            if parent != ROOT:
                positions[node] = positions[parent] + 1
                mask[node] |= mask[parent]
        return Tree(np.array(self._ids, dtype=np.int64), positions, mask, places, predictors)
