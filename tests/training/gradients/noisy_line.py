"""A training that is small enough to be run, killed and run again: a line through noisy points.

Run as a program (``python noisy_line.py FOLDER EPISODES``) it trains slowly, writing a checkpoint after every
episode, and ends by writing the weights to ``FOLDER/weights.npy``.
"""

import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from training.gradients.engine import Group, Pass, train
from training.gradients.schedule import EngineSettings

pytorch: Any = torch


class NoisyLine:
    """Fits points on a line with inputs dropped at random, so both generators count.

    Attributes:
        fails_at: episode in which memory runs out.
        pause: seconds that each episode takes.
    """

    def __init__(self, fails_at: int = -1, pause: float = 0.0, data: str = "line") -> None:
        self.fails_at, self.pause, self.fingerprint = fails_at, pause, data
        self.slope = pytorch.zeros(8, requires_grad=True)
        self.offset = pytorch.zeros(1, requires_grad=True)
        self.truth = pytorch.linspace(-1, 1, 8)
        self.scored = 0

    def groups(self) -> Sequence[Group]:
        return [Group({"slope": self.slope}, 0.05, 0.01), Group({"offset": self.offset}, 0.01)]

    def backward(self, episode: int, rng: np.random.Generator) -> Pass:
        if episode == self.fails_at:
            raise pytorch.OutOfMemoryError("CUDA out of memory")
        time.sleep(self.pause)
        x = pytorch.tensor(rng.normal(size=(16, 8)), dtype=pytorch.float32)
        guess = pytorch.nn.functional.dropout(x, 0.2) @ self.slope + self.offset
        loss = (guess - x @ self.truth - 0.3).square().mean()
        loss.backward()
        return Pass(float(loss.detach()), 16)

    def score(self) -> float | None:
        self.scored += 1
        return -float((self.slope.detach() - self.truth).square().sum())

    def weights(self) -> np.ndarray:
        return np.concatenate([self.slope.detach().numpy(), self.offset.detach().numpy()])


def settings(episodes: int, **changes: Any) -> EngineSettings:
    defaults = {"checkpoint_minutes": 0.0, "score_every": 5, "seed": 3, "warm_up": 4}
    return EngineSettings(episodes=episodes, **{**defaults, **changes})


if __name__ == "__main__":
    line = NoisyLine(pause=0.02)
    train(line, settings(int(sys.argv[2])), Path(sys.argv[1]), lambda progress: None)
    np.save(Path(sys.argv[1]) / "weights.npy", line.weights())
