"""Stata files: codes with their labels; ``.a`` to ``.z`` are missing."""

from collections.abc import Sequence

from grounding.sources import readstat, spss
from grounding.sources.columns import Clean, stripped
from grounding.sources.place import Place
from grounding.sources.readstat import Description
from grounding.sources.stream import Stream, chosen
from grounding.sources.table import Kind, Variable


def stream(place: Place, columns: Sequence[str] | None) -> Stream:
    """The rows of a .dta file, of which only the wanted columns are read; ``.a`` to ``.z`` come as ``None``.

    Raises:
        DataError: the file is missing, cut off or of another kind, not in the encoding given, or lacks
            a column.
    """
    path = place.path
    assert path is not None
    found = readstat.describe(path, "dta", place.options.encoding)
    wanted = chosen(str(path), found.columns, columns)
    variables = {c: _variable(found, c) for c in wanted}
    seen: dict[str, set[str]] = {c: set() for c in wanted if c in found.numbers}
    cleans: dict[str, Clean] = {c: _clean(letters) for c, letters in seen.items()}
    rows = readstat.batches(path, "dta", found, wanted, place.options.encoding)
    return Stream(
        name=str(path),
        columns=wanted,
        batches=spss.completed(rows, variables, seen),
        cleans=cleans,
        variables=variables,
        encoding=spss.encoding_words(found, place.options.encoding),
    )


def column_names(place: Place) -> tuple[str, ...]:
    """Names of the columns. Raises: DataError."""
    assert place.path is not None
    return readstat.describe(place.path, "dta", place.options.encoding).columns


def _variable(found: Description, column: str) -> Variable:
    kind: Kind = "date" if column in found.dated else "number" if column in found.numbers else "text"
    labels = readstat.labels(found, column)
    missing = tuple(code for code in labels if kind != "text" and _is_letter(code))
    return Variable(found.texts.get(column, ""), labels, missing, kind)


def _is_letter(code: str) -> bool:
    return len(code) == 2 and code[0] == "." and code[1].isalpha()


def _clean(seen: set[str]) -> Clean:
    def clean(text: str) -> str | None:
        if not _is_letter(text):
            return stripped(text)
        seen.add(text)
        return None

    return clean
