"""The audit before every training: is the material relevant, accurate, consistent, diverse and compliant?

Nothing is trained on material with a blocking finding, unless the training file accepts that finding with a
reason. What makes a fit impossible or unlawful cannot be accepted.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from personas.arrays import BoolArray
from personas.errors import DataError, DocumentError
from personas.wording import counted, listing
from training.audit import accuracy, compliance, consistency, diversity, relevance
from training.audit.accuracy import Suspected
from training.audit.contradictions import like_questions
from training.audit.material import Material
from training.audit.patterns import Battery
from training.audit.result import Audit, BatteryFacts, Family, Finding
from training.audit.spec import Allowed, AuditSpec

CHECKS: dict[str, tuple[Family, str]] = {
    "target-questions": ("relevant", "the questions to serve were asked of people to train on"),
    "new-questions": ("relevant", "new questions are like some that were asked"),
    "empty-segment": ("relevant", "every segment to serve has people in it"),
    "unused-segment": ("relevant", "the model uses the attributes of its segments"),
    "labels-in-range": ("accurate", "every answer is one of its question's options"),
    "straight-liners": ("accurate", "people differ within batteries as their answers lead to expect"),
    "speeders": ("accurate", "people took their time"),
    "contradictions": ("accurate", "answers of one person go together"),
    "not-observed": ("accurate", "attributes were observed of the people who answered"),
    "question-text": ("consistent", "question texts say what was asked"),
    "damaged-text": ("consistent", "texts were read in their own encoding"),
    "options-without-words": ("consistent", "options have words"),
    "many-options": ("consistent", "options are few enough to have people each"),
    "scale-order": ("consistent", "options of ordered scales stand in order"),
    "no-answer-option": ("consistent", "options of ordered scales are answers"),
    "opposite-coding": ("consistent", "the same question is coded the same way around"),
    "other-options": ("consistent", "the same question has the same options"),
    "option-order": ("consistent", "the same question has its options in the same order"),
    "same-text": ("consistent", "different questions have different texts"),
    "asked-twice": ("consistent", "no question stands twice in the material"),
    "held-out-twin": ("consistent", "no held-out question is trained on under another name"),
    "alike": ("consistent", "questions in like words are known"),
    "few-people": ("diverse", "there are people enough to train on"),
    "effective-base": ("diverse", "weights leave people enough to count"),
    "no-answers": ("diverse", "everybody answered something"),
    "few-questions": ("diverse", "there are questions enough to train on"),
    "few-answers": ("diverse", "every question has answers enough"),
    "one-answer": ("diverse", "people do not all answer the same"),
    "low-entropy": ("diverse", "no option takes nearly all answers"),
    "never-given": ("diverse", "every option was given by somebody"),
    "unknown-attribute": ("diverse", "attributes are known of somebody"),
    "constant-attribute": ("diverse", "attributes tell people apart"),
    "mostly-unknown": ("diverse", "attributes are known of most people"),
    "rare-values": ("diverse", "values of attributes have people enough"),
    "sparse-segment": ("diverse", "every segment to serve has people enough"),
    "personal-data": ("compliant", "texts that a model reads hold no personal data"),
    "identifiers": ("compliant", "no attribute identifies people"),
    "special-categories": ("compliant", "special categories were let in for a reason"),
    "retention": ("compliant", "sources may still be used"),
    "consent": ("compliant", "consent is recorded where it is the legal basis"),
    "not-recorded": ("compliant", "it is recorded why sources may be used"),
    "licence": ("compliant", "sources have a licence"),
}
"""Every check in the order of the report: its family, and what holds where it finds nothing."""

NEVER_ALLOWED = frozenset(
    {
        "labels-in-range", "few-people", "few-questions", "few-answers", "unknown-attribute", "personal-data",
        "identifiers", "special-categories", "retention",
    }
)  # fmt: skip
"""Findings that cannot be accepted: a fit is impossible, or the law forbids it."""

_ORDER = list(CHECKS)
_GRAVITY = ("blocking", "warning", "note")
_REFUSED = 5


class Audited(NamedTuple):
    """An audit, and who is left out of the training because of it, shape (n_people,)."""

    audit: Audit
    left_out: BoolArray


def audit(material: Material, spec: AuditSpec, seed: int = 1) -> Audited:
    """The findings, most grave first within the order of the checks.

    Who is left out as a suspect (``leave_out``) is left out of every check of what there is to train on.

    Args:
        material: what would be trained on.
        spec: what the model is to serve, and what counts as wrong.
        seed: of the simulated people that straight lines are held against.

    Raises:
        DocumentError: the specification names a question, label or finding that there is not.
        UnknownName: it names an attribute that there is not.
    """
    _check(spec.allow)
    wrong = accuracy.out_of_range(material)
    if wrong:  # nothing can be computed from such answers
        others = tuple(check for check in CHECKS if check != "labels-in-range")
        return Audited(_result(material, wrong, spec, others), np.zeros(len(material.people), dtype=bool))
    alike = like_questions(material.answers)
    suspected = accuracy.suspects(material, spec, alike, np.random.default_rng(seed))
    nobody = np.zeros(len(material.people), dtype=bool)
    out = np.logical_or.reduce([nobody, *(suspected.masks[name] for name in spec.leave_out)])
    material = material.without(out)
    facts, segments = diversity.facts(material), relevance.segment_facts(material, spec)
    found = [
        *relevance.questions(material, spec),
        *relevance.segments(material, spec, segments),
        *suspected.findings,
        *consistency.pairs(material.answers, alike, material.held_out),
        *diversity.questions(facts),
        *(finding for check in _PLAIN for finding in check(material)),
    ]
    result = _result(material, found, spec, _skipped(spec, suspected)).model_copy(
        update={
            "questions": facts,
            "segments": segments,
            "batteries": tuple(map(_battery, suspected.batteries)),
            "median_seconds": suspected.median_seconds,
            "people_left_out": int(out.sum()),
        }
    )
    return Audited(result, out)


_PLAIN: tuple[Callable[[Material], list[Finding]], ...] = (
    accuracy.not_observed,
    consistency.texts,
    consistency.options,
    diversity.people,
    diversity.attributes,
    compliance.texts,
    compliance.special_categories,
    compliance.sources,
)
"""The checks that need nothing but the material."""


def _battery(found: Battery) -> BatteryFacts:
    return BatteryFacts(
        questions=found.questions,
        suspects=int(found.suspects.sum()),
        expected=found.expected,
        reversed=found.reversed,
    )


def refuse(audit: Audit, page: Path) -> None:
    """Returns where nothing blocks.

    Raises:
        DataError: something does; names each blocking finding with the first people, and the page.
    """
    if audit.passed:
        return
    lines = [f"  {f.check}: {f.sentence}{_people(f)} {f.remedy}" for f in audit.blocking]
    what = counted(len(lines), "finding")
    allowed = [f.check for f in audit.blocking if f.check not in NEVER_ALLOWED]
    accept = (
        f"\nTo train all the same, write under 'audit: allow' {{finding: {allowed[0]}, reason: ...}}."
        if allowed
        else ""
    )
    raise DataError(
        f"nothing was trained: {what} of the audit {'stops' if len(lines) == 1 else 'stop'} it\n"
        + "\n".join(lines)
        + f"\nThe whole audit: {page}{accept}"
    )


def _people(finding: Finding) -> str:
    if not finding.people:
        return ""
    others = (finding.number or 0) - _REFUSED
    more = f" and {others:,} more" if others > 0 else ""
    return f" People: {', '.join(finding.people[:_REFUSED])}{more}."


def _skipped(spec: AuditSpec, suspected: Suspected) -> tuple[str, ...]:
    """The checks that had nothing to look at."""
    idle = {
        "new-questions": not spec.new_questions,
        "empty-segment": not spec.segments,
        "unused-segment": not spec.segments,
        "sparse-segment": not spec.segments,
        "straight-liners": not suspected.batteries,
        "speeders": suspected.median_seconds is None,
    }
    return tuple(check for check, nothing in idle.items() if nothing)


def _result(material: Material, found: Sequence[Finding], spec: AuditSpec, skipped: tuple[str, ...]) -> Audit:
    findings = [_accepted(finding, spec.allow) for finding in found]
    findings.sort(key=lambda f: (_GRAVITY.index(f.severity), _ORDER.index(f.check)))
    return Audit(
        people=len(material.people),
        people_trained=int(material.trained.sum()),
        answers=int(material.given.sum()),
        attributes=material.attributes,
        findings=tuple(findings),
        skipped=skipped,
        questions=(),
        segments=(),
        batteries=(),
        median_seconds=None,
        people_left_out=0,
    )


def _accepted(finding: Finding, allow: Sequence[Allowed]) -> Finding:
    for entry in allow:
        about = not entry.names or set(finding.names) <= set(entry.names)
        if entry.finding == finding.check and about:
            return finding.model_copy(update={"accepted": entry.reason.strip()})
    return finding


def _check(allow: Sequence[Allowed]) -> None:
    for entry in allow:
        if entry.finding not in CHECKS:
            raise DocumentError(f"allow: unknown finding {entry.finding!r}; there are {', '.join(CHECKS)}")
        if entry.finding in NEVER_ALLOWED:
            raise DocumentError(
                f"allow: {entry.finding!r} cannot be accepted: nothing can, or may, be fitted on such "
                f"material; those that can are {listing([c for c in CHECKS if c not in NEVER_ALLOWED], 40)}"
            )
