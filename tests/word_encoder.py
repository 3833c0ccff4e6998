"""A text encoder without a language model: texts that share words have vectors that are near."""

import hashlib
import re
from collections.abc import Sequence

import numpy as np

from personas.arrays import FloatArray


class WordEncoder:
    """Sums one random vector for each word, seeded by the word; the tail counts twice as much as the text.

    Attributes:
        texts: how many texts were encoded so far.
    """

    def __init__(self, n_layers: int = 2, dim: int = 48) -> None:
        self.n_layers, self.dim, self.texts = n_layers, dim, 0

    def encode(self, texts: Sequence[str], tails: Sequence[str]) -> FloatArray:
        """Vectors of shape (n_layers, n_texts, dim)."""
        self.texts += len(texts)
        out = np.zeros((self.n_layers, len(texts), self.dim))
        for row, (text, tail) in enumerate(zip(texts, tails, strict=True)):
            out[:, row] = self._words(text) + 2.0 * self._words(tail)
        return out

    def _words(self, text: str) -> FloatArray:
        words = re.findall(r"\w+", text.lower())
        return sum((self._word(w) for w in words), np.zeros((self.n_layers, self.dim)))

    def _word(self, word: str) -> FloatArray:
        seed = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=8).digest(), "little")
        return np.random.default_rng(seed).normal(size=(self.n_layers, self.dim))
