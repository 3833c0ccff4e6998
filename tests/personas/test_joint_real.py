"""The joint model on the real SmolLM2, where its weights are in the cache."""

import numpy as np
import pytest
from tiny_model import FLOAT32, OneByOne

from personas.errors import MirrorpanelError
from personas.models import catalogue
from personas.models.joint import JointModel
from personas.models.language import LanguageModel
from personas.models.wheel import cache_folder
from personas.panel import Panel, from_columns
from personas.question import Question

TEXT = "Are we spending too much money, too little money, or about the right amount on {}?"
SPENDING = ("too little", "about the right amount", "too much")


@pytest.fixture(scope="module")
def language() -> LanguageModel:
    try:
        source = catalogue.folder("smollm2-135m", cache_folder())
    except MirrorpanelError as error:
        pytest.skip(str(error))
    return LanguageModel.load(source, FLOAT32)


@pytest.fixture(scope="module")
def panel() -> Panel:
    columns = {
        "age_group": ["18-24", "65 and over"],
        "education": ["bachelor's degree", None],
        "party": [None, "strong republican"],
    }
    return from_columns(["p1", "p2"], columns, np.ones(2))


@pytest.fixture(scope="module")
def questions() -> list[Question]:
    topics = ("the environment", "health", "the space exploration program", "welfare")
    agree = ("strongly agree", "agree", "neither agree nor disagree", "disagree", "strongly disagree")
    return [
        *(Question(name=t, text=TEXT.format(t), options=SPENDING) for t in topics),
        Question(name="trust", text="Most people can be trusted. Do you agree?", options=agree),
    ]


def test_joint_scores_equal_one_by_one_to_a_thousandth(
    language: LanguageModel, panel: Panel, questions: list[Question], one_by_one: OneByOne
) -> None:
    answers = JointModel(language).distributions(panel, questions)
    for question, rows in list(zip(questions, answers, strict=True))[::2]:
        np.testing.assert_allclose(rows, one_by_one(language, panel, question), atol=1e-3)


def test_turned_options_give_turned_probabilities(
    language: LanguageModel, panel: Panel, questions: list[Question]
) -> None:
    question = questions[-1]
    order = [3, 0, 4, 2, 1]
    turned = question.model_copy(update={"options": tuple(question.options[i] for i in order)})
    model = JointModel(language)
    rows, again = (model.distributions(panel, [q])[0] for q in (question, turned))
    np.testing.assert_allclose(again, rows[:, order], atol=1e-4)
