"""What an adapter for tone and vocabulary gained, and what it gives away of the answers it was trained on."""

from collections.abc import Sequence

import numpy as np

from personas.arrays import FloatArray
from personas.document import Document
from personas.models.language import LanguageModel
from personas.models.sampling import continuations
from training.gradients import memorised, voice
from training.gradients.backbone import Backbone
from training.gradients.generative import GenerativeSettings, answer_scores, log_probability, prompt
from training.gradients.memorised import Memorisation, MemorySettings
from training.gradients.open_ends import OpenEnd
from training.gradients.voice import Voice


class WritingResult(Document):
    """What an adapter for tone and vocabulary gained on answers of people it was not trained on.

    Attributes:
        answers: held out; with ``tokens`` of them that were predicted.
        perplexity_base: of the untuned model, ``exp`` of the mean loss of a token.
        perplexity_tuned: of the tuned one.
        voice_base: how the untuned model's answers sound beside the held-out ones.
        voice_tuned: how the tuned model's do.
    """

    answers: int
    tokens: int
    perplexity_base: float
    perplexity_tuned: float
    voice_base: Voice
    voice_tuned: Voice


def write(
    language: LanguageModel, rows: Sequence[OpenEnd], most: int, rng: np.random.Generator | None
) -> list[str]:
    """An answer that the model writes for each row's person and question; see ``continuations``."""
    return continuations(language, [prompt(row.question, row.attributes) for row in rows], most, rng)


def evaluate(
    backbone: Backbone,
    held_out: Sequence[OpenEnd],
    settings: GenerativeSettings,
    rng: np.random.Generator,
    generated: int = 100,
) -> WritingResult:
    """What the adapter gained over the base on answers that it was not trained on.

    Args:
        backbone: the trained model.
        held_out: answers of people none of whose answers were trained on.
        settings: of the training.
        rng: of the answers that both models write with the same draws.
        generated: for how many of the held-out rows answers are written.
    """
    language = backbone.language
    rows = [held_out[int(i)] for i in rng.permutation(len(held_out))[:generated]]
    seed, ratios = int(rng.integers(2**63)), int(rng.integers(2**63))
    real = [row.answer for row in held_out]

    def sounding() -> Voice:
        texts = write(language, rows, settings.tokens, np.random.default_rng(seed))
        return voice.compare(texts, real, np.random.default_rng(ratios))

    with backbone.untouched():
        base, tokens = log_probability(language, held_out, settings)
        before = sounding()
    tuned, _ = log_probability(language, held_out, settings)
    return WritingResult(
        answers=len(held_out),
        tokens=tokens,
        perplexity_base=float(np.exp(-base)),
        perplexity_tuned=float(np.exp(-tuned)),
        voice_base=before,
        voice_tuned=sounding(),
    )


def memorisation(
    language: LanguageModel,
    training: Sequence[OpenEnd],
    held_out: Sequence[OpenEnd],
    planted: Sequence[OpenEnd],
    settings: GenerativeSettings,
    rules: MemorySettings,
    written: int,
    seed: int,
) -> Memorisation:
    """What the model gives away of the answers it was trained on.

    Args:
        language: the trained model.
        training: what it was trained on, canaries included.
        held_out: answers of people it was not trained on.
        planted: the canaries.
        settings: of the training.
        rules: what counts as remembered.
        written: texts that the model writes, to the questions and persons of the training answers in turn.
        seed: of what it writes and of the canaries' alternatives.
    """
    rng = np.random.default_rng(seed)
    canaries = {row.person for row in planted}
    own = [row for row in training if row.person not in canaries]
    asked = [own[i % len(own)] for i in range(written)]
    texts = write(language, asked, settings.tokens, rng)

    def complete(rows: Sequence[OpenEnd], first: Sequence[str]) -> list[str]:
        prompts = [f"{prompt(r.question, r.attributes)} {f}" for r, f in zip(rows, first, strict=True)]
        return continuations(language, prompts, settings.tokens, None)

    def score(row: OpenEnd, answers: Sequence[str]) -> FloatArray:
        return answer_scores(language, [row._replace(answer=text) for text in answers], settings)

    return Memorisation(
        runs=memorised.runs(texts, own, held_out, rules),
        completions=memorised.completions(complete, own, held_out, rules),
        exposures=memorised.exposures(score, planted, rules, rng) if planted else None,
    )
