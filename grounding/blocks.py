"""Which questions belong together: batteries and near-duplicates, so that they are held out together.

Two questions share a block where one of these joins them, directly or through others:

- the same stem: their texts begin alike for ``STEM`` words; with the same options ``SHORT_STEM`` words are
  enough, or ``SHORTEST_STEM`` that are half of the shorter text;
- the same skeleton and the same options: what the texts share at beginning and end is at least half of the
  longer one ("Do you like tea?", "Do you like coffee?");
- the same name but for the number or letter at its end, and the same options ("Q8_1", "Q8_2");
- similar texts: cosine of character n-grams of at least ``ALIKE``, or of ``ALIKE_SAME`` where the options are
  the same and the shorter text has ``ENOUGH`` words;
- vectors of the questions that the caller gives, with a cosine of at least ``NEAR``.

The bounds were chosen on 945 questions of four surveys (docs/methods.md): low enough to join the items of a
battery and the same question asked in two waves, high enough that no chain joins different subjects.
"""

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

import numpy as np
from scipy import sparse

from personas.arrays import BoolArray, FloatArray, IntArray
from personas.question import Question

STEM = 10
SHORT_STEM = 8
SHORTEST_STEM = 4
LEAST_SHARED = 3
ALIKE = 0.55
ALIKE_SAME = 0.4
ENOUGH = 5
NEAR = 0.75  # of a sentence encoder; vectors of a language model may want another
_GRAMS = (3, 4, 5)
_LONGEST = 80  # words of a text that are compared from either end

Reason = Literal["stem", "skeleton", "name", "text", "vectors"]

# A card or a letter in front of the question proper: "[HAND CARD D3]", "A."
_FRONT = re.compile(r"^\s*(?:\[[^\]]*\]\s*|\(?[A-Za-z]\)?[.)]\s+)*")
_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)*")
_NUMBERED = re.compile(r"^(?P<stem>.*?[^\W\d_].*?)(?P<mark>[_.\-]?)(?P<number>\d+)$")
_LETTERED = re.compile(r"^(?P<stem>.*\d)(?P<mark>[_.\-]?)[a-z]$", re.IGNORECASE)
# Names that number all questions of a file say nothing of batteries.
_ANY = {"q", "question", "item", "v", "var", "variable", "f", "frage", "x", "col", "column"}


class Pair(NamedTuple):
    """Two questions that belong together, by place, with the reason and the similarity of their texts."""

    first: int
    second: int
    reason: Reason
    similarity: float


def blocks(
    questions: Sequence[Question], vectors: FloatArray | None = None, near: float = NEAR
) -> tuple[tuple[str, ...], ...]:
    """Names of the questions, in blocks; both the blocks and the names in the order of ``questions``.

    Args:
        questions: with distinct names.
        vectors: one for each question, from a language model or sentence encoder, (n_questions, dim).
        near: cosine of centred vectors from which two questions belong together.
    """
    parent = list(range(len(questions)))

    def root(i: int) -> int:
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    for pair in pairs(questions, vectors, near):
        # The lower place becomes the root, so that blocks come in the order of their first questions.
        low, high = sorted((root(pair.first), root(pair.second)))
        parent[high] = low
    members: dict[int, list[str]] = {}
    for i, question in enumerate(questions):
        members.setdefault(root(i), []).append(question.name)
    return tuple(tuple(names) for names in members.values())


def pairs(
    questions: Sequence[Question], vectors: FloatArray | None = None, near: float = NEAR
) -> tuple[Pair, ...]:
    """Pairs of questions that belong together, by place, each with the first reason that holds."""
    if len(questions) < 2:
        return ()
    words = [words_of(q.text) for q in questions]
    begin, end, shorter, longer = _shared(words)
    same = _equal([tuple(sorted(o.strip().casefold() for o in q.options)) for q in questions])
    alike = similarity([q.text for q in questions])
    stem = (begin >= STEM) | (begin == np.maximum(longer, 1))
    short = (begin >= SHORT_STEM) | ((begin >= SHORTEST_STEM) & (2 * begin >= shorter))
    skeleton = (begin + end >= LEAST_SHARED) & (2 * (begin + end) >= longer)
    rules: list[tuple[Reason, BoolArray]] = [
        ("stem", stem | (same & short)),
        ("skeleton", same & skeleton),
        ("name", same & _equal([_name_stem(q.name) for q in questions])),
        ("text", (alike >= ALIKE) | (same & (alike >= ALIKE_SAME) & (shorter >= ENOUGH))),
    ]
    if vectors is not None:
        rules.append(("vectors", cosines(vectors) >= near))
    found: dict[tuple[int, int], Pair] = {}
    for reason, mask in rules:
        for i, j in np.argwhere(np.triu(mask, 1)).tolist():
            found.setdefault((i, j), Pair(i, j, reason, float(alike[i, j])))
    return tuple(found[key] for key in sorted(found))


def words_of(text: str) -> tuple[str, ...]:
    """Words of a question in lower case, without the card or letter in front of it."""
    return tuple(_WORD.findall(_FRONT.sub("", text).casefold()))


def similarity(texts_a: Sequence[str], texts_b: Sequence[str] | None = None) -> FloatArray:
    """Cosine of the texts' character n-grams, shape (n_a, n_b), 1 for equal and 0 for nothing shared.

    n-grams of 3 to 5 characters over the words in lower case, each counted as ``1 + ln(count)`` and weighed
    by ``ln((1 + n) / (1 + texts that hold it)) + 1``, the n texts of both lists being the collection. A text
    without a single n-gram is like no other, itself included.

    Source: Salton and Buckley, "Term-weighting approaches in automatic text retrieval", Information
    Processing & Management 24 (1988); smoothing as in scikit-learn's TfidfVectorizer.
    """
    n = len(texts_a)
    rows = [" ".join(words_of(t)) for t in (*texts_a, *(() if texts_b is None else texts_b))]
    weighed = _tf_idf(rows)
    first = weighed[:n]
    product = first @ (first if texts_b is None else weighed[n:]).T
    return np.clip(np.asarray(product.toarray(), dtype=np.float64), 0.0, 1.0)


def cosines(vectors: FloatArray) -> FloatArray:
    """Cosine of each two vectors less their mean, shape (n, n): what all have in common tells nothing."""
    centred = vectors - vectors.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    unit = np.divide(centred, lengths, out=np.zeros_like(centred), where=lengths > 0)
    return np.asarray(unit @ unit.T, dtype=np.float64)


def _tf_idf(texts: Sequence[str]) -> sparse.csr_array:
    """Rows of unit length, (n_texts, n_grams)."""
    columns: dict[str, int] = {}
    indices: list[int] = []
    counts: list[float] = []
    ends = [0]
    for text in texts:
        grams: dict[int, int] = {}
        for size in _GRAMS:
            for start in range(len(text) - size + 1):
                column = columns.setdefault(text[start : start + size], len(columns))
                grams[column] = grams.get(column, 0) + 1
        indices += grams
        counts += [1.0 + float(np.log(c)) for c in grams.values()]
        ends.append(len(indices))
    held = np.bincount(np.array(indices, dtype=np.int64), minlength=len(columns))
    weights = np.log((1 + len(texts)) / (1 + held)) + 1
    values = np.array(counts) * weights[indices] if indices else np.zeros(0)
    sizes = np.diff(ends)
    rows = np.repeat(np.arange(len(texts)), sizes)
    norms = np.sqrt(np.bincount(rows, values**2, minlength=len(texts)))
    shape = (len(texts), max(len(columns), 1))
    return sparse.csr_array((values / norms[rows], np.array(indices, dtype=np.int64), ends), shape=shape)


def _shared(words: Sequence[tuple[str, ...]]) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Words that each two texts share at the beginning and at the end, and the lengths of both, (n, n)."""
    lengths = np.array([len(w) for w in words], dtype=np.int64)
    shorter, longer = np.minimum.outer(lengths, lengths), np.maximum.outer(lengths, lengths)
    begin = _run(words)
    end = np.minimum(_run([w[::-1] for w in words]), shorter - begin)
    return begin, end, shorter, longer


def _run(words: Sequence[tuple[str, ...]]) -> IntArray:
    """Number of words that each two texts have in common from the first on, shape (n, n)."""
    places: dict[str, int] = {}
    width = min(max((len(w) for w in words), default=0), _LONGEST)
    codes = np.full((len(words), width), -1, dtype=np.int64)
    for i, text in enumerate(words):
        codes[i, : len(text)] = [places.setdefault(w, len(places)) for w in text[:width]]
    alive = np.ones((len(words), len(words)), dtype=np.bool_)
    length = np.zeros_like(alive, dtype=np.int64)
    for column in codes.T:
        alive &= (column[:, None] == column[None, :]) & (column >= 0)[:, None]
        length += alive
    return length


def _equal(keys: Sequence[object]) -> BoolArray:
    """Which keys are equal to which, shape (n, n); ``None`` is equal to nothing."""
    places: dict[object, int] = {}
    codes = np.array([-1 if k is None else places.setdefault(k, len(places)) for k in keys])
    return np.asarray((codes[:, None] == codes[None, :]) & (codes >= 0)[:, None], dtype=np.bool_)


def _name_stem(name: str) -> str | None:
    """What stays of a name without its last number or letter; ``None`` where that says nothing."""
    numbered, lettered = _NUMBERED.match(name), _LETTERED.match(name)
    found = numbered or lettered
    if found is None:
        return None
    stem = found["stem"].casefold()
    letters = re.sub(r"[\W\d_]", "", stem)
    if stem in _ANY or (numbered and not found["mark"] and len(letters) < LEAST_SHARED):
        return None
    return stem + found["mark"]
