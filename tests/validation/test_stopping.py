import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personas.answer import NO_ANSWER
from personas.draws import uniforms
from personas.errors import DocumentError, UnknownName
from personas.panel import from_columns
from personas.question import Question
from validation import inference, stopping
from validation.stopping import Until, Watch, half_widths, tally, verdict

TEA = Question(name="tea", text="Tea?", options=("no", "yes"))
FOOD = Question(name="food", text="Food?", options=("a", "b", "c"), scale="nominal")


def panel(n: int, weights=None):
    sexes = ["female" if i % 3 else "male" for i in range(n)]
    return from_columns(
        [f"p{i:04}" for i in range(n)], {"sex": sexes}, np.ones(n) if weights is None else weights
    )


def test_half_widths_are_those_of_the_wilson_intervals_of_statsmodels() -> None:
    shares = np.array([0.0, 0.1, 0.37, 0.5, 1.0])
    for base in (30.0, 61.7, 1000.0):
        low, high = inference.wilson(shares, base)
        assert half_widths(shares, base) == pytest.approx((high - low) / 2, abs=1e-12)
    # By hand: 1.96 sqrt(.0025 + .9604 / 10^4) / (1 + .038415).
    assert half_widths(np.array([0.5]), 100.0)[0] == pytest.approx(0.0962, abs=5e-5)


def test_a_tally_counts_weights_and_leaves_out_answers_that_did_not_come() -> None:
    people = panel(4, np.array([1.0, 2.0, 3.0, 4.0]))
    drawn = np.array([[0, 2], [1, NO_ANSWER], [1, 0], [NO_ANSWER, 0]])
    found = tally(Until(cell={"sex": {"male": 2, "female": 1}}), people, (TEA, FOOD), drawn)
    assert found.persons == 4
    assert found.cells.tolist() == [2, 2]  # rows 0 and 3 are male
    assert [o.tolist() for o in found.options] == [[1.0, 5.0], [7.0, 0.0, 1.0]]
    assert found.squares.tolist() == [1 + 4 + 9, 1 + 9 + 16]


def test_precision_is_that_of_the_effective_base_by_hand() -> None:
    # 60 persons of weight 1 and 20 of weight 3: (60 + 60)^2 / (60 + 180) = 60; the heavy ones say yes.
    people = panel(80, np.repeat([1.0, 3.0], [60, 20]))
    drawn = np.repeat([[0], [1]], [60, 20], axis=0)
    until = Until(precision=0.12)
    found = verdict(until, tally(until, people, (TEA,), drawn), (TEA,), 100)
    # 1.96 sqrt(.25 / 60 + 3.8415 / 14400) / (1 + 3.8415 / 60) = .12265
    assert not found.met
    assert found.why == "the widest 95 % interval is ±0.1226 (tea), ±0.12 asked for"
    assert verdict(Until(precision=0.123), tally(until, people, (TEA,), drawn), (TEA,), 100).met


def test_the_widest_question_counts_unless_others_are_named() -> None:
    people = panel(200)
    drawn = np.stack([np.arange(200) % 2, np.zeros(200, dtype=np.int64)], axis=1)
    all_of_them, named = Until(precision=0.03), Until(precision=0.03, question="food")
    counted = tally(all_of_them, people, (TEA, FOOD), drawn)
    assert not verdict(all_of_them, counted, (TEA, FOOD), 200).met
    assert verdict(named, counted, (TEA, FOOD), 200).met
    assert Until(precision=0.03, question=("tea", "food")).named == ("tea", "food")


def test_few_answers_that_all_agree_are_no_proof_of_precision() -> None:
    people = panel(stopping.LEAST_BASE - 1)
    until = Until(precision=0.4)
    found = verdict(until, tally(until, people, (TEA,), np.zeros((len(people), 1), int)), (TEA,), 100)
    assert not found.met
    assert found.why == "an effective base below 30 for tea"


def test_quotas_are_met_once_every_cell_has_its_least_number() -> None:
    until = Until(cell={"sex": {"female": 4, "male": 2}})
    watch = Watch(until, panel(30), (TEA,), 30)
    watch.add([f"p{i:04}" for i in range(4)], np.zeros((4, 1), int))  # male: 0 and 3
    assert not watch.stopped().met
    watch.add([f"p{i:04}" for i in range(4, 7)], np.zeros((3, 1), int))
    found = watch.stopped()
    assert (found.met, found.persons, found.of) == (True, 7, 30)
    assert found.why == "persons of each cell: female 4 of 4, male 3 of 2"


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 60), st.integers(1, 12), st.integers(0, 10))
def test_a_watch_says_the_same_whatever_the_batches(n: int, batch: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    people = panel(n, rng.uniform(0.5, 2.0, n))
    drawn = np.stack([rng.integers(-1, 2, n), rng.integers(-1, 3, n)], axis=1)
    until = Until(precision=0.1)
    watch = Watch(until, people, (TEA, FOOD), n)
    for start in range(0, n, batch):
        watch.add(people.ids[start : start + batch], drawn[start : start + batch])
    whole = tally(until, people, (TEA, FOOD), drawn)
    assert watch.found.persons == n
    assert np.allclose(watch.found.squares, whole.squares)
    for one, other in zip(watch.found.options, whole.options, strict=True):
        assert np.allclose(one, other)


def test_the_order_is_that_of_the_seed_and_not_that_of_the_panel() -> None:
    people = panel(500)
    first = stopping.order(people, 1)
    assert sorted(first.tolist()) == list(range(500))
    assert not np.array_equal(first, np.arange(500))
    assert not np.array_equal(first, stopping.order(people, 2))
    # The same persons come in the same order where some were erased, or the panel is sorted otherwise.
    fewer = people.take(np.arange(499, -1, -2))
    kept = [people.ids[i] for i in first if people.ids[i] in set(fewer.ids)]
    assert [fewer.ids[i] for i in stopping.order(fewer, 1)] == kept
    # Being asked early says nothing of what is answered.
    place = np.argsort(first)
    drawn = uniforms(1, people.ids, ["tea"])[:, 0]
    assert abs(np.corrcoef(place, drawn)[0, 1]) < 0.1


def test_shares_at_the_moment_of_stopping_are_nearly_as_good_as_they_say() -> None:
    # 2,000 fieldings of a share of .3, looked at every 25 persons until the interval is ±.05.
    rng = np.random.default_rng(3)
    answers = rng.random((2000, 1000)) < 0.3
    looks = np.arange(25, 1001, 25)
    shares = answers.cumsum(axis=1)[:, looks - 1] / looks
    widths = np.stack([half_widths(shares[:, k], float(n)) for k, n in enumerate(looks)], axis=1)
    assert (widths.min(axis=1) <= 0.05).all()
    stop = np.argmax(widths <= 0.05, axis=1)
    rows = np.arange(2000)
    at, n = shares[rows, stop], looks[stop].astype(float)
    z = 1.959963984540054
    middle = (at + z**2 / (2 * n)) / (1 + z**2 / n)
    low, high = middle - widths[rows, stop], middle + widths[rows, stop]
    covered = float(((low <= 0.3) & (high >= 0.3)).mean())
    assert 0.93 <= covered <= 0.965
    assert abs(at.mean() - 0.3) < 0.003


@pytest.mark.parametrize(
    "given",
    [{}, {"persons": 3, "precision": 0.1}, {"persons": 3, "question": "tea"}, {"persons": 0}, {"cell": {}}],
)
def test_a_rule_is_one_rule(given) -> None:
    with pytest.raises(ValueError, match=r"(?i)one of|question|greater|at least"):
        Until(**given)


@pytest.mark.parametrize(
    ("until", "error", "said"),
    [
        (Until(persons=31), DocumentError, "until.persons: the panel has 30, found 31"),
        (Until(cell={"age": {"old": 1}}), UnknownName, "Unknown attribute 'age'; choose from 'sex'"),
        (Until(cell={"sex": {"x": 1}}), UnknownName, "Unknown value of sex 'x'; choose from 'female'"),
        (Until(cell={"sex": {"male": 11}}), DocumentError, "the panel has 10 persons with 'male', found 11"),
        (Until(precision=0.1, question="x"), UnknownName, "Unknown question 'x'; choose from 'tea'"),
    ],
)
def test_a_rule_that_cannot_be_met_is_refused_before_anybody_is_asked(until, error, said) -> None:
    with pytest.raises(error, match=said):
        stopping.check(until, panel(30), (TEA,))
