"""Tokens that keep a text in a form: the one typed module around llguidance.

llguidance is MIT licensed, weighs 8 MB and needs no other package; vLLM, SGLang and llama.cpp use it, too.
It is an extra, since its wheels need a newer system than torch's do (glibc 2.31).
"""

import importlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from personas.arrays import BoolArray
from personas.errors import MirrorpanelError
from personas.models.language import LanguageModel
from personas.models.written import forms
from personas.models.written.forms import Form
from personas.models.written.memory import vocabulary


@dataclass(frozen=True)
class FormGuide:
    """Keeps each row's text in a form; a ``Guide`` of ``sampling``.

    Attributes:
        form: of every text.
    """

    form: Form
    _size: int
    _tokenizer: Any
    _fresh: Any
    _rows: dict[int, Any] = field(default_factory=dict[int, Any])
    _texts: dict[int, list[int]] = field(default_factory=dict[int, list[int]])

    @staticmethod
    def of(language: LanguageModel, form: Form, ends: Sequence[int]) -> "FormGuide":
        """The guide for a model's texts, which the tokens ``ends`` may end.

        Raises:
            MirrorpanelError: llguidance is not installed, or does not know the tokenizer.
        """
        library = _library()
        tokenizer: Any = language._tokenizer  # pyright: ignore[reportPrivateUsage]
        size = vocabulary(language)
        try:
            known = library.LLTokenizer(
                tokenizer.backend_tokenizer.to_str(), n_vocab=size, eos_token=sorted(ends)
            )
        except (AttributeError, ValueError) as error:
            reason = str(error).splitlines()[0]
            raise MirrorpanelError(
                f"answers of {language.name} cannot be kept in a form, since llguidance does not read its "
                f"tokenizer ({reason}); leave --form out, or take another model"
            ) from None
        text = library.LLMatcher.grammar_from_lark(forms.grammar(form))
        fresh = library.LLMatcher(known, text, log_level=0)
        if fresh.is_error():
            raise MirrorpanelError(f"the form {forms.hint(form)!r} cannot be kept: {fresh.get_error()}")
        return FormGuide(form, size, tokenizer, fresh)

    def allowed(self, rows: Sequence[int]) -> BoolArray:
        """See ``Guide``."""
        fill: Any = importlib.import_module("llguidance.numpy").fill_next_token_bitmask
        mask = np.zeros((len(rows), -(-self._size // 32)), dtype=np.int32)
        for at, row in enumerate(rows):
            if row not in self._rows:
                self._rows[row], self._texts[row] = self._fresh.deep_copy(), []
            fill(self._rows[row], mask, at)
        bits = np.unpackbits(mask.view(np.uint8), axis=1, bitorder="little")
        return bits[:, : self._size].astype(np.bool_)

    def take(self, row: int, token: int) -> bool:
        """See ``Guide``. Raises: RuntimeError for a token that is not allowed."""
        matcher = self._rows[row]
        if not matcher.consume_token(token):
            raise RuntimeError(f"token {token} is not allowed here: {matcher.get_error()}")
        self._texts[row].append(token)
        text = str(self._tokenizer.decode(self._texts[row], skip_special_tokens=True))
        return forms.complete(self.form, text)


def _library() -> Any:
    try:
        return importlib.import_module("llguidance")
    except ImportError:
        raise MirrorpanelError(
            "answers in a form need the package llguidance; run: pip install 'mirrorpanel[forms]'"
        ) from None
