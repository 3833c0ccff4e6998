"""Fits the factored persona model: statistics first, the language model for what they lack."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grounding.prior import ItemShares, item_shares
from grounding.sources.toplines import Anchor
from grounding.splits import Split
from personas.arrays import FloatArray
from personas.models.factored import (
    FactoredConfig,
    FactoredModel,
    Head,
    TextEncoder,
    attribute_vectors,
    normalised,
    question_option_vectors,
)
from personas.models.kernel import option_set
from personas.models.persons import PersonEncoder, person_encoder
from training.dataset import TrainingData
from training.objective import Objective, objective
from training.selection import (
    EffectChoice,
    KernelChoice,
    choose_effect_kernel,
    choose_effects,
    choose_share_kernel,
    left_out_shares,
)

Report = Callable[[str], None]


@dataclass(frozen=True)
class BaseModel:
    """The frozen language model underneath: how to find it again, and its encoder."""

    name: str
    fingerprint: str
    layers: tuple[int, ...]
    encoder: TextEncoder


@dataclass(frozen=True)
class Fitted:
    """A trained model and what was chosen on the way.

    ``log_scores`` are means over training answers in nats: ``prior`` and ``left_out_people`` for seen
    questions, ``uniform``, ``left_out_shares`` and ``left_out_effects`` for questions left out.
    """

    model: FactoredModel
    effects: EffectChoice
    share_kernel: KernelChoice
    effect_kernel: KernelChoice
    prior: ItemShares
    log_scores: dict[str, float]


def fit(
    name: str,
    data: TrainingData,
    base: BaseModel,
    split: Split,
    folds: int,
    seed: int,
    report: Report,
    anchors: Sequence[Anchor] = (),
) -> Fitted:
    """A factored model fitted to the training data.

    Order: item shares, question-option and attribute vectors, person effects (ridge chosen on people
    left out), then the two kernels across questions (chosen on questions left out). Where person
    effects do not beat the shares on people left out, they are zero and the model is its prior. ``anchors``
    are published shares of some of the questions trained on; they inform the item shares and nothing else.
    """
    questions = data.answers.questions
    prior = item_shares(data.answers, data.weights, anchors)
    log_prior = prior.log_shares
    n_values = sum(len(levels) for levels in data.people.levels)
    report(f"encoding {len(questions)} questions and {n_values} attribute values")
    vectors = question_option_vectors(base.encoder, questions)
    options = option_set(questions, vectors)
    encoder = person_encoder(
        data.people, data.people.attributes, 0.0, lambda pairs: attribute_vectors(base.encoder, pairs)
    )

    def with_text(text: float) -> PersonEncoder:
        return replace(encoder, text=text)

    report("choosing the ridge of the person effects on people left out")
    rng = np.random.default_rng(seed)
    chosen = choose_effects(data, prior, with_text, folds, rng)
    encoder = replace(encoder, text=chosen.text)
    answers = objective(encoder.encode(data.people), prior, data.answers, data.weights)
    effects = _fit_effects(answers, chosen)
    report("choosing the kernels across questions on questions left out")
    share_kernel, amplitude = choose_share_kernel(options, log_prior, answers)
    left_out = left_out_shares(options, log_prior, share_kernel.settings)
    effect_kernel = choose_effect_kernel(options, left_out, effects, answers)
    config = FactoredConfig(
        name=name, base_model=base.name, base_fingerprint=base.fingerprint, layers=base.layers,
        questions=questions, attributes=encoder.attributes, text=encoder.text,
        share_kernel=share_kernel.settings, effect_kernel=effect_kernel.settings,
        share_amplitude=_rounded(amplitude), split=split.fingerprint, seed=seed,
    )  # fmt: skip
    head = Head(log_prior, effects, np.ones(len(questions)))
    model = FactoredModel(config, vectors, encoder, head, lambda: base.encoder)
    scores = _log_scores(answers, chosen, share_kernel, effect_kernel)
    return Fitted(model, chosen, share_kernel, effect_kernel, prior, scores)


def _fit_effects(answers: Objective, chosen: EffectChoice) -> FloatArray:
    if np.isinf(chosen.ridge):
        return np.zeros((answers.persons.shape[1], len(answers.log_prior)))
    return answers.fit(chosen.ridge)


def _log_scores(
    answers: Objective, chosen: EffectChoice, shares: KernelChoice, effects: KernelChoice
) -> dict[str, float]:
    uniform = normalised(np.zeros_like(answers.log_prior), answers.blocks)
    prior = answers.mean_share_score(answers.log_prior)
    return {
        "uniform": answers.mean_share_score(uniform),
        "prior": prior,
        "left_out_people": prior + chosen.gain,
        "left_out_shares": shares.log_score,
        "left_out_effects": effects.log_score,
    }


def _rounded(value: float) -> float:
    """The value to nine digits: the last bits of a sum may differ from run to run."""
    return float(f"{value:.9g}")
