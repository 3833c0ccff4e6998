from typing import Any

import numpy as np
import pytest

from personas.models.language import LanguageModel
from personas.models.sampling import continuations
from personas.prompt import asked_text, person_text

torch: Any = pytest.importorskip("torch")


def test_texts_do_not_depend_on_the_batch_they_are_written_in(tiny_language: LanguageModel) -> None:
    prompts = [person_text({"sex": s}) + asked_text("Is it truthfully so?") for s in ("female", "male", "x")]
    prompts += ["Question:", "Answer:"]
    several = continuations(tiny_language, prompts, 12, np.random.default_rng(3), batch=4)
    single = continuations(tiny_language, prompts, 12, np.random.default_rng(3), batch=1)
    assert several == single
    assert len(set(several)) > 1
    assert not any("\n" in text for text in several)
    with pytest.raises(ValueError, match="temperature must be above 0"):
        continuations(tiny_language, prompts, 12, None, temperature=0.0)


def test_tokens_are_drawn_as_often_as_the_model_says(tiny_language: LanguageModel) -> None:
    text = "Question: Answer:"
    ids = [*tiny_language.start, *tiny_language.tokens(text)]
    model: Any = tiny_language._model
    with torch.inference_mode():
        p = model(input_ids=torch.tensor([ids])).logits[0, -1].double().softmax(-1).numpy()
    n = 3000
    written = continuations(tiny_language, [text] * n, 1, np.random.default_rng(0), batch=1000)
    decode: Any = tiny_language._tokenizer
    for token in np.argsort(p)[-3:]:
        piece = decode.decode([int(token)]).lstrip(" ").partition("\n")[0].strip()
        alike = [
            t for t in range(len(p)) if decode.decode([t]).lstrip(" ").partition("\n")[0].strip() == piece
        ]
        share = p[alike].sum()
        assert written.count(piece) / n == pytest.approx(share, abs=4.5 * np.sqrt(share * (1 - share) / n))


def test_without_draws_the_likeliest_tokens_are_written(tiny_language: LanguageModel) -> None:
    text = "Question: Answer:"
    ids = [*tiny_language.start, *tiny_language.tokens(text)]
    model: Any = tiny_language._model
    tokenizer: Any = tiny_language._tokenizer
    own: list[int] = []
    with torch.inference_mode():
        for _ in range(6):
            own.append(int(model(input_ids=torch.tensor([ids + own])).logits[0, -1].argmax()))
    expected = tokenizer.decode(own, skip_special_tokens=True).lstrip(" ").partition("\n")[0].strip()
    written = continuations(tiny_language, [text, f"{text} longer", text], 6, None)
    assert written[0] == written[2] == expected
