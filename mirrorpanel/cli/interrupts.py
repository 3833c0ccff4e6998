"""Ctrl-C and SIGTERM: the first lets a batch end, the second ends at once."""

import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopping(say: Callable[[str], None]) -> Generator[Callable[[], bool]]:
    """Inside, the first signal is only noted, and what is yielded tells whether there was one.

    The second does what it did before: nothing half-written is kept, since a batch is one transaction.
    """
    noted: list[int] = []
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def note(number: int, _: FrameType | None) -> None:
        noted.append(number)
        for each, handler in before.items():
            signal.signal(each, handler)
        say("stopping after this batch; once more to stop at once")

    for number in _SIGNALS:
        signal.signal(number, note)
    try:
        yield lambda: bool(noted)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
