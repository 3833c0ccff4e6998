"""Retrieval: the answers of the people most alike, and of the questions most alike where one is new."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from personas.arrays import FloatArray, IntArray
from personas.models.factored import TextEncoder
from personas.panel import Panel
from personas.question import Question
from training.dataset import TrainingData
from training.ladder.rungs import neighbours
from training.ladder.rungs.columns import Column, columns, fingerprint

_PEOPLE = (10, 30, 100, 300)
_STRENGTHS = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
_QUESTIONS = (1, 3, 10, 30)
_KIND_SHARES = (0.0, 0.25, 0.5, 0.75, 1.0)
_SAMPLE = 300  # people left out in turn to choose by


@dataclass(frozen=True)
class Retrieval:
    """Answers looked up.

    Attributes:
        fingerprint: hash of the data.
        columns: real answers by question.
        people: who answered.
        k: how many people are asked.
        strength: how many of them the item share counts as.
        questions: trained questions by text; ``None`` without an encoder.
        m: how many questions stand for a new one.
        kind_share: part of a new question's answers that is the mean of the questions of its kind.
    """

    fingerprint: str
    columns: tuple[Column, ...]
    people: neighbours.People
    k: int
    strength: float
    questions: neighbours.Questions | None
    m: int
    kind_share: float
    name: str = "retrieval"

    def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        """See ``AnswerModel``."""
        place = {c.question.fingerprint: i for i, c in enumerate(self.columns)}
        new = [q for q in questions if q.fingerprint not in place]
        sources = dict(zip((q.fingerprint for q in new), self._sources(new), strict=True))
        needed = {i for found in sources.values() for i, _ in found}
        needed |= {place[q.fingerprint] for q in questions if q.fingerprint in place}
        known = self._people_like(panel, sorted(needed))
        out: list[FloatArray] = []
        for question in questions:
            if question.fingerprint in place:
                out.append(known[place[question.fingerprint]])
            else:
                out.append(self._mixed(question, sources[question.fingerprint], known, len(panel)))
        return out

    def _sources(self, new: Sequence[Question]) -> list[list[tuple[int, float]]]:
        """For each new question the trained ones that stand for it, with their weights (sum to one)."""
        if not new or self.questions is None:
            return [[] for _ in new]
        return [_nearest_questions(row, self.m) for row in self.questions.similarity(new)]

    def _mixed(
        self, question: Question, sources: list[tuple[int, float]], known: dict[int, FloatArray], n: int
    ) -> FloatArray:
        kind = _kind(question, self.columns)
        if not sources:
            return np.tile(kind, (n, 1))
        near = np.sum([weight * known[i] for i, weight in sources], axis=0)
        return (1.0 - self.kind_share) * near + self.kind_share * kind

    def _people_like(self, panel: Panel, needed: Sequence[int]) -> dict[int, FloatArray]:
        """Answers of people alike to the trained questions needed, each (n_persons, n_options)."""
        parts: dict[int, list[FloatArray]] = {i: [] for i in needed}
        for rows in neighbours.person_blocks(len(panel)):
            similarity = self.people.similarity(panel.take(rows))
            for i in needed:
                column = self.columns[i]
                near = neighbours.nearest(similarity[:, column.who], self.k)
                counts = column.indicators()[near].sum(axis=1)
                shares = (counts + self.strength * column.share) / (
                    counts.sum(axis=1, keepdims=True) + self.strength
                )
                parts[i].append(shares)
        empty = {i: np.zeros((0, len(self.columns[i].share))) for i in needed}
        return {i: np.concatenate([empty[i], *found]) for i, found in parts.items()}


def fit(data: TrainingData, encoder: TextEncoder | None = None) -> Retrieval:
    """Retrieval over the trained people and, with an encoder, over the trained questions.

    A known question: shares among the k people most alike (attributes that agree, weighted by what they tell
    of answers; earlier answers that the panel has as attributes count with them), with the item share as
    ``strength`` further people. k and strength have the best log-likelihood of training people left out in
    turn. A new question: the same for the m trained questions nearest by text whose options correspond,
    weighted by similarity, mixed with the mean shares of its kind; m and the mixture have the best
    log-likelihood of training questions left out in turn. Without a near question, the mean of its kind.
    """
    made = tuple(columns(data))
    people = neighbours.people(data, made)
    k, strength = _choose_people(data, made, people)
    texts = None if encoder is None else neighbours.questions(data.answers.questions, encoder)
    m, kind_share = (1, 1.0) if texts is None else _choose_questions(made, texts)
    return Retrieval(fingerprint("retrieval", data), made, people, k, strength, texts, m, kind_share)


def _choose_people(
    data: TrainingData, made: Sequence[Column], people: neighbours.People
) -> tuple[int, float]:
    """Number of people and strength by the log-likelihood of some of the people, each left out in turn."""
    rows = np.argsort(people.ties)[:_SAMPLE]
    similarity = people.similarity(data.people.take(rows))
    similarity[np.arange(len(rows)), rows] = -1.0
    strengths = np.array(_STRENGTHS)
    total = np.zeros((len(_PEOPLE), len(_STRENGTHS)))
    for column in made:
        place = {int(p): i for i, p in enumerate(column.who)}
        asked = [(r, place[int(p)]) for r, p in enumerate(rows) if int(p) in place]
        if len(asked) < 2 or len(column.who) < 3:
            continue
        row, own = (np.array(part) for part in zip(*asked, strict=True))
        near = neighbours.nearest(similarity[np.ix_(row, column.who)], _PEOPLE[-1])
        counts = column.indicators()[near].cumsum(axis=1)  # (n_asked, k, n_options)
        for i, k in enumerate(_PEOPLE):
            found = counts[:, min(k, near.shape[1], len(column.who) - 1) - 1]
            hits = found[np.arange(len(own)), column.chosen[own]][:, None]
            expected = strengths * column.share[column.chosen[own]][:, None]
            sizes = found.sum(axis=1)[:, None] + strengths
            total[i] += column.weights[own] @ np.log((hits + expected) / sizes)
    best_k, best_strength = np.unravel_index(int(np.argmax(total)), total.shape)
    return _PEOPLE[int(best_k)], _STRENGTHS[int(best_strength)]


def _choose_questions(made: Sequence[Column], texts: neighbours.Questions) -> tuple[int, float]:
    """Number of questions and part of the kind's mean by the log-likelihood of questions left out in turn."""
    similarity = texts.similarity(texts.questions)
    np.fill_diagonal(similarity, -np.inf)
    kinds = [_kind(c.question, [other for other in made if other is not c]) for c in made]
    counts = [c.indicators().sum(axis=0) for c in made]
    best, chosen = -np.inf, (1, 1.0)
    for m in _QUESTIONS:
        near: list[FloatArray | None] = [_shares_like(row, m, made) for row in similarity]
        for kind_share in _KIND_SHARES:
            score = 0.0
            for own, kind, found in zip(counts, kinds, near, strict=True):
                mixed = kind if found is None else (1.0 - kind_share) * found + kind_share * kind
                score += float(own @ np.log(np.maximum(mixed, 1e-6)))
            if score > best:
                best, chosen = score, (m, kind_share)
    return chosen


def _shares_like(similarity: FloatArray, m: int, made: Sequence[Column]) -> FloatArray | None:
    sources = _nearest_questions(similarity, m)
    return np.sum([weight * made[i].share for i, weight in sources], axis=0) if sources else None


def _nearest_questions(similarity: FloatArray, m: int) -> list[tuple[int, float]]:
    """The ``m`` most similar of those that can be used, weighted by ``exp(similarity / .1)``."""
    usable: IntArray = np.flatnonzero(np.isfinite(similarity))
    best = usable[np.argsort(-similarity[usable], kind="stable")[:m]]
    if len(best) == 0:
        return []
    weights = np.exp((similarity[best] - similarity[best[0]]) / 0.1)
    return [(int(i), float(w)) for i, w in zip(best, weights / weights.sum(), strict=True)]


def _kind(question: Question, made: Sequence[Column]) -> FloatArray:
    """Mean shares of the trained questions of the same scale and number of options; uniform without any."""
    n = len(question.options)
    alike = [c.share for c in made if c.question.scale == question.scale and len(c.share) == n]
    if not alike or question.scale == "nominal":
        return np.full(n, 1.0 / n)
    return np.mean(alike, axis=0)
