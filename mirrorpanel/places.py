"""Refusals that name the place in a file that people write, for errors found after the file was read."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from personas import document
from personas.errors import DataError, DocumentError, ServerError, UnknownName, WorkspaceError


@contextmanager
def named(file: Path, *keys: str | int) -> Generator[None]:
    """A block whose refusals begin with file, line and key. Raises: DocumentError.

    Where a refusal itself begins with a key below ``keys`` (``split.segment.region: ...``), that is named.
    """
    try:
        yield
    except (DocumentError, UnknownName, DataError, ServerError, WorkspaceError) as error:
        key = ".".join(map(str, keys))
        message = str(error).removeprefix(f"{key}: ").removeprefix(f"{key} ")
        deeper, found, rest = message.partition(": ")
        if found and deeper.startswith(f"{key}."):
            key, message = deeper, rest
        line = document.line(file, *keys, *key.removeprefix(".".join(map(str, keys))).split("."))
        raise DocumentError(f"{file}:{line}: {key}: {message}") from None
