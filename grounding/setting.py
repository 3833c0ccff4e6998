"""Where a grounding takes place, and how what comes in is recorded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from grounding.privacy.guard import Guard
from grounding.privacy.protection import SourceRecord
from grounding.privacy.spec import Protection
from grounding.provenance import Source
from grounding.sources import datasets
from grounding.sources.crm_spec import CrmSource
from grounding.sources.place import Place
from grounding.sources.spec import SurveySource

Report = Callable[[str], None]
OPEN_DATA = "open data of the catalogue, without names or addresses"


@dataclass(frozen=True)
class Setting:
    """Where a grounding takes place.

    Attributes:
        base: folder that paths in the grounding file are relative to.
        cache: where catalogued data are kept.
        guard: pseudonyms and the like.
        report: called with one line for each step done.
        begin: called with the name of each stage that begins.
    """

    base: Path
    cache: Path
    guard: Guard
    report: Report
    begin: Report


def catalogued(
    name: str, spec: SurveySource | CrmSource, setting: Setting
) -> tuple[dict[str, Place], Source]:
    """Table -> place of a catalogued data set, and its source, in the grounding file's own words first."""
    folder = datasets.pull(name, setting.cache, setting.report)
    origin = datasets.get(name).origin
    source = replace(
        origin,
        source=spec.source or origin.source,
        licence=spec.licence or origin.licence,
        vintage=spec.vintage or origin.vintage,
    )
    return {Path(f).stem: Place(path=folder / f) for f in datasets.get(name).files}, source


def record(kind: str, source: Source, terms: Protection, columns: Sequence[str]) -> SourceRecord:
    """What a panel keeps of a source: where it comes from, which columns were read, and its protection."""
    return SourceRecord.model_validate(
        {
            "name": source.name,
            "kind": kind,
            "origin": source.name,
            "source": source.source,
            "vintage": source.vintage,
            "licence": source.licence,
            "sha256": source.sha256,
            "columns_read": tuple(columns),
            "protection": terms,
            "pseudonymised": not terms.anonymous,
            "namespace": "" if terms.anonymous else terms.ids or source.name,
        }
    )


def pseudonyms(source: SourceRecord, ids: Sequence[str], guard: Guard) -> tuple[str, ...]:
    """The ids under which people of a source come in; their own where the source is anonymous."""
    return guard.pseudonymise(source.namespace, ids) if source.pseudonymised else tuple(ids)
