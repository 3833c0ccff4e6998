"""What the real answers already say: item shares with empirical-Bayes shrinkage."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize_scalar
from scipy.special import gammaln

from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray
from personas.question import Question


@dataclass(frozen=True)
class ItemShares:
    """Shrunken shares of each question's options.

    Attributes:
        shares: one array (n_options,) for each question.
        bases: effective number of people behind each question, ``(sum w)^2 / sum w^2``.
        centres: what each question's shares were shrunk towards, arrays (n_options,).
        strengths: how many people the centre counts as, for each question.
    """

    shares: tuple[FloatArray, ...]
    bases: tuple[float, ...]
    centres: tuple[FloatArray, ...]
    strengths: tuple[float, ...]

    @property
    def log_shares(self) -> FloatArray:
        """Log shares, questions one after the other, shape (n_rows,)."""
        return np.log(np.concatenate(self.shares))


def item_shares(answers: Answers, weights: FloatArray) -> ItemShares:
    """Share of each option, shrunk towards the mean of the questions of the same kind.

    ``(n * observed + kappa * centre) / (n + kappa)``, with n the effective base and kappa the
    Dirichlet-multinomial strength that maximises the marginal likelihood over the questions of a kind
    (same scale, same number of options). A single question of its kind is shrunk towards uniform with
    kappa = n_options. Unordered options correspond to nothing in another question, so questions with a
    nominal scale share kappa but are shrunk towards uniform. Worked: observed (.6, .4) of 10 people,
    centre (.5, .5), kappa 10 -> (.55, .45).

    Raises:
        ValueError: a question that nobody answered.

    Source: Minka, "Estimating a Dirichlet distribution" (2000), marginal likelihood of counts; here on
    counts scaled to the effective base.
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
    kept = [(row, *found[i]) for i, row in enumerate(counts)]
    return ItemShares(
        shares=tuple((row + kappa * centre) / (row.sum() + kappa) for row, centre, kappa in kept),
        bases=tuple(float(row.sum()) for row in counts),
        centres=tuple(centre for _, centre, _ in kept),
        strengths=tuple(kappa for _, _, kappa in kept),
    )


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

    def negative_evidence(log_kappa: float) -> float:
        alpha = np.exp(log_kappa) * centre
        questions = _log_gamma(alpha.sum()) - _log_gamma(alpha.sum() + table.sum(axis=1))
        return -float(questions.sum() + (_log_gamma(table + alpha) - _log_gamma(alpha)).sum())

    best = minimize_scalar(negative_evidence, bounds=(np.log(0.5), np.log(1e4)), method="bounded")
    return float(np.exp(best.x))


def _log_gamma(values: FloatArray) -> FloatArray:
    return np.asarray(gammaln(values), dtype=np.float64)
