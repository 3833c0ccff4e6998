"""``ground``: sources become a weighted panel in the workspace."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grounding import build, codebook, crm
from grounding.spec import GroundSpec
from mirrorpanel import panels, places
from mirrorpanel.records import PanelRecord
from mirrorpanel.store import Workspace
from personas import document
from personas.errors import DataError


@dataclass(frozen=True)
class GroundedPanel:
    """A panel of the workspace; ``fresh`` is false where the very same one was there already."""

    panel: str
    record: PanelRecord
    fresh: bool


def ground(workspace: Workspace, file: Path, cache: Path, report: Callable[[str], None]) -> GroundedPanel:
    """Reads ``ground.yaml``, builds the panel and stores it; the same inputs give the same panel."""
    spec = document.read(file, GroundSpec)
    _refuse_missing(spec, file)
    grounded = build.ground(spec, file.parent, cache, report)
    record = PanelRecord(
        spec=spec,
        file=str(file),
        people=len(grounded.people),
        persons=len(grounded.persons),
        weighting=grounded.weighting,
        inputs=grounded.inputs,
        provenance=grounded.provenance,
    )
    panel = panels.identifier(record)
    fresh = not panels.exists(workspace, panel)
    if fresh:
        panels.write(workspace, panel, record, grounded)
    else:
        workspace.renew("panels", "panel", panel)
    return GroundedPanel(panel, record, fresh)


def _refuse_missing(spec: GroundSpec, file: Path) -> None:
    """Returns where every file that ``ground.yaml`` names is there. Raises: DocumentError naming the line."""
    named: list[tuple[tuple[str | int, ...], str]] = []
    if spec.survey.file is not None:
        named.append((("survey", "file"), spec.survey.file))
    if spec.survey.codebook.endswith((".yaml", ".yml")):
        named.append((("survey", "codebook"), spec.survey.codebook))
    for i, source in enumerate(spec.crm):
        files = {table: file.parent / name for table, name in (source.files or {}).items()}
        used = crm.tables_used(source, files) if files else ()
        named += [(("crm", i, "files", table), (source.files or {})[table]) for table in used]
    for keys, name in named:
        with places.named(file, *keys):
            if not (file.parent / name).is_file():
                raise DataError(f"no such file {name!r}; paths are relative to {file.parent.resolve()}")
    with places.named(file, "survey", "codebook"):
        codebook.locate(spec.survey.codebook, file.parent)
