"""The end of a panel: its rows, and everything that was made from them, leave the workspace."""

import shutil
from dataclasses import dataclass

from mirrorpanel import encodings, rewriting
from mirrorpanel.rewriting import Connection
from mirrorpanel.store import Workspace, write_failed
from personas.errors import WorkspaceError

_OF_PANEL = (
    "panels", "questions", "sources", "people", "real_answers", "attributes", "imputations", "provenance",
    "persons", "toplines", "adapters", "trained", "set_aside", "spoken", "runs",
)  # fmt: skip
_OF_RUN = ("asked", "answers", "missing", "agreements")


@dataclass(frozen=True)
class Removal:
    """What goes with a panel: numbers of people and persons, adapters, runs, and files of exports.

    ``outside`` are files outside the workspace, which are not touched.
    """

    panel: str
    people: int
    persons: int
    adapters: tuple[str, ...]
    runs: tuple[str, ...]
    outside: tuple[str, ...]


def plan(workspace: Workspace, panel: str) -> Removal:
    """Counts what goes with a panel; nothing is changed."""

    def names(column: str, table: str) -> tuple[str, ...]:
        found = workspace.rows(f"SELECT {column} FROM {table} WHERE panel = ? ORDER BY 1", [panel])
        return tuple(str(row[0]) for row in found)

    home = workspace.folder.resolve()
    return Removal(
        panel=panel,
        people=len(names("id", "people")),
        persons=len(names("person", "persons")),
        adapters=names("adapter", "adapters"),
        runs=names("run", "runs"),
        outside=tuple(p for p in names("path", "exports") if not p.startswith(f"{home}/")),
    )


def carry_out(workspace: Workspace, planned: Removal) -> None:
    """Writes the database anew without the panel, then deletes reports, exports and adapters of it.

    Trainings that were not finished go as well, whatever their panel: they begin anew. So do all encodings.

    Raises:
        WorkspaceError: the disk is full, or the file is held by another.
    """
    home = workspace.folder
    exports = workspace.rows("SELECT path FROM exports WHERE panel = ?", [planned.panel])
    runs = "SELECT run FROM before.runs SEMI JOIN gone USING (panel)"
    selections = {t: f"FROM before.{t} ANTI JOIN gone USING (panel)" for t in (*_OF_PANEL, "exports")}
    selections |= {t: f"FROM before.{t} WHERE run NOT IN ({runs})" for t in _OF_RUN}

    def nothing_more(connection: Connection) -> None:
        pass

    gone = {"gone": {"panel": [planned.panel]}}
    rewriting.rewrite(workspace, selections, gone, "panel delete", planned.panel, nothing_more)
    try:
        for name in (planned.panel, *planned.runs):
            shutil.rmtree(home / "reports" / name, ignore_errors=True)
        for name in planned.adapters:
            shutil.rmtree(home / "adapters" / name, ignore_errors=True)
        for unfinished in (home / "adapters").glob(".*.checkpoints"):
            shutil.rmtree(unfinished, ignore_errors=True)
        for path in encodings.files(home):
            path.unlink(missing_ok=True)
        for (path,) in exports:
            if path not in planned.outside:
                (home / path).unlink(missing_ok=True)
    except OSError as error:
        raise write_failed(home, error) from None
    left = [p for p in (home / "adapters" / name for name in planned.adapters) if p.exists()]
    if left:
        raise WorkspaceError(f"{left[0]} could not be deleted; delete this folder by hand")
