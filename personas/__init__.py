"""What is asked of whom, and the language models that answer."""

from personas.answer import NO_ANSWER, Answers
from personas.errors import MirrorpanelError
from personas.panel import UNKNOWN, Panel
from personas.person import Person
from personas.question import Question

__all__ = ["NO_ANSWER", "UNKNOWN", "Answers", "MirrorpanelError", "Panel", "Person", "Question"]
