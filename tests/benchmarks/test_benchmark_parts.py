from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from benchmarks import held_out, logit, option_order, plots, scoring
from benchmarks.fitting import CachedEncoder, statistics_alone
from benchmarks.held_out import Part
from benchmarks.plots import Point
from benchmarks.sentences import Beside
from benchmarks.small_data import ALONE, TOGETHER, Outcome, paired, worth
from personas.answer import Answers
from personas.arrays import FloatArray
from personas.panel import Panel, from_columns
from personas.question import Question


class Counting:
    """An encoder that counts what it is asked for; vectors follow from lengths of text and tail."""

    def __init__(self, dim: int = 3) -> None:
        self.asked: list[str] = []
        self.dim = dim

    def encode(self, texts: Sequence[str], tails: Sequence[str]) -> FloatArray:
        self.asked += list(tails)
        rows = [[len(a), len(b), *[1.0] * (self.dim - 2)] for a, b in zip(texts, tails, strict=True)]
        return np.array([rows, rows])


def people_with(levels: list[str | None]) -> Panel:
    ids = [f"p{i}" for i in range(len(levels))]
    return from_columns(ids, {"sex": levels}, np.ones(len(levels)))


def part(n: int, rng: np.random.Generator, effect: float = 0.35) -> Part:
    """People whose answers to three yes/no questions depend on their sex."""
    sex = rng.integers(0, 2, n)
    chosen = (rng.random((n, 3)) < 0.5 + effect * (2 * sex - 1)[:, None]).astype(np.int64)
    questions = tuple(Question(name=f"q{i}", text=f"Question {i}?", options=("no", "yes")) for i in range(3))
    return Part(people_with([("female", "male")[s] for s in sex]), Answers(questions, chosen))


def test_vectors_are_encoded_once_and_kept_between_runs(tmp_path: Path) -> None:
    first = Counting()
    cached = CachedEncoder(tmp_path / "v.npz", lambda: first)
    cached.encode(["a", "a"], ["x", "yy"])
    found = cached.encode(["a", "b", "a"], ["yy", "x", "x"])
    assert first.asked == ["x", "yy", "x"]
    np.testing.assert_allclose(found, Counting().encode(["a", "b", "a"], ["yy", "x", "x"]))
    second = Counting()
    again = CachedEncoder(tmp_path / "v.npz", lambda: second).encode(["a", "b"], ["yy", "x"])
    assert second.asked == []
    np.testing.assert_allclose(again, found[:, :2])


def test_two_encoders_beside_one_another_keep_their_angles() -> None:
    both = Beside(Counting(3), Counting(5)).encode(["a", "bb"], ["xxx", "y"])
    assert both.shape == (4, 2, 5)
    narrow = Counting(3).encode(["a", "bb"], ["xxx", "y"])[0]
    assert both[0, 0] @ both[0, 1] == pytest.approx(narrow[0] @ narrow[1])


def test_batteries_are_held_out_whole_and_people_are_on_one_side() -> None:
    texts = [
        f"{'Do you agree with this statement about battery number ' + str(b):<65} {i}?"
        for b in range(10)
        for i in range(3)
    ]
    questions = tuple(Question(name=f"q{i}", text=t, options=("a", "b")) for i, t in enumerate(texts))
    rng = np.random.default_rng(0)
    answers = Answers(questions, rng.integers(0, 2, (200, 30)))
    found = held_out.halves(people_with(["male"] * 200), answers, 3, 60, 9, "beginning")
    assert len(found.test.people) == 60
    assert not set(found.test.people.ids) & set(found.train.people.ids)
    assert len(found.unseen) == 9
    assert len(found.seen) == 21
    assert {int(n[1:]) // 3 for n in found.unseen} & {int(n[1:]) // 3 for n in found.seen} == set()


def test_the_logit_finds_what_an_attribute_does_and_gives_distributions() -> None:
    rng = np.random.default_rng(1)
    found = logit.logit(part(600, rng), test := part(400, rng), rng)
    for distribution in found.distributions:
        np.testing.assert_allclose(distribution.sum(axis=1), 1.0)
    best = -0.85 * np.log(0.85) - 0.15 * np.log(0.15)
    assert scoring.log_loss(found.distributions, test) == pytest.approx(best, abs=0.06)


def test_an_option_that_nobody_chose_in_training_is_not_called_impossible() -> None:
    rng = np.random.default_rng(1)
    wide = part(300, rng)
    questions = tuple(
        q.model_copy(update={"options": ("no", "yes", "maybe")}) for q in wide.answers.questions
    )
    found = logit.logit(Part(wide.people, Answers(questions, wide.answers.chosen)), wide, rng)
    assert all(np.all(d[:, 2] > 0) for d in found.distributions)


def test_dealing_out_personas_matters_only_where_the_model_uses_them() -> None:
    rng = np.random.default_rng(2)
    train, test = part(600, rng), part(300, rng)
    expected = logit.logit(train, test, rng).distributions
    assert scoring.shuffled_p(expected, test, rng) == pytest.approx(1 / (1 + scoring.PERMUTATIONS))
    same = [np.full_like(d, 0.5) for d in expected]
    assert scoring.shuffled_p(same, test, rng) == 1.0


def test_statistics_alone_come_near_the_truth_with_many_answers() -> None:
    rng = np.random.default_rng(3)
    test = part(500, rng)
    expected = statistics_alone(part(1500, rng), test.people)
    best = -0.85 * np.log(0.85) - 0.15 * np.log(0.15)
    assert scoring.log_loss(expected, test) == pytest.approx(best, abs=0.04)


def test_a_model_that_has_everybody_alike_loses_by_its_paired_difference() -> None:
    rng = np.random.default_rng(4)
    test = part(400, rng, effect=0.0)
    wrong = [np.tile([0.9, 0.1], (400, 1)) for _ in range(3)]
    gain, error = paired(wrong, [np.array([0.5, 0.5])] * 3, test)
    assert gain < -2 * error < 0
    assert gain == pytest.approx(0.5 * np.log(0.9 * 0.1) - np.log(0.5), abs=0.1)


def test_what_a_model_is_worth_is_read_off_the_curve_of_statistics() -> None:
    losses = {0: 1.2, 10: 1.1, 30: 1.0, 100: 0.95, 300: 0.92, 1000: 0.9, None: 0.9}
    curve = {(n, ALONE): Outcome(v, 0, 0) for n, v in losses.items()}
    curve |= {(n, TOGETHER): Outcome(1.05, 0, 0) for n in losses}
    assert worth([curve]) == pytest.approx(np.sqrt(10 * 30))


class Positional:
    """Answers by the place in which an option is shown, whatever it says."""

    name = fingerprint = "positional"

    def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        first = [np.eye(1, len(q.options))[0] * 0.6 + 0.4 / len(q.options) for q in questions]
        return [np.tile(row, (len(panel), 1)) for row in first]


class ByName:
    """Answers by what an option says."""

    name = fingerprint = "by name"

    def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        sizes = [np.array([len(o) for o in q.options], dtype=np.float64) for q in questions]
        return [np.tile(s / s.sum(), (len(panel), 1)) for s in sizes]


def test_a_model_that_goes_by_place_is_found_out_and_one_that_goes_by_words_is_not() -> None:
    questions = (Question(name="a", text="Which?", options=("x", "yy", "zzz"), scale="nominal"),)
    some = Part(people_with(["male", "female"]), Answers(questions, np.zeros((2, 1), dtype=np.int64)))
    assert option_order.nominal_order_tv(Positional(), some) == pytest.approx(0.6)
    assert option_order.nominal_order_tv(ByName(), some) == pytest.approx(0.0)
    assert option_order.reversed_order_tv(ByName(), some) is None


def test_curves_are_written_as_svg_with_their_series(tmp_path: Path) -> None:
    points = [
        Point(n, 1.0 / (n + 1), s, 0.0, 1.0, "Loss") for n in (0, 10, 100) for s in ("alone", "together")
    ]
    plots.curves(points, "answers", "nats", "A curve", ["800 people"], tmp_path / "sub" / "curve.svg")
    text = (tmp_path / "sub" / "curve.svg").read_text(encoding="utf-8")
    assert "alone" in text
    assert "A curve" in text
