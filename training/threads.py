"""Linear algebra in one thread, for matrices too narrow for more."""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any


@contextmanager
def one_thread() -> Generator[None]:
    """Linear algebra and trees on one processor core while the block, or the function so decorated, runs.

    Persons have some 65 numbers, so more threads bring little; on a machine with other work, threads that
    wait for one another made a fit 17 times slower. And results do not depend on the number of cores. Not
    for what runs a language model.
    """
    from threadpoolctl import threadpool_limits  # pyright: ignore[reportMissingTypeStubs]

    limits: Any = threadpool_limits
    with limits(limits=1):
        yield
