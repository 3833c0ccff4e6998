"""What changed between two waves: shares of each question, and how much the person effects still tell."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray, IntArray
from personas.document import Document
from personas.measures import bootstrap
from personas.measures.estimate import Estimate
from personas.measures.permutation import p_value
from personas.panel import Panel
from personas.question import Question

_FEWEST_PAIRS = 30
_CLEARLY = 0.05
_MOST = 10_000  # people of a wave; more would sharpen nothing that matters


class Wave(NamedTuple):
    """People of one wave with their weights, and what they answered."""

    people: Panel
    answers: Answers


class QuestionDrift(Document):
    """How the shares of one question moved from one wave to the next.

    Attributes:
        name: of the question.
        paired: the same people were asked again; otherwise two samples are compared.
        before: people behind the earlier shares, and so ``after``.
        change: total variation distance of the two, with a 95 % interval for these sample sizes.
        by_luck: the distance that would be expected if nothing had changed.
        p: probability of such a distance if nothing had changed.
        q: the same adjusted for the number of questions (Benjamini and Hochberg).
        moved: ``q`` is at most .05 and the change exceeds luck by more than the least change that counts.
        shift: change of each option's share.
    """

    name: str
    paired: bool
    before: int
    after: int
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


def drifts(
    before: Wave,
    after: Wave,
    rng: np.random.Generator,
    least: float = 0.03,
    permutations: int = 999,
    replicates: int = 300,
) -> tuple[QuestionDrift, ...]:
    """The change of every question that both waves asked in the same words.

    Where at least 30 people answered a question in both waves they are compared with themselves, under their
    later weights: if nothing changed, their two answers could be swapped. Otherwise two samples are compared
    by dealing the wave out anew, and who is in both counts in the later one only. Questions that nobody
    answered in one of the waves are left out. Of a wave with more than 10,000 people so many are drawn.

    Args:
        before: the earlier wave.
        after: the later wave.
        rng: deals and resamples.
        least: smallest change beyond luck that counts as moved.
        permutations: deals behind each p-value.
        replicates: bootstrap samples behind each interval.
    """
    common = _common(before.answers, after.answers)
    rows = _pairs(before.people.ids, after.people.ids)
    both = rows[_some(len(rows), rng)]
    found: list[_Change] = []
    same = _Same(before, after, both, rng, permutations, replicates) if len(both) else None
    two = _Two(before, after, rows, rng, permutations, replicates)
    for first, second, question in common:
        change = None if same is None else same.change(first, second, question)
        found += [c for c in [change or two.change(first, second, question)] if c is not None]
    if not found:
        return ()
    adjusted = benjamini_hochberg(np.array([c.p for c in found]))
    return tuple(c.document(float(q), least) for c, q in zip(found, adjusted, strict=True))


def _common(before: Answers, after: Answers) -> list[tuple[int, int, Question]]:
    places = {q.fingerprint: i for i, q in enumerate(before.questions)}
    return [(places[q.fingerprint], i, q) for i, q in enumerate(after.questions) if q.fingerprint in places]


def _pairs(before: Sequence[str], after: Sequence[str]) -> IntArray:
    """Rows of the people who are in both waves, (n, 2)."""
    places = {person: row for row, person in enumerate(before)}
    found = [(places[person], row) for row, person in enumerate(after) if person in places]
    return np.array(found, dtype=np.int64).reshape(len(found), 2)


class _Change(NamedTuple):
    name: str
    paired: bool
    before: int
    after: int
    change: Estimate
    by_luck: float
    p: float
    shift: tuple[float, ...]

    def document(self, q: float, least: float) -> QuestionDrift:
        moved = q <= _CLEARLY and self.change.value - self.by_luck >= least
        return QuestionDrift(**self._asdict(), q=q, moved=moved)


def _some(n: int, rng: np.random.Generator) -> IntArray:
    """Rows of all, or of ``_MOST`` of them drawn at random, in their order."""
    rows = np.arange(n) if n <= _MOST else np.sort(rng.choice(n, _MOST, replace=False))
    return rows.astype(np.int64)


def _indicators(chosen: IntArray, weights: FloatArray, n_options: int) -> FloatArray:
    """Weight of each person at the option chosen, (n_people, n_options); zeros where there is no answer."""
    out = np.zeros((len(chosen), n_options))
    given = np.flatnonzero(chosen != NO_ANSWER)
    out[given, chosen[given]] = weights[given]
    return out


def _distance(first: FloatArray, second: FloatArray) -> FloatArray:
    """Total variation of two sets of weighted counts (..., n_options); 0 where one of them is empty."""
    sizes = [np.maximum(c.sum(axis=-1, keepdims=True), 1e-300) for c in (first, second)]
    return 0.5 * np.abs(first / sizes[0] - second / sizes[1]).sum(axis=-1)


class _Same:
    """The people who are in both waves, compared with themselves."""

    def __init__(
        self,
        before: Wave,
        after: Wave,
        rows: IntArray,
        rng: np.random.Generator,
        permutations: int,
        replicates: int,
    ) -> None:
        self.chosen = before.answers.chosen[rows[:, 0]], after.answers.chosen[rows[:, 1]]
        weights = after.people.weights[rows[:, 1]]
        self.weights = weights / weights.mean() if weights.sum() > 0 else weights
        self.signs = rng.choice(np.array([-1.0, 1.0]), (permutations, len(rows)))
        self.drawn = bootstrap.counts(len(rows), replicates, rng)

    def change(self, first: int, second: int, question: Question) -> _Change | None:
        given = (self.chosen[0][:, first] != NO_ANSWER) & (self.chosen[1][:, second] != NO_ANSWER)
        given &= self.weights > 0
        n, k = int(given.sum()), len(question.options)
        if n < _FEWEST_PAIRS:
            return None
        weights = np.where(given, self.weights, 0.0)
        counts = [_indicators(c, weights, k) for c in (self.chosen[0][:, first], self.chosen[1][:, second])]
        difference = counts[1] - counts[0]
        swapped = 0.5 * np.abs(self.signs @ difference).sum(axis=1) / weights.sum()
        resampled = _distance(self.drawn @ counts[0], self.drawn @ counts[1])
        return _change(question, True, (n, n), counts, swapped, resampled)


class _Two:
    """Two samples; who is in both is in the later one only."""

    def __init__(
        self,
        before: Wave,
        after: Wave,
        rows: IntArray,
        rng: np.random.Generator,
        permutations: int,
        replicates: int,
    ) -> None:
        alone = np.setdiff1d(np.arange(len(before.people)), rows[:, 0])
        alone = alone[_some(len(alone), rng)]
        later = _some(len(after.people), rng)
        self.chosen = before.answers.chosen[alone], after.answers.chosen[later]
        weights = before.people.weights[alone], after.people.weights[later]
        self.weights = [w / w.mean() if w.sum() > 0 else w for w in weights]
        self.sizes = len(alone), len(later)
        second = np.arange(sum(self.sizes)) >= self.sizes[0]
        self.later = np.stack([rng.permutation(second) for _ in range(permutations)]).astype(np.float64)
        self.drawn = [bootstrap.counts(max(n, 1), replicates, rng)[:, :n] for n in self.sizes]

    def change(self, first: int, second: int, question: Question) -> _Change | None:
        k = len(question.options)
        columns = self.chosen[0][:, first], self.chosen[1][:, second]
        counts = [_indicators(c, w, k) for c, w in zip(columns, self.weights, strict=True)]
        sizes = [int((c.sum(axis=1) > 0).sum()) for c in counts]
        if min(sizes) < 2:
            return None
        both = np.concatenate(counts)
        dealt = self.later @ both
        permuted = _distance(both.sum(axis=0) - dealt, dealt)
        resampled = _distance(self.drawn[0] @ counts[0], self.drawn[1] @ counts[1])
        return _change(question, False, (sizes[0], sizes[1]), counts, permuted, resampled)


def _change(
    question: Question,
    paired: bool,
    people: tuple[int, int],
    counts: Sequence[FloatArray],
    permuted: FloatArray,
    resampled: FloatArray,
) -> _Change:
    shares = [c.sum(axis=0) / c.sum() for c in counts]
    value = float(_distance(*(c.sum(axis=0) for c in counts)))
    return _Change(
        name=question.name,
        paired=paired,
        before=people[0],
        after=people[1],
        change=bootstrap.recentred(value, resampled, bounds=(0.0, 1.0)),
        by_luck=float(permuted.mean()),
        p=p_value(value - 1e-12, permuted),
        shift=tuple((shares[1] - shares[0]).tolist()),
    )
