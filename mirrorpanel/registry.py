"""The adapters of a workspace: versions, statuses, and which one a name means.

A name means the newest approved adapter of that name, else the newest candidate. ``NAME@2`` means version 2.
A retired adapter is found by its full identifier only, so that an old study can be repeated and no new one
takes it by accident.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mirrorpanel import erasure
from mirrorpanel.receipts import Flag
from mirrorpanel.records import AdapterRecord
from mirrorpanel.store import Workspace
from personas.errors import MirrorpanelError, UnknownName, WorkspaceError
from training.registry.registry import Registration, Status

_VERSION = re.compile(r"(?P<name>.+)@(?P<version>\d+)")
_ROW = "SELECT adapter, name, panel, created, version, status FROM adapters"


@dataclass(frozen=True)
class Registered:
    """An adapter as the workspace lists it.

    Attributes:
        adapter: its identifier; ``name`` is what files call it.
        panel: what it was fitted on; ``created`` when (UTC).
        version: among those of its name.
        status: candidate, approved or retired.
        registration: figures, gates and lineage; ``None`` where it was never registered.
        flagged: why it should be trained anew, ``None`` where nothing speaks for that.
    """

    adapter: str
    name: str
    panel: str
    created: datetime
    version: int
    status: Status
    registration: Registration | None
    flagged: Flag | None


def version_of(workspace: Workspace, adapter: str, name: str) -> int:
    """The version that an adapter has, or will have: one more than the highest of its name."""
    registered = "FROM adapters WHERE registration IS NOT NULL"
    own = workspace.value(f"SELECT version {registered} AND adapter = ?", [adapter])
    if own is not None:
        return int(own)
    return int(workspace.value(f"SELECT max(version) {registered} AND name = ?", [name]) or 0) + 1


def write(workspace: Workspace, adapter: str, registration: Registration) -> None:
    """Keeps what is registered of an adapter, inside the transaction that is open."""
    row = [registration.version, registration.status, registration.model_dump_json(), adapter]
    workspace.connection.execute(
        "UPDATE adapters SET version = ?, status = ?, registration = ? WHERE adapter = ?", row
    )


def insert(
    workspace: Workspace, adapter: str, panel: str, record: AdapterRecord, registration: Registration
) -> None:
    """Writes an adapter with its registration, inside the transaction that is open."""
    row = [adapter, record.spec.adapter, panel, workspace.moment("adapters"), record.model_dump_json()]
    columns = "(adapter, name, panel, created, record, flagged)"
    workspace.connection.execute(
        f"INSERT OR REPLACE INTO adapters {columns} VALUES (?, ?, ?, ?, ?, NULL)", row
    )
    write(workspace, adapter, registration)


def listing(workspace: Workspace) -> tuple[Registered, ...]:
    """All adapters, by name and version."""
    return tuple(
        _registered(workspace, row) for row in workspace.rows(f"{_ROW} ORDER BY name, version, created")
    )


def get(workspace: Workspace, name: str) -> Registered:
    """The adapter of this identifier, version or name, whatever its status.

    Raises:
        UnknownName: lists the names there are.
        WorkspaceError: there is none at all yet.
    """
    rows = _rows(workspace, name)
    if not rows:
        raise _unknown(workspace, name)
    return _registered(workspace, rows[0])


def chosen(workspace: Workspace, name: str) -> str:
    """Identifier of the adapter that a study means; see above.

    Raises:
        UnknownName: lists the names there are.
        WorkspaceError: there is none at all yet.
        MirrorpanelError: all adapters of that name are retired.
    """
    rows = _rows(workspace, name)
    if not rows:
        raise _unknown(workspace, name)
    if rows[0][0] == name:
        return str(rows[0][0])
    for status in ("approved", "candidate"):
        found = next((r for r in rows if r[5] == status), None)
        if found is not None:
            return str(found[0])
    raise MirrorpanelError(
        f"adapter {name!r} is retired ({', '.join(str(r[0]) for r in rows)}); to repeat an old study, name "
        "it by its full identifier"
    )


def _rows(workspace: Workspace, name: str) -> Sequence[tuple[Any, ...]]:
    """The adapter of that identifier, or those of that name (and version), the newest first."""
    own = workspace.rows(f"{_ROW} WHERE adapter = ?", [name])
    if own:
        return own
    order = "ORDER BY created DESC, rowid DESC"
    found = workspace.rows(f"{_ROW} WHERE name = ? {order}", [name])
    numbered = _VERSION.fullmatch(name)
    if not found and numbered:
        parts = [numbered["name"], int(numbered["version"])]
        found = workspace.rows(f"{_ROW} WHERE name = ? AND version = ? {order}", parts)
    return found


def _unknown(workspace: Workspace, name: str) -> MirrorpanelError:
    known = [str(r[0]) for r in workspace.rows("SELECT DISTINCT name FROM adapters ORDER BY 1")]
    if known:
        return UnknownName("adapter", name, known)
    return WorkspaceError(
        f"Unknown adapter {name!r}: workspace {workspace.folder} holds none yet; make one with: "
        "mirrorpanel train"
    )


def _registered(workspace: Workspace, row: tuple[Any, ...]) -> Registered:
    adapter, name, panel, created, version, status = row
    text = workspace.value("SELECT registration FROM adapters WHERE adapter = ?", [adapter])
    return Registered(
        adapter=adapter,
        name=name,
        panel=panel,
        created=created,
        version=version,
        status=status,
        registration=None if text is None else Registration.model_validate_json(text),
        flagged=erasure.flag(workspace, adapter),
    )
