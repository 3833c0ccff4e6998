"""Texts drawn from a language model: the one place where it writes instead of weighing what is written."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from personas.arrays import FloatArray
from personas.models.language import LanguageModel


def continuations(
    language: LanguageModel,
    prompts: Sequence[str],
    most: int,
    rng: np.random.Generator | None,
    temperature: float = 1.0,
    batch: int = 16,
) -> list[str]:
    """What the model writes behind each prompt up to the end of the line, without blanks around it.

    Tokens are drawn from the model's whole distribution, so that what is rare in it stays as rare in the
    texts. A prompt's text depends on its own draws only, not on the batch that it is read in.

    Args:
        language: the model, with its adapter where it has one.
        prompts: texts to continue.
        most: tokens written at most.
        rng: of the draws; ``None`` takes the most likely token each time.
        temperature: below 1 makes the likely likelier.
        batch: prompts read together.

    Raises:
        ValueError: a temperature of 0 or less, or fewer tokens than 1.
    """
    uniforms = None if rng is None else rng.random((len(prompts), max(most, 1)))
    return continued(language, prompts, most, uniforms, temperature, batch)


def continued(
    language: LanguageModel,
    prompts: Sequence[str],
    most: int,
    uniforms: FloatArray | None,
    temperature: float = 1.0,
    batch: int = 16,
) -> list[str]:
    """``continuations`` with given draws: numbers in [0, 1), shape (n_prompts, most).

    Raises:
        ValueError: a temperature of 0 or less, or fewer tokens than 1.
    """
    if temperature <= 0 or most < 1:
        raise ValueError(f"temperature must be above 0 and most at least 1, got {temperature} and {most}")
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    texts = [""] * len(prompts)
    for start in range(0, len(prompts), batch):
        rows = order[start : start + batch]
        own = None if uniforms is None else uniforms[rows]
        ids = [(*language.start, *language.tokens(prompts[i])) for i in rows]
        for row, text in zip(rows, _written(language, ids, most, own, temperature), strict=True):
            texts[row] = text
    return texts


def _written(
    language: LanguageModel,
    prompts: Sequence[Sequence[int]],
    most: int,
    uniforms: FloatArray | None,
    temperature: float,
) -> list[str]:
    import torch

    model: Any = language._model  # pyright: ignore[reportPrivateUsage]
    tokenizer: Any = language._tokenizer  # pyright: ignore[reportPrivateUsage]
    longest = max(len(p) for p in prompts)
    ids = torch.zeros((len(prompts), longest), dtype=torch.int64)
    seen = torch.zeros((len(prompts), longest + most), dtype=torch.int64)
    for row, prompt in enumerate(prompts):
        ids[row, longest - len(prompt) :] = torch.tensor(prompt)
        seen[row, longest - len(prompt) :] = 1
    device: Any = model.device
    ids, seen = ids.to(device), seen.to(device)
    written: list[list[int]] = [[] for _ in prompts]
    open_ = np.ones(len(prompts), dtype=np.bool_)
    memory: Any = None
    with torch.inference_mode():
        for step in range(most):
            mask = seen[:, : longest + step]
            positions = (mask.cumsum(-1) - 1).clamp_min(0)[:, -ids.shape[1] :]
            out: Any = model(
                input_ids=ids, attention_mask=mask, position_ids=positions, past_key_values=memory,
                use_cache=True, logits_to_keep=1,
            )  # fmt: skip
            memory = out.past_key_values
            chosen = _drawn(out.logits[:, -1], None if uniforms is None else uniforms[:, step], temperature)
            for row in np.flatnonzero(open_):
                written[row].append(int(chosen[row]))
                open_[row] = not _ends(tokenizer.decode([int(chosen[row])]), tokenizer, int(chosen[row]))
            if not open_.any():
                break
            ids = torch.as_tensor(chosen, device=device)[:, None]
    texts = [str(tokenizer.decode(own, skip_special_tokens=True)) for own in written]
    return [text.lstrip(" ").partition("\n")[0].strip() for text in texts]


def _drawn(logits: Any, uniforms: FloatArray | None, temperature: float) -> "np.ndarray[Any, Any]":
    """A token for each row, by inverting its distribution function; the likeliest without draws."""
    scores = (logits.double() / temperature).cpu().numpy()
    if uniforms is None:
        return scores.argmax(axis=1)
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    below = np.cumsum(weights, axis=1)
    return np.sum(below <= uniforms[:, None] * below[:, -1:], axis=1)


def _ends(piece: str, tokenizer: Any, token: int) -> bool:
    return "\n" in piece or token in tokenizer.all_special_ids
