"""What the real answers of one survey say by themselves: shares, and how they go with attributes."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from grounding.expectation import Expectation
from grounding.prior import ItemShares, item_shares
from grounding.sources.toplines import Anchor
from personas.arrays import FloatArray
from personas.models.persons import PersonEncoder
from training.dataset import TrainingData
from training.hierarchy.objective import Objective, objective
from training.hierarchy.selection import EffectChoice, choose_effects, pulled
from training.threads import one_thread

_CLEARER = 1e-4  # nats for each answer


@dataclass(frozen=True)
class Statistics:
    """Shares and person effects of the questions of one survey.

    Attributes:
        prior: the shares.
        choice: how hard the effects were held back, and how much of them each question keeps.
        effects: what is kept, shape (width of a person, n_rows).
        encoder: of the persons.
        answers: the answers they were fitted to.
    """

    prior: ItemShares
    choice: EffectChoice
    effects: FloatArray
    encoder: PersonEncoder
    answers: Objective


@one_thread()
def fit_statistics(
    data: TrainingData,
    encoders: Sequence[PersonEncoder],
    folds: int,
    rng: np.random.Generator,
    anchors: Sequence[Anchor] = (),
    expectation: Expectation | None = None,
    towards: FloatArray | None = None,
) -> Statistics:
    """Shares and effects of the answers, shrunk as far as people left out say.

    Args:
        data: people and answers.
        encoders: ways to encode the persons; a later one is taken where people left out speak for it.
        folds: number of folds of people left out.
        rng: deals people into folds.
        anchors: published shares.
        expectation: log shares that other questions let expect.
        towards: effects that other questions let expect, (width of the first encoder, n_rows).
    """
    prior = item_shares(data.answers, data.weights, anchors, expectation)
    tried: list[tuple[PersonEncoder, Objective, EffectChoice]] = []
    for encoder in encoders:
        answers = objective(encoder.encode(data.people), prior, data.answers, data.weights)
        tried.append((encoder, answers, choose_effects(answers, None if tried else towards, folds, rng)))
    # Equal or nearly so: the first.
    encoder, answers, choice = max(tried, key=lambda t: t[2].gain - (t is not tried[0]) * _CLEARER)
    return Statistics(prior, choice, _effects(answers, choice, towards), encoder, answers)


def _effects(answers: Objective, choice: EffectChoice, towards: FloatArray | None) -> FloatArray:
    goal = towards if choice.towards else None
    if np.isinf(choice.ridge):
        found = np.zeros((answers.persons.shape[1], len(answers.log_prior))) if goal is None else goal
    else:
        found = replace(answers, towards=goal).fit(choice.ridge)
        if choice.rank:
            found = pulled(answers, found, choice.ridge, choice.rank)
    return found * np.repeat(choice.blend, [b.stop - b.start for b in answers.blocks])


def uncertainty(prior: ItemShares) -> FloatArray:
    """Sampling variance of the log shares of each question, in nats squared, (n_rows,).

    ``1 / (n p)`` averaged over the question's options, n being the people behind the shares and what they
    were shrunk with: the delta method for a multinomial share.
    """
    return np.concatenate(
        [
            np.full(len(share), float(np.mean(1.0 / ((base + strength) * share))))
            for share, base, strength in zip(prior.shares, prior.bases, prior.strengths, strict=True)
        ]
    )
