"""All figures of one rung of the ladder on held-out answers, and how it compares with a baseline."""

from collections.abc import Sequence

import numpy as np

from personas.arrays import BoolArray, FloatArray, IntArray
from personas.document import Document
from personas.measures import bootstrap, calibration, dispersion, gap, orders, scores
from personas.measures.estimate import Estimate
from personas.models.base import AnswerModel
from personas.panel import Panel
from personas.question import Question
from training.ladder.cost import Spent
from training.ladder.held_out import HeldOut

WITHIN = (0.8, 1.25)
"""Ratios of variance and of entropy that count as right."""
_MOST_ORDERS = 3


class Dispersion(Document):
    """Ratios of simulated to real spread: their median over questions, and the share that is right.

    Right is within ``WITHIN``.
    """

    median: float
    right: float


class Cost(Document):
    """What a rung cost: fitting, answering and memory (see ``training.ladder.cost``)."""

    fit_seconds: float
    answer_seconds: float
    answers_per_second: float
    memory_gb: float
    device_gb: float


class Comparison(Document):
    """A rung less a baseline on the same answers, positive where the rung is better, with 95 % intervals.

    Attributes:
        against: name of the baseline.
        log_loss: loss of the baseline less that of the rung, in nats for each answer.
        agreement: ``None`` where no question has enough answers.
        signal: ``None`` where either is not defined.
    """

    against: str
    log_loss: Estimate
    agreement: Estimate | None
    signal: Estimate | None


class Measured(Document):
    """The figures of one rung on one kind of held-out data; ``None`` is a figure that is not defined here.

    Attributes:
        rung: its name.
        title: what readers see.
        family: what it needs, see ``training.ladder.rungs.catalogue.Family``.
        people: held-out people that it was measured on; fewer than there are where time was short.
        questions: questions that it was measured on.
        answers: real answers of these people to them.
        agreement: mean over questions with enough answers; ``uniform`` and ``ceiling`` for the same ones.
        gap_closed: ``(agreement - uniform) / (ceiling - uniform)``.
        signal: item-demeaned correlation of expected and real answers.
        log_loss: in nats for each answer.
        precision: macro mean over nominal and two-option questions, and so ``recall`` and ``f1``.
        calibration_error: classwise; ``calibration_floor`` is what luck alone would show.
        variance: within cells of people alike.
        entropy: the same.
        order_sensitivity: mean total variation between orders of the options; ``None`` where options are
            not read in an order.
        cost: ``None`` where nobody measured it.
        comparison: with the best statistical baseline; ``None`` for that baseline itself.
        over_guess: with the uniform guess; ``None`` for that itself, or where it was not asked.
        left_out: questions that there was no time to fit; they have their item share.
    """

    rung: str
    title: str
    family: str
    people: int
    questions: int
    answers: int
    agreement: Estimate | None
    uniform: float | None
    ceiling: float | None
    gap_closed: float | None
    signal: Estimate | None
    log_loss: float
    brier: float
    accuracy: float
    precision: float | None
    recall: float | None
    f1: float | None
    calibration_error: float
    calibration_floor: float
    variance: Dispersion | None
    entropy: Dispersion | None
    order_sensitivity: float | None
    cost: Cost | None
    comparison: Comparison | None = None
    over_guess: Comparison | None = None
    left_out: tuple[str, ...] = ()


def measure(
    rung: str,
    title: str,
    family: str,
    distributions: Sequence[FloatArray],
    held_out: HeldOut,
    cost: Cost | None = None,
    order_sensitivity: float | None = None,
    left_out: Sequence[str] = (),
) -> Measured:
    """All figures of the distributions of one rung.

    Intervals are two-way (people and questions resampled, ``personas.measures.bootstrap``). Shares are
    compared among the people who answered a question, so that who was asked it makes no difference.

    Raises:
        ValueError: no held-out answer, or shapes do not fit.
    """
    answers, weights = held_out.answers, held_out.weights
    agreement = uniform = None
    if len(held_out.enough):
        value, replicates = held_out.agreements(distributions)
        agreement = _mean(value, replicates, held_out, (0.0, 1.0))
        even = [np.full((len(weights), len(q.options)), 1.0 / len(q.options)) for q in answers.questions]
        uniform = float(held_out.agreements(even)[0].mean())
    macro = _classification(distributions, held_out)
    rng = np.random.default_rng([held_out.seed, 3])
    closed = None
    if agreement is not None and uniform is not None and held_out.ceiling is not None:
        closed = gap.gap_closed(agreement.value, uniform, held_out.ceiling)
    return Measured(
        rung=rung,
        title=title,
        family=family,
        people=len(held_out.people),
        questions=len(answers.questions),
        answers=int(held_out.given.sum()),
        agreement=agreement,
        uniform=uniform,
        ceiling=held_out.ceiling,
        gap_closed=closed,
        signal=_signal(distributions, held_out),
        log_loss=scores.log_loss(distributions, answers, weights),
        brier=scores.brier(distributions, answers, weights),
        accuracy=scores.accuracy(distributions, answers, weights),
        precision=None if macro is None else macro.precision,
        recall=None if macro is None else macro.recall,
        f1=None if macro is None else macro.f1,
        calibration_error=calibration.classwise_ece(distributions, answers, weights),
        calibration_floor=calibration.classwise_ece_floor(distributions, answers, weights, rng, replicates=5),
        variance=_spread(distributions, held_out, ordered=True),
        entropy=_spread(distributions, held_out, ordered=False),
        order_sensitivity=order_sensitivity,
        cost=cost,
        left_out=tuple(left_out),
    )


def compare(
    distributions: Sequence[FloatArray], baseline: Sequence[FloatArray], against: str, held_out: HeldOut
) -> Comparison:
    """How far distributions are better than those of a baseline for the same people and questions.

    Both are scored on the same bootstrap samples. The baseline's agreement and that of the rung share the
    real answers' noise, so their difference is known better than either.
    """
    chosen = held_out.answers.chosen
    own, other = (_log_scores(d, chosen) for d in (distributions, baseline))
    rng = np.random.default_rng([held_out.seed, 4])
    loss = bootstrap.paired_difference(own, other, held_out.weights, held_out.drawn, rng)
    agreement = None
    if len(held_out.enough):
        pairs = [held_out.agreements(d) for d in (distributions, baseline)]
        agreement = _mean(pairs[0][0] - pairs[1][0], pairs[0][1] - pairs[1][1], held_out, None)
    return Comparison(
        against=against,
        log_loss=loss,
        agreement=agreement,
        signal=_signal_difference(distributions, baseline, held_out),
    )


def order_sensitivity(model: AnswerModel, panel: Panel, questions: Sequence[Question]) -> float | None:
    """Mean total variation between answers under cyclic orders of the options, three orders at most.

    ``None`` without people or questions.
    """
    found: list[float] = []
    for question in questions if len(panel) else ():
        shown: list[FloatArray] = []
        for order in orders.cyclic(len(question.options))[:_MOST_ORDERS]:
            options = tuple(question.options[i] for i in order)
            asked = question.model_copy(update={"options": options})
            shown.append(orders.restored(model.distributions(panel, [asked])[0], order))
        found.append(orders.order_sensitivity(shown, np.ones(len(panel))))
    return float(np.mean(found)) if found else None


def cost(fitted: Spent, answered: Spent, answers: int) -> Cost:
    """The cost of a rung that gave this many answers."""
    return Cost(
        fit_seconds=fitted.seconds,
        answer_seconds=answered.seconds,
        answers_per_second=answers / max(answered.seconds, 1e-9),
        memory_gb=max(fitted.memory_gb, answered.memory_gb),
        device_gb=max(fitted.device_gb, answered.device_gb),
    )


def _log_scores(distributions: Sequence[FloatArray], chosen: IntArray) -> FloatArray:
    columns = zip(distributions, chosen.T, strict=True)
    return np.stack([scores.log_scores(d, c) for d, c in columns], axis=1)


def _mean(
    values: FloatArray, replicates: FloatArray, held_out: HeldOut, bounds: tuple[float, float] | None
) -> Estimate:
    """Mean over questions with an interval for people and questions; replicates (replicates, n_questions)."""
    n = len(values)
    again = bootstrap.counts(n, len(replicates), np.random.default_rng([held_out.seed, 5]))
    means = (replicates * again).sum(axis=1) / n
    return bootstrap.recentred(float(values.mean()), means, n, bounds)


def _signal(distributions: Sequence[FloatArray], held_out: HeldOut) -> Estimate | None:
    value = scores.signal(distributions, held_out.answers, held_out.weights)
    if value is None:
        return None
    replicates, n = _signals(distributions, held_out)
    return bootstrap.recentred(value, replicates, n, (-1.0, 1.0))


def _signal_difference(
    distributions: Sequence[FloatArray], baseline: Sequence[FloatArray], held_out: HeldOut
) -> Estimate | None:
    answers, weights = held_out.answers, held_out.weights
    own, other = (scores.signal(d, answers, weights) for d in (distributions, baseline))
    if own is None or other is None:
        return None
    first, n = _signals(distributions, held_out)
    second, _ = _signals(baseline, held_out)
    return bootstrap.recentred(own - other, first - second, n)


def _signals(distributions: Sequence[FloatArray], held_out: HeldOut) -> tuple[FloatArray, int]:
    """The signal in every bootstrap sample, to first order, (replicates,), and over how many questions.

    With ``C``, ``E`` and ``R`` the sums of products, of squared expected and of squared real deviations, and
    ``s = C / sqrt(E R)``, a sample has ``s + (C' - C) / D - s / 2 * ((E' - E) / E + (R' - R) / R)``, with
    ``D = sqrt(E R)`` of everybody: the influence of each person and question. The ratio itself must not be
    drawn anew: a sample of few questions can hold nothing but one that is expected to be answered alike by
    all, whose own ratio is noise over nearly nothing and can be anything from -1 to 1, though it counts for
    nearly nothing in ``s``. Means of questions stay those of all people: they hardly move from sample to
    sample.

    Source: Shao and Tu, The Jackknife and Bootstrap (1995), section 2.1.1, the infinitesimal jackknife of a
    function of means, with the counts of the two-way bootstrap.
    """
    parts: list[tuple[FloatArray, FloatArray]] = []
    for place, question in enumerate(held_out.answers.questions):
        given = held_out.given[:, place]
        if question.scale != "ordinal" or not np.any(given):
            continue
        places, weights = question.positions(), held_out.weights * given
        expected = distributions[place] @ places
        real = places[np.where(given, held_out.answers.chosen[:, place], 0)]
        parts.append((_deviation(expected, weights, given), _deviation(real, weights, given)))
    own, real = (np.stack(side, axis=1) for side in zip(*parts, strict=True))  # (n_people, n_questions)
    again = bootstrap.counts(own.shape[1], held_out.replicates, np.random.default_rng([held_out.seed, 6]))
    drawn = held_out.drawn * held_out.weights
    both, mine, theirs = ((drawn @ product * again).sum(axis=1) for product in (own * real, own**2, real**2))
    whole = [float(held_out.weights @ product.sum(axis=1)) for product in (own * real, own**2, real**2)]
    root = float(np.sqrt(whole[1] * whole[2]))
    value = whole[0] / root
    spread = (mine - whole[1]) / whole[1] + (theirs - whole[2]) / whole[2]
    return value + (both - whole[0]) / root - value / 2 * spread, own.shape[1]


def _deviation(values: FloatArray, weights: FloatArray, given: BoolArray) -> FloatArray:
    return np.where(given, values - (weights @ values) / weights.sum(), 0.0)


def _classification(distributions: Sequence[FloatArray], held_out: HeldOut) -> scores.Macro | None:
    """Macro figures of the questions that sort people into kinds: nominal ones and those with two options."""
    asked = held_out.answers.questions
    kinds = [i for i, q in enumerate(asked) if q.scale == "nominal" or len(q.options) == 2]
    kinds = [i for i in kinds if held_out.given[:, i].any()]
    if not kinds:
        return None
    some = held_out.answers.only([asked[i].name for i in kinds])
    return scores.macro([distributions[i] for i in kinds], some, held_out.weights)


def _spread(distributions: Sequence[FloatArray], held_out: HeldOut, ordered: bool) -> Dispersion | None:
    """Ratios of variance (ordinal questions) or entropy within cells, question by question."""
    found: list[float] = []
    for place in held_out.enough:
        question = held_out.answers.questions[place]
        chosen, own = held_out.answers.chosen[:, place], distributions[place]
        if not np.any(held_out.given[:, place] & (held_out.cells >= 0)):
            continue
        weights, cells = held_out.weights, held_out.cells
        if not ordered:
            ratio = dispersion.entropy_ratio(own, chosen, weights, cells)
        elif question.scale == "ordinal":
            ratio = dispersion.variance_ratio(own, chosen, weights, question.positions(), cells)
        else:
            continue
        if ratio is not None:
            found.append(ratio)
    if not found:
        return None
    right = [WITHIN[0] <= ratio <= WITHIN[1] for ratio in found]
    return Dispersion(median=float(np.median(found)), right=float(np.mean(right)))
