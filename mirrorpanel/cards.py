"""What the cards beside an adapter are made from, as the workspace knows it."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mirrorpanel import __version__, lineup, panels, sources
from mirrorpanel.records import AdapterRecord, PanelRecord
from mirrorpanel.render.numbers import points
from mirrorpanel.store import Workspace, write_failed
from personas import disk
from personas.answer import NO_ANSWER
from personas.models import catalogue
from training.audit.result import Audit
from training.registry import card, data_card
from training.registry.data_card import DataFacts
from training.registry.front_matter import Base
from training.registry.guidance import Origin
from training.registry.hard_cases import HardCase
from training.registry.registry import Registration
from training.spec import CardSpec

MODEL, DATA = "README.md", "DATA.md"


def base(source: str) -> Base:
    """What is known of the language model of a catalogue name, folder or hub name."""
    if source in catalogue.names():
        entry = catalogue.get(source)
        return Base(entry.licence, entry.licence_link, entry.hub, entry.languages)
    hub = catalogue.hub_name(source)
    return Base(lineup.licence(source), f"https://huggingface.co/{hub}" if hub else "", hub)


def model_facts(
    workspace: Workspace,
    panel: str,
    record: AdapterRecord,
    registration: Registration,
    hard: Sequence[HardCase],
) -> card.Facts:
    """Facts of the model card of an adapter that was just trained.

    Args:
        workspace: where the panel is.
        panel: that the adapter was fitted on.
        record: of the adapter.
        registration: with its figures and gates.
        hard: how the hard cases ended.
    """
    known = workspace.record("panels", "panel", panel, PanelRecord)
    behind = sources.records(workspace, panel)
    return card.Facts(
        panel=panel,
        base=base(record.base_model),
        people_trained=record.split.people_trained,
        people_held_out=record.split.people_held_out,
        questions_held_out=record.split.questions,
        seconds=record.seconds,
        command_seconds=record.command_seconds,
        machine=record.processor,
        data_licences=licences(workspace, panel),
        registration=registration,
        hard=tuple(hard),
        command=f"mirrorpanel train {Path(record.file).name}",
        changes_weights=bool(record.tuned_files),
        panel_name=known.spec.panel,
        origin=stated(record.spec.card)._replace(
            controllers=tuple(
                dict.fromkeys(s.protection.controller for s in behind if s.protection.controller)
            ),
            population=known.spec.population,
            program=f"mirrorpanel {__version__}",
            made=registration.events[0].moment[:10] if registration.events else "",
        ),
    )


def stated(said: CardSpec) -> Origin:
    """What the training file says of who stands behind an adapter."""
    return Origin(developer=said.developer or "", contact=said.contact or "", licence=said.licence or "")


def restate(workspace: Workspace, adapter: str, said: CardSpec) -> bool:
    """Writes what the training file says by now into card and record; false where it says the same.

    Raises:
        WorkspaceError: the card cannot be written.
    """
    record = workspace.record("adapters", "adapter", adapter, AdapterRecord)
    if record.spec.card == said:
        return False
    path = workspace.folder / record.folder / MODEL
    fresh = record.model_copy(update={"spec": record.spec.model_copy(update={"card": said})})
    try:
        text = card.with_origin(path.read_text(encoding="utf-8"), stated(said))
        with workspace.transaction("train", f"{adapter}: card renewed"):
            row = [fresh.model_dump_json(), adapter]
            workspace.connection.execute("UPDATE adapters SET record = ? WHERE adapter = ?", row)
        disk.replace(path, text)
    except OSError as error:
        raise write_failed(path, error) from None
    return True


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
        answering=answering(workspace, panel, questions),
        weighted=weighted(known),
        codebook=known.spec.survey.codebook or "" if known.spec.survey is not None else "",
        changed_weights=bool(record.tuned_files),
    )


def answering(workspace: Workspace, panel: str, questions: Sequence[str]) -> data_card.Missing | None:
    """How many of a panel's people gave no answer, question by question; ``None`` without any of either."""
    people, answers = panels.people(workspace, panel)
    asked = [q.name for q in answers.questions if q.name in questions]
    if not asked or not len(people):
        return None
    none = np.mean(answers.only(asked).chosen == NO_ANSWER, axis=0)
    return data_card.Missing(len(asked), float(none.min()), float(np.median(none)), float(none.max()))


def weighted(known: PanelRecord) -> str:
    """How the people behind a panel are weighted, in words."""
    found = known.weighting
    error = found.largest_margin_error
    margins = "no official margins" if error is None else f"largest margin error {points(error)}"
    return (
        f"design effect {found.design_effect:.2f}, effective base {found.effective_base:,.0f}, largest "
        f"weight {found.largest_weight:.2f} times the mean, {margins}"
    )


def licences(workspace: Workspace, panel: str) -> tuple[str, ...]:
    """Licences of the data behind a panel, each once."""
    return tuple(dict.fromkeys(s.licence for s in sources.records(workspace, panel) if s.licence))
