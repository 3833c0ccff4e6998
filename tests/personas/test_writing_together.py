"""Texts are the same in any batch and order, and what prompts share is read once."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_model import FLOAT32, save_tiny_model

from personas.errors import MirrorpanelError
from personas.models import catalogue, sampling
from personas.models.language import LanguageModel
from personas.models.wheel import cache_folder
from personas.models.written import prompts as reading
from personas.models.written import race
from personas.models.written.memory import Memory
from personas.prompt import asked_text, person_text

torch: Any = pytest.importorskip("torch")

AGES = ("18-24", "25-34", "35-44", "45-64", "65 and over")
QUESTION = "Is it truthfully so?"


def prompts_of(language: LanguageModel, n: int, question: str = QUESTION) -> list[tuple[int, ...]]:
    rng = np.random.default_rng(2)
    people = [
        {"age group": str(rng.choice(AGES)), "sex": ("female", "male")[int(rng.integers(2))]}
        | ({"education": "bachelor's degree"} if rng.random() < 0.4 else {})
        for _ in range(n)
    ]
    texts = [person_text(p) + asked_text(question) for p in people]
    return [(*language.start, *language.tokens(text)) for text in texts]


def written(
    language: LanguageModel, ids: list[tuple[int, ...]], uniforms: Any, batch: int | None
) -> list[str]:
    texts = [""] * len(ids)
    for rows, found in sampling.continued(language, ids, 10, uniforms, batch=batch):
        for row, one in zip(rows, found, strict=True):
            texts[row] = one.text
    return texts


def test_a_text_does_not_depend_on_batch_or_order_or_who_else_writes(tiny_language: LanguageModel) -> None:
    ids = prompts_of(tiny_language, 70)
    u = np.random.default_rng(5).random((70, 10))
    whole = written(tiny_language, ids, u, None)
    assert len(set(whole)) > 40
    for batch in (1, 7, 64):
        assert written(tiny_language, ids, u, batch) == whole
    order = np.random.default_rng(6).permutation(70)
    shuffled = written(tiny_language, [ids[i] for i in order], u[order], 7)
    assert shuffled == [whole[i] for i in order]
    assert written(tiny_language, ids[10:14], u[10:14], None) == whole[10:14]


@pytest.mark.parametrize(
    ("architecture", "changes"),
    [
        ("Qwen2", {}),
        ("Mistral", {"sliding_window": 16}),
        ("Gemma3Text", {"sliding_window": 16, "layer_types": ["sliding_attention", "full_attention"] * 2}),
    ],
)
def test_logits_in_a_batch_are_those_of_each_text_alone(
    architecture: str, changes: dict[str, Any], tmp_path: Path
) -> None:
    """Also beyond the window of layers that see no further; transformers' own pass is the reference."""
    layers = {"num_hidden_layers": 4} if "layer_types" in changes else {}
    folder = save_tiny_model(tmp_path, architecture, **changes, **layers)
    language = LanguageModel.load(folder, FLOAT32)
    ids = prompts_of(language, 6)
    opened = reading.Stem.of(language, ids).open(ids, 3)
    memory, logits = opened
    model: Any = language._model
    texts = [list(own) for own in ids]
    for step in range(3):
        for row, text in enumerate(texts):
            with torch.inference_mode():
                alone = model(input_ids=torch.tensor([text])).logits[0, -1].float()
            assert float((logits[row] - alone).abs().max()) < 1e-4
        new = np.array([[7 + step]] * len(texts), dtype=np.int64)
        for text in texts:
            text.append(7 + step)
        logits = memory.read(new, memory.next_positions(), np.ones((6, 1, 1), np.bool_), np.array([0]))[:, 0]


def test_what_prompts_share_is_read_once(
    tiny_language: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[int] = []
    whole = Memory.read

    def counted(self: Memory, ids: Any, *more: Any) -> Any:
        read.append(int(ids.size))
        return whole(self, ids, *more)

    monkeypatch.setattr(Memory, "read", counted)
    one = prompts_of(tiny_language, 1)
    reading.Stem.of(tiny_language, one * 50).open(one * 50, 5)
    assert sum(read) == len(one[0])
    read.clear()
    ids = prompts_of(tiny_language, 60)
    reading.Stem.of(tiny_language, ids).open(ids, 5)
    assert sum(read) < 0.25 * sum(map(len, ids))


def test_finished_rows_leave_the_batch(tiny_language: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
    rows: list[int] = []
    whole = Memory.read

    def counted(self: Memory, ids: Any, *more: Any) -> Any:
        rows.append(len(ids))
        return whole(self, ids, *more)

    ids = prompts_of(tiny_language, 40)
    monkeypatch.setattr(sampling, "ends", lambda _: lambda token: token % 3 == 0)
    monkeypatch.setattr(Memory, "read", counted)
    written(tiny_language, ids, np.random.default_rng(0).random((40, 10)), 40)
    steps = [n for n in rows if n > 1]
    assert steps[0] <= 40
    assert steps == sorted(steps, reverse=True)
    assert min(steps) < 12


def test_the_race_draws_a_token_as_often_as_its_softmax_says() -> None:
    """Within four and a half standard errors, at temperatures 1 and .5, and among the allowed alone."""
    logits = torch.tensor([[0.0, 1.0, 2.0, -3.0, 0.5]]).expand(40_000, 5)
    u = np.random.default_rng(1).random(40_000)
    allowed = np.tile([True, False, True, True, True], (40_000, 1))
    for temperature, mask in ((1.0, None), (0.5, None), (1.0, allowed)):
        p = np.exp(logits[0].double().numpy() / temperature) * (1.0 if mask is None else mask[0])
        p /= p.sum()
        found = np.bincount(race.draw(logits, u, temperature, mask).tokens, minlength=5) / 40_000
        np.testing.assert_array_less(np.abs(found - p), 4.5 * np.sqrt(p * (1 - p) / 40_000) + 1e-12)


def test_splitmix_has_the_numbers_of_its_authors() -> None:
    """First outputs of SplitMix64 seeded with 1234567 (Vigna's reference implementation)."""
    expected = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    found = [int(n) % 2**64 for n in race._mixed(1234567 + torch.arange(1, 4) * race._GOLDEN)]
    assert found == expected


def test_a_close_draw_is_decided_by_the_text_read_alone(
    tiny_language: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = prompts_of(tiny_language, 20)
    u = np.random.default_rng(5).random((20, 10))
    whole = written(tiny_language, ids, u, 20)
    monkeypatch.setattr(sampling, "_CLOSE", 1e9)  # every draw
    assert written(tiny_language, ids, u, 20) == whole
    read, add = Memory.read, [True]

    def wrong(self: Memory, given: Any, *more: Any) -> Any:
        out = read(self, given, *more)
        return out + 3 * torch.sin(torch.arange(out.shape[-1])) if add[0] and len(given) > 1 else out

    monkeypatch.setattr(Memory, "read", wrong)
    assert written(tiny_language, ids, u, 20) == whole


def test_emoji_and_right_to_left_text_are_read_and_written(tiny_language: LanguageModel) -> None:
    ids = prompts_of(tiny_language, 3, "هل توافق؟ 🙂👩‍👩‍👧 עברית")
    assert len(written(tiny_language, ids, np.random.default_rng(0).random((3, 10)), None)) == 3


def test_the_real_model_writes_the_same_in_any_batch() -> None:
    try:
        folder = catalogue.folder("smollm2-135m", cache_folder())
    except MirrorpanelError as error:
        pytest.skip(str(error))
    language = LanguageModel.load(folder, FLOAT32)
    ids = prompts_of(language, 5)
    u = np.random.default_rng(5).random((5, 10))
    whole = written(language, ids, u, 5)
    assert written(language, ids, u, 1) == whole
    assert written(language, ids[::-1], u[::-1], 2) == whole[::-1]
    assert any(whole)
