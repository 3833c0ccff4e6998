"""Texts as vectors: means of a language model's hidden states."""

import textwrap
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from personas.arrays import FloatArray, IntArray
from personas.errors import DataError
from personas.models.shape import Pass, shape_of
from personas.models.texts import TooLong
from personas.models.tree import ROOT, Segment, Tree, pack, stack

if TYPE_CHECKING:
    from personas.models.language import LanguageModel

_SHOWN = 80  # characters of a text that is too long
# Tokens in one tree (attention grows with the square): texts that begin alike share one until it is full,
# the tails of one text until it is too long. Tokens in one forward pass: enough to keep the processor busy,
# few enough for the masks to stay small.
_FULL, _TREE_TOKENS = 128, 512
_PASS_TOKENS = {"cpu": 2048, "cuda": 16384}
# A pass of this part of the budget is large enough to be ended rather than padded by more than an eighth.
_ENOUGH, _PADDING = 4, 1 / 8


@dataclass(frozen=True)
class Branches:
    """A tree of texts that begin alike.

    Attributes:
        tree: the texts, packed.
        rows: numbers of the texts.
        places: for each of them the places in the tree that its mean goes over.
    """

    tree: Tree
    rows: tuple[int, ...]
    places: tuple[IntArray, ...]


class _Read(NamedTuple):
    """Tokens of a text, of what is read after it, and the numbers of the latter."""

    head: tuple[int, ...]
    ends: Sequence[tuple[int, ...]]
    rows: Sequence[int]


@dataclass(frozen=True)
class Encoder:
    """Encodes texts with some layers of a language model.

    Attributes:
        language: the model, frozen.
        layers: hidden states to take, from 0 (embeddings) to ``language.n_layers``.
    """

    language: "LanguageModel"
    layers: tuple[int, ...]

    def encode(self, texts: Sequence[str], tails: Sequence[str] | None = None) -> FloatArray:
        """Mean hidden state of each text, shape (n_layers, n_texts, dim), of float32 precision.

        Args:
            texts: what is read.
            tails: for each text what is read after it; the mean then goes over the tail's own tokens alone,
                read in the context of the text. An option, say, after its question. What several texts and
                tails begin with is read once. A text may be empty where it has a tail.

        Raises:
            ValueError: texts and tails differ in number.
            DataError: there is nothing to take the mean of, or a text is longer than the model can read.
        """
        if tails is None:
            texts, tails = [""] * len(texts), texts
        if len(tails) != len(texts):
            raise ValueError(f"{len(texts)} texts but {len(tails)} tails; each text needs its own")
        result = np.zeros((len(self.layers), len(texts), self.language.dim))
        for group in self._passes(self.branches(texts, tails)):
            self._encode(group, result)
        return result

    def passes(self, texts: Sequence[str], tails: Sequence[str]) -> list[Pass]:
        """The forward passes that ``encode`` would make of these texts, none of which is made."""
        shape, top = shape_of(self.language), max(self.layers)
        groups = self._passes(self.branches(texts, tails))
        return [shape.reading(len(g), max(len(b.tree) for b in g), top) for g in groups]

    def branches(self, texts: Sequence[str], tails: Sequence[str]) -> list[Branches]:
        """The texts as trees: the tails of one text side by side, texts that begin alike in one tree."""
        rows: dict[str, list[int]] = {}
        for row, text in enumerate(texts):
            rows.setdefault(text, []).append(row)
        read: list[_Read] = []
        for text, members in rows.items():
            head = self.language.tokens(text)
            ends = [self._tail(tails[row]) for row in members]
            # Before a tree is packed: its mask grows with the square of the tokens.
            self._refuse_long(text, len(head) + max(len(end) for end in ends))
            for chunk in _chunks([len(end) for end in ends], _TREE_TOKENS - len(head)):
                read.append(_Read(head, ends[chunk], members[chunk]))
        return [self._branch(together) for together in _together(read)]

    def _refuse_long(self, text: str, tokens: int) -> None:
        """Returns where the model reads so many tokens.

        Raises:
            TooLong: with the first words of the text. A tail may be what is known of a person, which stays
                out of messages.
        """
        depth = len(self.language.start) + tokens
        if depth > self.language.max_tokens:
            shown = f"what begins with {_beginning(text)!r}" if text else "it"
            raise TooLong(
                text,
                f"a text of {depth:,} tokens is too long for {self.language.name}, which reads "
                f"{self.language.max_tokens:,}; shorten {shown}",
            )

    def _branch(self, together: "Sequence[_Read]") -> Branches:
        segments: list[Segment] = []
        own: list[int] = []
        for read in together:
            parent = len(segments) if read.head else ROOT
            segments += [Segment(ROOT, read.head)] if read.head else []
            own += range(len(segments), len(segments) + len(read.ends))
            segments += [Segment(parent, end) for end in read.ends]
        tree = pack(segments).behind(self.language.start)
        rows = tuple(row for read in together for row in read.rows)
        return Branches(tree, rows, tuple(tree.places[number] for number in own))

    def _tail(self, text: str) -> tuple[int, ...]:
        tokens = self.language.tokens(text)
        if not tokens:
            raise DataError(f"there is nothing to encode in {text!r}; give it at least one word")
        return tokens

    def _passes(self, branches: list[Branches]) -> Iterator[list[Branches]]:
        """Trees of like length, as many together as one forward pass takes."""
        budget = _PASS_TOKENS[self.language.processor.device.partition(":")[0]]
        group: list[Branches] = []
        tokens = 0
        for branch in sorted(branches, key=lambda b: len(b.tree)):
            size = len(branch.tree) * (len(group) + 1)
            padded = size - tokens - len(branch.tree) > _PADDING * size and tokens * _ENOUGH >= budget
            if group and (size > budget or padded):
                yield group
                group, tokens = [], 0
            group.append(branch)
            tokens += len(branch.tree)
        if group:
            yield group

    def _encode(self, group: list[Branches], result: FloatArray) -> None:
        states = self.language.hidden_states(stack([b.tree for b in group], "right"), self.layers)
        for layer, state in enumerate(states):
            for number, branch in enumerate(group):
                own = state[number].cpu().numpy()
                for row, places in zip(branch.rows, branch.places, strict=True):
                    result[layer, row] = own[places].mean(axis=0)


def _beginning(text: str) -> str:
    """The first words of a text, on one line."""
    return textwrap.shorten(text, _SHOWN, placeholder=" ...") if " " in text else text[:_SHOWN]


def _together(read: Sequence[_Read]) -> Iterator[list[_Read]]:
    """Texts in their alphabetical order, as many at a time as a full tree holds."""
    group: list[_Read] = []
    tokens = 0
    for one in sorted(read, key=lambda r: r.head):
        size = len(one.head) + sum(len(end) for end in one.ends)
        new = size - _shared(group[-1].head, one.head) if group else size
        if group and tokens + new > _FULL:
            yield group
            group, tokens, new = [], 0, size
        group.append(one)
        tokens += new
    if group:
        yield group


def _shared(first: Sequence[int], second: Sequence[int]) -> int:
    """Tokens that both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(first, second, strict=False)))


def _chunks(lengths: Sequence[int], budget: int) -> Iterator[slice]:
    """Runs of items whose lengths add up to at most ``budget``; at least one item each."""
    start, total = 0, 0
    for number, length in enumerate(lengths):
        if number > start and total + length > budget:
            yield slice(start, number)
            start, total = number, 0
        total += length
    yield slice(start, len(lengths))
