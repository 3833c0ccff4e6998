"""Relevant: does the material cover the questions and segments that the model is to serve?"""

from collections.abc import Iterable
from itertools import product
from typing import NamedTuple

import numpy as np

from grounding.blocks import similarity
from grounding.population.weights import effective_base
from personas.errors import UnknownName
from personas.panel import UNKNOWN
from personas.wording import counted, listing
from training.audit.material import Material
from training.audit.result import Finding, SegmentFacts
from training.audit.spec import AuditSpec

_NOTHING_ALIKE = 0.15
_SHOWN = 12


class Nearest(NamedTuple):
    """A new question, the trained question that is most like it, and how alike they are, in [0, 1]."""

    name: str
    nearest: str
    similarity: float


def questions(material: Material, spec: AuditSpec) -> list[Finding]:
    """Questions to serve that nothing is fitted on. Raises: DocumentError for an unknown question."""
    wanted = [q.name for q in material.answers.questions] if spec.questions is None else spec.questions
    places = [material.place(name) for name in wanted]
    unseen = [n for n, place in zip(wanted, places, strict=True) if not material.given[:, place].any()]
    held = [n for n in wanted if n in material.held_out and n not in unseen]
    findings: list[Finding] = []
    if unseen:
        findings.append(
            Finding(
                family="relevant",
                check="target-questions",
                severity="warning",
                sentence=f"{listing(unseen)}: nobody to train on answered what the model is to serve.",
                remedy="Their answers are carried over from other questions, with wide distributions.",
                names=tuple(unseen),
            )
        )
    if held and spec.questions is not None:
        findings.append(
            Finding(
                family="relevant",
                check="target-questions",
                severity="note",
                sentence=f"{listing(held)}: held out, so that the model serves them as unseen questions.",
                remedy="Train again without holding them out once the model has been judged.",
                names=tuple(held),
            )
        )
    return [*findings, *_new(material, spec)]


def nearest(material: Material, spec: AuditSpec) -> tuple[Nearest, ...]:
    """For each new question the one trained on that is most like it; nothing if there is none."""
    known = [q for q in material.answers.questions if q.name not in material.held_out]
    if not known or not spec.new_questions:
        return ()
    texts = [f"{q.text} {' '.join(q.options)}" for q in (*known, *spec.new_questions)]
    alike = similarity(texts)[len(known) :, : len(known)]
    best = alike.argmax(axis=1)
    return tuple(
        Nearest(q.name, known[int(b)].name, float(row[b]))
        for q, row, b in zip(spec.new_questions, alike, best, strict=True)
    )


def _new(material: Material, spec: AuditSpec) -> list[Finding]:
    found = nearest(material, spec)
    far = [n for n in found if n.similarity < _NOTHING_ALIKE]
    near = [n for n in found if n.similarity >= _NOTHING_ALIKE]
    findings: list[Finding] = []
    if far:
        findings.append(
            Finding(
                family="relevant",
                check="new-questions",
                severity="warning",
                sentence=f"{listing([n.name for n in far])}: no question trained on is in like words.",
                remedy="Bring in a survey on the subject; the model answers these with wide distributions.",
                names=tuple(n.name for n in far),
            )
        )
    if near:
        shown = "; ".join(f"{n.name!r} is most like {n.nearest!r}" for n in near[:_SHOWN])
        more = f"; and {len(near) - _SHOWN:,} more" if len(near) > _SHOWN else ""
        findings.append(
            Finding(
                family="relevant",
                check="new-questions",
                severity="note",
                sentence=f"New questions in like words with questions trained on: {shown}{more}.",
                names=tuple(n.name for n in near),
            )
        )
    return findings


def segment_facts(material: Material, spec: AuditSpec) -> tuple[SegmentFacts, ...]:
    """People to train on in each segment to serve. Raises: UnknownName for an attribute."""
    return tuple(fact for names in spec.segments for fact in _cells(material, names))


def _cells(material: Material, names: tuple[str, ...]) -> Iterable[SegmentFacts]:
    people = material.people
    unknown = [n for n in names if n not in people.attributes]
    if unknown:
        raise UnknownName("attribute", unknown[0], list(people.attributes))
    columns = [people.attributes.index(n) for n in names]
    counting = material.trained & (people.weights > 0) & (material.answers.chosen != UNKNOWN).any(axis=1)
    for cell in product(*(range(len(people.levels[c])) for c in columns)):
        rows = counting & (people.codes[:, columns] == np.array(cell)).all(axis=1)
        yield SegmentFacts(
            attributes=names,
            values=tuple(people.levels[c][v] for c, v in zip(columns, cell, strict=True)),
            people=int(rows.sum()),
            effective_base=effective_base(people.weights[rows]) if rows.any() else 0.0,
        )


def segments(material: Material, spec: AuditSpec, facts: Iterable[SegmentFacts]) -> list[Finding]:
    """Segments to serve with nobody in them, too few people, or that the model cannot tell apart."""
    findings: list[Finding] = []
    blind = [n for names in spec.segments for n in names if n not in material.attributes]
    for name in dict.fromkeys(blind):
        findings.append(
            Finding(
                family="relevant",
                check="unused-segment",
                severity="warning",
                sentence=f"The model does not use attribute {name!r}, so it cannot tell its segments apart.",
                remedy=f"Add {name!r} to 'attributes', or leave it out of the segments.",
                names=(name,),
            )
        )
    for fact in facts:
        if fact.effective_base >= spec.smallest_segment:
            continue
        cell = ", ".join(f"{a} {v!r}" for a, v in zip(fact.attributes, fact.values, strict=True))
        nobody = fact.people == 0
        findings.append(
            Finding(
                family="relevant" if nobody else "diverse",
                check="empty-segment" if nobody else "sparse-segment",
                severity="blocking" if nobody and len(fact.attributes) == 1 else "warning",
                sentence=f"Segment {cell}: nobody to train on."
                if nobody
                else f"Segment {cell}: {counted(fact.people, 'person', 'people')} to train on, effective "
                f"base {fact.effective_base:.1f}, below {spec.smallest_segment}.",
                remedy="Bring in people of this segment, or take it out of what the model is to serve."
                if nobody
                else "Say beside its results that they rest on like people of other segments.",
                names=fact.attributes,
            )
        )
    return findings
