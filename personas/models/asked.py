"""What asking a model brought: distributions, and for answers that did not come what came instead."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, runtime_checkable

from personas.arrays import FloatArray
from personas.panel import Panel
from personas.question import Question

Outcome = Literal["refused", "unparsable", "failed"]
"""``refused``: the model declined, or its server found the text too long for it. ``unparsable``: a reply that
is no answer. ``failed``: no reply came."""


class Missing(NamedTuple):
    """An answer that did not come.

    Attributes:
        person: row of the panel.
        question: place among the questions.
        outcome: why; only ``failed`` is worth asking again.
        text: the reply as it came, or what went wrong.
    """

    person: int
    question: int
    outcome: Outcome
    text: str


@dataclass(frozen=True)
class Asked:
    """Answers of a panel to questions.

    Attributes:
        distributions: for each question (n_persons, n_options); rows of answers that are missing are NaN.
        missing: those rows.
        given_up: whoever was asked does not answer any more; asking others now would be in vain.
    """

    distributions: list[FloatArray]
    missing: tuple[Missing, ...] = ()
    given_up: bool = False


@runtime_checkable
class AskedModel(Protocol):
    """An answer model from which an answer may fail to come, as from a server."""

    def ask(self, panel: Panel, questions: Sequence[Question]) -> Asked:
        """The answers that came, and why the others did not."""
        ...
