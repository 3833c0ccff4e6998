"""What every model offers: an answer distribution for each person and question."""

from collections.abc import Sequence
from typing import Protocol

from personas.arrays import FloatArray
from personas.panel import Panel
from personas.question import Question


class AnswerModel(Protocol):
    """A model that answers closed questions.

    ``name`` is for people; ``fingerprint`` hashes all that the answers depend on (weights, adapter,
    prompts), so that a run can tell whether it may be resumed.
    """

    @property
    def name(self) -> str:
        """What people call the model."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of everything that the answers depend on."""
        ...

    def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        """For each question the probability of each option, shape (n_persons, n_options), rows sum to one."""
        ...
