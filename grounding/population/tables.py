"""Margin tables by name: those that ship in reference_data, and a user's own from a file."""

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import reference_data
from grounding.population.spans import Span, span, spans
from grounding.population.spec import OwnTable
from grounding.sources import reading
from grounding.sources.place import Place
from grounding.sources.table import Table
from personas.errors import DataError, UnknownName
from personas.wording import counted, listing
from reference_data import MarginTable, countries

COUNTRY = "country"
_FILE = re.compile(r".*[/\\].*|.*\.(csv|tsv|txt|dat|xls[bmx]?|ods|z?sav|por|dta|parquet|json)(\.gz)?", re.I)
_SEVERAL_WHOLES = 150.0  # per cent; two wholes add up to 200
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(\.\d{3})+")
ROUNDING = 1.0
"""Percentage points by which the rows of a table in per cent may miss 100."""


def table(name: str, own: Mapping[str, OwnTable], base: Path) -> MarginTable:
    """The table called ``name``; a user's own comes before a shipped one of the same name.

    Args:
        name: as a margin or an imputation names it.
        own: tables that the grounding file describes.
        base: folder that their files are relative to.

    Raises:
        UnknownName: there is no such table; lists those that there are.
        DataError: an own table cannot be read; see ``read``.
    """
    known(name, own)
    if name in own:
        return read(name, own[name], base / own[name].file)
    return reference_data.margin(name)


def known(name: str, own: Mapping[str, OwnTable]) -> None:
    """Returns where there is a table of that name.

    Raises:
        UnknownName: there is none; lists those that there are.
        DataError: the name is that of a file, which 'tables' must describe first.
    """
    if name in own or name in reference_data.margin_names():
        return
    if not _FILE.fullmatch(name):
        raise UnknownName("margin table", name, [*own, *reference_data.margin_names()])
    described = next((n for n, t in own.items() if t.file == name), "")
    stem = re.sub(r"\W+", "_", Path(name).stem).strip("_") or "own"
    first = f"tables: {{{stem}: {{file: {name}, source: office and publication}}}}, and "
    raise DataError(
        f"{name!r} is a file, and 'table' takes the name of a table: "
        f"{'' if described else f'describe the file under {chr(39)}tables{chr(39)}, such as {first}'}"
        f"write table: {described or stem}"
    )


def read(name: str, spec: OwnTable, path: Path) -> MarginTable:
    """A table from a file: a column for each dimension, and the one with the counts that ``spec`` names.

    Raises:
        DataError: no such file or column, an empty cell, the same cell twice, or a count that is no number
            >= 0; names file, line, value and what is allowed.
    """
    found = reading.read(Place(path, options=spec.read))
    if found.broken:
        raise DataError(
            f"{path}: {counted(len(found.broken), 'row does', 'rows do')} not fit the header, first line "
            f"{found.broken[0].line}; "
            "a margin needs all of its rows, so mend them"
        )
    dimensions = tuple(column for column in found.columns if column != spec.count)
    if spec.count not in found.columns or not dimensions:
        raise DataError(
            f"{path}: a margin table needs a column {spec.count!r} with the counts and at least one "
            f"dimension; it has {', '.join(found.columns)}{_name_it(found, spec)}"
        )
    _check_points(found, spec, path)
    rows: dict[tuple[str, ...], float] = {}
    for i, line in enumerate(found.lines):
        values = tuple(found.columns[d][i] for d in dimensions)
        where = f"{path}:{line}" if found.unit == "line" else f"{path}: row {line}"
        if None in values:
            raise DataError(
                f"{where}: column {dimensions[values.index(None)]!r} is empty; each row needs a value"
            )
        cell = tuple(_label(found, d, str(v)) for d, v in zip(dimensions, values, strict=True))
        if cell in rows:
            raise DataError(
                f"{where}: {_cell(dimensions, cell)} stands in the table twice; give each cell once"
            )
        rows[cell] = _number(found.columns[spec.count][i], spec.count, where)
    return MarginTable(
        name=name,
        country=_country(spec.country),
        dimensions=dimensions,
        rows=tuple(rows.items()),
        unit=spec.unit,
        source=spec.source,
        vintage=spec.vintage,
        licence=spec.licence,
        retrieved="",
        note="",
        basis=spec.basis,
    )


def _name_it(found: Table, spec: OwnTable) -> str:
    """How to name the column with the counts where it has another name; empty where it is there."""
    if spec.count in found.columns:
        return ""
    numbers = [c for c, values in found.columns.items() if values and all(map(_numeric, values))]
    likely = [*found.columns, *numbers][-1]
    return f". Where the counts have another name, name it: count: {likely}"


def _numeric(text: str | None) -> bool:
    return re.fullmatch(r"[\d.,\s]*\d", text or "") is not None


def _label(found: Table, dimension: str, code: str) -> str:
    """The value label where the file declares one, as SPSS and Stata files do."""
    declared = found.variables.get(dimension)
    return code if declared is None else declared.labels.get(code, code)


def filtered(table: MarginTable, where: Mapping[str, str | Sequence[str]]) -> MarginTable:
    """The table without the rows outside ``where``; rows in per cent must then be shares of one whole.

    A value is a category of the dimension. Where all of its categories are numbers or ranges of numbers, a
    range is understood too: ``18+`` or ``15-64`` keep the categories inside it. Countries may be named by
    their German name or code. The dimension stays, so that several values can still be told apart.

    Args:
        table: the official counts.
        where: dimension -> the value or values to keep; may be empty.

    Raises:
        DataError: no such dimension or category, a range that cuts through a category, nothing left that
            counts anybody, or per-cent rows that do not add up to 100.
    """
    keep = {_column(table, dimension): _kept(table, dimension, values) for dimension, values in where.items()}
    rows = tuple(row for row in table.rows if all(row[0][column] in kept for column, kept in keep.items()))
    if not sum(count for _, count in rows):
        raise DataError(f"table {table.name} counts nobody where {_words(where)}")
    left = replace(table, rows=rows)
    if where and COUNTRY in table.dimensions and len(left.categories(COUNTRY)) == 1:
        left = replace(left, country=left.categories(COUNTRY)[0])
    _check_percent(left)
    return left


def _kept(table: MarginTable, dimension: str, values: str | Sequence[str]) -> set[str]:
    categories = table.categories(dimension)
    chosen = [values] if isinstance(values, str) else [str(value) for value in values]
    if not chosen:
        raise DataError(f"table {table.name}: 'where' names no value of {dimension!r}; give one or more")
    return {category for value in chosen for category in _categories(table, dimension, value, categories)}


def _categories(table: MarginTable, dimension: str, value: str, categories: Sequence[str]) -> list[str]:
    """The categories that a value of ``where`` stands for."""
    if dimension == COUNTRY and value not in categories:
        value = _country(value)
    if value in categories:
        return [value]
    numbers, wanted = spans(categories), span(value)
    if numbers is None or wanted is None:
        close = difflib.get_close_matches(value, categories, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        if dimension == COUNTRY:
            raise DataError(_no_country(table, value, hint))
        raise DataError(f"table {table.name}: no {dimension} {value!r}{hint}; it has {listing(categories)}")
    return _within(f"table {table.name}: {dimension} {value!r}", numbers, wanted)


def _no_country(table: MarginTable, value: str, hint: str) -> str:
    """That a table does not count a country, which tables do, and which countries it counts."""
    others = _tables_for(value)
    bring = "bring a table of your own under 'tables' of the grounding file, with its source"
    this = f"table {table.name} does not count {value!r}{hint}"
    if others:
        return f"{this}; these do: {', '.join(others)}. For another topic {bring}"
    return (
        f"{this}. No official margin for {value} is in this package: {bring}. Countries of {table.name}: "
        f"{', '.join(table.categories(COUNTRY))}"
    )


def _tables_for(country: str) -> list[str]:
    try:
        return reference_data.margin_names(country)
    except KeyError:
        return []


def _within(where: str, numbers: Mapping[str, Span], wanted: Span) -> list[str]:
    touched = {c: n for c, n in numbers.items() if n.low <= wanted.high and n.high >= wanted.low}
    cut = [c for c, n in touched.items() if n.low < wanted.low or n.high > wanted.high]
    if cut:
        raise DataError(
            f"{where} cuts through {listing(cut)}, which the table counts whole; {_whole(numbers, wanted)}"
            f"choose bounds among its categories: {listing(list(numbers), 30)}"
        )
    if not touched:
        raise DataError(f"{where} holds none of its categories: {listing(list(numbers), 30)}")
    return list(touched)


def _whole(numbers: Mapping[str, Span], wanted: Span) -> str:
    """The widest range inside what is wanted that cuts through nothing, in words; empty where none is."""
    inside = [n for n in numbers.values() if n.low >= wanted.low and n.high <= wanted.high]
    if not inside:
        return ""
    low, high = min(n.low for n in inside), max(n.high for n in inside)
    kept = f"{low:g}+" if high == float("inf") else f"{low:g}-{high:g}"
    return f"{kept!r} is what it can count of that, and then the panel stands for no others; or "


def _check_percent(table: MarginTable) -> None:
    if table.unit != "percent" or abs(table.total - 100.0) <= ROUNDING:
        return
    said = f"table {table.name} is in per cent, and the rows used add up to {table.total:,.1f}, not 100"
    if table.total < _SEVERAL_WHOLES:
        raise DataError(
            f"{said}: a row is missing or one too many, or a figure is wrong; give each category its part so "
            "that they add up to 100"
        )
    several = [d for d in table.dimensions if len(table.categories(d)) > 1]
    raise DataError(
        f"{said}: per cent of several wholes cannot be added. Choose one whole by 'where', such as "
        f"where: {{{several[0] if several else table.dimensions[0]}: "
        f"{table.categories(several[0] if several else table.dimensions[0])[0]}}}"
    )


def _column(table: MarginTable, dimension: str) -> int:
    if dimension not in table.dimensions:
        raise DataError(
            f"table {table.name}: 'where' names {dimension!r}, which is no dimension; "
            f"it has {', '.join(table.dimensions)}"
        )
    return table.dimensions.index(dimension)


def _country(text: str) -> str:
    """The English name of a country; the text itself where it is none that is known."""
    try:
        return countries.name(text)
    except KeyError:
        return text


def _number(text: str | None, column: str, where: str) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        if (text or "").rstrip().endswith("%"):
            raise DataError(
                f"{where}: column {column!r} holds {text!r}; write the figure without the sign, and set "
                "unit: percent for the table"
            )
        german = set(text or "") & {",", "."}
        raise DataError(
            f"{where}: column {column!r} holds {text!r}; a count is a number >= 0, such as 1234 or 12.5"
            + ("; for points between thousands or a decimal comma set read: {decimal: ','}" if german else "")
        )
    return value


def _check_points(found: Table, spec: OwnTable, path: Path) -> None:
    """Returns where the points in a text file's counts can mean one thing only, or the file says which.

    Raises: DataError where each point stands before three digits, as it does between thousands.
    """
    if found.unit != "line" or "decimal" in spec.read.model_fields_set:
        return
    written = found.columns[spec.count]
    counts = [c for c in written if c is not None and "." in c]
    if counts and all(_THOUSANDS.fullmatch(c) for c in counts):
        line = found.lines[written.index(counts[0])]
        raise DataError(
            f"{path}:{line}: column {spec.count!r} holds {counts[0]!r}, which may be "
            f"{counts[0].replace('.', '')} or a number with decimals; say which: read: {{decimal: ','}} "
            "where the points stand between thousands, read: {decimal: '.'} where they are decimal points"
        )


def _cell(dimensions: Sequence[str], values: Sequence[str]) -> str:
    return ", ".join(f"{d}: {v}" for d, v in zip(dimensions, values, strict=True))


def _words(where: Mapping[str, str | Sequence[str]]) -> str:
    return ", ".join(
        f"{d} is {v if isinstance(v, str) else ' or '.join(map(str, v))}" for d, v in where.items()
    )
