"""From people to a population: official tables, missing values, weights, and what they cost."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from grounding import filling, homes
from grounding.homes import Fitted
from grounding.population import (
    balance,
    bases,
    collapsing,
    coverage,
    margins,
    preflight,
    raking,
    tables,
    tradeoff,
    weights,
)
from grounding.population.balance import Moved
from grounding.population.collapsing import Collapsed
from grounding.population.coverage import Coverage
from grounding.population.imputation import Imputed
from grounding.population.margins import Target
from grounding.population.spec import MarginUse
from grounding.population.tradeoff import CapPoint
from grounding.population.weights import MarginFit, Weighting
from grounding.provenance import Provenance
from grounding.setting import Report, Setting
from grounding.sources.codebook import Recode
from grounding.sources.microdata import Microdata
from grounding.spec import GroundSpec
from personas.arrays import FloatArray
from personas.models.wheel import sha256_of
from personas.panel import Panel
from personas.wording import counted
from reference_data import MarginTable


@dataclass(frozen=True)
class Weighed:
    """People who stand for a population.

    Attributes:
        people: with weights of mean 1; thin levels merged, missing values filled.
        weighting: what the weights cost and achieve.
        household_margins: achieved and official shares of households.
        merges: which thin levels were merged and by what rule, in words.
        bounds: which margins cannot be met within the bounds on weights, and what bound would do.
        balance: how far weighting moved attributes that it was not fitted to.
        tradeoff: what each cap would cost and miss.
        coverage: how far the frame is from the population.
        imputed: attribute -> what was filled.
        provenance: one entry for each way in which values were filled.
        inputs: name of each file of official figures -> sha256.
    """

    people: Panel
    weighting: Weighting
    household_margins: tuple[MarginFit, ...]
    merges: tuple[str, ...]
    bounds: tuple[str, ...]
    balance: tuple[Moved, ...]
    tradeoff: tuple[CapPoint, ...]
    coverage: Coverage
    imputed: dict[str, Imputed]
    provenance: tuple[Provenance, ...]
    inputs: dict[str, str]


def official(spec: GroundSpec, base: Path) -> dict[str, MarginTable]:
    """The official tables that the file uses, by name.

    Raises:
        UnknownName: there is no such table.
        DataError: one cannot be read or counts people where households are meant, or two stand on bases that
            must not be mixed.
    """
    of_people = [*spec.margins, *(wish for wish in spec.impute if wish.table)]
    of_households = spec.households.margins if spec.households else ()
    uses = [*of_people, *of_households]
    found = {n: tables.table(n, spec.tables, base) for n in dict.fromkeys(use.table for use in uses)}
    for use in of_people:
        bases.check_unit(found[use.table], "people")
    for use in of_households:
        bases.check_unit(found[use.table], "households")
    bases.check([tables.filtered(found[use.table], use.where) for use in uses])
    return found


def target(use: MarginUse, table: MarginTable, recodes: Mapping[str, Recode]) -> Target:
    """The target that one use of a table sets; attributes cut by bins bring their own."""
    chosen = tables.filtered(table, use.where)
    bins: dict[str, Mapping[str, tuple[float, float]]] = dict(use.bins)
    for dimension, attribute in use.attributes.items():
        recode = recodes.get(attribute)
        if attribute in bins or recode is None or recode.bins is None:
            continue
        if attribute in use.levels or dimension not in chosen.dimensions:
            continue
        column = chosen.dimensions.index(dimension)
        # A table that is published in the attribute's own groups is taken as it stands.
        if not {row[0][column] for row in chosen.rows} <= set(recode.bins):
            bins[attribute] = recode.bins
    return margins.target(chosen, use.attributes, use.levels, bins)


def targets_of(spec: GroundSpec, found: Mapping[str, MarginTable]) -> list[Target]:
    """The targets of all margins of the file; modelled people take the groups of their reference sample."""
    source = spec.survey or (spec.synthesis.sample if spec.synthesis else None)
    recodes = source.attributes if source else {}
    return [target(use, found[use.table], recodes) for use in spec.margins]


def weigh(
    spec: GroundSpec, people: Panel, survey: Microdata, setting: Setting, rng: np.random.Generator
) -> Weighed:
    """The people with missing values filled and weights that meet the margins.

    Raises:
        DataError: a table cannot be used, or no weights meet the margins; every problem is named.
        UnknownName: there is no such table.
    """
    base, report = setting.base, setting.report
    found = official(spec, base)
    if spec.impute:
        setting.begin("missing values")
    done = filling.fill(spec, people, found, rng, report)
    filled = done.people
    setting.begin("weights")
    targets = targets_of(spec, found)
    merges: tuple[str, ...] = ()
    if spec.collapse_below is not None and targets:
        collapsed = collapsing.collapse(filled, targets, spec.collapse_below)
        filled, targets, merges = collapsed.panel, list(collapsed.targets), _merged(collapsed)
        for sentence in merges:
            report(sentence)
    if spec.households is not None:
        recodes = spec.households.attributes
        within = [target(use, found[use.table], recodes) for use in spec.households.margins]
        done_by = homes.weigh(spec, filled, targets, survey, within, report)
    else:
        done_by = _by_person(spec, filled, targets, report)
    result = done_by.weights
    own = {t.file: sha256_of(base / t.file) for name, t in spec.tables.items() if name in found}
    return Weighed(
        people=replace(filled, weights=result),
        weighting=_diagnosed(filled, result, targets),
        household_margins=done_by.margins,
        merges=merges,
        bounds=done_by.bounds,
        balance=balance.moved(filled, filled.weights, result, targets),
        tradeoff=done_by.tradeoff,
        coverage=coverage.report(
            filled, targets, filled.weights, result, spec.frame, spec.population, spec.survey is None
        ),
        imputed=done.imputed,
        provenance=done.provenance,
        inputs=own,
    )


def _by_person(spec: GroundSpec, people: Panel, targets: Sequence[Target], report: Report) -> Fitted:
    """Weights of people each by themselves; those of weight zero keep it and take no part."""
    if not targets:
        return Fitted(people.weights, (), (), ())
    counting = np.flatnonzero(people.weights > 0)
    zero = len(people) - len(counting)
    if zero:
        report(f"design weight 0, so never drawn: {counted(zero, 'person', 'people')}")
    some = people.take(counting)
    cap, floor, missing = spec.weight_cap, spec.weight_floor, spec.missing
    known = preflight.check(
        some, targets, base=some.weights, cap=cap, floor=floor, as_shares=spec.as_shares, missing=missing
    )
    bounds = preflight.told(known, report)
    fitted = raking.fit(some, targets, base=some.weights, cap=cap, floor=floor, missing=missing)
    report(f"raked to {', '.join(t.name for t in targets)} in {counted(fitted.rounds, 'round')}")
    result = np.zeros(len(people))
    result[counting] = fitted.weights
    curve = tradeoff.curve(some, targets, some.weights, floor=floor, missing=missing)
    return Fitted(result / result.mean(), bounds, (), curve)


def _diagnosed(people: Panel, result: FloatArray, targets: Sequence[Target]) -> Weighting:
    if targets:
        return weights.weighting(people, result, targets)
    return Weighting(
        people=len(people),
        design_effect=weights.design_effect(result),
        effective_base=weights.effective_base(result),
        largest_weight=float(result.max() / result.mean()),
        largest_margin_error=None,
        margins=(),
        quantiles=weights.quantiles(result),
    )


def _merged(collapsed: Collapsed) -> tuple[str, ...]:
    """Which levels were merged, and by what rule; nothing where none were."""
    lines = tuple(f"{m.attribute}: {_counted(m.levels, m.people)} became {m.name}." for m in collapsed.merges)
    return (*lines, collapsed.rule) if lines else ()


def _counted(levels: Sequence[str], people: Sequence[int]) -> str:
    return " and ".join(
        f"{level} ({counted(n, 'person', 'people')})" for level, n in zip(levels, people, strict=True)
    )
