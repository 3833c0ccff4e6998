"""``ground``: sources become a weighted panel in the workspace, and a page that says how."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from grounding import build, weighing
from grounding.build import Grounded
from grounding.population import tables
from grounding.privacy.guard import Guard
from grounding.sources import codebook, crm, toplines
from grounding.spec import GroundSpec
from grounding.splits import ids_fingerprint
from mirrorpanel import __version__, aside, keys, panels, places
from mirrorpanel.records import PanelRecord, TableRecord
from mirrorpanel.render import grounding_page
from mirrorpanel.render.grounding_page import PageData
from mirrorpanel.store import Workspace, now
from personas import document
from personas.errors import DataError


@dataclass(frozen=True)
class GroundedPanel:
    """A panel of the workspace and its page; ``fresh`` is false where the very same one was there already."""

    panel: str
    record: PanelRecord
    fresh: bool
    page: Path


def _unwatched(what: object) -> None:
    """Nobody watches the stages."""


def ground(
    workspace: Workspace,
    file: Path,
    cache: Path,
    say: Callable[[str], None],
    begin: Callable[[int], None] = _unwatched,
    stage: Callable[[str], None] = _unwatched,
) -> GroundedPanel:
    """Reads a grounding file, builds the panel, stores it and writes its page.

    The same inputs give the same panel. ``say`` is called with a line for each step done, ``begin`` once with
    the number of stages, and ``stage`` with the name of each that begins.
    """
    spec = document.read(file, GroundSpec)
    _refuse_missing(spec, file)
    used = weighing.official(spec, file.parent)  # before any row is read
    begin(build.stages(spec) + 1)
    pseudonyms = keys.pseudonymiser(workspace)
    guard = Guard(pseudonyms, keys.erased(workspace))
    grounded = build.ground(spec, file.parent, cache, guard, say, stage)
    stage("panel and page")
    record = PanelRecord(
        spec=spec,
        file=str(file),
        people=len(grounded.people),
        persons=len(grounded.persons),
        weighting=grounded.weighting,
        inputs=grounded.inputs,
        provenance=grounded.provenance,
        left_out=ids_fingerprint(sorted(guard.erased)) if guard.erased else "",
        sources=grounded.sources,
        found=grounded.found,
        tables=tuple(
            TableRecord(
                name=name,
                source=table.source,
                vintage=table.vintage,
                licence=table.licence,
                basis=table.basis,
                sha256=grounded.inputs.get(spec.tables[name].file, "") if name in spec.tables else "",
            )
            for name, table in used.items()
        ),
    )
    panel = panels.identifier(record)
    fresh = not panels.exists(workspace, panel)
    if fresh:
        pseudonyms.keep()
        panels.write(workspace, panel, record, grounded)
    else:
        workspace.renew("panels", "panel", panel)
    page = _page(workspace, panel, record, _published(spec, grounded))
    return GroundedPanel(panel, record, fresh, page)


def _published(spec: GroundSpec, grounded: Grounded) -> tuple[tuple[str, ...], ...]:
    """What each published study is and which of it can be used, in words."""
    levels = dict(zip(grounded.persons.attributes, grounded.persons.levels, strict=True))
    return tuple(
        toplines.sentences(study, use.anchor, grounded.answers.questions, levels)
        for study, use in zip(grounded.toplines, spec.studies, strict=True)
    )


def _page(
    workspace: Workspace, panel: str, record: PanelRecord, studies: tuple[tuple[str, ...], ...]
) -> Path:
    folder = workspace.folder / "reports" / panel
    moment = now().isoformat(timespec="seconds") + "+00:00"
    with aside.files_of(folder) as part:
        page = grounding_page.write(record, PageData(panel, moment, __version__, studies), part)
    return folder / page.name


def _refuse_missing(spec: GroundSpec, file: Path) -> None:
    """Returns where every file that is named is there. Raises: DocumentError naming the line."""
    named: list[tuple[tuple[str | int, ...], str]] = []
    survey = spec.survey
    if survey is not None and survey.file is not None:
        named.append((("survey", "file"), survey.file))
    if survey is not None and survey.codebook.endswith((".yaml", ".yml")):
        named.append((("survey", "codebook"), survey.codebook))
    for i, source in enumerate(spec.crm):
        files = {table: file.parent / name for table, name in (source.files or {}).items()}
        used = crm.tables_used(source) if files else ()
        named += [(("crm", i, "files", table), (source.files or {})[table]) for table in used]
    named += [(("studies", i, "file"), study.file) for i, study in enumerate(spec.studies)]
    named += [(("tables", name, "file"), table.file) for name, table in spec.tables.items()]
    for path, name in named:
        with places.named(file, *path):
            if not (file.parent / name).is_file():
                raise DataError(f"no such file {name!r}; paths are relative to {file.parent.resolve()}")
    if survey is not None and survey.codebook:
        with places.named(file, "survey", "codebook"):
            codebook.locate(survey.codebook, file.parent)
    _refuse_unknown_tables(spec, file)


def _refuse_unknown_tables(spec: GroundSpec, file: Path) -> None:
    """Returns where there is every margin table that is named. Raises: DocumentError naming the line."""
    of_households = spec.households.margins if spec.households is not None else ()
    named: list[tuple[tuple[str | int, ...], str]] = [
        *((("margins", i, "table"), use.table) for i, use in enumerate(spec.margins)),
        *((("households", "margins", i, "table"), use.table) for i, use in enumerate(of_households)),
        *((("impute", i, "table"), wish.table) for i, wish in enumerate(spec.impute) if wish.table),
    ]
    for path, name in named:
        with places.named(file, *path):
            tables.known(name, spec.tables)
