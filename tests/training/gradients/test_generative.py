from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_model import FLOAT32

from personas.errors import DataError
from personas.models.language import LanguageModel
from training.gradients import engine, generative, memorised, writing
from training.gradients.backbone import Backbone, LoraSettings
from training.gradients.engine import EngineSettings
from training.gradients.generative import GenerativeObjective, GenerativeSettings, prompt
from training.gradients.open_ends import OpenEnd, OpenEnds

torch: Any = pytest.importorskip("torch")

SETTINGS = GenerativeSettings(answers=6, tokens=24, rate=2e-2, drop=0.0, drop_all=0.0)
WAYS = {"female": "strongly agree, health", "male": "too much spending"}


def rows(n: int, prefix: str) -> tuple[OpenEnd, ...]:
    sexes = [("female", "male")[i % 2] for i in range(n)]
    return tuple(
        OpenEnd(f"{prefix}{i}", "Is it truthfully so?", WAYS[sex], {"sex": sex, "education": "high school"})
        for i, sex in enumerate(sexes)
    )


@pytest.fixture
def backbone(tiny_folder: Path) -> Backbone:
    return Backbone.load(tiny_folder, FLOAT32, LoraSettings(rank=4, alpha=4.0))


def train(backbone: Backbone, data: OpenEnds, settings: GenerativeSettings, episodes: int) -> engine.Outcome:
    how = EngineSettings(episodes=episodes, warm_up=2, score_every=episodes, patience=None)
    return engine.train(GenerativeObjective(backbone, data, settings), how, None, lambda _: None)


def test_the_loss_is_that_of_the_answers_own_tokens_read_one_by_one(tiny_language: LanguageModel) -> None:
    data = rows(5, "p")
    model: Any = tiny_language._model
    total, tokens = 0.0, 0
    for row in data:
        before = [*tiny_language.start, *tiny_language.tokens(prompt(row.question, row.attributes))]
        own = list(tiny_language.tokens(f" {row.answer}\n"))[: SETTINGS.tokens]
        with torch.inference_mode():
            log_p = model(input_ids=torch.tensor([before + own])).logits[0].double().log_softmax(-1)
        total += sum(float(log_p[len(before) - 1 + i, t]) for i, t in enumerate(own))
        tokens += len(own)
    mean, counted = generative.log_probability(tiny_language, data, SETTINGS)
    assert counted == tokens
    assert mean == pytest.approx(total / tokens, abs=1e-5)


def test_training_learns_how_each_segment_writes(backbone: Backbone) -> None:
    data = OpenEnds(rows(12, "p"), rows(4, "h"))
    outcome = train(backbone, data, SETTINGS, 25)
    assert outcome.gain is not None
    assert outcome.gain > 1.0
    written = writing.write(backbone.language, data.held_out[:2], 24, None)
    assert written == [WAYS["female"], WAYS["male"]]
    result = writing.evaluate(backbone, data.held_out, SETTINGS, np.random.default_rng(0), generated=4)
    assert result.perplexity_tuned < 0.5 * result.perplexity_base
    assert result.voice_tuned.overlap > result.voice_base.overlap
    assert result.answers == 4


def test_memory_of_a_model_that_was_drilled_is_found(backbone: Backbone) -> None:
    planted = memorised.canaries(1, np.random.default_rng(0))
    drilled = OpenEnd(
        "x", "Is it truthfully so?", "health and the right amount of the environment too much", {}
    )
    other = drilled._replace(person="h", answer="spending on health is truthfully about the right amount")
    data = OpenEnds((*planted, drilled), ())
    settings = SETTINGS.model_copy(update={"tokens": 60, "answers": 2})
    rules = memorised.MemorySettings(alternatives=63, exposure=5.5)
    before = writing.memorisation(backbone.language, data.training, (other,), planted, settings, rules, 2, 0)
    train(backbone, data, settings, 60)
    after = writing.memorisation(backbone.language, data.training, (other,), planted, settings, rules, 2, 0)
    assert before.passed
    assert after.exposures is not None
    assert after.exposures.bits == (6.0,)
    assert after.completions is not None
    assert after.completions.found == 1
    assert not after.passed


def test_training_is_the_same_however_often_it_is_run(tiny_folder: Path) -> None:
    ends = []
    settings = SETTINGS.model_copy(update={"parts": 2, "neutral": 0.1, "drop": 0.3, "drop_all": 0.1})
    for _ in range(2):
        backbone = Backbone.load(tiny_folder, FLOAT32, LoraSettings(rank=4, alpha=4.0, dropout=0.1))
        train(backbone, OpenEnds(rows(12, "p"), ()), settings, 3)
        ends.append([t.detach().clone() for t in backbone.tensors().values()])
    assert all(torch.equal(a, b) for a, b in zip(*ends, strict=True))


def test_what_cannot_be_trained_is_refused(backbone: Backbone) -> None:
    with pytest.raises(DataError, match="none to learn from"):
        GenerativeObjective(backbone, OpenEnds((), ()), SETTINGS)
    long = rows(1, "p")[0]._replace(question="very " * 400)
    with pytest.raises(DataError, match="shorten the question 'very very"):
        GenerativeObjective(backbone, OpenEnds((long,), ()), SETTINGS)
    data = OpenEnds(rows(4, "p"), ())
    known = GenerativeObjective(backbone, data, SETTINGS).fingerprint
    assert GenerativeObjective(backbone, data, SETTINGS).fingerprint == known
    assert GenerativeObjective(backbone, OpenEnds(rows(5, "p"), ()), SETTINGS).fingerprint != known
