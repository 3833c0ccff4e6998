"""The ladder on simulated surveys whose truth is known."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from pydantic import ValidationError
from simulated_survey import Survey, survey
from word_encoder import WordEncoder

from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray
from personas.errors import DataError
from personas.measures import ceilings, gap, scores
from personas.measures.estimate import Estimate
from personas.panel import Panel
from personas.question import Question
from training.dataset import TrainingData
from training.ladder import measured, verdict
from training.ladder.cost import Spent, watched
from training.ladder.held_out import HeldOut
from training.ladder.ladder import Fitted, Ladder, LadderSpec, Part, ladder
from training.ladder.rungs import catalogue
from training.ladder.rungs.catalogue import Tools

NAMES = ("rivers", "forests", "birds", "tanks", "soldiers", "ships")
NEW = ("lakes", "planes")
QUICK = LadderSpec(rungs=("uniform", "item_share", "cells", "ordered_logit", "retrieval"), replicates=60)


@dataclass(frozen=True)
class Told:
    """A model that is told its answers, person by person."""

    answers: dict[str, FloatArray]
    ids: tuple[str, ...]
    name: str = "told"
    fingerprint: str = "told"

    def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        rows = [self.ids.index(i) for i in panel.ids]
        return [self.answers[q.name][rows] for q in questions]


@dataclass(frozen=True)
class Slow(Told):
    """The same, one person at a time."""

    def iterate(
        self, panel: Panel, questions: Sequence[Question]
    ) -> Iterator[tuple[slice, list[FloatArray]]]:
        for row in range(len(panel)):
            found = self.distributions(panel.take(np.array([row])), questions)
            yield slice(row, row + 1), found


def told(kind: type[Told], made: Survey, truth: bool) -> Told:
    names = [q.name for q in made.answers.questions]
    known = made.truth if truth else [t[:, ::-1] for t in made.truth]
    return kind(dict(zip(names, known, strict=True)), made.people.ids)


def as_training(made: Survey) -> TrainingData:
    weights = made.people.weights
    return TrainingData(made.people, made.answers.only(NAMES), weights / weights.mean())


@pytest.fixture(scope="module")
def unseen() -> Survey:
    return survey(300, seed=22, strength=1.5, prefix="new")


@pytest.fixture(scope="module")
def built(unseen: Survey) -> Ladder:
    trained = [
        Fitted("truth", "The truth", "trained", told(Told, unseen, True), True, Spent()),
        Fitted("wrong", "Mirrored truth", "trained", told(Slow, unseen, False), True, Spent(), True),
    ]
    parts = [
        Part(
            "unseen_people", "unseen people, seen questions", unseen.people, unseen.answers.only(NAMES), False
        ),
        Part("unseen_both", "unseen people, unseen questions", unseen.people, unseen.answers.only(NEW), True),
    ]
    spec = QUICK.model_copy(update={"seconds": 1e-9, "questions": 4, "people": 40})
    data = as_training(survey(400, seed=21, strength=1.5))
    return ladder(data, parts, spec, Tools(encoder=WordEncoder()), trained)


def test_the_rungs_stand_in_order_with_figures_and_costs(built: Ladder) -> None:
    part = built.parts[0]
    assert [m.rung for m in part.rungs] == [*QUICK.rungs, "truth", "wrong"]
    for m in part.rungs:
        assert m.cost is not None
        assert m.cost.answers_per_second > 0
    share, truth = part.rungs[1], part.rungs[5]
    assert share.signal is None
    assert truth.signal is not None
    assert truth.signal.low > 0.2
    assert truth.log_loss < min(m.log_loss for m in part.rungs if m.rung != "truth")
    assert part.rungs[0].gap_closed == 0.0


def test_the_baseline_is_the_statistical_rung_that_loses_least(built: Ladder) -> None:
    for part in built.parts:
        statistics = [m for m in part.rungs if m.family == "statistics"]
        best = min(statistics, key=lambda m: m.log_loss)
        assert part.best_baseline == best.rung
        assert [m.rung for m in part.rungs if m.comparison is None] == [best.rung]


def test_what_is_worse_is_called_worse_and_the_verdict_names_what_to_use(built: Ladder) -> None:
    wrong = next(m for m in built.parts[0].rungs if m.rung == "wrong")
    assert wrong.comparison is not None
    assert wrong.comparison.log_loss.high < 0
    text = "\n".join(built.verdict)
    assert "Mirrored truth" in verdict.glance(built.parts[0].title, built.parts[0].rungs).worse
    assert built.verdict[0].startswith("For unseen people, seen questions use ")
    assert "uniform guess: no other" not in text


def test_a_slow_rung_is_measured_on_part_of_the_people_and_compared_on_the_same(built: Ladder) -> None:
    wrong = next(m for m in built.parts[0].rungs if m.rung == "wrong")
    assert (wrong.people, wrong.questions) == (40, 3)  # every second of six questions
    assert wrong.order_sensitivity is not None


def test_rungs_that_know_nothing_of_new_questions_are_listed_with_the_reason(built: Ladder) -> None:
    listed = {n.rung: n.reason for n in built.parts[1].not_run}
    assert listed == dict.fromkeys(("cells", "ordered_logit"), "says nothing of questions without answers")


def test_the_ladder_survives_being_written_and_read(built: Ladder) -> None:
    assert Ladder.model_validate_json(built.model_dump_json()) == built


def test_where_attributes_do_nothing_the_item_share_is_said_to_be_enough() -> None:
    test = survey(300, seed=32, strength=0.0, prefix="new")
    part = Part("unseen_people", "unseen people", test.people, test.answers.only(NAMES), False)
    wrong = Fitted("wrong", "Mirrored truth", "trained", told(Told, test, False), True, Spent())
    found = ladder(as_training(survey(300, seed=31, strength=0.0)), [part], QUICK, Tools(), [wrong])
    text = "\n".join(found.verdict)
    assert "The item share is enough" in text
    assert text.count("When to do without a trained model: here") == 1
    assert "Mirrored truth: loses ." in text


def test_where_a_trained_model_is_better_in_one_part_only_the_others_are_named(built: Ladder) -> None:
    rungs = tuple(m for m in built.parts[0].rungs if m.family != "trained" or m.rung == "wrong")
    gain = Estimate(value=0.1, low=0.05, high=0.2)
    better = [
        m.model_copy(update={"comparison": m.comparison.model_copy(update={"log_loss": gain})})
        if m.rung == "wrong" and m.comparison
        else m
        for m in rungs
    ]
    parts = [verdict.Evidence("seen", False, rungs), verdict.Evidence("new", True, tuple(better))]
    said = verdict.words(parts)[-1]
    assert said.startswith("When to do without a trained model: in the parts that follow, since")
    assert "for seen" in said
    assert "for new" not in said


def test_a_rung_without_its_language_model_is_not_run() -> None:
    made = survey(60, seed=5)
    part = Part("unseen_people", "unseen people", made.people, made.answers.only(NAMES), False)
    spec = LadderSpec(rungs=("uniform", "item_share", "plain_prompt"), replicates=50)
    found = ladder(as_training(made), [part], spec, Tools())
    assert [n.reason for n in found.parts[0].not_run] == ["no language model was given"]


@dataclass(frozen=True)
class Failing:
    """A model whose library fails."""

    name: str = "failing"
    fingerprint: str = "failing"

    def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        raise RuntimeError("mat1 and mat2\nshapes cannot be multiplied")


def fails(data: TrainingData, tools: Tools) -> Failing:
    raise np.linalg.LinAlgError("Singular matrix")


def test_a_rung_that_fails_with_any_error_stands_among_those_not_run_and_the_others_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = survey(60, seed=5)
    monkeypatch.setitem(catalogue.RUNGS, "cells", replace(catalogue.get("cells"), make=fails))
    part = Part("unseen_people", "unseen people", made.people, made.answers.only(NAMES), False)
    spec = LadderSpec(rungs=("uniform", "item_share", "cells"), replicates=50)
    said: list[str] = []
    broken = Fitted("broken", "A broken model", "trained", Failing(), True, Spent())
    found = ladder(as_training(made), [part], spec, Tools(), [broken], said.append)
    assert [m.rung for m in found.parts[0].rungs] == ["uniform", "item_share"]
    assert {n.rung: n.reason for n in found.parts[0].not_run} == {
        "cells": "LinAlgError: Singular matrix",
        "broken": "RuntimeError: mat1 and mat2 shapes cannot be multiplied",
    }
    assert "ladder: a broken model failed: RuntimeError: mat1 and mat2 shapes cannot be multiplied" in said


def test_without_any_statistical_rung_there_is_nothing_to_compare_with(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = survey(60, seed=5)
    for name in ("uniform", "item_share"):
        monkeypatch.setitem(catalogue.RUNGS, name, replace(catalogue.get(name), make=fails))
    part = Part("unseen_people", "unseen people", made.people, made.answers.only(NAMES), False)
    spec = LadderSpec(rungs=("uniform", "item_share"), replicates=50)
    with pytest.raises(DataError, match=r"no statistical rung gave answers .*LinAlgError: Singular matrix"):
        ladder(as_training(made), [part], spec, Tools())


def test_few_questions_and_items_of_known_batteries_are_said_whatever_wins(built: Ladder) -> None:
    people, both = built.parts
    assert "With 6 questions, which differ, little can be shown: hold out more." in built.verdict[0]
    truth = next(m for m in both.rungs if m.rung == "truth")
    assert truth.comparison is not None
    gain = truth.comparison.model_copy(update={"log_loss": Estimate(value=0.2, low=0.1, high=0.3)})
    won = truth.model_copy(update={"comparison": gain})
    for winner in (won, truth):
        rungs = tuple(winner if m is truth else m for m in both.rungs)
        advice, *others = verdict.words([verdict.Evidence(both.title, True, rungs, alike=2)])
        assert ("use the truth" in advice) == (winner is won)
        assert "With 2 questions, which differ, little can be shown: hold out more." in advice
        assert others[0].startswith("Of the questions never trained on, 2 are of the same battery as")
    rungs = [m.model_copy(update={"questions": 8}) for m in people.rungs]
    text = "\n".join(verdict.words([verdict.Evidence(people.title, False, tuple(rungs))]))
    assert "little can be shown" not in text
    assert "same battery" not in text


def test_questions_of_known_batteries_are_found_by_the_ladder_itself(built: Ladder) -> None:
    # All questions of the simulated survey differ in one word.
    assert any("of the same battery as" in line for line in built.verdict)


def test_a_part_without_answers_is_refused() -> None:
    made = survey(60, seed=5)
    chosen = np.full((60, len(NAMES)), NO_ANSWER)
    part = Part("none", "nobody", made.people, Answers(made.answers.only(NAMES).questions, chosen), False)
    with pytest.raises(DataError, match="nobody: 0 people with answers"):
        ladder(as_training(made), [part], QUICK, Tools())


@pytest.mark.parametrize(
    ("rungs", "message"),
    [
        (("uniform", "lasso"), "unknown rung 'lasso'"),
        (("cells", "uniform"), "always on the ladder"),
        (("uniform", "item_share", "uniform"), "named once"),
    ],
)
def test_a_specification_with_wrong_rungs_is_refused(rungs: tuple[str, ...], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        LadderSpec(rungs=rungs)


def held(made: Survey) -> HeldOut:
    return HeldOut(made.people, made.answers, np.zeros(len(made.people), dtype=np.int64), 60, 1)


def test_figures_are_those_of_the_measures(unseen: Survey) -> None:
    found = measured.measure("t", "T", "trained", unseen.truth, held(unseen))
    weights = unseen.people.weights
    assert found.log_loss == scores.log_loss(unseen.truth, unseen.answers, weights)
    assert found.signal is not None
    assert found.signal.value == scores.signal(unseen.truth, unseen.answers, weights)
    assert found.agreement is not None
    assert found.uniform is not None
    _, ceiling = ceilings.ceiling(unseen.answers, weights, np.random.default_rng(8), 300)
    assert found.ceiling == pytest.approx(ceiling.value, abs=0.005)
    assert found.gap_closed == gap.gap_closed(found.agreement.value, found.uniform, found.ceiling or 0.0)
    assert found.variance is not None
    assert found.variance.right == 1.0
    assert found.signal.low < found.signal.value < found.signal.high


def test_a_rung_compared_with_itself_differs_by_nothing(unseen: Survey) -> None:
    same = measured.compare(unseen.truth, unseen.truth, "itself", held(unseen))
    for estimate in (same.log_loss, same.agreement, same.signal):
        assert estimate is not None
        assert (estimate.low, estimate.value, estimate.high) == (0.0, 0.0, 0.0)


def test_shares_of_questions_with_few_answers_are_not_compared() -> None:
    made = survey(15, seed=2, missing=0.0)
    found = measured.measure("t", "T", "trained", made.truth, held(made))
    assert found.agreement is None
    assert found.gap_closed is None
    assert found.log_loss > 0


def test_memory_and_time_of_a_block_are_seen() -> None:
    with watched() as spent:
        block = np.ones(25_000_000)  # 200 MB
        total = block.sum()
    assert total == 25_000_000
    assert 0.15 < spent.memory_gb < 0.6
    assert spent.seconds > 0
