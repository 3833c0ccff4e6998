"""People, questions and answers with personal data masked before a model can read or learn them."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from grounding.privacy.pii import Gate
from grounding.privacy.pii_presidio import Presidio
from grounding.privacy.spec import Masking
from personas.answer import Answers
from personas.errors import DataError
from personas.panel import UNKNOWN, Panel
from personas.question import Question


def gate(rules: Masking) -> Gate:
    """The gate that a grounding file describes. Raises: DataError where Presidio is asked for and absent."""
    return Gate(rules.public_names, Presidio.of(rules.presidio) if rules.presidio else None)


def attributes(people: Panel, gate: Gate) -> Panel:
    """The people with personal data in attribute values masked; values that become alike are merged.

    Raises:
        DataError: an attribute's own name holds personal data; files refer to it, so it is not changed.
    """
    levels: list[tuple[str, ...]] = []
    codes = people.codes.copy()
    for a, (name, values) in enumerate(zip(people.attributes, people.levels, strict=True)):
        refuse_name(name, "attribute", gate)
        clean = [gate.clean(value, f"attribute {name}") for value in values]
        merged = tuple(dict.fromkeys(clean))
        place = np.array([*(merged.index(v) for v in clean), UNKNOWN], dtype=np.int64)
        codes[:, a] = place[people.codes[:, a]]
        levels.append(merged)
    return replace(people, levels=tuple(levels), codes=codes)


def asked(answers: Answers, gate: Gate) -> Answers:
    """The answers with personal data in the questions' texts masked."""
    return replace(answers, questions=tuple(question(q, gate) for q in answers.questions))


def question(found: Question, gate: Gate) -> Question:
    """The question with personal data in its text and options masked.

    Name, number and order of the options stay, so that answers still mean what they meant; options that
    become alike are numbered.
    """
    where = f"question {found.name}"
    return found.model_copy(
        update={
            "text": gate.clean(found.text, where),
            "options": _apart([gate.clean(option, where) for option in found.options]),
        }
    )


def _apart(options: Sequence[str]) -> tuple[str, ...]:
    """The options, each that stood before with a number behind it, so that all differ."""
    apart: list[str] = []
    for option in options:
        number, label = 1, option
        while label in apart or (number > 1 and label in options):
            number += 1
            label = f"{option} {number}"
        apart.append(label)
    return tuple(apart)


def refuse_name(name: str, kind: str, gate: Gate) -> None:
    """Returns where a name that files refer to holds no personal data.

    A first name alone does not count: what a file calls "victoria" may be a place.

    Raises:
        DataError: it does; it cannot be masked without breaking what refers to it.
    """
    text = name.replace("_", " ")
    found = [f for f in gate.look(text) if f.kind != "name" or " " in text[f.start : f.end]]
    if found:
        kinds = ", ".join(dict.fromkeys(f.kind for f in found))
        raise DataError(
            f"the name of {kind} {name!r} holds personal data ({kinds}), which a model would read; "
            "files refer to it, so it is not masked: give it another name"
        )


def left(people: Panel, questions: Sequence[Question], gate: Gate) -> Mapping[str, Mapping[str, int]]:
    """Where -> kind -> finds in texts that a model will read; none in a panel that passed this gate."""
    for name, values in zip(people.attributes, people.levels, strict=True):
        for value in values:
            gate.clean(value, f"attribute {name}")
    for asked_of in questions:
        question(asked_of, gate)
    return gate.counts


def sentences(masked: Mapping[str, Mapping[str, int]]) -> tuple[str, ...]:
    """One sentence for each place where something was masked: "Masked in question q: 2 × name."."""
    return tuple(
        f"Masked in {where}: {', '.join(f'{n:,} × {kind}' for kind, n in kinds.items())}."
        for where, kinds in masked.items()
    )
