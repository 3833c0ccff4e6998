"""What many tests share: a tiny random language model, a small panel, a few questions."""

from collections.abc import Generator
from pathlib import Path

import numpy as np
import pytest
from tiny_model import FLOAT32, OneByOne, save_tiny_model, score_one_by_one

from personas.models.language import LanguageModel
from personas.panel import Panel, from_columns
from personas.question import Question


@pytest.fixture(scope="session", autouse=True)
def _outside(tmp_path_factory: pytest.TempPathFactory) -> Generator[None]:
    """Keys and heads of the tests' workspaces lie in a folder of the tests, not in the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MIRRORPANEL_DATA", str(tmp_path_factory.mktemp("outside")))
        yield


@pytest.fixture(scope="session")
def tiny_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of a tiny randomly initialised Llama with a small tokenizer."""
    return save_tiny_model(tmp_path_factory.mktemp("tiny-llama"))


@pytest.fixture(scope="session")
def tiny_language(tiny_folder: Path) -> LanguageModel:
    """The tiny Llama, loaded in float32."""
    return LanguageModel.load(tiny_folder, FLOAT32)


@pytest.fixture(scope="session")
def small_panel() -> Panel:
    """Five persons; the fourth is like the first, and nothing is known of the last."""
    columns = {
        "age_group": ["18-24", "65 and over", "35-44", "18-24", None],
        "sex": ["female", "male", None, "female", None],
        "education": ["bachelor's degree", "less than high school", "high school", "bachelor's degree", None],
    }
    return from_columns(["p1", "p2", "p3", "p4", "p5"], columns, np.ones(5))


@pytest.fixture(scope="session")
def few_questions() -> tuple[Question, ...]:
    """Three questions with two to four options, some of which begin alike."""
    spending = ("too little", "about the right amount", "too much")
    return (
        Question(name="environ", text="Are we spending too much on the environment?", options=spending),
        Question(name="health", text="Are we spending too much on health?", options=spending),
        Question(name="survey", text="Is it truthfully so?", options=("yes", "no", "yes indeed", "neither")),
    )


@pytest.fixture(scope="session")
def one_by_one() -> OneByOne:
    """Scores every option with a forward pass of its own, as a simple script would do."""
    return score_one_by_one
