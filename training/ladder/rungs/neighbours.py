"""Who is like whom, and which question is like which: what retrieval and few-shot prompts look up."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from personas.arrays import FloatArray, IntArray
from personas.draws import name_key
from personas.models.factored import TextEncoder, option_blocks, question_option_vectors
from personas.panel import Panel
from personas.question import Question
from training.dataset import TrainingData
from training.ladder.rungs.columns import Column, Design

_JITTER = 1e-6
_PERSONS = 512  # at once


@dataclass(frozen=True)
class People:
    """Trained people to be looked up.

    Attributes:
        design: levels of their attributes.
        codes: level of each of them, shape (n_people, n_attributes).
        weights: what agreement in an attribute counts for, shape (n_attributes,).
        ties: a number from the hash of the id of each, which decides between people equally near.
    """

    design: Design
    codes: IntArray
    weights: FloatArray
    ties: FloatArray

    def similarity(self, panel: Panel) -> FloatArray:
        """Weight of the attributes that agree, shape (n_persons, n_people)."""
        codes = self.design.codes(panel)
        found = np.tile(self.ties * _JITTER, (len(panel), 1))
        for a, weight in enumerate(self.weights):
            same = (codes[:, [a]] == self.codes[:, a]) & (codes[:, [a]] >= 0)
            found += weight * same
        return found


def people(data: TrainingData, columns: Sequence[Column]) -> People:
    """The people, with attributes weighted by what they tell of answers.

    Weight: mutual information of attribute and answer in nats, less what independent ones would show by
    chance, ``(L - 1)(K - 1) / 2n``; mean over questions. Where nothing tells anything, all count alike.

    Source: Miller, "Note on the bias of information estimates" (1955), for the correction.
    """
    design = Design(data.people)
    codes = design.codes(data.people)
    totals = np.zeros(codes.shape[1])
    for column in columns:
        indicators = column.indicators()
        for a, size in enumerate(design.sizes):
            hot = np.arange(size) == codes[column.who][:, [a]]
            totals[a] += max(0.0, _information(hot.T.astype(np.float64) @ indicators))
    weights = totals / max(len(columns), 1)
    if not weights.sum() > 0:
        weights = np.ones(len(totals))
    ties = np.array([name_key(f"tie:{i}") for i in data.people.ids], dtype=np.float64) / 2.0**64
    return People(design, codes, weights / weights.sum(), ties)


def _information(table: FloatArray) -> float:
    """Mutual information of a table of counts in nats, corrected for chance."""
    total = table.sum()
    joint = table / total
    expected = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    filled = joint > 0
    rows, options = (int(np.sum(table.sum(axis=axis) > 0)) for axis in (1, 0))
    found = float((joint[filled] * np.log(joint[filled] / expected[filled])).sum())
    return found - (rows - 1) * (options - 1) / (2.0 * float(total))


def nearest(similarity: FloatArray, k: int) -> IntArray:
    """The ``k`` most similar of each row, the most similar first, shape (n, k); all where there are fewer."""
    k = min(k, similarity.shape[1])
    some = np.argpartition(-similarity, k - 1, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(similarity, some, axis=1), axis=1, kind="stable")
    return np.take_along_axis(some, order, axis=1).astype(np.int64)


def person_blocks(n_persons: int) -> list[IntArray]:
    """Rows in groups that a similarity matrix of moderate size can be made of."""
    return [np.arange(a, min(a + _PERSONS, n_persons)) for a in range(0, n_persons, _PERSONS)]


@dataclass(frozen=True)
class Questions:
    """Trained questions to be looked up by text.

    Attributes:
        questions: the trained questions.
        encoder: what makes vectors of texts.
        vectors: of the trained questions, mean over their options, shape (n_layers, n_questions, dim).
    """

    questions: tuple[Question, ...]
    encoder: TextEncoder
    vectors: FloatArray

    def similarity(self, asked: Sequence[Question]) -> FloatArray:
        """Cosine of texts, mean over layers, shape (n_asked, n_trained).

        Minus infinity where answers of one cannot stand for those of the other, see ``comparable``.
        """
        vectors = question_vectors(self.encoder, asked)
        centre = self.vectors.mean(axis=1, keepdims=True)
        own, trained = _directions(vectors - centre), _directions(self.vectors - centre)
        found = np.mean(own @ trained.transpose(0, 2, 1), axis=0)
        usable = np.array([[comparable(a, b) for b in self.questions] for a in asked])
        return np.where(usable, found, -np.inf)


def _directions(vectors: FloatArray) -> FloatArray:
    """The vectors (..., dim) with length one."""
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-12)


def questions(asked: Sequence[Question], encoder: TextEncoder) -> Questions:
    """The trained questions, encoded."""
    return Questions(tuple(asked), encoder, question_vectors(encoder, asked))


def question_vectors(encoder: TextEncoder, asked: Sequence[Question]) -> FloatArray:
    """Mean vector of a question's options, each read after the question, (n_layers, n_questions, dim)."""
    vectors = question_option_vectors(encoder, asked)
    return np.stack([vectors[:, block].mean(axis=1) for block in option_blocks(asked)], axis=1)


def comparable(one: Question, other: Question) -> bool:
    """Whether the options correspond: the same texts, or ordinal scales with the same number of steps."""
    steps = one.scale == other.scale == "ordinal" and len(one.options) == len(other.options)
    return one.options == other.options or steps
