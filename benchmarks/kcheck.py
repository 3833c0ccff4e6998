"""k-anonymity of a million persons in six attributes: check, local suppression, and the check after it.

The attributes have 7, 2, 5, 51, 6 and 10 levels with uneven shares, one in a hundred values is unknown. Time
is the best of three, peak memory that of the process. ``seconds_1m`` is checking, suppressing and checking
again.
"""

import time

import numpy as np

from benchmarks.output import finish, peak_memory_gb
from grounding.privacy import anonymity
from personas.arrays import IntArray
from personas.panel import UNKNOWN

PERSONS = 1_000_000
LEVELS = (7, 2, 5, 51, 6, 10)
RUNS = 3


def persons(n: int, seed: int) -> IntArray:
    """Codes of random persons, shape (n, 6)."""
    rng = np.random.default_rng(seed)
    columns = [rng.choice(size, size=n, p=rng.dirichlet(np.full(size, 2.0))) for size in LEVELS]
    codes = np.stack(columns, axis=1).astype(np.int64)
    codes[rng.random(codes.shape) < 0.01] = UNKNOWN
    return codes


def main() -> None:
    """Runs the benchmark."""
    codes = persons(PERSONS, 4)
    seconds: list[float] = []
    for _ in range(RUNS):
        started = time.perf_counter()
        anonymity.violations(codes, anonymity.DEFAULT_K)
        done = anonymity.suppress(codes)
        anonymity.violations(done.codes, done.k)
        seconds.append(time.perf_counter() - started)
    started = time.perf_counter()
    before = int(anonymity.violations(codes, anonymity.DEFAULT_K).sum())
    check = time.perf_counter() - started
    done = anonymity.suppress(codes)
    finish(
        "kcheck",
        {
            "persons": PERSONS,
            "k": done.k,
            "seconds_1m": min(seconds),
            "seconds_check": check,
            "violations_before": before,
            "violations_left": int(anonymity.violations(done.codes, done.k).sum()),
            "smallest_group": anonymity.k_of(done.codes),
            "cells_suppressed_share": done.share,
            "rows_dropped": done.dropped,
            "peak_memory_gb": peak_memory_gb(),
        },
    )


if __name__ == "__main__":
    main()
