"""When the next request may be sent: rate limit, pauses that the server asks for, waits between attempts."""

import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import numpy as np

FIRST_WAIT = 0.5
"""Seconds before the second attempt, at most; doubled each time."""
LONGEST_WAIT = 30.0
LONGEST_PAUSE = 600.0
"""Seconds that a server may ask to wait; one that asks for more gets no further attempt."""


class Stopped(Exception):
    """Whoever asked has given up, and nobody waits for an answer any more."""


class Pace:
    """Turns for many threads; all of them wait where the server asks for a pause.

    Args:
        per_minute: turns in a minute, evenly spaced; ``None`` sets no limit.
        rng: of the random share of each wait.
        clock: seconds, never going back.
        rest: waits so many seconds, and says whether to stop; by default until ``stop``.
    """

    def __init__(
        self,
        per_minute: float | None,
        rng: np.random.Generator,
        clock: Callable[[], float] = time.monotonic,
        rest: Callable[[float], bool] | None = None,
    ) -> None:
        self._interval = 0.0 if per_minute is None else 60.0 / per_minute
        self._rng, self._clock = rng, clock
        self._stop = threading.Event()
        self._rest = self._stop.wait if rest is None else rest
        self._lock = threading.Lock()
        self._next = self._paused = clock()

    def turn(self) -> None:
        """Returns when a request may be sent. Raises: Stopped."""
        with self._lock:
            at = max(self._clock(), self._next, self._paused)
            self._next = at + self._interval
        self.wait(at - self._clock())
        while (left := self._paused - self._clock()) > 0:
            self.wait(left)

    def wait(self, seconds: float) -> None:
        """Rests one thread. Raises: Stopped."""
        if (seconds > 0 and self._rest(seconds)) or self._stop.is_set():
            raise Stopped

    def pause(self, seconds: float) -> None:
        """Keeps every thread from sending for so long."""
        with self._lock:
            self._paused = max(self._paused, self._clock() + seconds)

    def back_off(self, attempt: int) -> float:
        """Seconds to wait after attempt 0, 1, ...: drawn between half of and the whole doubled wait.

        Source: Brooker, "Exponential backoff and jitter", AWS Architecture Blog 2015 ("equal jitter").
        """
        whole = min(LONGEST_WAIT, FIRST_WAIT * 2.0**attempt)
        with self._lock:
            return whole * float(self._rng.uniform(0.5, 1.0))

    def stop(self) -> None:
        """Ends every wait; ``resume`` undoes it."""
        self._stop.set()

    def resume(self) -> None:
        """Lets requests be sent again."""
        self._stop.clear()


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that the server asks to wait, from a number or a date; ``None`` where it does not say."""
    said = headers.get("retry-after", "").strip()
    try:
        seconds = float(said)
    except ValueError:
        try:
            when = parsedate_to_datetime(said)
        except ValueError:
            return None
        zoned = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
        seconds = (zoned - datetime.now(UTC)).total_seconds()
    return max(0.0, seconds) if np.isfinite(seconds) else None
