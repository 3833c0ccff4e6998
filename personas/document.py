"""Files that people write: YAML checked by a pydantic model, with errors that name the line."""

import difflib
import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from personas.errors import DocumentError

_SHOWN = 200  # characters of a value in a message
_MISPLACED = (
    "mapping values are not allowed",
    "expected <block end>",
    "could not find expected ':'",
    "'\\t'",
)
_COMMA = re.compile(r"[-+]?\d*,\d+")


class Document(BaseModel):
    """Base of every model that is read from a file: frozen, and no key that it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True)


D = TypeVar("D", bound=Document)


def read(path: Path, model: type[D]) -> D:
    """The checked content of a YAML file.

    Raises:
        DocumentError: the file is missing, is not UTF-8 YAML, repeats a key, or does not fit ``model``;
            each problem is named with file, line, key, the value found and what is allowed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise DocumentError(f"{path}: no such file") from None
    except (UnicodeDecodeError, OSError) as error:
        raise DocumentError(f"{path}: cannot be read as UTF-8 text ({error})") from None
    return parse(text, model, str(path))


def parse(text: str, model: type[D], source: str) -> D:
    """The checked content of YAML text; ``source`` names it in errors. Raises: DocumentError."""
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        content: Any = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"{source}:{mark.line + 1}" if mark is not None else source
        raise DocumentError(f"{where}: not valid YAML: {_unreadable(error)}") from None
    if root is None or not isinstance(content, dict):
        raise DocumentError(f"{source}: expected a mapping of keys to values, found {type(content).__name__}")
    _refuse_repeated_keys(root, source)
    try:
        return model.model_validate(content)
    except ValidationError as error:
        lines = [_explain(problem, root, model, source) for problem in error.errors(include_url=False)]
        raise DocumentError("\n".join(lines)) from None


def _unreadable(error: yaml.YAMLError) -> str:
    """What YAML says, and where to look: nearly always at spaces."""
    problem = str(getattr(error, "problem", None) or error)
    if any(sign in problem for sign in _MISPLACED):
        return (
            f"{problem}; look at the indentation of this line and of the one above: keys of one level begin "
            "in one column, with spaces and no tab, and a text that holds ': ' needs quotes"
        )
    return problem


def line(file: Path, *keys: str | int) -> int:
    """Line (from 1) of the deepest of ``keys`` that the YAML file has, for errors found later."""
    root = yaml.compose(file.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    return 1 if root is None else _locate(root, keys)[0]


def _refuse_repeated_keys(node: yaml.Node, source: str) -> None:
    children: list[yaml.Node] = []
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise DocumentError(f"{source}:{key.start_mark.line + 1}: key {key.value!r} is given twice")
            seen.add(key.value)
            children.append(value)
    elif isinstance(node, yaml.SequenceNode):
        children = list(node.value)
    for child in children:
        _refuse_repeated_keys(child, source)


def _explain(problem: Any, root: yaml.Node, model: type[BaseModel], source: str) -> str:
    location: tuple[str | int, ...] = tuple(problem["loc"])
    line, path, node = _locate(root, location)
    if problem["type"] == "missing":
        path.append(location[-1])
    key = ".".join(str(part) for part in path) or "the file"
    if problem["type"] == "extra_forbidden":
        allowed = allowed_keys(model, path[:-1])
        close = difflib.get_close_matches(str(path[-1]), allowed, n=1)
        hint = f" (did you mean {close[0]!r}?)" if close else ""
        listing = f"; allowed: {', '.join(allowed)}" if allowed else ""
        return f"{source}:{line}: {key}: unknown key {path[-1]!r}{hint}{listing}"
    if problem["type"] == "missing":
        return f"{source}:{line}: {key}: required key is missing"
    message = _advised(problem, node)
    if not location:  # all of the file is no help
        return f"{source}:{line}: {key}: {message}"
    found = repr(problem["input"])
    shown = found if len(found) <= _SHOWN else f"{found[:_SHOWN]} and so on"
    return f"{source}:{line}: {key}: {message}, found {shown}"


def _advised(problem: Any, node: yaml.Node) -> str:
    """What pydantic says, with what to write where the value shows what was meant."""
    found, kind, limits = problem["input"], problem["type"], problem.get("ctx", {})
    message = str(problem["msg"]).removeprefix("Value error, ")
    single = isinstance(found, str | int | float) and not isinstance(found, bool)
    if kind in ("tuple_type", "list_type", "set_type", "frozen_set_type"):
        return f"a list is expected; write a list: [{found}]" if single else "a list is expected"
    if kind in ("float_parsing", "int_parsing") and _COMMA.fullmatch(str(found)):
        return f"{message}; use a decimal point: {str(found).replace(',', '.')}"
    if kind == "string_type" and isinstance(found, bool | int | float | date):
        return _quoted(found, node)
    below_one = kind in ("less_than", "less_than_equal") and limits.get("lt", limits.get("le")) == 1
    if below_one and 1 < float(found) <= 100:
        return f"{message}; write a fraction such as {float(found) / 100:g}"
    return message


def _quoted(found: float | date, node: yaml.Node) -> str:
    """What to write where a text is expected and YAML read something else."""
    written = node.value if isinstance(node, yaml.ScalarNode) else str(found)
    truth = "YAML reads yes, no, on, off, true and false as truth values; " if isinstance(found, bool) else ""
    return f'a text is expected; {truth}put it in quotes: "{written}"'


def _locate(root: yaml.Node, location: Sequence[str | int]) -> tuple[int, list[str | int], yaml.Node]:
    """Line (from 1) of the deepest node on the way to ``location``, the way without union tags, that node."""
    node, line, path = root, root.start_mark.line + 1, list[str | int]()
    for part in location:
        step = _child(node, part)
        if step is not None:
            node, line = step
            path.append(part)
    return line, path, node


def _child(node: yaml.Node, part: str | int) -> tuple[yaml.Node, int] | None:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            if key.value == str(part):
                return value, key.start_mark.line + 1
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        item = node.value[part]
        return item, item.start_mark.line + 1
    return None


def allowed_keys(model: type[BaseModel], path: Sequence[str | int]) -> list[str]:
    """Keys that ``model`` takes at ``path``; every alternative's keys where a union stands there."""
    found = [model]
    for part in path:
        found = (
            [n for m in found for n in _nested(m.model_fields[str(part)].annotation)]
            if all(str(part) in m.model_fields for m in found)
            else found
        )
    return list(dict.fromkeys(name for m in found for name in m.model_fields))


def _nested(annotation: object) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for argument in get_args(annotation) for m in _nested(argument)]
