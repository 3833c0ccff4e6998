"""Accurate: are the answers what people meant? Labels, straight lines, speed, contradictions."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from personas.answer import NO_ANSWER
from personas.arrays import BoolArray
from personas.wording import counted, listing, percent
from training.audit import contradictions, patterns
from training.audit.contradictions import LikeQuestions
from training.audit.material import Material
from training.audit.patterns import Battery
from training.audit.result import Finding, Severity, first_ids
from training.audit.spec import AuditSpec, Suspects


@dataclass(frozen=True)
class Suspected:
    """Who is suspected of what, and the findings that say so.

    Attributes:
        findings: in the order of the checks.
        masks: suspicion -> who, shape (n_people,).
        batteries: every battery that was looked at.
        median_seconds: median time that people took, ``None`` where no time is known.
    """

    findings: tuple[Finding, ...]
    masks: dict[Suspects, BoolArray]
    batteries: tuple[Battery, ...]
    median_seconds: float | None


def out_of_range(material: Material) -> list[Finding]:
    """Answers that are none of their question's options."""
    answers = material.answers
    limits = np.array([len(q.options) for q in answers.questions], dtype=np.int64)
    wrong = (answers.chosen != NO_ANSWER) & ((answers.chosen < 0) | (answers.chosen >= limits))
    if not wrong.any():
        return []
    names = [q.name for q, bad in zip(answers.questions, wrong.any(axis=0), strict=True) if bad]
    people = wrong.any(axis=1)
    return [
        Finding(
            family="accurate",
            check="labels-in-range",
            severity="blocking",
            sentence=f"{counted(int(wrong.sum()), 'answer')} to {listing(names)} are none of the options.",
            remedy="The workspace was changed after grounding: ground the panel again.",
            names=tuple(names),
            people=first_ids(material.people, people),
            number=int(people.sum()),
        )
    ]


def not_observed(material: Material) -> list[Finding]:
    """Attributes that the model would learn from although they are no facts about the people."""
    found: dict[str, list[str]] = {}
    for name in material.attributes:
        kinds = material.kinds.get(name, ())
        others = " and ".join(kind for kind in kinds if kind != "observed")
        if others:
            found.setdefault(f"some values are {others}" if "observed" in kinds else others, []).append(name)
    return [
        Finding(
            family="accurate",
            check="not-observed",
            severity="warning",
            sentence=f"{listing(names)}: {kinds}, not observed of the people who answered.",
            remedy="What goes with them in the answers is diluted at best; leave them out of 'attributes' "
            "unless the matching was made on what the answers depend on.",
            names=tuple(names),
        )
        for kinds, names in found.items()
    ]


def suspects(
    material: Material, spec: AuditSpec, alike: Sequence[LikeQuestions], rng: np.random.Generator
) -> Suspected:
    """Straight-liners, speeders and people who contradict themselves. Raises: DocumentError for a rule."""
    found = patterns.straight_liners(material.answers, spec.battery, spec.by_chance, rng)
    nobody = np.zeros(len(material.people), dtype=bool)
    lines = np.logical_or.reduce([nobody, *(b.suspects for b in found)])
    timed, fast, median = _speed(material, spec)
    breakers, contradicted = _contradictions(material, spec, alike)
    return Suspected(
        findings=(*_straight(material, spec, found, lines), *timed, *breakers),
        masks={"straight-liners": lines, "speeders": fast, "contradictions": contradicted},
        batteries=found,
        median_seconds=median,
    )


def _straight(
    material: Material, spec: AuditSpec, found: Sequence[Battery], lines: BoolArray
) -> list[Finding]:
    accusing = [b for b in found if b.suspects.any()]
    if not accusing:
        return []
    parts = [
        f"{int(b.suspects.sum()):,} in {counted(len(b.questions), 'question')} from {b.questions[0]!r} "
        f"(by chance {b.expected:.1f})"
        for b in accusing
    ]
    sentence = (
        f"{_people(lines)} gave the same option so often in a row that the shares and correlations of "
        f"the battery do not account for it: {'; '.join(parts)}."
    )
    return [_careless(material, spec, "straight-liners", sentence, lines, len(lines))]


def _speed(material: Material, spec: AuditSpec) -> tuple[list[Finding], BoolArray, float | None]:
    nobody = np.zeros(len(material.people), dtype=bool)
    if material.seconds is None or not np.isfinite(material.seconds).any():
        note = Finding(
            family="accurate",
            check="speeders",
            severity="note",
            sentence="No source says how long people took, so speeders cannot be found.",
            remedy="Name the column with the seconds as 'duration' of the survey in the grounding file.",
        )
        return [note], nobody, None
    fast, median = patterns.speeders(material.seconds, material.answers, spec.speeding)
    if not fast.any():
        return [], fast, median
    known = int(np.isfinite(material.seconds).sum())
    sentence = (
        f"{_people(fast)} of {known:,} took less than {percent(spec.speeding)} of the median of "
        f"{median:,.0f} seconds, in all and for each answer."
    )
    return [_careless(material, spec, "speeders", sentence, fast, known)], fast, median


def _contradictions(
    material: Material, spec: AuditSpec, alike: Sequence[LikeQuestions]
) -> tuple[list[Finding], BoolArray]:
    findings: list[Finding] = []
    everybody = np.zeros(len(material.people), dtype=bool)
    for rule in spec.contradictions:
        concerned, broken = contradictions.rule_breakers(rule, material)
        if broken.any():
            everybody |= broken
            text = f"{_people(broken)} of {int(concerned.sum()):,} say {contradictions.sentence(rule)}."
            names = tuple(contradictions.names(rule))
            total = int(concerned.sum())
            findings.append(_careless(material, spec, "contradictions", text, broken, total, names))
    answers = material.answers
    for pair in alike:
        broken = contradictions.opposed(answers, pair)
        if broken.any():
            everybody |= broken
            one, other = answers.questions[pair.first].name, answers.questions[pair.second].name
            both = int((answers.chosen[:, [pair.first, pair.second]] != NO_ANSWER).all(axis=1).sum())
            text = (
                f"{_people(broken)} of {both:,} gave opposite answers to {one!r} and {other!r}, which ask "
                f"for the same in like words (the answers of all people correlate {pair.correlation:.2f})."
            )
            findings.append(_careless(material, spec, "contradictions", text, broken, both, (one, other)))
    return findings, everybody


def _careless(
    material: Material,
    spec: AuditSpec,
    check: Suspects,
    sentence: str,
    concerned: BoolArray,
    total: int,
    names: tuple[str, ...] = (),
) -> Finding:
    """A finding about people: blocking where they are too many of ``total``, unless they are left out."""
    out = check in spec.leave_out
    too_many = int(concerned.sum()) > spec.most_careless * total
    severity: Severity = "note" if out else "blocking" if too_many else "warning"
    remedy = (
        "They are left out of the training."
        if out
        else f"Look at them; 'leave_out: [{check}]' under 'audit' leaves them out of the training."
    )
    if too_many and not out:
        remedy = f"More than {percent(spec.most_careless)} are too many to train on. {remedy}"
    return Finding(
        family="accurate",
        check=check,
        severity=severity,
        sentence=sentence,
        remedy=remedy,
        names=names,
        people=first_ids(material.people, concerned),
        number=int(concerned.sum()),
        left_out=out,
    )


def _people(concerned: BoolArray) -> str:
    return counted(int(concerned.sum()), "person", "people")
