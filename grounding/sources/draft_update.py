"""A codebook that people have edited, extended by what is new in the data; nothing that stands is changed."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

import yaml

from grounding.sources import draft
from grounding.sources.codebook import Codebook, Coded, canonical
from grounding.sources.columns import NOTHING, Column
from grounding.sources.inspection import Inspection
from grounding.sources.table import Table, Variable
from personas import document
from personas.errors import DocumentError


@dataclass(frozen=True)
class Extended:
    """An existing codebook with the columns that it did not have.

    Attributes:
        text: the whole file; equal to the old one where nothing is new.
        added: the columns added.
    """

    text: str
    added: tuple[str, ...]


def extended(old: str, source: str, inspection: Inspection) -> Extended:
    """The codebook with an entry for each column that it lacks; all that stood there stands there still.

    Args:
        old: the file's text.
        source: its name, for errors.
        inspection: of the data as they are now.

    Raises:
        DocumentError: the file is no valid codebook, or cannot be added to without changing it.
    """
    book = document.parse(old, Codebook, source)
    known = {q.column or q.name for q in book.questions} | {v.name for v in book.variables}
    new = [f for f in inspection.findings if f.column not in known]
    if not new:
        return Extended(old, ())
    newline = "\r\n" if "\r\n" in old else "\n"
    asked = [f for f in new if draft.asks(f)]
    called = draft.names(asked, {q.name for q in book.questions})
    questions = [draft.question(f, called[f.column]) for f in asked]
    others = [draft.variable(f) for f in new if not draft.asks(f)]
    text = _with(_with(old, "questions", questions, newline), "variables", others, newline)
    _refuse_changes(book, document.parse(text, Codebook, source), source)
    return Extended(text, tuple(f.column for f in new))


def _refuse_changes(old: Codebook, new: Codebook, source: str) -> None:
    kept = new.questions[: len(old.questions)], new.variables[: len(old.variables)]
    if kept != (old.questions, old.variables):
        raise DocumentError(
            f"{source}: new columns cannot be added without changing what stands there; "
            "name another file with --out and copy what is new"
        )


def _with(text: str, key: str, entries: Sequence[str], newline: str) -> str:
    """The text with entries at the end of the list ``key``, which is made where there is none."""
    if not entries:
        return text
    node = _value(text, key)
    if node is None:
        gap = "" if text.endswith("\n") else newline
        return text + gap + (f"\n{key}:\n" + draft.indented(entries, 2)).replace("\n", newline)
    if not isinstance(node, yaml.SequenceNode) or node.flow_style:
        return _into_brackets(text, node, entries)
    at = _end(node, text)
    block = "\n" + draft.indented(entries, node.start_mark.column)
    gap = "" if text[:at].endswith("\n") else newline
    return text[:at] + gap + block.replace("\n", newline) + text[at:]


def _value(text: str, key: str) -> yaml.Node | None:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    pairs: list[tuple[yaml.Node, yaml.Node]] = root.value if isinstance(root, yaml.MappingNode) else []
    return next((value for name, value in pairs if name.value == key), None)


def _end(node: yaml.Node, text: str) -> int:
    """Where the line after a block list begins: behind its last value and any comment on that line."""
    end = _last(node).end_mark.index
    if text[:end].endswith("\n"):
        return end
    following = text.find("\n", end)
    return len(text) if following < 0 else following + 1


def _last(node: yaml.Node) -> yaml.Node:
    """The last value inside a block; what is written in brackets counts as one value."""
    if isinstance(node, yaml.MappingNode) and node.value and not node.flow_style:
        return _last(node.value[-1][1])
    if isinstance(node, yaml.SequenceNode) and node.value and not node.flow_style:
        return _last(node.value[-1])
    return node


def _into_brackets(text: str, node: yaml.Node, entries: Sequence[str]) -> str:
    """Entries added to a list that is written in brackets."""
    before = node.end_mark.index - 1
    while text[before] != "]":
        before -= 1
    items = ", ".join(json.dumps(yaml.safe_load(entry)[0], ensure_ascii=False) for entry in entries)
    comma = ", " if node.value else ""
    return text[:before] + comma + items + text[before:]


def differences(book: Codebook, table: Table) -> tuple[str, ...]:
    """Where the data no longer fit the codebook, in words: columns gone, and values that no option lists."""
    found: list[str] = []
    for coded in book.questions:
        name = coded.column or coded.name
        if name not in table.columns:
            found.append(f"question {coded.name!r}: the data have no column {name!r}")
        else:
            found += _strangers(coded, name, (*book.missing, *coded.missing), table)
    gone = [v.name for v in book.variables if v.name not in table.columns]
    return (*found, *(f"variable {name!r}: the data have no such column" for name in gone))


def _strangers(coded: Coded, name: str, missing: Sequence[str], table: Table) -> list[str]:
    labels = {canonical(c): v for c, v in table.variables.get(name, Variable()).labels.items()}
    known = {*missing, *table.blanks, *coded.options, *(c for codes in coded.codes for c in codes)}
    cells = Column.of(table.columns[name])
    strange = {
        place: value
        for place, value in enumerate(cells.values)
        if not {canonical(value), value, labels.get(canonical(value), value)} & known
    }
    rows = [(value, int((cells.codes == place).sum())) for place, value in strange.items()]
    listed = [f"{value!r} ({n:,} rows)" for value, n in sorted(rows, key=lambda pair: -pair[1]) if n]
    if not listed or cells.codes.max(initial=NOTHING) == NOTHING:
        return []
    more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
    return [
        f"question {coded.name!r}: no option lists {', '.join(listed[:5])}{more}, found in column {name!r}"
    ]
