import numpy as np
import pytest
from simulated_survey import survey
from word_encoder import WordEncoder

from grounding.splits import Split
from training import card
from training.card import Facts
from training.dataset import training_data
from training.loop import BaseModel, Fitted, fit

FACTS = Facts(
    panel="spending-1", licence="Apache-2.0", people_trained=1234, people_held_out=823,
    questions_held_out=("rivers", "tanks"), seconds=4.25,
)  # fmt: skip


def fitted(strength: float) -> Fitted:
    world = survey(150, seed=2, strength=strength)
    rule = Split(1, 0.3, ("rivers", "tanks"))
    data = training_data(world.people, world.answers, rule, ["age", "sex"])
    base = BaseModel("words", "f1ngerpr1nt", (3, 5), WordEncoder())
    return fit("spending", data, base, rule, 2, 1, lambda line: None)


@pytest.fixture(scope="module")
def model() -> Fitted:
    return fitted(1.5)


def test_the_card_says_what_the_model_is_and_was_fitted_on(model: Fitted) -> None:
    text = card.text(model, FACTS)
    for part in (
        "# Persona model spending",
        "Its answers are not answers of people.",
        model.model.fingerprint,
        "base model f1ngerpr1nt, licence: Apache-2.0",
        "layers: 3, 5",
        "panel spending-1, 1,234 people, 14 questions, in 4.2 s",
        "823 people and the questions rivers, tanks",
        "attributes: age, sex",
    ):
        assert part in text


def test_the_card_gives_every_score_that_was_measured(model: Fitted) -> None:
    text = card.text(model, FACTS)
    for value in model.log_scores.values():
        assert f"| {value:.4f} |" in text


def test_choices_are_given_for_people(model: Fitted) -> None:
    found = card.choices(model)
    assert found["ridge of person effects"] == f"{model.effects.ridge:g}"
    assert found["kernel of shares"].startswith("text 1 (length ")
    assert found["prior strength (people)"] == f"{model.prior.strengths[0]:.1f}"


def test_a_model_without_effects_says_so() -> None:
    found = card.choices(fitted(0.0))
    assert found["ridge of person effects"] == "none kept: no effects beat the prior"
    assert found["kernel of effects"] == "none: nothing carries from question to question"


def test_questions_of_several_kinds_have_a_range_of_strengths(model: Fitted) -> None:
    assert card._range((12.34, 40.0, 12.34)) == "12.3 to 40.0, by kind of question"
    assert np.ptp(model.prior.strengths) == 0
