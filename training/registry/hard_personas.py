"""Personas of the hard cases, built from the attributes that a model has, whatever these are called."""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from personas.arrays import FloatArray
from personas.document import Document
from personas.models.base import AnswerModel
from personas.models.persons import Attribute
from personas.panel import from_columns
from personas.question import Question

_MOST = 64  # values of an attribute that are tried, the most common first


class Sought(Document):
    """A value that is looked for among a model's attributes: regular expressions of both, case ignored."""

    attribute: str
    value: str


class Persona(Document):
    """How a case's person differs from the usual one, who has the most common value of every attribute.

    Attributes:
        values: written in place of the usual ones, from the first attribute on.
        repeated: how often the last of ``values`` is written.
        appended: written behind the usual value of the last attribute.
        contradiction: values of different attributes that exclude each other; nothing else is known.
        opposed: nothing is known but the two values, of different attributes, whose people give this
            very question the most different answers.
    """

    values: tuple[str, ...] = ()
    repeated: int = 1
    appended: str = ""
    contradiction: tuple[Sought, ...] = ()
    opposed: bool = False


class Built(NamedTuple):
    """A person as names and values; ``absent`` says why there is none."""

    values: tuple[tuple[str, str], ...] | None
    absent: str = ""


def uncounted(levels: Mapping[str, Sequence[str]]) -> tuple[Attribute, ...]:
    """Attributes of which only the values are known; the first of each counts as the most common."""
    return tuple(
        Attribute(name=name, levels=tuple(values), shares=(1.0 / len(values),) * len(values))
        for name, values in levels.items()
    )


def build(
    persona: Persona | None, attributes: Sequence[Attribute], model: AnswerModel, question: Question | None
) -> Built:
    """The person of a case.

    Args:
        persona: what the case asks for; the usual person without it.
        attributes: that the model was trained on.
        model: asked which values are opposed, where the case wants to know.
        question: of the case.
    """
    if persona is None:
        return Built(tuple((a.name, _usual(a)) for a in attributes))
    if persona.contradiction:
        return _contradiction(persona.contradiction, attributes)
    if persona.opposed:
        return _opposed(attributes, model, question)
    if not attributes:
        return Built(None, "the model has no attributes")
    written = list(persona.values[: len(attributes)])
    if written:
        written[-1] *= persona.repeated
    values = [*written, *(_usual(a) for a in attributes[len(written) :])]
    values[-1] += persona.appended
    return Built(tuple(zip((a.name for a in attributes), values, strict=True)))


def _usual(attribute: Attribute) -> str:
    return attribute.levels[int(np.argmax(attribute.shares))]


def _contradiction(sought: Sequence[Sought], attributes: Sequence[Attribute]) -> Built:
    """The first value of a first attribute that fits, for each that is sought."""
    found: dict[str, str] = {}
    for one in sought:
        match = next(
            (
                (a.name, level)
                for a in attributes
                if a.name not in found and _fits(one.attribute, a.name.replace("_", " "))
                for level in a.levels
                if _fits(one.value, level)
            ),
            None,
        )
        if match is None:
            return Built(None, f"no attribute like {one.attribute!r} with a value like {one.value!r}")
        found[match[0]] = match[1]
    return Built(tuple(found.items()))


def _fits(pattern: str, text: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def _opposed(attributes: Sequence[Attribute], model: AnswerModel, question: Question | None) -> Built:
    """The two values whose people, of whom nothing else is known, answer most differently."""
    known = [(place, level) for place, a in enumerate(attributes) for level in _common(a)]
    if question is None or len({place for place, _ in known}) < 2:
        return Built(None, "the model has no two attributes")
    columns = {
        a.name: [level if own == place else None for own, level in known]
        for place, a in enumerate(attributes)
    }
    panel = from_columns([f"person {i}" for i in range(len(known))], columns, np.ones(len(known)))
    apart = _distances(model.distributions(panel, [question])[0])
    places = np.array([place for place, _ in known])
    apart[places[:, None] == places[None, :]] = -1.0
    pair = np.unravel_index(int(np.argmax(apart)), apart.shape)
    return Built(tuple((attributes[known[i][0]].name, known[i][1]) for i in sorted(int(p) for p in pair)))


def _common(attribute: Attribute) -> list[str]:
    order = np.argsort(-np.array(attribute.shares), kind="stable")[:_MOST]
    return [attribute.levels[i] for i in order.tolist()]


def _distances(rows: FloatArray) -> FloatArray:
    """Total variation between all pairs of rows, shape (n, n)."""
    return np.stack([0.5 * np.abs(rows - row).sum(axis=1) for row in rows])
