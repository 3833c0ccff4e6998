"""Fits the factored persona model: statistics first, the language model for what they lack."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

import numpy as np

from grounding.prior import ItemShares
from grounding.sources.toplines import Anchor
from grounding.splits import Split
from personas.answer import NO_ANSWER
from personas.models import projection
from personas.models.factored import (
    FactoredConfig,
    FactoredModel,
    attribute_vectors,
    known_head,
    question_option_vectors,
)
from personas.models.head import normalised
from personas.models.kernel import KernelRegression, OptionSet, centred_blocks, damping, joined, option_set
from personas.models.persons import PersonEncoder, person_encoder
from personas.models.projection import Projection
from personas.models.residuals import Residuals
from personas.question import Question
from training.dataset import TrainingData
from training.hierarchy import reference as references
from training.hierarchy.across import Across, choose_across, left_out_together
from training.hierarchy.base import BaseModel, Report
from training.hierarchy.objective import Objective
from training.hierarchy.reference import Context
from training.hierarchy.residuals import FittedResiduals, fit_residuals
from training.hierarchy.selection import Answered, EffectChoice, KernelChoice
from training.hierarchy.statistics import Statistics, fit_statistics, uncertainty
from training.hierarchy.support import Support
from training.threads import one_thread

_FEW_ANSWERS, _TEXT = 50_000, 0.5


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
    residuals: FittedResiduals
    support: Support
    log_scores: dict[str, float] = field(default_factory=dict[str, float])


def fit(
    name: str,
    data: TrainingData,
    base: BaseModel,
    split: Split,
    folds: int,
    seed: int,
    report: Report,
    anchors: Sequence[Anchor] = (),
    reference: FactoredModel | None = None,
    judged_by: Collection[str] | None = None,
) -> Fitted:
    """A factored model fitted to the training data.

    Order: question-option and attribute vectors; item shares and person effects (chosen on people left out);
    the two kernels across questions (chosen on questions left out); what a person's answers share beyond the
    attributes. Where person effects do not beat the shares on people left out, they are zero and the model is
    its prior. ``anchors`` are published shares of some of the questions trained on; they inform the item
    shares and nothing else. What a ``reference`` expects of the questions is their prior, as far as the
    answers bear it out; its kernels and questions then serve for questions nobody was asked. ``judged_by``
    are the only questions that kernels are chosen on, where the encoder has learned from the others.
    """
    n_values = sum(len(levels) for levels in data.people.levels)
    report(f"encoding {len(data.answers.questions)} questions and {n_values} attribute values")
    options, space, encoder = _encoded(data, base, reference)
    report("choosing the ridge of the person effects on people left out")
    rng = np.random.default_rng(seed)
    known = references.expected(reference, options, encoder) if reference else None
    statistics = fit_statistics(
        data, _encoders(encoder, data), folds, rng, anchors,
        known.shares if known else None, known.effects if known else None,
    )  # fmt: skip
    report("choosing the kernels across questions on questions left out")
    own = _across(options, statistics, data.answers.questions, rng, judged_by)
    carried = _carried(own, reference, options, statistics, data.answers.questions)
    if carried.behind and carried.own:
        report("questions left out were answered better without the reference: it is for those far from all")
    report("looking for what answers share beyond the attributes")
    logits = statistics.prior.log_shares + statistics.answers.persons @ statistics.effects
    shared = fit_residuals(data, logits, options.blocks, seed, options)
    config = _config(name, data, base, split, seed, statistics.encoder, carried, reference)
    model = _model(config, base, options, space, statistics, carried.behind, shared.residuals)
    across = carried.own or carried.whole
    return Fitted(
        model, statistics.choice, across.shares, across.effects, statistics.prior, shared, across.support,
        _log_scores(statistics, across),
    )  # fmt: skip


class _Carried(NamedTuple):
    """What carries to questions nobody was asked.

    Attributes:
        whole: kernels over all questions known, those of a reference too.
        own: kernels over the panel's own questions, where these are asked first.
        behind: the questions of the reference.
    """

    whole: Across
    own: Across | None
    behind: Context | None


def _encoded(
    data: TrainingData, base: BaseModel, reference: FactoredModel | None
) -> tuple[OptionSet, Projection, PersonEncoder]:
    vectors = question_option_vectors(base.encoder, data.answers.questions)
    space = reference.projection if reference else projection.fitted(vectors)
    encoder = person_encoder(
        data.people, data.people.attributes, 0.0, lambda pairs: attribute_vectors(base.encoder, pairs)
    )
    return option_set(data.answers.questions, space.apply(vectors)), space, encoder


def _carried(
    own: Across,
    reference: FactoredModel | None,
    options: OptionSet,
    statistics: Statistics,
    questions: Sequence[Question],
) -> _Carried:
    """With a reference its kernels, and first the panel's own where left-out questions speak for them."""
    if reference is None:
        return _Carried(own, None, None)
    behind = references.context(reference, statistics.encoder)
    whole = _with_reference(reference, behind, options, statistics, questions)
    better = whole.effects.log_score > own.effects.log_score
    return _Carried(whole, None if better else own, behind)


def _config(
    name: str,
    data: TrainingData,
    base: BaseModel,
    split: Split,
    seed: int,
    encoder: PersonEncoder,
    carried: _Carried,
    reference: FactoredModel | None,
) -> FactoredConfig:
    own, behind = carried.own, carried.behind
    return FactoredConfig(
        name=name, base_model=base.name, base_fingerprint=base.fingerprint, base_weights=base.weights,
        lora=base.lora, layers=base.layers, questions=data.answers.questions,
        context=behind.questions if behind else (), reference=reference.fingerprint if reference else "",
        attributes=encoder.attributes, text=encoder.text, kernels=carried.whole.kernels,
        own_kernels=own.kernels if own else None, split=split.fingerprint, seed=seed,
    )  # fmt: skip


def _across(
    options: OptionSet,
    statistics: Statistics,
    questions: Sequence[Question],
    rng: np.random.Generator,
    judged_by: Collection[str] | None,
) -> Across:
    counts = [
        base * share for base, share in zip(statistics.prior.bases, statistics.prior.shares, strict=True)
    ]
    return choose_across(
        options,
        statistics.prior.log_shares,
        statistics.effects,
        counts,
        Answered.of([_judged(statistics.answers, questions, judged_by)], rng),
        left_out_together(questions),
    )


def _judged(answers: Objective, questions: Sequence[Question], names: Collection[str] | None) -> Objective:
    """The answers without those to questions that are not named."""
    if names is None:
        return answers
    named = np.array([q.name in names for q in questions])
    return replace(answers, chosen=np.where(named, answers.chosen, NO_ANSWER))


def _encoders(encoder: PersonEncoder, data: TrainingData) -> list[PersonEncoder]:
    """The encoder, and one for which values that read alike are alike, where trying it takes little time."""
    few = int((data.answers.chosen != NO_ANSWER).sum()) <= _FEW_ANSWERS
    return [encoder, *([replace(encoder, text=_TEXT)] if few else [])]


@one_thread()
def _with_reference(
    reference: FactoredModel,
    behind: Context,
    options: OptionSet,
    statistics: Statistics,
    questions: Sequence[Question],
) -> Across:
    """The reference's kernels over its questions and the panel's own, and how they answer left-out ones."""
    kernels, answers = reference.config.kernels, statistics.answers
    together = left_out_together(questions)
    whole, own = joined(options, behind.options), range(len(questions))
    extra = np.concatenate([uncertainty(statistics.prior), behind.extra]) / kernels.amplitude
    log_shares = np.concatenate([statistics.prior.log_shares, behind.log_prior])[:, None]
    effects = np.concatenate([statistics.effects, behind.effects], axis=1).T
    found = KernelRegression(whole, centred_blocks(log_shares, whole.blocks), kernels.shares, extra).left_out(
        own, together
    )
    widen = damping(kernels.amplitude * found.variance, options.blocks)
    predicted = normalised(found.mean[:, 0] * widen, options.blocks)
    more = KernelRegression(whole, centred_blocks(effects, whole.blocks), kernels.effects, extra)
    trial = replace(answers, log_prior=predicted)
    score = trial.mean_log_score(more.left_out(own, together).mean.T * widen)
    return Across(
        KernelChoice(kernels.shares, answers.mean_share_score(predicted)),
        KernelChoice(kernels.effects, score),
        kernels.amplitude,
        Support(kernels.least_support, None, None, 0.0, None),
    )


def _model(
    config: FactoredConfig,
    base: BaseModel,
    options: OptionSet,
    space: Projection,
    statistics: Statistics,
    behind: Context | None,
    residuals: Residuals,
) -> FactoredModel:
    log_prior, effects = statistics.prior.log_shares, statistics.effects
    extra = uncertainty(statistics.prior)
    if behind is not None:
        options = joined(options, behind.options)
        log_prior = np.concatenate([log_prior, behind.log_prior])
        effects = np.concatenate([effects, behind.effects], axis=1)
        extra = np.concatenate([extra, behind.extra])
    return FactoredModel(
        config=config, options=options, projection=space, persons=statistics.encoder,
        head=known_head(config, log_prior, effects), extra=extra,
        load_encoder=lambda: base.encoder, residuals=residuals,
    )  # fmt: skip


def _log_scores(statistics: Statistics, across: Across) -> dict[str, float]:
    answers = statistics.answers
    uniform = normalised(np.zeros_like(answers.log_prior), answers.blocks)
    prior = answers.mean_share_score(answers.log_prior)
    return {
        "uniform": answers.mean_share_score(uniform),
        "prior": prior,
        "left_out_people": prior + statistics.choice.gain,
        "left_out_shares": across.shares.log_score,
        "left_out_effects": across.effects.log_score,
    }
