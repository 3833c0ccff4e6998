from dataclasses import dataclass
from dataclasses import field as made

import numpy as np
import pytest
import related_model
from hypothesis import given, settings
from hypothesis import strategies as st

from personas.draws import name_key
from personas.errors import WorkspaceError
from personas.models.drawing import Jointly
from personas.models.scripted import ScriptedModel
from personas.panel import Panel, from_columns
from personas.person import Person
from personas.question import Question
from validation.field import AnswerBatch, Fielded, Fielding, answer, field

QUESTIONS = (
    Question(name="roads", text="Roads?", options=("too little", "about right", "too much")),
    Question(name="parks", text="Parks?", options=("yes", "no")),
    Question(name="food", text="Food?", options=("a", "b", "c", "d"), scale="nominal"),
)


def script(person: Person, question: Question) -> np.ndarray:
    """A distribution that depends on the person's attributes and on the question alone."""
    key = name_key(f"{sorted(person.attributes.items())} {question.text}")
    return np.random.default_rng(key).dirichlet(np.ones(len(question.options)))


MODEL = ScriptedModel(script)


def panel(n: int) -> Panel:
    ages = [f"{20 + i % 7}" if i % 5 else None for i in range(n)]
    return from_columns([f"p{i:04}" for i in range(n)], {"age": ages}, np.ones(n))


@dataclass
class Memory:
    """Keeps batches in a dict; fails where told to, before or after it has kept what it was given."""

    fail_at: int | None = None
    kept: dict[tuple[str, str], tuple[int, tuple[float, ...]]] = made(default_factory=dict)
    batches: list[int] = made(default_factory=list)

    def done(self) -> set[str]:
        return {person for person, _ in self.kept}

    def failed(self) -> list[tuple[str, str]]:
        return []

    def mend(self, batch: AnswerBatch) -> None:
        raise AssertionError("nothing failed")

    def write(self, batch: AnswerBatch) -> None:
        if len(self.batches) == self.fail_at:
            raise WorkspaceError("the disk is full")
        self.batches.append(len(batch.persons))
        for i, person in enumerate(batch.persons):
            for j, question in enumerate(batch.questions):
                key = (person, question.name)
                assert key not in self.kept, f"{key} was written twice"
                self.kept[key] = (int(batch.drawn[i, j]), tuple(batch.distributions[j][i]))


def fielded(people: Panel, sink: Memory, batch: int = 7, seed: int = 1, **changes) -> Fielded:
    told: list[int] = changes.pop("told", [])
    asked = changes.pop("questions", QUESTIONS)
    return field(MODEL, people, asked, sink, Fielding(seed, batch), told.append)


def test_everybody_answers_every_question_once() -> None:
    sink, told = Memory(), list[int]()
    found = fielded(panel(30), sink, told=told)
    assert (found.answers, found.resumed) == (90, 0)
    assert found.seconds >= 0
    assert sink.batches == [7, 7, 7, 7, 2]
    assert told == [21, 21, 21, 21, 6]
    assert len(sink.kept) == 90
    for (_, name), (option, distribution) in sink.kept.items():
        n = {q.name: len(q.options) for q in QUESTIONS}[name]
        assert len(distribution) == n
        assert 0 <= option < n
        assert sum(distribution) == pytest.approx(1.0)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 40), st.randoms())
def test_answers_do_not_depend_on_batch_size_or_order(batch: int, shuffler) -> None:
    whole, other = Memory(), Memory()
    fielded(panel(25), whole, batch=1000)
    rows = list(range(25))
    shuffler.shuffle(rows)
    asked = list(QUESTIONS)
    shuffler.shuffle(asked)
    fielded(panel(25).take(np.array(rows)), other, batch=batch, questions=asked)
    assert other.kept == whole.kept


@pytest.mark.parametrize("fail_at", [0, 1, 3, 4])
def test_a_run_that_failed_midway_goes_on_where_it_was(fail_at: int) -> None:
    whole = Memory()
    fielded(panel(30), whole)
    sink = Memory(fail_at=fail_at)
    with pytest.raises(WorkspaceError, match="the disk is full"):
        fielded(panel(30), sink)
    assert len(sink.kept) == 3 * 7 * fail_at
    sink.fail_at = None
    told = list[int]()
    found = fielded(panel(30), sink, batch=4, told=told)
    assert sink.kept == whole.kept
    assert (found.answers, found.resumed) == (90 - 21 * fail_at, 21 * fail_at)
    assert sum(told) == 90


@pytest.mark.parametrize("fail_at", [1, 3])
def test_joint_draws_of_a_run_that_failed_midway_are_those_of_one_that_did_not(fail_at: int) -> None:
    """Whatever is known of the persons, and though the batches are other ones after the failure."""
    model, people = related_model.model(), related_model.panel(30)

    def go(sink: Memory, batch: int) -> None:
        field(model, people, related_model.ASKED, sink, Fielding(1, batch, Jointly(model)), lambda n: None)

    whole, sink = Memory(), Memory(fail_at=fail_at)
    go(whole, 1000)
    with pytest.raises(WorkspaceError, match="the disk is full"):
        go(sink, 7)
    sink.fail_at = None
    go(sink, 4)
    assert sink.kept.keys() == whole.kept.keys()
    for key, (option, distribution) in sink.kept.items():
        assert option == whole.kept[key][0]
        np.testing.assert_allclose(distribution, whole.kept[key][1], atol=1e-12)


def test_a_run_that_is_complete_asks_nobody_again() -> None:
    sink, told = Memory(), list[int]()
    fielded(panel(10), sink)
    before = dict(sink.kept)
    found = fielded(panel(10), sink, told=told)
    assert (found.answers, found.resumed, told) == (0, 30, [30])
    assert sink.kept == before


def test_persons_kept_from_elsewhere_do_not_count() -> None:
    sink = Memory()
    fielded(panel(10), sink)
    found = fielded(panel(4), sink)
    assert (found.answers, found.resumed) == (0, 12)


def test_draws_differ_by_seed_and_distributions_do_not() -> None:
    one, other = Memory(), Memory()
    fielded(panel(200), one, seed=1)
    fielded(panel(200), other, seed=2)
    assert all(one.kept[key][1] == other.kept[key][1] for key in one.kept)
    same = np.mean([one.kept[key][0] == other.kept[key][0] for key in one.kept])
    assert 0.3 < same < 0.8


def test_persons_alike_are_drawn_apart_and_questions_too() -> None:
    even = ScriptedModel()
    twins = from_columns([f"t{i}" for i in range(400)], {"age": ["30"] * 400}, np.ones(400))
    asked = [QUESTIONS[1], QUESTIONS[1].model_copy(update={"name": "parks again"})]
    drawn = answer(even, twins, asked, 5).drawn
    # Four standard errors of a fair coin.
    np.testing.assert_allclose(drawn.mean(axis=0), 0.5, atol=0.1)
    assert abs(np.mean(drawn[:, 0] == drawn[:, 1]) - 0.5) < 0.1


def test_draws_follow_the_distributions() -> None:
    skewed = ScriptedModel(lambda person, question: np.array([0.1, 0.6, 0.3]))
    drawn = answer(skewed, panel(6000), QUESTIONS[:1], 3).drawn[:, 0]
    np.testing.assert_allclose(np.bincount(drawn, minlength=3) / 6000, [0.1, 0.6, 0.3], atol=0.025)


def test_an_option_without_probability_is_never_drawn() -> None:
    sure = ScriptedModel(lambda person, question: np.array([0.0, 1.0, 0.0]))
    assert set(answer(sure, panel(500), QUESTIONS[:1], 3).drawn[:, 0]) == {1}


def test_a_panel_of_nobody_is_fielded_at_once() -> None:
    sink = Memory()
    found = fielded(panel(3).take(np.zeros(0, dtype=np.int64)), sink)
    assert (found.answers, found.resumed, sink.kept) == (0, 0, {})
