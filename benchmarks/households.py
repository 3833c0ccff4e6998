"""Households weighted together with their persons: synthetic EU-SILC of Austria to Austrian-like margins.

The survey is the data set ``eusilc`` of the R package laeken (synthetic, 14,827 persons in 6,000
households), a CSV named on the command line or by MIRRORPANEL_EUSILC. Its reference year is 2006. Age by sex
is Austria's official margin of 2020 (reference_data); the other margins are Austrian-like: the survey's own
weighted shares, more households being small and each share moved at random by up to 5 %. Whether weights
within the bounds can meet them all is not known beforehand: the pre-flight must say so, too.
"""

import csv
import os
import re
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

import reference_data
from benchmarks.output import finish
from grounding.population import households
from grounding.population.margins import Target
from grounding.population.weights import effective_base
from personas.arrays import FloatArray
from personas.panel import Panel, from_columns

CAP, FLOOR = 2.5, 0.4
AGES = ((0, 14), (15, 24), (25, 34), (35, 44), (45, 54), (55, 64), (65, 74), (75, 120))
OFFICIAL = "eu_uk_sex_age_2020"
SMALLER = (1.15, 1.05, 0.95, 0.9, 0.85, 0.8)  # households of 1, 2, ... persons: as many times their share
LARGEST = 6
"""Persons in the last household size, which stands for all that are larger."""


def main() -> None:
    """Runs the benchmark."""
    persons, homes, sample = read(_file())
    row = {household: i for i, household in enumerate(sample.ids)}
    rng = np.random.default_rng(11)
    of_person = sample.weights[[row[home] for home in homes]]
    household_targets = [
        _moved(_counted(sample, ["household_size"], sample.weights), np.array(SMALLER)),
        _moved(_counted(sample, ["region"], sample.weights), rng.uniform(0.95, 1.05, len(sample.levels[1]))),
    ]
    citizens = _counted(persons, ["citizen"], of_person)
    person_targets = [_official(), _moved(citizens, rng.uniform(0.95, 1.05, len(citizens.cells)))]
    found = households.problems(
        persons, homes, person_targets, sample, household_targets, cap=CAP, floor=FLOOR, as_shares=True
    )
    started = time.perf_counter()
    fitted = households.fit(persons, homes, person_targets, sample, household_targets, cap=CAP, floor=FLOOR)
    seconds = time.perf_counter() - started
    weights = fitted.households / fitted.households.mean()
    outside = float(np.maximum(weights - CAP, FLOOR - weights).max())
    bound = (weights > CAP - 1e-6) | (weights < FLOOR + 1e-6)
    finish(
        "households",
        {
            "household_error": max(fitted.household_errors),
            "person_error": max(fitted.person_errors),
            "bound_exceeded": max(outside, 0.0) if outside > 1e-9 else 0.0,
            "converged": str(fitted.converged),
            "problems_named": "; ".join(map(str, found)) or "none",
            "at_a_bound": float(np.count_nonzero(bound) / len(weights)),
            "rounds": float(fitted.rounds),
            "seconds": seconds,
            "smallest_weight": float(weights.min()),
            "largest_weight": float(weights.max()),
            "effective_base": effective_base(weights),
            "persons_per_household": fitted.persons_per_household,
            "largest_gap_before": max(
                *(_gap(sample, t, sample.weights) for t in household_targets),
                *(_gap(persons, t, of_person) for t in person_targets),
            ),
            "households": float(len(sample)),
            "persons": float(len(persons)),
            "bounds": f"cap {CAP:g} and floor {FLOOR:g} times the mean household weight",
        },
    )


def read(path: Path) -> tuple[Panel, list[str], Panel]:
    """Persons, the household of each, and the households with their design weights."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {
        "age": [_age(int(r["age"])) for r in rows],
        "sex": [r["rb090"] for r in rows],
        "citizen": [_known(r["pb220a"]) for r in rows],
    }
    persons = from_columns([r["rb030"] + f" {i}" for i, r in enumerate(rows)], columns, np.ones(len(rows)))
    first = {r["db030"]: r for r in reversed(rows)}
    sizes = [str(min(int(r["hsize"]), LARGEST)) for r in first.values()]
    regions: list[str | None] = [r["db040"] for r in first.values()]
    sample = from_columns(
        list(first),
        {"household_size": sizes, "region": regions},
        np.array([float(r["db090"]) for r in first.values()]),
    )
    return persons, [r["db030"] for r in rows], sample


def _official() -> Target:
    """Austria's population of 2020 by age and sex."""
    table = reference_data.margin(OFFICIAL)
    place = [table.dimensions.index(d) for d in ("country", "age", "sex")]
    counts: dict[tuple[str, ...], float] = {}
    for values, count in table.rows:
        country, age, sex = (values[p] for p in place)
        if country == "Austria":
            cell = (_age(int(re.split(r"\D", age)[0])), sex)
            counts[cell] = counts.get(cell, 0.0) + count
    shares = np.array(list(counts.values()))
    total = float(shares.sum())
    return Target(
        ("age", "sex"), tuple(counts), shares / total, total, table.source, table.vintage, table.licence
    )


def _moved(target: Target, factors: FloatArray) -> Target:
    shares = target.shares * factors
    return replace(target, shares=shares / shares.sum())


def _counted(panel: Panel, names: list[str], weights: FloatArray) -> Target:
    chosen = panel.select(names)
    known = np.all(chosen.codes >= 0, axis=1)
    codes, place = np.unique(chosen.codes[known], axis=0, return_inverse=True)
    sums = np.bincount(place.reshape(-1), weights=weights[known])
    rows: list[list[int]] = codes.tolist()
    cells = tuple(tuple(levels[c] for levels, c in zip(chosen.levels, row, strict=True)) for row in rows)
    return Target(tuple(names), cells, sums / sums.sum(), float(sums.sum()), "eusilc", "2006", "")


def _gap(panel: Panel, target: Target, weights: FloatArray) -> float:
    """Largest absolute difference between weighted and wanted shares."""
    found = _counted(panel, list(target.attributes), weights)
    shares = dict(zip(found.cells, found.shares.tolist(), strict=True))
    return max(abs(shares[c] - s) for c, s in zip(target.cells, target.shares.tolist(), strict=True))


def _age(years: int) -> str:
    # The survey's youngest are -1: born after the year that the ages are of.
    low, high = next(pair for pair in AGES if max(years, 0) <= pair[1])
    return f"{low}-{high}"


def _known(value: str) -> str | None:
    return None if value in ("", "NA") else value


def _file() -> Path:
    named = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("MIRRORPANEL_EUSILC", "")
    path = Path(named)
    if not named or not path.is_file():
        raise SystemExit(
            f"no survey file {named!r}: name the CSV of the data set eusilc (R: write.csv(laeken::eusilc, "
            "'eusilc.csv', row.names = FALSE)) as the first argument or in MIRRORPANEL_EUSILC"
        )
    return path


if __name__ == "__main__":
    main()
