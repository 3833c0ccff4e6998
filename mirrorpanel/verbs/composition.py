"""``panel``: who is in it, where a person's attributes come from, and a copy that may leave the house."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np

from grounding.privacy import anonymity
from grounding.privacy.anonymity import Suppressed
from mirrorpanel import panels, sources
from mirrorpanel.records import PanelRecord
from mirrorpanel.store import Workspace, now, write_failed
from personas.errors import MirrorpanelError, UnknownName
from personas.panel import Panel
from personas.wording import percent

FORMATS = (".csv", ".parquet")
MUCH = 0.3  # share of the values blanked from which on fewer attributes are advised


@dataclass(frozen=True)
class Fact:
    """One attribute of one person and where it comes from; ``kind`` says how it is known."""

    attribute: str
    value: str
    kind: str
    source: str
    vintage: str
    licence: str
    method: str
    donor: str | None
    distance: float | None
    sha256: str
    seed: int | None
    raked: str


@dataclass(frozen=True)
class Exported:
    """A copy of the persons in a file.

    Attributes:
        path: the file.
        persons: rows in it.
        k: how many of the real people at least share every combination of values that is left.
        blanked: attribute -> values that were blanked to get there.
        left_out: persons who are not in it at all.
        warnings: what the file still gives away, in words.
    """

    path: Path
    persons: int
    k: int
    blanked: dict[str, int]
    left_out: int
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class Listed:
    """A panel of the workspace: its name and identifier, when it was made, how many are in it."""

    name: str
    panel: str
    created: datetime
    persons: int
    people: int


def listing(workspace: Workspace) -> tuple[Listed, ...]:
    """All panels of the workspace, the oldest first."""
    found = workspace.rows("SELECT name, panel, created FROM panels ORDER BY created, panel")
    records = [workspace.record("panels", "panel", panel, PanelRecord) for _, panel, _ in found]
    return tuple(
        Listed(str(name), str(panel), created, record.persons, record.people)
        for (name, panel, created), record in zip(found, records, strict=True)
    )


def composition(workspace: Workspace, name: str) -> tuple[str, PanelRecord]:
    """Identifier and record of the newest panel of this name."""
    panel = workspace.latest("panels", "panel", name)
    return panel, workspace.record("panels", "panel", panel, PanelRecord)


def only(workspace: Workspace) -> str:
    """Name of the workspace's only panel. Raises: MirrorpanelError where there are none or several."""
    names = [str(r[0]) for r in workspace.rows("SELECT DISTINCT name FROM panels ORDER BY 1")]
    if len(names) != 1:
        found = (
            f"there are {', '.join(names)}" if names else "there is none yet; make one: mirrorpanel ground"
        )
        raise MirrorpanelError(f"Name the panel: {found}")
    return names[0]


def explain(workspace: Workspace, panel: str, person: str) -> tuple[Fact, ...]:
    """What is known of one person and where it comes from, in the panel's order.

    Raises:
        MirrorpanelError: there is no such person.
    """
    if not workspace.value("SELECT count(*) FROM persons WHERE panel = ? AND person = ?", [panel, person]):
        first, last, n = workspace.rows(
            "SELECT arg_min(person, place), arg_max(person, place), count(*) FROM persons WHERE panel = ?",
            [panel],
        )[0]
        there = f"there are {first} to {last}, {n:,} persons" if n else "everybody in it was erased"
        raise MirrorpanelError(f"Unknown person {person!r} of panel {panel}: {there}")
    found = workspace.rows(
        "SELECT a.attribute, a.value, a.kind, a.source, a.vintage, a.licence, a.method, a.donor, a.distance, "
        "a.sha256, a.seed, a.raked FROM person_attributes a "
        "JOIN provenance v ON v.panel = a.panel AND v.attribute = a.attribute AND v.kind = a.kind "
        "WHERE a.panel = ? AND a.person = ? ORDER BY v.place",
        [panel, person],
    )
    return tuple(Fact(*row) for row in found)


def export(workspace: Workspace, panel: str, path: Path, k: int, attributes: Sequence[str]) -> Exported:
    """Writes the persons with their attributes, so that ``k`` people share every combination of values.

    People are the humans whom persons mirror: ten persons simulated from one human do not hide that human.
    Values are blanked until it holds; persons for whom it cannot hold are left out. Pseudonyms of the real
    people and donors are not written. Where the file lies is kept, so that an erasure finds it.

    Args:
        workspace: that the panel lies in.
        panel: identifier of the panel.
        path: CSV or Parquet file; it is replaced.
        k: smallest group, at least 5.
        attributes: those written, all where empty; fewer attributes lose fewer values.

    Raises:
        MirrorpanelError: another kind of file, ``k`` too small, fewer than ``k`` people in all, or data that
            may no longer be used.
        UnknownName: the panel has no such attribute.
        WorkspaceError: the file could not be written.
    """
    if path.suffix.lower() not in FORMATS:
        raise MirrorpanelError(f"{path}: panels are exported to {' or '.join(FORMATS)}")
    anonymity.check_k(k)
    sources.refuse_expired(workspace, panel, "export")
    persons = panels.persons(workspace, panel)
    stray = next((a for a in attributes if a not in persons.attributes), None)
    if stray is not None:
        raise UnknownName("attribute", stray, list(persons.attributes))
    chosen = persons.select(attributes) if attributes else persons
    safe = anonymity.suppress(chosen.codes, k, panels.mirrored(workspace, panel))
    if not safe.rows.any():
        raise MirrorpanelError(
            f"panel {panel} rests on fewer than {k} people, so nothing of it can be exported with k = {k}"
        )
    kept = chosen.take(np.flatnonzero(safe.rows))
    try:
        _write(workspace, kept, safe, path)
    except (OSError, duckdb.IOException) as error:
        raise write_failed(path, error) from None
    with workspace.transaction("panel export", f"{panel}, {len(kept)} persons, k = {k}"):
        row = [str(path.resolve()), panel, now(), k]
        workspace.connection.execute("INSERT OR REPLACE INTO exports VALUES (?, ?, ?, ?)", row)
    return Exported(
        path=path,
        persons=len(kept),
        k=k,
        blanked={a: int(n) for a, n in zip(chosen.attributes, safe.blanked, strict=True) if n},
        left_out=safe.dropped,
        warnings=_warnings(workspace, panel, kept, safe),
    )


def _warnings(workspace: Workspace, panel: str, persons: Panel, safe: Suppressed) -> tuple[str, ...]:
    """What is left of little use, and special categories that a group of people has in common."""
    record = workspace.record("panels", "panel", panel, PanelRecord)
    found: list[str | None] = []
    if safe.share > MUCH:
        found.append(
            f"{percent(safe.share)} of the values were blanked; name fewer attributes, or draw up the "
            "grounding file with fewer and broader groups"
        )
    for a, name in enumerate(persons.attributes):
        if name in record.spec.special_categories.names and len(persons.attributes) > 1:
            others = np.delete(safe.codes, a, axis=1)
            found.append(anonymity.low_diversity(name, anonymity.l_diversity(others, safe.codes[:, a])))
    return tuple(warning for warning in found if warning is not None)


def _write(workspace: Workspace, persons: Panel, safe: Suppressed, path: Path) -> None:
    columns: dict[str, Sequence[object]] = {
        "synthetic": [True] * len(persons),
        "person": list(persons.ids),
        "weight": persons.weights.tolist(),
    }
    for a, name in enumerate(persons.attributes):
        values = np.array([*persons.levels[a], None], dtype=object)
        columns[f"{name} (attribute)" if name in columns else name] = values[safe.codes[:, a]].tolist()
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    if path.suffix.lower() == ".parquet":
        workspace.insert_temporary("exported", columns)
        names = ['"' + name.replace('"', '""') + '"' for name in list(columns)[3:]]
        texts = ", ".join(f"CAST({name} AS VARCHAR) AS {name}" for name in names)
        literal = str(part).replace("'", "''")
        select = f"SELECT synthetic, person, weight, {texts} FROM exported"
        workspace.connection.execute(f"COPY ({select}) TO '{literal}' (FORMAT parquet)")
    else:
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(columns)
            writer.writerows(zip(*columns.values(), strict=True))
    part.replace(path)
