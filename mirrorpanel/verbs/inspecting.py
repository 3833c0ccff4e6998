"""A first look at a data file: a codebook and a grounding file are drafted, and never overwritten."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from grounding.sources import codebook, draft, draft_grounding, draft_update, inspection, reading
from grounding.sources.draft_grounding import Placed
from grounding.sources.inspection import Inspection
from grounding.sources.place import Place, ReadOptions
from grounding.sources.table import Table
from personas import disk
from personas.errors import DocumentError


@dataclass(frozen=True)
class Inspected:
    """What was found, and what was written.

    Attributes:
        inspection: what each column holds.
        codebook: where the codebook stands; ``None`` where no column is a question.
        existed: whether it stood there before.
        added: columns that it now has and had not before; all of a new codebook's.
        differences: where the data no longer fit an existing codebook, in words.
        grounding: the grounding file drafted.
        remarks: how the rows were read, where that is not plain.
    """

    inspection: Inspection
    codebook: Path | None
    existed: bool
    added: tuple[str, ...]
    differences: tuple[str, ...]
    grounding: Path | None
    remarks: tuple[str, ...] = ()


def inspect(place: Place, out: Path | None = None, grounding: Path | None = None) -> Inspected:
    """Reads a table and writes a codebook for it, and a grounding file if asked.

    An existing codebook keeps every byte; only columns that it lacks are added at the end of its lists.

    Args:
        place: the data.
        out: the codebook; beside the data, with the ending ``.codebook.yaml``, if ``None``.
        grounding: the grounding file to draft, which must not exist.

    Raises:
        DataError: the data cannot be read.
        DocumentError: an existing codebook is not valid, or the grounding file exists.
    """
    path = out or default_codebook(place)
    if grounding is not None and grounding.exists():
        raise DocumentError(
            f"{grounding}: the file exists, and a draft overwrites nothing; name another file"
        )
    old = _existing(path)
    table = reading.read(place)
    found = inspection.inspect(table)
    written = _codebook(path, old, table, found)
    if grounding is not None:
        numbered = any(name.endswith(" (2)") for name in table.columns)
        placed = _placed(place, written.codebook, grounding.parent, numbered)
        disk.replace(grounding, draft_grounding.grounding(found, placed))
    return Inspected(
        inspection=found,
        codebook=written.codebook,
        existed=old is not None,
        added=written.added,
        differences=written.differences,
        grounding=grounding,
        remarks=table.remarks,
    )


def default_codebook(place: Place) -> Path:
    """Where the codebook of a place lies: beside the file, or for a database in the current folder."""
    if place.path is not None:
        name = place.path.name.removesuffix(".gz")
        return place.path.with_name(f"{Path(name).stem}.codebook.yaml")
    assert place.database is not None
    return Path(f"{place.database.table or 'query'}.codebook.yaml")


def _existing(path: Path) -> str | None:
    """The text of a codebook that stands there already, checked before the data are read."""
    if not path.exists():
        return None
    codebook.load(path)
    return path.read_bytes().decode("utf-8")


@dataclass(frozen=True)
class _Written:
    codebook: Path | None
    added: tuple[str, ...]
    differences: tuple[str, ...]


def _codebook(path: Path, old: str | None, table: Table, found: Inspection) -> _Written:
    if old is None:
        if not any(draft.asks(f) for f in found.findings):
            return _Written(None, (), ())
        disk.replace(path, draft.codebook(found, Path(table.name).name))
        return _Written(path, tuple(f.column for f in found.findings), ())
    extended = draft_update.extended(old, str(path), found)
    if extended.added:
        disk.replace(path, extended.text)
    return _Written(path, extended.added, draft_update.differences(codebook.load(path), table))


def _placed(place: Place, book: Path | None, folder: Path, numbered: bool) -> Placed:
    """The data and the codebook as seen from the grounding file's folder."""
    where: list[str] = []
    if place.path is not None:
        where.append(f"file: {draft.scalar(_seen_from(folder, place.path))}")
    elif place.database is not None:
        key, value = (
            ("table", place.database.table) if place.database.table else ("query", place.database.query)
        )
        where += [
            "database:",
            f"  url: {draft.scalar(place.database.url)}",
            f"  {key}: {draft.scalar(value)}",
        ]
    if place.definition is not None:
        where.append(f"definition: {draft.scalar(_seen_from(folder, place.definition))}")
    options = [
        f"  {key}: {draft.code(str(value))}"
        for key, value in place.options.model_dump().items()
        if value != ReadOptions.model_fields[key].default and (key != "repeated_names" or numbered)
    ]
    where += ["read:", *options] if options else []
    table = place.database.table if place.database is not None else ""
    stem = place.path.name.split(".")[0] if place.path is not None else table
    panel = re.sub(r"[^\w .-]+", "-", stem)[:60].strip(" .-_")
    return Placed(panel or "panel", tuple(where), _seen_from(folder, book) if book is not None else "")


def _seen_from(folder: Path, path: Path) -> str:
    return Path(os.path.relpath(path.resolve(), folder.resolve())).as_posix()
