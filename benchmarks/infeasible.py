"""Random impossible weighting problems: none may pass as met, and each culprit must be named.

As many possible problems must pass without a false alarm. A problem counts as falsely converged where
neither the pre-flight nor the fit refuses it and the fit calls itself converged; its culprit is unnamed
where no reported problem of the planted kind names exactly the planted margins and their categories.
"""

import collections
import os
import sys
import time

import numpy as np

from benchmarks.impossible import IMPOSSIBLE, Case, possible_of_many_kinds
from benchmarks.output import finish, peak_memory_gb
from grounding.population import preflight, raking
from grounding.population.preflight import Problem
from personas.errors import DataError

PROBLEMS = int(os.environ.get("MIRRORPANEL_PROBLEMS", "1200"))
SEED = 20261121


def main() -> None:
    """Runs the benchmark."""
    rng = np.random.default_rng(SEED)
    wrong: collections.Counter[str] = collections.Counter()
    kinds: collections.Counter[str] = collections.Counter()
    seconds: list[float] = []
    for number in range(PROBLEMS):
        case = IMPOSSIBLE[number % len(IMPOSSIBLE)](rng)
        kinds[case.kind] += 1
        started = time.monotonic()
        found = problems(case)
        seconds.append(time.monotonic() - started)
        if not any(names(problem, case) for problem in found):
            wrong["unnamed"] += 1
            _say(number, case, found)
        if converges(case):
            wrong["converged"] += 1
            _say(number, case, found)
        case = possible_of_many_kinds(rng)
        found = [p for p in problems(case) if p.blocks or p.kind == "bounds"]
        if found or not converges(case):
            wrong["alarm"] += 1
            _say(number, case, found)
    finish(
        "infeasible",
        {
            "problems": float(PROBLEMS),
            "false_converged": float(wrong["converged"]),
            "unnamed_culprit": float(wrong["unnamed"]),
            "possible_problems": float(PROBLEMS),
            "false_alarm": float(wrong["alarm"]),
            "seconds_median": float(np.median(seconds)),
            "seconds_largest": max(seconds),
            "peak_memory_gb": peak_memory_gb(),
            "kinds": ", ".join(f"{kind} {count}" for kind, count in kinds.items()),
        },
    )


def problems(case: Case) -> tuple[Problem, ...]:
    """What the pre-flight reports."""
    return preflight.problems(
        case.panel, case.targets, case.base, cap=case.cap, floor=case.floor, missing=case.missing
    )


def converges(case: Case) -> bool:
    """Whether a run of pre-flight and fit ends in weights that are said to meet the margins."""
    try:
        preflight.check(
            case.panel, case.targets, case.base, cap=case.cap, floor=case.floor, missing=case.missing
        )
        fitted = raking.fit(
            case.panel, case.targets, case.base, cap=case.cap, floor=case.floor, missing=case.missing
        )
    except DataError:
        return False
    return fitted.converged


def names(problem: Problem, case: Case) -> bool:
    """Whether a reported problem is the one that was planted."""
    if problem.kind != case.expected or not all(word in str(problem) for word in case.words):
        return False
    if problem.kind == "contradiction":
        return set(problem.margins) == set(case.culprits)
    return set(case.culprits) <= set(problem.margins)


def _say(number: int, case: Case, found: object) -> None:
    print(f"problem {number} ({case.kind}, culprits {case.culprits}): {found}", file=sys.stderr)


if __name__ == "__main__":
    main()
