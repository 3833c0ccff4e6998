"""Whose open answers an adapter's voice was trained on, so that erasing one of them flags the adapter."""

from collections.abc import Sequence
from dataclasses import dataclass

from mirrorpanel.store import Workspace


@dataclass(frozen=True)
class Source:
    """A table of open answers that a voice was trained on.

    Attributes:
        name: of the source.
        namespace: of its pseudonyms; empty where it keeps its ids.
        file: it was read from, as the training file names it.
    """

    name: str
    namespace: str
    file: str

    def mark(self, stored: str) -> str:
        """What the list of those erased says of somebody under this id."""
        return stored if self.namespace else f"{self.name}/{stored}"


def keep(
    workspace: Workspace, adapter: str, panel: str, source: str, namespace: str, ids: Sequence[str]
) -> None:
    """Writes who a voice was trained on, inside the transaction that is open."""
    workspace.connection.execute("DELETE FROM spoken WHERE adapter = ?", [adapter])
    people = sorted(set(ids))
    n = len(people)
    if n:
        same = {"adapter": [adapter] * n, "panel": [panel] * n, "source": [source] * n}
        workspace.insert("spoken", same | {"namespace": [namespace] * n, "id": people})


def inherit(workspace: Workspace, parent: str, adapter: str) -> None:
    """A new version keeps the voice of its parent, and with it those whom that was trained on."""
    workspace.connection.execute(
        "INSERT OR REPLACE INTO spoken SELECT ?, panel, source, namespace, id FROM spoken WHERE adapter = ?",
        [adapter, parent],
    )


def sources(workspace: Workspace, panel: str) -> tuple[Source, ...]:
    """The tables of open answers behind the voices of a panel's adapters."""
    found = workspace.rows(
        """SELECT s.source, s.namespace, min(json_extract_string(a.record, '$.spec.voice.answers.file'))
        FROM spoken s JOIN adapters a USING (adapter) WHERE s.panel = ? GROUP BY 1, 2 ORDER BY 1, 2""",
        [panel],
    )
    return tuple(Source(str(name), str(namespace), str(file)) for name, namespace, file in found)


def known(workspace: Workspace, panel: str, source: Source, stored: str) -> bool:
    """Whether somebody under this id is one of them."""
    sql = "SELECT count(*) FROM spoken WHERE panel = ? AND source = ? AND namespace = ? AND id = ?"
    return bool(workspace.value(sql, [panel, source.name, source.namespace, stored]))
