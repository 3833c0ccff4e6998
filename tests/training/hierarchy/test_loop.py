from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import softmax
from simulated_survey import LEVELS, Survey, log_score, survey
from word_encoder import WordEncoder

from grounding.sources.toplines import Anchor
from grounding.splits import Split
from personas.answer import Answers
from personas.models.factored import load
from personas.panel import Panel, from_columns
from personas.question import Question
from training.dataset import training_data
from training.hierarchy.loop import BaseModel, Fitted, fit
from training.registry.card import worth

RULE = Split(3, 0.4, ("rivers", "tanks"))
WORLD = survey(700, seed=11)


def fitted(people: Panel, answers: Answers, rule: Split = RULE, seed: int = 1) -> Fitted:
    base = BaseModel("words", "words", (0, 1), WordEncoder())
    data = training_data(people, answers, rule, people.attributes)
    return fit("made up", data, base, rule, 3, seed, lambda line: None)


@pytest.fixture(scope="module")
def model() -> Fitted:
    return fitted(WORLD.people, WORLD.answers)


@pytest.fixture(scope="module")
def newcomers() -> Survey:
    """People who were never in the panel, answering everything."""
    return survey(1500, seed=12, missing=0.0, prefix="newcomer")


def scores(model: Fitted, world: Survey, names: Sequence[str]) -> dict[str, float]:
    answers = world.answers.only(names)
    asked = answers.questions
    places = [i for i, q in enumerate(world.answers.questions) if q.name in names]
    return {
        "model": log_score(model.model.distributions(world.people, asked), answers),
        "empty": log_score(model.model.distributions(world.people.empty(), asked), answers),
        "uniform": -float(np.log(3)),
        "truth": log_score([world.truth[i] for i in places], answers),
    }


def test_new_people_are_answered_better_than_by_the_prior(model: Fitted, newcomers: Survey) -> None:
    seen = [q.name for q in WORLD.answers.questions if q.name not in RULE.questions]
    found = scores(model, newcomers, seen)
    assert found["uniform"] < found["empty"] < found["model"] < found["truth"]
    # Most of the way from the prior to the truth.
    assert found["model"] - found["empty"] > 0.8 * (found["truth"] - found["empty"])


def test_unseen_questions_are_answered_better_than_uniformly(model: Fitted, newcomers: Survey) -> None:
    found = scores(model, newcomers, RULE.questions)
    assert found["uniform"] + 0.03 < found["empty"] < found["model"] < found["truth"]


def test_the_log_scores_reported_are_in_the_order_of_what_they_know(model: Fitted) -> None:
    found = model.log_scores
    assert found["uniform"] == pytest.approx(-np.log(3))
    assert found["uniform"] < found["left_out_shares"] < found["left_out_effects"] < found["left_out_people"]
    assert found["prior"] < found["left_out_people"]
    assert found["left_out_people"] == pytest.approx(found["prior"] + model.effects.gain)


def test_fitting_twice_gives_the_same_model(model: Fitted) -> None:
    assert fitted(WORLD.people, WORLD.answers).model.fingerprint == model.model.fingerprint


def test_published_shares_move_the_prior_of_their_question_and_of_no_other(model: Fitted) -> None:
    question = next(q for q in WORLD.answers.questions if q.name not in RULE.questions)
    mine = dict(zip((q.name for q in model.model.config.questions), model.prior.shares, strict=True))
    nearby = 0.9 * mine[question.name] + 0.1 / len(question.options)
    anchor = Anchor(question.name, nearby / nearby.sum(), 1000.0, "study")
    data = training_data(WORLD.people, WORLD.answers, RULE, WORLD.people.attributes)
    base = BaseModel("words", "words", (0, 1), WordEncoder())
    found = fit("made up", data, base, RULE, 3, 1, lambda line: None, anchors=[anchor])
    assert [a.question for a in found.prior.anchored] == [question.name]
    assert 0 < found.prior.anchored[0].strength <= 1000
    for asked, now in zip(found.model.config.questions, found.prior.shares, strict=True):
        if asked.name != question.name:
            np.testing.assert_array_equal(now, mine[asked.name])
            continue
        # Between what the people said and what was published.
        off, before = np.abs(now - anchor.shares).sum(), np.abs(mine[asked.name] - anchor.shares).sum()
        assert 0 < off < before
    (line,) = worth(found.prior.anchored)
    assert line.startswith(f"published shares of {question.name} count as ")
    assert found.model.fingerprint != model.model.fingerprint


def test_nothing_held_out_leaks_into_the_model(model: Fitted) -> None:
    chosen = WORLD.answers.chosen.copy()
    rng = np.random.default_rng(13)
    out = RULE.held_out(WORLD.people.ids)
    chosen[out] = rng.integers(-1, 3, (int(out.sum()), chosen.shape[1]))
    held = [i for i, q in enumerate(WORLD.answers.questions) if q.name in RULE.questions]
    chosen[:, held] = rng.integers(-1, 3, (len(chosen), len(held)))
    again = fitted(WORLD.people, Answers(WORLD.answers.questions, chosen))
    assert again.model.fingerprint == model.model.fingerprint
    assert again.log_scores == model.log_scores


def test_what_is_trained_on_matters(model: Fitted) -> None:
    chosen = WORLD.answers.chosen.copy()
    chosen[np.flatnonzero(~RULE.held_out(WORLD.people.ids))[0]] = 0
    again = fitted(WORLD.people, Answers(WORLD.answers.questions, chosen))
    assert again.model.fingerprint != model.model.fingerprint


def test_attributes_that_people_held_out_alone_have_change_no_answer(model: Fitted) -> None:
    # A value seen among held-out people only has no share in training.
    out = np.flatnonzero(RULE.held_out(WORLD.people.ids))[0]
    columns = {name: list(WORLD.people.values(name)) for name in LEVELS}
    columns["pet"][out] = "crocodile"
    people = from_columns(WORLD.people.ids, columns, WORLD.people.weights)
    again = fitted(people, WORLD.answers)
    asked = WORLD.answers.questions
    rows = np.flatnonzero(~RULE.held_out(WORLD.people.ids))
    before = model.model.distributions(WORLD.people.take(rows), asked)
    after = again.model.distributions(people.take(rows), asked)
    for one, other in zip(before, after, strict=True):
        np.testing.assert_allclose(one, other, atol=2e-3)


def test_without_effects_the_model_is_its_prior(newcomers: Survey) -> None:
    world = survey(160, seed=14, strength=0.0)
    found = fitted(world.people, world.answers)
    assert found.effects.blend.max() < 0.5
    assert found.log_scores["left_out_people"] < found.log_scores["prior"] + 0.003
    asked = found.model.config.questions
    for share, rows in zip(
        found.prior.shares, found.model.distributions(newcomers.people, asked), strict=True
    ):
        np.testing.assert_allclose(rows, np.tile(share, (len(rows), 1)), atol=1e-12)


def test_an_empty_persona_gets_the_shrunken_shares(model: Fitted) -> None:
    nobody = WORLD.people.take(np.array([0])).empty()
    found = model.model.distributions(nobody, model.model.config.questions)
    for share, rows in zip(model.prior.shares, found, strict=True):
        np.testing.assert_allclose(rows[0], share, atol=1e-12)


def test_fitted_shares_stay_close_to_those_of_the_prior(model: Fitted) -> None:
    data = training_data(WORLD.people, WORLD.answers, RULE, WORLD.people.attributes)
    found = model.model.distributions(data.people, data.answers.questions)
    for share, rows in zip(model.prior.shares, found, strict=True):
        np.testing.assert_allclose(data.weights @ rows / data.weights.sum(), share, atol=0.02)


def test_renaming_options_changes_no_answer_to_trained_questions(model: Fitted) -> None:
    asked = tuple(
        q.model_copy(update={"options": ("far from enough", "just right", "far more than enough")})
        for q in WORLD.answers.questions
    )
    again = fitted(WORLD.people, Answers(asked, WORLD.answers.chosen))
    names = [q.name for q in model.model.config.questions]
    before = model.model.distributions(WORLD.people, [q for q in WORLD.answers.questions if q.name in names])
    after = again.model.distributions(WORLD.people, [q for q in asked if q.name in names])
    for one, other in zip(before, after, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_permuting_the_options_of_an_unordered_question_permutes_its_answers_and_no_others() -> None:
    world = survey(250, seed=15)
    asked = tuple(q.model_copy(update={"scale": "nominal"}) for q in world.answers.questions)
    order = [1, 2, 0]
    turned = asked[4].model_copy(update={"options": tuple(asked[4].options[i] for i in order)})
    chosen = world.answers.chosen.copy()
    chosen[chosen[:, 4] >= 0, 4] = np.argsort(order)[chosen[chosen[:, 4] >= 0, 4]]
    others: tuple[Question, ...] = (*asked[:4], turned, *asked[5:])
    before = fitted(world.people, Answers(asked, world.answers.chosen)).model.distributions(
        world.people, asked
    )
    after = fitted(world.people, Answers(others, chosen)).model.distributions(world.people, others)
    np.testing.assert_allclose(after[4], before[4][:, order], atol=1e-3)
    for place in {*range(16)} - {4}:
        np.testing.assert_allclose(after[place], before[place], atol=1e-3)


def test_a_single_attribute_and_people_without_weight_are_enough() -> None:
    world = survey(260, seed=16)
    weights = world.people.weights.copy()
    weights[::2] = 0.0
    people = replace(world.people, weights=weights).select(["age"])
    found = fitted(people, world.answers)
    assert np.isfinite(found.effects.ridge)
    for rows in found.model.distributions(people, world.answers.questions):
        np.testing.assert_allclose(rows.sum(axis=1), 1.0)


def test_questions_of_all_kinds_and_one_answered_alike_by_all_are_fitted() -> None:
    rng = np.random.default_rng(17)
    kinds = [(2, "ordinal"), (5, "ordinal"), (4, "nominal"), (3, "ordinal"), (3, "ordinal"), (7, "nominal")]
    asked = tuple(
        Question(
            name=f"q{i}", text=f"What of thing{i}?", options=tuple(f"word{j}" for j in range(n)), scale=scale
        )
        for i, (n, scale) in enumerate(kinds)
    )
    chosen = np.stack([rng.integers(0, n, 300) for n, _ in kinds], axis=1)
    chosen[:, 3] = 2
    world = survey(300, seed=18)
    found = fitted(world.people, Answers(asked, chosen), Split(1, 0.3, ("q4",)))
    answered = found.model.distributions(world.people, asked)
    assert answered[3][:, 2].min() > 0.95
    for rows in answered:
        assert np.all(np.isfinite(rows))
        np.testing.assert_allclose(rows.sum(axis=1), 1.0)


def test_a_saved_model_answers_as_the_one_fitted(model: Fitted, tmp_path: Path, newcomers: Survey) -> None:
    model.model.save(tmp_path)
    again = load(tmp_path, lambda config: WordEncoder())
    asked = newcomers.answers.questions
    before, after = (m.distributions(newcomers.people, asked) for m in (model.model, again))
    for one, other in zip(before, after, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_the_model_takes_to_a_value_that_it_never_saw(model: Fitted) -> None:
    ages = ["55 years or more", "55 years or older", "18 to 34 years"]
    panel = from_columns(["a", "b", "c"], {"age": ages}, np.ones(3))
    if model.model.config.text == 0:
        like = model.model.distributions(panel, model.model.config.questions)
        prior = softmax(model.model.head.log_prior[:3])
        assert np.abs(like[0][1] - prior).sum() < np.abs(like[0][0] - prior).sum()
    textual = replace(model.model, persons=replace(model.model.persons, text=0.5))
    vectors = textual.person_vectors(panel)
    assert np.linalg.norm(vectors[1] - vectors[0]) < np.linalg.norm(vectors[1] - vectors[2])
