"""Where a training stands, for people."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Progress:
    """Where a run stands.

    Attributes:
        episode: done so far, of ``episodes``.
        loss: mean of the last episodes, in nats; ``None`` before the first.
        score: the last held-out score; ``best`` the best so far; ``start`` that before training.
        seconds: so far; ``seconds_left`` at most, ``None`` before the first episode.
        answers_per_second: answers learned from in a second.
    """

    episode: int
    episodes: int
    loss: float | None
    score: float | None
    best: float | None
    start: float | None
    seconds: float
    seconds_left: float | None
    answers_per_second: float

    def describe(self) -> str:
        """One line for people."""
        parts = [f"episode {self.episode:,} of {self.episodes:,}"]
        parts += [f"loss {self.loss:.4f}"] if self.loss is not None else []
        if self.score is not None and self.best is not None and self.start is not None:
            parts.append(f"held out {self.score:.4f} (best {self.best:.4f}, start {self.start:.4f})")
        speed = self.answers_per_second
        parts += [f"{speed:,.{0 if speed >= 10 else 1}f} answers/s"] if self.episode else []
        if self.seconds_left is not None:
            parts.append(f"at most {_clock(self.seconds_left)} left")
        return ", ".join(parts)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02d} min" if hours else f"{minutes} min {rest:02d} s"
