from dataclasses import replace

import numpy as np
import pytest
from simulated_survey import survey

from grounding.splits import Split, split
from personas.answer import NO_ANSWER, Answers
from personas.errors import DataError
from personas.panel import UNKNOWN
from training.dataset import training_data

WORLD = survey(200, seed=1)
RULE = Split(5, 0.4, ("birds", "radar"))


def test_only_people_and_questions_that_are_not_held_out_are_left() -> None:
    data = training_data(WORLD.people, WORLD.answers, RULE, ["age", "sex"])
    out = RULE.held_out(WORLD.people.ids)
    assert data.people.ids == tuple(i for i, o in zip(WORLD.people.ids, out, strict=True) if not o)
    names = [q.name for q in data.answers.questions]
    assert len(names) == 14
    assert not {"birds", "radar"} & set(names)
    np.testing.assert_array_equal(data.answers.column("bees"), WORLD.answers.column("bees")[~out])
    assert data.people.attributes == ("age", "sex")


def test_weights_have_mean_one() -> None:
    data = training_data(WORLD.people, WORLD.answers, RULE, ["age"])
    assert data.weights.mean() == pytest.approx(1.0)
    np.testing.assert_allclose(data.weights / data.weights[0], data.people.weights / data.people.weights[0])


def test_nothing_of_what_is_held_out_reaches_the_training_data() -> None:
    out = RULE.held_out(WORLD.people.ids)
    chosen = WORLD.answers.chosen.copy()
    chosen[out] = 2 - np.maximum(chosen[out], 0)
    held = [i for i, q in enumerate(WORLD.answers.questions) if q.name in RULE.questions]
    chosen[:, held] = 0
    before = training_data(WORLD.people, WORLD.answers, RULE, ["age"])
    after = training_data(WORLD.people, Answers(WORLD.answers.questions, chosen), RULE, ["age"])
    np.testing.assert_array_equal(after.answers.chosen, before.answers.chosen)
    np.testing.assert_array_equal(after.weights, before.weights)


def test_an_attribute_that_the_panel_lacks_is_refused() -> None:
    with pytest.raises(DataError, match="unknown attribute 'shoes'; the panel has age, sex, pet"):
        training_data(WORLD.people, WORLD.answers, RULE, ["age", "shoes"])


def test_an_attribute_known_of_nobody_who_counts_is_refused() -> None:
    codes = WORLD.people.codes.copy()
    codes[:, 2] = UNKNOWN
    people = replace(WORLD.people, codes=codes)
    with pytest.raises(
        DataError, match=r"'pet' is known of none of the \d+ people to train on; leave it out"
    ):
        training_data(people, WORLD.answers, RULE, ["age", "pet"])
    assert training_data(people, WORLD.answers, RULE, ["age"]).people.attributes == ("age",)


def test_a_question_with_few_answers_is_refused_and_weightless_people_do_not_count() -> None:
    chosen = WORLD.answers.chosen.copy()
    kept = np.flatnonzero(~RULE.held_out(WORLD.people.ids))
    chosen[kept[9:], 0] = NO_ANSWER
    chosen[kept[:9], 0] = 1
    few = Answers(WORLD.answers.questions, chosen)
    with pytest.raises(DataError, match="question 'rivers' has 9 answers to train on; 10 are needed"):
        training_data(WORLD.people, few, RULE, ["age"])
    chosen[kept[:40], 0] = 1
    weights = WORLD.people.weights.copy()
    weights[kept[:35]] = 0.0
    with pytest.raises(DataError, match="question 'rivers' has 5 answers to train on"):
        training_data(replace(WORLD.people, weights=weights), few, RULE, ["age"])


def test_a_single_question_left_is_refused() -> None:
    names = [q.name for q in WORLD.answers.questions]
    with pytest.raises(DataError, match="questions left after the split: 1; at least 2 are needed"):
        training_data(WORLD.people, WORLD.answers, split(1, 0.4, names[1:], names), ["age"])
