"""Whether person effects still tell who says what: the slope before and after, over people held out."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from personas.answer import NO_ANSWER
from personas.arrays import BoolArray, IntArray
from personas.document import Document
from personas.measures.estimate import Estimate
from personas.models.base import AnswerModel
from personas.models.factored import FactoredModel
from training.maintenance import slopes
from training.maintenance.drift import Wave
from training.maintenance.slopes import Slope
from training.registry.evidence import Slow


class PersonEffects(Document):
    """How much the person effects tell, before and after.

    Attributes:
        before: slope in the answers of the earlier wave; 1 is as strong as the model says, 0 is nothing.
        after: in those of the later one.
        change: after less before; people who are in both are compared with themselves.
        gain_before: what the effects are worth beyond right shares, in nats for each answer.
        gain_after: the same in the later wave.
        answers: that each was fitted to, before and after.
        people: whose answers these are, before and after, of ``people_held_out``.
        questions: that were looked at, of ``questions_again`` asked again.
    """

    before: Estimate
    after: Estimate
    change: Estimate
    gain_before: float
    gain_after: float
    answers: tuple[int, int]
    people: tuple[int, int]
    people_held_out: tuple[int, int]
    questions: int
    questions_again: int

    @property
    def sample(self) -> str:
        """Whom this was measured on, where that is not everybody; else empty."""
        if self.people == self.people_held_out and self.questions == self.questions_again:
            return ""
        before, after = (f"{n:,} of {of:,}" for n, of in zip(self.people, self.people_held_out, strict=True))
        return (
            f"Measured on {before} people held out before and {after} now, and {self.questions:,} of "
            f"{self.questions_again:,} questions, drawn at random."
        )


class Unknown(NamedTuple):
    """Why nothing can be said of person effects."""

    why: str


def compared(
    model: FactoredModel,
    waves: tuple[Wave, Wave],
    held_out: frozenset[str],
    fewest: int,
    seed: int,
    slow: Slow | None = None,
) -> PersonEffects | Unknown:
    """How much the effects tell in two waves, or why nothing can be said.

    Args:
        model: the adapter, or the statistics below a joint model.
        waves: both with the same questions, in any order.
        held_out: ids of people who were neither trained on nor set aside.
        fewest: answers in each wave below which nothing is said.
        seed: of people and questions, where some are drawn.
        slow: what answers studies in place of ``model``. So many people and questions are looked at; people
            who are in both waves are drawn first, so that they are compared with themselves.
    """
    if not waves[1].answers.questions:
        return Unknown("no question was asked again in the same words")
    attributes = [a.name for a in model.config.attributes if a.name in waves[1].people.attributes]
    if not attributes:
        return Unknown("the wave has none of the attributes that the adapter uses")
    whole = tuple(_fresh(w, held_out, attributes) for w in waves)
    answering: AnswerModel = model if slow is None else slow.model
    some = whole if slow is None else _sampled(whole, slow, np.random.default_rng([seed, 22]))
    given = [int(np.sum(_given(w))) for w in some]
    if min(given) < fewest:
        drawn = "" if slow is None else " of the sample drawn"
        return Unknown(
            f"people held out{drawn} gave {given[0]:,} answers before and {given[1]:,} now; "
            f"{fewest:,} of each are needed"
        )
    first, second = (slopes.slope(answering, w.people, w.answers) for w in some)
    if first is None or second is None:
        return Unknown("the adapter has none, or none in the attributes of this wave")
    change = _difference(first, second, some[0].people.ids, some[1].people.ids)
    people, everybody = ([int(np.sum(_given(w).any(axis=1))) for w in side] for side in (some, whole))
    return PersonEffects(
        before=_estimate(first.value, first.deviation),
        after=_estimate(second.value, second.deviation),
        change=_estimate(second.value - first.value, change),
        gain_before=first.gain,
        gain_after=second.gain,
        answers=(first.answers, second.answers),
        people=(people[0], people[1]),
        people_held_out=(everybody[0], everybody[1]),
        questions=len(some[1].answers.questions),
        questions_again=len(whole[1].answers.questions),
    )


def _given(wave: Wave) -> BoolArray:
    """Which answers count, (n_people, n_questions)."""
    return np.asarray((wave.answers.chosen != NO_ANSWER) & (wave.people.weights > 0)[:, None], dtype=np.bool_)


def _fresh(wave: Wave, held_out: frozenset[str], attributes: Sequence[str]) -> Wave:
    """The people held out, with only some attributes."""
    rows = np.flatnonzero([person in held_out for person in wave.people.ids])
    shared = [a for a in attributes if a in wave.people.attributes]
    return Wave(wave.people.take(rows).select(shared), wave.answers.take(rows))


def _sampled(waves: tuple[Wave, ...], slow: Slow, rng: np.random.Generator) -> tuple[Wave, ...]:
    """The same questions of both waves, and of each as many people who answered one of them.

    Those who answered in both come first in a random order, as many in the one wave as in the other; the
    rest are drawn from each wave. So the two samples have as many of them in common, and none of the change
    is one of who was drawn.
    """
    marks = [q.fingerprint for q in waves[1].answers.questions]
    keep = np.sort(rng.permutation(len(marks))[: slow.questions])
    wanted = {marks[int(i)] for i in keep}
    some = [
        Wave(w.people, w.answers.only([q.name for q in w.answers.questions if q.fingerprint in wanted]))
        for w in waves
    ]
    there = [{w.people.ids[int(i)]: int(i) for i in np.flatnonzero(_given(w).any(axis=1))} for w in some]
    both = sorted(there[0].keys() & there[1].keys())
    again = [both[int(i)] for i in rng.permutation(len(both))[: slow.people]]
    return tuple(_taken(w, places, again, slow.people, rng) for w, places in zip(some, there, strict=True))


def _taken(
    wave: Wave, places: dict[str, int], again: Sequence[str], people: int, rng: np.random.Generator
) -> Wave:
    """Those who answered again, and others at random up to so many people."""
    known = set(again)
    others: IntArray = np.array(
        [row for person, row in places.items() if person not in known], dtype=np.int64
    )
    more = rng.permutation(others)[: people - len(again)]
    rows = np.sort(np.concatenate([np.array([places[p] for p in again], dtype=np.int64), more]))
    return Wave(wave.people.take(rows), wave.answers.take(rows))


def _difference(first: Slope, second: Slope, before: Sequence[str], after: Sequence[str]) -> float:
    """Standard error of the second slope less the first; who is in both counts once."""
    own = dict(zip(after, second.influence.tolist(), strict=True))
    other = dict(zip(before, first.influence.tolist(), strict=True))
    people = own.keys() | other.keys()
    return float(np.sqrt(sum((own.get(i, 0.0) - other.get(i, 0.0)) ** 2 for i in people)))


def _estimate(value: float, deviation: float) -> Estimate:
    return Estimate(value=value, low=value - 1.96 * deviation, high=value + 1.96 * deviation)
