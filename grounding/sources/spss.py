"""SPSS files: codes with their labels, declared missing values, and questions with several answers."""

import struct
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from grounding.sources import readstat
from grounding.sources.columns import Clean, stripped
from grounding.sources.place import Place
from grounding.sources.readstat import Description
from grounding.sources.stream import Batch, Stream, chosen
from grounding.sources.table import Kind, ResponseSet, Variable

_VARIABLE_RECORD = 2
_HEADER_LENGTH = 176


def stream(place: Place, columns: Sequence[str] | None) -> Stream:
    """The rows of a .sav or .zsav file, of which only the wanted columns are read.

    Cells that the file declares missing, one by one or by a range, come as ``None``; their codes stand in
    ``Variable.missing``, those within a range as far as they occur or have a label.

    Raises:
        DataError: the file is missing, cut off or of another kind, not in the encoding given, or lacks
            a column.
    """
    path = place.path
    assert path is not None
    found = readstat.describe(path, "sav", place.options.encoding)
    wanted = chosen(str(path), found.columns, columns)
    variables = {c: _variable(found, c) for c in wanted}
    seen: dict[str, set[str]] = {c: set() for c in wanted if c in found.ranges}
    cleans: dict[str, Clean] = {c: _clean(found.ranges[c], seen[c]) for c in seen}
    rows = readstat.batches(path, "sav", found, wanted, place.options.encoding)
    return Stream(
        name=str(path),
        columns=wanted,
        batches=completed(rows, variables, seen),
        cleans=cleans,
        variables=variables,
        sets=_sets(found.sets, wanted),
        encoding=encoding_words(found, place.options.encoding),
        weight=weight_column(path, found.columns) if columns is None else "",
    )


def column_names(place: Place) -> tuple[str, ...]:
    """Names of the columns. Raises: DataError."""
    assert place.path is not None
    return readstat.describe(place.path, "sav", place.options.encoding).columns


def encoding_words(found: Description, given: str) -> str:
    """The encoding as reports name it."""
    how = (
        "as given" if given else "found out: the one declared does not fit" if found.found_out else "declared"
    )
    return f"{found.encoding} ({how})" if found.encoding else ""


def _variable(found: Description, column: str) -> Variable:
    kind: Kind = "date" if column in found.dated else "number" if column in found.numbers else "text"
    labels = readstat.labels(found, column)
    inside = _is_missing(found.ranges.get(column, ()))
    return Variable(
        text=found.texts.get(column, ""),
        labels=labels,
        missing=tuple(dict.fromkeys([*_singles(found, column), *(c for c in labels if inside(c))])),
        kind=kind,
    )


def _singles(found: Description, column: str) -> list[str]:
    return [readstat.cell_text(low) or "" for low, high in found.ranges.get(column, ()) if low == high]


def _is_missing(ranges: Sequence[tuple[object, object]]) -> Callable[[str], bool]:
    numbers = [(low, high) for low, high in ranges if isinstance(low, float) and isinstance(high, float)]
    texts = {str(low).strip() for low, _ in ranges if isinstance(low, str)}

    def inside(text: str) -> bool:
        if text in texts:
            return True
        try:
            value = float(text)
        except ValueError:
            return False
        return any(low <= value <= high for low, high in numbers)

    return inside


def _clean(ranges: Sequence[tuple[object, object]], seen: set[str]) -> Clean:
    inside = _is_missing(ranges)

    def clean(text: str) -> str | None:
        found = stripped(text)
        if found is None or not inside(found):
            return found
        seen.add(found)
        return None

    return clean


def completed(
    rows: Iterator[Batch], variables: dict[str, Variable], seen: Mapping[str, set[str]]
) -> Iterator[Batch]:
    """The batches; behind the last one, variables name the missing codes that occurred."""
    yield from rows
    for column, codes in seen.items():
        old = variables[column]
        missing = tuple(dict.fromkeys([*old.missing, *sorted(codes)]))
        variables[column] = Variable(old.text, old.labels, missing, old.kind)


def _sets(found: Mapping[str, Mapping[str, Any]], wanted: Sequence[str]) -> tuple[ResponseSet, ...]:
    by_name = {column.lower(): column for column in wanted}
    made: list[ResponseSet] = []
    for name, content in found.items():
        items = [by_name[c.lower()] for c in content["variable_list"] if c.lower() in by_name]
        counted = content["counted_value"] if content["is_dichotomy"] else None
        code = "" if counted is None else readstat.cell_text(_counted(counted)) or ""
        if items:
            made.append(ResponseSet(name, str(content["label"] or ""), tuple(items), code))
    return tuple(made)


def _counted(value: object) -> object:
    """The counted value as cells write it: SPSS keeps it as text even where the items hold numbers."""
    try:
        return float(str(value))
    except ValueError:
        return str(value).strip()


def weight_column(path: Path, columns: Sequence[str]) -> str:
    """The column by which the file says that its rows are weighted; empty where it says so of none.

    The header keeps the place of the weight among the variable records, where long texts take several;
    pyreadstat does not pass it on.

    Source: PSPP developers' guide, "System File Format": file header record (weight_index), variable record.
    """
    with path.open("rb") as file:
        head = file.read(_HEADER_LENGTH)
        order = "<" if head[64:68] in (b"\x02\0\0\0", b"\x03\0\0\0") else ">"
        (place,) = struct.unpack(f"{order}i", head[76:80])
        if place <= 0:
            return ""
        before, total, here = 0, 0, False
        for record in range(1, 10**6):
            kind = file.read(4)
            if len(kind) < 4 or struct.unpack(f"{order}i", kind)[0] != _VARIABLE_RECORD:
                break
            width, has_label, n_missing = struct.unpack(f"{order}3i", file.read(12))
            file.read(16)
            if has_label:
                (length,) = struct.unpack(f"{order}i", file.read(4))
                file.read((length + 3) // 4 * 4)
            file.read(8 * abs(n_missing))
            here = here or record == place
            before += width >= 0 and record < place
            total = record
    return columns[before] if here and total >= len(columns) > before else ""
