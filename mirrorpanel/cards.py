"""What the cards beside an adapter are made from, as the workspace knows it."""

from collections.abc import Sequence

from mirrorpanel import sources
from mirrorpanel.records import AdapterRecord, PanelRecord
from mirrorpanel.store import Workspace
from training.audit.result import Audit
from training.registry.data_card import DataFacts

MODEL, DATA = "README.md", "DATA.md"


def data_facts(
    workspace: Workspace,
    panel: str,
    record: AdapterRecord,
    questions: Sequence[str],
    data: str,
    audit: Audit | None = None,
    text: bool = False,
) -> DataFacts:
    """Facts of the data card of an adapter.

    Args:
        workspace: where the panel is.
        panel: that the adapter was fitted on.
        record: of the adapter.
        questions: names of those trained on.
        data: hash of what was trained on.
        audit: what was found before training.
        text: what people wrote was trained on, too.
    """
    known = workspace.record("panels", "panel", panel, PanelRecord)
    return DataFacts(
        adapter=record.spec.adapter,
        panel=panel,
        population=known.spec.population,
        sources=sources.records(workspace, panel),
        provenance=known.provenance,
        attributes=record.attributes,
        questions=tuple(questions),
        questions_held_out=record.split.questions,
        people_trained=record.split.people_trained,
        people_held_out=record.split.people_held_out,
        special=known.spec.special_categories,
        masked=known.found.masked,
        audit=audit,
        data=data,
        text=text,
    )


def licences(workspace: Workspace, panel: str) -> tuple[str, ...]:
    """Licences of the data behind a panel, each once."""
    return tuple(dict.fromkeys(s.licence for s in sources.records(workspace, panel) if s.licence))
