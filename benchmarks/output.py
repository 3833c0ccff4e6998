"""How a benchmark begins and ends: its options, its figures, and where they are kept."""

import argparse
import json
import os
import platform
import shlex
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from personas.document import Document
from personas.models.processor import peak_bytes

RESULTS = Path(__file__).parent / "results"
# Options that say where something lies on one machine; they are no part of what was measured.
_PLACES = ("--record", "--workspace")
_STARTED = list(sys.argv)  # a benchmark may run other commands within its own process


class Result(Document):
    """What a benchmark found.

    Attributes:
        benchmark: its name.
        command: that runs it again.
        date: of the run, in UTC, as ``2026-11-22``.
        machine: processor and cores.
        figures: by name; words where something is no number.
    """

    benchmark: str
    command: str
    date: str
    machine: str
    figures: dict[str, float | str]


def parser(description: str | None) -> argparse.ArgumentParser:
    """The options that every benchmark has which can be recorded."""
    found = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    found.add_argument(
        "--record", nargs="?", type=Path, const=RESULTS, metavar="FOLDER",
        help="keep the figures as JSON in a folder (default: benchmarks/results); "
        "python -m benchmarks.performance writes docs/performance.md from there",
    )  # fmt: skip
    return found


def finish(benchmark: str, figures: Mapping[str, float | str], record: Path | None = None) -> None:
    """Prints the figures, then the JSON object as the last line on standard output.

    Args:
        benchmark: its name.
        figures: by name.
        record: a folder that they are kept in, as ``benchmark.json``.
    """
    for name, value in figures.items():
        print(
            f"{name:<28} {value:,.4g}" if isinstance(value, float) else f"{name:<28} {value}", file=sys.stderr
        )
    if record is not None:
        keep(benchmark, figures, record)
    print(json.dumps({"benchmark": benchmark, "figures": dict(figures)}))


def keep(benchmark: str, figures: Mapping[str, float | str], folder: Path) -> Path:
    """The file that the figures were written to, with the command, the day and the machine."""
    found = Result(
        benchmark=benchmark,
        command=command(_STARTED),
        date=datetime.now(UTC).date().isoformat(),
        machine=machine(),
        figures={name: _short(value) for name, value in figures.items()},
    )
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{benchmark}.json"
    path.write_text(json.dumps(found.model_dump(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def command(words: list[str]) -> str:
    """The command line of this process as somebody else would type it, without what lies where here."""
    kept: list[str] = []
    place = False
    for word in words[1:]:
        if word.partition("=")[0] in _PLACES:
            place = "=" not in word
        elif not place or word.startswith("--"):
            kept.append(word)
            place = False
        else:
            place = False
    return shlex.join(["python", "-m", f"benchmarks.{Path(words[0]).stem}", *kept])


def machine() -> str:
    """The processor's name and how many of its cores there are."""
    return f"{_processor()}, {os.cpu_count()} cores"


def peak_memory_gb() -> float:
    """Largest resident memory of this process so far, in GB (10^9 bytes).

    Linux counts it by program; what ``getrusage`` says includes the process that started this one.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    for line in lines:
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1e9
    return peak_bytes() / 1e9


def _short(value: float | str) -> float | str:
    """Six digits of a number: no figure is known better."""
    return float(f"{value:.6g}") if isinstance(value, float) else value


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), "unknown")
