"""What known answers are worth on people left out, and the residuals that follow."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from grounding.prior import item_shares
from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray, IntArray
from personas.measures.scores import signal
from personas.models.kernel import OptionSet
from personas.models.residuals import Residuals, no_residuals
from personas.question import Question
from training.dataset import TrainingData
from training.hierarchy.loadings import Sample, fit_loadings, text_prior
from training.hierarchy.pairs import with_pairs
from training.threads import one_thread

RIDGE = 30.0
STRENGTHS = (1.3, 1.15, 1.0, 0.7, 0.4)
KNOWN = (10, 30)
_RANK = 30
_FOLDS = 5
_FEW_ANSWERS = 100_000  # below this every fold is left out in turn, above it one
_LEAST_PEOPLE = 20
_CLEAR = 1.64  # standard errors: one chance in twenty to keep what is worth nothing


class KnownGain(NamedTuple):
    """What knowing so many answers of a person was worth for the others, on people left out.

    Attributes:
        known: answers known of each person; of people who gave fewer than twice as many, half of theirs.
        people: people left out that it was measured on.
        nats: gain in mean log score of the other answers.
        signal_before: item-demeaned correlation of expected and real place on the scale, without.
        signal_after: and with the known answers; ``None`` where it is undefined.
    """

    known: int
    people: int
    nats: float
    signal_before: float | None
    signal_after: float | None


@dataclass(frozen=True)
class FittedResiduals:
    """Residuals and what they gained. Strength and rank are 0 where known answers did not clearly help.

    ``strength`` is the factor on all loadings with the best mean gain over ``gains``, on people left out.
    """

    residuals: Residuals
    strength: float
    gains: tuple[KnownGain, ...]


class _Trial(NamedTuple):
    """People left out: their answers, and the part of them that is taken as known."""

    sample: Sample
    known: tuple[IntArray, ...]


class _Score(NamedTuple):
    """Weighted log score of the other answers, person by person, before and after, and their weight."""

    before: FloatArray
    after: FloatArray
    weight: FloatArray

    @property
    def gain(self) -> float:
        """Mean gain for each answer, in nats."""
        return float((self.after - self.before).sum() / max(float(self.weight.sum()), 1e-12))

    @property
    def error(self) -> float:
        """Standard error of the gain; answers of one person are not independent."""
        off = self.after - self.before - self.gain * self.weight
        n = len(off)
        return float(np.sqrt(np.square(off).sum() * n / max(n - 1, 1)) / max(float(self.weight.sum()), 1e-12))


@one_thread()
def fit_residuals(
    data: TrainingData,
    logits: FloatArray,
    blocks: Sequence[slice],
    seed: int,
    options: OptionSet | None = None,
) -> FittedResiduals:
    """Residuals of the training people's answers given what a model expects of them.

    The strength (a factor on all loadings) is chosen on people left out, one fifth of them, or each
    fifth in turn where the answers are few; some of their answers, drawn at random, are known and the others
    are scored. So it is with directions for single pairs of questions (``pairs``), which are kept where they
    help. The loadings are then fitted to everybody. Where the gain is not above 1.64 standard errors,
    the strength is zero.

    Args:
        data: the training part.
        logits: the model's logits for the training people, (n_people, n_rows), best out of fold. In sample
            the loadings come out alike (gss20, ridge-penalised effects of 3,400 people), but both signals of
            ``gains`` are then too high, and a model that fits its own people closely leaves no residuals.
        blocks: rows of each question.
        seed: of the folds and of which answers are taken as known.
        options: question-option vectors; given them, questions alike in text are expected to load alike.
    """
    sizes = tuple(block.stop - block.start for block in blocks)
    shares = np.exp(item_shares(data.answers, data.weights).log_shares)
    whole = Sample(logits, data.answers.chosen, data.weights, shares, sizes)
    counting = np.flatnonzero((data.weights > 0) & np.any(whole.chosen != NO_ANSWER, axis=1))
    nothing = FittedResiduals(no_residuals(shares, sizes), 0.0, ())
    if len(counting) < _LEAST_PEOPLE or len(sizes) < 2:
        return nothing
    sample = whole.take(counting)
    prior = None if options is None else text_prior(options)
    rank = max(1, min(_RANK, len(sizes) // 3, len(counting) // 20))
    rng = np.random.default_rng([seed, 4])
    numbers = _numbers(sample.chosen)
    folds = list(_folds(sample, numbers, rng))
    fits = [fit_loadings(train, rank, RIDGE, prior, rng) for train, _ in folds]
    tried = [_scores([fit.scaled(strength) for fit in fits], folds) for strength in STRENGTHS]
    best = max(range(len(tried)), key=lambda place: _mean_gain(tried[place]))
    strength, chosen = STRENGTHS[best], tried[best]
    paired = False
    if options is not None:
        wider = [
            with_pairs(train, fit, options.positions) for fit, (train, _) in zip(fits, folds, strict=True)
        ]
        scores = _scores([fit.scaled(strength) for fit in wider], folds)
        if _mean_gain(scores) > _mean_gain(chosen):
            paired, fits, chosen = True, wider, scores
    if any(score.gain <= _CLEAR * score.error for score in chosen):
        return nothing
    fitted = fit_loadings(sample, rank, RIDGE, prior, rng)
    if options is not None and paired:
        fitted = with_pairs(sample, fitted, options.positions)
    numbered = list(zip(numbers, chosen, strict=True))
    gains = _gains([fit.scaled(strength) for fit in fits], folds, numbered, data.answers.questions)
    return FittedResiduals(fitted.scaled(strength), strength, gains)


def _folds(
    sample: Sample, numbers: Sequence[int], rng: np.random.Generator
) -> Iterator[tuple[Sample, _Trial]]:
    """Training part and people left out, once or for every fold."""
    n = len(sample.chosen)
    fold = rng.permutation(np.arange(n) % _FOLDS)
    few = int((sample.chosen != NO_ANSWER).sum()) < _FEW_ANSWERS
    for f in range(_FOLDS if few else 1):
        out = sample.take(np.flatnonzero(fold == f))
        known = tuple(_known(out.chosen, number, rng) for number in numbers)
        yield sample.take(np.flatnonzero(fold != f)), _Trial(out, known)


def _numbers(chosen: IntArray) -> tuple[int, ...]:
    """How many answers are taken as known: those of ``KNOWN`` that the middle person has twice over."""
    typical = float(np.median((chosen != NO_ANSWER).sum(axis=1)))
    return tuple(number for number in KNOWN if 2 * number <= typical) or KNOWN[:1]


def _known(chosen: IntArray, number: int, rng: np.random.Generator) -> IntArray:
    """At most ``number`` answers of each person, and at most half of theirs; ``NO_ANSWER`` elsewhere."""
    given = chosen != NO_ANSWER
    places = np.where(given, rng.random(chosen.shape), 2.0).argsort(axis=1).argsort(axis=1)
    most = np.minimum(number, given.sum(axis=1) // 2)
    return np.where(places < most[:, None], chosen, NO_ANSWER)


def _scores(fits: Sequence[Residuals], folds: Sequence[tuple[Sample, _Trial]]) -> tuple[_Score, ...]:
    """Score for each number of known answers, over all folds."""
    parts = [_fold_scores(fit, trial) for fit, (_, trial) in zip(fits, folds, strict=True)]
    return tuple(
        _Score(*(np.concatenate(values) for values in zip(*column, strict=True)))
        for column in zip(*parts, strict=True)
    )


def _fold_scores(fit: Residuals, trial: _Trial) -> list[_Score]:
    sample = trial.sample
    scores: list[_Score] = []
    for known in trial.known:
        who, question = _others(sample, known)
        rows = np.array([b.start for b in fit.blocks])[question] + sample.chosen[who, question]
        n, weights = len(known), sample.weights
        before = np.bincount(who, _plain(sample)[who, rows], n) * weights
        after = np.bincount(who, fit.condition(sample.logits, known)[who, rows], n) * weights
        scores.append(_Score(before, after, np.bincount(who, minlength=n) * weights))
    return scores


def _others(sample: Sample, known: IntArray) -> tuple[IntArray, IntArray]:
    """Person and question of the answers given but not known."""
    who, question = np.nonzero((sample.chosen != NO_ANSWER) & (known == NO_ANSWER))
    return who, question


def _plain(sample: Sample) -> FloatArray:
    """Log-probabilities without any known answer."""
    return no_residuals(sample.shares, sample.sizes).condition(
        sample.logits, np.full(sample.chosen.shape, NO_ANSWER)
    )


def _mean_gain(scores: Sequence[_Score]) -> float:
    return float(np.mean([score.gain for score in scores]))


def _gains(
    fits: Sequence[Residuals],
    folds: Sequence[tuple[Sample, _Trial]],
    scores: Sequence[tuple[int, _Score]],
    questions: Sequence[Question],
) -> tuple[KnownGain, ...]:
    """The report for each number of known answers, over all folds."""
    weights = np.concatenate([trial.sample.weights for _, trial in folds])
    before = np.concatenate([_plain(trial.sample) for _, trial in folds])
    found: list[KnownGain] = []
    for place, (number, score) in enumerate(scores):
        known = np.concatenate([trial.known[place] for _, trial in folds])
        chosen = np.concatenate([trial.sample.chosen for _, trial in folds])
        left = Answers(tuple(questions), np.where(known == NO_ANSWER, chosen, NO_ANSWER))
        pairs = zip(fits, folds, strict=True)
        after = np.concatenate([fit.condition(t.sample.logits, t.known[place]) for fit, (_, t) in pairs])
        signals = [
            signal([np.exp(logs[:, b]) for b in fits[0].blocks], left, weights) for logs in (before, after)
        ]
        found.append(KnownGain(number, len(weights), score.gain, signals[0], signals[1]))
    return tuple(found)
