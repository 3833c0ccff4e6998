"""A reference adapter: what many people answered to many other questions, for those who come after."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from grounding.expectation import Expectation
from personas.arrays import FloatArray
from personas.models import projection
from personas.models.factored import (
    ContextQuestion,
    FactoredConfig,
    FactoredModel,
    TextEncoder,
    attribute_vectors,
    known_head,
    question_option_vectors,
)
from personas.models.kernel import OptionSet, option_set, rows_of
from personas.models.persons import PersonEncoder, person_encoder
from personas.panel import Panel, from_columns
from personas.question import Question
from training.dataset import TrainingData
from training.hierarchy.across import Across, choose_across, left_out_together
from training.hierarchy.base import BaseModel, Report
from training.hierarchy.selection import Answered
from training.hierarchy.statistics import Statistics, fit_statistics, uncertainty
from training.threads import one_thread

_WIDTH = 200  # of the vectors, which are most of a file that ships


class Expected(NamedTuple):
    """What a reference lets expect of new questions: log shares, and effects of the panel's attributes."""

    shares: Expectation
    effects: FloatArray


@one_thread()
def expected(reference: FactoredModel, options: OptionSet, persons: PersonEncoder) -> Expected:
    """Log shares and effects (width of ``persons``, n_rows) of ``options`` by the reference's kernels."""
    known, amplitude = reference.everything, reference.config.kernels.amplitude
    mean, covariance = known.shares.joint(options)
    effects = known.effects.predict(options).mean.T
    return Expected(
        Expectation(mean[:, 0], amplitude * covariance), persons.onto(reference.persons) @ effects
    )


class Context(NamedTuple):
    """The questions of a reference, ready to stand behind a panel's own."""

    questions: tuple[ContextQuestion, ...]
    options: OptionSet
    log_prior: FloatArray
    effects: FloatArray
    extra: FloatArray


def context(reference: FactoredModel, persons: PersonEncoder) -> Context:
    """All questions of the reference, with effects of the attributes that ``persons`` encodes."""
    own = tuple(
        ContextQuestion(
            source=reference.name,
            name=q.name,
            fingerprint=q.fingerprint,
            options=len(q.options),
            scale=q.scale,
        )
        for q in reference.config.questions
    )
    effects = persons.onto(reference.persons) @ reference.head.effects
    questions = (*own, *reference.config.context)
    return Context(questions, reference.options, reference.head.log_prior, effects, reference.extra)


def without(reference: FactoredModel, fingerprints: Collection[str]) -> FactoredModel:
    """The reference as if these questions had never been in it. Raises: ValueError where none is left."""
    own = [i for i, q in enumerate(reference.config.questions) if q.fingerprint not in fingerprints]
    first = len(reference.config.questions)
    rest = [i for i, c in enumerate(reference.config.context) if c.fingerprint not in fingerprints]
    keep = [*own, *(first + i for i in rest)]
    if not keep:
        raise ValueError("no question of the reference is left")
    if len(keep) == len(reference.options.blocks):
        return reference
    config = reference.config.model_copy(
        update={
            "questions": tuple(reference.config.questions[i] for i in own),
            "context": tuple(reference.config.context[i] for i in rest),
        }
    )
    head = reference.head.of(reference.options, keep)
    kept = None if reference.residuals is None else reference.residuals.take(own)
    return replace(
        reference,
        config=config,
        options=reference.options.take(keep),
        head=head,
        extra=reference.extra[rows_of(reference.options.blocks, keep)],
        residuals=kept if own else None,
    )


def combine(
    name: str,
    surveys: Sequence[tuple[str, TrainingData]],
    base: BaseModel,
    folds: int,
    seed: int,
    report: Report,
) -> tuple[FactoredModel, Across]:
    """A reference of several surveys: each one's statistics by themselves, and the kernels across all.

    Args:
        name: of the reference.
        surveys: names and answers; attributes and values with the same names are the same.
        base: the language model underneath.
        folds: number of folds of people left out.
        seed: of the folds.
        report: called with a line for each step.
    """
    rng = np.random.default_rng(seed)
    questions = [q for _, data in surveys for q in data.answers.questions]
    report(f"encoding {len(questions):,} questions")
    vectors = question_option_vectors(base.encoder, questions)
    space = projection.fitted(vectors, _WIDTH)
    options = option_set(questions, space.apply(vectors))
    encoder = _of_all([data.people for _, data in surveys], base.encoder)
    found: list[Statistics] = []
    for survey, data in surveys:
        report(f"fitting {survey}: {len(data.people):,} people, {len(data.answers.questions)} questions")
        found.append(fit_statistics(data, [encoder], folds, rng))
    log_prior = np.concatenate([s.prior.log_shares for s in found])
    effects = np.concatenate([s.effects for s in found], axis=1)
    counts = [b * p for s in found for b, p in zip(s.prior.bases, s.prior.shares, strict=True)]
    report("choosing the kernels across questions on batteries left out")
    answered = Answered.of([s.answers for s in found], rng)
    across = choose_across(options, log_prior, effects, counts, answered, left_out_together(questions))
    config = FactoredConfig(
        name=name, base_model=base.name, base_fingerprint=base.fingerprint, base_weights=base.weights,
        layers=base.layers, questions=(),
        context=tuple(_context_question(name, q) for name, data in surveys for q in data.answers.questions),
        attributes=encoder.attributes, text=encoder.text, kernels=across.kernels,
        split="", seed=seed,
    )  # fmt: skip
    extra = np.concatenate([uncertainty(s.prior) for s in found])
    head = known_head(config, log_prior, effects)
    return FactoredModel(config, options, space, encoder, head, extra, lambda: base.encoder), across


def _of_all(panels: Sequence[Panel], texts: TextEncoder) -> PersonEncoder:
    """One encoder for the people of all surveys; a value's share is that among those whose value is known."""
    names = tuple(dict.fromkeys(name for p in panels for name in p.attributes))
    columns = {
        name: [v for p in panels for v in (p.values(name) if name in p.attributes else [None] * len(p))]
        for name in names
    }
    ids = [f"{s}:{i}" for s, p in enumerate(panels) for i in p.ids]
    people = from_columns(ids, columns, np.concatenate([p.weights for p in panels]))
    return person_encoder(people, people.attributes, 0.0, lambda pairs: attribute_vectors(texts, pairs))


def _context_question(survey: str, question: Question) -> ContextQuestion:
    return ContextQuestion(
        source=survey,
        name=question.name,
        fingerprint=question.fingerprint,
        options=len(question.options),
        scale=question.scale,
    )
