"""A workspace's file written anew, with changes, so that what left it is in none of its bytes.

A database keeps deleted rows in its free blocks. So nothing is deleted: what stays is copied to a new file,
which then takes the place of the old one in a single step. A process killed at any moment leaves the whole
old file or the whole new one. That the disk, its snapshots and backups forget the old one is beyond a
program; see docs/privacy.md.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from mirrorpanel import arrow, audit
from mirrorpanel.schema import TABLES
from mirrorpanel.store import FILE, Workspace, now, write_failed
from personas import disk

Connection = duckdb.DuckDBPyConnection


@dataclass(frozen=True)
class _Change:
    selections: Mapping[str, str]
    tables: Mapping[str, Mapping[str, object]]
    prepare: str
    verb: str
    detail: str
    then: Callable[[Connection], None]


def rewrite(
    workspace: Workspace,
    selections: Mapping[str, str],
    tables: Mapping[str, Mapping[str, object]],
    verb: str,
    detail: str,
    then: Callable[[Connection], None],
    prepare: str = "",
) -> None:
    """Replaces the workspace's file by one with selected content; the workspace stays open.

    Args:
        workspace: open for writing, without a transaction.
        selections: table -> what is kept of it, a query on ``before.<table>`` with the table's columns; all
            other tables are kept as they are.
        tables: temporary tables, by column, that the queries may use.
        verb: for the audit log.
        detail: for the audit log; nothing personal.
        then: makes further changes to the new content before it takes the place of the old.
        prepare: statements that make further temporary tables from ``before`` and ``tables``.

    Raises:
        WorkspaceError: another process took hold of the file, or the disk is full; nothing has changed.
    """
    change = _Change(selections, tables, prepare, verb, detail, then)
    path = workspace.folder / FILE
    part = path.with_name(f"{FILE}.part")
    try:
        # A journal left beside the file would be applied to the new one.
        workspace.connection.execute("CHECKPOINT")
    except duckdb.Error as error:
        raise write_failed(path, error) from None
    workspace.close()
    try:
        try:
            entry = _written(path, part, change)
            _sync(part)
            part.replace(path)
            disk.sync_folder(path.parent)
        except (duckdb.Error, OSError) as error:
            raise write_failed(path, error) from None
        finally:
            for left in (part, part.with_name(f"{part.name}.wal")):
                left.unlink(missing_ok=True)
    finally:
        workspace.open()
    audit.keep_head(workspace.identifier, workspace.folder, entry)


def _written(path: Path, part: Path, change: _Change) -> audit.Entry:
    """Writes the new file and closes it; returns its newest entry in the audit log."""
    part.unlink(missing_ok=True)
    with duckdb.connect(str(part)) as connection:
        # While it is attached for reading, nobody can write to the old file.
        literal = str(path).replace("'", "''")
        connection.execute(f"ATTACH '{literal}' AS before (READ_ONLY)")
        for name, columns in change.tables.items():
            connection.register("incoming", arrow.table(columns))
            connection.execute(f'CREATE TEMP TABLE "{name}" AS SELECT * FROM incoming')
            connection.unregister("incoming")
        connection.execute(change.prepare or "SELECT 1")
        connection.begin()
        connection.execute(TABLES)
        names = connection.execute(
            "SELECT table_name FROM duckdb_tables() WHERE database_name = 'before' ORDER BY table_oid"
        ).fetchall()
        for (name,) in names:
            query = change.selections.get(name, f'FROM before."{name}"')
            connection.execute(f'INSERT INTO "{name}" BY NAME {query}')
        change.then(connection)
        entry = audit.append(connection, now(), change.verb, change.detail)
        connection.commit()
        connection.execute("CHECKPOINT")
    return entry


def _sync(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
