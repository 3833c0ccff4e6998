"""The audit before a training as one HTML page that opens offline, and its JSON twin."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mirrorpanel.render import templating
from personas.wording import counted
from training.audit.audit import CHECKS
from training.audit.result import Audit, Family, Finding, Severity

_TEMPLATE = "audit.html.j2"
FAMILIES: dict[Family, str] = {
    "relevant": "Does the material cover what the model is to serve?",
    "accurate": "Are the answers what people meant?",
    "consistent": "Does the same question mean the same wherever it stands?",
    "diverse": "Do people differ enough, and are there enough of them?",
    "compliant": "May these data be trained on?",
}
_CLASSES: dict[Severity, str] = {"blocking": "worse", "warning": "no-better", "note": ""}
LIMITS = (
    "Suspected, not proven: a straight line or a short time can be honest. In an interview survey (GSS), "
    "suspected straight-liners repeated their answers two years later as often as others did. Leave people "
    "out only where the same rule would be used whatever their answers say.",
    "Straight lines are held against the shares and correlations of the battery. What else makes people "
    "alike counts as suspicion.",
    "Special categories and personal data are recognised by words: what is not found is still the duty of "
    "whoever writes the grounding file.",
    "This page names real people by id or pseudonym. It is for those who may see the data, not for others.",
)


@dataclass(frozen=True)
class PageData:
    """What the page needs beside the audit: panel, name of the adapter, time in UTC, version."""

    panel: str
    adapter: str
    created: str
    version: str


class _Section(NamedTuple):
    """One family: its question, its findings, what was found in order, and what there was nothing of."""

    family: Family
    question: str
    findings: tuple[Finding, ...]
    in_order: tuple[str, ...]
    skipped: tuple[str, ...]


def write(audit: Audit, data: PageData, folder: Path) -> Path:
    """Path of ``audit.html`` in ``folder``, with ``audit.json`` beside it; the folder is made."""
    return templating.written(folder, "audit", html(audit, data), _twin(audit, data))


def verdict(audit: Audit) -> str:
    """Whether the training may begin, in one sentence."""
    warnings = sum(f.severity == "warning" and not f.accepted for f in audit.findings)
    accepted = sum(f.severity == "blocking" and bool(f.accepted) for f in audit.findings)
    told = counted(warnings, "warning")
    if accepted:
        told += f", {counted(accepted, 'finding')} accepted with a reason"
    if audit.passed:
        return f"The training may begin: nothing stops it, {told}."
    number = counted(len(audit.blocking), "finding")
    return (
        f"The training does not begin: {number} {'stops' if len(audit.blocking) == 1 else 'stop'} it, {told}."
    )


def html(audit: Audit, data: PageData) -> str:
    """The whole page; it loads nothing, and every text from the data is escaped."""
    return (
        templating.environment()
        .get_template(_TEMPLATE)
        .render(
            data=data,
            audit=audit,
            style=templating.style(),
            verdict=verdict(audit),
            sections=_sections(audit),
            classes=_CLASSES,
            questions=sorted(audit.questions, key=lambda q: (q.held_out, q.answers)),
            limits=LIMITS,
        )
    )


def _sections(audit: Audit) -> Sequence[_Section]:
    found = {f.check for f in audit.findings}

    def listed(family: Family, skipped: bool) -> tuple[str, ...]:
        return tuple(
            f"{what[:1].upper()}{what[1:]}."
            for check, (of, what) in CHECKS.items()
            if of == family and check not in found and (check in audit.skipped) == skipped
        )

    return [
        _Section(
            family,
            question,
            tuple(f for f in audit.findings if f.family == family),
            listed(family, skipped=False),
            listed(family, skipped=True),
        )
        for family, question in FAMILIES.items()
    ]


def _twin(audit: Audit, data: PageData) -> dict[str, Any]:
    """What the page says, for machines."""
    return {
        "panel": data.panel,
        "adapter": data.adapter,
        "created": data.created,
        "mirrorpanel": data.version,
        "passed": audit.passed,
        "verdict": verdict(audit),
        "in_order": {s.family: s.in_order for s in _sections(audit)},
        **audit.model_dump(mode="json"),
        "limits": LIMITS,
    }
