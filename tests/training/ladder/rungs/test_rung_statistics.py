"""The rungs that need nothing but answers, on simulated people."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from simulated_survey import Survey, log_score, survey

from personas.answer import NO_ANSWER, Answers
from personas.models.base import AnswerModel
from personas.panel import UNKNOWN, Panel, from_columns
from personas.question import Question
from training.dataset import TrainingData
from training.ladder.rungs import boosting, cells, logit, multilevel, retrieval, shares
from training.ladder.rungs.columns import Design, QuestionModels, columns, folds

Fit = Callable[[TrainingData], AnswerModel]
FITS: dict[str, Fit] = {
    "uniform": shares.uniform,
    "item share": shares.item_share,
    "cells": cells.fit,
    "multilevel": multilevel.fit,
    "multinomial": logit.multinomial,
    "ordered": logit.ordinal,
    "boosting": boosting.fit,
    "retrieval": retrieval.fit,
}
USING_ATTRIBUTES = ("cells", "multilevel", "multinomial", "ordered", "boosting", "retrieval")
NAMES = ("rivers", "forests", "tanks", "soldiers")


def training(made: Survey, names: tuple[str, ...] = NAMES) -> TrainingData:
    weights = made.people.weights
    return TrainingData(made.people, made.answers.only(names), weights / weights.mean())


@pytest.fixture(scope="module")
def fresh() -> Survey:
    return survey(1500, seed=9, strength=1.0, missing=0.0)


@pytest.fixture(scope="module")
def strong() -> TrainingData:
    return training(survey(400, seed=3))


@pytest.fixture(scope="module")
def models(strong: TrainingData) -> dict[str, AnswerModel]:
    return {name: fit(strong) for name, fit in FITS.items()}


@pytest.mark.parametrize("name", USING_ATTRIBUTES)
def test_a_rung_that_uses_attributes_beats_the_item_share_where_age_matters(
    name: str, models: dict[str, AnswerModel], fresh: Survey
) -> None:
    answers = fresh.answers.only(NAMES)
    share = log_score(models["item share"].distributions(fresh.people, answers.questions), answers)
    own = log_score(models[name].distributions(fresh.people, answers.questions), answers)
    truth = log_score(
        [fresh.truth[[q.name for q in fresh.answers.questions].index(n)] for n in NAMES], answers
    )
    assert own > share + 0.5 * (truth - share)


@pytest.mark.parametrize("name", USING_ATTRIBUTES)
def test_where_attributes_do_nothing_no_rung_loses_much_to_the_item_share(name: str) -> None:
    data, test = training(survey(150, seed=4, strength=0.0)), survey(1500, seed=10, strength=0.0)
    answers = test.answers.only(NAMES)
    # Sex and age add nothing at strength 0, so all that is learned of them is noise.
    share = log_score(shares.item_share(data).distributions(test.people, answers.questions), answers)
    own = log_score(FITS[name](data).distributions(test.people, answers.questions), answers)
    assert own > share - 0.02


@pytest.mark.parametrize("name", list(FITS))
def test_every_rung_gives_distributions_whatever_the_panel_lacks(
    name: str, strong: TrainingData, models: dict[str, AnswerModel]
) -> None:
    odd = from_columns(
        ["a", "b", "c"], {"age": ["90 years", None, "18 to 34 years"], "new": ["x"] * 3}, np.ones(3)
    )
    model = models[name]
    for panel in (odd, strong.people.take(np.arange(3)).empty()):
        for found in model.distributions(panel, strong.answers.questions):
            assert found.shape == (3, 3)
            np.testing.assert_allclose(found.sum(axis=1), 1.0, atol=1e-9)
            assert found.min() > 0


@pytest.mark.parametrize("name", list(FITS))
def test_people_whose_attribute_decides_the_answer_and_a_question_all_answer_alike_do_no_harm(
    name: str,
) -> None:
    """Complete separation, and a question and an option that nobody chose."""
    n = 60
    side = np.arange(n) % 2
    people = from_columns(
        [str(i) for i in range(n)],
        {"side": [("left", "right")[s] for s in side], "same": ["x"] * n},
        np.ones(n),
    )
    asked = (
        Question(name="decided", text="Which?", options=("a", "b", "never")),
        Question(name="alike", text="All?", options=("yes", "no"), scale="nominal"),
    )
    chosen = np.stack([side, np.zeros(n, dtype=np.int64)], axis=1).astype(np.int64)
    model = FITS[name](TrainingData(people, Answers(asked, chosen), np.ones(n)))
    decided, alike = model.distributions(people, asked)
    assert decided.min() > 0
    assert alike.min() > 0
    if name in USING_ATTRIBUTES:
        assert decided[np.arange(n), side].min() > 0.7
        assert alike[:, 0].min() > 0.9


def test_a_question_not_trained_on_gets_the_mean_of_its_kind(strong: TrainingData) -> None:
    model = shares.item_share(strong)
    like = Question(name="new", text="Something new?", options=("none", "some", "much"))
    unlike = Question(name="other", text="And this?", options=("yes", "no"))
    found, even = model.distributions(strong.people.take(np.arange(2)), [like, unlike])
    mean = np.mean([c.share for c in columns(strong)], axis=0)
    np.testing.assert_allclose(found[0], mean, atol=0.02)
    np.testing.assert_allclose(even, 0.5)


def test_levels_are_matched_by_name_when_another_panel_numbers_them_differently(strong: TrainingData) -> None:
    people = strong.people
    turned = replace(
        people,
        levels=tuple(tuple(reversed(levels)) for levels in people.levels),
        codes=np.where(
            people.codes == UNKNOWN, UNKNOWN, np.array([len(v) - 1 for v in people.levels]) - people.codes
        ),
    )
    design = Design(people)
    np.testing.assert_array_equal(design.codes(turned), design.codes(people))


def test_unknown_is_a_level_of_its_own_only_where_it_occurs_in_training(strong: TrainingData) -> None:
    sizes = dict(zip(strong.people.attributes, Design(strong.people).sizes, strict=True))
    assert sizes == {"age": 4, "sex": 2, "pet": 2}


def test_dummies_have_mean_zero_and_a_new_level_is_average(strong: TrainingData) -> None:
    design = Design(strong.people)
    dummies = design.dummies(strong.people)
    np.testing.assert_allclose(strong.people.weights @ dummies / strong.people.weights.sum(), 0.0, atol=1e-12)
    new = from_columns(["n"], {"age": ["200 years"], "sex": [None], "pet": ["emu"]}, np.ones(1))
    np.testing.assert_array_equal(design.dummies(new), 0.0)


def test_questions_past_the_time_limit_have_their_item_share_and_are_named(strong: TrainingData) -> None:
    model = boosting.fit(strong, seconds=0.0)
    assert isinstance(model, QuestionModels)
    assert model.left_out == NAMES
    same = shares.item_share(strong).distributions(strong.people, strong.answers.questions)
    for own, share in zip(model.distributions(strong.people, strong.answers.questions), same, strict=True):
        np.testing.assert_array_equal(own, share)


def test_the_fingerprint_changes_with_one_answer(strong: TrainingData) -> None:
    chosen = strong.answers.chosen.copy()
    chosen[0, 0] = NO_ANSWER if chosen[0, 0] != NO_ANSWER else 0
    other = replace(strong, answers=Answers(strong.answers.questions, chosen))
    assert shares.item_share(strong).fingerprint == shares.item_share(strong).fingerprint
    assert shares.item_share(strong).fingerprint != shares.item_share(other).fingerprint


def test_cells_are_made_of_the_attributes_that_matter(strong: TrainingData) -> None:
    model = cells.fit(strong)
    chosen = [p for p in model.predictors.values() if isinstance(p, cells.Cells)]
    assert len(chosen) == len(NAMES)
    age, sex = (strong.people.attributes.index(a) for a in ("age", "sex"))
    assert all(c.crossed[0] == age for c in chosen)
    assert all(set(c.crossed) <= {age, sex} for c in chosen)


def test_cell_shares_are_counts_and_item_share_by_hand() -> None:
    people = from_columns([str(i) for i in range(80)], {"side": ["left"] * 40 + ["right"] * 40}, np.ones(80))
    asked = (Question(name="q", text="Q?", options=("yes", "no")),)
    chosen = np.array([0] * 36 + [1] * 4 + [1] * 36 + [0] * 4)[:, None]
    model = cells.fit(TrainingData(people, Answers(asked, chosen), np.ones(80)))
    (found,) = model.predictors.values()
    assert isinstance(found, cells.Cells)
    # The item share is .5 and each cell has 40 people.
    expected = (36 + 0.5 * found.strength) / (40 + found.strength)
    assert model.distributions(people, asked)[0][0, 0] == pytest.approx(expected)
    assert 0.7 < expected < 0.9


def test_folds_depend_on_nothing_but_the_id() -> None:
    ids = [f"p{i}" for i in range(200)]
    whole = folds(ids)
    np.testing.assert_array_equal(folds(ids[50:]), whole[50:])
    assert np.bincount(whole, minlength=4).min() > 25


def test_an_empty_panel_gets_no_rows(strong: TrainingData, models: dict[str, AnswerModel]) -> None:
    nobody: Panel = strong.people.take(np.array([], dtype=np.int64))
    for model in models.values():
        assert model.distributions(nobody, strong.answers.questions[:1])[0].shape == (0, 3)
