"""The record of processing activities (GDPR Art. 30) and material for an impact assessment (Art. 35).

Only what the workspace knows; what it does not know stands first, as a list of gaps.
"""

from datetime import datetime

from grounding import provenance
from grounding.privacy import protection
from grounding.privacy.protection import PERSONAL, SourceRecord
from mirrorpanel import __version__, audit, erasure, keys, receipts, sources
from mirrorpanel.keys import RING, KeyRecord
from mirrorpanel.receipts import Flag, Receipt
from mirrorpanel.records import AdapterRecord, PanelRecord, RunRecord
from mirrorpanel.store import Workspace, now
from personas.document import Document
from personas.wording import counted


class SpecialUse(Document):
    """Attributes and questions of special categories that were let in, and the reason written down."""

    names: tuple[str, ...]
    reason: str
    cleared: dict[str, str]


class PanelUse(Document):
    """A panel: what it holds of whom, and from which sources."""

    panel: str
    created: datetime
    people: int
    persons: int
    population: str
    attributes: dict[str, str]
    questions: int
    special: SpecialUse
    sources: tuple[SourceRecord, ...]


class AdapterUse(Document):
    """An adapter: which panel it was fitted on, and whether people were erased since."""

    adapter: str
    panel: str
    created: datetime
    base_model: str
    people: int
    flagged: Flag | None


class RunUse(Document):
    """A run: which panel was asked, by which model."""

    run: str
    panel: str
    created: datetime
    model: str
    answers: int


class Dossier(Document):
    """Everything that the record says; ``gaps`` is what nobody has written down."""

    workspace: str
    written: datetime
    version: str
    gaps: tuple[str, ...]
    key: KeyRecord
    panels: tuple[PanelUse, ...]
    adapters: tuple[AdapterUse, ...]
    runs: tuple[RunUse, ...]
    erasures: tuple[Receipt, ...]
    audit_entries: int
    audit_head: str
    audit_faults: tuple[str, ...]


def dossier(workspace: Workspace) -> Dossier:
    """What the workspace knows of the processing that happened in it."""
    panels, key = _panels(workspace), keys.record(workspace)
    verified = audit.verify(workspace.connection, workspace.folder)
    adapters = _adapters(workspace)
    return Dossier(
        workspace=workspace.identifier,
        written=now().replace(microsecond=0),
        version=__version__,
        gaps=tuple(_gaps(panels, adapters, key)),
        key=key,
        panels=panels,
        adapters=adapters,
        runs=_runs(workspace),
        erasures=receipts.records(workspace),
        audit_entries=verified.entries,
        audit_head=verified.head,
        audit_faults=verified.faults,
    )


def _panels(workspace: Workspace) -> tuple[PanelUse, ...]:
    found: list[PanelUse] = []
    for panel, created in workspace.rows("SELECT panel, created FROM panels ORDER BY created"):
        record = workspace.record("panels", "panel", panel, PanelRecord)
        special = record.spec.special_categories
        found.append(
            PanelUse(
                panel=panel,
                created=created,
                people=record.people,
                persons=record.persons,
                population=record.spec.population,
                attributes=provenance.known(record.provenance),
                questions=workspace.value("SELECT count(*) FROM questions WHERE panel = ?", [panel]),
                special=SpecialUse(names=special.names, reason=special.reason, cleared=special.cleared),
                sources=sources.records(workspace, panel),
            )
        )
    return tuple(found)


def _adapters(workspace: Workspace) -> tuple[AdapterUse, ...]:
    rows = workspace.rows("SELECT adapter, panel, created FROM adapters ORDER BY created")
    records = [workspace.record("adapters", "adapter", row[0], AdapterRecord) for row in rows]
    return tuple(
        AdapterUse(
            adapter=adapter,
            panel=panel,
            created=created,
            base_model=record.base_model,
            people=record.split.people_trained,
            flagged=erasure.flag(workspace, adapter),
        )
        for (adapter, panel, created), record in zip(rows, records, strict=True)
    )


def _runs(workspace: Workspace) -> tuple[RunUse, ...]:
    rows = workspace.rows(
        "SELECT run, panel, created, (SELECT count(*) FROM answers a WHERE a.run = r.run) FROM runs r "
        "ORDER BY created"
    )
    models = [workspace.record("runs", "run", row[0], RunRecord).model for row in rows]
    return tuple(
        RunUse(run=run, panel=panel, created=created, answers=answers, model=model)
        for (run, panel, created, answers), model in zip(rows, models, strict=True)
    )


def _gaps(panels: tuple[PanelUse, ...], adapters: tuple[AdapterUse, ...], key: KeyRecord) -> list[str]:
    gaps: list[str] = []
    today = now().date()
    for use in panels:
        if not use.sources:
            gaps.append(f"Panel {use.panel}: its sources are not recorded.")
        if not use.population:
            gaps.append(f"Panel {use.panel}: the population is not recorded (population).")
        personal = [s for s in use.sources if s.kind in PERSONAL]
        for source in personal:
            lacking = protection.missing(source.protection)
            if lacking:
                gaps.append(f"Source {source.name} of panel {use.panel}: not recorded: {', '.join(lacking)}.")
            if not source.pseudonymised and not source.protection.anonymous:
                gaps.append(
                    f"Source {source.name} of panel {use.panel}: its ids are kept, no reason is given."
                )
        gaps += [
            f"Source {s.name} of panel {use.panel}: its retention date {s.protection.retention} has passed, "
            "and its rows are still here."
            for s in protection.expired(personal, today)
        ]
    gaps += [
        f"Adapter {a.adapter}: {a.flagged.people} of the people it was fitted on were erased; not trained "
        f"anew."
        for a in adapters
        if a.flagged is not None
    ]
    if key.destroyed is None and key.check and not key.place.startswith(RING):
        gaps.append(f"Who may read the key file {key.place}, and where its backup is: not recorded.")
    return [*gaps, *_NEVER]


_NEVER = (
    "Contact details of controller, representative and data protection officer: not recorded; add them.",
    "Recipients, and transfers to third countries: not recorded. The program itself sends nothing anywhere; "
    "whom reports and exports were given to is for the controller to say.",
    "Necessity and proportionality, and the views of those concerned (Art. 35(7)(b), 35(9)): for the "
    "controller to say.",
)


def text(found: Dossier) -> str:
    """The record as Markdown."""
    return "\n".join(
        [
            "# Record of processing activities (Verzeichnis von Verarbeitungstätigkeiten, Art. 30) and "
            "material "
            "for the data protection impact assessment (Datenschutz-Folgenabschätzung, Art. 35)",
            "",
            f"Workspace {found.workspace}; written on {found.written:%Y-%m-%d %H:%M} UTC by mirrorpanel "
            f"{found.version} from what the workspace knows. It is no legal advice, and no finished record.",
            "",
            "## Gaps (Lücken)",
            "",
            *(f"- {gap}" for gap in found.gaps),
            "",
            *(line for use in found.panels for line in _panel_text(use)),
            *_measures(found),
            *_models(found),
            *_erasures(found),
        ]
    )


def _panel_text(use: PanelUse) -> list[str]:
    names = ", ".join(f"{name} ({kind})" for name, kind in use.attributes.items())
    special = ", ".join(use.special.names) or "none let in"
    reason = f" (reason: {use.special.reason})" if use.special.names else ""
    cleared = [f"- Looked at and cleared: {name}: {why}" for name, why in use.special.cleared.items()]
    return [
        f"## Processing: panel {use.panel}",
        "",
        f"- Since (seit): {use.created:%Y-%m-%d}",
        f"- Data subjects (betroffene Personen): {use.people:,} people behind {use.persons:,} simulated "
        f"persons; "
        f"population: {use.population or 'not recorded'}",
        f"- Categories of data (Datenkategorien): {use.questions:,} questions with answers; "
        f"{counted(len(use.attributes), 'attribute')} ({provenance.tally(use.attributes)}): {names}",
        f"- Special categories (besondere Kategorien, Art. 9): {special}{reason}",
        *cleared,
        "",
        *(line for source in use.sources for line in _source_text(source)),
    ]


def _source_text(source: SourceRecord) -> list[str]:
    p = source.protection
    personal = source.kind in PERSONAL
    consent = f"column {p.consent.column} is {' or '.join(p.consent.values)}" if p.consent else ""
    rows = (
        ("Kind and origin", f"{source.kind}, {source.origin}"),
        (
            "Made by, vintage, licence",
            ", ".join(filter(None, (source.source, source.vintage, source.licence))),
        ),
        ("SHA-256", source.sha256),
        ("Controller (Verantwortlicher)", p.controller if personal else "no personal data"),
        ("Purpose (Zweck)", p.purpose if personal else "no personal data"),
        ("Legal basis (Rechtsgrundlage)", p.legal_basis if personal else "no personal data"),
        ("Consent (Einwilligung)", consent or "no consent variable"),
        ("Retention (Löschfrist)", str(p.retention) if p.retention else ""),
        ("Personal data", f"no: {p.anonymous}" if p.anonymous else "yes" if personal else "no"),
        ("Rows read, broken, without consent, used", _rows(source)),
        ("Columns read", ", ".join(source.columns_read)),
        ("Ids", "pseudonyms" if source.pseudonymised else "kept as they were"),
    )
    lines = [f"- {label}: {value or 'not recorded'}" for label, value in rows]
    return [f"### Source {source.name}", "", *lines, ""]


def _rows(source: SourceRecord) -> str:
    known = (source.rows_read, source.rows_broken, source.rows_without_consent, source.rows_used)
    return ", ".join("not recorded" if number is None else f"{number:,}" for number in known)


def _measures(found: Dossier) -> list[str]:
    key = found.key
    if key.destroyed is not None:
        state = f"destroyed on {key.destroyed:%Y-%m-%d}"
    elif not key.check:
        state = "none was made: no source with personal ids was grounded"
    else:
        kind = "in a key ring" if key.place.startswith(RING) else "in a file outside the workspace"
        changed = f", changed on {key.changed:%Y-%m-%d}" if key.changed else ""
        state = f"{kind}, check value {key.check}, made on {key.made:%Y-%m-%d}{changed}"
    log = "; ".join(found.audit_faults) or "intact"
    return [
        "## Technical and organisational measures (technische und organisatorische Maßnahmen, Art. 32)",
        "",
        "- Pseudonyms: HMAC-SHA-256 with a key of 256 bits; original ids are not stored.",
        f"- Key: {state}.",
        "- Columns: only those on the allow-list are read; direct identifiers are refused as attributes.",
        "- Exports: combinations of attributes shared by fewer than k people are suppressed, k = 10 unless "
        "set "
        "otherwise and never below 5.",
        "- Everything runs on the computer of the user; models are open weights, no text leaves the "
        "computer.",
        f"- Audit log: {found.audit_entries:,} entries, chained by hash, {log}; head {found.audit_head}.",
        "",
    ]


def _models(found: Dossier) -> list[str]:
    adapters = [
        f"- {a.adapter}: fitted on {a.people:,} people of panel {a.panel}, {a.base_model}, "
        f"{a.created:%Y-%m-%d}"
        + (f"; FLAGGED: {a.flagged.people} of them were erased since" if a.flagged else "")
        for a in found.adapters
    ]
    runs = [
        f"- {r.run}: panel {r.panel}, {r.model}, {r.answers:,} simulated answers, {r.created:%Y-%m-%d}"
        for r in found.runs
    ]
    return [
        "## Models fitted on personal data (adapters)",
        "",
        "A model fitted on personal data is anonymous only where extracting them is insignificantly likely "
        "(EDPB Opinion 28/2024); whether that holds is for the assessment.",
        "",
        *(adapters or ["- None."]),
        "",
        "## Runs",
        "",
        *(runs or ["- None."]),
        "",
    ]


def _erasures(found: Dossier) -> list[str]:
    lines = [
        f"- {r.receipt}, {r.moment:%Y-%m-%d}: {r.deleted.people:,} of the people, "
        f"{counted(r.deleted.persons, 'person')}, {counted(r.deleted.answers, 'answer')}, "
        f"{counted(len(r.files), 'file')}, in {counted(len(r.panels), 'panel')}"
        for r in found.erasures
    ]
    return ["## Erasures (Löschungen, Art. 17)", "", *(lines or ["- None."]), ""]
