"""``train --audit``: what a training file would be trained on, looked through before anything is fitted."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from grounding.privacy import masking
from grounding.provenance import Provenance
from mirrorpanel import __version__, aside, panels, places, sources
from mirrorpanel.records import PanelRecord
from mirrorpanel.render import audit_page
from mirrorpanel.render.audit_page import PageData
from mirrorpanel.store import Workspace, now
from personas import document
from personas.arrays import BoolArray
from personas.errors import DataError, UnknownName
from personas.models import catalogue
from personas.models.wheel import cache_folder
from personas.panel import Panel
from training import dataset
from training.audit import audit as audits
from training.audit.material import Material
from training.audit.result import Audit
from training.spec import TrainSpec
from training.split_spec import SplitSpec

_SHOWN = 5


@dataclass(frozen=True)
class AuditedPanel:
    """The audit of a panel for one training file, and its page.

    ``left_out`` marks those of the panel's people whom the file leaves out of the training because of what
    was found, shape (n_people,).
    """

    panel: str
    audit: Audit
    page: Path
    left_out: BoolArray


def audit(workspace: Workspace, file: Path) -> AuditedPanel:
    """Reads ``train.yaml`` and its panel, looks through both, and writes ``audit.html`` and ``audit.json``.

    Blocking findings are part of the result and raise nothing; ``training.audit.audit.refuse`` does.
    """
    return of_spec(workspace, document.read(file, TrainSpec), file)


def of_spec(workspace: Workspace, spec: TrainSpec, file: Path) -> AuditedPanel:
    """The same for a specification that was read before; ``file`` is what messages call it.

    Raises:
        UnknownName: the specification names a language model, panel or attribute that there is not.
    """
    with places.named(file, "model"):
        _refuse_unknown_model(spec.model)
    with places.named(file, "panel"):
        panel = workspace.latest("panels", "panel", spec.panel)
    record = workspace.record("panels", "panel", panel, PanelRecord)
    _refuse_weights(workspace, panel)
    people, answers = panels.people(workspace, panel)
    with places.named(file, "split", "questions"):
        found = dataset.decided(spec.split, answers.questions)
    with places.named(file, "split"):
        groups = dataset.groups(found.split, people)
    material = Material(
        people=people,
        answers=answers,
        attributes=_attributes(spec, file, people, record.provenance),
        trained=groups.trained,
        apart=_apart(spec.split),
        held_out=found.split.questions,
        seconds=panels.seconds(workspace, panel),
        kinds=_kinds(record.provenance),
        sources=sources.records(workspace, panel),
        special=record.spec.special_categories,
        gate=masking.gate(record.spec.masking),
        today=now().date(),
    )
    with places.named(file, "audit"):
        result, left_out = audits.audit(material, spec.audit, spec.seed)
    return AuditedPanel(panel, result, _page(workspace, panel, spec, result), left_out)


def _refuse_unknown_model(name: str) -> None:
    """Returns where the language model can be had; that it was pulled is not asked before it is needed."""
    if name not in catalogue.names():
        catalogue.folder(name, cache_folder())


def _apart(split: SplitSpec) -> dict[str, tuple[str, ...]]:
    """Attribute -> levels of the segment or wave that is held out."""
    attributes = dict.fromkeys([*split.segment, *split.wave])
    return {a: (*split.segment.get(a, ()), *split.wave.get(a, ())) for a in attributes}


def _attributes(
    spec: TrainSpec, file: Path, people: Panel, provenance: Sequence[Provenance]
) -> tuple[str, ...]:
    """The attributes that the model may use. Raises: DocumentError naming one that the panel lacks."""
    with places.named(file, "attributes"):
        unknown = [a for a in spec.attributes or () if a not in people.attributes]
        if unknown:
            raise UnknownName("attribute", unknown[0], list(people.attributes))
    return spec.attributes or tuple(p.attribute for p in provenance if p.kind == "observed")


def _kinds(provenance: Sequence[Provenance]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for entry in provenance:
        found[entry.attribute] = (*found.get(entry.attribute, ()), entry.kind)
    return found


def _refuse_weights(workspace: Workspace, panel: str) -> None:
    """Returns where every weight is a number from 0 up, one of them above. Raises: DataError."""
    wrong = workspace.rows(
        "SELECT id, weight FROM people WHERE panel = ? AND NOT (weight >= 0 AND isfinite(weight)) "
        "ORDER BY place",
        [panel],
    )
    if wrong:
        listed = ", ".join(f"{person} ({weight})" for person, weight in wrong[:_SHOWN])
        more = f" and {len(wrong) - _SHOWN:,} more" if len(wrong) > _SHOWN else ""
        raise DataError(
            f"panel {panel}: weights that are no numbers from 0 up: {listed}{more}; the workspace was "
            "changed after grounding: ground the panel again"
        )
    if not workspace.value("SELECT coalesce(sum(weight), 0) > 0 FROM people WHERE panel = ?", [panel]):
        raise DataError(f"panel {panel}: nobody has a weight above 0, so nobody counts; ground it again")


def _page(workspace: Workspace, panel: str, spec: TrainSpec, result: Audit) -> Path:
    folder = workspace.folder / "reports" / panel
    moment = now().isoformat(timespec="seconds") + "+00:00"
    with aside.files_of(folder) as part:
        page = audit_page.write(result, PageData(panel, spec.adapter, moment, __version__), part)
    return folder / page.name
