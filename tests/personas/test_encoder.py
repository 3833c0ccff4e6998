import importlib
from typing import Any

import numpy as np
import pytest

from personas.errors import DataError
from personas.models import encoder
from personas.models.encoder import Encoder
from personas.models.language import LanguageModel
from personas.prompt import attribute_text, option_text, question_text, value_text
from personas.question import Question

LAYERS = (0, 2, 3)


@pytest.fixture(scope="module")
def pairs(few_questions: tuple[Question, ...]) -> tuple[list[str], list[str]]:
    texts = [question_text(q) for q in few_questions for _ in q.options]
    return texts, [option_text(o) for q in few_questions for o in q.options]


def plain(language: LanguageModel, text: str, tail: str) -> np.ndarray:
    """The same vector from an ordinary pass with every hidden state, (n_layers, dim)."""
    torch: Any = importlib.import_module("torch")
    model: Any = language._model
    own = language.tokens(tail)
    ids = [*language.start, *language.tokens(text), *own]
    with torch.inference_mode():
        states = model(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states
    return np.stack([states[layer][0, -len(own) :].mean(0).numpy() for layer in LAYERS])


def test_vectors_equal_those_of_texts_read_one_by_one(
    tiny_language: LanguageModel, pairs: tuple[list[str], list[str]]
) -> None:
    vectors = Encoder(tiny_language, LAYERS).encode(*pairs)
    assert vectors.shape == (3, len(pairs[0]), 32)
    for row, (text, tail) in enumerate(zip(*pairs, strict=True)):
        np.testing.assert_allclose(vectors[:, row], plain(tiny_language, text, tail), atol=1e-4)


def test_vectors_do_not_depend_on_what_else_is_encoded(
    tiny_language: LanguageModel, pairs: tuple[list[str], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    together = Encoder(tiny_language, LAYERS).encode(*pairs)
    monkeypatch.setattr(encoder, "_TREE_TOKENS", 1)
    monkeypatch.setattr(encoder, "_FULL", 1)
    monkeypatch.setattr(encoder, "_PASS_TOKENS", {"cpu": 1})
    np.testing.assert_allclose(Encoder(tiny_language, LAYERS).encode(*pairs), together, atol=1e-4)


def test_what_texts_begin_with_alike_is_read_once(tiny_language: LanguageModel) -> None:
    battery = "Are we spending too much, too little or about the right amount of money on "
    texts = [f"{battery}{item}?" for item in ("health", "space", "cities") for _ in range(2)]
    reader = Encoder(tiny_language, LAYERS)
    (tree,) = reader.branches(texts, ["yes", "no"] * 3)
    assert sorted(tree.rows) == list(range(6))
    shared = len(tiny_language.tokens(battery))
    alone = sum(len(b.tree) for text in texts[::2] for b in reader.branches([text] * 2, ["yes", "no"]))
    assert len(tree.tree) <= alone - 2 * (shared - 1)


def test_a_text_without_tails_is_its_own_tail(tiny_language: LanguageModel) -> None:
    pairs = [("sex", "female"), ("age_group", "18-24")]
    texts = [*(attribute_text(name) + value_text(value) for name, value in pairs), "Answer"]
    reader = Encoder(tiny_language, LAYERS)
    vectors = reader.encode(texts)
    np.testing.assert_array_equal(vectors, reader.encode([""] * 3, texts))
    for row, text in enumerate(texts):
        np.testing.assert_allclose(vectors[:, row], plain(tiny_language, "", text), atol=1e-4)


def test_layers_come_in_the_order_asked_for(tiny_language: LanguageModel) -> None:
    forward, backward = (Encoder(tiny_language, layers).encode(["a person"]) for layers in ((0, 1), (1, 0)))
    np.testing.assert_allclose(forward, backward[::-1], atol=1e-6)


def test_nothing_to_encode_gives_no_rows(tiny_language: LanguageModel) -> None:
    assert Encoder(tiny_language, (1,)).encode([]).shape == (1, 0, 32)


def test_wrong_input_is_refused(tiny_language: LanguageModel) -> None:
    reader = Encoder(tiny_language, (1,))
    with pytest.raises(ValueError, match="2 texts but 1 tails"):
        reader.encode(["a", "b"], ["c"])
    with pytest.raises(DataError, match="nothing to encode in ''"):
        reader.encode(["a", ""])
    with pytest.raises(DataError, match=r"too long for .* which reads 512; shorten it"):
        reader.encode(["very long " * 600])
    with pytest.raises(DataError, match=r"shorten what begins with 'diary'") as refused:
        reader.encode(["diary"], ["a secret " * 600])
    assert "secret" not in str(refused.value)  # what is known of a person stays out of messages
    with pytest.raises(ValueError, match="no layer 4; the model has hidden states 0 to 3"):
        Encoder(tiny_language, (1, 4)).encode(["a"])
