"""Hyperparameters, chosen on people and questions inside the training part only."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from personas.answer import NO_ANSWER
from personas.arrays import FloatArray, IntArray
from personas.models.head import normalised
from personas.models.kernel import (
    KernelSettings,
    OptionSet,
    centred_blocks,
    damping,
    parts,
    row_blocks,
    rows_of,
    signal_matrix,
    texts_alone,
)
from personas.models.spectrum import Spectrum, spectrum
from training.hierarchy.objective import Objective

RIDGES = (300.0, 100.0, 30.0, 10.0, 3.0)
BLENDS = (0.0, 0.25, 0.5, 0.75, 1.0)
BOLDER = (1.5, 2.0)
"""Tried too for effects that other questions let expect: the more uncertain, the more careful those are."""
LENGTHS = (0.25, 0.5)
PARTS = ((1.0, 0.0, 0.0, 0.3), (1.0, 0.5, 0.5, 0.3), (0.0, 1.0, 1.0, 0.3))
"""Variances of text, pair, slope and position; position alone is tried as well."""
NOISES = (0.03, 0.1, 0.3, 1.0, 3.0)
NOTHING = KernelSettings(text=0.0, position=0.0, length=1.0, noise=1.0)
"""The kernel with which nothing carries from question to question."""

_ENOUGH_ANSWERS = 150_000  # more say little more about a hyperparameter
_ENOUGH_PEOPLE = 1_000
_MIXTURE_STEPS = 50
_RANK, _STRONGER, _ROUNDS = 10, 4.0, 3


@dataclass(frozen=True)
class EffectChoice:
    """Ridge of the person effects, with the log score that cross-validation gave them.

    Attributes:
        ridge: infinite where no effects beat the prior on people left out; the effects are then zero, or what
            they were pulled to.
        gain: mean log score over that of the prior alone, in nats for each answer, blended.
        blend: factor on the effects of each question, shape (n_questions,): how much of them it keeps. It may
            be zero, and above 1 where what other questions let expect is too careful.
        towards: whether the ridge pulls to the effects expected from other questions.
        rank: number of directions that the effects of all questions share, which then are what a stronger
            ridge pulls to; 0 where that did not help.
    """

    ridge: float
    gain: float
    blend: FloatArray
    towards: bool = False
    rank: int = 0


@dataclass(frozen=True)
class KernelChoice:
    """Kernel settings and the log score, in nats for each answer, that left-out questions had with them."""

    settings: KernelSettings
    log_score: float


class LeftOutShares(NamedTuple):
    """Log shares (n_rows,) of every question predicted from all others, and how far they were damped.

    ``variance`` is that of the log shares before, in nats squared, (n_rows,).
    """

    log_shares: FloatArray
    damping: FloatArray
    variance: FloatArray


def choose_effects(
    whole: Objective, towards: FloatArray | None, folds: int, rng: np.random.Generator
) -> EffectChoice:
    """Ridge with the best log score on people left out fold by fold, and the blend of every question.

    Answers count alike whatever fold they are in, so the score of no effects is that of the prior. Ridges
    are tried from the strongest until the score falls. Of more than 150,000 answers, those to some questions,
    drawn at random, choose the ridge, and one quarter of the people is left out for the rest: effects of
    fewer people would be worth less than those of all.

    Args:
        whole: the answers with their prior.
        towards: effects expected from other questions, (width, n_rows): tried as what the ridge pulls to.
        folds: number of folds.
        rng: deals people into folds.
    """
    many = int((whole.chosen != NO_ANSWER).sum()) > _ENOUGH_ANSWERS
    splits = _splits(whole, 4 if many else folds, rng)[: 1 if many else None]
    some = _some(whole, rng) if many else list(range(len(whole.blocks)))
    rows = rows_of(whole.blocks, some)
    tried = [(train.only(some), test.only(some)) for train, test in splits] if many else splits
    none = _Trial(sum(t.mean_share_score(t.log_prior) * t.total_weight for _, t in tried), float("inf"), [])
    best = none
    for goal in (None,) if towards is None else (None, towards[:, rows]):
        found = _best_ridge(tried, goal)
        if found.score > best.score + 1e-6 * sum(t.total_weight for _, t in tried):
            best = found
    if best is none:
        return EffectChoice(best.ridge, 0.0, np.zeros(len(whole.blocks)))
    if many:
        best = _fitted(splits, best.ridge, towards if best.towards else None)
    best = _shared(splits, best)
    tests = [test for _, test in splits]
    blend = _blend(tests, best.effects, BLENDS if np.isfinite(best.ridge) else (*BLENDS, *BOLDER))
    kept = np.repeat(blend, [b.stop - b.start for b in whole.blocks])
    gain = sum(
        t.log_likelihood(e * kept) - t.mean_share_score(t.log_prior) * t.total_weight
        for t, e in zip(tests, best.effects, strict=True)
    )
    gain /= sum(t.total_weight for t in tests)
    return EffectChoice(best.ridge, gain, blend, best.towards, best.rank)


class _Trial(NamedTuple):
    """Log score on people left out, and how it came about: the effects of each fold."""

    score: float
    ridge: float
    effects: list[FloatArray]
    towards: bool = False
    rank: int = 0


_Splits = Sequence[tuple[Objective, Objective]]


def _splits(whole: Objective, folds: int, rng: np.random.Generator) -> list[tuple[Objective, Objective]]:
    n = len(whole.weights)
    fold = rng.permutation(np.arange(n) % min(folds, n))
    return [
        (whole.take(np.flatnonzero(fold != f)), whole.take(np.flatnonzero(fold == f)))
        for f in range(int(fold.max()) + 1)
    ]


def _fitted(splits: _Splits, ridge: float, towards: FloatArray | None) -> _Trial:
    """The effects of every fold with this ridge, which is infinite for ``towards`` itself."""
    if towards is not None and np.isinf(ridge):
        effects = [towards] * len(splits)
    else:
        effects = [replace(train, towards=towards).fit(ridge) for train, _ in splits]
    return _Trial(_score(splits, effects), ridge, effects, towards is not None)


def _score(splits: _Splits, effects: Sequence[FloatArray]) -> float:
    return sum(test.log_likelihood(e) for (_, test), e in zip(splits, effects, strict=True))


def low_rank(effects: FloatArray, rank: int) -> FloatArray:
    """The effects (width, n_rows) along their strongest directions; the main term in front is kept whole."""
    left, strength, right = np.linalg.svd(effects[1:], full_matrices=False)
    return np.concatenate([effects[:1], (left[:, :rank] * strength[:rank]) @ right[:rank]])


def pulled(answers: Objective, effects: FloatArray, ridge: float, rank: int) -> FloatArray:
    """Effects refitted with a stronger ridge towards what they have in common, three times over.

    Opinions go with attributes along a few lines (left and right, old and young, devout and not): what a
    question's own answers leave open is taken from there. A reduced-rank regression as the prior mean.
    """
    for _ in range(_ROUNDS):
        effects = replace(answers, towards=low_rank(effects, rank)).fit(_STRONGER * ridge, effects)
    return effects


def _shared(splits: _Splits, best: _Trial) -> _Trial:
    """The trial with effects pulled to their common directions, where people left out speak for it."""
    # Values that nobody here has are no directions.
    width = int(np.linalg.matrix_rank(splits[0][0].persons))
    rank = min(_RANK, width // 3, len(splits[0][0].blocks) // 3)
    if rank < 1 or np.isinf(best.ridge):
        return best
    effects = [pulled(train, e, best.ridge, rank) for (train, _), e in zip(splits, best.effects, strict=True)]
    score = _score(splits, effects)
    return _Trial(score, best.ridge, effects, best.towards, rank) if score > best.score else best


def _best_ridge(splits: _Splits, towards: FloatArray | None) -> _Trial:
    """The best of the ridges; it is infinite for ``towards`` itself."""
    best = _Trial(-np.inf, float("inf"), [])
    if towards is not None:
        best = _fitted(splits, float("inf"), towards)
    before, effects = -np.inf, [towards] * len(splits)
    for ridge in RIDGES:
        effects = [
            replace(train, towards=towards).fit(ridge, start)
            for (train, _), start in zip(splits, effects, strict=True)
        ]
        score = _score(splits, effects)
        if score > best.score:
            best = _Trial(score, ridge, effects, towards is not None)
        if score < before:
            break
        before = score
    return best


def _some(whole: Objective, rng: np.random.Generator) -> list[int]:
    """Questions, drawn at random, that have about 150,000 answers together; at least one."""
    counts = np.sum(whole.chosen != NO_ANSWER, axis=0)
    order = rng.permutation(len(counts))
    enough = int(np.searchsorted(np.cumsum(counts[order]), _ENOUGH_ANSWERS)) or 1
    return sorted(order[:enough].tolist())


def _blend(tests: Sequence[Objective], effects: Sequence[FloatArray], blends: Sequence[float]) -> FloatArray:
    """Factor on the effects of each question, (n_questions,), by empirical Bayes on people left out.

    Every question has one of ``blends``; how common each is, is estimated over all questions by EM, and a
    question's blend is the posterior mean, or zero where zero is the more probable half.

    Source: nonparametric maximum likelihood of a mixing distribution on a grid, Laird (1978), JASA 73.
    """
    scores = np.stack(
        [sum(t.question_scores(b * e) for t, e in zip(tests, effects, strict=True)) for b in blends]
    )
    likelihood = np.exp(scores - scores.max(axis=0))  # (n_blends, n_questions)
    common = np.full(len(blends), 1.0 / len(blends))
    posterior = likelihood
    for _ in range(_MIXTURE_STEPS):
        posterior = common[:, None] * likelihood
        posterior = posterior / posterior.sum(axis=0)
        common = posterior.mean(axis=1)
    values = np.asarray(blends)
    none = (values == 0.0) @ posterior
    return np.where(none > 0.5, 0.0, values @ posterior)


class Left:
    """Kernels across questions, each scored by its predictions of questions left out.

    Attributes:
        options: the question-options.
        together: questions that are left out at once.
    """

    def __init__(self, options: OptionSet, together: Sequence[Sequence[int]] | None) -> None:
        self.options, self.together = options, together
        self._kernels = _kernels(options)

    def shares(self, log_prior: FloatArray, answers: "Answered") -> KernelChoice:
        """Kernel of the log shares (n_rows,) whose left-out predictions answer best."""
        targets = centred_blocks(log_prior[:, None], self.options.blocks)

        def score(kernel: Spectrum, noise: float) -> float:
            return answers.mean_share_score(self._shares(kernel, noise, targets).log_shares)

        return self._search(score)

    def left_out_shares(self, log_prior: FloatArray, settings: KernelSettings) -> tuple[LeftOutShares, float]:
        """Shares of every question predicted from all others, widened, and the kernel's signal variance."""
        targets = centred_blocks(log_prior[:, None], self.options.blocks)
        kernel = self._spectrum(settings)
        return self._shares(kernel, settings.noise, targets), kernel.amplitude(settings.noise, targets)

    def effects(self, effects: FloatArray, shares: LeftOutShares, answers: "Answered") -> KernelChoice:
        """Kernel of the effects whose left-out predictions answer best on top of the left-out shares."""
        targets = centred_blocks(effects.T, self.options.blocks)

        def score(kernel: Spectrum, noise: float) -> float:
            predicted = kernel.left_out(noise, targets, self.options.blocks, self.together).mean.T
            return answers.mean_log_score(shares.log_shares, predicted * shares.damping)

        return self._search(score)

    def support(self, settings: KernelSettings) -> FloatArray:
        """Support that each question had when it was left out, see ``KernelRegression.support``."""
        part = texts_alone(settings)
        blocks = self.options.blocks
        if not (part.text or part.pair or part.slope):
            return np.zeros(len(blocks))
        kernel = spectrum(
            signal_matrix(parts(self.options, self.options, part.length), self.options, part), blocks
        )
        found = kernel.left_out(part.noise, np.zeros((len(self.options.positions), 1)), blocks, self.together)
        removed = found.prior_variance - found.variance
        own = np.array([1.0 - 1.0 / (b.stop - b.start) for b in blocks])[self.options.question]
        before = found.prior_variance - part.noise * own
        return np.array([np.clip(removed[b].sum() / max(before[b].sum(), 1e-12), 0.0, 1.0) for b in blocks])

    def _shares(self, kernel: Spectrum, noise: float, targets: FloatArray) -> LeftOutShares:
        blocks = self.options.blocks
        prediction = kernel.left_out(noise, targets, blocks, self.together)
        variance = kernel.amplitude(noise, targets) * prediction.variance
        widen = damping(variance, blocks)
        return LeftOutShares(normalised(prediction.mean[:, 0] * widen, blocks), widen, variance)

    def _spectrum(self, settings: KernelSettings) -> Spectrum:
        plain = settings.model_copy(update={"noise": 0.0})
        for tried, kernel in self._kernels:
            if tried == plain:
                return kernel
        own = parts(self.options, self.options, settings.length)
        return spectrum(signal_matrix(own, self.options, settings), self.options.blocks)

    def _search(self, score: Callable[[Spectrum, float], float]) -> KernelChoice:
        """The best of all kernels tried; the simplest, that of no kernel, where none beats it."""
        n = len(self.options.positions)
        nothing = spectrum(np.zeros((n, n)), self.options.blocks)
        best = KernelChoice(NOTHING, score(nothing, NOTHING.noise))
        for settings, kernel in self._kernels:
            for noise in NOISES:
                found = score(kernel, noise)
                if found > best.log_score + 1e-9:
                    best = KernelChoice(settings.model_copy(update={"noise": noise}), found)
        return best


def _kernels(options: OptionSet) -> list[tuple[KernelSettings, Spectrum]]:
    """Kernels tried, each with its decomposition, which serves all noises and both searches."""
    found: list[tuple[KernelSettings, Spectrum]] = []
    for length in LENGTHS:
        own = parts(options, options, length)
        for text, pair, slope, position in ((0.0, 0.0, 0.0, 1.0), *PARTS) if length == LENGTHS[0] else PARTS:
            settings = KernelSettings(
                text=text, pair=pair, slope=slope, position=position, length=length, noise=0.0
            )
            found.append((settings, spectrum(signal_matrix(own, options, settings), options.blocks)))
    return found


@dataclass(frozen=True)
class Answered:
    """Real answers against which predictions for questions left out are scored, survey after survey.

    Attributes:
        surveys: the answers of each survey, with its questions one after the other.
    """

    surveys: tuple[Objective, ...]

    @staticmethod
    def of(surveys: Sequence[Objective], rng: np.random.Generator) -> "Answered":
        """Answers of at most 1,000 people of each survey, drawn at random."""
        return Answered(tuple(_people(s, rng) for s in surveys))

    def mean_share_score(self, log_shares: FloatArray) -> float:
        """Mean log-probability of an answer where everybody answers with these shares (n_rows,)."""
        parts_ = zip(self.surveys, self._rows(), strict=True)
        return sum(s.mean_share_score(log_shares[r]) * s.total_weight for s, r in parts_) / self._weight

    def mean_log_score(self, log_shares: FloatArray, effects: FloatArray) -> float:
        """The same with person effects (width, n_rows) on top."""
        total = 0.0
        for survey, rows in zip(self.surveys, self._rows(), strict=True):
            total += replace(survey, log_prior=log_shares[rows]).log_likelihood(effects[:, rows])
        return total / self._weight

    @property
    def _weight(self) -> float:
        return sum(s.total_weight for s in self.surveys)

    def _rows(self) -> list[slice]:
        return row_blocks([len(s.log_prior) for s in self.surveys])


def _people(whole: Objective, rng: np.random.Generator) -> Objective:
    n = len(whole.weights)
    if n <= _ENOUGH_PEOPLE:
        return whole
    rows: IntArray = np.sort(rng.permutation(n)[:_ENOUGH_PEOPLE])
    return whole.take(rows)
