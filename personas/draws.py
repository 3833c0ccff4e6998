"""Counter-based random draws: the same for any batch, order or number of workers.

Philox4x32-10 keyed by the seed, with the hashes of person and question as counter, so a draw is a
function of (seed, person, question) and of nothing else.

Source: Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from personas.arrays import FloatArray, IntArray

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


def philox(counter: NDArray[np.uint64], key: tuple[int, int]) -> NDArray[np.uint64]:
    """Ten Philox rounds over 32-bit words; ``counter`` and result have shape (4, n)."""
    c0, c1, c2, c3 = (c & _LOW for c in counter)
    k0, k1 = key
    for _ in range(10):
        product0, product1 = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
        c0, c1, c2, c3 = (
            (product1 >> _SHIFT) ^ c1 ^ np.uint64(k0),
            product1 & _LOW,
            (product0 >> _SHIFT) ^ c3 ^ np.uint64(k1),
            product0 & _LOW,
        )
        k0, k1 = (k0 + _WEYL[0]) & 0xFFFFFFFF, (k1 + _WEYL[1]) & 0xFFFFFFFF
    return np.stack([c0, c1, c2, c3])


def name_key(name: str) -> int:
    """64-bit key of a person id or question name, the same on every machine."""
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "little")


def uniforms(seed: int, persons: Sequence[str], questions: Sequence[str]) -> FloatArray:
    """One number in [0, 1) with 53 random bits for each person and question, (n_persons, n_questions)."""
    person = np.array([name_key(p) for p in persons], dtype=np.uint64)[:, None]
    question = np.array([name_key(q) for q in questions], dtype=np.uint64)[None, :]
    person, question = np.broadcast_arrays(person, question)
    words = np.stack([person & _LOW, person >> _SHIFT, question & _LOW, question >> _SHIFT])
    out = philox(words.reshape(4, -1), (seed & 0xFFFFFFFF, (seed >> 32) & 0xFFFFFFFF))
    bits = (out[0] >> np.uint64(5)) * np.uint64(1 << 26) + (out[1] >> np.uint64(6))
    return (bits.astype(np.float64) / float(1 << 53)).reshape(person.shape)


def draw(distributions: FloatArray, uniform: FloatArray) -> IntArray:
    """Option drawn for each person by inverting the distribution function.

    Args:
        distributions: shape (n_persons, n_options); rows sum to one.
        uniform: shape (n_persons,), in [0, 1).
    """
    cumulative = np.cumsum(distributions, axis=1)
    cumulative /= cumulative[:, -1:]
    return np.sum(cumulative <= uniform[:, None], axis=1).astype(np.int64)
