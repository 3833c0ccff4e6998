"""What is asked of whom, and the language models that answer."""

from typing import TYPE_CHECKING

from personas.late import late

if TYPE_CHECKING:
    from personas.answer import NO_ANSWER, Answers
    from personas.errors import MirrorpanelError
    from personas.panel import UNKNOWN, Panel
    from personas.person import Person
    from personas.question import Question
else:
    __getattr__, __dir__ = late(
        __name__,
        {
            "NO_ANSWER": "personas.answer",
            "Answers": "personas.answer",
            "MirrorpanelError": "personas.errors",
            "UNKNOWN": "personas.panel",
            "Panel": "personas.panel",
            "Person": "personas.person",
            "Question": "personas.question",
        },
    )

__all__ = ["NO_ANSWER", "UNKNOWN", "Answers", "MirrorpanelError", "Panel", "Person", "Question"]
