"""The encoding of a text file: told by its first bytes, by strict decoding, or found out from its letters."""

import codecs
import gzip
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

from personas.errors import DataError

_CHUNK = 1 << 20
_HEAD = 1 << 16
_SAMPLE_LINES = 2000
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SIGNATURES = (
    (b"PK\x03\x04", "an Excel workbook or a zip archive", "name it .xlsx, or unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old or a password-protected Excel workbook", "save it as .xlsx or CSV"),
    (b"PAR1", "a Parquet file", "name it .parquet"),
    (b"$FL2", "an SPSS file", "name it .sav"),
    (b"$FL3", "an SPSS file", "name it .zsav"),
    (b"\x1f\x8b", "packed with gzip", "name it .csv.gz"),
    (b"%PDF", "a PDF document", "export the table as CSV"),
)
_LETTERS = frozenset("äöüßéèêëàâáãçôóòõîíìïñûúùåøæœýÿąćęłńśźżčďěňřšťůžőűășț")
_SIGNS = frozenset("“”„‘’‚–—…€£§°«»·•©®™\u00a0½¼¾¿¡´")
# Tried in this order; the first of equals wins.
_OLD = ("cp1252", "mac_roman", "cp850", "cp1250")
_CONVINCING = 0.5


@dataclass(frozen=True)
class Encoding:
    """An encoding, and how it is known: given, told by the file, or found out."""

    name: str
    how: str = ""

    @property
    def words(self) -> str:
        """The encoding as reports name it."""
        return f"{self.name} ({self.how})" if self.how else self.name


def opened(path: Path) -> BinaryIO:
    """The bytes of a file, unpacked where it ends in .gz."""
    return cast(BinaryIO, gzip.open(path, "rb")) if path.suffix.lower() == ".gz" else path.open("rb")


def find(path: Path, given: str) -> Encoding:
    """The encoding in which the whole file can be read.

    UTF-8 is tried strictly before any other. Where it fails, bytes above 127 are read in several old
    encodings, and the one that makes letters and signs of Western and Central European text of them is
    taken; charset-normalizer decides where none does.

    Args:
        path: the file.
        given: the encoding that the user says it has; empty if it is to be found out.

    Raises:
        DataError: the file is empty, is no text, has NUL bytes, does not have the encoding given, is written
            in several encodings (naming the first lines in each), or its encoding cannot be told.
    """
    try:
        with opened(path) as file:
            head = file.read(_HEAD)
        _refuse_other_kinds(head, path)
        if given:
            return _checked(path, given)
        for mark, name in _MARKS:
            if head.startswith(mark):
                _decode(path, name)
                return Encoding(name.removesuffix("-sig"), "byte order mark")
        name = _wide(head)
        if name is None:
            _refuse_nul(path)
            return _narrow(path)
        _decode(path, name)
        return Encoding(name, "found out")
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path}: cannot be unpacked ({error}); the file is cut off or damaged") from None


def _refuse_other_kinds(head: bytes, path: Path) -> None:
    if not head.strip():
        raise DataError(f"{path}: the file is empty")
    for signature, what, remedy in _SIGNATURES:
        if head.startswith(signature):
            raise DataError(f"{path}: this is {what}, not CSV text; {remedy}")


def _checked(path: Path, given: str) -> Encoding:
    try:
        codecs.lookup(given)
    except LookupError:
        raise DataError(
            f"{path}: unknown encoding {given!r} under 'read'; write one such as utf-8, cp1252, latin-1 or "
            "utf-16"
        ) from None
    if not codecs.lookup(given).name.startswith(("utf-16", "utf-32")):
        _refuse_nul(path)
    _decode(path, given)
    return Encoding(given, "as given")


def _wide(head: bytes) -> str | None:
    """UTF-16 without a byte order mark, known by its zero bytes standing on one side."""
    even, odd = head[0::2].count(0), head[1::2].count(0)
    if max(even, odd) < 0.3 * len(head) / 2 or min(even, odd) > 0.02 * len(head):
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _chunks(path: Path) -> Iterator[bytes]:
    with opened(path) as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _refuse_nul(path: Path) -> None:
    line = 1
    for chunk in _chunks(path):
        at = chunk.find(b"\0")
        if at >= 0:
            line += chunk.count(b"\n", 0, at)
            raise DataError(
                f"{path}: line {line}: holds a NUL byte; the file is damaged "
                "or no text: export it again as CSV"
            )
        line += chunk.count(b"\n")


def _decode(path: Path, name: str) -> None:
    """Returns where the whole file can be decoded. Raises: DataError naming byte, offset and line."""
    decoder = codecs.getincrementaldecoder(name)("strict")
    done, line = 0, 1
    for chunk in chain(_chunks(path), (b"",)):
        pending = len(decoder.getstate()[0])
        try:
            decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError as error:
            at = error.start - pending
            line += chunk.count(b"\n", 0, max(at, 0))
            raise DataError(
                f"{path}: line {line}: byte {error.object[error.start]:#04x} at offset {done + at} is not "
                f"{name.upper()}; mend the file, or set 'read: encoding' to the encoding that it has"
            ) from None
        done, line = done + len(chunk), line + chunk.count(b"\n")


def _narrow(path: Path) -> Encoding:
    """UTF-8, or the old encoding of a file that is not."""
    try:
        _decode(path, "utf-8")
    except DataError:
        return _old(path)
    return Encoding("utf-8")


def _old(path: Path) -> Encoding:
    """The encoding of a file that is not UTF-8 throughout."""
    utf8: list[int] = []
    other: list[int] = []
    sample: list[bytes] = []
    with opened(path) as file:
        for number, line in enumerate(file, start=1):
            if line.isascii():
                continue
            if _is_utf8(line):
                utf8.append(number)
            else:
                other.append(number)
                sample.append(line[:_HEAD])
            del utf8[4:], other[4:], sample[_SAMPLE_LINES:]
    if utf8 and other:
        raise DataError(
            f"{path}: written in several encodings: {_lines(utf8)} UTF-8, {_lines(other)} not; save "
            "the file in one encoding, or set 'read: encoding' if all of it is in that encoding"
        )
    return Encoding(_told(b"".join(sample), path, other), "found out")


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _lines(numbers: Sequence[int]) -> str:
    """The first of the lines with their verb, such as ``lines 3, 8 are``."""
    if len(numbers) == 1:
        return f"line {numbers[0]} is"
    return f"lines {', '.join(map(str, numbers[:3]))}{' and others' if len(numbers) > 3 else ''} are"


def _told(sample: bytes, path: Path, lines: Sequence[int]) -> str:
    scored = {name: _score(sample, name) for name in _OLD}
    best = max(_OLD, key=lambda name: scored[name])
    if scored[best] >= _CONVINCING:
        return best
    import charset_normalizer

    found = charset_normalizer.from_bytes(sample).best()
    if found is None:
        raise DataError(
            f"{path}: {_lines(lines)} not UTF-8, and the encoding cannot be told; set 'read: encoding', "
            "such as cp1252"
        )
    return found.encoding


def _score(sample: bytes, name: str) -> float:
    """How well the bytes above 127 read as letters and signs of European text, from -1 to 1."""
    try:
        text = sample.decode(name)
    except UnicodeDecodeError:
        return -1.0
    padded = f" {text} "
    marks = [
        _mark(padded[i - 1], letter, padded[i + 1]) for i, letter in enumerate(padded) if not letter.isascii()
    ]
    return sum(marks) / len(marks) if marks else -1.0


def _mark(before: str, letter: str, after: str) -> float:
    """1 for a letter that fits its neighbours, less for a sign, -1 for what hardly stands in a text."""
    if letter.lower() in _LETTERS:
        capital_inside = letter.isupper() and before.isalpha() and (before.islower() or after.islower())
        alone = not (before.isascii() or after.isascii())
        return -1.0 if capital_inside or alone else 1.0
    if letter in _SIGNS:
        inside = before.isalpha() and after.isalpha() and letter != "’"
        return -0.5 if inside else 0.6
    return -1.0
