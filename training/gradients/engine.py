"""The training loop for any objective: AdamW, schedule, scoring, early stopping, checkpoints, resume.

A run is a function of its objective and settings: every episode draws from a generator keyed by seed and
episode number, the learning rate is a function of the episode, and a checkpoint holds all that an episode
leaves behind. Killed at any moment and started again on its folder, a run ends in the same weights, bit for
bit on a CPU with the same number of threads.
"""

import hashlib
import importlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

import numpy as np

from personas.errors import MirrorpanelError
from training.gradients import checkpoint
from training.gradients.checkpoint import CheckpointError, RunState
from training.gradients.memory import OutOfMemory, is_out_of_memory
from training.gradients.progress import Progress
from training.gradients.schedule import EngineSettings, episode_rng, rate_factor

if TYPE_CHECKING:
    import torch

_SMOOTH = 20  # episodes over which the loss shown is averaged


class NoNumber(MirrorpanelError):
    """The loss became NaN or infinite."""


class Group(NamedTuple):
    """Tensors that are trained at one rate.

    Attributes:
        tensors: leaves that require a gradient, by names that no other group uses.
        rate: learning rate at the top of the schedule.
        decay: weight decay.
    """

    tensors: "Mapping[str, torch.Tensor]"
    rate: float
    decay: float = 0.0


class Pass(NamedTuple):
    """What one episode gave: mean loss in nats for each answer, and how many answers it was learned from."""

    loss: float
    answers: int


class Objective(Protocol):
    """What is trained, and on what."""

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides the result beside the engine's settings: base, data, own settings."""
        ...

    def groups(self) -> Sequence[Group]:
        """The tensors to train; always the same ones."""
        ...

    def backward(self, episode: int, rng: np.random.Generator) -> Pass:
        """Adds the gradients of one episode's loss to the tensors.

        PyTorch's own generators are seeded from the same source just before.
        """
        ...

    def score(self) -> float | None:
        """Held-out score of the tensors as they are, higher is better; ``None`` where nothing is held out."""
        ...


class Outcome(NamedTuple):
    """How a run ended; the objective's tensors are those of the best score, or the last without scores."""

    state: RunState
    stopped: Literal["done", "no gain", "time"]

    @property
    def gain(self) -> float | None:
        """Best held-out score less that before training; 0 where training did not help."""
        scores = dict(self.state.scores)
        return scores[self.state.best_episode] - scores[0] if scores else None


def train(
    objective: Objective,
    settings: EngineSettings,
    folder: Path | None,
    report: Callable[[Progress], None],
    *,
    reduce: "Callable[[Sequence[torch.Tensor]], None] | None" = None,
    writes: bool = True,
) -> Outcome:
    """Trains the objective's tensors in place; goes on from the checkpoint in ``folder`` where there is one.

    Args:
        objective: what to train.
        settings: how long and how fast.
        folder: for checkpoints; ``None`` for none.
        report: called after each episode.
        reduce: called with all tensors between gradients and step: where several processes share the work
            it averages their gradients.
        writes: whether this process writes the checkpoints; the others only read.

    Raises:
        CheckpointError: the checkpoint is damaged or belongs to another run.
        OutOfMemory: names what to make smaller; the last whole episode is in the checkpoint.
        NoNumber: the loss is no number any more.
    """
    run = _Run(objective, settings, folder if writes else None, report)
    run.begin(checkpoint.read(folder) if folder is not None else None)
    while (stopped := run.stopped()) is None:
        run.step(reduce)
    run.end()
    return Outcome(run.state, stopped)


@dataclass
class _Run:
    objective: Objective
    settings: EngineSettings
    folder: Path | None
    report: Callable[[Progress], None]
    state: RunState = field(init=False)

    def __post_init__(self) -> None:
        import torch

        self.groups = list(self.objective.groups())
        named = [pair for group in self.groups for pair in group.tensors.items()]
        self.tensors = dict(named)
        if len(self.tensors) != len(named):
            raise ValueError("two groups share the name of a tensor")
        parts = [
            {"params": list(g.tensors.values()), "lr": g.rate, "weight_decay": g.decay} for g in self.groups
        ]
        self.optimiser: Any = torch.optim.AdamW(parts, foreach=False)
        self.best = self._copies()
        self.saved = time.monotonic()

    def _copies(self) -> "dict[str, torch.Tensor]":
        return {name: tensor.detach().clone() for name, tensor in self.tensors.items()}

    @property
    def fingerprint(self) -> str:
        """Hash of the run; how often it saves and when time is up do not change what an episode does."""
        own = self.settings.model_dump_json(exclude={"checkpoint_minutes", "minutes"})
        shapes = [f"{name} {tuple(tensor.shape)}" for name, tensor in self.tensors.items()]
        rates = [f"{group.rate} {group.decay}" for group in self.groups]
        content = "\n".join([own, self.objective.fingerprint, *shapes, *rates])
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    def begin(self, found: "tuple[RunState, dict[str, torch.Tensor]] | None") -> None:
        """Starts anew, or from a checkpoint."""
        if found is not None:
            self._restore(*found)
            return
        score = self.objective.score()
        scores = () if score is None else ((0, score),)
        self.state = RunState(
            fingerprint=self.fingerprint, episode=0, seconds=0.0, answers=0, losses=(), scores=scores,
            best_episode=0,
        )  # fmt: skip

    def _restore(self, state: RunState, kept: "dict[str, torch.Tensor]") -> None:
        import torch

        if state.fingerprint != self.fingerprint:
            raise CheckpointError(
                f"the checkpoint belongs to another run ({state.fingerprint}, this one is "
                f"{self.fingerprint}): other data, base or settings; name another folder or remove it"
            )
        with torch.no_grad():
            for name, tensor in self.tensors.items():
                tensor.copy_(kept[f"weights/{name}"])
                self.best[name] = kept[f"best/{name}"].to(tensor.device)
                if f"first/{name}" in kept:  # a tensor that never had a gradient has none
                    self.optimiser.state[tensor] = {
                        "step": kept[f"steps/{name}"],
                        "exp_avg": kept[f"first/{name}"].to(tensor.device),
                        "exp_avg_sq": kept[f"second/{name}"].to(tensor.device),
                    }
        self.state = state

    def stopped(self) -> Literal["done", "no gain", "time"] | None:
        """Why the run is over; ``None`` while it is not."""
        state, settings = self.state, self.settings
        if state.episode >= settings.episodes:
            return "done"
        since = sum(episode > state.best_episode for episode, _ in state.scores)
        if settings.patience is not None and since >= settings.patience:
            return "no gain"
        if settings.minutes is not None and state.seconds >= 60 * settings.minutes:
            return "time"
        return None

    def step(self, reduce: "Callable[[Sequence[torch.Tensor]], None] | None") -> None:
        """One episode."""
        torch: Any = importlib.import_module("torch")
        started = time.monotonic()
        episode = self.state.episode
        rng = episode_rng(self.settings.seed, episode)
        torch.manual_seed(int(rng.integers(2**63)))
        self.optimiser.zero_grad(set_to_none=True)
        for group, own in zip(self.groups, self.optimiser.param_groups, strict=True):
            own["lr"] = group.rate * rate_factor(self.settings, episode)
        try:
            done = self.objective.backward(episode, rng)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            raise self._out_of_memory() from error
        if not math.isfinite(done.loss):
            raise NoNumber(f"loss of episode {episode} is {done.loss}; use a lower learning rate")
        if reduce is not None:
            reduce(list(self.tensors.values()))
        torch.nn.utils.clip_grad_norm_(list(self.tensors.values()), self.settings.clip)
        self.optimiser.step()
        self._note(done, time.monotonic() - started)

    def _note(self, done: Pass, seconds: float) -> None:
        started = time.monotonic()
        state = self.state
        episode = state.episode + 1
        scores, best = state.scores, state.best_episode
        if episode % self.settings.score_every == 0 or episode == self.settings.episodes:
            score = self.objective.score()
            if score is not None:
                if score > dict(scores)[best]:
                    best, self.best = episode, self._copies()
                scores = (*scores, (episode, score))
        self.state = state.model_copy(
            update={
                "episode": episode,
                "seconds": state.seconds + seconds + time.monotonic() - started,
                "answers": state.answers + done.answers,
                "losses": (*state.losses, done.loss),
                "scores": scores,
                "best_episode": best,
            }
        )
        if time.monotonic() - self.saved >= 60 * self.settings.checkpoint_minutes:
            self.save()
        self.report(self.progress())

    def save(self) -> None:
        """Writes a checkpoint where this process does."""
        if self.folder is None:
            return
        kept: dict[str, torch.Tensor] = {}
        for name, tensor in self.tensors.items():
            kept |= {f"weights/{name}": tensor, f"best/{name}": self.best[name]}
            if moments := self.optimiser.state.get(tensor):
                kept |= {f"first/{name}": moments["exp_avg"], f"second/{name}": moments["exp_avg_sq"]}
                kept[f"steps/{name}"] = moments["step"]
        checkpoint.write(self.folder, self.state, kept)
        self.saved = time.monotonic()

    def end(self) -> None:
        """Writes the last checkpoint and puts the best tensors in place."""
        import torch

        self.save()
        if self.state.scores:
            with torch.no_grad():
                for name, tensor in self.tensors.items():
                    tensor.copy_(self.best[name])

    def _out_of_memory(self) -> OutOfMemory:
        self.optimiser.zero_grad(set_to_none=True)
        self.save()
        where = f"; episode {self.state.episode} is kept in {self.folder}" if self.folder else ""
        return OutOfMemory(
            f"Out of memory in episode {self.state.episode + 1}{where}. Use a smaller batch, activation "
            "checkpointing, fewer layers or a smaller base model"
        )

    def progress(self) -> Progress:
        """Where the run stands."""
        state, scores = self.state, [score for _, score in self.state.scores]
        recent = state.losses[-_SMOOTH:]
        each = state.seconds / max(state.episode, 1)
        left = each * (self.settings.episodes - state.episode)
        if self.settings.minutes is not None:
            left = min(left, max(0.0, 60 * self.settings.minutes - state.seconds))
        return Progress(
            episode=state.episode,
            episodes=self.settings.episodes,
            loss=sum(recent) / len(recent) if recent else None,
            score=scores[-1] if scores else None,
            best=dict(state.scores)[state.best_episode] if scores else None,
            start=scores[0] if scores else None,
            seconds=state.seconds,
            seconds_left=left if state.episode else None,
            answers_per_second=state.answers / max(state.seconds, 1e-9),
        )
