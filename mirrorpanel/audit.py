"""The audit log: entries that only ever get longer, each holding the hash of the one before.

An entry says when which verb did what to which panel, adapter, run or receipt; it holds no personal data.
Its hash covers its own content and the hash of its predecessor, so that an entry cannot be edited, deleted,
inserted or moved unnoticed. A chain alone does not show that its end was cut off, nor that it was computed
anew from some entry on: for that a copy of the newest hash, the head, is kept outside the workspace, and
anybody may note one down and hold it against the log later.

Source: Schneier and Kelsey, "Secure audit logs to support computer forensics" (1999), the hash chain; the
entries are not encrypted and the chain is not keyed, so that anybody can check it.
"""

import contextlib
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from mirrorpanel import outside
from personas.document import Document


@dataclass(frozen=True)
class Entry:
    """One line of the log; ``place`` counts from 1."""

    place: int
    moment: datetime
    verb: str
    detail: str
    previous: str
    hash: str


class Head(Document):
    """The newest hash of a log, as it is kept outside: of which folder, at which place."""

    folder: str
    place: int
    hash: str


@dataclass(frozen=True)
class Verified:
    """What a check of the log found; ``faults`` is empty where it is intact."""

    entries: int
    head: str
    first: datetime | None
    last: datetime | None
    kept: Head | None
    faults: tuple[str, ...]


def genesis(workspace: str) -> str:
    """What stands in for the hash before the first entry: it ties the log to its workspace."""
    return hashlib.sha256(f"mirrorpanel audit of workspace {workspace}".encode()).hexdigest()


def digest(place: int, moment: datetime, verb: str, detail: str, previous: str) -> str:
    """SHA-256 of an entry's content and of the hash before it."""
    content = [place, moment.isoformat(timespec="microseconds"), verb, detail, previous]
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()


def append(connection: duckdb.DuckDBPyConnection, moment: datetime, verb: str, detail: str) -> Entry:
    """Adds an entry inside the transaction that is open, and returns it."""
    last = connection.execute("SELECT place, hash FROM audit ORDER BY place DESC LIMIT 1").fetchall()
    place, previous = last[0] if last else (0, genesis(workspace_of(connection)))
    entry = Entry(
        place + 1, moment, verb, detail, previous, digest(place + 1, moment, verb, detail, previous)
    )
    connection.execute(
        "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)",
        [entry.place, entry.moment, entry.verb, entry.detail, entry.previous, entry.hash],
    )
    return entry


def workspace_of(connection: duckdb.DuckDBPyConnection) -> str:
    """Identifier of the workspace, made once with it."""
    found = connection.execute("SELECT value FROM meta WHERE key = 'workspace'").fetchall()
    return str(found[0][0]) if found else ""


def entries(connection: duckdb.DuckDBPyConnection) -> tuple[Entry, ...]:
    """The whole log, oldest first."""
    found = connection.execute(
        "SELECT place, moment, verb, detail, previous, hash FROM audit ORDER BY place"
    ).fetchall()
    return tuple(Entry(*row) for row in found)


def keep_head(workspace: str, folder: Path, entry: Entry) -> None:
    """Notes the head outside the workspace, where that can be written; ``verify`` says where it cannot."""
    head = Head(folder=str(folder.resolve()), place=entry.place, hash=entry.hash)
    with contextlib.suppress(OSError):
        outside.write(_path(workspace), head.model_dump_json(), durable=False)


def kept_head(workspace: str) -> Head | None:
    """The head that was noted outside, ``None`` where there is none."""
    try:
        text = _path(workspace).read_text(encoding="utf-8")
    except OSError:
        return None
    return Head.model_validate_json(text)


def _path(workspace: str) -> Path:
    return outside.folder() / "heads" / f"{workspace}.json"


def verify(connection: duckdb.DuckDBPyConnection, folder: Path, noted: str | None = None) -> Verified:
    """Whether the log is as it was written.

    Args:
        connection: of the workspace.
        folder: of the workspace, to tell a moved copy from a log that was cut.
        noted: a head noted earlier, which must still be in the log; at least 8 of its digits.
    """
    workspace = workspace_of(connection)
    log = entries(connection)
    kept = kept_head(workspace)
    faults = [*_breaks(log, genesis(workspace)), *_against_kept(log, kept, folder)]
    if noted is not None and not any(e.hash.startswith(noted.lower()) for e in log):
        faults.append(
            f"the head {noted} is not in the log: entries were cut off, or the log was written anew"
        )
    return Verified(
        entries=len(log),
        head=log[-1].hash if log else "",
        first=log[0].moment if log else None,
        last=log[-1].moment if log else None,
        kept=kept,
        faults=tuple(faults),
    )


def _breaks(log: Sequence[Entry], start: str) -> list[str]:
    """A sentence for every entry that does not follow from the one before it."""
    faults: list[str] = []
    if not log:
        return ["the log is empty, though making a workspace writes its first entry"]
    expected_place, previous = 1, start
    for entry in log:
        name = f"entry {entry.place} ({entry.moment:%Y-%m-%d %H:%M:%S}, {entry.verb})"
        if entry.place != expected_place:
            faults.append(f"{name}: entry {expected_place} is missing before it")
        if entry.previous != previous:
            faults.append(f"{name}: does not follow the entry before it (deleted, inserted or moved)")
        if entry.hash != digest(entry.place, entry.moment, entry.verb, entry.detail, entry.previous):
            faults.append(f"{name}: its content was changed after it was written")
        expected_place, previous = entry.place + 1, entry.hash
    return faults


def _against_kept(log: Sequence[Entry], kept: Head | None, folder: Path) -> list[str]:
    """Where the log does not hold the head that was kept outside; a longer log is fine."""
    if kept is None or any(e.place == kept.place and e.hash == kept.hash for e in log):
        return []
    if kept.folder != str(folder.resolve()):
        where = f" by the workspace in {kept.folder}; this one may be an older or a separate copy of it"
    else:
        where = ": entries were cut off or written anew, or an older copy of the file was put back"
    missing = f"entry {kept.place} with hash {kept.hash[:16]}"
    return [f"the log has {len(log)} entries, but {missing} was kept{where}"]
