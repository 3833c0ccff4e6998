"""The interval of the signal: honest over few questions, and where one is answered alike by everybody."""

import numpy as np
import pytest

from personas.answer import Answers
from personas.arrays import FloatArray
from personas.measures import scores
from personas.measures.estimate import Estimate
from personas.panel import from_columns
from personas.question import Question
from training.ladder import measured
from training.ladder.held_out import HeldOut

AMOUNT = ("too little", "about right", "too much")


def world(
    slopes: list[float], spreads: list[float], people: int, seed: int
) -> tuple[HeldOut, list[FloatArray]]:
    """People whose answers lean on a trait by ``slopes``, and a model that takes ``spreads`` for these."""
    rng = np.random.default_rng(seed)
    trait = rng.standard_normal(people)

    def said(slope: float) -> FloatArray:
        raw = np.exp(np.outer(trait, [-slope, 0.0, slope]))
        return raw / raw.sum(axis=1, keepdims=True)

    chosen = np.stack(
        [(rng.random((people, 1)) > said(s).cumsum(axis=1)).sum(axis=1).clip(0, 2) for s in slopes], axis=1
    )
    questions = tuple(
        Question(name=f"q{i}", text=f"Question {i}?", options=AMOUNT, scale="ordinal")
        for i in range(len(slopes))
    )
    ids = tuple(map(str, range(people)))
    panel = from_columns(ids, {"place": ["here"] * people}, np.ones(people))
    held = HeldOut(panel, Answers(questions, chosen.astype(np.int64)), np.full(people, -1), 200, seed)
    return held, [said(s) for s in spreads]


def signal(held: HeldOut, said: list[FloatArray]) -> Estimate:
    found = measured._signal(said, held)  # pyright: ignore[reportPrivateUsage]
    assert found is not None
    return found


def test_a_question_that_is_expected_to_be_answered_alike_hardly_moves_the_interval() -> None:
    held, said = world([0.3, 0.3, 0.3], [0.3, 0.3, -1e-4], 430, seed=3)
    found = signal(held, said)
    assert -1 < found.low < found.value < found.high < 1
    assert found.high - found.low < 0.7
    two = held.take(np.arange(430), ["q0", "q1"])
    assert found.value == pytest.approx(signal(two, said[:2]).value, abs=0.06)


def test_the_linear_replicates_are_those_of_the_ratio_where_questions_are_many() -> None:
    slopes = [float(s) for s in np.random.default_rng(1).normal(0.4, 0.1, 30)]
    held, said = world(slopes, slopes, 400, seed=2)
    linear, n = measured._signals(said, held)  # pyright: ignore[reportPrivateUsage]
    assert n == 30
    again = np.random.default_rng(5)
    exact: list[float] = []
    for _ in range(80):
        rows, asked = again.integers(0, 400, 400), again.integers(0, 30, 30)
        drawn = Answers(held.answers.questions, held.answers.chosen[rows][:, asked])
        found = scores.signal([said[i][rows] for i in asked], drawn, np.ones(400))
        assert found is not None
        exact.append(found)
    assert np.std(linear) == pytest.approx(np.std(exact), rel=0.3)


def test_the_interval_covers_the_signal_over_all_such_questions_and_people() -> None:
    rng = np.random.default_rng(8)
    everyone, expected = world([*rng.normal(0.4, 0.2, 300)], [0.4] * 300, 2000, seed=1)
    truth = scores.signal(expected, everyone.answers, everyone.weights)
    assert truth is not None
    covered = 0
    for seed in range(40):
        slopes = [*rng.normal(0.4, 0.2, 5)]
        found = signal(*world(slopes, [0.4] * 5, 150, seed + 10))
        covered += found.low <= truth <= found.high
    assert covered >= 35  # .95 less two binomial standard errors
