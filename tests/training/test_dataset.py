from dataclasses import replace

import numpy as np
import pytest
from simulated_survey import TOPICS, survey

from grounding.splits import Levels, Split, split
from personas.answer import NO_ANSWER, Answers
from personas.errors import DataError, DocumentError
from personas.panel import UNKNOWN
from personas.question import Question
from training.dataset import decided, groups, training_data
from training.split_spec import SplitSpec

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


def test_people_kept_for_rectification_and_those_of_the_segment_are_never_trained_on() -> None:
    rule = Split(5, 0.4, ("birds",), 0.2, (Levels("sex", ("male",)),))
    data = training_data(WORLD.people, WORLD.answers, rule, ["age"])
    male = {i for i, sex in zip(WORLD.people.ids, WORLD.people.values("sex"), strict=True) if sex == "male"}
    kept = np.array(WORLD.people.ids)[rule.kept_for_rectification(WORLD.people.ids)]
    assert data.people.ids
    assert not set(data.people.ids) & (male | set(kept))
    plain = training_data(WORLD.people, WORLD.answers, Split(5, 0.4, ("birds",)), ["age"])
    assert set(data.people.ids) == set(plain.people.ids) - male - set(kept)


def test_held_out_by_battery_the_questions_of_one_family_go_together() -> None:
    questions = WORLD.answers.questions
    with pytest.raises(
        DocumentError, match=r"the 16 questions form 2 batteries \(rivers, .*hold out at least 8"
    ):
        decided(SplitSpec(questions=4), questions)
    found = decided(SplitSpec(questions=4, by="question", seed=2), questions)
    assert len(found.split.questions) == 4
    assert found.blocks == tuple((q.name,) for q in questions if q.name in found.split.questions)
    assert {o.held_out for o in found.overlaps} == set(found.split.questions)
    assert {o.kind for o in found.overlaps} == {"battery"}


def test_a_whole_battery_is_held_out_and_nothing_like_it_is_trained_on() -> None:
    others = (
        Question(name="shop", text="Where did you buy your last pair of shoes?", options=("shop", "web")),
        Question(name="bus", text="Does a bus stop near your home?", options=("yes", "no")),
    )
    questions = (*WORLD.answers.questions, *others)
    found = decided(SplitSpec(questions=("tanks",)), questions)
    assert found.blocks == (TOPICS["army"],)
    assert found.split.questions == tuple(sorted(TOPICS["army"]))
    assert found.overlaps == ()
    assert decided(SplitSpec(questions=3), questions).split.questions == ("bus", "shop")


def test_what_the_training_file_says_of_people_is_in_the_split() -> None:
    spec = SplitSpec(
        people=0.3, rectification=0.1, segment={"sex": ("male",)}, wave={"pet": ("dog",)}, seed=9
    )
    found = decided(spec, WORLD.answers.questions).split
    assert found == Split(9, 0.3, (), 0.1, (Levels("sex", ("male",)),), (Levels("pet", ("dog",)),))
    counts = [int(mask.sum()) for mask in groups(found, WORLD.people)]
    assert sum(counts) == 200
    *counted, suspects = counts
    assert min(counted) > 0
    assert suspects == 0


def test_a_segment_of_nobody_is_refused() -> None:
    young = WORLD.people.take(np.array([v == "18 to 34 years" for v in WORLD.people.values("age")]))
    rule = decided(SplitSpec(segment={"age": ("55 years or more",)}), WORLD.answers.questions).split
    with pytest.raises(
        DocumentError, match=r"split\.segment: nobody of the .* people has age 55 years or more"
    ):
        groups(rule, young)
