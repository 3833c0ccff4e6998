"""The one typed module around pyreadstat: SPSS and Stata files, read some rows at a time."""

import importlib
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np

from grounding.sources.columns import NOTHING, Column, number_text
from grounding.sources.stream import Batch
from personas.errors import DataError

Format = Literal["sav", "dta"]
_CELLS = 10_000_000
_FEWEST_ROWS = 20_000
_FALLBACK = "cp1252"
_PROBE = """
import sys
import pyreadstat
try:
    (pyreadstat.read_sav if sys.argv[2] == "sav" else pyreadstat.read_dta)(sys.argv[1], row_limit=1)
except Exception:
    pass
"""
_WORDS = {"sav": "an SPSS file (.sav, .zsav)", "dta": "a Stata file (.dta)"}


@dataclass(frozen=True)
class Description:
    """What a file says about itself; dates and the like as pyreadstat names them.

    Attributes:
        columns: names in the file's order.
        texts: column -> label.
        labels: column -> code -> value label; a Stata missing code is its letter.
        ranges: column -> lowest and highest value declared missing; equal for single values.
        sets: pyreadstat's ``mr_sets``.
        numbers: columns that hold numbers.
        dated: columns that hold dates or times.
        encoding: as the file declares it, or as it turned out.
        found_out: whether the encoding declared does not fit.
    """

    columns: tuple[str, ...]
    texts: Mapping[str, str]
    labels: Mapping[str, Mapping[object, str]]
    ranges: Mapping[str, Sequence[tuple[object, object]]]
    sets: Mapping[str, Mapping[str, Any]]
    numbers: frozenset[str]
    dated: frozenset[str]
    encoding: str
    found_out: bool


def describe(path: Path, form: Format, encoding: str) -> Description:
    """What the file says about itself.

    The C library behind pyreadstat has been seen to break off the whole process on damaged files: 30 of 800
    SPSS files with four bytes changed at random, always before the first row. So another process looks
    first.

    Text that does not have the encoding declared is read as cp1252, and ``found_out`` says so.

    Raises:
        DataError: no such file, of another kind, cut off, or not in the encoding given.
    """
    _probe(path, form)
    _, meta = _read(path, form, encoding, not encoding, metadataonly=True)
    named = encoding
    if not encoding and not _readable(path, form):
        named = _FALLBACK
        _, meta = _read(path, form, named, False, metadataonly=True)
    _refuse_damaged_names(path, form, meta.column_names)
    formats: dict[str, str] = dict(meta.original_variable_types)
    kinds: dict[str, str] = dict(meta.readstat_variable_types)
    numbers = frozenset(c for c, kind in kinds.items() if kind != "string")
    return Description(
        columns=tuple(map(str, meta.column_names)),
        texts={str(c): str(text) for c, text in meta.column_names_to_labels.items() if text},
        labels=dict(meta.variable_value_labels),
        ranges={
            c: [(_number(r["lo"]), _number(r["hi"])) for r in found]
            for c, found in meta.missing_ranges.items()
        },
        sets=dict(meta.mr_sets or {}),
        numbers=numbers,
        dated=frozenset(c for c in numbers if _is_dated(formats.get(c, ""))),
        encoding=named or str(meta.file_encoding or ""),
        found_out=named != encoding,
    )


def _probe(path: Path, form: Format) -> None:
    """Returns where another process can read the file's head without being broken off. Raises: DataError."""
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    about = path.stat()
    ended = _exit_code(str(path.resolve()), form, about.st_size, about.st_mtime_ns)
    if ended not in (0, 1):  # 1: an exception, which will be met again and explained
        raise DataError(
            f"{path}: cannot be read as {_WORDS[form]}: its reader breaks off (exit code {ended}); the file "
            "is damaged: export it again"
        )


@lru_cache(maxsize=256)
def _exit_code(path: str, form: Format, _size: int, _changed: int) -> int:
    """How the other process ended; asked once for each state of a file."""
    command = [sys.executable, "-c", _PROBE, path, form]
    return subprocess.run(command, check=False, capture_output=True).returncode


def _refuse_damaged_names(path: Path, form: Format, names: Sequence[object]) -> None:
    """Returns where every column has a name of its own, as only damaged files lack. Raises: DataError."""
    seen: set[object] = set()
    for place, name in enumerate(names, start=1):
        if not isinstance(name, str) or not name or name in seen:
            problem = f"the name of column {place} cannot be read or stands twice"
            raise DataError(_damaged(path, form, problem))
        seen.add(name)


def _damaged(path: Path, form: Format, problem: object) -> str:
    return (
        f"{path}: cannot be read as {_WORDS[form]}: {problem}; the file is cut off, damaged or of another "
        "kind: export it again"
    )


def _number(value: Any) -> object:
    return float(value) if isinstance(value, int) else value


def labels(found: Description, column: str) -> dict[str, str]:
    """Code, as cells write it -> value label."""
    number = column in found.numbers
    known = found.labels.get(column, {}).items()
    return {code_text(code, number) or "": str(label) for code, label in known}


def _is_dated(form: str | None) -> bool:
    if not form:
        return False
    starts = (
        "DATE",
        "ADATE",
        "EDATE",
        "JDATE",
        "SDATE",
        "DATETIME",
        "YMDHMS",
        "TIME",
        "DTIME",
        "MTIME",
        "%t",
    )
    return form.upper().startswith(starts) or form.startswith(("%d", "%-t"))


def _readable(path: Path, form: Format) -> bool:
    """Whether all text can be read in the encoding that the file declares."""
    try:
        module: Any = importlib.import_module("pyreadstat")
        _reader(module, form)(str(path), metadataonly=True)
        _reader(module, form)(str(path), row_limit=_FEWEST_ROWS)
    except Exception as error:  # pyreadstat raises several classes of its own, which share no other base
        return not _is_encoding(error)
    return True


def _is_encoding(error: Exception) -> bool:
    return "encoding" in str(error) or isinstance(error, UnicodeDecodeError)


def _reader(module: Any, form: Format) -> Any:
    return module.read_sav if form == "sav" else module.read_dta


def _read(path: Path, form: Format, encoding: str, falls_back: bool, **options: Any) -> tuple[Any, Any]:
    module: Any = importlib.import_module("pyreadstat")
    try:
        return _reader(module, form)(str(path), encoding=encoding or None, user_missing=True, **options)
    except Exception as error:  # pyreadstat raises several classes of its own, which share no other base
        if _is_encoding(error) and falls_back:
            return _read(path, form, _FALLBACK, False, **options)
        raise DataError(_problem(path, form, encoding, error)) from None


def _problem(path: Path, form: Format, encoding: str, error: Exception) -> str:
    if "character set" in str(error) and not encoding:
        return f"{path}: declares an encoding that is not known; set 'read: encoding', such as cp1252"
    if "character set" in str(error):
        return f"{path}: unknown encoding {encoding!r} under 'read'; write one such as utf-8, cp1252, latin-1"
    if _is_encoding(error):
        named = encoding or "in the encoding that it declares"
        return f"{path}: its text is not {named}; set 'read: encoding' to the encoding that it has"
    return _damaged(path, form, error)


def batches(
    path: Path, form: Format, found: Description, columns: Sequence[str], given: str
) -> Iterator[Batch]:
    """The rows, as codes in text: dates in ISO form, Stata's missing letters as ``.a``; raises DataError."""
    size = max(_FEWEST_ROWS, _CELLS // max(len(columns), 1))
    encoding = found.encoding if found.found_out else given
    done = 0
    while True:
        options = {"row_offset": done, "row_limit": size, "usecols": list(columns)}
        rows, _ = _read(path, form, encoding, False, **options)
        if absent := [c for c in columns if c not in rows.columns]:
            raise DataError(_damaged(path, form, f"column {absent[0]!r} holds no cells"))
        if len(rows):
            yield Batch(
                range(done + 1, done + len(rows) + 1),
                [_coded(rows[c].to_numpy(), c in found.numbers) for c in columns],
            )
        done += len(rows)
        if len(rows) < size:
            return


def _coded(cells: Any, number: bool) -> Column:
    """The column of a numpy array; text among numbers is one of Stata's missing letters."""
    if cells.dtype.kind in "fiu":
        distinct, codes = np.unique(cells, return_inverse=True)
        texts = [number_text(float(value)) for value in distinct.tolist()]
    else:
        pandas: Any = importlib.import_module("pandas")
        codes, found = pandas.factorize(np.asarray(cells, dtype=object))
        texts = [code_text(value, number) for value in found]
    kept = [text for text in texts if text is not None]
    place = np.full(len(texts) + 1, NOTHING, dtype=np.int32)  # the last place serves missing cells (-1)
    place[[i for i, text in enumerate(texts) if text is not None]] = np.arange(len(kept), dtype=np.int32)
    return Column(tuple(kept), place[codes])


def cell_text(value: object) -> str | None:
    """A cell as text: numbers in plain digits, dates in ISO form, truth values as true and false."""
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value) if isinstance(value, int) else number_text(value)
    if isinstance(value, datetime):
        return value.isoformat(" ") if value.time() != time() else value.date().isoformat()
    return value.isoformat() if isinstance(value, date | time) else str(value)


def code_text(code: object, number: bool) -> str | None:
    """A cell or the code of a label as text; a letter among numbers is one that Stata writes as ``.a``."""
    return f".{code}" if number and isinstance(code, str) else cell_text(code)
