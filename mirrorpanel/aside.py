"""Folders of files that are made aside first, so that a disk that fills leaves no half of them."""

import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from mirrorpanel.store import write_failed


@contextmanager
def files_of(folder: Path) -> Generator[Path]:
    """A new folder beside ``folder``; the files written there move into ``folder`` when all of them are done.

    Raises:
        WorkspaceError: a file could not be written; ``folder`` is as it was.
    """
    part = folder.with_name(f".{folder.name}.part")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        yield part
        folder.mkdir(exist_ok=True)
        for file in part.iterdir():
            file.replace(folder / file.name)
        part.rmdir()
    except (OSError, duckdb.IOException) as error:
        shutil.rmtree(part, ignore_errors=True)
        raise write_failed(folder, error) from None
