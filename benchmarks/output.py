"""How a benchmark ends."""

import json
import resource
import sys
from collections.abc import Mapping


def finish(benchmark: str, figures: Mapping[str, float | str]) -> None:
    """Prints the figures, then the JSON object as the last line on standard output."""
    for name, value in figures.items():
        print(
            f"{name:<28} {value:,.4g}" if isinstance(value, float) else f"{name:<28} {value}", file=sys.stderr
        )
    print(json.dumps({"benchmark": benchmark, "figures": dict(figures)}))


def peak_memory_gb() -> float:
    """Largest resident memory of this process so far, in GB (10^9 bytes)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9
