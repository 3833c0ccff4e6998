from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from simulated_survey import Survey, survey

from personas.arrays import FloatArray
from personas.errors import DataError
from personas.panel import UNKNOWN, Panel
from personas.question import Question
from training.leakage import Leakage, PeopleOverlap, QuestionOverlap
from training.registry import evidence as gate_evidence
from training.registry import gates
from training.registry.evidence import HeldOutAnswers, Untuned
from training.registry.gates import GateName, Gates, GateSettings, Tuned
from training.registry.hard_cases import HardCase

QUICK = GateSettings(permutations=199, replicates=200)
CLEAN = Leakage(checked_people=(40, 60), checked_questions=(2, 14))


class Truth:
    """Says what is true of each of the survey's people, with age used by ``sharpness``; 0 is the prior."""

    name = fingerprint = "truth"

    def __init__(self, world: Survey, sharpness: float) -> None:
        self.sharpness = sharpness
        self.places = {q.name: i for i, q in enumerate(world.answers.questions)}
        logs = [np.log(t) for t in world.truth]
        age = world.people.codes[:, 0]
        self.prior = [t.mean(axis=0) for t in logs]
        self.by_age = [np.stack([t[age == a].mean(axis=0) - t.mean(axis=0) for a in range(3)]) for t in logs]

    def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        found: list[FloatArray] = []
        for question in questions:
            place = self.places[question.name]
            codes = panel.codes[:, 0]
            effect = np.where((codes == UNKNOWN)[:, None], 0.0, self.by_age[place][codes])
            odds = np.exp(self.prior[place] + self.sharpness * effect)
            found.append(odds / odds.sum(axis=1, keepdims=True))
        return found


WORLD = survey(400, seed=3, strength=1.0)


def judged(sharpness: float, world: Survey = WORLD, **more: Any) -> Gates:
    held_out = HeldOutAnswers(world.people, world.answers)
    more.setdefault("settings", QUICK)
    return gates.judge(Truth(WORLD, sharpness), held_out, leakage=more.pop("leakage", CLEAN), **more)


def gate(found: Gates, name: GateName) -> gates.Gate:
    return next(g for g in found.gates if g.name == name)


def test_a_model_that_knows_what_age_does_passes_against_its_prior_and_its_shuffled_self() -> None:
    found = judged(1.0)
    assert gate(found, "prior").passed is True
    assert gate(found, "shuffled").figure == 1 / 200
    assert gate(found, "shuffled").passed is True
    assert found.failed == ()
    assert not found.statistics_only


def test_a_model_whose_age_effects_point_the_wrong_way_fails_both() -> None:
    found = judged(-1.0)
    assert {g.name for g in found.failed} == {"prior", "shuffled"}
    with pytest.raises(DataError, match="better than its prior, the shares alone: worse"):
        gates.refuse(found, forced=False)
    gates.refuse(found, forced=True)


def test_a_model_that_equals_its_prior_is_kept_as_statistics_only() -> None:
    found = judged(0.0)
    assert found.statistics_only
    for name in ("prior", "shuffled"):
        assert gate(found, name).outcome == "not applicable"
        assert gate(found, name).sentence == gates.STATISTICS_ONLY
    gates.refuse(found, forced=False)


def test_too_few_people_show_nothing_and_block_nothing() -> None:
    few = np.arange(6)
    world = Survey(WORLD.people.take(few), WORLD.answers.take(few), ())
    found = judged(1.0, world)
    assert gate(found, "prior").outcome == "not shown"
    assert "only" in gate(found, "prior").sentence
    assert found.failed == ()
    assert found.not_shown


def test_nobody_held_out_leaves_the_gates_on_people_without_an_object() -> None:
    nobody = np.zeros(0, dtype=np.int64)
    found = judged(1.0, Survey(WORLD.people.take(nobody), WORLD.answers.take(nobody), ()))
    assert gate(found, "prior").outcome == "not applicable"
    assert found.answers == 0


@pytest.mark.parametrize("seed", range(3))
def test_the_matrix_product_scores_a_deal_as_dealing_out_the_attributes_does(seed: int) -> None:
    model = Truth(WORLD, 1.0)
    seen = gate_evidence.look(model, WORLD.people, WORLD.answers)
    dealt, observed = gate_evidence.shuffled_scores(seen, 1, np.random.default_rng(seed))
    shuffled = WORLD.people.shuffled(np.random.default_rng(seed))
    by_hand = gate_evidence.log_scores(model.distributions(shuffled, WORLD.answers.questions), WORLD.answers)
    weights = np.where(np.isnan(by_hand), 0.0, WORLD.people.weights[:, None])
    assert dealt[0] == pytest.approx(np.nansum(by_hand * weights) / weights.sum(), abs=1e-10)
    assert observed == pytest.approx(np.nansum(seen.own * weights) / weights.sum(), abs=1e-10)


def test_useless_attributes_are_seldom_called_helpful() -> None:
    model = Truth(WORLD, 0.3)
    p: list[float] = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        people = WORLD.people.shuffled(rng).take(np.arange(120))
        seen = gate_evidence.look(model, people, WORLD.answers.take(np.arange(120)))
        dealt, observed = gate_evidence.shuffled_scores(seen, 99, rng)
        p.append(float((1 + np.sum(dealt >= observed)) / 100))
    # Binomial(60, .1) is at most 13 with probability .996.
    assert sum(v <= 0.1 for v in p) <= 13


def test_people_beyond_the_limit_are_left_out_by_lot_and_the_gates_say_so() -> None:
    settings = QUICK.model_copy(update={"people": 100, "questions": 5})
    found = judged(1.0, settings=settings)
    assert (found.people, found.questions) == (100, 5)
    assert found.sentences()[-1] == (
        "Measured on 100 of 400 people held out and 5 of 16 questions, drawn at random."
    )


def test_the_untuned_model_is_compared_on_the_people_it_was_asked_about() -> None:
    rows = np.arange(50, 150)
    names = tuple(q.name for q in WORLD.answers.questions)
    uniform = tuple(np.full((100, 3), 1 / 3) for _ in names)
    found = gate(judged(1.0, untuned=Untuned(rows, names, uniform)), "base")
    assert found.passed is True
    assert "of 100 people" in found.sentence
    assert gate(judged(1.0), "base").outcome == "not applicable"


class Slow(Truth):
    """Answers ten people at a time."""

    def iterate(
        self, panel: Panel, questions: Sequence[Question]
    ) -> Iterator[tuple[slice, list[FloatArray]]]:
        for start in range(0, len(panel), 10):
            rows = slice(start, min(start + 10, len(panel)))
            yield rows, self.distributions(panel.take(np.arange(rows.start, rows.stop)), questions)


def test_the_untuned_model_answers_until_its_time_is_up() -> None:
    held_out = HeldOutAnswers(WORLD.people, WORLD.answers)
    ticks = iter(float(t) for t in range(100))
    found = gate_evidence.ask_untuned(Slow(WORLD, 0.5), held_out, 3.0, 1, 4, lambda: next(ticks))
    assert found is not None
    assert len(found.rows) == 30
    assert [d.shape for d in found.distributions] == [(30, 3)] * 4
    assert gate_evidence.ask_untuned(Slow(WORLD, 0.5), held_out, 0.0, 1) is None


def test_people_on_both_sides_of_the_split_fail_and_questions_do_where_nobody_asked_for_it() -> None:
    pair = QuestionOverlap(held_out="a", trained="b", kind="battery", similarity=1.0)
    people = PeopleOverlap(scored="p1", trained="p1", kind="same id")
    assert gate(judged(1.0, leakage=Leakage(questions=(pair,))), "leakage").passed is False
    accepted = judged(1.0, leakage=Leakage(questions=(pair,)), accepted=True)
    assert gate(accepted, "leakage").passed is True
    assert "1 pair of questions of one battery stand on both sides" in gate(accepted, "leakage").sentence
    both = judged(1.0, leakage=Leakage(questions=(pair,), people=(people,)), accepted=True)
    assert gate(both, "leakage").passed is False
    assert "p1" not in " ".join(both.sentences())


def test_near_vectors_alone_block_nothing_and_the_sentence_says_what_was_compared() -> None:
    near = QuestionOverlap(held_out="a", trained="b", kind="embedding", similarity=0.2)
    checked = {"checked_people": (9, 90), "checked_questions": (2, 20)}
    words = gate(judged(1.0, leakage=Leakage(**checked)), "leakage").sentence
    assert words.endswith("against 90 and 20 trained on, questions by their words alone")
    clean = gate(judged(1.0, leakage=Leakage(**checked, embedding=True, near=0.85)), "leakage")
    assert clean.passed is True
    assert clean.sentence.endswith("by their words and by vectors (near from a cosine of 0.85)")
    found = Leakage(**checked, questions=(near,), embedding=True)
    unclear = gate(judged(1.0, leakage=found), "leakage")
    assert unclear.outcome == "not shown"
    assert "By vectors alone, which may be wrong: Of the questions held out, 1 is" in unclear.sentence
    assert "a and b (embedding, 0.20)" in unclear.sentence
    assert gate(judged(1.0, leakage=found, accepted=True), "leakage").passed is True
    certain = near.model_copy(update={"kind": "exact"})
    both = found.model_copy(update={"questions": (near, certain)})
    assert gate(judged(1.0, leakage=both), "leakage").passed is False
    nobody = Leakage(checked_people=(9, 90), checked_questions=(0, 20))
    assert gate(judged(1.0, leakage=nobody), "leakage").sentence.endswith("90 and 20 trained on")


def ended(outcome: Any, passed: bool) -> HardCase:
    return HardCase(
        name=f"{outcome}_{passed}", kind="vague", expected="unsure", outcome=outcome, passed=passed,
        spread=None, moved=None, reason="",
    )  # fmt: skip


def test_a_crash_blocks_and_an_answer_that_is_too_sure_does_not() -> None:
    good, sure, crash = ended("wide", True), ended("answered narrowly", False), ended("crashed", False)
    assert gate(judged(1.0, hard=(good,)), "hard_cases").passed is True
    assert gate(judged(1.0, hard=(good, sure)), "hard_cases").outcome == "not shown"
    assert gate(judged(1.0, hard=(good, crash)), "hard_cases").passed is False


def test_what_was_forgotten_or_memorised_is_asked_only_of_changed_weights() -> None:
    assert gate(judged(1.0), "forgetting").sentence == "no weights of the language model were changed"
    forgot: Any = SimpleNamespace(base=3.0, tuned=3.4, bound=0.1, passed=False, describe=lambda: "It rose.")
    kept: Any = SimpleNamespace(
        runs=SimpleNamespace(found=0), passed=True, describe=lambda: ("None found.", "None done.")
    )
    found = judged(1.0, tuned=Tuned(forgot, kept))
    assert gate(found, "forgetting").figure == pytest.approx(0.4)
    assert [g.name for g in found.failed] == ["forgetting"]
    assert gate(found, "memorised").sentence == "None found. None done"


def test_weights_of_zero_count_nobody() -> None:
    weights = np.where(np.arange(400) < 200, WORLD.people.weights, 0.0)
    world = Survey(replace(WORLD.people, weights=weights), WORLD.answers, ())
    assert judged(1.0, world).people == 200
