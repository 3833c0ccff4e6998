"""Texts drawn from a language model: the one place where it writes instead of weighing what is written.

Prompts are read with what they share read once (``written.prompts``); rows then write a token each in step,
and leave the batch where their line ends. Every draw has a number of its own, so that a text is a function of
prompt and numbers. Logits differ in their last bits with the batch that they are computed in: in float32 a
draw that these could decide (``written.race``) is decided by logits of the text read alone, so that texts are
the same in any batch. In bfloat16 the last bits are coarse, and texts may differ from there on.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from personas.arrays import BoolArray, FloatArray, IntArray
from personas.models.language import LanguageModel
from personas.models.processor import free_bytes
from personas.models.written.memory import Memory, bytes_per_token, vocabulary
from personas.models.written.prompts import Prompt, Stem
from personas.models.written.race import draw

if TYPE_CHECKING:
    import torch

# Rows at most: more gain nothing on a CPU, and the first texts come later.
_ROWS = {"cpu": 64, "cuda": 512}
_SHARE_OF_FREE, _MOST_BYTES = 0.25, {"cpu": 2 * 2**30, "cuda": 64 * 2**30}
_LOGIT_BYTES = 12  # of a token's logit, in float32: as the model gives it, taken apart, put together
_LENGTHS = 64  # prompts within so many tokens of each other are read together
_LEAVE = 0.75  # finished rows leave once so few of the batch are left
# Logits of SmolLM2 in float32 differ between batches by 4e-5 at most.
_CLOSE = 5e-4


class Continued(NamedTuple):
    """What was written behind a prompt.

    Attributes:
        text: without blanks around it, up to the end of the line.
        ended: the model ended it; otherwise it was cut at the limit of tokens.
    """

    text: str
    ended: bool


class Guide(Protocol):
    """Keeps what is written in a form; one text for each row of the call."""

    def allowed(self, rows: Sequence[int]) -> BoolArray:
        """Which tokens may come next in these rows, (n_rows, vocabulary)."""
        ...

    def take(self, row: int, token: int) -> bool:
        """Notes the token that came; whether the text is complete with it."""
        ...


def continuations(
    language: LanguageModel,
    prompts: Sequence[str],
    most: int,
    rng: np.random.Generator | None,
    temperature: float = 1.0,
    batch: int | None = None,
) -> list[str]:
    """What the model writes behind each prompt up to the end of the line, without blanks around it.

    Tokens are drawn from the model's whole distribution, so that what is rare in it stays as rare in the
    texts. A prompt's text depends on its own draws only, not on the batch that it is read in.

    Args:
        language: the model, with its adapter where it has one.
        prompts: texts to continue.
        most: tokens written at most.
        rng: of the draws; ``None`` takes the most likely token each time.
        temperature: below 1 makes the likely likelier.
        batch: prompts written together; as many as memory allows where ``None``.

    Raises:
        ValueError: a temperature of 0 or less, or fewer tokens than 1.
    """
    uniforms = None if rng is None else rng.random((len(prompts), max(most, 1)))
    ids = [(*language.start, *language.tokens(prompt)) for prompt in prompts]
    texts = [""] * len(prompts)
    for rows, written in continued(language, ids, most, uniforms, temperature, batch):
        for row, one in zip(rows, written, strict=True):
            texts[row] = one.text
    return texts


def continued(
    language: LanguageModel,
    prompts: Sequence[Prompt],
    most: int,
    uniforms: FloatArray | None,
    temperature: float = 1.0,
    batch: int | None = None,
    guide: Guide | None = None,
) -> Iterator[tuple[list[int], list[Continued]]]:
    """Texts behind prompts given as token ids, batch by batch as they are finished: rows and their texts.

    Args:
        language: the model, with its adapter where it has one.
        prompts: token ids, at least one each.
        most: tokens written at most.
        uniforms: numbers in [0, 1) that tokens are drawn with, (n_prompts, most); ``None`` takes the most
            likely token each time.
        temperature: below 1 makes the likely likelier.
        batch: prompts written together; as many as memory allows where ``None``.
        guide: keeps the texts in a form; the draws are the same, among the tokens that it allows.

    Raises:
        ValueError: a temperature of 0 or less, fewer tokens than 1, or a prompt without tokens.
    """
    if temperature <= 0 or most < 1:
        raise ValueError(f"temperature must be above 0 and most at least 1, got {temperature} and {most}")
    if not all(prompts):
        raise ValueError(f"prompt {next(i for i, p in enumerate(prompts) if not p)} has no tokens")
    return _Writing(language, prompts, most, uniforms, temperature, guide).batches(batch)


def _rows(language: LanguageModel, tokens: int) -> int:
    """Rows of so many tokens that fit into memory together."""
    kind = language.processor.device.partition(":")[0]
    room = min(_SHARE_OF_FREE * free_bytes(language.processor.device), _MOST_BYTES[kind])
    # Finished rows leave by a copy of the others.
    each = 2 * bytes_per_token(language) * tokens + _LOGIT_BYTES * vocabulary(language)
    return int(min(_ROWS[kind], max(1, room // each)))


@dataclass(frozen=True)
class _Writing:
    """How texts are written; see ``continued``."""

    language: LanguageModel
    prompts: Sequence[Prompt]
    most: int
    uniforms: FloatArray | None
    temperature: float
    guide: Guide | None

    def batches(self, batch: int | None) -> Iterator[tuple[list[int], list[Continued]]]:
        """See ``continued``."""
        if not self.prompts:
            return
        # Neighbours in this order are about as long and begin alike.
        prompts = self.prompts
        order = sorted(range(len(prompts)), key=lambda i: (-(len(prompts[i]) // _LENGTHS), prompts[i]))
        stem = Stem.of(self.language, prompts)
        start = 0
        while start < len(order):
            longest = max(len(prompts[i]) for i in order[start : start + _LENGTHS])
            rows = order[start : start + (batch or _rows(self.language, longest + self.most))]
            yield rows, self.write(stem, rows)
            start += len(rows)

    def write(self, stem: Stem, rows: list[int]) -> list[Continued]:
        """The texts of a batch."""
        memory, logits = stem.open([self.prompts[row] for row in rows], self.most)
        batch = _Batch(self, rows, memory)
        for step in range(self.most):
            chosen = self._drawn(logits, batch, step)
            batch.take(chosen)
            if step + 1 == self.most or not batch.open.any():
                break
            logits = batch.read(chosen)
        return [self._text(batch.tokens[row], batch.ended[row]) for row in rows]

    def _drawn(self, logits: "torch.Tensor", batch: "_Batch", step: int) -> IntArray:
        """A token for each row held; where it was close, by the logits of that row's text read alone."""
        held = np.asarray(batch.held, dtype=np.int64)
        own = None if self.uniforms is None else self.uniforms[held, step]
        allowed = None if self.guide is None else self._allowed(self.guide, logits, batch)
        tokens, leads = draw(logits, own, self.temperature, allowed)
        if self.language.dtype.itemsize < 4:
            return tokens
        for place in np.flatnonzero((leads < _CLOSE / min(self.temperature, 1.0)) & batch.open):
            alone = self._alone((*self.prompts[batch.held[place]], *batch.tokens[batch.held[place]]))
            mask = None if allowed is None else allowed[[place]]
            tokens[place] = draw(alone, None if own is None else own[[place]], self.temperature, mask)[0][0]
        return tokens

    def _allowed(self, guide: Guide, logits: "torch.Tensor", batch: "_Batch") -> BoolArray:
        """Tokens that may come; finished rows draw any, which is thrown away."""
        allowed = np.ones(tuple(logits.shape), dtype=np.bool_)
        allowed[batch.open] = guide.allowed([batch.held[i] for i in np.flatnonzero(batch.open)])
        return allowed

    def _alone(self, tokens: Prompt) -> "torch.Tensor":
        """Logits behind a text that is read by itself, (1, vocabulary)."""
        n = len(tokens)
        ids, positions = np.array([tokens], dtype=np.int64), np.arange(n, dtype=np.int64)[None]
        memory = Memory(self.language, 1, n)
        return memory.read(ids, positions, np.tri(n, dtype=np.bool_)[None], np.array([n - 1]))[:, 0]

    def _text(self, tokens: list[int], ended: bool) -> Continued:
        tokenizer: Any = self.language._tokenizer  # pyright: ignore[reportPrivateUsage]
        text = str(tokenizer.decode(tokens, skip_special_tokens=True))
        return Continued(text.lstrip(" ").partition("\n")[0].strip(), ended)


class _Batch:
    """Rows that write a token each in step.

    Attributes:
        held: the rows of the call that memory holds, in its order.
        open: which of them go on.
        tokens: what each row has written.
        ended: rows whose text ended by itself.
    """

    def __init__(self, writing: _Writing, rows: Sequence[int], memory: Memory) -> None:
        self._guide, self._ends, self._memory = writing.guide, ends(writing.language), memory
        self.held = list(rows)
        self.open = np.ones(len(rows), dtype=np.bool_)
        self.tokens: dict[int, list[int]] = {row: [] for row in rows}
        self.ended = dict.fromkeys(rows, False)

    def take(self, chosen: IntArray) -> None:
        """Gives each open row its token."""
        for place in np.flatnonzero(self.open):
            row, token = self.held[place], int(chosen[place])
            self.tokens[row].append(token)
            over = self._ends(token)
            if self._guide is not None and not over:
                over = self._guide.take(row, token)
            self.ended[row] = over
            self.open[place] = not over

    def read(self, chosen: IntArray) -> "torch.Tensor":
        """Reads the tokens of the rows held; logits of what follows. Finished rows leave now and then."""
        ids = chosen[:, None]
        if self.open.sum() <= _LEAVE * len(self.open):
            stay = np.flatnonzero(self.open)
            self._memory.keep(stay)
            self.held = [self.held[i] for i in stay]
            self.open, ids = self.open[stay], ids[stay]
        see = np.ones((len(ids), 1, 1), dtype=np.bool_)
        return self._memory.read(ids, self._memory.next_positions(), see, np.array([0]))[:, 0]


class _Ends:
    """Whether a text is over with a token: it ends the line, or is one of the model's end tokens."""

    def __init__(self, tokenizer: Any, last: frozenset[int]) -> None:
        self._tokenizer, self._last = tokenizer, last
        self._known: dict[int, bool] = {}

    def __call__(self, token: int) -> bool:
        if token not in self._known:
            self._known[token] = token in self._last or "\n" in self._tokenizer.decode([token])
        return self._known[token]


def ends(language: LanguageModel) -> _Ends:
    """Whether a text is over with a token."""
    return _Ends(language._tokenizer, end_tokens(language))  # pyright: ignore[reportPrivateUsage]


def end_tokens(language: LanguageModel) -> frozenset[int]:
    """Tokens that end a text: those that the model names, and all special ones."""
    model: Any = language._model  # pyright: ignore[reportPrivateUsage]
    tokenizer: Any = language._tokenizer  # pyright: ignore[reportPrivateUsage]
    named: list[int] = []
    for config in (model.config, getattr(model, "generation_config", None)):
        found = getattr(config, "eos_token_id", None)
        named += found if isinstance(found, list) else [] if found is None else [int(found)]
    return frozenset([*named, *tokenizer.all_special_ids])
