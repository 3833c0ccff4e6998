"""What belongs to a workspace but must not lie in it: keys, and a copy of the audit log's head."""

import os
from pathlib import Path

import platformdirs

from personas import disk


def folder() -> Path:
    """``MIRRORPANEL_DATA`` or the user's data folder."""
    chosen = os.environ.get("MIRRORPANEL_DATA")
    return Path(chosen) if chosen else platformdirs.user_data_path("mirrorpanel", appauthor=False)


def write(path: Path, content: str, durable: bool = True) -> None:
    """Replaces a file that only its owner may read; at no moment is it half written.

    Args:
        path: the file; folders on the way are made.
        content: its text.
        durable: wait until it lies on the disk, which a key needs and a convenience does not.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    if durable:
        disk.sync_folder(path.parent)
