"""The data card beside an adapter: where its data come from, what was done to them, and what the law asks.

Source: Gebru et al., "Datasheets for datasets", Communications of the ACM 64 (2021), for what is asked;
Regulation (EU) 2024/1689 (AI Act), Art. 3, 4, 50 and 53; Regulation (EU) 2016/679 (GDPR), Art. 4, 5, 9,
13-22, 30, 35, 44-49.
It says what the workspace knows and names what nobody has written down. It is no legal advice.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from grounding.privacy.protection import PERSONAL, SourceRecord
from grounding.privacy.spec import SpecialCategories
from grounding.provenance import Provenance
from personas.wording import counted, listing, percent
from training.audit.result import Audit, Finding
from training.registry import data_protection

UNKNOWN = "not recorded"


class Missing(NamedTuple):
    """Share of the people without an answer, over questions: how many these are, least, median and most."""

    questions: int
    least: float
    median: float
    most: float


class DataFacts(NamedTuple):
    """What the data card is made from; all of it stands in the workspace.

    Attributes:
        adapter: name of the adapter.
        panel: identifier of the panel, ``population`` whom it stands for, in words.
        sources: what came in from where, under which protection.
        provenance: where each attribute comes from.
        attributes: those that the adapter uses.
        questions: names of the questions trained on; ``questions_held_out`` of those that were not.
        people_trained: numbers of people, and so ``people_held_out``.
        special: special categories that were let in.
        masked: how often personal data were masked, by place and kind.
        audit: what was found before training; ``None`` where nobody looked.
        data: hash of the answers trained on.
        text: what people wrote was trained on, beside closed answers.
        answering: how many of the people behind the panel gave no answer; ``None`` without questions.
        weighted: how these people are weighted, in words; empty where nobody noted it.
        codebook: that says which codes mean no answer; empty without one.
        changed_weights: LoRA or a voice is kept, so that weights of the language model were changed.
    """

    adapter: str
    panel: str
    population: str
    sources: tuple[SourceRecord, ...]
    provenance: tuple[Provenance, ...]
    attributes: tuple[str, ...]
    questions: tuple[str, ...]
    questions_held_out: tuple[str, ...]
    people_trained: int
    people_held_out: int
    special: SpecialCategories
    masked: dict[str, dict[str, int]]
    audit: Audit | None
    data: str
    text: bool = False
    answering: Missing | None = None
    weighted: str = ""
    codebook: str = ""
    changed_weights: bool = False


def text(facts: DataFacts) -> str:
    """The data card as Markdown."""
    return "\n".join(
        [
            f"# Data behind persona model {facts.adapter}",
            "",
            *_what(facts),
            *_sources(facts),
            *_cleaning(facts),
            *_use(facts),
            *_risks(facts),
            *_ai_act(facts),
            *data_protection.lines(facts.sources, facts.special),
        ]
    )


def _what(facts: DataFacts) -> list[str]:
    held = listing(facts.questions_held_out) if facts.questions_held_out else "none"
    return [
        f"- panel: {facts.panel}; population: {facts.population or UNKNOWN}",
        f"- people trained on: {facts.people_trained:,}; never seen: {facts.people_held_out:,}",
        f"- questions trained on: {len(facts.questions):,}; held out: {len(facts.questions_held_out):,} "
        f"({held})",
        f"- hash of what was trained on: {facts.data}",
        "- rows of people are not in the adapter: it holds shares and effects of questions and, for each "
        "value of an attribute, how common it is",
        "",
    ]


def _sources(facts: DataFacts) -> list[str]:
    lines = ["## Provenance", ""]
    for source in facts.sources:
        made = ", ".join(filter(None, (source.source, source.vintage, source.licence)))
        rows = UNKNOWN if source.rows_used is None else f"{source.rows_used:,}"
        lines += [
            f"### {source.name} ({source.kind})",
            "",
            f"- origin: {source.origin}; {made or UNKNOWN}",
            f"- sha256: {source.sha256 or UNKNOWN}",
            f"- rows used: {rows}; ids: {'pseudonyms' if source.pseudonymised else 'kept as they were'}",
            f"- columns read: {', '.join(source.columns_read) or UNKNOWN}",
            *(f"- {note}" for note in source.notes),
            "",
        ]
    lines += ["| attribute | how it is known | source | licence | method |", "|---|---|---|---|---|"]
    for entry in facts.provenance:
        if entry.attribute in facts.attributes:
            cells = (
                entry.attribute,
                entry.kind,
                entry.source or UNKNOWN,
                entry.licence or UNKNOWN,
                entry.method or UNKNOWN,
            )
            lines.append(f"| {' | '.join(c.replace('|', '/') for c in cells)} |")
    return [*lines, ""]


def _cleaning(facts: DataFacts) -> list[str]:
    lines = ["## Cleaning", ""]
    for source in facts.sources:
        out: list[str] = []
        if source.rows_broken:
            out.append(f"{counted(source.rows_broken, 'row')} that could not be read")
        if source.rows_without_consent:
            out.append(f"{counted(source.rows_without_consent, 'row')} without consent")
        if out:
            lines.append(f"- {source.name}: left out {' and '.join(out)}")
    for where, kinds in facts.masked.items():
        told = ", ".join(f"{n} {kind}" for kind, n in kinds.items())
        lines.append(f"- {where}: masked {told}")
    if len(lines) == 2:
        lines.append("- nothing was left out or masked")
    return [*lines, *_answers(facts), "", *_audit(facts.audit)]


def _answers(facts: DataFacts) -> list[str]:
    """Missing answers, what counts as one, and weights."""
    found, codes = facts.answering, "none given: no codebook was read"
    if facts.codebook:
        codes = f"those that codebook {Path(facts.codebook).name} lists; they count as no answer"
    none = UNKNOWN
    if found is not None:
        low, middle, high = (percent(share, 1) for share in (found.least, found.median, found.most))
        asked = counted(found.questions, "question")
        none = f"{low} at least, {middle} in the median, {high} at most ({asked} of all people of the panel)"
    return [
        f"- people without an answer, question by question: {none}; nothing was filled in for them",
        f"- codes that mean no answer: {codes}",
        f"- weights: {facts.weighted or UNKNOWN}",
    ]


def _audit(audit: Audit | None) -> list[str]:
    if audit is None:
        return ["Audit before training: not made.", ""]
    lines = [
        f"Audit before training: {'passed' if audit.passed else 'not passed'}; "
        f"{counted(len(audit.findings), 'finding')}, {audit.people_left_out:,} people left out for them.",
        "",
    ]
    lines += [f"- {f.severity} ({f.family}): {f.sentence}{_accepted(f)}" for f in audit.findings]
    return [*lines, ""] if audit.findings else lines


def _accepted(finding: Finding) -> str:
    if finding.accepted:
        return f" Accepted: {finding.accepted}"
    return " Those people were left out." if finding.left_out else ""


def _use(facts: DataFacts) -> list[str]:
    purposes = _each(facts.sources, "purpose")
    return [
        "## Use",
        "",
        f"- purpose that the data were brought in for: {purposes}",
        "- intended: fitting and scoring persona models that simulate closed answers of a population",
        "- excluded: anything about one of the people; linking rows to other data to find out who they are; "
        "training models that are to be passed on where a licence above does not allow it",
        "",
    ]


def _risks(facts: DataFacts) -> list[str]:
    special = ", ".join(facts.special.names)
    filled = {p.attribute for p in facts.provenance if p.kind != "observed"} & set(facts.attributes)
    in_part = listing(sorted(filled)) if filled else "none"
    lines = [
        "## Risks",
        "",
        "- who is not among the people (not asked, not reached, no consent) is not simulated either",
        "- a segment with few people is drawn towards all others; the report of a run gives its base",
        f"- attributes that are not observed in every row: {in_part}",
        f"- special categories among what is used: {special or 'none let in'}",
    ]
    if facts.text:
        lines.append("- what people wrote was trained on: see the gate on memorised answers in README.md")
    return [*lines, ""]


def _ai_act(facts: DataFacts) -> list[str]:
    return [
        "## AI Act: roles and transparency",
        "",
        "- provider (Art. 3(3)): who develops this model, or has it developed, and puts it into service "
        "under "
        "their own name; deployer (Art. 3(4)): who uses it under their authority. Whoever trains and uses it "
        "in the same house is both.",
        "- transparency (Art. 50): the report of a run says that its answers are simulated, and report.json "
        "says so to machines (`synthetic: true`). Who publishes simulated answers has to keep that mark; who "
        "lets people talk to a simulated person has to tell them.",
        "- what Art. 5 prohibits stays prohibited; it is neither meant nor tested for the uses of Annex III, "
        "and who wants one of these has the duties that a high-risk system brings.",
        "- AI literacy (Art. 4): who puts simulated answers to use sees to it that those who read them know "
        "what they are and what they cannot show; the agreement report and this card are meant for that.",
        *_general_purpose(facts.changed_weights),
        f"- base data and their provenance: above; hash {facts.data[:16]}",
        "",
    ]


def _general_purpose(changed: bool) -> list[str]:
    """The duties that come with a general-purpose model whose weights were changed."""
    if not changed:
        return [
            "- general-purpose models (Art. 53): the language model is used as its makers published it; none "
            "of its weights were changed, and their documentation applies."
        ]
    return [
        "- general-purpose models (Art. 53): weights of the language model were changed here, by low-rank "
        "adapters that lie in this folder. Where the language model is a general-purpose one and the change "
        "is a significant modification, who passes the result on is its provider and has, limited to the "
        "change (recital 109), to document it technically, inform those who build on it, keep a copyright "
        "policy and publish a summary of what it was trained on. README.md and this card are material for "
        "that; whether the duties apply has to be assessed."
    ]


def _each(sources: Sequence[SourceRecord], field: str) -> str:
    found = [str(getattr(s.protection, field)) for s in sources if s.kind in PERSONAL]
    return "; ".join(dict.fromkeys(x for x in found if x)) or UNKNOWN
