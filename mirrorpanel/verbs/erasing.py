"""``erase``: a subject leaves the workspace, with everything that came from it; a receipt stays."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from mirrorpanel import erasure, receipts, sightings
from mirrorpanel.receipts import Receipt
from mirrorpanel.store import Workspace


@dataclass(frozen=True)
class Erased:
    """A receipt and its file; ``done`` is false where the user did not agree and nothing was changed."""

    receipt: Receipt
    file: Path | None
    done: bool


def erase(
    workspace: Workspace,
    subject: str,
    panel: str | None,
    source: str | None,
    agreed: Callable[[Receipt], bool],
) -> Erased:
    """Erases whom an original id or a pseudonym stands for.

    Args:
        workspace: open for writing.
        subject: an original id, or a pseudonym.
        panel: in this panel only; in all of them where ``None``.
        source: the source that the id belongs to; needed where several know it.
        agreed: is shown what will be deleted and says whether to go on.

    Raises:
        MirrorpanelError: nobody is known by that id, or several people are.
        WorkspaceError: the key is lost, the disk is full.
    """
    receipts.write(workspace)
    planned = erasure.plan(workspace, sightings.find(workspace, subject, panel, source), subject)
    if not agreed(planned.receipt):
        return Erased(planned.receipt, None, False)
    erasure.carry_out(workspace, planned)
    receipts.write(workspace)
    return Erased(planned.receipt, workspace.folder / receipts.FOLDER / f"{planned.receipt.receipt}.md", True)
