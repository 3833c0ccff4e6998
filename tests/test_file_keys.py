from pathlib import Path

import pytest

from grounding.population.spec import Imputation, MarginUse, OwnTable
from grounding.sources.codebook import Codebook, Coded
from grounding.sources.crm_spec import CrmSource
from grounding.sources.spec import SurveySource
from grounding.spec import GroundSpec
from personas.document import Document
from training.audit.spec import Allowed, AuditSpec, Contradiction
from training.gradients.episodes import EpisodeSettings
from training.gradients.generative import GenerativeSettings
from training.gradients.joint import JointSettings
from training.gradients.memorised import MemorySettings
from training.gradients.open_ends import OpenEndsSpec
from training.gradients.spec import LoraSpec, VoiceSpec
from training.spec import TrainSpec
from training.split_spec import SplitSpec
from validation.study import StudySpec

PAGE = (Path(__file__).parent.parent / "docs" / "files.md").read_text(encoding="utf-8")
MODELS = (
    *(GroundSpec, SurveySource, CrmSource, OwnTable, Imputation, MarginUse, Codebook),
    *(TrainSpec, SplitSpec, AuditSpec, Contradiction, Allowed, StudySpec),
    *(LoraSpec, VoiceSpec, OpenEndsSpec, EpisodeSettings, JointSettings, GenerativeSettings, MemorySettings),
)


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_every_key_of_every_file_stands_in_the_docs(model: type[Document]) -> None:
    missing = [key for key in model.model_fields if f"`{key}`" not in PAGE]
    assert not missing


def test_every_key_of_a_question_in_a_codebook_stands_in_the_docs() -> None:
    assert not [k for k in Coded.model_fields if k != "codes" and f"`{k}`" not in PAGE]
