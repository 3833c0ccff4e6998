"""Open answers of real people: what was asked, what they wrote, and what is known of them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, NamedTuple

import numpy as np
from pydantic import Field, model_validator

from grounding.privacy import masking, protection, special
from grounding.privacy.guard import Guard
from grounding.privacy.spec import Masking, Protection, SpecialCategories
from grounding.sources import reading
from grounding.sources.codebook import AttributeName, canonical
from grounding.sources.place import Place, ReadOptions
from grounding.sources.table import Table
from personas.arrays import IntArray
from personas.document import Document
from personas.draws import name_key
from personas.errors import DataError
from personas.wording import counted


class OpenEndsSpec(Document):
    """A table of open answers: one row for each answer, or one for each person with a column a question.

    Attributes:
        file: CSV, Parquet, Excel, SPSS or Stata, relative to the training file.
        read: how the file is read.
        definition: Qualtrics survey file (.qsf) behind a response CSV, relative to the training file.
        name: of the source, under which its people can be erased.
        id: column that says who answered; every row is somebody of its own without it.
        question: column with the question's text, beside ``answer``; or
        answer: column with what was written.
        questions: column -> text of the question, where each open question has a column of its own.
        attributes: attribute -> column.
        protection: legal basis, retention date and consent.
        special_categories: those of the attributes that are let in, and why.
        masking: names that stay, and a further recogniser.
        held_out: share of the people whose answers are kept for scoring.
        seed: of that choice.
    """

    file: str
    read: ReadOptions = ReadOptions()
    definition: str = ""
    name: str = "open answers"
    id: str = ""
    question: str = ""
    answer: str = ""
    questions: dict[str, str] = Field(default_factory=dict[str, str])
    attributes: dict[AttributeName, str] = Field(default_factory=dict[str, str])
    protection: Protection = Protection()
    special_categories: SpecialCategories = SpecialCategories()
    masking: Masking = Masking()
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.2
    seed: int = 1

    @model_validator(mode="after")
    def _one_shape(self) -> "OpenEndsSpec":
        long = bool(self.question) and bool(self.answer)
        if (bool(self.question) or bool(self.answer)) == bool(self.questions) or long == bool(self.questions):
            raise ValueError(
                "give either question and answer (two columns, a row for each answer) or questions "
                "(column: text, a column for each open question)"
            )
        return self

    @property
    def namespace(self) -> str:
        """Name under which people get pseudonyms; empty where their ids, or numbers of rows, are kept."""
        return "" if self.protection.anonymous or not self.id else self.protection.ids or self.name

    def columns(self) -> tuple[str, ...]:
        """The only columns that are read."""
        consent = self.protection.consent
        named = [self.id, self.question, self.answer, *self.questions, *self.attributes.values()]
        named += [consent.column] if consent else []
        return tuple(dict.fromkeys(name for name in named if name))


class OpenEnd(NamedTuple):
    """One open answer, masked.

    Attributes:
        person: pseudonym of who wrote it, or the id of its row.
        question: what was asked.
        answer: what was written, on one line.
        attributes: what is known of who wrote it.
    """

    person: str
    question: str
    answer: str
    attributes: Mapping[str, str]


@dataclass(frozen=True)
class OpenEnds:
    """Open answers to learn from, and others of other people to score on.

    Attributes:
        training: to learn from.
        held_out: of people none of whose answers are in ``training``.
        remarks: sentences on what was left out or masked.
    """

    training: tuple[OpenEnd, ...]
    held_out: tuple[OpenEnd, ...]
    remarks: tuple[str, ...] = ()


def read(spec: OpenEndsSpec, base: Path, guard: Guard) -> OpenEnds:
    """The answers of the table, masked, without those of people who did not consent or were erased.

    Blank answers are left out; "none" and "don't know" are answers. Line breaks become blanks.

    Raises:
        DataError: a column that is not there, a retention date that has passed, an attribute that identifies
            people or belongs to a special category that was not let in, or too little left: nobody to learn
            from or nobody to score on.
    """
    protection.check(spec.protection, spec.name, guard.today)
    place = Place(
        path=base / spec.file,
        options=spec.read,
        definition=base / spec.definition if spec.definition else None,
        base=base,
    )
    table = reading.read(place, spec.columns())
    remarks = list(table.remarks)
    table = _consenting(table, spec, remarks)
    people = _people(table, spec, guard)
    kept = np.flatnonzero(~guard.forgotten(spec.name, people))
    if len(kept) < len(people):
        remarks.append(f"{counted(len(people) - len(kept), 'row')} of erased people left out.")
    attributes = {name: table.column(column) for name, column in spec.attributes.items()}
    values = {name: tuple(sorted({v for v in cells if v})) for name, cells in attributes.items()}
    special.refuse_identifiers(values, spec.name)
    special.check(special.found(values), spec.special_categories)
    rows = _answers(table, spec, people, attributes, kept)
    split = _split(rows, spec)
    return OpenEnds(split.training, split.held_out, (*remarks, *split.remarks))


def fingerprint(rows: Sequence[OpenEnd]) -> str:
    """Hash of what was asked and written, whatever the order and the people's ids."""
    lines = sorted(f"{row.question}\n{row.answer}\n" for row in rows)
    return hashlib.sha256("".join(lines).encode()).hexdigest()[:16]


def apart(rows: Sequence[OpenEnd], held_out: float, seed: int) -> OpenEnds:
    """The rows by a hash of the person: a share ``held_out`` of the people is kept for scoring."""
    far = [name_key(f"{seed}:{row.person}") / 2.0**64 < held_out for row in rows]
    return OpenEnds(
        tuple(row for row, away in zip(rows, far, strict=True) if not away),
        tuple(row for row, away in zip(rows, far, strict=True) if away),
    )


def _consenting(table: Table, spec: OpenEndsSpec, remarks: list[str]) -> Table:
    consent = spec.protection.consent
    if consent is None:
        return table
    yes = {canonical(v) for v in consent.values}
    given = [v is not None and canonical(v) in yes for v in table.column(consent.column)]
    kept = np.flatnonzero(given)
    if not len(kept):
        raise DataError(
            f"{table.name}: none of the {len(table)} rows has consent: column {consent.column!r} never holds "
            f"{' or '.join(consent.values)}"
        )
    if len(kept) < len(table):
        remarks.append(f"{counted(len(table) - len(kept), 'row')} without consent left out.")
    return table.take(kept)


def _people(table: Table, spec: OpenEndsSpec, guard: Guard) -> tuple[str, ...]:
    """Who wrote each row; a row without an id is somebody of its own."""
    if not spec.id:
        return tuple(f"{table.unit} {line}" for line in table.lines)
    ids = [v or f"{table.unit} {n}" for v, n in zip(table.column(spec.id), table.lines, strict=True)]
    return guard.pseudonymise(spec.namespace, ids) if spec.namespace else tuple(ids)


def _answers(
    table: Table,
    spec: OpenEndsSpec,
    people: Sequence[str],
    attributes: Mapping[str, Sequence[str | None]],
    kept: IntArray,
) -> list[OpenEnd]:
    """One ``OpenEnd`` for each answer in the rows of ``kept``, unmasked."""
    wide = {column: [text] * len(table) for column, text in spec.questions.items()}
    asked: Mapping[str, Sequence[str | None]] = wide or {spec.answer: table.column(spec.question)}
    found: list[OpenEnd] = []
    for row in map(int, kept):
        known = {name: v for name, cells in attributes.items() if (v := cells[row])}
        for column, texts in asked.items():
            question = " ".join((texts[row] or "").split())
            answer = " ".join((table.columns[column][row] or "").split())
            if question and answer:
                found.append(OpenEnd(people[row], question, answer, known))
    return found


def _split(rows: Sequence[OpenEnd], spec: OpenEndsSpec) -> OpenEnds:
    """The rows masked and apart. Raises: DataError where one of the two sides is empty."""
    gate = masking.gate(spec.masking)
    clean = [
        OpenEnd(
            row.person,
            gate.clean(row.question, "questions"),
            gate.clean(row.answer, "open answers"),
            {name: gate.clean(value, f"attribute {name}") for name, value in row.attributes.items()},
        )
        for row in rows
    ]
    found = apart(clean, spec.held_out, spec.seed)
    if not found.training or not found.held_out:
        raise DataError(
            f"{spec.name}: {counted(len(found.training), 'open answer')} to learn from and "
            f"{len(found.held_out):,} to score on; both are needed: add answers or change held_out"
        )
    return OpenEnds(found.training, found.held_out, masking.sentences(gate.counts))
