"""The sources behind a panel, as the workspace recorded them."""

from grounding.privacy import protection
from grounding.privacy.protection import SourceRecord
from mirrorpanel.store import Workspace, now


def records(workspace: Workspace, panel: str) -> tuple[SourceRecord, ...]:
    """The sources of a panel in the order of its grounding file."""
    found = workspace.rows("SELECT record FROM sources WHERE panel = ? ORDER BY place", [panel])
    return tuple(SourceRecord.model_validate_json(row[0]) for row in found)


_DONE = {
    "train": "trained on it",
    "field": "fielded to it",
    "write": "written by it",
    "validate": "validated with it",
    "report": "reported of it",
    "export": "exported of it",
}


def refuse_expired(workspace: Workspace, panel: str, verb: str) -> None:
    """Returns where all data behind a panel may be used today. Raises: DataError naming source and date."""
    protection.refuse_expired(records(workspace, panel), now().date(), _DONE[verb])
