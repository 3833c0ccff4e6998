"""The form that an open answer has: a number, or a short list. What it is, and what a text in it says."""

import json
import re
from collections.abc import Sequence
from typing import Annotated, Self

from pydantic import Field, model_validator

from personas.document import Document

Value = int | float | tuple[str, ...]
_NUMBER = re.compile(r" ?(-?\d+(?:\.\d+)?)")
_WHOLE = re.compile(r" ?(-?\d+)")
# A number is over with what cannot belong to one: "12 years", "12.", but not "12.5" or "12,000".
_AFTER_WHOLE = re.compile(r" ?-?\d+(?:\.\s|\.$|[^\d.,'])")
_AFTER_DECIMAL = re.compile(r" ?-?\d+(?:\.\d+)?(?:\.?\s|[^\d.,'])")
_TAILS = {True: r"\.?\s(.|\n)*|\.|[^0-9.,'\s](.|\n)*", False: r"\.?\s(.|\n)*|[^0-9.,'\s](.|\n)*"}
_ITEM_LETTERS = 60


class NumberForm(Document):
    """One number.

    Attributes:
        lowest: that is allowed; ``None`` for no limit.
        highest: that is allowed; ``None`` for no limit.
        whole: no decimals.
    """

    lowest: float | None = None
    highest: float | None = None
    whole: bool = True

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        bounds = [b for b in (self.lowest, self.highest) if b is not None]
        if sorted(bounds) != bounds:
            raise ValueError(f"lowest must not be above highest, got {self.lowest:g} and {self.highest:g}")
        if self.whole and not all(b.is_integer() for b in bounds):
            raise ValueError("the limits of a whole number must be whole, too; say decimal for other numbers")
        return self


class ListForm(Document):
    """Short items with commas between them.

    Attributes:
        most: items at most.
    """

    most: Annotated[int, Field(ge=1, le=50)] = 3


Form = NumberForm | ListForm


def hint(form: Form) -> str:
    """What a writer that was not trained on such answers is told: ``a whole number from 0 to 120``."""
    if isinstance(form, ListForm):
        return f"at most {form.most} short items, with commas between them"
    kind = "a whole number" if form.whole else "a number"
    low = "" if form.lowest is None else f" from {form.lowest:g}"
    high = "" if form.highest is None else f" {'to' if low else 'up to'} {form.highest:g}"
    return f"{kind}{low}{high}"


def tokens(form: Form) -> int:
    """Tokens that an answer in this form may take, the end of it included."""
    return 24 * form.most if isinstance(form, ListForm) else 16


def grammar(form: Form) -> str:
    """The form in Lark, as llguidance reads it; behind a number the model may go on with words, unread."""
    if isinstance(form, ListForm):
        item = f"/[^\\s,;][^,;\\n]{{0,{_ITEM_LETTERS - 1}}}/"
        return f'start: " "? ITEM ("," " "? ITEM){{0,{form.most - 1}}} END?\nITEM: {item}\nEND: /\\n/\n'
    number = json.dumps(_schema_of_number(form))
    return f'start: " "? number TAIL?\nnumber: %json {number}\nTAIL: /{_TAILS[form.whole]}/\n'


def schema(form: Form) -> dict[str, object]:
    """JSON schema of an object whose ``answer`` has the form."""
    if isinstance(form, ListForm):
        items: dict[str, object] = {"type": "string", "maxLength": _ITEM_LETTERS}
        answer: dict[str, object] = {"type": "array", "items": items, "minItems": 1, "maxItems": form.most}
    else:
        answer = _schema_of_number(form)
    return {
        "type": "object",
        "properties": {"answer": answer},
        "required": ["answer"],
        "additionalProperties": False,
    }


def complete(form: Form, text: str) -> bool:
    """Whether nothing that follows can change what a text says."""
    if isinstance(form, ListForm):
        return False  # until the line ends
    return (_AFTER_WHOLE if form.whole else _AFTER_DECIMAL).match(text) is not None


def value(form: Form, text: str) -> Value | None:
    """What a text says that begins with the answer; ``None`` where it is not in the form."""
    if isinstance(form, ListForm):
        return _listed(form, re.split("[,;]", text))
    found = (_WHOLE if form.whole else _NUMBER).match(text)
    if found is None or not (text[found.end() :] in ("", ".") or complete(form, text)):
        return None
    return _number(form, float(found[1]) if not form.whole else int(found[1]))


def replied(form: Form, text: str) -> Value | None:
    """What a server's reply says, in JSON or in words; ``None`` where it is not in the form."""
    try:
        found: object = json.loads(text)
    except (ValueError, RecursionError):
        return value(form, text.strip().partition("\n")[0])
    if isinstance(found, dict) and "answer" in found:
        found = found["answer"]  # pyright: ignore[reportUnknownVariableType]
    if isinstance(form, ListForm):
        items: list[object] = found if isinstance(found, list) else []  # pyright: ignore[reportUnknownVariableType]
        texts = [item for item in items if isinstance(item, str)]
        return _listed(form, texts) if len(texts) == len(items) else None
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    if form.whole and not float(found).is_integer():
        return None
    return _number(form, int(found) if form.whole else float(found))


def shown(found: Value) -> str:
    """A value as a cell of a table: ``42``, ``bread; milk``."""
    return "; ".join(found) if isinstance(found, tuple) else f"{found}"


def _schema_of_number(form: NumberForm) -> dict[str, object]:
    limits = {"minimum": form.lowest, "maximum": form.highest}
    known = {key: int(b) if form.whole else b for key, b in limits.items() if b is not None}
    return {"type": "integer" if form.whole else "number", **known}


def _number(form: NumberForm, found: int | float) -> int | float | None:
    low = form.lowest is None or found >= form.lowest
    return found if low and (form.highest is None or found <= form.highest) else None


def _listed(form: ListForm, items: Sequence[str]) -> tuple[str, ...] | None:
    """The items, each once; a separator in one would make two of it."""
    clean = [" ".join(re.sub("[,;]", " ", item).split()).rstrip(".") for item in items]
    each = {item.casefold(): item for item in reversed(clean) if item}
    found = tuple(item for item in clean if each.get(item.casefold()) is item)
    return tuple(dict.fromkeys(found)) if 1 <= len(each) <= form.most else None
