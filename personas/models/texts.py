"""What a factored model has encoded: options after their questions, values after their attributes."""

from collections.abc import Sequence
from typing import Protocol

from personas.arrays import FloatArray
from personas.prompt import attribute_text, option_text, question_text, value_text
from personas.question import Question


class TextEncoder(Protocol):
    """Turns texts into vectors; ``tails`` are the parts to pool over, each read after its text."""

    def encode(self, texts: Sequence[str], tails: Sequence[str]) -> FloatArray:
        """Vectors of shape (n_layers, n_texts, dim)."""
        ...


def question_option_vectors(encoder: TextEncoder, questions: Sequence[Question]) -> FloatArray:
    """Vector of each option read after its question, shape (n_layers, total options, dim)."""
    texts = [question_text(q) for q in questions for _ in q.options]
    return encoder.encode(texts, [option_text(o) for q in questions for o in q.options])


def attribute_vectors(encoder: TextEncoder, pairs: Sequence[tuple[str, str]]) -> FloatArray:
    """Vector of each value read after its attribute, shape (n_layers, n_pairs, dim)."""
    return encoder.encode([attribute_text(n) for n, _ in pairs], [value_text(v) for _, v in pairs])
