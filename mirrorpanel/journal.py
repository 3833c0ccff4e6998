"""Answers on their way into a table: kept line by line, so that what was written before a stop is not lost.

The journal lies beside the table under the name ``.TABLE.answers.part``. Its first line says what it
is for; each further one is an answer. A last line that was cut off by a kill is not counted.
"""

import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from mirrorpanel.store import write_failed
from personas.document import Document
from personas.errors import DataError

D = TypeVar("D", bound=Document)


def beside(table: Path) -> Path:
    """Where the journal of a table lies."""
    return table.with_name(f".{table.name}.answers.part")


def opened(table: Path, key: str, kind: type[D]) -> list[D]:
    """The answers kept for a table so far; begins its journal where there is none.

    Raises:
        DataError: the journal belongs to another command; or there is a table and no journal, so that it
            would be overwritten.
        WorkspaceError: it cannot be written.
    """
    path = beside(table)
    try:
        if not path.exists():
            if table.exists():
                raise DataError(f"{table}: there is a file already; name another one with --out")
            path.parent.mkdir(parents=True, exist_ok=True)
            _append(path, [json.dumps({"key": key})])
            return []
        content = path.read_bytes()
        whole = content[: content.rfind(b"\n") + 1]
        if len(whole) < len(content):
            os.truncate(path, len(whole))
        if not whole:
            _append(path, [json.dumps({"key": key})])
            return []
    except OSError as error:
        raise write_failed(path, error) from None
    head, *lines = whole.decode("utf-8").split("\n")[:-1] or [""]  # a text may hold other ends of lines
    if head != json.dumps({"key": key}):
        raise DataError(
            f"{path} was left by another command (another question, model, seed or panel); give that command "
            "again to go on with it, remove the file, or name another table with --out"
        )
    try:
        return [kind.model_validate_json(line) for line in lines]
    except ValidationError:
        raise DataError(f"{path} is damaged; remove it to begin anew") from None


def keep(table: Path, answers: Iterable[Document]) -> None:
    """Adds answers to the journal of a table and waits until they lie on the disk. Raises: WorkspaceError."""
    try:
        _append(beside(table), [answer.model_dump_json() for answer in answers])
    except OSError as error:
        raise write_failed(beside(table), error) from None


def close(table: Path) -> None:
    """Removes the journal of a table that is complete."""
    beside(table).unlink(missing_ok=True)


def _append(path: Path, lines: Iterable[str]) -> None:
    with path.open("a", encoding="utf-8", newline="\n") as file:
        file.writelines(f"{line}\n" for line in lines)
        file.flush()
        os.fsync(file.fileno())
