from pathlib import Path

import pytest

from grounding.population.spec import Imputation, MarginUse, OwnTable
from grounding.sources.codebook import Codebook, Coded
from grounding.sources.crm_spec import CrmSource
from grounding.sources.spec import SurveySource
from grounding.spec import GroundSpec
from personas.document import Document
from training.spec import SplitSpec, TrainSpec
from validation.study import StudySpec

PAGE = (Path(__file__).parent.parent / "docs" / "files.md").read_text(encoding="utf-8")
MODELS = (
    *(GroundSpec, SurveySource, CrmSource, OwnTable, Imputation, MarginUse, Codebook),
    *(TrainSpec, SplitSpec, StudySpec),
)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_every_key_of_every_file_stands_in_the_docs(model: type[Document]) -> None:
    missing = [key for key in model.model_fields if f"`{key}`" not in PAGE]
    assert not missing


def test_every_key_of_a_question_in_a_codebook_stands_in_the_docs() -> None:
    assert not [k for k in Coded.model_fields if k != "codes" and f"`{k}`" not in PAGE]
