"""Codes and labels: what the values in a data file mean, and the questions that were asked."""

import re
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, cast

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

import reference_data
from personas import document
from personas.document import Document
from personas.errors import UnknownName
from personas.panel import UNKNOWN
from personas.question import Question

_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)")


def canonical(value: str) -> str:
    """The value in the one form in which codes are compared: ``1``, ``1.0`` and ``+1`` are all ``1``."""
    text = value.strip()
    if not _DECIMAL.fullmatch(text):
        return text
    number = Decimal(text)
    return format(number.normalize() if number else Decimal(0), "f")


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError("a label or code is text or a number (put words like yes, no, on, off into quotes)")
    return str(value)


def _code(value: object) -> str:
    return canonical(_text(value))


def _several(value: object) -> object:
    return cast(list[object], value) if isinstance(value, list | tuple) else [value]


def _refuse_shared(groups: Mapping[str, Sequence[str]]) -> None:
    seen: dict[str, str] = {}
    for label, codes in groups.items():
        if not codes:
            raise ValueError(f"{label!r} lists no code")
        for code in codes:
            if code in seen:
                again = "twice" if seen[code] == label else f"and under {label!r}"
                raise ValueError(f"code {code!r} is listed under {seen[code]!r} {again}; list each code once")
            seen[code] = label


Label = Annotated[str, BeforeValidator(_text)]
Code = Annotated[str, BeforeValidator(_code)]
Codes = Annotated[tuple[Code, ...], BeforeValidator(_several)]


def _named(name: str) -> str:
    if not name.strip():
        raise ValueError("an attribute needs a name")
    return name


AttributeName = Annotated[str, AfterValidator(_named)]


class Recode(Document):
    """How a column becomes an attribute: by groups of codes, by bins of numbers, or as its labels stand.

    Attributes:
        column: the column in the data.
        values: attribute value -> the code or codes that mean it.
        bins: attribute value -> lowest and highest number, both included.
        missing: codes that mean that nothing is known.
    """

    column: str
    values: dict[Label, Codes] | None = None
    bins: dict[Label, tuple[float, float]] | None = None
    missing: Codes = ()

    @field_validator("values")
    @classmethod
    def _each_code_once(cls, values: dict[str, tuple[str, ...]] | None) -> dict[str, tuple[str, ...]] | None:
        if values is not None:
            _refuse_shared(values)
        return values

    @field_validator("bins")
    @classmethod
    def _apart(cls, bins: dict[str, tuple[float, float]] | None) -> dict[str, tuple[float, float]] | None:
        ordered = sorted((bins or {}).items(), key=lambda item: item[1])
        for label, (low, high) in ordered:
            if not low <= high:
                raise ValueError(f"bin {label!r} runs from {low:g} to {high:g}; give the lower end first")
        for (left, (_, high)), (right, (low, _)) in pairwise(ordered):
            if low <= high:
                raise ValueError(f"bins {left!r} and {right!r} overlap at {low:g}; both ends count as inside")
        return bins

    @model_validator(mode="after")
    def _one_way(self) -> "Recode":
        if self.values is not None and self.bins is not None:
            raise ValueError("give values or bins, not both")
        _refuse_shared((self.values or {}) | ({"missing": self.missing} if self.missing else {}))
        return self

    @property
    def labels(self) -> tuple[str, ...]:
        """Attribute values in the order written; empty where the column's own labels are taken."""
        return tuple(self.values or self.bins or ())

    @property
    def sentence(self) -> str:
        """The recode in words, for the provenance."""
        if self.values is not None:
            listing = "; ".join(f"{label} = {', '.join(codes)}" for label, codes in self.values.items())
        elif self.bins is not None:
            listing = "; ".join(f"{label} = {low:g} to {high:g}" for label, (low, high) in self.bins.items())
        else:
            listing = "labels as they stand"
        return f"column {self.column!r}: {listing}"

    def lookup(self) -> Callable[[str], int | None]:
        """Function from a value to its place in ``labels``: ``UNKNOWN`` if missing, ``None`` if undefined."""
        if self.bins is not None:
            return _bin_lookup(list(self.bins.values()), self.missing)
        return code_lookup(list((self.values or {}).values()), self.missing)


def code_lookup(groups: Sequence[Sequence[str]], missing: Sequence[str]) -> Callable[[str], int | None]:
    """Function from a value to the index of the group that lists it; see ``Recode.lookup``."""
    index = {code: UNKNOWN for code in missing} | {c: i for i, codes in enumerate(groups) for c in codes}
    return lambda value: index.get(canonical(value))


def _bin_lookup(bins: Sequence[tuple[float, float]], missing: Sequence[str]) -> Callable[[str], int | None]:
    def find(value: str) -> int | None:
        code = canonical(value)
        if code in missing:
            return UNKNOWN
        if not _DECIMAL.fullmatch(code):
            return None
        number = float(code)
        return next((i for i, (low, high) in enumerate(bins) if low <= number <= high), None)

    return find


class Coded(Question):
    """A question as it stands in a data file.

    In YAML ``options`` maps each label to the code or codes that mean it, or is a plain list of labels where
    the data hold the labels themselves.

    Attributes:
        column: where the answers stand; the question's name where empty.
        codes: for each option the codes that mean it, taken from ``options``; an empty code means an empty
            cell of somebody who chose another item of the same ``set``.
        missing: codes that mean no answer, beside those of the whole codebook.
        set: name of the multi-response set that the question is an item of.
        sure: how sure a draft is of type and order, from 0 to 1; for the reader only.
        note: for the reader only.
    """

    column: str = ""
    codes: tuple[Codes, ...] = ()
    missing: Codes = ()
    set: str = ""
    sure: Annotated[float, Field(ge=0, le=1)] | None = None
    note: str = ""

    @model_validator(mode="before")
    @classmethod
    def _split(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            return content
        coded = cast(dict[str, Any], content)
        if "codes" in coded:
            raise ValueError("'codes' is not a key here; write options as a mapping from label to code")
        options: Any = coded.get("options")
        if isinstance(options, dict):
            mapping = cast(dict[object, object], options)
            labels, codes = [_text(label) for label in mapping], list(mapping.values())
        elif isinstance(options, list):
            labels = [_text(label) for label in cast(list[object], options)]
            codes = list[object](labels)
        else:
            return coded
        return coded | {"options": labels, "codes": codes}

    @field_validator("codes")
    @classmethod
    def _each_code_once(cls, codes: tuple[tuple[str, ...], ...], info: Any) -> tuple[tuple[str, ...], ...]:
        labels: Sequence[str] = info.data.get("options", ())
        _refuse_shared(dict(zip(labels, codes, strict=False)))
        return codes

    @property
    def question(self) -> Question:
        """What was asked, without how the file codes it."""
        return Question(name=self.name, text=self.text, options=self.options, scale=self.scale)


class OtherColumn(Document):
    """A column that is no question: an id, a weight, an attribute, free text; for the reader only.

    Attributes:
        name: the column.
        text: its label or question.
        type: what it holds, such as ``id``, ``weight``, ``date``, ``number`` or ``text``.
        options: label -> code or codes, or labels, where it has some.
        missing: codes that mean no answer.
        sure: how sure a draft is, from 0 to 1.
    """

    name: str
    text: str = ""
    type: str = ""
    options: dict[Label, Codes] | tuple[Label, ...] = ()
    missing: Codes = ()
    sure: Annotated[float, Field(ge=0, le=1)] | None = None
    note: str = ""


class Codebook(Document):
    """The questions behind a data file, with their source.

    Attributes:
        source: where the texts come from.
        licence: as the source states it.
        missing: codes that mean no answer, for every question.
        questions: what was asked, each with its options.
        variables: the other columns, for the reader only.
    """

    source: str
    licence: str = ""
    note: str = ""
    missing: Codes = ()
    questions: tuple[Coded, ...]
    variables: tuple[OtherColumn, ...] = ()

    @field_validator("questions")
    @classmethod
    def _distinct(cls, questions: tuple[Coded, ...]) -> tuple[Coded, ...]:
        names = [q.name for q in questions]
        twice = next((n for n in names if names.count(n) > 1), None)
        if not questions or twice is not None:
            raise ValueError(f"question {twice!r} stands twice" if twice else "a codebook needs questions")
        return questions


def locate(name: str, base: Path) -> Path:
    """File of a codebook: a path to YAML relative to ``base``, or a shipped name. Raises: UnknownName."""
    if name.endswith((".yaml", ".yml")):
        return base / name
    if name not in reference_data.codebook_names():
        raise UnknownName("codebook", name, [*reference_data.codebook_names(), "a path ending in .yaml"])
    return reference_data.codebook_path(name)


def load(path: Path) -> Codebook:
    """The codebook in a YAML file. Raises: DocumentError, naming line and key."""
    return document.read(path, Codebook)
