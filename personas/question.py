"""Questions and their options."""

import hashlib
import json
import unicodedata
from typing import Literal

import numpy as np
from pydantic import field_validator

from personas.arrays import FloatArray
from personas.document import Document


class Question(Document):
    """A closed question: its text and its options in the order of its scale."""

    name: str
    text: str
    options: tuple[str, ...]
    scale: Literal["ordinal", "nominal"] = "ordinal"

    @field_validator("options")
    @classmethod
    def _distinct(cls, options: tuple[str, ...]) -> tuple[str, ...]:
        different = {_shown(option) for option in options}
        if len(options) < 2 or len(different) != len(options) or "" in different:
            raise ValueError("options must be at least 2 distinct labels that are not blank")
        return options

    @property
    def fingerprint(self) -> str:
        """Hash of what is asked (text, options, scale); the name does not count."""
        content = json.dumps([self.text, list(self.options), self.scale])
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def positions(self) -> FloatArray:
        """Place of each option on the scale in [-1, 1], shape (n_options,); zeros where unordered."""
        n = len(self.options)
        return np.linspace(-1.0, 1.0, n) if self.scale == "ordinal" else np.zeros(n)


def _shown(text: str) -> str:
    """What people see of a text: nothing of no width (U+200B), single blanks, one form for each letter."""
    seen = "".join(c for c in text if c.isprintable() or c.isspace())
    return " ".join(unicodedata.normalize("NFC", seen).split())
