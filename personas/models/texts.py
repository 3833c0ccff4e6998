"""What a factored model has encoded: options after their questions, values after their attributes."""

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Protocol

from personas.arrays import FloatArray
from personas.errors import DataError
from personas.prompt import attribute_text, option_text, question_text, value_text
from personas.question import Question


class TextEncoder(Protocol):
    """Turns texts into vectors; ``tails`` are the parts to pool over, each read after its text."""

    def encode(self, texts: Sequence[str], tails: Sequence[str]) -> FloatArray:
        """Vectors of shape (n_layers, n_texts, dim)."""
        ...


class TooLong(DataError):
    """A text is longer than the language model reads; ``text`` is what was to be read before its tail."""

    def __init__(self, text: str, message: str) -> None:
        super().__init__(message)
        self.text = text


@contextmanager
def naming(questions: Sequence[Question]) -> Generator[None]:
    """Inside, a question that is too long is refused by its name.

    Raises:
        DataError: in place of the ``TooLong`` of one of the questions.
    """
    try:
        yield
    except TooLong as error:
        names = [q.name for q in questions if question_text(q) == error.text]
        if not names:
            raise
        raise DataError(f"question {names[0]!r} with its longest option: {error}") from None


def question_option_vectors(encoder: TextEncoder, questions: Sequence[Question]) -> FloatArray:
    """Vector of each option read after its question, shape (n_layers, total options, dim).

    Raises:
        DataError: a question is longer than the language model reads.
    """
    texts = [question_text(q) for q in questions for _ in q.options]
    with naming(questions):
        return encoder.encode(texts, [option_text(o) for q in questions for o in q.options])


def attribute_vectors(encoder: TextEncoder, pairs: Sequence[tuple[str, str]]) -> FloatArray:
    """Vector of each value read after its attribute, shape (n_layers, n_pairs, dim)."""
    return encoder.encode([attribute_text(n) for n, _ in pairs], [value_text(v) for _, v in pairs])
