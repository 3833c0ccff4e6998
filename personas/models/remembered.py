"""Vectors of texts, and what was predicted from them, looked up before anything is encoded or predicted."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np

from personas.arrays import BoolArray, FloatArray
from personas.models.encoder import Encoder
from personas.models.head import Head, Regressions, concatenated, standing_of
from personas.models.kernel import OptionSet
from personas.models.shape import Pass
from personas.models.texts import TextEncoder

_PREDICTION = "prediction 1"  # another number where the same vectors give another prediction


class VectorStore(Protocol):
    """Keeps vectors of float64 under keys of 32 bytes; what is read back is what was kept, bit for bit."""

    def find(self, keys: Sequence[bytes]) -> list[FloatArray | None]:
        """For each key its vector, ``None`` where there is none that can be believed."""
        ...

    def keep(self, keys: Sequence[bytes], rows: FloatArray) -> None:
        """Keeps vectors, (n_keys, n_numbers), where that is possible; never raises for want of room."""
        ...


class Identified(NamedTuple):
    """An encoder, and all that its vectors depend on but their texts: weights, number format, versions."""

    encoder: TextEncoder
    identity: str


@dataclass(frozen=True)
class RememberedEncoder:
    """A text encoder that looks vectors up first; the language model is loaded for what is not there.

    Attributes:
        store: of the vectors.
        assumed: the identity as far as it is known before anything is loaded, ``None`` where it is not.
        layers: how many a vector has.
        load: makes the encoder.
    """

    store: VectorStore
    assumed: str | None
    layers: int
    load: Callable[[], Identified]

    @property
    def encoder(self) -> TextEncoder:
        """The encoder itself, loaded once."""
        return self._identified.encoder

    @property
    def identity(self) -> str:
        """All that a vector depends on but its text; what was assumed counts until something is loaded."""
        loaded = self.loaded
        return self.assumed if loaded is None and self.assumed is not None else self._identified.identity

    @property
    def loaded(self) -> TextEncoder | None:
        """The encoder if it was needed so far."""
        found: Identified | None = vars(self).get("_identified")
        return None if found is None else found.encoder

    @cached_property
    def _identified(self) -> Identified:
        return self.load()

    def encode(self, texts: Sequence[str], tails: Sequence[str]) -> FloatArray:
        """See ``TextEncoder``; what is not there is encoded together, in the order it comes, and kept."""
        if not texts:
            return self.encoder.encode(texts, tails)
        keys, found = self._looked_up(texts, tails)
        new = [row for row, vector in enumerate(found) if vector is None]
        if new:
            fresh = self.encoder.encode([texts[i] for i in new], [tails[i] for i in new])
            rows = fresh.transpose(1, 0, 2).reshape(len(new), -1)
            first = {keys[row]: place for place, row in reversed(list(enumerate(new)))}
            self.store.keep(list(first), rows[list(first.values())])
            if len(new) == len(texts):
                return fresh
            for place, row in enumerate(new):
                found[row] = rows[place]
        vectors = np.stack([vector for vector in found if vector is not None])
        return np.ascontiguousarray(vectors.reshape(len(texts), self.layers, -1).transpose(1, 0, 2))

    def known(self, texts: Sequence[str], tails: Sequence[str]) -> BoolArray:
        """Which texts need not be encoded, (n_texts,)."""
        found = self._looked_up(texts, tails, load=False)[1]
        return np.array([vector is not None for vector in found], dtype=np.bool_)

    def passes(self, texts: Sequence[str], tails: Sequence[str]) -> list[Pass]:
        """The forward passes that ``encode`` would make; nothing is loaded where there are none."""
        new: list[int] = np.flatnonzero(~self.known(texts, tails)).tolist()
        reader = reader_of(self) if new else None
        return [] if reader is None else reader.passes([texts[i] for i in new], [tails[i] for i in new])

    def _looked_up(
        self, texts: Sequence[str], tails: Sequence[str], load: bool = True
    ) -> tuple[list[bytes], list[FloatArray | None]]:
        """Keys and vectors; where one is missing, under the identity of the encoder that is loaded."""
        assumed = self.identity
        keys = self._keys(texts, tails)
        found = self.store.find(keys)
        missing = any(vector is None for vector in found)
        if not load or not missing or self._identified.identity == assumed:
            return keys, found
        keys = self._keys(texts, tails)
        return keys, self.store.find(keys)

    def _keys(self, texts: Sequence[str], tails: Sequence[str]) -> list[bytes]:
        return [
            _digest(self.identity.encode(), text.encode(), tail.encode())
            for text, tail in zip(texts, tails, strict=True)
        ]


def texts_known(encoder: TextEncoder, pairs: Sequence[tuple[str, str]]) -> BoolArray:
    """Which texts, each with its tail, need not be encoded, (n_pairs,)."""
    if not isinstance(encoder, RememberedEncoder):
        return np.zeros(len(pairs), dtype=np.bool_)
    return encoder.known([text for text, _ in pairs], [tail for _, tail in pairs])


def reader_of(encoder: TextEncoder) -> Encoder | None:
    """The language model as an encoder, loaded where it is not yet; ``None`` where there is none behind."""
    inner = encoder.encoder if isinstance(encoder, RememberedEncoder) else encoder
    return inner if isinstance(inner, Encoder) else None


def predicted(
    store: VectorStore | None, identity: str, regressions: Callable[[], Regressions], options: OptionSet
) -> Head:
    """What ``regressions`` predict of new questions, looked up for each of them first.

    Args:
        store: of predictions; nothing is looked up without one.
        identity: of the regressions, which are not worked out where everything is there.
        regressions: across the questions known.
        options: of the new questions, whose vectors are part of the keys.
    """
    if store is None:
        return regressions().predict(options)
    keys = [_key(identity, options, block) for block in options.blocks]
    found = store.find(keys)
    new = [place for place, row in enumerate(found) if row is None]
    if new:
        fresh_options = options.take(new)
        fresh = regressions().predict(fresh_options)
        rows = _rows(fresh, fresh_options.blocks)
        for length in sorted({len(row) for row in rows}):  # a row is as long as the question has options
            alike = [i for i, row in enumerate(rows) if len(row) == length]
            store.keep([keys[new[i]] for i in alike], np.stack([rows[i] for i in alike]))
        if len(new) == len(found):
            return fresh
        for place, row in zip(new, rows, strict=True):
            found[place] = row
    sizes = [block.stop - block.start for block in options.blocks]
    return concatenated([_head(row, n) for row, n in zip(found, sizes, strict=True) if row is not None])


def predictions_known(store: VectorStore | None, identity: str, options: OptionSet) -> BoolArray:
    """For which questions ``predicted`` has only to look, (n_questions,)."""
    if store is None:
        return np.zeros(len(options.blocks), dtype=np.bool_)
    found = store.find([_key(identity, options, block) for block in options.blocks])
    return np.array([row is not None for row in found], dtype=np.bool_)


def _rows(head: Head, blocks: Sequence[slice]) -> list[FloatArray]:
    """A question in a row: log prior, effects, support, and whether questions near it were known."""
    return [
        np.concatenate([
            head.log_prior[block], head.effects[:, block].ravel(), [head.support[place]],
            [float(head.standing[place] == "near")],
        ])
        for place, block in enumerate(blocks)
    ]  # fmt: skip


def _head(row: FloatArray, options: int) -> Head:
    effects = row[options:-2].reshape(-1, options)
    return Head(row[:options], effects, row[-2:-1], (standing_of(near=bool(row[-1])),))


def _key(identity: str, options: OptionSet, block: slice) -> bytes:
    vectors, positions = options.vectors[:, block], options.positions[block]
    parts = [np.ascontiguousarray(part, dtype=np.float64).tobytes() for part in (vectors, positions)]
    return _digest(_PREDICTION.encode(), identity.encode(), *parts)


def _digest(*parts: bytes) -> bytes:
    """A hash of some parts, none of which can be taken for the end of another."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()
