"""Encodings that a workspace keeps: vectors of texts and of predictions, in files that are never changed.

A file holds what was kept at one time: a header with a key and a checksum for each row, then the rows. It is
written aside and renamed, so that it is there whole or not at all. Nothing in it is believed whose checksum
does not fit: such a file is deleted where that is possible, and what it held is worked out anew.
"""

import contextlib
import hashlib
import json
import os
import secrets
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from mirrorpanel import choosing
from mirrorpanel.choosing import Chosen
from mirrorpanel.store import Workspace
from personas.arrays import FloatArray
from personas.models import loading
from personas.prompt import PROMPT_VERSION

FOLDER = "encodings"
_SUFFIX, _PART = ".vectors", ".part"
_HEAD = struct.Struct("<8sIIQ")  # what it is, rows, numbers of a row, bytes of a number
_MAGIC = b"mpvec001"
_KEY, _SUM = 32, 16


class _Place(NamedTuple):
    """Where a row is."""

    file: Path
    row: int


class _Header(NamedTuple):
    """What stands before the rows of a file."""

    keys: tuple[bytes, ...]
    sums: tuple[bytes, ...]
    numbers: int
    size: int

    @property
    def length(self) -> int:
        """Bytes of the header."""
        return _HEAD.size + len(self.keys) * (_KEY + _SUM) + _SUM

    @property
    def dtype(self) -> type[np.float32] | type[np.float64]:
        """Number format of the rows."""
        return np.float32 if self.size == np.dtype(np.float32).itemsize else np.float64


@dataclass(frozen=True)
class FileStore:
    """A ``VectorStore`` in a folder.

    Attributes:
        folder: that the files are in; made when something is kept.
        read_only: nothing is kept, and nothing damaged is deleted.
    """

    folder: Path
    read_only: bool = False

    def find(self, keys: Sequence[bytes]) -> list[FloatArray | None]:
        """See ``VectorStore``."""
        by_file: dict[Path, list[bytes]] = {}
        for key in dict.fromkeys(keys):
            place = self._places.get(key)
            if place is not None:
                by_file.setdefault(place.file, []).append(key)
        found: dict[bytes, FloatArray] = {}
        for file, wanted in by_file.items():
            found |= self._read(file, wanted)
        return [found.get(key) for key in keys]

    def keep(self, keys: Sequence[bytes], rows: FloatArray) -> None:
        """See ``VectorStore``."""
        if self.read_only:
            self._unkept.append(len(keys))
        if self.read_only or not keys:
            return
        content = _content(keys, rows)
        name = hashlib.sha256(content).hexdigest()[:32]
        file = self.folder / f"{name}{_SUFFIX}"
        part = self.folder / f"{name}-{secrets.token_hex(4)}{_PART}"
        try:
            self.folder.mkdir(exist_ok=True)
            with part.open("wb") as written:
                written.write(content)
                written.flush()
                os.fsync(written.fileno())
            part.replace(file)
        except OSError:  # no room, or no leave to write: it only costs working it out again
            with contextlib.suppress(OSError):
                part.unlink(missing_ok=True)
            return
        self._add(file)

    @property
    def made_anew(self) -> int:
        """Rows that were not there and could not be kept either, since nothing is written here."""
        return sum(self._unkept)

    @cached_property
    def _unkept(self) -> list[int]:
        return []

    @cached_property
    def _places(self) -> dict[bytes, _Place]:
        return {}

    @cached_property
    def _headers(self) -> dict[Path, _Header]:
        return {}

    def __post_init__(self) -> None:
        for file in sorted(self.folder.glob(f"*{_SUFFIX}")):
            self._add(file)

    def _add(self, file: Path) -> None:
        try:
            with file.open("rb") as opened:
                header = _header(opened, file.stat().st_size)
        except OSError:
            return
        if header is None:
            self._drop(file)
            return
        self._headers[file] = header
        self._places.update({key: _Place(file, row) for row, key in enumerate(header.keys)})

    def _read(self, file: Path, keys: Sequence[bytes]) -> dict[bytes, FloatArray]:
        """Rows of one file; none where one of them is damaged."""
        header, found = self._headers[file], dict[bytes, FloatArray]()
        try:
            with file.open("rb") as opened:
                for key in keys:
                    row = self._places[key].row
                    opened.seek(header.length + row * header.numbers * header.size)
                    content = opened.read(header.numbers * header.size)
                    if _sum(key, content) != header.sums[row]:
                        self._drop(file)
                        return {}
                    found[key] = np.frombuffer(content, dtype=header.dtype).astype(np.float64)
        except OSError:
            return {}
        return found

    def _drop(self, file: Path) -> None:
        """Forgets a damaged file, and deletes it where that is possible."""
        self._headers.pop(file, None)
        for key in [key for key, place in self._places.items() if place.file == file]:
            del self._places[key]
        if not self.read_only:
            with contextlib.suppress(OSError):
                file.unlink(missing_ok=True)


def identity(base: Path | str, lora: Path | None, chosen: Chosen | None, layers: Sequence[int]) -> str | None:
    """Hash of all that an encoding depends on but its text; ``None`` where that is not known beforehand.

    Files of the language model and of its LoRA adapter, kind of processor and number format, layers, the
    version of the prompts, and those of the packages that run the model.

    Args:
        base: folder of the language model; of a hub name nothing is known.
        lora: folder of the adapter that it reads with.
        chosen: processor, as far as it is known.
        layers: that vectors are taken from.
    """
    if chosen is None or isinstance(base, str):
        return None
    content = [
        loading.hash_of(base, None), loading.hash_of(lora, None) if lora else "", *chosen, list(layers),
        PROMPT_VERSION, *choosing.versions(),
    ]  # fmt: skip
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def store(workspace: Workspace) -> FileStore:
    """What a workspace has kept."""
    return FileStore(workspace.folder / FOLDER, workspace.read_only)


def files(folder: Path) -> Iterator[Path]:
    """All files of a workspace's encodings, those included that were not finished."""
    return (path for path in (folder / FOLDER).glob("*") if path.is_file())


def _content(keys: Sequence[bytes], rows: FloatArray) -> bytes:
    """A whole file; single precision where nothing is lost by it."""
    single = rows.astype(np.float32)
    exact = single if np.array_equal(single.astype(np.float64), rows, equal_nan=True) else rows
    content = [row.tobytes() for row in np.ascontiguousarray(exact)]
    head = _HEAD.pack(_MAGIC, len(keys), rows.shape[1], exact.dtype.itemsize)
    head += b"".join(keys) + b"".join(_sum(key, row) for key, row in zip(keys, content, strict=True))
    return head + _sum(head) + b"".join(content)


def _header(file: BinaryIO, size: int) -> _Header | None:
    """The header of a file of ``size`` bytes; ``None`` where it is not whole."""
    first = file.read(_HEAD.size)
    if len(first) < _HEAD.size:
        return None
    magic, rows, numbers, width = _HEAD.unpack(first)
    length = _HEAD.size + rows * (_KEY + _SUM) + _SUM
    if magic != _MAGIC or width not in (4, 8) or size != length + rows * numbers * width:
        return None
    rest = file.read(length - _HEAD.size)
    if _sum(first + rest[:-_SUM]) != rest[-_SUM:]:
        return None
    keys = tuple(rest[i * _KEY : (i + 1) * _KEY] for i in range(rows))
    after = rest[rows * _KEY :]
    sums = tuple(after[i * _SUM : (i + 1) * _SUM] for i in range(rows))
    return _Header(keys, sums, numbers, width)


def _sum(*parts: bytes) -> bytes:
    return hashlib.blake2b(b"".join(parts), digest_size=_SUM).digest()
