import pytest
from hypothesis import given
from hypothesis import strategies as st

from mirrorpanel import lineup, store
from mirrorpanel.lineup import Machine
from mirrorpanel.store import Workspace
from personas.errors import MirrorpanelError, UnknownName
from personas.models.joint import JointModel
from personas.models.scripted import ScriptedModel
from validation.study import StudySpec


@pytest.fixture
def workspace(tmp_path):
    store.create(tmp_path / "w")
    with Workspace(tmp_path / "w") as opened:
        yield opened


def study(**changes):
    return StudySpec(study="s", panel="p", **changes)


def machine(tmp_path):
    return Machine("cpu", "float32", tmp_path)


def test_the_scripted_model_needs_nothing(workspace, tmp_path):
    answering = lineup.answering(workspace, study(model="scripted"), machine(tmp_path))
    assert isinstance(answering.model, ScriptedModel)
    assert answering.adapter_id is answering.adapter is None
    assert answering.processor() == lineup.NO_LANGUAGE_MODEL


def test_a_folder_of_weights_answers_untrained_and_is_loaded_once(workspace, tmp_path, tiny_folder):
    first = lineup.answering(workspace, study(model=str(tiny_folder)), machine(tmp_path))
    again = lineup.answering(workspace, study(model=str(tiny_folder)), machine(tmp_path))
    assert isinstance(first.model, JointModel)
    assert isinstance(again.model, JointModel)
    assert first.model.language is again.model.language
    assert first.model.fingerprint == again.model.fingerprint
    assert first.processor().startswith("cpu, float32")


def test_unknown_models_and_adapters_are_answered_with_what_there_is(workspace, tmp_path):
    with pytest.raises(UnknownName, match="Unknown model 'smol'; choose from 'smollm2-135m'"):
        lineup.answering(workspace, study(model="smol"), machine(tmp_path))
    with pytest.raises(MirrorpanelError, match=r"Unknown adapter 'a'.*make one with: mirrorpanel train"):
        lineup.answering(workspace, study(adapter="a"), machine(tmp_path))


def test_weights_that_were_not_pulled_are_answered_with_the_command(workspace, tmp_path):
    with pytest.raises(MirrorpanelError, match="mirrorpanel models pull smollm2-135m"):
        lineup.answering(workspace, study(model="smollm2-135m"), machine(tmp_path))


def test_licences_are_those_of_the_catalogue_or_left_to_the_folder(tiny_folder):
    assert lineup.licence("smollm2-135m") == "Apache-2.0"
    assert str(tiny_folder) in lineup.licence(str(tiny_folder))


@given(st.integers(min_value=1, max_value=120))
def test_middle_layers_exist_and_ascend(n_layers):
    layers = lineup.middle_layers(n_layers)
    assert list(layers) == sorted(layers)
    assert all(0 <= layer <= n_layers for layer in layers)
