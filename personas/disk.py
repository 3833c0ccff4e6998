"""What a power cut must not undo."""

import os
from pathlib import Path


def sync_folder(path: Path) -> None:
    """Waits until a file's new name lies on the disk; where folders cannot be opened, does nothing."""
    if os.name != "posix":
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def replace(path: Path, content: str) -> None:
    """Writes a text file, in UTF-8, whole or not at all; folders on the way are made.

    Raises:
        OSError: it cannot be written; what stood there is left as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    try:
        part.write_bytes(content.encode("utf-8"))
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
