"""Vectors of question-options, from features that stand still or from a language model in training."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from personas.arrays import FloatArray, IntArray
from personas.models.encoder import Branches, Encoder
from personas.models.factored import option_blocks
from personas.models.language import Below
from personas.models.tree import stack
from personas.prompt import option_text, question_text
from personas.question import Question
from training.gradients.backbone import Backbone

if TYPE_CHECKING:
    import torch


class VectorSource(Protocol):
    """Gives the vectors of some questions' options as they are at this moment of a training."""

    @property
    def fingerprint(self) -> str:
        """Hash of what the vectors come from."""
        ...

    def tensors(self) -> "Mapping[str, torch.Tensor]":
        """What is trained of it, by name; empty where the vectors stand still."""
        ...

    def vectors(self, questions: IntArray, *, gradients: bool) -> "torch.Tensor":
        """Vectors (n_layers, n_rows, dim) of the questions with these numbers, one after the other."""
        ...


@dataclass(frozen=True)
class FrozenVectors:
    """Features that were encoded once.

    Attributes:
        features: shape (n_layers, n_rows, dim), questions one after the other.
        blocks: rows of each question.
    """

    features: FloatArray
    blocks: Sequence[slice]

    @cached_property
    def fingerprint(self) -> str:
        """See ``VectorSource``."""
        content = np.ascontiguousarray(self.features, dtype=np.float32).tobytes()
        return hashlib.sha256(content).hexdigest()[:16]

    def tensors(self) -> "Mapping[str, torch.Tensor]":
        """See ``VectorSource``."""
        return {}

    def vectors(self, questions: IntArray, *, gradients: bool) -> "torch.Tensor":
        """See ``VectorSource``."""
        return self._tensor[:, block_rows([self.blocks[i] for i in map(int, questions)])]

    @cached_property
    def _tensor(self) -> "torch.Tensor":
        import torch

        return torch.tensor(np.asarray(self.features, dtype=np.float32))


@dataclass(frozen=True)
class LoraVectors:
    """Vectors read by a language model whose adapter is trained.

    What the layers below the first trained one make of a text never changes; it is computed once.

    Attributes:
        backbone: the model.
        layers: hidden states that vectors are taken from, as in ``Encoder``.
        questions: all questions that may be asked for.
        budget: tokens in one pass, padding included.
    """

    backbone: Backbone
    layers: tuple[int, ...]
    questions: tuple[Question, ...]
    budget: int = 2048
    _below: "dict[int, torch.Tensor]" = field(default_factory=dict[int, "torch.Tensor"])

    def __post_init__(self) -> None:
        first = self.backbone.settings.first
        if min(self.layers) < first:
            raise ValueError(f"layer {min(self.layers)} lies below the first trained one, {first}")

    @property
    def fingerprint(self) -> str:
        """See ``VectorSource``."""
        asked = [q.fingerprint for q in self.questions]
        content = "\n".join([self.backbone.fingerprint, repr(self.layers), *asked])
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def tensors(self) -> "Mapping[str, torch.Tensor]":
        """See ``VectorSource``."""
        return self.backbone.tensors()

    def vectors(self, questions: IntArray, *, gradients: bool) -> "torch.Tensor":
        """See ``VectorSource``; in training mode where ``gradients`` are wanted."""
        import torch

        numbers = [int(i) for i in questions]
        sizes = [len(self.questions[i].options) for i in numbers]
        starts = np.concatenate([[0], np.cumsum(sizes)])
        trees = [
            _Asked(int(start) + np.array(branch.rows), branch)
            for i, start in zip(numbers, starts[:-1], strict=True)
            for branch in self._branches[i]
        ]
        read: list[torch.Tensor] = []
        order: list[IntArray] = []
        for group in self._passes(trees):
            if gradients:
                with self.backbone.training():
                    read.append(self._read(group, gradients=True))
            else:
                with torch.no_grad():
                    read.append(self._read(group, gradients=False))
            order += [tree.rows for tree in group]
        places = torch.as_tensor(np.argsort(np.concatenate(order)), device=read[0].device)
        return torch.cat(read, dim=1)[:, places]

    def tokens(self, questions: IntArray) -> int:
        """Tokens that are read for these questions, without padding."""
        return sum(len(branch.tree) for i in map(int, questions) for branch in self._branches[i])

    @cached_property
    def _branches(self) -> list[list[Branches]]:
        encoder = Encoder(self.backbone.language, self.layers)
        return [
            encoder.branches([question_text(q)] * len(q.options), [option_text(o) for o in q.options])
            for q in self.questions
        ]

    def _passes(self, trees: "Sequence[_Asked]") -> "Iterator[list[_Asked]]":
        group: list[_Asked] = []
        for tree in sorted(trees, key=lambda t: len(t.branch.tree)):
            if group and len(tree.branch.tree) * (len(group) + 1) > self.budget:
                yield group
                group = []
            group.append(tree)
        if group:
            yield group

    def _read(self, group: "Sequence[_Asked]", *, gradients: bool) -> "torch.Tensor":
        """Mean over each option's own tokens, shape (n_layers, rows of the group, dim)."""
        import torch

        batch = stack([t.branch.tree for t in group], "right")
        language = self.backbone.language
        below = self._states_below(group, batch.ids.shape[1])
        states = language.hidden_states(batch, self.layers, gradients=gradients, below=below)
        longest = batch.ids.shape[1]
        places = [np.asarray(p) + k * longest for k, t in enumerate(group) for p in t.branch.places]
        sizes = torch.tensor([len(p) for p in places], device=states[0].device)
        at = torch.as_tensor(np.concatenate(places), device=states[0].device)
        row = torch.repeat_interleave(torch.arange(len(places), device=at.device), sizes)
        pooled: list[torch.Tensor] = []
        for state in states:
            own = state.reshape(-1, state.shape[2])[at]
            total = own.new_zeros((len(places), state.shape[2])).index_add(0, row, own)
            pooled.append(total / sizes[:, None])
        return torch.stack(pooled)

    def _states_below(self, group: "Sequence[_Asked]", longest: int) -> Below | None:
        first = self.backbone.settings.first
        if first == 0:
            return None
        import torch

        missing = [t for t in group if id(t.branch) not in self._below]
        if missing:
            batch = stack([t.branch.tree for t in missing], "right")
            (states,) = self.backbone.language.hidden_states(batch, (first,))
            for tree, state in zip(missing, states, strict=True):
                kept = state[: len(tree.branch.tree)].to(self.backbone.language.dtype)
                self._below[id(tree.branch)] = kept.clone()
        known = [self._below[id(t.branch)] for t in group]
        width = known[0].shape[1]
        whole = torch.zeros((len(group), longest, width), dtype=known[0].dtype, device=known[0].device)
        for k, state in enumerate(known):
            whole[k, : len(state)] = state
        return Below(first, whole)


@dataclass(frozen=True)
class _Asked:
    """A tree of one question, with the rows of the answer that it fills."""

    rows: IntArray
    branch: Branches


def block_rows(blocks: Sequence[slice]) -> IntArray:
    """Numbers of all rows of these blocks, one block after the other."""
    return np.concatenate([np.arange(b.start, b.stop, dtype=np.int64) for b in blocks])


def frozen(features: FloatArray, questions: Sequence[Question]) -> FrozenVectors:
    """The source of features (n_layers, n_rows, dim) of these questions."""
    return FrozenVectors(features, option_blocks(questions))
