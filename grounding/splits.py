"""What is held out: decided by hash before anything is fitted, and stored with whatever was fitted."""

import difflib
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np

from personas.arrays import BoolArray, FloatArray
from personas.draws import name_key
from personas.errors import DocumentError
from personas.panel import Panel

CellName = Literal["unseen_people", "unseen_questions", "unseen_both", "unseen_segment", "unseen_wave"]


class Levels(NamedTuple):
    """An attribute, and the levels of it that are meant."""

    attribute: str
    levels: tuple[str, ...]


class Groups(NamedTuple):
    """Each of the people in exactly one group, masks of shape (n_people,).

    ``held_out`` and ``rectification`` are drawn by hash from everybody, so each is a random sample of all
    people; ``segment`` and ``wave`` are those of the rest who are never trained on for what they are,
    ``suspects`` those whose answers are not to be trusted. Suspects held out by hash stay held out.
    """

    trained: BoolArray
    held_out: BoolArray
    rectification: BoolArray
    segment: BoolArray
    wave: BoolArray
    suspects: BoolArray


class Cell(NamedTuple):
    """Part of the answers: masks of people, shape (n_people,), and of questions, shape (n_questions,)."""

    people: BoolArray
    questions: BoolArray

    def mask(self) -> BoolArray:
        """Both at once, shape (n_people, n_questions)."""
        return self.people[:, None] & self.questions[None, :]


@dataclass(frozen=True)
class Split:
    """People and questions that nothing may be fitted on.

    A person has a number from 0 to 1 by the hash of seed and id, so membership depends on nothing but the
    id: below ``people`` is held out, from ``1 - rectification`` on is kept for rectification.

    Attributes:
        people: fraction of people held out.
        questions: names of the questions held out.
        rectification: fraction of people neither trained on nor scored on, whose answers are left to
            correct the shares of simulated persons by.
        segment: who has one of the levels of each of these attributes is never trained on; nobody where
            empty. Who is unknown in one of them does not belong.
        wave: the same for a wave or survey that is held out, told by an attribute.
    """

    seed: int
    people: float
    questions: tuple[str, ...]
    rectification: float = 0.0
    segment: tuple[Levels, ...] = ()
    wave: tuple[Levels, ...] = ()

    def held_out(self, ids: Sequence[str]) -> BoolArray:
        """Which of the people are held out by hash, shape (n_people,)."""
        return self._numbers(ids) < self.people

    def kept_for_rectification(self, ids: Sequence[str]) -> BoolArray:
        """Which of the people are kept for rectification, shape (n_people,)."""
        if not self.rectification:
            return np.zeros(len(ids), dtype=np.bool_)
        return self._numbers(ids) >= 1.0 - self.rectification

    def groups(self, people: Panel, suspects: BoolArray | None = None) -> Groups:
        """The group of each of the people. Raises: DocumentError; see ``members``."""
        out, kept = self.held_out(people.ids), self.kept_for_rectification(people.ids)
        rest = ~out & ~kept
        segment = members(people, self.segment, "split.segment") & rest
        wave = members(people, self.wave, "split.wave") & rest & ~segment
        left = rest & ~segment & ~wave
        doubted = left & (np.zeros_like(left) if suspects is None else suspects)
        return Groups(left & ~doubted, out, kept, segment, wave, doubted)

    def cell(self, name: CellName, people: Panel, names: Sequence[str], groups: Groups | None = None) -> Cell:
        """The answers of one kind of novelty, for the questions ``names``; no answer is in two of them.

        ``groups`` are those of the people where they are kept; left out, they follow from the hash.

        ============================  ==========================================  ====================
        name                          people                                      questions
        ============================  ==========================================  ====================
        ``unseen_people``             held out, of a segment and wave trained on  trained on
        ``unseen_questions``          trained on                                  held out
        ``unseen_both``               held out, of a segment and wave trained on  held out
        ``unseen_segment``            the segment, of a wave trained on           trained on
        ``unseen_wave``               the wave, of a segment trained on           trained on
        ============================  ==========================================  ====================

        People kept for rectification are in none. Raises: DocumentError; see ``members``.
        """
        groups = self.groups(people) if groups is None else groups
        out = np.isin(np.array(names, dtype=np.str_), np.array(self.questions, dtype=np.str_))
        segment = members(people, self.segment, "split.segment")
        wave = members(people, self.wave, "split.wave")
        scored = ~groups.rectification & ~groups.trained
        if name == "unseen_questions":
            return Cell(groups.trained, out)
        if name == "unseen_segment":
            return Cell(scored & segment & ~wave, ~out)
        if name == "unseen_wave":
            return Cell(scored & wave & ~segment, ~out)
        usual = groups.held_out & ~segment & ~wave
        return Cell(usual, out if name == "unseen_both" else ~out)

    @property
    def fingerprint(self) -> str:
        """Hash of the rule; two splits with the same fingerprint hold out the same."""
        content: list[object] = [self.seed, self.people, sorted(self.questions)]
        parts = [[[a, sorted(levels)] for a, levels in sorted(p)] for p in (self.segment, self.wave)]
        if self.rectification or any(parts):
            content += [self.rectification, *parts]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]

    def _numbers(self, ids: Sequence[str]) -> FloatArray:
        keys = np.array([name_key(f"{self.seed}:{i}") for i in ids], dtype=np.float64)
        return keys / 2.0**64


def ids_fingerprint(ids: Sequence[str]) -> str:
    """Hash of a set of people, whatever their order."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def members(people: Panel, chosen: Sequence[Levels], key: str) -> BoolArray:
    """Who has one of the levels of each attribute, shape (n_people,); nobody where none is chosen.

    Raises:
        DocumentError: an attribute or level that the panel does not have; ``key`` names the place.
    """
    found = np.full(len(people), bool(chosen), dtype=np.bool_)
    for attribute, levels in chosen:
        if attribute not in people.attributes:
            raise DocumentError(
                f"{key}.{attribute}: unknown attribute {attribute!r}{_meant(attribute, people.attributes)}; "
                f"the panel has {', '.join(people.attributes)}"
            )
        column = people.attributes.index(attribute)
        known = people.levels[column]
        unknown = [level for level in levels if level not in known]
        if unknown:
            raise DocumentError(
                f"{key}.{attribute}: attribute {attribute!r} has no level {unknown[0]!r}"
                f"{_meant(unknown[0], known)}; it has {', '.join(known)}"
            )
        found &= np.isin(people.codes[:, column], [known.index(level) for level in levels])
    return found


def _meant(name: str, known: Sequence[str]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def split(
    seed: int,
    people: float,
    questions: int | Sequence[str],
    names: Sequence[str],
    *,
    blocks: Sequence[Sequence[str]] | None = None,
    rectification: float = 0.0,
    segment: Mapping[str, Sequence[str]] | None = None,
    wave: Mapping[str, Sequence[str]] | None = None,
) -> Split:
    """A split that holds out a fraction of people and some questions, in whole blocks.

    Args:
        seed: of the hash.
        people: fraction held out, above 0 and below 1.
        questions: how many questions to hold out at most (whole blocks, those with the lowest hash first; one
            that is larger than what is left is passed over), or their names (with all of their blocks).
        names: all question names.
        blocks: the questions in blocks (``grounding.blocks``); left out, each question is its own.
        rectification: fraction of people kept for rectification.
        segment: attribute -> levels of the people who are never trained on.
        wave: the same for a wave or survey.

    Raises:
        DocumentError: a fraction or number out of range, a question that does not exist, or blocks of which
            none can be held out.
    """
    if not 0 < people < 1:
        raise DocumentError(f"split.people must be above 0 and below 1, got {people}")
    if not (0 <= rectification < 1 and people + rectification < 1):
        raise DocumentError(
            f"split.rectification must be from 0 to below {1 - people:g}, so that with the {people:g} held "
            f"out somebody is left to train on, got {rectification}"
        )
    kept = [tuple(b) for b in blocks] if blocks is not None else [(n,) for n in names]
    chosen = (
        _lowest(seed, questions, names, kept)
        if isinstance(questions, int)
        else _named(questions, names, kept)
    )
    return Split(seed, people, chosen, rectification, _levels(segment), _levels(wave))


def _lowest(
    seed: int, number: int, names: Sequence[str], blocks: Sequence[tuple[str, ...]]
) -> tuple[str, ...]:
    """Blocks with the lowest hash of seed and first name, while they fit into the number."""
    if not 0 <= number < len(names):
        raise DocumentError(f"split.questions must be from 0 to {len(names) - 1}, got {number}")
    out: list[str] = []
    for block in sorted(blocks, key=lambda b: name_key(f"{seed}:{min(b)}")):
        if len(out) + len(block) <= number:
            out += block
    if number and not out:
        smallest = min(len(b) for b in blocks)
        advice = "" if smallest == len(names) else f", or hold out at least {smallest}"
        raise DocumentError(
            f"split.questions: {number} cannot be held out in whole batteries: the {len(names)} questions "
            f"form {_told(blocks)}. Write 'by: question' under split to hold out single questions{advice}; "
            "near-duplicates of single questions are then trained on, which the record says"
        )
    return tuple(sorted(out))


def _named(
    questions: Sequence[str], names: Sequence[str], blocks: Sequence[tuple[str, ...]]
) -> tuple[str, ...]:
    """The questions named, with their blocks."""
    unknown = [q for q in questions if q not in names]
    if unknown or len(set(questions)) >= len(names):
        found = f"unknown question {unknown[0]!r}" if unknown else "all questions are held out"
        raise DocumentError(f"split.questions: {found}; there are {', '.join(names)}")
    wanted = set(questions)
    out = {name for block in blocks if wanted & set(block) for name in block}
    if out != wanted and len(names) - len(out) < 2:
        raise DocumentError(
            f"split.questions: with the batteries of {', '.join(sorted(wanted))} {len(out)} of "
            f"{len(names)} questions are held out, which leaves too few to train on: they form "
            f"{_told(blocks)}. Write 'by: question' under split to hold out only the questions named; "
            "near-duplicates of theirs are then trained on, which the record says"
        )
    return tuple(sorted(out))


def _told(blocks: Sequence[tuple[str, ...]]) -> str:
    shown = sorted(blocks, key=len)[:3]
    listed = "; ".join(", ".join(b[:3]) + (f" and {len(b) - 3} more" if len(b) > 3 else "") for b in shown)
    count = "one battery" if len(blocks) == 1 else f"{len(blocks)} batteries"
    return f"{count} ({listed})"


def _levels(chosen: Mapping[str, Sequence[str]] | None) -> tuple[Levels, ...]:
    return tuple(Levels(a, tuple(levels)) for a, levels in sorted((chosen or {}).items()))
