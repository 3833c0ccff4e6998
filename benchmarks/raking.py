"""Raking 1,000,000 people to six margins, beside svy, balance and R's survey package.

The margins have 7, 2, 5, 51, 6 and 10 levels, the design weights are gamma distributed. Times are medians of
rounds in processes of their own, from arrays or data frames in memory to weights. svy is run to a relative
misfit of 1e-9, balance with its own settings, which stop earlier; R's survey::rake to 1e-12. The weights of
the unbounded fit are compared person by person, all with mean 1.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks import peer
from benchmarks.output import finish, machine, peak_memory_gb
from grounding.population import raking
from grounding.population.margins import Target
from personas.arrays import FloatArray
from personas.panel import Panel

SIZES = (7, 2, 5, 51, 6, 10)
PEOPLE = 1_000_000
ROUNDS = 3
CAP, FLOOR = 5.0, 0.2
EXACT = 1e-13


def main() -> None:
    """Runs the benchmark, or one of its measurements in a process of its own."""
    if len(sys.argv) == 3:
        print(json.dumps(measured(sys.argv[1], int(sys.argv[2]))))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours = _apart("panel", PEOPLE)
        arrays, tenfold = _apart("arrays", PEOPLE), _apart("arrays", 10 * PEOPLE)
        bounded = _apart("bounded", PEOPLE)
        weights = _exact(folder)
        svy = peer.run(peer.python_with("svy"), "rake_svy.py", folder, str(ROUNDS), "1e-9")
        balance = peer.run(peer.python_with("balance"), "rake_balance.py", folder, str(ROUNDS))
        figures: dict[str, float | str] = {
            "ratio_vs_svy": statistics.median(svy) / ours["seconds"],
            "ratio_vs_balance": statistics.median(balance) / ours["seconds"],
            "max_residual": ours["residual"],
            "max_weight_difference_svy": _apart_by(weights, np.load(folder / "svy.npy")),
            "peak_memory_gb": ours["peak_memory_gb"],
            "growth_10m": tenfold["seconds"] / arrays["seconds"],
            "seconds_1m": ours["seconds"],
            "seconds_1m_arrays": arrays["seconds"],
            "seconds_10m_arrays": tenfold["seconds"],
            "seconds_1m_bounded": bounded["seconds"],
            "max_residual_bounded": bounded["residual"],
            "peak_memory_gb_bounded": bounded["peak_memory_gb"],
            "peak_memory_gb_10m": tenfold["peak_memory_gb"],
            "seconds_svy": statistics.median(svy),
            "seconds_balance": statistics.median(balance),
            "bounds": f"cap {CAP:g} and floor {FLOOR:g} times the mean weight, kept in the fit",
            "processor": machine(),
        }
        figures |= _beside_r(folder, weights, ours["seconds"])
    finish("raking", figures)


def measured(what: str, people: int) -> dict[str, float]:
    """Median seconds of the fit, its largest residual, and the peak memory of this process."""
    places, targets, base = problem(people)
    seconds: list[float] = []
    residual = 0.0
    panel = _panel(places, targets, base) if what != "arrays" else None
    for _ in range(ROUNDS):
        started = time.perf_counter()
        if panel is None:
            fitted = raking.fit_places(places, targets, base)
        elif what == "bounded":
            fitted = raking.fit(panel, targets, base, cap=CAP, floor=FLOOR)
        else:
            fitted = raking.fit(panel, targets, base)
        seconds.append(time.perf_counter() - started)
        residual = max(_residual(p, t, fitted.weights) for p, t in zip(places, targets, strict=True))
    median = statistics.median(seconds)
    return {"seconds": median, "residual": residual, "peak_memory_gb": peak_memory_gb()}


def problem(people: int) -> tuple[list[np.ndarray], list[Target], FloatArray]:
    """Cell of each person in each margin, the margins, and design weights."""
    rng = np.random.default_rng(7)
    places: list[np.ndarray] = []
    targets: list[Target] = []
    for i, size in enumerate(SIZES):
        sampled = rng.dirichlet(np.full(size, 8.0))
        places.append(rng.choice(size, people, p=sampled).astype(np.int8))
        official = sampled * rng.uniform(0.6, 1.6, size)
        cells = tuple((str(level),) for level in range(size))
        targets.append(Target((f"x{i}",), cells, official / official.sum(), float(people), "made", "", ""))
    return places, targets, rng.gamma(2.0, size=people)


def _panel(places: list[np.ndarray], targets: list[Target], base: FloatArray) -> Panel:
    codes = np.stack(places, axis=1).astype(np.int64)
    levels = tuple(tuple(cell[0] for cell in target.cells) for target in targets)
    ids = tuple(map(str, range(len(base))))
    return Panel(ids, tuple(t.name for t in targets), levels, codes, base)


def _residual(places: np.ndarray, target: Target, weights: FloatArray) -> float:
    achieved = np.bincount(places, weights=weights, minlength=len(target.shares)) / weights.sum()
    return float(np.abs(achieved - target.shares).max())


def _apart(what: str, people: int) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.raking", what, str(people)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout)


def _exact(folder: Path) -> FloatArray:
    """Our weights to the last digits, and the same problem for the peers in a folder."""
    places, targets, base = problem(PEOPLE)
    np.save(folder / "codes.npy", np.stack(places, axis=1))
    np.save(folder / "base.npy", base)
    base.tofile(folder / "base.bin")
    for i, (codes, target) in enumerate(zip(places, targets, strict=True)):
        np.save(folder / f"x{i}.npy", target.shares)
        target.shares.tofile(folder / f"x{i}.shares.bin")
        codes.astype(np.int32).tofile(folder / f"x{i}.codes.bin")
    return raking.fit_places(places, targets, base, tolerance=EXACT).weights


def _apart_by(ours: FloatArray, theirs: FloatArray) -> float:
    """Largest relative difference of weights, both with mean 1."""
    return float(np.abs(theirs / theirs.mean() / (ours / ours.mean()) - 1.0).max())


def _beside_r(folder: Path, weights: FloatArray, seconds: float) -> dict[str, float | str]:
    rscript = peer.rscript_with("survey")
    if rscript is None:
        return {"r_survey": "not compared: Rscript with the package survey is not installed"}
    sizes = ",".join(map(str, SIZES))
    taken = peer.run(rscript, "rake_survey.R", folder, str(PEOPLE), sizes)[0]
    theirs = np.fromfile(folder / "survey.bin")
    return {
        "max_weight_difference_r": _apart_by(weights, theirs),
        "seconds_r": taken,
        "ratio_vs_r": taken / seconds,
    }


if __name__ == "__main__":
    main()
