"""Adapters for tone and vocabulary: LoRA on what people of a segment really wrote.

The loss is that of the answer's own tokens, up to the end of its line; person and question are read but not
learned to be written. Several answers are packed into one tree, in which those to the same question by people
of whom the same is known share what is read before them.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from pydantic import Field

from personas.arrays import FloatArray
from personas.document import Document
from personas.errors import DataError
from personas.models.language import LanguageModel
from personas.models.tree import ROOT, Segment, pack, stack
from personas.prompt import asked_text, option_text, person_text
from training.gradients import neutral, objectives
from training.gradients.backbone import Backbone
from training.gradients.distributed import WHOLE, Share
from training.gradients.engine import Group, Pass
from training.gradients.memory import Load
from training.gradients.open_ends import OpenEnd, OpenEnds

if TYPE_CHECKING:
    import torch

_SAMPLED = 200  # answers whose prompts are measured to estimate the memory


class GenerativeSettings(Document):
    """What one step sees, and what it minimises.

    Attributes:
        rate: learning rate at the top of the schedule.
        decay: weight decay.
        answers: read in one pass.
        parts: passes whose gradients make one step; with several processes they are shared out.
        tokens: of an answer, at most; what is longer is cut.
        neutral: weight of the divergence from the base on neutral text, 0 for none.
        drop: probability that an attribute is forgotten in a pass.
        drop_all: probability that all are.
    """

    rate: float = Field(default=2e-4, gt=0)
    decay: float = Field(default=0.0, ge=0)
    answers: int = Field(default=8, ge=1)
    parts: int = Field(default=1, ge=1)
    tokens: int = Field(default=96, ge=2)
    neutral: float = Field(default=0.0, ge=0)
    drop: float = Field(default=0.1, ge=0, le=1)
    drop_all: float = Field(default=0.1, ge=0, le=1)


@dataclass
class GenerativeObjective:
    """Trains a backbone's adapter on open answers; an ``Objective`` for the engine.

    Attributes:
        backbone: the language model with its adapter.
        data: answers to learn from, and answers to stop by.
        settings: see there.
        share: which parts are this process's.
    """

    backbone: Backbone
    data: OpenEnds
    settings: GenerativeSettings
    share: Share = WHOLE

    def __post_init__(self) -> None:
        if not self.data.training:
            raise DataError("training on open answers: there are none to learn from")
        self.share.check(self.settings.parts)
        for row in (*self.data.training, *self.data.held_out):
            check_length(self.backbone.language, row, self.settings.tokens)

    @property
    def fingerprint(self) -> str:
        """See ``Objective``."""
        rows = [(r.question, r.answer, sorted(r.attributes.items())) for r in self.data.training]
        away = [(r.question, r.answer, sorted(r.attributes.items())) for r in self.data.held_out]
        content = f"generative\n{self.backbone.fingerprint}\n{self.settings!r}\n{rows!r}\n{away!r}"
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def groups(self) -> Sequence[Group]:
        """See ``Objective``."""
        return [Group(self.backbone.tensors(), self.settings.rate, self.settings.decay)]

    def load(self) -> Load:
        """What the training takes from memory, for ``memory.check`` before it starts."""
        language, rows = self.backbone.language, self.data.training[:_SAMPLED]
        longest = max(len(language.tokens(prompt(row.question, row.attributes))) for row in rows)
        answers = min(self.settings.answers, len(self.data.training))
        tokens = answers * (longest + self.settings.tokens)
        return self.backbone.load_of(tokens, tokens, language.n_layers, vocabulary=True)

    def backward(self, episode: int, rng: np.random.Generator) -> Pass:
        """See ``Objective``: the parts of one step, of which this process takes its share."""
        parts = [(self._draw(rng), int(rng.integers(2**63))) for _ in range(self.settings.parts)]
        sentences = neutral.drawn(rng) if self.settings.neutral else ()
        language, most = self.backbone.language, self.settings.tokens
        whole = sum(len(_answer_tokens(language, row, most)) for rows, _ in parts for row in rows)
        loss = 0.0
        with self.backbone.training():
            for rows, seed in self.share.of(parts):
                objectives.seed(seed)
                loss += objectives.descend(self._likelihoods(rows).sum() / -whole)
            if sentences:
                objectives.seed(episode)
                term = neutral.divergence(self.backbone, sentences).mean()
                objectives.descend(self.settings.neutral / self.share.size * term)
        return Pass(self.share.total([loss])[0], sum(len(rows) for rows, _ in parts))

    def score(self) -> float | None:
        """Mean log-probability of a held-out answer's token, in nats; higher is better."""
        if not self.data.held_out:
            return None
        return log_probability(self.backbone.language, self.data.held_out, self.settings)[0]

    def _draw(self, rng: np.random.Generator) -> list[OpenEnd]:
        rows = self.data.training
        n = min(self.settings.answers, len(rows))
        drawn = [rows[int(i)] for i in rng.choice(len(rows), n, replace=False)]
        return [_forgetful(row, self.settings, rng) for row in drawn]

    def _likelihoods(self, rows: Sequence[OpenEnd]) -> "torch.Tensor":
        return _likelihoods(self.backbone.language, rows, self.settings.tokens)


def prompt(question: str, attributes: Mapping[str, str]) -> str:
    """What is read before an open answer begins, in the same words as before a closed one."""
    return person_text(attributes) + asked_text(question)


def log_probability(
    language: LanguageModel, rows: Sequence[OpenEnd], settings: GenerativeSettings
) -> tuple[float, int]:
    """Mean log-probability of a token of the answers, in nats, and how many tokens there are.

    Its negative's ``exp`` is the perplexity. Raises: ValueError without answers.
    """
    import torch

    if not rows:
        raise ValueError("a mean log-probability needs at least one answer")
    total, tokens = 0.0, 0
    ordered = sorted(rows, key=lambda row: len(row.answer))
    with torch.no_grad():
        for start in range(0, len(ordered), settings.answers):
            each = _likelihoods(language, ordered[start : start + settings.answers], settings.tokens)
            total, tokens = total + float(each.double().sum()), tokens + len(each)
    return total / tokens, tokens


def answer_scores(
    language: LanguageModel, rows: Sequence[OpenEnd], settings: GenerativeSettings
) -> FloatArray:
    """Log-probability of each row's whole answer, shape (n_rows,)."""
    import torch

    scores: list[float] = []
    together = 4 * settings.answers
    with torch.no_grad():
        for start in range(0, len(rows), together):
            part = rows[start : start + together]
            sizes = [len(_answer_tokens(language, row, settings.tokens)) for row in part]
            ends = np.cumsum(np.array(sizes, dtype=np.int64))
            each = _likelihoods(language, part, settings.tokens).double().cpu().numpy()
            scores += [float(own.sum()) for own in np.split(each, ends[:-1])]
    return np.array(scores, dtype=np.float64)


def _likelihoods(language: LanguageModel, rows: Sequence[OpenEnd], most: int) -> "torch.Tensor":
    """Log-probability of every token of the answers, one row after the other, shape (n_tokens,)."""
    segments: list[Segment] = []
    for row in rows:
        before = (*language.start, *language.tokens(prompt(row.question, row.attributes)))
        segments.append(Segment(ROOT, before))
        segments.append(Segment(len(segments) - 1, _answer_tokens(language, row, most), scored=True))
    tree = pack(segments)
    at = np.concatenate(tree.predictors[1::2])
    tokens = np.array([t for segment in segments[1::2] for t in segment.tokens], dtype=np.int64)
    return language.likelihoods(stack([tree], "right"), at, tokens)[0]


def _answer_tokens(language: LanguageModel, row: OpenEnd, most: int) -> tuple[int, ...]:
    """The answer with the end of its line, which says that it is over; cut where it is too long."""
    return language.tokens(f"{option_text(row.answer)}\n")[:most]


def _forgetful(row: OpenEnd, settings: GenerativeSettings, rng: np.random.Generator) -> OpenEnd:
    """The row with attributes of its person forgotten at random, as ``objectives.drop_attributes`` does."""
    names = tuple(row.attributes)
    codes = np.arange(len(names), dtype=np.int64)[None]
    kept = objectives.drop_attributes(codes, settings.drop, settings.drop_all, rng)[0]
    return row._replace(attributes={names[int(i)]: row.attributes[names[int(i)]] for i in kept[kept >= 0]})


def check_length(language: LanguageModel, row: OpenEnd, most: int) -> None:
    """Returns where person, question and answer can be read together. Raises: DataError."""
    before = len(language.start) + len(language.tokens(prompt(row.question, row.attributes)))
    if before + most > language.max_tokens:
        raise DataError(
            f"an open question with its person takes {before} tokens and its answer up to {most}; "
            f"{language.name} reads {language.max_tokens}: shorten the question {row.question[:80]!r}"
        )
