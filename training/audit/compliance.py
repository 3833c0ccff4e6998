"""Compliant: may these data be trained on? Personal data, consent, retention, special categories."""

from collections.abc import Mapping
from datetime import timedelta

from grounding.privacy import masking, protection, special
from grounding.privacy.protection import SourceRecord
from personas.wording import listing
from training.audit.material import Material
from training.audit.result import Finding, Severity

_SOON = timedelta(days=90)


def texts(material: Material) -> list[Finding]:
    """Personal data in texts that the model would read, and attributes that identify people."""
    found = masking.left(material.used, material.answers.questions, material.gate)
    findings = [
        _finding(
            "personal-data",
            "blocking",
            f"{line[:-1].replace('Masked', 'Looks like personal data', 1)}.",
            "Ground the panel again, which masks it; a public name goes under 'masking: public_names'.",
            (where,),
        )
        for where, line in zip(found, masking.sentences(found), strict=True)
    ]
    levels = dict(zip(material.used.attributes, material.used.levels, strict=True))
    return findings + [
        _finding(
            "identifiers",
            "blocking",
            f"Attribute {name!r} identifies people directly ({kind}).",
            "Leave it out of 'attributes', and out of the grounding file.",
            (name,),
        )
        for name, kind in special.identifiers(levels)
    ]


def special_categories(material: Material) -> list[Finding]:
    """Special categories of personal data (GDPR Art. 9) among attributes and questions."""
    levels = dict(zip(material.used.attributes, material.used.levels, strict=True))
    found = special.found(levels, material.answers.questions)
    rules = material.special
    personal = any(s.kind in protection.PERSONAL for s in material.sources)
    stray = [f for f in found if f.name not in {*rules.names, *rules.cleared}]
    let_in = [f.name for f in found if f.name in rules.names]
    findings: list[Finding] = []
    for category in dict.fromkeys(f.category for f in stray):
        alike = [f for f in stray if f.category == category]
        first, more = alike[0], f", and {len(alike) - 1:,} more" if len(alike) > 1 else ""
        findings.append(
            _finding(
                "special-categories",
                "blocking" if personal else "note",
                f"Special category of personal data, {category}, that was not let in: {first.kind} "
                f"{first.name!r} ({first.evidence}){more}.",
                "Leave it out, or let it in under 'special_categories' of the grounding file with the "
                "exception of Art. 9(2) GDPR that holds.",
                tuple(f.name for f in alike),
            )
        )
    if let_in:
        sentence = f"{listing(let_in)}: special categories, let in for the reason: {rules.reason}."
        remedy = "Make sure that the reason covers training a model, not only the survey."
        findings.append(_finding("special-categories", "note", sentence, remedy, tuple(let_in)))
    return findings


def sources(material: Material) -> list[Finding]:
    """Sources that may no longer be used, or of which it is not recorded why they may be."""
    findings: list[Finding] = []
    for source in material.sources:
        findings += _retention(source, material)
        if source.kind in protection.PERSONAL:
            findings += _recorded(source)
        if not source.licence and source.kind != "synthesis":
            findings.append(
                _finding(
                    "licence",
                    "note",
                    f"Source {source.name!r}: no licence is stated.",
                    "Write under 'licence' what allows training on it; of your own data, that they are.",
                    (source.name,),
                )
            )
    return findings


def _retention(source: SourceRecord, material: Material) -> list[Finding]:
    last = source.protection.retention
    if last is None:
        return []
    if protection.expired([source], material.today):
        sentence = f"Source {source.name!r} may not be used any more: its retention date {last} has passed."
        return [_finding("retention", "blocking", sentence, "Delete the panel.", (source.name,))]
    if last - material.today > _SOON:
        return []
    sentence = f"Source {source.name!r} may be used until {last} only."
    remedy = "An adapter trained on it must be retired by then, or trained again without it."
    return [_finding("retention", "warning", sentence, remedy, (source.name,))]


_REMEDIES: Mapping[str, tuple[Severity, str]] = {
    "consent variable": (
        "blocking",
        "The legal basis is consent, so name the variable in which people consented ('protection: consent').",
    ),
    "legal basis": ("warning", "Write the legal basis under 'protection', or why the rows are 'anonymous'."),
    "controller": ("note", "Write under 'protection' who decides on purposes and means."),
    "purpose": ("warning", "Write under 'protection' what the data are used for; training must be covered."),
    "retention date": ("note", "Write under 'protection' until when the data may be used."),
}


def _recorded(source: SourceRecord) -> list[Finding]:
    findings: list[Finding] = []
    for what in protection.missing(source.protection):
        severity, remedy = _REMEDIES[what]
        check = "consent" if what == "consent variable" else "not-recorded"
        sentence = f"Source {source.name!r}: no {what} is recorded."
        findings.append(_finding(check, severity, sentence, remedy, (source.name,)))
    return findings


def _finding(check: str, severity: Severity, sentence: str, remedy: str, names: tuple[str, ...]) -> Finding:
    return Finding(
        family="compliant", check=check, severity=severity, sentence=sentence, remedy=remedy, names=names
    )
