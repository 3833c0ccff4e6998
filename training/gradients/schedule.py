"""How long and how fast a training runs, and which random numbers each of its episodes gets."""

import math
from typing import Literal

import numpy as np
from pydantic import Field

from personas.document import Document


class EngineSettings(Document):
    """How long and how fast to train.

    Attributes:
        episodes: at most this many steps.
        minutes: at most this long, resumed parts added up; ``None`` for no limit. Where time ends a run,
            its end depends on the machine.
        warm_up: episodes over which the learning rate rises from zero.
        schedule: after that the rate falls to zero as half a cosine, or stays.
        clip: largest norm of the gradient.
        score_every: episodes between two held-out scores.
        patience: scorings without a better one after which the run stops; ``None`` to go on.
        checkpoint_minutes: time between two checkpoints.
        seed: of everything random.
    """

    episodes: int = Field(default=200, ge=1)
    minutes: float | None = Field(default=None, gt=0)
    warm_up: int = Field(default=10, ge=0)
    schedule: Literal["cosine", "constant"] = "cosine"
    clip: float = Field(default=1.0, gt=0)
    score_every: int = Field(default=20, ge=1)
    patience: int | None = Field(default=5, ge=1)
    checkpoint_minutes: float = Field(default=5.0, ge=0)
    seed: int = Field(default=0, ge=0)


def episode_rng(seed: int, episode: int) -> np.random.Generator:
    """The generator of one episode: a function of seed and number alone."""
    return np.random.Generator(np.random.Philox(key=seed, counter=[0, 0, 0, episode]))


def rate_factor(settings: EngineSettings, episode: int) -> float:
    """Learning rate of an episode as a part of the highest: linear rise, then half a cosine or constant."""
    if episode < settings.warm_up:
        return (episode + 1) / settings.warm_up
    if settings.schedule == "constant":
        return 1.0
    length = max(settings.episodes - settings.warm_up, 1)
    return 0.5 * (1.0 + math.cos(math.pi * (episode - settings.warm_up) / length))
