from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import log_softmax, rel_entr
from tiny_model import FLOAT32

from personas.models.language import LanguageModel
from training.gradients import neutral
from training.gradients.backbone import Backbone, LoraSettings

torch: Any = pytest.importorskip("torch")


@pytest.fixture
def backbone(tiny_folder: Path) -> Backbone:
    return Backbone.load(tiny_folder, FLOAT32, LoraSettings(rank=4, alpha=4.0))


def plain_logits(language: LanguageModel, sentence: str) -> tuple[list[int], np.ndarray]:
    ids = [*language.start, *language.tokens(sentence)]
    model: Any = language._model
    with torch.inference_mode():
        return ids, model(input_ids=torch.tensor([ids])).logits[0].double().numpy()


def test_there_are_sixty_sentences_and_none_twice() -> None:
    assert len(neutral.SENTENCES) == len(set(neutral.SENTENCES)) == 60
    assert all(s.endswith(".") and 8 <= len(s.split()) <= 25 for s in neutral.SENTENCES)


def test_the_loss_equals_that_of_sentences_read_one_by_one(tiny_language: LanguageModel) -> None:
    few = neutral.SENTENCES[:6]
    total, tokens = 0.0, 0
    for sentence in few:
        ids, logits = plain_logits(tiny_language, sentence)
        log_p = log_softmax(logits, axis=1)
        first = max(len(tiny_language.start) - 1, 0)
        total -= sum(log_p[i, ids[i + 1]] for i in range(first, len(ids) - 1))
        tokens += len(ids) - 1 - first
    assert neutral.loss(tiny_language, few) == pytest.approx(total / tokens, abs=1e-5)


def test_an_untrained_adapter_has_forgotten_nothing(backbone: Backbone) -> None:
    result = neutral.forgetting(backbone, sentences=neutral.SENTENCES[:4])
    assert result.tuned == result.base
    assert result.divergence == pytest.approx(0.0, abs=1e-6)
    assert result.passed


def test_a_changed_adapter_diverges_as_numpy_says_and_fails_a_bound(backbone: Backbone) -> None:
    for name, tensor in backbone.tensors().items():
        if "lora_B" in name:
            torch.nn.init.normal_(tensor, std=1.0)
    few = neutral.SENTENCES[:3]
    result = neutral.forgetting(backbone, bound=1e-3, sentences=few)
    total, tokens = 0.0, 0
    for sentence in few:
        ids, tuned = plain_logits(backbone.language, sentence)
        with backbone.untouched():
            _, base = plain_logits(backbone.language, sentence)
        p, q = (np.exp(log_softmax(x, axis=1))[:-1] for x in (base, tuned))
        total, tokens = total + float(rel_entr(p, q).sum()), tokens + len(ids) - 1
    assert result.tokens == tokens
    assert result.divergence == pytest.approx(total / tokens, rel=1e-4)
    assert result.divergence > 0.01
    assert result.tuned != result.base
    worse = result.model_copy(update={"tuned": result.base + 0.5, "bound": 0.1})
    assert not worse.passed
    assert "+0.500; allowed +0.100" in worse.describe()


def test_sentences_drawn_are_different_ones() -> None:
    drawn = neutral.drawn(np.random.default_rng(0), 60)
    assert sorted(drawn) == sorted(neutral.SENTENCES)
    assert len(neutral.drawn(np.random.default_rng(0))) == neutral.DRAWN
