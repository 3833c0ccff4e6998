"""Whether a training that is killed again and again ends as one that was left alone.

A small randomly initialised Llama is trained by LoRA in episodes, once without a break and once with 20
SIGKILLs at moments drawn at random, each followed by a new process. ``different`` counts the numbers whose
bits differ at the end: weights, moments of the optimiser, losses and held-out scores.
"""

import argparse
import importlib
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.output import finish, peak_memory_gb
from personas.models import projection
from personas.models.kernel import KernelSettings
from personas.models.processor import Processor
from personas.question import Question
from training.gradients import checkpoint
from training.gradients.backbone import Backbone, LoraSettings
from training.gradients.engine import train
from training.gradients.episodes import EpisodeSettings, FactoredEpisodes, Lessons
from training.gradients.metric import Learned, metric
from training.gradients.schedule import EngineSettings
from training.gradients.vectors import LoraVectors

KILLS, EPISODES, LAYERS = 20, 210, (2, 3)
TOPICS = ("parks", "schools", "roads", "health", "science", "crime", "cities", "child care", "aid", "space")
OPTIONS = ("too little", "about right", "too much")
RUN = EngineSettings(episodes=EPISODES, score_every=15, patience=None, checkpoint_minutes=0.0, seed=7)


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=KILLS, help="how often to kill (default: %(default)s)")
    kills = parser.parse_args().kills
    # Processes are forked from one that has loaded the packages and done nothing else.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["torch", "transformers", "peft", __name__])
    with tempfile.TemporaryDirectory() as temporary:
        root = Path(temporary)
        _save_model(root / "model")
        whole = context.Process(target=_train, args=(root / "model", root / "whole"))
        whole.start()
        whole.join()
        rng = np.random.default_rng(0)
        for number in range(kills):
            cut = context.Process(target=_train, args=(root / "model", root / "cut"))
            cut.start()
            _wait(root / "cut", (number + 1) * EPISODES // (kills + 2))
            time.sleep(float(rng.uniform(0.0, 0.2)))
            os.kill(cut.pid or 0, signal.SIGKILL)
            cut.join()
            if cut.exitcode != -signal.SIGKILL:
                sys.exit(f"process {number + 1} ended by itself (exit code {cut.exitcode})")
        last = context.Process(target=_train, args=(root / "model", root / "cut"))
        last.start()
        last.join()
        different, numbers = _difference(root / "whole", root / "cut")
    figures: dict[str, float | str] = {
        "kills": float(kills),
        "different": float(different),
        "numbers_compared": float(numbers),
        "episodes": float(EPISODES),
        "peak_memory_gb": peak_memory_gb(),
    }
    finish("resume", figures)


def _train(model: Path, folder: Path) -> None:
    torch: Any = importlib.import_module("torch")
    torch.set_num_threads(1)
    rng = np.random.default_rng(1)
    questions = tuple(
        Question(name=f"{topic} {way}", text=f"Money for {topic}, seen {way}?", options=OPTIONS)
        for topic in TOPICS
        for way in ("today", "in ten years")
    )
    rows = sum(len(q.options) for q in questions)
    lessons = Lessons(
        questions=questions,
        batteries=np.arange(len(questions)) // 2,
        log_shares=np.log(np.concatenate([rng.dirichlet((4.0, 3.0, 2.0)) for _ in questions])),
        effects=rng.normal(0.0, 0.3, (5, rows)),
        persons=rng.normal(size=(200, 5)),
        chosen=rng.integers(-1, 3, (200, len(questions))),
        weights=rng.uniform(0.5, 1.5, 200),
        extra=np.full(rows, 0.01),
    )
    settings = LoraSettings(rank=4, first=1, dropout=0.1)
    backbone = Backbone.load(model, Processor("cpu", "float32", "asked for"), settings)
    source = LoraVectors(backbone, LAYERS, questions)
    start = source.vectors(np.arange(len(questions)), gradients=False).double().numpy()
    kernel = KernelSettings(text=1.0, pair=0.5, slope=0.5, position=0.3, length=0.4, noise=0.2)
    space = metric(Learned(projection.fitted(start), kernel, kernel, 0.5))
    episode = EpisodeSettings(held_out=4, context=8, people=100, validation=0.2, rate=1e-3)
    train(FactoredEpisodes(source, space, lessons, episode), RUN, folder, lambda progress: None)


def _wait(folder: Path, episode: int) -> None:
    """Returns once a checkpoint of at least this episode is there."""
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        found = checkpoint.read(folder)
        if found is not None and found[0].episode >= episode:
            return
        time.sleep(0.02)
    sys.exit(f"no checkpoint of episode {episode} within 5 minutes")


def _difference(first: Path, second: Path) -> tuple[int, int]:
    """Numbers whose bits differ, and how many were compared."""
    one, other = checkpoint.read(first), checkpoint.read(second)
    if one is None or other is None:
        sys.exit("a training left no checkpoint")
    different = sum(a != b for a, b in zip(one[0].losses, other[0].losses, strict=True))
    different += sum(a != b for a, b in zip(one[0].scores, other[0].scores, strict=True))
    numbers = len(one[0].losses) + len(one[0].scores)
    for name, tensor in one[1].items():
        same: Any = tensor == other[1][name]
        different += int((~same).sum())
        numbers += tensor.numel()
    return different, numbers


def _save_model(folder: Path) -> None:
    """Writes a randomly initialised Llama of three layers with a byte-level tokenizer."""
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    tokenizers: Any = importlib.import_module("tokenizers")
    raw = tokenizers.ByteLevelBPETokenizer()
    raw.train_from_iterator(
        [*TOPICS, *OPTIONS, "Money for, seen today? in ten years Question: Answer:"],
        vocab_size=400, min_frequency=1, special_tokens=["<start>"], show_progress=False,
    )  # fmt: skip
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=raw._tokenizer, bos_token="<start>")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer), hidden_size=32, intermediate_size=48, num_hidden_layers=3,
        num_attention_heads=4, num_key_value_heads=2, head_dim=8, max_position_embeddings=256,
        initializer_range=0.3, bos_token_id=0, eos_token_id=0, pad_token_id=0,
    )  # fmt: skip
    transformers.AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main()
