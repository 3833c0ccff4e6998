import importlib
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_model import FLOAT32, save_tiny_model

from personas.errors import MirrorpanelError, PullError
from personas.models.language import LanguageModel
from personas.models.processor import Processor
from personas.models.tree import ROOT, Segment, pack, stack


def save_adapter(folder: Path, base: Path) -> Path:
    """A LoRA adapter with random weights on the tiny model."""
    peft: Any = importlib.import_module("peft")
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_pretrained(base)
    config = peft.LoraConfig(r=2, target_modules=["q_proj"], init_lora_weights=False, task_type="CAUSAL_LM")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft calls what transformers has deprecated
        peft.get_peft_model(model, config).save_pretrained(folder)
    return folder


def scores(language: LanguageModel) -> np.ndarray:
    tree = pack([Segment(ROOT, (5, 6, 7))])
    return language.log_probabilities(stack([tree], "left"), np.array([0, 1, 2]), np.array([6, 7, 8]))


def test_a_folder_is_loaded_with_its_shape_and_limits(
    tiny_language: LanguageModel, tiny_folder: Path
) -> None:
    assert tiny_language.name == tiny_folder.name
    assert (tiny_language.n_layers, tiny_language.dim, tiny_language.max_tokens) == (3, 32, 512)
    assert tiny_language.tokens("a person") != ()
    assert tiny_language.tokens("") == ()


def test_a_model_that_could_read_whole_books_reads_no_more_than_memory_allows(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path, max_position_embeddings=32_768)
    assert LanguageModel.load(folder, FLOAT32).max_tokens == 8192


def test_tokens_that_the_tokenizer_puts_first_are_known(tmp_path: Path) -> None:
    folder = save_tiny_model(tmp_path)
    tokenizers: Any = importlib.import_module("tokenizers")
    raw = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    raw.post_processor = tokenizers.processors.TemplateProcessing(
        single="<start> $A", special_tokens=[("<start>", 0)]
    )
    raw.save(str(folder / "tokenizer.json"))
    language = LanguageModel.load(folder, FLOAT32)
    assert language.start == (0,)
    assert 0 not in language.tokens("a person")


def test_log_probabilities_are_those_of_a_plain_pass_at_every_place(tiny_language: LanguageModel) -> None:
    torch: Any = importlib.import_module("torch")
    with torch.inference_mode():
        logits = tiny_language._model(input_ids=torch.tensor([[5, 6, 7]])).logits[0].log_softmax(-1)
    expected = [float(logits[place, token]) for place, token in ((0, 6), (1, 7), (2, 8))]
    np.testing.assert_allclose(scores(tiny_language)[0], expected, atol=1e-5)


def test_the_output_matrix_stays_in_float32(tiny_folder: Path) -> None:
    language = LanguageModel.load(tiny_folder, Processor("cpu", "bfloat16", "asked for"))
    torch: Any = importlib.import_module("torch")
    model: Any = language._model
    assert model.dtype == torch.bfloat16
    assert model.get_output_embeddings().weight.dtype == torch.float32
    assert np.isfinite(scores(language)).all()


def test_an_adapter_is_merged_and_changes_answers_and_fingerprint(
    tiny_language: LanguageModel, tiny_folder: Path, tmp_path: Path
) -> None:
    adapter = save_adapter(tmp_path / "tuned", tiny_folder)
    explicit = LanguageModel.load(tiny_folder, FLOAT32, adapter)
    by_folder = LanguageModel.load(adapter, FLOAT32)
    assert explicit.name == f"{tiny_folder.name}+tuned"
    assert explicit.fingerprint == by_folder.fingerprint != tiny_language.fingerprint
    np.testing.assert_array_equal(scores(explicit), scores(by_folder))
    assert np.abs(scores(explicit) - scores(tiny_language)).max() > 1e-4
    with pytest.raises(MirrorpanelError, match="is an adapter itself; name its base model"):
        LanguageModel.load(adapter, FLOAT32, adapter)


def test_the_fingerprint_follows_the_bytes_and_not_the_place(tiny_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_folder, copy)
    first = LanguageModel.load(copy, FLOAT32)
    assert first.fingerprint == LanguageModel.load(tiny_folder, FLOAT32).fingerprint
    save_tiny_model(copy, seed=2)
    assert LanguageModel.load(copy, FLOAT32).fingerprint != first.fingerprint
    (copy / ".sha256.json").write_text("not json", encoding="utf-8")
    assert LanguageModel.load(copy, FLOAT32).fingerprint != first.fingerprint


def test_a_folder_without_weights_is_refused_and_says_what_belongs_there(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}), encoding="utf-8")
    with pytest.raises(PullError, match=r"holds no loadable model .* it needs config.json"):
        LanguageModel.load(tmp_path, FLOAT32)


def test_a_truncated_weights_file_is_refused(tiny_folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(tiny_folder, copy)
    weights = copy / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(PullError, match=r"copy holds no loadable model"):
        LanguageModel.load(copy, FLOAT32)


def test_a_hub_name_without_a_network_says_what_to_place_where(monkeypatch: pytest.MonkeyPatch) -> None:
    hub: Any = importlib.import_module("huggingface_hub.constants")
    monkeypatch.setattr(hub, "HF_HUB_OFFLINE", True)
    with pytest.raises(
        PullError, match=r"Could not load 'nobody/nothing' .* into a folder and name that folder"
    ):
        LanguageModel.load("nobody/nothing", FLOAT32)
