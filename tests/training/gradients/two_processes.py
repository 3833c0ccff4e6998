"""Trains the tiny model with whatever processes accelerate or torchrun started; the first one writes."""

import sys
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from personas.answer import NO_ANSWER, Answers
from personas.models import projection
from personas.models.encoder import Encoder
from personas.models.factored import question_option_vectors
from personas.models.kernel import KernelSettings
from personas.models.language import LanguageModel
from personas.models.processor import Processor
from personas.panel import from_columns
from personas.question import Question
from training.dataset import TrainingData
from training.gradients import distributed
from training.gradients.backbone import Backbone, LoraSettings
from training.gradients.distributed import Share
from training.gradients.engine import EngineSettings
from training.gradients.episodes import EpisodeSettings, FactoredEpisodes, Lessons
from training.gradients.joint import JointObjective, JointSettings
from training.gradients.metric import Learned, metric
from training.gradients.vectors import LoraVectors

FLOAT32 = Processor("cpu", "float32", "asked for")
PLAIN = JointSettings(tokens=80, people=3, parts=2, score_passes=2, rate=1e-2, drop=0.2)
FOUR = PLAIN.model_copy(update={"parts": 4, "neutral": 0.1, "ordinal": 0.5})


def data(n: int) -> TrainingData:
    rng = np.random.default_rng(n)
    people = from_columns([f"p{i}" for i in range(n)], {"sex": list(rng.choice(["f", "m"], n))}, np.ones(n))
    questions = tuple(
        Question(name=f"q{k}", text=f"Are we spending too much on {thing}?", options=("yes", "no", "neither"))
        for k, thing in enumerate(("health", "the environment", "education"))
    )
    chosen = rng.integers(0, 3, (n, 3))
    chosen[rng.random(chosen.shape) < 0.3] = NO_ANSWER
    return TrainingData(people, Answers(questions, chosen), rng.uniform(0.5, 1.5, n))


def _objective(model: Path, settings: JointSettings, own: Share, cut: bool) -> JointObjective:
    lora = LoraSettings(rank=4, alpha=4.0, dropout=0.1, checkpointing=cut)
    backbone = Backbone.load(model, FLOAT32, lora)
    if cut:
        distributed.shard(backbone, own)
    return JointObjective(backbone, data(20), data(10), settings, share=own)


def trained(model: Path, own: Share, cut: bool, folder: Path | None) -> dict[str, torch.Tensor]:
    """The adapter after a few steps of two parts each, with losses and scores."""
    objective = _objective(model, PLAIN, own, cut)
    how = EngineSettings(
        episodes=4, warm_up=0, schedule="constant", score_every=2, patience=None, checkpoint_minutes=0
    )
    outcome = distributed.train(objective, how, folder, lambda _: None, own)
    ends = {name: tensor.detach().clone() for name, tensor in objective.backbone.tensors().items()}
    ends["losses"] = torch.tensor(outcome.state.losses)
    ends["scores"] = torch.tensor([score for _, score in outcome.state.scores])
    ends["share of the base held"] = torch.tensor(_held(objective.backbone))
    return ends


def gradients(model: Path, own: Share) -> dict[str, torch.Tensor]:
    """The gradients of one step of four parts with every term of the loss."""
    objective = _objective(model, FOUR, own, cut=True)
    tensors = objective.backbone.tensors()
    for name, tensor in tensors.items():
        if "lora_B" in name:
            torch.nn.init.constant_(tensor, 0.05)
    objective.backward(3, np.random.default_rng(0))
    own.add(list(tensors.values()))
    return {name: tensor.grad for name, tensor in tensors.items() if tensor.grad is not None}


def episodes(model: Path, own: Share) -> dict[str, torch.Tensor]:
    """Adapter and kernels after a few steps of two episodes each, with losses and scores."""
    rng = np.random.default_rng(4)
    asked = tuple(
        Question(name=f"e{k}", text=f"What do you think of {thing}?", options=("good", "so-so", "bad"))
        for k, thing in enumerate(("health", "parks", "trains", "tea", "taxes", "schools", "roads", "rain"))
    )
    shares = np.log(rng.dirichlet(np.full(3, 4.0), len(asked))).ravel()
    chosen = rng.integers(0, 3, (30, len(asked)))
    lessons = Lessons(
        asked, np.arange(len(asked)) // 2, shares, rng.normal(0, 0.3, (2, len(shares))),
        rng.normal(size=(30, 2)), chosen, np.ones(30), np.full(len(shares), 0.01),
    )  # fmt: skip
    vectors = question_option_vectors(Encoder(LanguageModel.load(model, FLOAT32), (1, 2)), asked)
    kernel = KernelSettings(text=1.0, pair=0.5, slope=0.5, position=0.3, length=0.4, noise=0.1)
    backbone = Backbone.load(model, FLOAT32, LoraSettings(rank=4, alpha=4.0, dropout=0.1, first=0, last=1))
    start = Learned(projection.fitted(vectors), kernel, kernel, 0.5)
    settings = EpisodeSettings(held_out=2, context=None, people=20, parts=2, validation=0.2, rate=1e-2)
    read = LoraVectors(backbone, (1, 2), asked)
    objective = FactoredEpisodes(read, metric(start, "cpu"), lessons, settings, own)
    how = EngineSettings(episodes=3, warm_up=0, schedule="constant", score_every=1, patience=None)
    outcome = distributed.train(objective, how, None, lambda _: None, own)
    tensors = {name: t for group in objective.groups() for name, t in group.tensors.items()}
    ends = {name: tensor.detach().clone() for name, tensor in tensors.items()}
    ends["losses"] = torch.tensor(outcome.state.losses)
    ends["scores"] = torch.tensor([score for _, score in outcome.state.scores])
    return ends


def _held(backbone: Backbone) -> float:
    """Numbers of the base that this process holds, as a part of all."""
    model: torch.nn.Module = backbone.language._model
    frozen = [p for p in model.parameters() if not p.requires_grad]
    here = sum(p.to_local().numel() if hasattr(p, "to_local") else p.numel() for p in frozen)
    return here / sum(p.numel() for p in frozen)


def main(model: Path, folder: Path) -> None:
    torch.set_num_threads(1)
    own = distributed.share()
    assert distributed.asks_for_shards()
    with distributed.joined(own):
        ends = {
            "whole": trained(model, own, False, folder / "whole"),
            "cut": trained(model, own, True, folder / "cut"),
            "gradients": gradients(model, own),
            "episodes": episodes(model, own),
        }
    if own.writes:
        for name, tensors in ends.items():
            save_file(tensors, folder / f"{name}.safetensors")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
