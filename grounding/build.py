"""A whole grounding: survey rows, customers and official margins become a panel of persons."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from grounding import (
    codebook,
    crm,
    datasets,
    margins,
    matching,
    microdata,
    population,
    raking,
    tables,
    weights,
)
from grounding.margins import Target
from grounding.matching import Donors, Shared
from grounding.microdata import Microdata
from grounding.provenance import Provenance, Source
from grounding.spec import CrmSource, GroundSpec, Imputation, MarginUse, SurveySource
from grounding.weights import Weighting
from personas.answer import Answers
from personas.arrays import FloatArray, IntArray
from personas.errors import DataError
from personas.models.wheel import sha256_of
from personas.panel import Panel
from reference_data import MarginTable

Report = Callable[[str], None]


@dataclass(frozen=True)
class Grounded:
    """Persons, the people they mirror, and where everything about them comes from.

    Attributes:
        people: the real people, raked weights (mean 1), observed, matched and imputed attributes.
        answers: the real answers of ``people``.
        persons: the persons drawn, ids p0001 and so on, weights 1.
        mirrors: id of the one of ``people`` behind each person.
        provenance: one entry for each attribute, in the panel's order.
        donors: matched attribute -> donor and distance for each of ``people``.
        weighting: what the weights cost and achieve.
        inputs: name of each file or data set read -> sha256.
    """

    people: Panel
    answers: Answers
    persons: Panel
    mirrors: tuple[str, ...]
    provenance: tuple[Provenance, ...]
    donors: dict[str, Donors]
    weighting: Weighting
    inputs: dict[str, str]


@dataclass(frozen=True)
class _Added:
    """People with further attributes, and how these came about."""

    people: Panel
    provenance: tuple[Provenance, ...]
    donors: dict[str, Donors]
    inputs: dict[str, str]


def ground(spec: GroundSpec, base: Path, cache: Path, report: Report) -> Grounded:
    """The panel that a grounding file describes.

    Args:
        spec: the file's content.
        base: folder that paths in it are relative to.
        cache: where catalogued data are kept.
        report: called with one line for each step.

    Raises:
        DataError: a source cannot be used; names file, line, column, value and what is allowed.
        DocumentError: the codebook does not say what it must.
        UnknownName: a data set, codebook or margin table that there is not.
        PullError: a data set could not be fetched.
    """
    survey, inputs = _survey(spec.survey, base, cache, report)
    parts = [_Added(survey.people, _observed(spec.survey, survey.source), {}, inputs)]
    for source in spec.crm:
        parts.append(_matched(source, survey, parts[-1].people, base, cache, spec.seed, report))
    rng = np.random.default_rng(spec.seed)
    official = _official(spec, base)
    for imputation in spec.impute:
        table = official[imputation.table]
        parts.append(_imputed(imputation, table, parts[-1].people, rng, report))
    people, weighting = _weighted(spec, official, parts[-1].people, report)
    own = {t.file: sha256_of(base / t.file) for name, t in spec.tables.items() if name in official}
    rows = population.draw(people, spec.persons, rng)
    report(f"drawn: {spec.persons:,} persons from {len(set(rows.tolist())):,} people")
    return Grounded(
        people=people,
        answers=survey.answers,
        persons=_persons(people, rows),
        mirrors=tuple(people.ids[int(r)] for r in rows),
        provenance=tuple(p for part in parts for p in part.provenance),
        donors={a: d for part in parts for a, d in part.donors.items()},
        weighting=weighting,
        inputs={name: sha for part in parts for name, sha in part.inputs.items()} | own,
    )


def _survey(spec: SurveySource, base: Path, cache: Path, report: Report) -> tuple[Microdata, dict[str, str]]:
    """The survey's people and answers, and the sha256 of what was read."""
    book_path = codebook.locate(spec.codebook, base)
    book = codebook.load(book_path)
    if spec.data is not None:
        files, source = _catalogued(spec.data, cache, spec, report)
        if len(files) != 1:
            raise DataError(
                f"survey data {spec.data!r} has several tables ({', '.join(files)}); a survey is one table "
                f"of people, such as {datasets.names()[0]!r}"
            )
        survey = microdata.read(spec, book, next(iter(files.values())), source)
    else:
        survey = microdata.read(spec, book, base / (spec.file or ""))
    report(
        f"survey {survey.source.name}: {len(survey.people):,} people, {len(survey.people.attributes)} "
        f"attributes, {len(book.questions)} questions"
    )
    return survey, {survey.source.name: survey.source.sha256, book_path.name: sha256_of(book_path)}


def _catalogued(
    name: str, cache: Path, spec: SurveySource | CrmSource, report: Report
) -> tuple[dict[str, Path], Source]:
    """Table -> file of a catalogued data set, and its source, in the grounding file's own words first."""
    folder = datasets.pull(name, cache, report)
    dataset = datasets.get(name)
    origin = dataset.origin
    source = replace(
        origin,
        source=spec.source or origin.source,
        licence=spec.licence or origin.licence,
        vintage=spec.vintage or origin.vintage,
    )
    return {Path(file).stem: folder / file for file in dataset.files}, source


def _observed(spec: SurveySource, source: Source) -> tuple[Provenance, ...]:
    return tuple(
        Provenance(
            attribute=name,
            kind="observed",
            source=source.source or source.name,
            vintage=source.vintage,
            licence=source.licence,
            method=f"the person's own survey row, {recode.sentence}",
            sha256=source.sha256,
        )
        for name, recode in spec.attributes.items()
    )


def _matched(
    spec: CrmSource, survey: Microdata, people: Panel, base: Path, cache: Path, seed: int, report: Report
) -> _Added:
    """The people with the attributes of the customers who resemble them most."""
    if spec.data is not None:
        files, source = _catalogued(spec.data, cache, spec, report)
    else:
        files = {table: base / file for table, file in (spec.files or {}).items()}
        source = Source(spec.name, spec.source, spec.licence, spec.vintage, "")
    customers = crm.read(spec, files)
    inputs = {source.name: source.sha256}
    if spec.data is None:
        inputs = {f"{spec.name}/{t}": sha256_of(files[t]) for t in crm.tables_used(spec, files)}
        source = replace(source, sha256=inputs[f"{spec.name}/{spec.people}"])
    shared = _shared(spec, survey, customers)
    donors = matching.match(shared, people.ids, customers.ids, seed, spec.name, spec.donor_limit)
    lent = {n: (groups, matching.lent(codes, donors)) for n, (groups, codes) in customers.attributes.items()}
    report(_matching_line(spec, donors, len(customers.ids)))
    return _Added(
        _joined(people, microdata.panel_from(people.ids, lent)),
        tuple(_matched_provenance(spec, name, source) for name in spec.attributes),
        dict.fromkeys(spec.attributes, donors),
        inputs,
    )


def _shared(spec: CrmSource, survey: Microdata, customers: crm.Customers) -> Shared:
    people: list[IntArray] = []
    others: list[IntArray] = []
    for name, variable in spec.match.items():
        what = f"group of the matching variable {name!r}"
        people.append(microdata.recoded(survey.table, variable.people, what)[1])
        others.append(microdata.recoded(customers.table, variable.customers, what)[1])
    return Shared(
        people=np.stack(people, axis=1),
        customers=np.stack(others, axis=1),
        sizes=tuple(len(v.people.labels) for v in spec.match.values()),
        ordered=tuple(v.ordered for v in spec.match.values()),
    )


def _matching_line(spec: CrmSource, donors: Donors, n_customers: int) -> str:
    found = donors.rows != matching.NO_DONOR
    used = len(set(donors.rows[found].tolist()))
    distance = f"mean distance {donors.distance[found].mean():.3f}" if found.any() else "no distance"
    on_all = int(np.sum(donors.variables == len(spec.match)))
    return (
        f"crm {spec.name}: {len(spec.attributes)} attributes matched to {int(found.sum()):,} of "
        f"{len(donors.ids):,} people from {used:,} of {n_customers:,} customers on {', '.join(spec.match)} "
        f"({distance}; {on_all:,} people on all of them)"
    )


def _matched_provenance(spec: CrmSource, name: str, source: Source) -> Provenance:
    notes = " ".join(f"{variable}: {v.note}." for variable, v in spec.match.items() if v.note)
    method = (
        f"lent by the customer nearest in {', '.join(spec.match)} (distance hot deck, Gower distance), not "
        f"observed of this person; {spec.attributes[name].sentence}. {notes}"
    )
    about = source.source or source.name
    return Provenance(name, "matched", about, source.vintage, source.licence, method.strip(), source.sha256)


def _official(spec: GroundSpec, base: Path) -> dict[str, MarginTable]:
    """The margin tables that the file uses, by name."""
    names = [use.table for use in (*spec.margins, *spec.impute)]
    return {name: tables.table(name, spec.tables, base) for name in dict.fromkeys(names)}


def _imputed(
    spec: Imputation, table: MarginTable, people: Panel, rng: np.random.Generator, report: Report
) -> _Added:
    """The people with an attribute drawn from its official margin, independent of everything else."""
    levels = {spec.attribute: spec.levels} if spec.levels is not None else {}
    target = margins.target(table, {spec.dimension or spec.attribute: spec.attribute}, levels, {})
    values = population.impute_from_margin(people, target, rng)
    labels = tuple(cell[0] for cell in target.cells)
    place = {label: i for i, label in enumerate(labels)}
    codes = np.array([place[v] for v in values], dtype=np.int64)
    report(f"imputed {spec.attribute}: {len(labels)} values drawn from {spec.table}")
    provenance = Provenance(
        attribute=spec.attribute,
        kind="imputed",
        source=target.source,
        vintage=target.vintage,
        licence=target.licence,
        method=f"drawn at random from the shares of table {spec.table}, independently of all other facts",
        sha256="",
    )
    added = microdata.panel_from(people.ids, {spec.attribute: (labels, codes)})
    return _Added(_joined(people, added), (provenance,), {}, {})


def _joined(people: Panel, added: Panel) -> Panel:
    return replace(
        people,
        attributes=(*people.attributes, *added.attributes),
        levels=(*people.levels, *added.levels),
        codes=np.concatenate([people.codes, added.codes], axis=1),
    )


def _target(use: MarginUse, table: MarginTable, survey: SurveySource) -> Target:
    bins: dict[str, Mapping[str, tuple[float, float]]] = dict(use.bins)
    for dimension, attribute in use.attributes.items():
        recode = survey.attributes.get(attribute)
        if attribute in bins or recode is None or recode.bins is None or dimension not in table.dimensions:
            continue
        column = table.dimensions.index(dimension)
        # A table that is published in the attribute's own groups is taken as it stands.
        if not {row[0][column] for row in table.rows} <= set(recode.bins):
            bins[attribute] = recode.bins
    return margins.target(table, use.attributes, use.levels, bins)


def _weighted(
    spec: GroundSpec, official: Mapping[str, MarginTable], people: Panel, report: Report
) -> tuple[Panel, Weighting]:
    """The people with weights that meet the margins, and the diagnostics."""
    targets = [_target(use, official[use.table], spec.survey) for use in spec.margins]
    margins.check_totals(targets, spec.as_shares)
    if targets:
        fitted = raking.fit(people, targets, base=people.weights, cap=spec.weight_cap)
        report(f"raked to {', '.join(t.name for t in targets)} in {fitted.rounds} rounds")
        found, result = weights.weighting(people, fitted.weights, targets), fitted.weights
    else:
        found, result = _unraked(people.weights), people.weights
    return replace(people, weights=result), found


def _unraked(base: FloatArray) -> Weighting:
    """Diagnostics of weights that no margin was set for; their margin error is undefined."""
    return Weighting(
        people=len(base),
        design_effect=weights.design_effect(base),
        effective_base=weights.effective_base(base),
        largest_weight=float(base.max() / base.mean()),
        largest_margin_error=None,
        margins=(),
    )


def _persons(people: Panel, rows: IntArray) -> Panel:
    digits = max(4, len(str(len(rows))))
    return replace(
        people,
        ids=tuple(f"p{i:0{digits}d}" for i in range(1, len(rows) + 1)),
        codes=people.codes[rows],
        weights=np.ones(len(rows)),
    )
