"""Forms of open answers: what a text says, and texts that a model is kept to."""

import json
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from personas.errors import MirrorpanelError
from personas.models import sampling
from personas.models.language import LanguageModel
from personas.models.written import forms
from personas.models.written.forms import ListForm, NumberForm
from personas.models.written.guide import FormGuide

AGE = NumberForm(lowest=0, highest=120)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        (" 42", 42),
        ("42.", 42),
        ("42 years", 42),
        ("0", 0),
        ("120", 120),
        ("121", None),
        ("-3", None),
        ("12.5", None),
        ("12,000", None),
        ("about 12", None),
        ("", None),
    ],
)
def test_a_whole_number_is_what_a_text_begins_with(text: str, value: int | None) -> None:
    assert forms.value(AGE, text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("3.5", 3.5), (" 3 km", 3.0), ("3.5.", 3.5), ("3.", 3.0), ("3.5.1", None), ("9", None)],
)
def test_a_decimal_number_too(text: str, value: float | None) -> None:
    assert forms.value(NumberForm(lowest=0, highest=5, whole=False), text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("bread, milk", ("bread", "milk")),
        ("bread; Bread, milk.", ("bread", "milk")),
        ("a, b, c", ("a", "b", "c")),
        ("a, b, c, d", None),
        (" , ", None),
    ],
)
def test_a_list_has_short_items_each_once(text: str, value: tuple[str, ...] | None) -> None:
    assert forms.value(ListForm(most=3), text) == value


@given(st.integers(-(10**9), 10**9), st.sampled_from(["", ".", " of them", "!"]))
def test_every_whole_number_is_read_back_as_the_number_it_is(number: int, behind: str) -> None:
    assert forms.value(NumberForm(), f" {number}{behind}") == number


@pytest.mark.parametrize(
    ("form", "reply", "value"),
    [
        (AGE, '{"answer": 42}', 42),
        (AGE, '{"answer": 42.0}', 42),
        (AGE, '{"answer": 42.5}', None),
        (AGE, '{"answer": 130}', None),
        (AGE, '{"answer": true}', None),
        (AGE, '{"answer": "42"}', None),
        (AGE, "42 years\nand more", 42),
        (AGE, "[1]", None),
        (ListForm(most=2), '{"answer": ["a; b", "c"]}', ("a b", "c")),
        (ListForm(most=2), '{"answer": ["a", 2]}', None),
        (ListForm(most=2), "a, b", ("a", "b")),
    ],
)
def test_a_servers_reply_is_read_in_json_or_in_words(form: Any, reply: str, value: Any) -> None:
    assert forms.replied(form, reply) == value


def test_hints_say_what_is_wanted() -> None:
    assert forms.hint(AGE) == "a whole number from 0 to 120"
    assert forms.hint(NumberForm(highest=5, whole=False)) == "a number up to 5"
    assert forms.hint(ListForm(most=2)) == "at most 2 short items, with commas between them"
    assert json.dumps(forms.schema(AGE)["properties"]) == (
        '{"answer": {"type": "integer", "minimum": 0, "maximum": 120}}'
    )


def kept(language: LanguageModel, form: Any, n: int, most: int) -> list[sampling.Continued]:
    pytest.importorskip("llguidance")
    guide = FormGuide.of(language, form, sorted(sampling.end_tokens(language)))
    ids = [(*language.start, *language.tokens("Question: Answer:"))] * n
    texts: list[sampling.Continued] = [sampling.Continued("", False)] * n
    u = np.random.default_rng(0).random((n, most))
    for rows, found in sampling.continued(language, ids, most, u, batch=7, guide=guide):
        for row, one in zip(rows, found, strict=True):
            texts[row] = one
    return texts


@pytest.mark.parametrize(
    "form",
    [
        NumberForm(lowest=18, highest=99),
        NumberForm(lowest=-5, highest=5),
        NumberForm(lowest=0, highest=1, whole=False),
        ListForm(most=2),
    ],
)
def test_a_random_model_is_kept_to_a_form(tiny_language: LanguageModel, form: Any) -> None:
    texts = kept(tiny_language, form, 30, forms.tokens(form))
    done = [one.text for one in texts if one.ended]
    assert len(done) > 10
    assert all(forms.value(form, text) is not None for text in done)
    assert len({forms.value(form, text) for text in done}) >= 2


def test_numbers_are_drawn_as_often_as_the_model_says_among_those_allowed(
    tiny_language: LanguageModel,
) -> None:
    """The shares of the digits, from the model's own logits of the tokens that a digit can begin with."""
    torch: Any = pytest.importorskip("torch")
    form = NumberForm(lowest=1, highest=9)
    n = 2000
    texts = kept(tiny_language, form, n, 8)
    ids = [*tiny_language.start, *tiny_language.tokens("Question: Answer:")]
    model: Any = tiny_language._model
    tokenizer: Any = tiny_language._tokenizer

    def after(tokens: list[int]) -> Any:
        with torch.inference_mode():
            return model(input_ids=torch.tensor([tokens])).logits[0, -1].double().exp().numpy()

    pieces = [tokenizer.decode([t]) for t in range(int(model.config.vocab_size))]
    blank = pieces.index(" ")
    first, second = after(ids), after([*ids, blank])
    digits = {d: [t for t, p in enumerate(pieces) if p == d] for d in "123456789"}
    spaced = {d: [t for t, p in enumerate(pieces) if p == f" {d}"] for d in digits}
    direct = {d: first[digits[d]].sum() + first[spaced[d]].sum() for d in digits}
    behind = {d: second[digits[d]].sum() for d in digits}
    total = sum(direct.values()) + first[blank]
    for d in digits:
        p = (direct[d] + first[blank] * behind[d] / sum(behind.values())) / total
        share = sum(one.text.startswith(d) for one in texts) / n
        assert share == pytest.approx(p, abs=4.5 * np.sqrt(p * (1 - p) / n) + 1e-9)


def test_a_text_cut_at_the_limit_is_no_answer(tiny_language: LanguageModel) -> None:
    texts = kept(tiny_language, NumberForm(lowest=10**11), 5, 4)
    assert not any(one.ended for one in texts)


def test_without_the_library_the_message_says_how_to_install_it(
    tiny_language: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "llguidance", None)
    with pytest.raises(MirrorpanelError, match=r"pip install 'mirrorpanel\[forms\]'"):
        FormGuide.of(tiny_language, AGE, [0])
