"""What the real answers already say: item shares with empirical-Bayes shrinkage, and published anchors.

An anchor is a published share of a whole question. It is a prior and never data: no answer, no person and no
association of a question with an attribute is made from it.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln

from grounding.expectation import Expectation, updated
from grounding.sources.toplines import Anchor
from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray
from personas.question import Question

BETWEEN_STUDIES = 0.0064
"""Variance between two studies of one question, as a part of ``p (1 - p)``, expected before any is seen.

A standard deviation of 4 points at a share of one half. Our choice, near what is found where the truth
becomes known: Shirani-Mehr, Rothschild, Goel and Gelman (2018), "Disentangling bias and variance in election
polls", JASA 113, put the typical error of a published share at 3.5 points, twice what sampling explains.
"""
SAME = 0.9
"""Probability, before the answers are seen, that a study measured what the panel was asked."""

_LEAST_STRENGTH, _ABOVE_NOTHING = 0.5, 1.0001
_DOUBT = float(np.log(3.0))  # standard deviation of the logarithm of the variance between studies
_SMALLEST, _LARGEST = 1e-5, 1.0


@dataclass(frozen=True)
class Anchored:
    """What a question's anchors were worth.

    Attributes:
        question: name of the question.
        sources: the studies.
        n_effective: equally weighted people behind the published shares, all studies together.
        strength: people of the real panel that the published shares count as, at most ``n_effective``.
        same: probability that the studies measured what the panel was asked.
    """

    question: str
    sources: tuple[str, ...]
    n_effective: float
    strength: float
    same: float


@dataclass(frozen=True)
class ItemShares:
    """Shrunken shares of each question's options.

    Attributes:
        shares: one array (n_options,) for each question.
        bases: effective number of people behind each question, ``(sum w)^2 / sum w^2``.
        centres: what each question's shares were shrunk towards, arrays (n_options,).
        strengths: how many people the centre counts as, for each question.
        anchored: questions whose centre takes in published shares.
        between_studies: variance between studies that the anchors were discounted for, as a part of
            ``p (1 - p)``; ``None`` without anchors.
        expected: whether shares were shrunk towards what other questions let expect, which then made the
            answers more probable than the mean of their kind did.
    """

    shares: tuple[FloatArray, ...]
    bases: tuple[float, ...]
    centres: tuple[FloatArray, ...]
    strengths: tuple[float, ...]
    anchored: tuple[Anchored, ...] = ()
    between_studies: float | None = None
    expected: bool = False

    @property
    def log_shares(self) -> FloatArray:
        """Log shares, questions one after the other, shape (n_rows,)."""
        return np.log(np.concatenate(self.shares))


def item_shares(
    answers: Answers,
    weights: FloatArray,
    anchors: Sequence[Anchor] = (),
    expectation: Expectation | None = None,
) -> ItemShares:
    """Share of each option, shrunk towards the mean of the questions of the same kind.

    ``(n * observed + kappa * centre) / (n + kappa)``, with n the effective base and kappa the
    Dirichlet-multinomial strength that maximises the marginal likelihood over the questions of a kind
    (same scale, same number of options). A single question of its kind is shrunk towards uniform with
    kappa = n_options. Unordered options correspond to nothing in another question, so questions with a
    nominal scale share kappa but are shrunk towards uniform. Worked: observed (.6, .4) of 10 people,
    centre (.5, .5), kappa 10 -> (.55, .45).

    With an ``expectation`` the shares are its posterior (``expectation.updated``), where it makes the answers
    of all questions together more probable than their own centres do; centre and kappa are those that lead
    to it.

    Published shares ``a`` of a question, of ``m`` effective people, add ``w K a`` to ``kappa * centre``.
    ``K = 1 / (1 / m + v) - 1 <= m`` is the number of people for which a Dirichlet around ``a`` varies as much
    as sampling (``1 / m``) and the difference between studies (``v``) make it. ``v`` maximises the marginal
    likelihood of the panel's counts over all anchored questions times a log-normal prior around
    ``BETWEEN_STUDIES``, which decides where questions or people are few. ``w`` is the probability that the
    study measured the same thing: ``SAME`` before, and after by the marginal likelihoods of the question's
    counts with and without the anchor. Where the two disagree by more than chance and ``v`` allow, the anchor
    is let go. Worked: m = 1,000 and v = .0064 give K = 134. Several studies of one question add up.

    Args:
        answers: the real answers.
        weights: of the people.
        anchors: published shares of some of the questions.
        expectation: what other questions let expect of each of these.

    Raises:
        ValueError: a question that nobody answered, or an anchor that fits no question.

    Source: Minka, "Estimating a Dirichlet distribution" (2000), marginal likelihood of counts; here on
    counts scaled to the effective base. Anchors: power prior of Ibrahim and Chen (2000), Statistical Science
    15, discounted by ``K / m`` for a random effect between studies, the correspondence of Chen and Ibrahim
    (2006), Bayesian Analysis 1; ``w`` is the weight of the informative part in the robust prior of Schmidli
    et al. (2014), Biometrics 70. Departure: one Dirichlet of strength ``kappa + w K`` stands for the mixture.
    """
    counts = [_counts(answers, q, weights) for q in answers.questions]
    kinds: dict[tuple[str, int], list[int]] = defaultdict(list)
    for i, question in enumerate(answers.questions):
        kinds[(question.scale, len(question.options))].append(i)
    found: dict[int, tuple[FloatArray, float]] = {}
    for (scale, _), members in kinds.items():
        table = np.stack([counts[i] for i in members])
        centre = _centre(table, scale)
        kappa = _strength(table, centre)
        found |= {i: (centre, kappa) for i in members}
    plain = [_Prior(counts[i], *found[i]) for i in range(len(counts))]
    trusted = _expected(plain, expectation)
    plain = trusted or plain
    kept, anchored, between = _anchored(answers.questions, plain, anchors) if anchors else (plain, (), None)
    return ItemShares(
        shares=tuple((p.counts + p.strength * p.centre) / (p.counts.sum() + p.strength) for p in kept),
        bases=tuple(float(p.counts.sum()) for p in kept),
        centres=tuple(p.centre for p in kept),
        strengths=tuple(p.strength for p in kept),
        anchored=anchored,
        between_studies=between,
        expected=trusted is not None,
    )


def _expected(plain: "list[_Prior]", expectation: Expectation | None) -> "list[_Prior] | None":
    """The priors of the expectation where it makes the counts more probable than ``plain`` does.

    A prior is given back from the posterior: the centre that, counting as so many people, leads to it.
    """
    if expectation is None:
        return None
    counts = [p.counts for p in plain]
    found = updated(counts, expectation)
    if found.log_evidence <= sum(_log_marginal(p.counts, p.strength * p.centre) for p in plain):
        return None
    priors: list[_Prior] = []
    for count, share, total in zip(counts, found.shares, found.totals, strict=True):
        # No option can count for less than nothing, so the prior counts at least as much as that takes.
        least = float(np.max(count / share)) * _ABOVE_NOTHING
        strength = max(total, least, float(count.sum()) + _LEAST_STRENGTH) - float(count.sum())
        behind = (count.sum() + strength) * share - count
        priors.append(_Prior(count, behind / behind.sum(), strength))
    return priors


class _Prior(NamedTuple):
    """Counts of a question's options, what they are shrunk towards, and how many people that counts as."""

    counts: FloatArray
    centre: FloatArray
    strength: float


def _anchored(
    questions: Sequence[Question], plain: list[_Prior], anchors: Sequence[Anchor]
) -> tuple[list[_Prior], tuple[Anchored, ...], float]:
    """The priors with the anchors in them, what each anchor was worth, and the variance between studies."""
    place = {question.name: i for i, question in enumerate(questions)}
    by_question: dict[int, list[Anchor]] = defaultdict(list)
    for anchor in anchors:
        if anchor.question not in place:
            raise ValueError(f"anchor of {anchor.question!r}, which is not among the questions answered")
        i = place[anchor.question]
        if anchor.shares.shape != plain[i].counts.shape:
            raise ValueError(
                f"anchor of {anchor.question!r} has {len(anchor.shares)} shares for {len(plain[i].counts)} "
                "options"
            )
        by_question[i].append(anchor)
    between = _between_studies([(plain[i], some) for i, some in by_question.items()])
    kept, found = list(plain), list[Anchored]()
    for i, some in sorted(by_question.items()):
        prior = plain[i]
        same = float(np.exp(np.log(SAME) + _evidence(prior, some, between) - _mixed(prior, some, between)))
        published = same * _published(some, between)
        total = prior.strength * prior.centre + published
        kept[i] = _Prior(prior.counts, total / total.sum(), float(total.sum()))
        n_effective = sum(anchor.n_effective for anchor in some)
        sources = tuple(anchor.source for anchor in some)
        found.append(Anchored(questions[i].name, sources, n_effective, float(published.sum()), same))
    return kept, tuple(found), between


def _between_studies(pairs: Sequence[tuple[_Prior, Sequence[Anchor]]]) -> float:
    """The variance between studies that makes the panel's counts most probable, given its prior."""
    from scipy.optimize import minimize_scalar

    def negative_evidence(logarithm: float) -> float:
        between = float(np.exp(logarithm))
        doubt = 0.5 * ((logarithm - np.log(BETWEEN_STUDIES)) / _DOUBT) ** 2
        return float(doubt) - sum(_mixed(prior, some, between) for prior, some in pairs)

    bounds = (np.log(_SMALLEST), np.log(_LARGEST))
    best = minimize_scalar(negative_evidence, bounds=bounds, method="bounded")
    return float(np.exp(best.x))


def _published(anchors: Sequence[Anchor], between: float) -> FloatArray:
    """People that the published shares count as, for each option, shape (n_options,)."""
    strengths = [max(0.0, 1.0 / (1.0 / a.n_effective + between) - 1.0) for a in anchors]
    return np.sum([k * a.shares for k, a in zip(strengths, anchors, strict=True)], axis=0)


def _evidence(prior: _Prior, anchors: Sequence[Anchor], between: float) -> float:
    """Log marginal likelihood of the counts where the anchors hold."""
    alpha = prior.strength * prior.centre + _published(anchors, between)
    return _log_marginal(prior.counts, alpha)


def _mixed(prior: _Prior, anchors: Sequence[Anchor], between: float) -> float:
    """Log marginal likelihood of the counts where the anchors hold with probability ``SAME``."""
    without = _log_marginal(prior.counts, prior.strength * prior.centre)
    within = _evidence(prior, anchors, between)
    return float(np.logaddexp(np.log(SAME) + within, np.log(1.0 - SAME) + without))


def _log_marginal(counts: FloatArray, alpha: FloatArray) -> float:
    """Log probability of counts, in one order, under a Dirichlet-multinomial."""
    ratio = _log_gamma(np.array([alpha.sum()])) - _log_gamma(np.array([alpha.sum() + counts.sum()]))
    return float(ratio[0] + (_log_gamma(counts + alpha) - _log_gamma(alpha)).sum())


def _counts(answers: Answers, question: Question, weights: FloatArray) -> FloatArray:
    chosen = answers.column(question.name)
    answered = chosen != NO_ANSWER
    w = weights[answered]
    if w.sum() <= 0:
        raise ValueError(f"nobody answered question {question.name!r}; it cannot be trained on")
    raw = np.bincount(chosen[answered], weights=w, minlength=len(question.options))
    return raw * (w.sum() / np.square(w).sum())


def _centre(table: FloatArray, scale: str) -> FloatArray:
    """Prior mean (n_options,) for counts of shape (n_questions, n_options)."""
    n_questions, n_options = table.shape
    if n_questions == 1 or scale == "nominal":
        return np.full_like(table[0], 1.0 / n_options)
    observed = table / table.sum(axis=1, keepdims=True)
    mean = np.mean(observed, axis=0) + 1e-3
    return np.asarray(mean / np.sum(mean), dtype=np.float64)


def _strength(table: FloatArray, centre: FloatArray) -> float:
    """How many people the prior mean counts as, for counts of shape (n_questions, n_options)."""
    n_questions, n_options = table.shape
    if n_questions == 1:
        return float(n_options)
    from scipy.optimize import minimize_scalar

    def negative_evidence(log_kappa: float) -> float:
        alpha = np.exp(log_kappa) * centre
        questions = _log_gamma(alpha.sum()) - _log_gamma(alpha.sum() + table.sum(axis=1))
        return -float(questions.sum() + (_log_gamma(table + alpha) - _log_gamma(alpha)).sum())

    best = minimize_scalar(negative_evidence, bounds=(np.log(0.5), np.log(1e4)), method="bounded")
    return float(np.exp(best.x))


def _log_gamma(values: FloatArray) -> FloatArray:
    return np.asarray(gammaln(values), dtype=np.float64)
