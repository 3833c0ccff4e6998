"""The workspace: a folder with one DuckDB file. One writer; a batch of answers is one transaction."""

import os
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import duckdb

from mirrorpanel import arrow, audit
from mirrorpanel.schema import SPOKEN, TABLES, VERSION
from personas.document import Document
from personas.errors import MirrorpanelError, UnknownName, WorkspaceError

FILE = "mirrorpanel.duckdb"
_MADE_BY = {"panels": "ground", "adapters": "train", "runs": "field", "agreements": "validate"}
R = TypeVar("R", bound=Document)


def now() -> datetime:
    """The time in UTC, as it is stored: exact enough to tell which of two rows is newer."""
    return datetime.now(UTC).replace(tzinfo=None)


def create(folder: Path) -> None:
    """Makes an empty workspace in ``folder``. Raises: WorkspaceError where there is one already."""
    path = folder / FILE
    if path.exists():
        raise WorkspaceError(
            f"{folder} is a workspace already ({FILE} lies there); use it, or name another folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    part, journal = folder / f"{FILE}.part", folder / f"{FILE}.part.wal"
    part.unlink(missing_ok=True)
    journal.unlink(missing_ok=True)
    try:
        with _connect(part, read_only=False) as connection:
            connection.begin()
            connection.execute(TABLES)
            workspace = secrets.token_hex(8)
            rows = [["schema", VERSION], ["workspace", workspace]]
            connection.executemany("INSERT INTO meta VALUES (?, ?)", rows)
            entry = audit.append(connection, now(), "init", f"workspace {workspace}")
            connection.commit()
            # Closing would leave what does not fit on the disk in the journal, without a word.
            connection.execute("CHECKPOINT")
    except duckdb.Error as error:
        raise write_failed(part, error) from None
    part.replace(path)
    audit.keep_head(workspace, folder, entry)


class Workspace:
    """An open workspace. Use as a context manager; the file is held until it closes.

    Raises:
        WorkspaceError: there is no workspace, another process writes to it, or its version differs.
    """

    def __init__(self, folder: Path, read_only: bool = False) -> None:
        if not (folder / FILE).exists():
            raise WorkspaceError(f"{folder} is no workspace; make one with: mirrorpanel init {folder}")
        self.folder, self.read_only = folder, read_only
        self.open()

    def open(self) -> None:
        """Takes hold of the file; needed only after ``close``."""
        path = self.folder / FILE
        self.connection = _connect(path, self.read_only)
        try:
            version = self.value("SELECT value FROM meta WHERE key = 'schema'")
        except duckdb.CatalogException:
            version = "of another program"
        if version != VERSION:
            self.close()
            raise WorkspaceError(
                f"{path} has schema {version}, this program reads {VERSION}; it is left as it is, and what "
                "made it can still use it. Make a new one and ground there again: mirrorpanel init FOLDER"
            )
        if not self.read_only:
            _clear(path)
            self.connection.execute(SPOKEN)

    @property
    def identifier(self) -> str:
        """What tells this workspace from all others, wherever its folder lies."""
        return audit.workspace_of(self.connection)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Lets go of the file."""
        self.connection.close()

    def value(self, sql: str, parameters: Sequence[object] = ()) -> Any:
        """First column of the first row, ``None`` where there is no row."""
        rows = self.rows(sql, parameters)
        return rows[0][0] if rows else None

    def rows(self, sql: str, parameters: Sequence[object] = ()) -> list[tuple[Any, ...]]:
        """All rows."""
        return self.connection.execute(sql, list(parameters)).fetchall()

    def columns(self, sql: str, parameters: Sequence[object] = ()) -> object:
        """All rows as an Arrow table, for ``mirrorpanel.arrow``."""
        return self.connection.sql(sql, params=list(parameters)).to_arrow_table()

    def insert(self, table: str, columns: dict[str, Any]) -> None:
        """Appends rows given by column (sequences, numpy or Arrow arrays) to ``table``."""
        self.connection.register("incoming", arrow.table(columns))
        names = ", ".join(f'"{name}"' for name in columns)
        self.connection.execute(f'INSERT INTO "{table}" ({names}) SELECT {names} FROM incoming')
        self.connection.unregister("incoming")

    def insert_temporary(self, table: str, columns: dict[str, Any]) -> None:
        """Makes (or replaces) a table that lives as long as the connection."""
        self.connection.register("incoming", arrow.table(columns))
        self.connection.execute(f'CREATE OR REPLACE TEMP TABLE "{table}" AS SELECT * FROM incoming')
        self.connection.unregister("incoming")

    def transaction(self, verb: str, detail: str) -> "Transaction":
        """A block whose writes are kept whole, with an entry in the audit log, or not at all."""
        return Transaction(self, verb, detail)

    def record(self, table: str, key: str, value: str, model: type[R]) -> R:
        """The record stored under ``value``. Raises: UnknownName listing what there is."""
        found = self.value(f'SELECT record FROM "{table}" WHERE "{key}" = ?', [value])
        if found is None:
            raise self._unknown(table, key, value, key)
        return model.model_validate_json(found)

    def moment(self, table: str) -> datetime:
        """The time in UTC, and later than any that a row of ``table`` was made or renewed at.

        So the newest row stays the one that was asked for last, also where the clock was set back.
        """
        newest = self.value(f'SELECT max(created) FROM "{table}"')
        return now() if newest is None else max(now(), newest + timedelta(microseconds=1))

    def renew(self, table: str, key: str, value: str) -> None:
        """Makes a row the newest of its name, since the same was just asked for again."""
        moment = self.moment(table)
        with self.transaction(_MADE_BY[table], f"{value} again"):
            self.connection.execute(f'UPDATE "{table}" SET created = ? WHERE "{key}" = ?', [moment, value])

    def latest(self, table: str, key: str, name: str) -> str:
        """Identifier of the newest row called ``name`` (or with that identifier).

        Raises:
            UnknownName: lists the names there are.
            WorkspaceError: there is none at all yet; says which verb makes one.
        """
        label = "study" if table == "runs" else "name"
        found = self.value(
            f'SELECT "{key}" FROM "{table}" WHERE "{label}" = ? OR "{key}" = ? '
            "ORDER BY created DESC, rowid DESC",
            [name, name],
        )
        if found is None:
            raise self._unknown(table, key, name, label)
        return str(found)

    def _unknown(self, table: str, key: str, name: str, label: str) -> MirrorpanelError:
        known = [str(r[0]) for r in self.rows(f'SELECT DISTINCT "{label}" FROM "{table}" ORDER BY 1')]
        if known:
            return UnknownName(key, name, known)
        return WorkspaceError(
            f"Unknown {key} {name!r}: workspace {self.folder} holds none yet; "
            f"make one with: mirrorpanel {_MADE_BY[table]}"
        )


class Transaction:
    """Commits on leaving, rolls back on an error; a full disk becomes a readable refusal.

    What is done, and that it was done, are written together: no change without its entry in the audit log.
    """

    def __init__(self, workspace: Workspace, verb: str, detail: str) -> None:
        self.workspace, self.verb, self.detail = workspace, verb, detail

    def __enter__(self) -> Workspace:
        self.workspace.connection.begin()
        return self.workspace

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection = self.workspace.connection
        try:
            if error is None:
                entry = audit.append(connection, now(), self.verb, self.detail)
                connection.commit()
                audit.keep_head(self.workspace.identifier, self.workspace.folder, entry)
                return
            connection.rollback()
        except duckdb.Error as failure:
            if not isinstance(error, duckdb.Error):
                raise write_failed(self.workspace.folder / FILE, failure) from None
        if isinstance(error, duckdb.IOException | duckdb.FatalException | duckdb.OutOfMemoryException):
            raise write_failed(self.workspace.folder / FILE, error) from None


def write_failed(path: Path, error: BaseException) -> WorkspaceError:
    """The refusal for a write that failed, mostly for want of room on the disk."""
    free = os.statvfs(next(p for p in path.parents if p.exists()))
    return WorkspaceError(
        f"{path} could not be written ({str(error).splitlines()[0]}; "
        f"{free.f_bavail * free.f_frsize / 2**20:,.0f} MiB free on the disk). What was written before is "
        "kept; make room and run the same command again"
    )


def _clear(path: Path) -> None:
    """Removes what a rewriting that was killed left beside the file; the writer's lock is held."""
    for left in (f"{path.name}.part", f"{path.name}.part.wal"):
        path.with_name(left).unlink(missing_ok=True)


def _connect(path: Path, read_only: bool) -> duckdb.DuckDBPyConnection:
    try:
        return duckdb.connect(str(path), read_only=read_only)
    except duckdb.IOException as error:
        held = re.search(r"held in (.+?) \(PID (\d+)\)(?: by user (\S+))?", str(error))
        if held is None:
            raise WorkspaceError(f"{path} cannot be opened: {str(error).splitlines()[0]}") from None
        program, pid, user = held.groups()
        by = f"process {pid} ({program}{f', user {user}' if user else ''})"
        raise WorkspaceError(
            f"{path} is held by {by}; a workspace has one writer: wait for it or stop it"
        ) from None
