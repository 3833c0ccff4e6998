"""The figures of an adapter by segment: for whom it answers worse than for others."""

from collections.abc import Sequence

import numpy as np

from personas.arrays import FloatArray, IntArray
from personas.document import Document
from personas.measures import distances, scores
from personas.panel import Panel
from training.ladder.held_out import HeldOut

FEWEST = 30
"""People with an answer below whom a segment has no figures of its own."""


class Segment(Document):
    """Held-out people with one value of one attribute.

    Attributes:
        attribute: for instance ``age_group``; ``value`` one of its levels.
        people: with an answer to at least one of the questions.
        answers: theirs.
        log_loss: of the adapter, in nats for each answer; ``prior`` that of the shares alone.
        agreement: mean over the questions with enough answers of the segment; ``None`` where none has.
    """

    attribute: str
    value: str
    people: int
    answers: int
    log_loss: float
    prior: float
    agreement: float | None


def segments(
    held: HeldOut, own: Sequence[FloatArray], prior: Sequence[FloatArray], attributes: Sequence[str]
) -> tuple[Segment, ...]:
    """The figures of each segment with ``FEWEST`` people, attribute by attribute in the order of the panel.

    Args:
        held: people and answers measured on.
        own: what the adapter says of them, one (n_people, n_options) array for each question.
        prior: what it says of a person of whom nothing is known, of the same shapes.
        attributes: those that segments are made of.
    """
    found = [
        _segment(held, own, prior, name, value, rows)
        for name, value, rows in _rows(held.people, attributes)
        if int(held.given[rows].any(axis=1).sum()) >= FEWEST
    ]
    return tuple(found)


def largest(found: Sequence[Segment], most: int) -> tuple[Segment, ...]:
    """So many segments, those with the most people first."""
    return tuple(sorted(found, key=lambda s: -s.people)[:most])


def worst(found: Sequence[Segment], most: int) -> tuple[Segment, ...]:
    """So many segments, those with the highest log loss first."""
    return tuple(sorted(found, key=lambda s: -s.log_loss)[:most])


def _rows(people: Panel, attributes: Sequence[str]) -> list[tuple[str, str, IntArray]]:
    """Attribute, value and the rows of the people who have it."""
    return [
        (name, value, np.flatnonzero(people.codes[:, column] == code))
        for column, name in enumerate(people.attributes)
        if name in attributes
        for code, value in enumerate(people.levels[column])
    ]


def _segment(
    held: HeldOut,
    own: Sequence[FloatArray],
    prior: Sequence[FloatArray],
    attribute: str,
    value: str,
    rows: IntArray,
) -> Segment:
    names = [q.name for q in held.answers.questions]
    some = held.take(rows, names)
    said, shares = ([d[rows] for d in side] for side in (own, prior))
    agreement = None
    if some.enough:
        agreement = float(distances.agreement(some.shares(said), some.sample.shares()).mean())
    return Segment(
        attribute=attribute,
        value=value,
        people=int(some.given.any(axis=1).sum()),
        answers=int(some.given.sum()),
        log_loss=scores.log_loss(said, some.answers, some.weights),
        prior=scores.log_loss(shares, some.answers, some.weights),
        agreement=agreement,
    )
