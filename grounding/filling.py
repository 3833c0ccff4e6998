"""Missing values of a grounding: filled in the order of the file, each filling on record."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grounding.intake import with_attributes
from grounding.population import drawing, imputation, margins, tables
from grounding.population.imputation import Imputed
from grounding.population.spec import Imputation
from grounding.provenance import Provenance
from grounding.setting import Report
from grounding.sources import microdata
from grounding.spec import GroundSpec
from personas.errors import DataError
from personas.panel import Panel
from reference_data import MarginTable


@dataclass(frozen=True)
class Filled:
    """People whose missing values are filled.

    Attributes:
        people: with the first copy of every filled value.
        imputed: attribute -> what was filled, all copies; an attribute that weights are fitted to has one.
        provenance: one entry for each filling.
    """

    people: Panel
    imputed: dict[str, Imputed]
    provenance: tuple[Provenance, ...]


def fill(
    spec: GroundSpec,
    people: Panel,
    found: Mapping[str, MarginTable],
    rng: np.random.Generator,
    report: Report,
) -> Filled:
    """The people with missing values filled, one entry of ``impute`` after the other.

    A later entry rests on what earlier ones filled, copy by copy: where ``savings`` was filled five times,
    the third copy of ``debt`` goes with the third copy of ``savings``. An attribute of a margin keeps the
    first copy only, since all persons must have the values that the weights were fitted to.

    Raises:
        DataError: nothing to learn an attribute from, or a table that does not fit; names the entry.
    """
    fitted = {a for use in spec.margins for a in use.attributes.values()}
    imputed: dict[str, Imputed] = {}
    provenance: list[Provenance] = []
    for number, wish in enumerate(spec.impute):
        try:
            if wish.method == "margin":
                people, entry = _from_margin(wish, found[wish.table], people, rng, spec.seed)
            else:
                done = _from_people(spec, wish, people, tuple(imputed.values()))
                if wish.attribute in fitted:
                    done = _once(done)
                people, imputed[wish.attribute] = done.completed(people), done
                entry = _entry(wish, done, spec.seed)
        except DataError as error:
            raise DataError(f"impute.{number}: {error}") from error
        provenance.append(entry)
        report(f"imputed {wish.attribute}: {entry.method}")
    return Filled(people, imputed, tuple(provenance))


def _from_people(spec: GroundSpec, wish: Imputation, people: Panel, earlier: Sequence[Imputed]) -> Imputed:
    others = wish.using or tuple(a for a in people.attributes if a != wish.attribute)
    if wish.method == "model":
        return imputation.model(people, wish.attribute, others, wish.copies, spec.seed, earlier)
    steps = _scales(spec)
    return imputation.hot_deck(
        people,
        wish.attribute,
        others,
        wish.copies,
        spec.seed,
        tuple(a for a in others if a in steps),
        earlier=earlier,
    )


def _scales(spec: GroundSpec) -> set[str]:
    """Attributes whose values are steps of a scale: cut from numbers, the lowest first."""
    found: set[str] = set()
    for name, recode in (spec.survey.attributes if spec.survey else {}).items():
        lowest = [low for low, _ in recode.bins.values()] if recode.bins else []
        if lowest and lowest == sorted(lowest):
            found.add(name)
    for source in spec.crm:
        found |= {n for n, a in source.attributes.items() if a.quantiles is not None or a.up_to is not None}
    return found


def _once(done: Imputed) -> Imputed:
    """The first copy alone, with the reason where there were more."""
    if done.copies == 1:
        return done
    note = (
        f"weights are fitted to {done.attribute}: every person has the first of its {done.copies} copies; "
        "the others serve only to tell how much information is missing"
    )
    return replace(
        done,
        codes=done.codes[:, :1],
        donors=None if done.donors is None else done.donors[:, :1],
        distance=None if done.distance is None else done.distance[:, :1],
        warnings=(*done.warnings, note),
    )


def _entry(wish: Imputation, done: Imputed, seed: int) -> Provenance:
    source = "the other people of the panel"
    return Provenance(wish.attribute, "imputed", source, "", "", done.method, "", seed)


def _from_margin(
    wish: Imputation, table: MarginTable, people: Panel, rng: np.random.Generator, seed: int
) -> tuple[Panel, Provenance]:
    """The people with an attribute drawn from its official margin, independent of everything else."""
    levels = {wish.attribute: wish.levels} if wish.levels is not None else {}
    chosen = tables.filtered(table, wish.where)
    aim = margins.target(chosen, {wish.dimension or wish.attribute: wish.attribute}, levels, {})
    values = drawing.impute_from_margin(people, aim, rng)
    labels = tuple(cell[0] for cell in aim.cells)
    place = {label: i for i, label in enumerate(labels)}
    codes = np.array([place[v] for v in values], dtype=np.int64)
    entry = Provenance(
        attribute=wish.attribute,
        kind="imputed",
        source=aim.source,
        vintage=aim.vintage,
        licence=aim.licence,
        method=f"drawn at random from the shares of table {wish.table}, independently of all other facts",
        sha256="",
        seed=seed,
    )
    made = microdata.panel_from(people.ids, {wish.attribute: (labels, codes)})
    return with_attributes(people, made), entry
