from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from personas.arrays import FloatArray
from personas.models.offset import OffsetModel, offset
from personas.panel import Panel, from_columns
from personas.question import Question


class Fixed:
    """Answers every question with the same shares."""

    def __init__(self, name: str, *shares: float) -> None:
        self.name, self.fingerprint, self.shares = name, f"print of {name}", np.array(shares)

    def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        return [np.tile(self.shares, (len(panel), 1)) for _ in questions]


QUESTION = Question(name="q", text="Yes?", options=("yes", "no"))


def test_an_offset_has_the_value_worked_in_its_description() -> None:
    rows = offset(np.log([0.5, 0.5]), np.array([[0.6, 0.4]]), np.array([[0.2, 0.8]]), 1.0)
    np.testing.assert_allclose(rows, [[6 / 7, 1 / 7]])


@settings(deadline=None)
@given(st.integers(2, 6), st.integers(0, 1000), st.floats(0.0, 2.0))
def test_a_model_that_learned_nothing_gives_the_prior_and_rows_sum_to_one(
    n: int, seed: int, blend: float
) -> None:
    rng = np.random.default_rng(seed)
    prior, same, other = (rng.dirichlet(np.ones(n)) for _ in range(3))
    np.testing.assert_allclose(offset(np.log(prior), same[None], same[None], blend), prior[None])
    moved = offset(np.log(prior), other[None], same[None], blend)
    assert moved.sum() == pytest.approx(1.0)
    np.testing.assert_allclose(offset(np.log(prior), other[None], same[None], 0.0), prior[None])


def test_options_that_both_models_deem_impossible_keep_their_prior() -> None:
    rows = offset(np.log([0.3, 0.7]), np.array([[0.0, 1.0]]), np.array([[0.0, 1.0]]), 1.0)
    np.testing.assert_allclose(rows, [[0.3, 0.7]])


def test_the_model_answers_for_each_person_and_its_fingerprint_says_what_it_is_made_of(
    small_panel: Panel,
) -> None:
    tuned, base = Fixed("tuned", 0.6, 0.4), Fixed("base", 0.2, 0.8)
    model = OffsetModel(tuned, base, lambda q: np.log([0.5, 0.5]), "item shares")
    rows = model.distributions(small_panel, [QUESTION])
    np.testing.assert_allclose(rows[0], np.tile([6 / 7, 1 / 7], (len(small_panel), 1)))
    assert model.name == "tuned over item shares"
    others = [
        OffsetModel(tuned, base, model.prior, "cells"),
        OffsetModel(tuned, base, model.prior, "item shares", blend=0.5),
        OffsetModel(base, base, model.prior, "item shares"),
    ]
    assert len({model.fingerprint, *(o.fingerprint for o in others)}) == 4


def test_persons_come_a_few_at_a_time_with_the_same_answers() -> None:
    class ByEducation(Fixed):
        def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
            p = (panel.codes[:, 0] + 2.0) / 10
            return [np.stack([p, 1 - p], axis=1) for _ in questions]

    columns = {"education": ["none", "school", "degree", "school"] * 5}
    many = from_columns([f"p{i}" for i in range(20)], columns, np.ones(20))
    model = OffsetModel(ByEducation("t"), Fixed("b", 0.3, 0.7), lambda q: np.log([0.4, 0.6]), "shares", 0.7)
    whole = model.distributions(many, [QUESTION])[0]
    parts = list(model.iterate(many, [QUESTION]))
    assert [rows.stop for rows, _ in parts] == [8, 16, 20]
    np.testing.assert_array_equal(np.concatenate([found[0] for _, found in parts]), whole)


def test_the_models_are_told_of_no_attribute_that_was_not_trained_on() -> None:
    seen: list[tuple[str, ...]] = []

    class Listening(Fixed):
        def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
            seen.append(panel.attributes)
            return super().distributions(panel, questions)

    columns = {"pet": ["cat", "dog"], "age": ["old", "young"], "income": ["low", "high"]}
    panel = from_columns(["a", "b"], columns, np.ones(2))
    plain = OffsetModel(Listening("t", 0.6, 0.4), Listening("b", 0.2, 0.8), lambda q: np.log([0.5, 0.5]), "s")
    told = replace(plain, attributes=("age", "pet", "region"))
    assert told.fingerprint != plain.fingerprint
    told.distributions(panel, [QUESTION])
    assert set(seen) == {("age", "pet")}
