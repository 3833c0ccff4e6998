"""Ctrl-C and SIGTERM: the first lets a batch end, the second ends at once."""

import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def stopping(say: Callable[[str], None]) -> Generator[Callable[[], bool]]:
    """Inside, the first signal is only noted, and what is yielded tells whether there was one.

    The second does what it did before: nothing half-written is kept, since a batch is one transaction.
    Signals reach the main thread alone; in any other nothing is changed.
    """
    noted: list[int] = []
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    # A handler that was not set from Python cannot be put back; it becomes the default.
    before = {number: signal.getsignal(number) or signal.SIG_DFL for number in _SIGNALS}

    def put_back() -> None:
        for each, handler in before.items():
            signal.signal(each, handler)

    def note(number: int, _: FrameType | None) -> None:
        noted.append(number)
        put_back()
        # The signal may have come in the middle of a line to the same stream, which takes no second one.
        with suppress(RuntimeError):
            say("stopping after this batch; once more to stop at once")

    for number in _SIGNALS:
        signal.signal(number, note)
    try:
        yield lambda: bool(noted)
    finally:
        put_back()
