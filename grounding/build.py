"""A whole grounding: survey rows, customers and official margins become a panel of persons."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from grounding import diagnostics, intake, weighing
from grounding.diagnostics import Diagnostics
from grounding.intake import Intake
from grounding.population import drawing, synthesis
from grounding.population.imputation import Imputed
from grounding.population.margins import Target
from grounding.population.weights import Weighting
from grounding.privacy import masking, protection
from grounding.privacy.guard import Guard
from grounding.privacy.pii import Gate
from grounding.privacy.protection import SourceRecord
from grounding.provenance import Provenance, Source
from grounding.setting import Report, Setting
from grounding.sources import toplines
from grounding.sources.matching import Donors
from grounding.sources.microdata import Microdata
from grounding.sources.table import Table
from grounding.sources.toplines import Toplines
from grounding.spec import GroundSpec
from grounding.weighing import Weighed
from personas import draws
from personas.answer import Answers
from personas.arrays import FloatArray, IntArray
from personas.models.wheel import sha256_of
from personas.panel import Panel
from personas.wording import counted


@dataclass(frozen=True)
class Grounded:
    """Persons, the people they mirror, and where everything about them comes from.

    Attributes:
        people: the people under their pseudonyms, weights of mean 1, attributes of every kind.
        answers: the real answers of ``people``.
        seconds: how long each of ``people`` took to answer, NaN where unknown; ``None`` where nobody says.
        persons: the persons drawn, ids p0001 and so on, weights 1.
        mirrors: id of the one of ``people`` behind each person.
        copies: which copy of multiply imputed values each person has, shape (n_persons,).
        provenance: one entry for each attribute and kind of value, in the panel's order.
        donors: matched attribute -> donor and distance for each of ``people``.
        imputed: attribute -> what was filled, and from whom.
        weighting: what the weights cost and achieve.
        sources: what came in from where, under which protection.
        toplines: published shares.
        found: everything else that the report says.
        inputs: name of each file or data set read -> sha256.
    """

    people: Panel
    answers: Answers
    seconds: FloatArray | None
    persons: Panel
    mirrors: tuple[str, ...]
    copies: IntArray
    provenance: tuple[Provenance, ...]
    donors: dict[str, Donors]
    imputed: dict[str, Imputed]
    weighting: Weighting
    sources: tuple[SourceRecord, ...]
    toplines: tuple[Toplines, ...]
    found: Diagnostics
    inputs: dict[str, str]


def _unwatched(stage: str) -> None:
    """What happens when a stage begins and nobody watches."""


def stages(spec: GroundSpec) -> int:
    """How many stages a grounding has; each calls ``begin`` once."""
    return 3 + len(spec.crm) + bool(spec.impute)


def ground(
    spec: GroundSpec,
    base: Path,
    cache: Path,
    guard: Guard,
    report: Report,
    begin: Report = _unwatched,
) -> Grounded:
    """The panel that a grounding file describes.

    Args:
        spec: the file's content.
        base: folder that paths in it are relative to.
        cache: where catalogued data are kept.
        guard: pseudonyms, the people who asked to be forgotten, and the date.
        report: called with one line for each step done.
        begin: called with the name of each stage that begins; there are ``stages(spec)``.

    Raises:
        DataError: a source cannot be used, or no weights meet the margins; names file, line, column, value
            and what is allowed.
        DocumentError: a codebook does not say what it must.
        UnknownName: a data set, codebook or margin table that there is not.
        PullError: a data set could not be fetched.
        WorkspaceError: the key of the pseudonyms is lost.
    """
    setting, gate = Setting(base, cache, guard, report, begin), masking.gate(spec.masking)
    rng = np.random.default_rng(spec.seed)
    published = tuple(toplines.read(base / study.file) for study in spec.studies)
    begin("survey" if spec.survey is not None else "people from margins")
    if spec.survey is not None:
        came = intake.bring_in(spec, spec.survey, setting, gate)
        modelled: tuple[str, ...] = ()
    else:
        came, modelled = _modelled(spec, setting, rng)
    weighed = weighing.weigh(spec, came.people, came.survey, setting, rng)
    people = weighed.people
    begin("persons")
    rows = drawing.draw(people, spec.persons, rng)
    kind = "people" if spec.survey is not None else "modelled people"
    report(f"drawn: {counted(spec.persons, 'person')} from {len(set(rows.tolist())):,} {kind}")
    persons, copies = _persons(people, rows, weighed.imputed, spec.seed)
    inputs = came.inputs | weighed.inputs | {s.file: sha256_of(base / s.file) for s in spec.studies}
    return Grounded(
        people=people,
        answers=came.answers,
        seconds=came.survey.seconds,
        persons=persons,
        mirrors=tuple(people.ids[int(r)] for r in rows),
        copies=copies,
        provenance=_provenance(spec, came, weighed),
        donors=came.donors,
        imputed=weighed.imputed,
        weighting=weighed.weighting,
        sources=came.sources,
        toplines=published,
        found=_diagnosed(came, weighed, rows, copies, modelled, gate),
        inputs=inputs,
    )


def _modelled(spec: GroundSpec, setting: Setting, rng: np.random.Generator) -> tuple[Intake, tuple[str, ...]]:
    """People made from margins and, where there is one, a reference sample of whom nobody comes in."""
    assert spec.synthesis is not None
    sample = spec.synthesis.sample
    reference = None if sample is None else intake.bring_in(spec, sample, setting, Gate())
    found = weighing.official(spec, setting.base)
    targets = weighing.targets_of(spec, found)
    made = synthesis.people(targets, reference.people if reference else None, spec.synthesis.people, rng)
    setting.report(f"modelled: {len(made.panel):,} people from {counted(len(targets), 'margin')}")
    provenance = tuple(_modelled_from(name, targets, reference, spec.seed) for name in made.panel.attributes)
    nobody = Answers((), np.empty((len(made.panel), 0), dtype=np.int64))
    record = SourceRecord(name=f"{spec.panel} (modelled)", kind="synthesis", origin="official margins")
    return Intake(
        people=made.panel,
        answers=nobody,
        survey=Microdata(made.panel, nobody, Table("modelled", {}, ()), Source("", "", "", "", "")),
        provenance=provenance,
        donors={},
        supports=(),
        sources=(*(reference.sources if reference else ()), record),
        inputs=reference.inputs if reference else {},
        special=(),
    ), made.diagnostics.sentences


def _modelled_from(name: str, targets: Sequence[Target], sample: Intake | None, seed: int) -> Provenance:
    """Where a modelled attribute comes from: its margins, and the sample if it has it."""
    own = [t for t in targets if name in t.attributes]
    known = next((p for p in sample.provenance if p.attribute == name), None) if sample else None
    goes_with = (
        f"what it goes with: reference sample {known.source} ({known.method.removeprefix(intake.OWN_ROW)})"
        if known
        else "no reference sample has it, so it goes with other attributes only as joint margins say"
    )
    return Provenance(
        attribute=name,
        kind="modelled",
        source=_listed(t.source for t in own),
        vintage=_listed(t.vintage for t in own),
        licence=_listed(t.licence for t in own),
        method=f"drawn from a table fitted to margins (iterative proportional fitting); {goes_with}",
        sha256=known.sha256 if known else "",
        seed=seed,
    )


def _listed(texts: Iterable[str]) -> str:
    return "; ".join(dict.fromkeys(text for text in texts if text))


def _persons(
    people: Panel, rows: IntArray, imputed: Mapping[str, Imputed], seed: int
) -> tuple[Panel, IntArray]:
    """The persons drawn, each with one of the imputed copies, and which copy it is."""
    digits = max(4, len(str(len(rows))))
    ids = tuple(f"p{i:0{digits}d}" for i in range(1, len(rows) + 1))
    copies = np.zeros(len(rows), dtype=np.int64)
    codes = people.codes[rows]
    most = max((filled.copies for filled in imputed.values()), default=1)
    if most > 1:
        copies = np.floor(draws.uniforms(seed, ids, ["imputed copy"])[:, 0] * most).astype(np.int64)
    for name, filled in imputed.items():
        if filled.copies > 1:  # otherwise the people have it, perhaps in merged levels
            codes[:, people.attributes.index(name)] = filled.codes[rows, copies % filled.copies]
    return replace(people, ids=ids, codes=codes, weights=np.ones(len(rows))), copies


def _several(imputed: Mapping[str, Imputed], copies: IntArray) -> list[drawing.Filled]:
    """The attributes whose values differ from copy to copy, and which copy each person has."""
    return [drawing.Filled(n, f.codes, copies % f.copies) for n, f in imputed.items() if f.copies > 1]


def _provenance(spec: GroundSpec, came: Intake, weighed: Weighed) -> tuple[Provenance, ...]:
    """One entry for each attribute and kind, saying to which tables the attribute was raked."""
    raked: dict[str, list[str]] = {}
    for use in spec.margins:
        for attribute in use.attributes.values():
            raked.setdefault(attribute, []).append(use.table)
    entries = (*came.provenance, *weighed.provenance)
    return tuple(replace(e, raked="; ".join(raked.get(e.attribute, ()))) for e in entries)


def _diagnosed(
    came: Intake, weighed: Weighed, rows: IntArray, copies: IntArray, modelled: tuple[str, ...], gate: Gate
) -> Diagnostics:
    lacking = {
        s.name: protection.missing(s.protection) for s in came.sources if s.kind in protection.PERSONAL
    }
    return Diagnostics(
        household_margins=weighed.household_margins,
        merges=weighed.merges,
        bounds=weighed.bounds,
        balance=weighed.balance,
        tradeoff=weighed.tradeoff,
        coverage=weighed.coverage,
        filled=tuple(diagnostics.filled(i) for i in weighed.imputed.values()),
        supports=came.supports,
        drawing=drawing.errors(weighed.people, rows, filled=_several(weighed.imputed, copies)),
        modelled=modelled,
        masked={where: dict(kinds) for where, kinds in gate.counts.items()},
        special=came.special,
        unrecorded={name: what for name, what in lacking.items() if what},
    )
