"""One step of joint LoRA on models of the shape of 7B and 8B ones, with random weights, on a CUDA GPU.

Shows that a step runs and what memory it takes beside the estimate, in bfloat16 and in 4 bits, with
activation checkpointing. Random weights say nothing about answers. Without a GPU nothing is measured.
"""

import importlib
import importlib.util
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.output import finish
from personas.answer import Answers
from personas.models.conversion import transformers_quietly
from personas.models.processor import Processor, choose, peak_bytes
from personas.panel import from_columns
from personas.question import Question
from training.dataset import TrainingData
from training.gradients import neutral
from training.gradients.backbone import Backbone, LoraSettings
from training.gradients.engine import EngineSettings, train
from training.gradients.joint import JointObjective, JointSettings


class Shape(NamedTuple):
    """Shape of a Llama."""

    hidden: int
    inner: int
    layers: int
    heads: int
    key_heads: int
    vocabulary: int


SMOL = Shape(576, 1536, 30, 9, 3, 49152)
"""SmolLM2-135M."""

SHAPES = {
    "llama_7b": Shape(4096, 11008, 32, 32, 32, 32000),
    "llama_8b": Shape(4096, 14336, 32, 32, 8, 128256),
}


class Step(NamedTuple):
    """What steps took: seconds of one, bytes at most, bytes estimated beforehand, and the last loss."""

    seconds: float
    bytes: float
    estimate: float
    loss: float


def save(
    shape: Shape,
    processor: Processor,
    folder: Path,
    texts: Sequence[str] = neutral.SENTENCES,
    vocabulary: int = 500,
) -> Path:
    """Writes a model of the shape with random weights, made on the device, and a tokenizer of a few words.

    Args:
        shape: of the model.
        processor: whose device makes the weights, and in whose number format.
        folder: that everything is written into.
        texts: that the tokenizer gets its words from.
        vocabulary: tokens that it has at most.
    """
    torch: Any = importlib.import_module("torch")
    tokenizers: Any = importlib.import_module("tokenizers")
    transformers = transformers_quietly()
    raw = tokenizers.ByteLevelBPETokenizer()
    raw.train_from_iterator(texts, vocab_size=vocabulary, special_tokens=["<start>"], show_progress=False)
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=raw._tokenizer, bos_token="<start>")
    config = transformers.LlamaConfig(
        hidden_size=shape.hidden, intermediate_size=shape.inner, num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads, num_key_value_heads=shape.key_heads, vocab_size=shape.vocabulary,
        max_position_embeddings=4096, tie_word_embeddings=False, bos_token_id=0, eos_token_id=0,
        pad_token_id=0,
    )  # fmt: skip
    torch.manual_seed(0)
    with torch.device(processor.device):
        model = transformers.AutoModelForCausalLM.from_config(config, dtype=getattr(torch, processor.dtype))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def steps(folder: Path, processor: Processor, four_bit: bool, number: int = 3) -> Step:
    """A few steps of joint training on invented answers; the time is that of the last."""
    torch: Any = importlib.import_module("torch")
    lora = LoraSettings(rank=16, checkpointing=True, four_bit=four_bit)
    backbone = Backbone.load(folder, processor, lora)
    settings = JointSettings(tokens=384, people=8)
    objective = JointObjective(backbone, _data(), None, settings)
    estimate = backbone.load_of(8 * 512, 512, backbone.language.n_layers, vocabulary=True).bytes()
    times = [time.monotonic()]
    how = EngineSettings(episodes=number, warm_up=0, patience=None)
    if processor.device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
    outcome = train(objective, how, None, lambda _: times.append(time.monotonic()))
    peak = float(peak_bytes("cuda")) if processor.device.startswith("cuda") else float("nan")
    return Step(times[-1] - times[-2], peak, estimate, outcome.state.losses[-1])


def _data() -> TrainingData:
    rng = np.random.default_rng(0)
    n = 40
    ages = [str(age) for age in rng.integers(18, 90, n)]
    people = from_columns([f"p{i}" for i in range(n)], {"age": ages}, np.ones(n))
    questions = tuple(
        Question(name=f"q{k}", text=sentence, options=("agree", "neither", "disagree"))
        for k, sentence in enumerate(neutral.SENTENCES[:20])
    )
    return TrainingData(people, Answers(questions, rng.integers(0, 3, (n, 20))), np.ones(n))


def main() -> None:
    """Runs the benchmark."""
    torch: Any = importlib.import_module("torch")
    if not torch.cuda.is_available():
        print("no CUDA device here: nothing was measured", file=sys.stderr)
        finish("large_shapes", {"measured": "no: no CUDA device"})
        return
    processor = choose("cuda")
    figures: dict[str, float | str] = {"measured": processor.describe()}
    for name, shape in SHAPES.items():
        with tempfile.TemporaryDirectory() as folder:
            save(shape, processor, Path(folder))
            torch.cuda.empty_cache()
            for four_bit in (False, True):
                if four_bit and importlib.util.find_spec("bitsandbytes") is None:
                    print("bitsandbytes is not installed: 4 bits not measured", file=sys.stderr)
                    continue
                step = steps(Path(folder), processor, four_bit)
                key = f"{name}_{'4_bit' if four_bit else processor.dtype}"
                figures |= {
                    f"{key}_seconds": step.seconds,
                    f"{key}_gb": step.bytes / 1e9,
                    f"{key}_estimate_gb": step.estimate / 1e9,
                }
                torch.cuda.empty_cache()
    finish("large_shapes", figures)


if __name__ == "__main__":
    main()
