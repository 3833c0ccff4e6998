"""How texts sound, as figures: vocabulary, variety and length, for written and generated answers alike."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

from personas.arrays import FloatArray
from personas.document import Document

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")


class Voice(Document):
    """How far generated answers sound like those of real people who were held out.

    Attributes:
        n_generated: answers generated; ``n_real`` answers compared with.
        distinct_1: different words of the generated answers over all their words; ``real_distinct_1`` that
            of as many real answers.
        distinct_2: the same for pairs of neighbouring words; ``None`` where no answer has two.
        overlap: share of the mass of word frequencies that generated and real answers have in common,
            1 less the total variation distance; 1 where the same words are as frequent in both.
        length: mean words of a generated answer, and ``real_length`` of a real one.
        length_distance: Wasserstein distance of the two distributions of lengths, in words.
    """

    n_generated: int
    n_real: int
    distinct_1: float
    distinct_2: float | None
    real_distinct_1: float
    real_distinct_2: float | None
    overlap: float
    length: float
    real_length: float
    length_distance: float


def words(text: str) -> tuple[str, ...]:
    """The words of a text in small letters, without punctuation: ``It's OK!`` has ``it's`` and ``ok``."""
    return tuple(_WORD.findall(text.lower()))


def distinct(texts: Sequence[str], n: int) -> float | None:
    """Different n-grams of words over all n-grams, within texts; ``None`` where there are none.

    Falls as texts get more and longer, so it is compared at equal numbers of texts.

    Source: Li, Galley, Brockett, Gao and Dolan (2016), NAACL, distinct-1 and distinct-2.
    """
    grams = [g for text in texts for g in ngrams(words(text), n)]
    return len(set(grams)) / len(grams) if grams else None


def ngrams(text: Sequence[str], n: int) -> list[tuple[str, ...]]:
    """All runs of ``n`` neighbouring words."""
    return [tuple(text[i : i + n]) for i in range(len(text) - n + 1)]


def overlap(first: Sequence[str], second: Sequence[str]) -> float:
    """``sum over words of min(share in first, share in second)``.

    Worked: "a a b" and "a c" share only a, of shares 2/3 and 1/2: .5. Raises: ValueError without words.
    """
    counts = [Counter(w for text in texts for w in words(text)) for texts in (first, second)]
    sums = [sum(c.values()) for c in counts]
    if not all(sums):
        raise ValueError("an overlap of vocabularies needs words on both sides")
    return sum(min(counts[0][w] / sums[0], counts[1][w] / sums[1]) for w in counts[0])


def compare(generated: Sequence[str], real: Sequence[str], rng: np.random.Generator) -> Voice:
    """How generated answers compare with real ones.

    Args:
        generated: drawn from the model.
        real: held out from training.
        rng: draws as many of the longer list as the shorter has, for the ratios that depend on the number.

    Raises:
        ValueError: no texts or no words on one of the sides.
    """
    if not generated or not real:
        raise ValueError("a comparison of texts needs texts on both sides")
    from scipy.stats import wasserstein_distance

    n = min(len(generated), len(real))
    few = [[texts[int(i)] for i in rng.permutation(len(texts))[:n]] for texts in (generated, real)]
    ones = [distinct(texts, 1) for texts in few]
    twos = [distinct(texts, 2) for texts in few]
    shared = overlap(generated, real)
    if ones[0] is None or ones[1] is None:
        raise ValueError("a comparison of texts needs words on both sides")
    lengths = [_lengths(texts) for texts in (generated, real)]
    return Voice(
        n_generated=len(generated),
        n_real=len(real),
        distinct_1=ones[0],
        distinct_2=twos[0],
        real_distinct_1=ones[1],
        real_distinct_2=twos[1],
        overlap=shared,
        length=float(lengths[0].mean()),
        real_length=float(lengths[1].mean()),
        length_distance=float(wasserstein_distance(lengths[0], lengths[1])),
    )


def _lengths(texts: Sequence[str]) -> FloatArray:
    return np.array([len(words(text)) for text in texts], dtype=np.float64)
