"""What changed between two waves: the shares of each question, over everybody who answered it."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray, IntArray
from personas.document import Document
from personas.measures.estimate import Estimate
from personas.measures.permutation import p_value
from personas.panel import Panel
from personas.question import Question

_CLEARLY = 0.05


class Wave(NamedTuple):
    """People of one wave with their weights, and what they answered."""

    people: Panel
    answers: Answers


class QuestionDrift(Document):
    """How the shares of one question moved from one wave to the next.

    Attributes:
        name: of the question.
        before: people behind the earlier shares, and so ``after``.
        both: those of them who answered in both waves.
        change: total variation distance of the two. It is positive by luck alone, by about ``by_luck``. The
            95 % interval is about the distance in the population: it begins at 0 unless ``p`` is at most .05,
            and is wide rather than narrow.
        by_luck: the distance that would be expected if nothing had changed.
        p: probability of such a distance if nothing had changed.
        q: the same adjusted for the number of questions (Benjamini and Hochberg).
        moved: ``q`` is at most .05 and the change exceeds luck by the least change that counts, or more.
        shift: change of each option's share.
    """

    name: str
    before: int
    after: int
    both: int
    change: Estimate
    by_luck: float
    p: float
    q: float
    moved: bool
    shift: tuple[float, ...]


def benjamini_hochberg(p: FloatArray) -> FloatArray:
    """p-values adjusted so that calling those at most q leaves a share of q false ones, (n,).

    ``q_(i) = min_{j >= i} p_(j) n / j``. ``[.01, .02, .9]`` becomes ``[.03, .03, .9]``.

    Source: Benjamini and Hochberg, "Controlling the false discovery rate", Journal of the Royal Statistical
    Society B 57 (1995).
    """
    n = len(p)
    order = np.argsort(-p, kind="stable")
    adjusted = np.minimum.accumulate(p[order] * n / np.arange(n, 0, -1))
    out = np.empty(n)
    out[order] = np.minimum(adjusted, 1.0)
    return out


def place_of(question: Question, among: Sequence[Question]) -> int | None:
    """Where a question with the same words stands, ``None`` where none does.

    Several may have the same words, as where each of two partners is asked of; then that of the same name.
    """
    same = [i for i, q in enumerate(among) if q.fingerprint == question.fingerprint]
    named = [i for i in same if among[i].name == question.name]
    return next(iter([*named, *same]), None)


def drifts(
    before: Wave,
    after: Wave,
    rng: np.random.Generator,
    least: float = 0.03,
    draws: int = 999,
    fewest: int = 2,
) -> tuple[QuestionDrift, ...]:
    """The change of every question that both waves asked in the same words.

    Shares are over everybody who answered, under the weights of that wave; who is in both waves counts in
    both. What luck does to their distance is drawn from a normal distribution whose covariance follows from
    the shares ``p`` of both waves together, ``V = diag(p) - p p'``. With ``a`` the share of a person in the
    weights of a wave it is the sum over people of ``a^2 V`` for those who answered in one wave and of
    ``(a_2 - a_1)^2 V + a_1 a_2 (x_2 - x_1)(x_2 - x_1)'`` for those who answered in both, ``x`` being the
    indicator of the option chosen: what somebody says again makes no difference. The interval is the distance
    observed, less and plus what a distance is off by in 95 % of the draws; by the triangle inequality it
    covers the distance in the population at least that often.

    Questions with fewer than ``fewest`` answers in one of the waves are left out.

    Args:
        before: the earlier wave.
        after: the later wave.
        rng: draws what luck does.
        least: smallest change beyond luck that counts as moved.
        draws: behind each p-value and interval.
        fewest: answers that a question needs in each wave, 2 at least.

    Source: effective sizes as Kish, "Survey Sampling" (1965); for people with equal weights asked twice the
    covariance is that of McNemar, "Note on the sampling error of the difference between correlated
    proportions", Psychometrika 12 (1947). For both at once it is ours; tests/training/maintenance holds the
    level. Drawing the signs of people's contributions, or dealing people out anew, does not keep it where a
    small wave meets a large one or weights differ.
    """
    pairs = _pairs(before.people.ids, after.people.ids)
    found: list[_Change] = []
    for column, question in enumerate(after.answers.questions):
        first = place_of(question, before.answers.questions)
        if first is None:
            continue
        k = len(question.options)
        sides = (_side(before, first, k), _side(after, column, k))
        if min(s.number for s in sides) >= max(fewest, 2):
            found.append(_change(question.name, sides, pairs, rng.standard_normal((draws, k))))
    if not found:
        return ()
    adjusted = benjamini_hochberg(np.array([c.p for c in found]))
    return tuple(c.document(float(q), least) for c, q in zip(found, adjusted, strict=True))


def _pairs(before: Sequence[str], after: Sequence[str]) -> IntArray:
    """Rows of the people who are in both waves, (n, 2)."""
    places = {person: row for row, person in enumerate(before)}
    found = [(places[person], row) for row, person in enumerate(after) if person in places]
    return np.array(found, dtype=np.int64).reshape(len(found), 2)


class _Side(NamedTuple):
    """One question in one wave: share of each person in the weights, (n_people,), and options chosen.

    Who did not answer, or does not count, has the share 0.
    """

    weights: FloatArray
    chosen: IntArray
    shares: FloatArray

    @property
    def number(self) -> int:
        return int(np.count_nonzero(self.weights))

    @property
    def size(self) -> float:
        """Kish's effective number."""
        return float(1.0 / np.square(self.weights).sum())

    def indicators(self, rows: IntArray) -> FloatArray:
        return np.eye(len(self.shares))[self.chosen[rows]]


def _side(wave: Wave, column: int, n_options: int) -> _Side:
    chosen = wave.answers.chosen[:, column]
    weights = np.where(chosen != NO_ANSWER, wave.people.weights, 0.0)
    if weights.sum() > 0:
        weights = weights / weights.sum()
    given = chosen != NO_ANSWER
    return _Side(weights, chosen, np.bincount(chosen[given], weights[given], n_options).astype(np.float64))


class _Change(NamedTuple):
    name: str
    before: int
    after: int
    both: int
    change: Estimate
    by_luck: float
    p: float
    shift: tuple[float, ...]

    def document(self, q: float, least: float) -> QuestionDrift:
        moved = q <= _CLEARLY and self.change.value - self.by_luck >= least
        return QuestionDrift(**self._asdict(), q=q, moved=moved)


def _change(name: str, sides: tuple[_Side, _Side], pairs: IntArray, normal: FloatArray) -> _Change:
    first, second = sides
    both = pairs[(first.weights[pairs[:, 0]] > 0) & (second.weights[pairs[:, 1]] > 0)]
    values, vectors = np.linalg.eigh(_covariance(first, second, both))
    by_luck = normal @ (vectors * np.sqrt(np.maximum(values, 0.0))).T
    drawn = 0.5 * np.abs(by_luck).sum(axis=1)
    value = float(0.5 * np.abs(second.shares - first.shares).sum())
    off = float(np.sort(drawn)[-max(int(_CLEARLY * (len(drawn) + 1)), 1)])
    return _Change(
        name=name,
        before=first.number,
        after=second.number,
        both=len(both),
        change=Estimate(value=value, low=max(value - off, 0.0), high=min(value + off, 1.0)),
        by_luck=float(drawn.mean()),
        p=p_value(value - 1e-12, drawn),
        shift=tuple((second.shares - first.shares).tolist()),
    )


def _covariance(first: _Side, second: _Side, both: IntArray) -> FloatArray:
    """Of the later shares less the earlier ones where nothing changed, (n_options, n_options)."""
    pooled = (first.size * first.shares + second.size * second.shares) / (first.size + second.size)
    variance = np.diag(pooled) - np.outer(pooled, pooled)
    a, b = first.weights[both[:, 0]], second.weights[both[:, 1]]
    changed = second.indicators(both[:, 1]) - first.indicators(both[:, 0])
    # sum over everybody of a^2 less, for those in both, what their two shares have in common
    alone = 1 / first.size + 1 / second.size - 2 * float(a @ b)
    return alone * variance + (changed * (a * b)[:, None]).T @ changed
