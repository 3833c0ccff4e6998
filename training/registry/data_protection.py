"""The part of a data card on the GDPR: what a record of processing asks for, and what is still to be said.

Source: Regulation (EU) 2016/679, Art. 4, 9, 13-22, 30(1), 32, 35 and 44-49. It is no legal advice.
"""

from collections.abc import Sequence

from grounding.privacy import protection
from grounding.privacy.protection import PERSONAL, SourceRecord
from grounding.privacy.spec import SpecialCategories

UNKNOWN = "not recorded"


def lines(sources: Sequence[SourceRecord], special: SpecialCategories) -> list[str]:
    """The part as Markdown: source by source, and then for all of them."""
    held = [s for s in sources if s.kind in PERSONAL]
    named = [line for source in held for line in _source(source)]
    personal = [s for s in held if not s.protection.anonymous]
    return [
        "## GDPR",
        "",
        *(named or ["- no source with personal data"]),
        *(_processing(personal) if personal else []),
        *_rights(special),
        "",
    ]


def _source(source: SourceRecord) -> list[str]:
    p = source.protection
    if p.anonymous:
        return [f"- {source.name}: recorded as not personal: {p.anonymous}"]
    lacking = protection.missing(p)
    consent = f"column {p.consent.column}" if p.consent else "no consent variable"
    said = [
        f"- {source.name}: controller {p.controller or UNKNOWN}; purpose {p.purpose or UNKNOWN}; legal "
        f"basis {p.legal_basis or UNKNOWN}; retention {p.retention or UNKNOWN}; {consent}",
        f"- {source.name}: pseudonymisation (Art. 4(5)): {_pseudonymised(source)}",
    ]
    return [*said, f"- {source.name}: **missing**: {', '.join(lacking)}"] if lacking else said


def _pseudonymised(source: SourceRecord) -> str:
    return (
        "yes, the key lies outside the workspace" if source.pseudonymised else "no, ids are kept as they were"
    )


def _processing(personal: Sequence[SourceRecord]) -> list[str]:
    """Art. 30(1)(d) to (g), information to people, and the assessment of impact."""
    limits = "; ".join(f"{s.name}: {s.protection.retention or UNKNOWN}" for s in personal)
    bare = [s.name for s in personal if not s.pseudonymised]
    ids = f"ids kept as they were in {', '.join(bare)}" if bare else "ids under pseudonyms throughout"
    return [
        f"- recipients (Art. 30(1)(d)): {UNKNOWN}; the program itself sends no rows to anybody. Whoever gets "
        "the workspace is one.",
        f"- transfers to third countries (Art. 30(1)(e), Art. 44 to 49): {UNKNOWN}; the program computes "
        "where it runs, and fetches weights without sending data. Where that machine stands decides.",
        f"- time limits for erasure (Art. 30(1)(f)): {limits}; no verb uses a source after its last day, and "
        "`mirrorpanel erase` removes people before",
        f"- security (Art. 30(1)(g), Art. 32): {ids}; an allow-list of columns; personal data masked in "
        "text; small cells suppressed in what is published; a log of all writing verbs. Who may read the "
        f"folder, encryption of the disk, and backups: {UNKNOWN}, outside the program.",
        f"- information to people (Art. 13 where the data come from themselves, Art. 14 where not): "
        f"{UNKNOWN}; it has to name training a model as a purpose, or that purpose has to be compatible "
        "(Art. 6(4))",
        "- assessment of impact (Art. 35): called for before training where a high risk is likely, such as "
        "special categories on a large scale or systematic evaluation of people; this card and the audit are "
        f"material for it. Whether one was made: {UNKNOWN}.",
    ]


def _rights(special: SpecialCategories) -> list[str]:
    names, reason = ", ".join(special.names), special.reason
    return [
        f"- special categories (Art. 9): {f'{names}; exception: {reason}' if names else 'none let in'}",
        *(f"- looked at and cleared: {name}: {why}" for name, why in special.cleared.items()),
        "- rights (Art. 15 to 22): `mirrorpanel erase` removes a person and marks this adapter as fitted on "
        "them; it is then trained anew. Simulated answers are about nobody, and no decision about one of the "
        "people may rest on them (Art. 22).",
        "- whether a model fitted on personal data is anonymous has to be assessed case by case (EDPB "
        "Opinion 28/2024); the gates in README.md are material for that, no answer.",
    ]
