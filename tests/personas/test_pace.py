import threading
import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import numpy as np
import pytest

from personas.models.served.pace import FIRST_WAIT, LONGEST_WAIT, Pace, Stopped, retry_after


class Clock:
    """A clock that moves only where somebody waits."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    def rest(self, seconds: float) -> bool:
        self.now += seconds
        return False


def paced(per_minute: float | None) -> tuple[Pace, Clock]:
    clock = Clock()
    return Pace(per_minute, np.random.default_rng(0), clock, clock.rest), clock


def test_turns_are_spaced_by_the_rate_and_nobody_makes_up_for_a_break() -> None:
    pace, clock = paced(120)
    times: list[float] = []
    for _ in range(4):
        pace.turn()
        times.append(clock.now)
    assert times == [100.0, 100.5, 101.0, 101.5]
    clock.now = 200.0
    pace.turn()
    pace.turn()
    assert clock.now == 200.5


def test_without_a_rate_nobody_waits() -> None:
    pace, clock = paced(None)
    for _ in range(1000):
        pace.turn()
    assert clock.now == 100.0


def test_a_pause_keeps_everybody_and_the_longest_one_counts() -> None:
    pace, clock = paced(None)
    pace.pause(30)
    pace.pause(10)
    pace.turn()
    assert clock.now == 130.0


def test_waits_between_attempts_double_differ_and_have_a_limit() -> None:
    pace, _ = paced(None)
    for attempt in range(12):
        whole = min(LONGEST_WAIT, FIRST_WAIT * 2**attempt)
        drawn = [pace.back_off(attempt) for _ in range(200)]
        assert whole / 2 <= min(drawn) < max(drawn) <= whole
        assert np.mean(drawn) == pytest.approx(0.75 * whole, rel=0.05)


def test_stopping_wakes_those_who_wait() -> None:
    pace = Pace(None, np.random.default_rng(0))
    pace.pause(60)
    ended: list[bool] = []

    def wait() -> None:
        with pytest.raises(Stopped):
            pace.turn()
        ended.append(True)

    thread = threading.Thread(target=wait)
    thread.start()
    time.sleep(0.02)
    pace.stop()
    thread.join(timeout=5)
    assert ended == [True]
    pace.resume()
    pace.wait(0)


def test_retry_after_is_read_as_seconds_and_as_a_date() -> None:
    assert retry_after({"retry-after": "7"}) == 7.0
    assert retry_after({"retry-after": "0.25"}) == 0.25
    assert retry_after({"retry-after": "-3"}) == 0.0
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    assert retry_after({"retry-after": soon}) == pytest.approx(90, abs=3)
    assert retry_after({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0.0


@pytest.mark.parametrize(
    "headers", [{}, {"retry-after": ""}, {"retry-after": "later"}, {"retry-after": "nan"}]
)
def test_a_retry_after_that_says_nothing_is_none(headers: dict[str, str]) -> None:
    assert retry_after(headers) is None
