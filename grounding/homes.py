"""Households of a survey, weighted together with their persons."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from grounding.intake import with_attributes
from grounding.population import checks, households, margins, preflight, tradeoff, weights
from grounding.population.margins import Target
from grounding.population.tradeoff import CapPoint
from grounding.population.weights import MarginFit
from grounding.setting import Report
from grounding.sources import microdata
from grounding.sources.microdata import Microdata
from grounding.spec import GroundSpec
from personas.arrays import FloatArray
from personas.errors import DataError
from personas.panel import Panel
from personas.wording import counted

SIZE = "household_size"
"""The attribute of households that is counted: how many persons of each came in."""


@dataclass(frozen=True)
class Fitted:
    """Weights of people, and what they cost; with households one for each, which all in it bear.

    Attributes:
        weights: of the people, mean 1, shape (n_people,).
        bounds: what keeps the bounds on weights from being kept, in words.
        margins: achieved and official shares of households, one entry for each cell; none without households.
        tradeoff: what each cap on the weights (of households, where there are any) would cost and miss.
    """

    weights: FloatArray
    bounds: tuple[str, ...]
    margins: tuple[MarginFit, ...]
    tradeoff: tuple[CapPoint, ...]


def weigh(
    spec: GroundSpec,
    people: Panel,
    targets: Sequence[Target],
    survey: Microdata,
    within: Sequence[Target],
    report: Report,
) -> Fitted:
    """Weights that meet the margins of persons and those of households (``within``) at once.

    Raises:
        DataError: the persons of a household differ in what should be the household's, or no weights meet the
            margins; every problem is named.
    """
    assert spec.households is not None
    assert survey.households is not None
    recodes = spec.households.attributes
    coded = {n: microdata.recoded(survey.table, r, f"value of {n!r}") for n, r in recodes.items()}
    homes, described = _homes(survey.households, people, microdata.panel_from(people.ids, coded))
    if SIZE not in recodes:
        described = households.in_groups(described, SIZE, within)
    margins.check_totals(list(within), spec.as_shares)
    margins.check_totals(list(targets), spec.as_shares)
    cap, floor, missing = spec.weight_cap, spec.weight_floor, spec.missing
    known = households.problems(
        people, homes, targets, described, within, cap=cap, floor=floor, as_shares=True, missing=missing
    )
    checks.refuse(known)
    bounds = preflight.told(known, report)
    fitted = households.fit(people, homes, targets, described, within, cap=cap, floor=floor, missing=missing)
    report(
        f"weighted {len(described):,} households with {len(people):,} people to "
        f"{', '.join(t.name for t in (*within, *targets))} in {counted(fitted.rounds, 'round')}"
    )
    return Fitted(
        weights=fitted.persons / fitted.persons.mean(),
        bounds=bounds,
        margins=weights.weighting(described, fitted.households, within).margins if within else (),
        tradeoff=tradeoff.of_households(people, homes, targets, described, within, floor, missing),
    )


def _homes(ids: Sequence[str | None], people: Panel, described: Panel) -> tuple[list[str], Panel]:
    """The household of each of the people, and the households with size, attributes and mean base weight.

    People without a household id are households of their own. Raises: DataError where the persons of one
    household differ in an attribute of households.
    """
    homes = [
        f"alone {person}" if home is None else home for home, person in zip(ids, people.ids, strict=True)
    ]
    names = list(dict.fromkeys(homes))
    place = {home: i for i, home in enumerate(names)}
    of = np.array([place[home] for home in homes], dtype=np.int64)
    first = np.full(len(names), -1, dtype=np.int64)
    first[of[::-1]] = np.arange(len(of))[::-1]
    differing = np.flatnonzero(np.any(described.codes != described.codes[first][of], axis=1))
    if differing.size:
        row = int(differing[0])
        column = int(np.flatnonzero(described.codes[row] != described.codes[first[of[row]]])[0])
        raise DataError(
            f"households: the persons of {len(set(of[differing].tolist())):,} households differ in "
            f"{described.attributes[column]!r}, which must be the same for all of a household"
        )
    count = np.bincount(of)
    size = [str(n) for n in range(1, int(count.max()) + 1)]
    base = np.bincount(of, weights=people.weights) / count
    made = replace(described.take(first), ids=tuple(names), weights=base)
    sizes = microdata.panel_from(names, {SIZE: (tuple(size), count.astype(np.int64) - 1)})
    return homes, made if SIZE in made.attributes else with_attributes(made, sizes)
