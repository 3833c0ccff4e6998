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
