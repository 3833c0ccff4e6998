"""Who answered without reading: the same position down a battery of questions, or far too fast.

A long run of the same position is suspect only where the battery's own answers do not lead to expect it:
where everybody agrees with everything, agreeing with everything is no sign of carelessness. So the longest
run of each person is held against that of simulated people who answer each question with the real shares
and the real correlations between questions. A battery that asks in both directions has negative
correlations, in which long runs hardly ever come about; it accuses with shorter runs.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import ndtri

from personas.answer import NO_ANSWER, Answers
from personas.arrays import BoolArray, FloatArray, IntArray
from personas.question import Question

_SIMULATED = 20_000
_FOR_A_LENGTH = 4_000
_STEPS = 6
_ROUNDS = 2
FEWEST_PEOPLE = 30
"""People who answered, below which nothing is said of correlations."""


class Battery(NamedTuple):
    """Questions asked one after the other with the same options, and who answers them in a straight line.

    Attributes:
        questions: their names in order.
        suspects: shape (n_people,).
        expected: suspects that chance and honest agreement would give, in people.
        reversed: questions that run against the rest of the battery.
    """

    questions: tuple[str, ...]
    suspects: BoolArray
    expected: float
    reversed: int


def batteries(questions: Sequence[Question], least: int) -> list[IntArray]:
    """Columns of questions next to one another with the same options, at least ``least`` of them.

    Options without an order have no position, so such questions count only where there are two options.
    """
    found: list[list[int]] = []
    before: tuple[str, ...] | None = None
    for column, question in enumerate(questions):
        options = tuple(o.strip().casefold() for o in question.options)
        if question.scale == "nominal" and len(options) > 2:
            before = None
        elif options == before:
            found[-1].append(column)
        else:
            found.append([column])
            before = options
    return [np.array(columns) for columns in found if len(columns) >= least]


def longest_runs(chosen: IntArray, n_options: int) -> IntArray:
    """Longest run of each option for each person, shape (n_people, n_options); gaps are skipped.

    ``longest_runs([[2, 2, -1, 2, 0]], 3)`` is ``[[1, 0, 3]]``. Source: Curran (2016), long-string analysis;
    here each length is held against chance instead of a fixed cut.
    """
    people = np.arange(len(chosen))
    last = np.full(len(chosen), NO_ANSWER)
    run = np.zeros(len(chosen), dtype=np.int64)
    longest = np.zeros((len(chosen), n_options), dtype=np.int64)
    for column in chosen.T:
        answered = column != NO_ANSWER
        run = np.where(answered, np.where(column == last, run + 1, 1), run)
        last = np.where(answered, column, last)
        here = people[answered]
        longest[here, column[here]] = np.maximum(longest[here, column[here]], run[here])
    return longest


def straight_liners(
    answers: Answers, least: int, false_share: float, rng: np.random.Generator
) -> tuple[Battery, ...]:
    """The batteries of the questions, each with the people who answer it in a straight line.

    Args:
        answers: of people, in the order in which the questions were asked.
        least: answers in a battery, and length of a run, below which nobody is suspected.
        false_share: share of the suspects that may be there by chance (Benjamini and Hochberg, 1995).
        rng: for the simulated people.
    """
    found: list[Battery] = []
    for columns in batteries(answers.questions, least):
        chosen = answers.chosen[:, columns]
        suspects, expected = _suspects(chosen, least, false_share, rng)
        codes = position_correlations(chosen[~suspects]) if np.any(~suspects) else np.eye(len(columns))
        against = int(np.sum(codes.sum(axis=1) - 1 < 0))
        names = tuple(answers.questions[int(c)].name for c in columns)
        found.append(Battery(names, suspects, expected, against))
    return tuple(found)


def _suspects(
    chosen: IntArray, least: int, false_share: float, rng: np.random.Generator
) -> tuple[BoolArray, float]:
    """Who is suspected in one battery, and how many of these are expected by chance.

    Straight lines raise the correlations that they are held against, so the suspects of the first round are
    left out of those of the second.
    """
    answered = chosen != NO_ANSWER
    counts = answered.sum(axis=1)
    eligible = counts >= least
    suspects, expected = np.zeros(len(chosen), dtype=bool), 0.0
    n_options = int(chosen.max(initial=0)) + 1
    runs = longest_runs(chosen, n_options)
    for _ in range(_ROUNDS):
        honest = chosen[eligible & ~suspects]
        if len(honest) < FEWEST_PEOPLE:
            break
        drawn = _simulated(honest, rng)
        chance, able = np.ones(len(chosen)), np.zeros(len(chosen), dtype=bool)
        for count in np.unique(counts[eligible]).tolist():
            here = np.flatnonzero(eligible & (counts == count))
            masks = answered[rng.choice(here, _FOR_A_LENGTH)]
            lines = np.where(masks, drawn[rng.integers(0, len(drawn), _FOR_A_LENGTH)], NO_ANSWER)
            chance[here], position = _chance(runs[here], longest_runs(lines, n_options))
            able[here] = runs[here, position] >= least
        cut = _threshold(chance, able, int(eligible.sum()), false_share)
        suspects = able & (chance <= cut)
        expected = float(cut * eligible.sum())
    return suspects, expected if suspects.any() else 0.0


def _chance(runs: IntArray, simulated: IntArray) -> tuple[FloatArray, IntArray]:
    """How often chance gives runs as surprising as these, shape (n_people,), and the option they are of.

    A run is as surprising as the share of simulated people is small who have one as long of the same option;
    the most surprising of a person's runs counts, held against the most surprising ones of simulated people.
    """

    def surprise(lengths: IntArray) -> FloatArray:
        columns = zip(lengths.T, np.sort(simulated, axis=0).T, strict=True)
        below = np.stack([_below(ordered, own) for own, ordered in columns], axis=1)
        return (1 + len(simulated) - below) / (1 + len(simulated))

    own = surprise(runs)
    reached = len(simulated) - _below(np.sort(-surprise(simulated).min(axis=1)), -own.min(axis=1))
    return (1 + reached) / (1 + len(simulated)), own.argmin(axis=1)


def _below(ordered: FloatArray | IntArray, values: FloatArray | IntArray) -> IntArray:
    """How many of ``ordered`` lie below each value."""
    found: IntArray = np.searchsorted(ordered, values)
    return found


def _threshold(chance: FloatArray, able: BoolArray, tests: int, false_share: float) -> float:
    """Largest p-value at which the expected share of false suspects stays within bounds; 0 if none does."""
    ordered = np.sort(chance[able])
    within = ordered * tests <= false_share * np.arange(1, len(ordered) + 1)
    return float(ordered[np.flatnonzero(within)[-1]]) if within.any() else 0.0


def position_correlations(chosen: IntArray) -> FloatArray:
    """Correlations of positions over people who answered both, shape (m, m); 0 where undefined."""
    answered = (chosen != NO_ANSWER).astype(np.float64)
    values = np.where(chosen == NO_ANSWER, 0, chosen).astype(np.float64)
    n = answered.T @ answered
    with np.errstate(divide="ignore", invalid="ignore"):
        first, second = (values.T @ answered) / n, (answered.T @ values) / n
        squares = ((values**2).T @ answered) / n - first**2
        covariance = (values.T @ values) / n - first * second
        found = covariance / np.sqrt(squares * squares.T)
    found = np.where(np.isfinite(found) & (n >= FEWEST_PEOPLE), found, 0.0)
    np.fill_diagonal(found, 1.0)
    return found


def _simulated(chosen: IntArray, rng: np.random.Generator) -> IntArray:
    """Answers of people with the shares and correlations of these, none missing, (n_simulated, m).

    Correlated normal numbers cut at the quantiles of the shares. The normal correlations are raised until the
    positions correlate as the real ones do. Source: Cario and Nelson (1997), NORTA.
    """
    wanted = position_correlations(chosen)
    cuts = [_cuts(column) for column in chosen.T]
    noise = rng.standard_normal((_SIMULATED, chosen.shape[1]))
    normal = wanted
    drawn = _cut(noise @ _root(normal).T, cuts)
    for _ in range(_STEPS):
        normal = np.clip(normal + wanted - position_correlations(drawn), -0.99, 0.99)
        np.fill_diagonal(normal, 1.0)
        drawn = _cut(noise @ _root(normal).T, cuts)
    return drawn


def _cuts(column: IntArray) -> FloatArray:
    """Normal quantiles at which one option gives way to the next."""
    counts = np.bincount(column[column != NO_ANSWER], minlength=1)
    reached: FloatArray = np.cumsum(counts)[:-1] / max(counts.sum(), 1)
    return np.asarray(ndtri(reached), dtype=np.float64)


def _cut(normal: FloatArray, cuts: Sequence[FloatArray]) -> IntArray:
    return np.stack([_below(c, x) for c, x in zip(cuts, normal.T, strict=True)], axis=1)


def _root(correlations: FloatArray) -> FloatArray:
    """A square root of the nearest matrix that correlations can have."""
    values, vectors = np.linalg.eigh(correlations)
    root = vectors * np.sqrt(np.maximum(values, 1e-6))
    return root / np.sqrt((root**2).sum(axis=1, keepdims=True))


def speeders(seconds: FloatArray, answers: Answers, fraction: float) -> tuple[BoolArray, float]:
    """Who took less than ``fraction`` of the median time, shape (n_people,), and that median in seconds.

    Both the whole time and the time for each answer must be so short, so that nobody is accused whom the
    questionnaire led past most questions. Times that are NaN accuse nobody. Source: Greszki, Meyer and Schoen
    (2015), who compare 30, 40 and 50 per cent of the median.

    Raises:
        ValueError: nobody's time is known.
    """
    known = np.isfinite(seconds)
    if not known.any():
        raise ValueError("speeders need a time that is known of somebody")
    given = (answers.chosen != NO_ANSWER).sum(axis=1)
    pace = seconds / np.maximum(given, 1)
    median = float(np.median(seconds[known]))
    fast = (seconds < fraction * median) & (pace < fraction * float(np.median(pace[known])))
    return known & fast, median
