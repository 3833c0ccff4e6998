"""``audit``: whether the log is intact, what it says, and the record of processing made from it all."""

from pathlib import Path

from mirrorpanel import audit, dossier
from mirrorpanel.audit import Entry, Verified
from mirrorpanel.store import Workspace, write_failed
from personas.errors import MirrorpanelError

FILE = "processing-record"


def verify(workspace: Workspace, head: str | None) -> Verified:
    """Whether the log is as it was written.

    Raises:
        MirrorpanelError: ``head`` is too short to tell one entry from another.
    """
    if head is not None and (len(head) < 8 or not set(head.lower()) <= set("0123456789abcdef")):
        raise MirrorpanelError(
            f"a head is the hash that audit verify prints, at least 8 of its digits; got {head!r}"
        )
    return audit.verify(workspace.connection, workspace.folder, head)


def entries(workspace: Workspace) -> tuple[Entry, ...]:
    """The log, oldest first."""
    return audit.entries(workspace.connection)


def export(workspace: Workspace, out: Path | None) -> tuple[Path, Path]:
    """Writes the record of processing as Markdown and JSON; by default into the workspace folder."""
    folder = workspace.folder if out is None else out
    found = dossier.dossier(workspace)
    markdown, as_json = folder / f"{FILE}.md", folder / f"{FILE}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        markdown.write_text(dossier.text(found), encoding="utf-8")
        as_json.write_text(found.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise write_failed(folder / FILE, error) from None
    return markdown, as_json
