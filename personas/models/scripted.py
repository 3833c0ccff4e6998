"""A model without a language model: distributions come from a function. The test double."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from personas.arrays import FloatArray
from personas.panel import Panel
from personas.person import Person
from personas.question import Question


def uniform_script(person: Person, question: Question) -> FloatArray:
    """The same probability for every option."""
    return np.full(len(question.options), 1.0 / len(question.options))


@dataclass(frozen=True)
class ScriptedModel:
    """Answers by calling ``script(person, question)``, which returns shape (n_options,)."""

    script: Callable[[Person, Question], FloatArray] = uniform_script
    name: str = "scripted"
    fingerprint: str = "scripted"

    def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        """See ``AnswerModel``; ``ValueError`` where the script's numbers are not a distribution."""
        answers: list[FloatArray] = []
        for question in questions:
            rows = np.stack([self.script(panel.person(i), question) for i in range(len(panel))])
            if rows.shape[1] != len(question.options) or not np.allclose(rows.sum(axis=1), 1.0):
                raise ValueError(f"script gave no distribution over the options of {question.name!r}")
            answers.append(rows)
        return answers
