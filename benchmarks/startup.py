"""Seconds until the packages are imported and the command line has shown its help, each in fresh processes.

Whole processes are timed, the interpreter's own start and end included. What is compared is medians over
rounds in which every kind runs once. Bytecode is compiled before, as an installer leaves it, into a folder of
its own, so that neither a checkout nor a setting that forbids bytecode counts. ``names_seconds`` is what
importing costs once every public name is used: packages load their modules when a name is asked for.
"""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.output import finish, parser

ROUNDS = 7
SHOWN = 8
ROOT = Path(__file__).parent.parent
PACKAGES = "personas, grounding, validation"
NAMES = "; ".join(f"from {package} import *" for package in PACKAGES.split(", "))
KINDS: dict[str, Sequence[str]] = {
    "interpreter": ("-c", "pass"),
    "import": ("-c", f"import {PACKAGES}"),
    "names": ("-c", NAMES),
    "help": ("-m", "mirrorpanel", "--help"),
    "field_help": ("-m", "mirrorpanel", "field", "--help"),
    "train_help": ("-m", "mirrorpanel", "train", "--help"),
}


def main() -> None:
    """Runs the benchmark."""
    record = parser(__doc__).parse_args().record
    with tempfile.TemporaryDirectory() as bytecode:
        places = {"PYTHONPATH": str(ROOT), "PYTHONPYCACHEPREFIX": bytecode}
        environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | places
        for kind in KINDS:
            _note(kind, environment)  # compiles the bytecode, and brings the files into memory
        seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for _ in range(ROUNDS):
            for kind, words in KINDS.items():
                seconds[kind].append(_seconds(words, environment))
        for kind in ("names", "help", "train_help"):
            print(f"{kind}: {_note(kind, environment)}", file=sys.stderr)
    finish(
        "startup",
        {
            **{f"{kind}_seconds": statistics.median(each) for kind, each in seconds.items()},
            **{f"{kind}_best": min(each) for kind, each in seconds.items()},
            "rounds": f"{ROUNDS} fresh processes of each kind; medians, and the best of them",
        },
        record,
    )


def _seconds(words: Sequence[str], environment: Mapping[str, str]) -> float:
    """How long a process of its own took."""
    started = time.perf_counter()
    _run(words, environment)
    return time.perf_counter() - started


def _note(kind: str, environment: Mapping[str, str]) -> str:
    """The packages that weigh most, in milliseconds spent in their own modules (slower than unobserved)."""
    told = _run(("-X", "importtime", *KINDS[kind]), environment)
    spent: Counter[str] = Counter()
    for line in told.splitlines():
        own, _, rest = line.removeprefix("import time:").partition("|")
        if own.strip().isdigit():
            spent[rest.rpartition("|")[2].strip().partition(".")[0]] += int(own)
    heaviest = (f"{package} {micro / 1000:.0f}" for package, micro in spent.most_common(SHOWN))
    return f"{', '.join(heaviest)} ms of {spent.total() / 1000:.0f}"


def _run(words: Sequence[str], environment: Mapping[str, str]) -> str:
    """What a process said on standard error. Raises: CalledProcessError where it did not end well."""
    told = subprocess.run(
        [sys.executable, *words], env=environment, capture_output=True, text=True, check=True
    )
    return told.stderr


if __name__ == "__main__":
    main()
