"""What is held out: decided by hash before anything is fitted, and stored with whatever was fitted."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from personas.arrays import BoolArray
from personas.draws import name_key
from personas.errors import DocumentError


@dataclass(frozen=True)
class Split:
    """People and questions that nothing may be fitted on.

    ``people`` is the fraction of people held out; a person is held out when the hash of seed and id
    falls below it, so membership depends on nothing but the id.
    """

    seed: int
    people: float
    questions: tuple[str, ...]

    def held_out(self, ids: Sequence[str]) -> BoolArray:
        """Which of the people are held out, shape (n_people,)."""
        keys = np.array([name_key(f"{self.seed}:{i}") for i in ids], dtype=np.float64)
        return keys / 2.0**64 < self.people

    @property
    def fingerprint(self) -> str:
        """Hash of the rule; two splits with the same fingerprint hold out the same."""
        content = json.dumps([self.seed, self.people, sorted(self.questions)])
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def ids_fingerprint(ids: Sequence[str]) -> str:
    """Hash of a set of people, whatever their order."""
    return hashlib.sha256("\n".join(sorted(ids)).encode()).hexdigest()


def split(seed: int, people: float, questions: int | Sequence[str], names: Sequence[str]) -> Split:
    """A split that holds out a fraction of people and some questions.

    Args:
        seed: of the hash.
        people: fraction held out, above 0 and below 1.
        questions: how many questions to hold out (those with the lowest hash), or their names.
        names: all question names.

    Raises:
        DocumentError: a fraction or number out of range, or a question that does not exist.
    """
    if not 0 < people < 1:
        raise DocumentError(f"split.people must be above 0 and below 1, got {people}")
    if isinstance(questions, int):
        if not 0 <= questions < len(names):
            raise DocumentError(f"split.questions must be from 0 to {len(names) - 1}, got {questions}")
        ranked = sorted(names, key=lambda n: name_key(f"{seed}:{n}"))
        return Split(seed, people, tuple(sorted(ranked[:questions])))
    unknown = [q for q in questions if q not in names]
    if unknown or len(set(questions)) >= len(names):
        found = f"unknown question {unknown[0]!r}" if unknown else "all questions are held out"
        raise DocumentError(f"split.questions: {found}; there are {', '.join(names)}")
    return Split(seed, people, tuple(sorted(set(questions))))
