"""Special categories of personal data (GDPR Art. 9) and direct identifiers, recognised before any is stored.

Recognition is by words, so it can err both ways: what it finds may be cleared with a reason, and what it does
not find is still the duty of whoever writes the grounding file. See ``special_words`` for what counts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from grounding.privacy.spec import SpecialCategories
from grounding.privacy.special_words import (
    ASKED,
    IDENTIFIERS,
    IDENTIFYING,
    NAMES,
    OPINION,
    TO_THE_PERSON,
    VALUES,
    Category,
)
from personas.errors import DataError
from personas.question import Question

MOST = 0.5
_LEAST_VALUES = 3
# A text of so few words is no question but the label of a fact, such as "Race/Ethnicity".
_LABEL = 4
_BORDERS = re.compile(r"(?<=[a-zäöüß])(?=[A-ZÄÖÜ])|[_\W]+")


@dataclass(frozen=True)
class Found:
    """An attribute or question that looks like one of a special category, and what says so."""

    name: str
    kind: Literal["attribute", "question"]
    category: Category
    evidence: str


def found(attributes: Mapping[str, Sequence[str]], questions: Sequence[Question] = ()) -> tuple[Found, ...]:
    """What looks like personal data of a special category.

    Args:
        attributes: name -> the values it takes; facts about the person.
        questions: asked of the person; opinions on public matters are left alone.
    """
    facts = [_attribute(name, levels) for name, levels in attributes.items()]
    return tuple(f for f in (*facts, *map(_question, questions)) if f is not None)


def check(things: Sequence[Found], spec: SpecialCategories) -> None:
    """Returns where everything found was let in or cleared.

    Raises:
        DataError: something was not; names each with its category and what to write.
    """
    known = {*spec.names, *spec.cleared}
    rest = [f for f in things if f.name not in known]
    if not rest:
        return
    listed = "\n".join(f"  {f.kind} {f.name!r}: {f.category} ({f.evidence})" for f in rest)
    names = ", ".join(dict.fromkeys([*spec.names, *(f.name for f in rest)]))
    raise DataError(
        f"special categories of personal data (GDPR Art. 9) come in only when asked for:\n{listed}\n"
        "Leave them out; or, where an exception of Art. 9(2) holds, write:\n"
        "special_categories:\n"
        f"  names: [{names}]\n"
        f"  reason: {spec.reason or 'the exception relied on, such as explicit consent, Art. 9(2)(a)'}\n"
        "or, for what only looks like one:\n"
        "special_categories:\n"
        "  cleared:\n"
        f"    {rest[0].name}: why it is none"
    )


def identifiers(attributes: Mapping[str, Sequence[str]]) -> tuple[tuple[str, str], ...]:
    """Attributes that identify people directly, by name or by most of their values, and as what."""
    suspects: list[tuple[str, str]] = []
    for name, levels in attributes.items():
        words = _words(name)
        kinds = [kind for kind, pattern in IDENTIFIERS.items() if pattern.search(words)]
        kinds += [
            kind
            for kind, pattern in IDENTIFYING.items()
            if len(levels) >= _LEAST_VALUES
            and sum(pattern.fullmatch(v.strip()) is not None for v in levels) > MOST * len(levels)
        ]
        if kinds:
            suspects.append((name, kinds[0]))
    return tuple(suspects)


def refuse_identifiers(attributes: Mapping[str, Sequence[str]], source: str) -> None:
    """Returns where no attribute identifies people directly. Raises: DataError naming each that does."""
    suspects = identifiers(attributes)
    if suspects:
        listed = ", ".join(f"{name!r} ({kind})" for name, kind in suspects)
        raise DataError(
            f"{source}: {listed}: what identifies people directly is never stored as an attribute. Remove "
            "it from 'attributes'; an id belongs under 'id' or 'key', where it becomes a pseudonym. A column "
            "that only has such a name can be given another one: the attribute's name is free"
        )


def _attribute(name: str, levels: Sequence[str]) -> Found | None:
    words = _words(name)
    for category, pattern in NAMES.items():
        match = pattern.search(words)
        if match:
            return Found(name, "attribute", category, f"the name says {match.group().strip()!r}")
    named = _named(levels)
    if named is None:
        return None
    return Found(name, "attribute", named[0], f"values such as {named[1]}")


def _question(question: Question) -> Found | None:
    text = " ".join(question.text.split())
    for category, pattern in ASKED.items():
        match = pattern.search(text)
        if match:
            return Found(question.name, "question", category, f"asks {match.group().strip()!r}")
    if len(text.split()) <= _LABEL:
        labelled = _attribute(text, question.options)
        return None if labelled is None else replace(labelled, name=question.name, kind="question")
    named = _named(question.options)
    if named is None or not TO_THE_PERSON.search(text) or OPINION.search(text):
        return None
    return Found(question.name, "question", named[0], f"asks the person, options such as {named[1]}")


def _named(values: Sequence[str]) -> tuple[Category, str] | None:
    """The category of which two different groups are named among values, and two that name them."""
    for category, pattern in VALUES.items():
        groups: dict[str, str] = {}
        for value in values:
            match = pattern.search(value.strip())
            if match:
                groups.setdefault(match.group().lower(), value)
        if len(groups) >= 2:
            first, second, *_ = groups.values()
            return category, f"{first!r} and {second!r}"
    return None


def _words(name: str) -> str:
    return " ".join(w for w in _BORDERS.split(name) if w).lower()
