import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tiny_model import FLOAT32, save_tiny_model

from personas.errors import MirrorpanelError
from personas.models.encoder import Encoder
from personas.models.language import LanguageModel
from personas.models.tree import ROOT, Segment, pack, stack
from personas.question import Question
from training.gradients.backbone import Backbone, LoraSettings
from training.gradients.vectors import LoraVectors

pytorch: Any = torch
LAYERS = (2, 3)
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture
def backbone(tiny_folder: Path) -> Backbone:
    return Backbone.load(tiny_folder, FLOAT32, LoraSettings(rank=4, first=1))


def move(backbone: Backbone, seed: int = 1) -> None:
    """Puts the adapter somewhere else than at the start, where it changes nothing."""
    generator = pytorch.Generator().manual_seed(seed)
    with pytorch.no_grad():
        for tensor in backbone.tensors().values():
            tensor.add_(0.2 * pytorch.randn(tensor.shape, generator=generator))


def encoded(language: LanguageModel, questions: tuple[Question, ...]) -> np.ndarray:
    from personas.models.factored import question_option_vectors

    return question_option_vectors(Encoder(language, LAYERS), questions)


def test_a_fresh_adapter_changes_nothing(
    backbone: Backbone, tiny_language: LanguageModel, few_questions: tuple[Question, ...]
) -> None:
    before = encoded(tiny_language, few_questions)
    np.testing.assert_allclose(encoded(backbone.language, few_questions), before, atol=1e-5)
    move(backbone)
    assert np.abs(encoded(backbone.language, few_questions) - before).max() > 0.01
    with backbone.untouched():
        np.testing.assert_allclose(encoded(backbone.language, few_questions), before, atol=1e-5)


def test_only_the_layers_asked_for_and_all_of_their_linear_maps_are_trained(backbone: Backbone) -> None:
    names = list(backbone.tensors())
    assert len(names) == 2 * 7 * 2  # two layers, seven linear maps, two matrices
    assert not any(".layers.0." in name for name in names)
    assert all(t.dtype == pytorch.float32 for t in backbone.tensors().values())


def test_a_saved_adapter_reads_as_the_trained_one(
    backbone: Backbone, tiny_folder: Path, few_questions: tuple[Question, ...], tmp_path: Path
) -> None:
    move(backbone)
    trained = encoded(backbone.language, few_questions)
    backbone.save(tmp_path, str(tiny_folder))
    assert sorted(p.name for p in tmp_path.iterdir() if p.suffix in (".json", ".safetensors")) == [
        "adapter_config.json",
        "adapter_model.safetensors",
    ]
    config = json.loads((tmp_path / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(tiny_folder)
    assert config["use_rslora"]
    loaded = LanguageModel.load(tmp_path, FLOAT32)
    np.testing.assert_allclose(encoded(loaded, few_questions), trained, rtol=1e-4, atol=1e-3)


def test_gradients_are_those_of_small_changes(backbone: Backbone) -> None:
    move(backbone)
    tree = pack([Segment(ROOT, (5, 6)), Segment(0, (7, 8)), Segment(0, (9,))])
    batch = stack([tree], "right")

    def loss() -> Any:
        return sum(state.square().sum() for state in backbone.states(batch, LAYERS))

    value = loss()
    value.backward()
    moved = [(t, t.grad.clone()) for t in backbone.tensors().values() if t.grad is not None]
    slope = sum(float(g.square().sum()) for _, g in moved)
    step = 1e-3 * float(value.detach()) / slope
    found: list[float] = []
    for sign in (1.0, -2.0):
        with pytorch.no_grad():
            for tensor, gradient in moved:
                tensor.add_(sign * step * gradient)
            found.append(float(loss()))
    assert (found[0] - found[1]) / (2 * step) == pytest.approx(slope, rel=0.02)


def test_activation_checkpointing_gives_the_same_gradients(tiny_folder: Path) -> None:
    found: list[Any] = []
    batch = stack([pack([Segment(ROOT, (5, 6, 7, 8))])], "right")
    for checkpointing in (False, True):
        backbone = Backbone.load(tiny_folder, FLOAT32, LoraSettings(rank=4, checkpointing=checkpointing))
        move(backbone)
        with backbone.training():
            states = backbone.states(batch, LAYERS)
            loss: Any = sum(s.square().sum() for s in states)
            loss.backward()
        found.append({n: t.grad for n, t in backbone.tensors().items() if t.grad is not None})
    assert found[0].keys() == found[1].keys()
    assert len(found[0]) == 42
    for name, grad in found[0].items():
        pytorch.testing.assert_close(found[1][name], grad)


def test_vectors_in_training_equal_those_of_the_encoder(
    backbone: Backbone, few_questions: tuple[Question, ...]
) -> None:
    move(backbone)
    source = LoraVectors(backbone, LAYERS, few_questions, budget=60)
    whole = encoded(backbone.language, few_questions)
    order = np.array([2, 0, 1])
    rows = np.concatenate([np.arange(6, 10), np.arange(3), np.arange(3, 6)])
    for gradients in (True, False):
        found = source.vectors(order, gradients=gradients)
        assert found.requires_grad == gradients
        np.testing.assert_allclose(found.detach().numpy(), whole[:, rows], rtol=1e-4, atol=1e-3)
    again = source.vectors(order[:1], gradients=False)  # now from what was kept of the layers below
    np.testing.assert_allclose(again.numpy(), whole[:, 6:10], rtol=1e-4, atol=1e-3)
    assert source.tokens(order) > source.tokens(order[:1]) > 0


def test_a_layer_below_the_first_trained_one_is_refused(
    backbone: Backbone, few_questions: tuple[Question, ...]
) -> None:
    with pytest.raises(ValueError, match="layer 0 lies below the first trained one, 1"):
        LoraVectors(backbone, (0, 3), few_questions)


@pytest.mark.parametrize("architecture", ["Qwen2", "Gemma3Text"])
def test_states_from_the_middle_of_other_architectures_equal_whole_passes(
    architecture: str, tmp_path: Path, few_questions: tuple[Question, ...]
) -> None:
    name = {"Gemma3Text": "Gemma3Text"}.get(architecture, architecture)
    folder = save_tiny_model(tmp_path, name, **({"sliding_window": 8} if name != "Qwen2" else {}))
    backbone = Backbone.load(folder, FLOAT32, LoraSettings(rank=2, first=2))
    move(backbone)
    source = LoraVectors(backbone, LAYERS, few_questions)
    whole = encoded(backbone.language, few_questions)
    np.testing.assert_allclose(source.vectors(np.arange(3), gradients=False).numpy(), whole, atol=1e-3)


def test_layers_that_the_model_lacks_are_named(tiny_folder: Path) -> None:
    for settings in (LoraSettings(last=3), LoraSettings(first=2, last=1)):
        with pytest.raises(MirrorpanelError, match="has layers 0 to 2"):
            Backbone.load(tiny_folder, FLOAT32, settings)


def test_four_bits_without_cuda_are_refused(tiny_folder: Path) -> None:
    with pytest.raises(MirrorpanelError, match="needs a CUDA device, not 'cpu'"):
        Backbone.load(tiny_folder, FLOAT32, LoraSettings(four_bit=True))


def test_the_memory_estimate_grows_with_what_is_trained(tiny_folder: Path) -> None:
    small = Backbone.load(tiny_folder, FLOAT32, LoraSettings(rank=2, first=2)).load_of(512, 64, 3)
    large = Backbone.load(tiny_folder, FLOAT32, LoraSettings(rank=8)).load_of(512, 64, 3, vocabulary=True)
    assert (small.layers, large.layers) == (1, 3)
    assert large.trained == 12 * small.trained
    assert small.parameters == large.parameters
    assert large.vocabulary > 0
    assert large.bytes() > small.bytes()
