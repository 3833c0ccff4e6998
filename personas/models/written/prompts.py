"""Prompts read with what they begin alike read once: a tree of prefixes in front of what is written.

What all prompts of a call begin with is read once and kept. Of a batch, prompts are packed into trees in
which every shared beginning stands once (see ``personas.models.tree``), and each row then gets the keys and
values of its own path. Persons of whom the same is known have one prompt, however many they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from personas.arrays import IntArray
from personas.models.language import LanguageModel
from personas.models.tree import ROOT, Segment, pack
from personas.models.written.memory import Memory

if TYPE_CHECKING:
    import torch

Prompt = tuple[int, ...]
# Tokens in one packed pass. Tokens of other branches are multiplied and masked out, so it must not grow.
_PACKED = {"cpu": 512, "cuda": 4096}


class Opened(NamedTuple):
    """A batch whose prompts are read.

    Attributes:
        memory: with room for what is written.
        logits: of the first token of each row, (rows, vocabulary), in float32.
    """

    memory: Memory
    logits: "torch.Tensor"


@dataclass(frozen=True)
class Stem:
    """What all prompts of a call begin with, read once.

    Attributes:
        language: that reads.
        length: tokens of it; none is fine.
        memory: that holds it.
    """

    language: LanguageModel
    length: int
    memory: Memory

    @staticmethod
    def of(language: LanguageModel, prompts: Sequence[Prompt]) -> "Stem":
        """The stem of some prompts, each of which keeps a last token of its own."""
        first, last = min(prompts), max(prompts)
        most = min(len(prompt) for prompt in prompts) - 1
        unlike = (n for n in range(most) if first[n] != last[n])
        length = next(unlike, most)
        memory = Memory(language, 1, length)
        if length:
            ids = np.array([first[:length]], dtype=np.int64)
            positions = np.arange(length, dtype=np.int64)[None]
            see = np.tri(length, dtype=np.bool_)[None]
            memory.read(ids, positions, see, np.array([length - 1]))
        return Stem(language, length, memory)

    def open(self, prompts: Sequence[Prompt], most: int) -> Opened:
        """Reads the prompts of a batch, with room for ``most`` tokens behind each."""
        import torch

        different = sorted(set(prompts))
        longest = max(len(prompt) for prompt in different)
        memory = Memory(self.language, len(prompts), longest + most)
        rows: dict[Prompt, list[int]] = {}
        for row, prompt in enumerate(prompts):
            rows.setdefault(prompt, []).append(row)
        # The longest comes first, since all rows are to end at its last column.
        parts = sorted(self._parts(different), key=lambda part: -max(map(len, part)))
        found: dict[int, torch.Tensor] = {}
        for part in parts:
            read, paths, logits = self._read(part)
            into = [row for prompt in part for row in rows[prompt]]
            which = [at for at, prompt in enumerate(part) for _ in rows[prompt]]
            memory.receive(into, read, [paths[at] for at in which])
            found |= {row: logits[at] for row, at in zip(into, which, strict=True)}
        return Opened(memory, torch.stack([found[row] for row in range(len(prompts))]))

    def _parts(self, prompts: Sequence[Prompt]) -> list[list[Prompt]]:
        """Neighbours in order, as many as one pass takes."""
        most = _PACKED[self.language.processor.device.partition(":")[0]]
        parts: list[list[Prompt]] = []
        taken, last = most, ()
        for prompt in prompts:
            new = len(prompt) - _alike(prompt, last, self.length)
            if taken + new > most:
                parts.append([])
                taken, new = 0, len(prompt) - self.length
            parts[-1].append(prompt)
            taken, last = taken + new, prompt
        return parts

    def _read(self, prompts: Sequence[Prompt]) -> "tuple[Memory, list[IntArray], torch.Tensor]":
        """Prompts read as one tree: its memory, each prompt's columns in it, and logits behind each."""
        stem = self.length
        tree = pack([Segment(ROOT, prompt[stem:]) for prompt in prompts])
        memory = self.memory.fork(len(tree))
        ends = np.array([own[-1] for own in tree.places], dtype=np.int64)
        logits = memory.read(tree.ids[None], tree.positions[None] + stem, tree.mask[None], ends)[0]
        before = np.arange(stem, dtype=np.int64)
        return memory, [np.concatenate([before, own + stem]) for own in tree.places], logits


def _alike(one: Prompt, other: Prompt, known: int) -> int:
    """Tokens that two prompts begin with, of which ``known`` are known."""
    most = min(len(one), len(other))
    return next((n for n in range(known, most) if one[n] != other[n]), max(most, known))
