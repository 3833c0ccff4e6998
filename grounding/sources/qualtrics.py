"""Qualtrics exports: three header rows, and the survey file that says what was asked and how it is coded."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, cast

from grounding.sources.codebook import canonical
from grounding.sources.table import ResponseSet, Variable
from personas.errors import DataError

_IMPORT = re.compile(r"(?:(?P<loop>\d+)_)?(?P<question>QID\d+)(?:_(?P<rest>.+))?")
_PIPED = re.compile(r"\$\{\w+://([^}]+)\}")
_BLOCKS = frozenset(("br", "p", "div", "li", "tr", "td", "th", "ul", "ol", "table", "h1", "h2", "h3", "h4"))


@dataclass(frozen=True)
class Answer:
    """One option of a question, or one statement of a matrix, with the code that the data hold."""

    code: str
    label: str


@dataclass(frozen=True)
class Asked:
    """A question of the survey file.

    Attributes:
        tag: its name in the export.
        kind: Qualtrics' type, such as MC, Matrix, TE, Timing.
        several: whether people could choose several options.
        choices: id -> option, or statement of a matrix, in the order shown.
        answers: id -> option of a matrix, in the order shown.
    """

    tag: str
    text: str
    kind: str
    several: bool
    choices: Mapping[str, Answer]
    answers: Mapping[str, Answer]


@dataclass(frozen=True)
class Header:
    """The second and third header row: texts, and the import id of each column with its choice."""

    texts: tuple[str, ...]
    ids: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class _Place:
    """What a column holds: question, loop, and the rest of its import id."""

    question: str
    loop: str
    rest: str
    choice: str


def header(second: Sequence[str], third: Sequence[str]) -> Header | None:
    """The two further header rows, ``None`` if these are rows of data."""
    ids = [_import_id(cell) for cell in third]
    if sum(found is not None for found in ids) * 2 <= len(ids):
        return None
    return Header(tuple(plain(text) for text in second), tuple(found or ("", "") for found in ids))


def _import_id(cell: str) -> tuple[str, str] | None:
    if not cell.startswith("{"):
        return None
    try:
        content: Any = json.loads(cell)
    except json.JSONDecodeError:
        return None
    if not isinstance(content, dict) or "ImportId" not in content:
        return None
    found = cast(dict[str, Any], content)
    return str(found["ImportId"]), str(found.get("choiceId", ""))


def names(written: Sequence[str], found: Header) -> list[str]:
    """Column names; those that stand twice, as questions with one tag do, get their import id behind them."""
    return [
        f"{name} ({'_'.join(part for part in key if part)})" if written.count(name) > 1 and key[0] else name
        for name, key in zip(written, found.ids, strict=True)
    ]


def load(path: Path) -> dict[str, Asked]:
    """The questions of a survey file (.qsf) by their id. Raises: DataError."""
    try:
        content: Any = json.loads(path.read_text(encoding="utf-8-sig"))
        elements = cast(list[dict[str, Any]], content["SurveyElements"])
        payloads = [cast(dict[str, Any], e["Payload"]) for e in elements if e["Element"] == "SQ"]
        return {str(p["QuestionID"]): _asked(p) for p in payloads}
    except FileNotFoundError:
        raise DataError(f"{path}: no such file") from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{path}: not a Qualtrics survey file ({type(error).__name__}: {error}); export it from "
            "Qualtrics with Tools > Import/Export > Export survey"
        ) from None


def _asked(payload: Mapping[str, Any]) -> Asked:
    kind, selector = str(payload["QuestionType"]), str(payload.get("Selector", ""))
    matrix = kind == "Matrix"
    codes, named = _mapping(payload.get("RecodeValues")), _mapping(payload.get("VariableNaming"))
    # In a matrix the codes and names belong to the answers, the columns, and not to the statements.
    choices = _options(payload, "Choices", "ChoiceOrder", *(({}, {}) if matrix else (codes, named)))
    return Asked(
        tag=str(payload.get("DataExportTag", payload["QuestionID"])),
        text=plain(str(payload.get("QuestionText", ""))),
        kind=kind,
        several=selector.startswith(("MA", "MSB")) or payload.get("SubSelector") == "MultipleAnswer",
        choices=choices,
        answers=_options(payload, "Answers", "AnswerOrder", codes, named),
    )


def _options(
    payload: Mapping[str, Any], key: str, order: str, codes: Mapping[str, Any], named: Mapping[str, Any]
) -> dict[str, Answer]:
    shown = _mapping(payload.get(key))
    ordered = [str(i) for i in cast(Sequence[object], payload.get(order) or []) if str(i) in shown]
    return {
        i: Answer(canonical(str(codes.get(i, i))), plain(str(named.get(i) or shown[i].get("Display", ""))))
        for i in dict.fromkeys([*ordered, *shown])
    }


def _mapping(found: Any) -> dict[str, Any]:
    """A JSON object; Qualtrics writes an empty one as a list, and one with ids 0, 1, ... as a list too."""
    if isinstance(found, list):
        return {str(i): value for i, value in enumerate(cast(list[Any], found))}
    return {str(key): value for key, value in cast(dict[Any, Any], found or {}).items()}


def describe(
    columns: Sequence[str], found: Header | None, asked: Mapping[str, Asked]
) -> tuple[dict[str, Variable], tuple[ResponseSet, ...]]:
    """What is known of each column, and the questions with several answers.

    Args:
        columns: names of the columns.
        found: the further header rows; columns are known by their names where there are none.
        asked: questions of the survey file; empty where there is none.
    """
    known = None if found else _by_name(asked)
    variables: dict[str, Variable] = {}
    sets: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for i, name in enumerate(columns):
        text = found.texts[i] if found else ""
        place = _place(*found.ids[i]) if found else (known or {}).get(name)
        question = asked.get(place.question) if place else None
        variables[name] = Variable(text=text) if place is None else _variable(place, question, text)
        if place is not None and _is_item(place, question):
            sets.setdefault(_set_key(place, question), []).append((name, variables[name].text))
    made = _sets(sets, asked)
    return {name: v for name, v in variables.items() if v.text or v.labels}, made


def _place(import_id: str, choice: str) -> _Place | None:
    match = _IMPORT.fullmatch(import_id)
    if match is None:
        return None
    return _Place(match["question"], match["loop"] or "", match["rest"] or "", choice)


def _by_name(asked: Mapping[str, Asked]) -> dict[str, _Place]:
    """Column name -> place, as Qualtrics makes names from export tags: for files without further headers."""
    found: dict[str, _Place] = {}
    for key, question in asked.items():
        found[f"{question.tag}_TEXT"] = _Place(key, "", "TEXT", "")
        if question.kind == "Matrix" and not question.several:
            for n, statement in enumerate(question.choices, start=1):
                found[f"{question.tag}_{n}"] = _Place(key, "", statement, "")
        elif question.several:
            for choice, option in question.choices.items():
                found[f"{question.tag}_{option.code}"] = _Place(key, "", "", choice)
        else:
            found[question.tag] = _Place(key, "", "", "")
    return found


def _variable(place: _Place, question: Asked | None, text: str) -> Variable:
    ordering = place.rest == "DO" or place.rest.endswith("_DO")
    if question is None or ordering or question.kind in ("Timing", "Meta", "Captcha"):
        return Variable(
            text, kind="number" if ordering or (question and question.kind == "Timing") else "text"
        )
    stem = _looped(question.text, place.loop, text)
    statement, choice = _item(place, question)
    if place.rest.endswith("TEXT"):
        return Variable(_joined(stem, statement))
    if question.several:
        label = choice or statement
        return Variable(_joined(stem, *dict.fromkeys((statement, choice))), {"1": label} if label else {})
    if question.kind == "Matrix":
        return Variable(_joined(stem, statement), _labels(question.answers))
    if question.kind == "MC":
        return Variable(stem, _labels(question.choices))
    return Variable(_joined(stem, statement), kind="number" if question.kind != "TE" else "text")


def _item(place: _Place, question: Asked) -> tuple[str, str]:
    """Labels of the statement or choice that the rest names, and of the choice given by itself."""
    first, _, second = place.rest.partition("_")
    statement = question.choices[first].label if first in question.choices else ""
    options = question.answers if question.kind == "Matrix" else question.choices
    key = place.choice or second
    return statement, options[key].label if key in options else ""


def _looped(text: str, loop: str, exported: str) -> str:
    """The question with the name of the loop before it, where the export has one."""
    lead, separator, rest = exported.partition(" - ")
    return f"{lead} - {text}" if loop and separator and rest.startswith(text[:40]) and text else text


def _labels(options: Mapping[str, Answer]) -> dict[str, str]:
    labels = {a.code: a.label for a in options.values() if a.label}
    return {} if all(code == label for code, label in labels.items()) else labels


def _joined(*parts: str) -> str:
    return " - ".join(part for part in parts if part)


def _is_item(place: _Place, question: Asked | None) -> bool:
    """Whether the column is one item of a question with several answers."""
    if place.rest.endswith(("TEXT", "DO")):
        return False
    return question.several if question else bool(place.choice)


def _set_key(place: _Place, question: Asked | None) -> tuple[str, str]:
    statement = place.rest.partition("_")[0] if question and question.kind == "Matrix" else ""
    return place.question, "_".join(part for part in (place.loop, statement) if part)


def _sets(
    found: Mapping[tuple[str, str], Sequence[tuple[str, str]]], asked: Mapping[str, Asked]
) -> tuple[ResponseSet, ...]:
    made: list[ResponseSet] = []
    for (question, part), items in found.items():
        columns, texts = zip(*items, strict=True)
        stem = texts[0].rpartition(" - ")[0] or texts[0]
        name = "_".join(p for p in (part, asked[question].tag if question in asked else question) if p)
        taken = any(s.name == name for s in made)
        made.append(ResponseSet(f"{name} ({question})" if taken else name, stem, columns, "1"))
    return tuple(made)


class _Text(HTMLParser):
    """The text of a piece of HTML, with a space where a block ends."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in ("style", "script")
        if tag in _BLOCKS:
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "script")
        if tag in _BLOCKS:
            self.parts.append(" ")

    def handle_data(self, data: str) -> None:
        if self._hidden <= 0:
            self.parts.append(data)


def plain(html: str) -> str:
    """The text without HTML, piped text as ``[Field-1]``, spaces and line breaks as one space.

    ``plain("<b>Do you use</b>&nbsp;${lm://Field/1}?")`` is ``Do you use [Field-1]?``.
    """
    text = _PIPED.sub(lambda found: f"[{found[1].replace('/', '-')}]", html)
    if "<" in text or "&" in text:
        parser = _Text()
        parser.feed(text)
        parser.close()
        text = "".join(parser.parts)
    return " ".join(text.split())
