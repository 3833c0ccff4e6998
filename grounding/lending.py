"""What customers bring to people: by key, or lent by those who resemble them most."""

from dataclasses import dataclass, replace

import numpy as np

from grounding import setting as settings
from grounding.privacy import masking, protection, special
from grounding.privacy.pii import Gate
from grounding.privacy.protection import SourceRecord
from grounding.privacy.spec import Protection
from grounding.provenance import Kind, Provenance, Source
from grounding.setting import Setting
from grounding.sources import crm, matching, microdata, reading, support
from grounding.sources.crm_spec import CrmSource
from grounding.sources.matching import Donors, Shared
from grounding.sources.microdata import Microdata
from grounding.sources.place import Place
from grounding.sources.support import Example, Support
from grounding.spec import GroundSpec
from personas.arrays import IntArray
from personas.panel import Panel


@dataclass(frozen=True)
class Lent:
    """Attributes that customers bring to the people."""

    attributes: Panel
    provenance: tuple[Provenance, ...]
    donors: Donors | None
    support: Support | None
    source: SourceRecord
    inputs: dict[str, str]


@dataclass(frozen=True)
class _Came:
    """Customers as they came in: who they are in the panel, where from, and under which protection."""

    spec: CrmSource
    customers: crm.Customers
    pseudonyms: tuple[str, ...]
    origin: Source
    record: SourceRecord
    inputs: dict[str, str]


def lend(spec: GroundSpec, source: CrmSource, survey: Microdata, setting: Setting, gate: Gate) -> Lent:
    """What the customers of one source bring to the people, by key or from those who resemble them most.

    Raises:
        DataError: the source cannot be used or is past its retention date; names file, line and column.
    """
    setting.begin(f"crm {source.name}")
    came = _came(spec, source, survey, setting)
    for line in came.record.notes:
        setting.report(f"crm {source.name}: {line}")
    if source.join:
        return _joined(came, survey, setting, gate)
    return _matched(came, survey, setting, gate, spec.seed)


def _file(place: Place) -> str:
    return place.name if place.path is None else place.path.name


def _came(spec: GroundSpec, source: CrmSource, survey: Microdata, setting: Setting) -> _Came:
    if source.data is not None:
        places, origin = settings.catalogued(source.data, source, setting)
        terms = source.protection or Protection(anonymous=settings.OPEN_DATA)
    else:
        places, origin = source.places(setting.base), None
        terms = source.protection or spec.protection
    protection.check(terms, source.name, setting.guard.today)
    customers = crm.read(source, places, terms)
    if origin is not None:
        inputs = {origin.name: origin.sha256}
    else:
        inputs = {
            f"{source.name}/{table}": customers.hashes.get(table) or reading.fingerprint(places[table])
            for table in crm.tables_used(source)
        }
        hashed = inputs[f"{source.name}/{source.people}"]
        files = dict.fromkeys(_file(places[t]) for t in crm.tables_used(source))
        origin = Source(", ".join(files), source.source, source.licence, source.vintage, hashed)
    brought = {name: groups for name, (groups, _) in customers.attributes.items()}
    special.refuse_identifiers(brought, f"crm {source.name}")
    for name, attribute in source.attributes.items():
        if attribute.measure == "value":
            about = f"crm {source.name}, attribute {name!r}"
            for line in microdata.free_text(customers.attributes[name][1], attribute.recode, about):
                setting.report(line)
    named = replace(origin, name=source.name)
    record = settings.record("crm", named, terms, customers.columns).model_copy(
        update={
            "origin": origin.name,
            "rows_read": len(customers.ids) + customers.without_consent + customers.broken,
            "rows_broken": customers.broken,
            "rows_without_consent": customers.without_consent,
            "rows_used": len(customers.ids),
            "notes": customers.strays,
            **_shared_namespace(spec, source, survey),
        }
    )
    names = settings.pseudonyms(record, customers.ids, setting.guard)
    kept = np.flatnonzero(~setting.guard.forgotten(record.name, names))
    if len(kept) < len(names):
        customers = _only(customers, kept)
    return _Came(source, customers, tuple(names[int(i)] for i in kept), origin, record, inputs)


def _shared_namespace(spec: GroundSpec, source: CrmSource, survey: Microdata) -> dict[str, str]:
    """The survey's pseudonyms for customers whose key is the very id of the survey's people."""
    if spec.survey is None or source.join != spec.survey.id:
        return {}
    in_file = source.data is None and spec.survey.data is None
    own, theirs = (part.protection or spec.protection for part in (source, spec.survey))
    if not in_file or own.anonymous or theirs.anonymous:
        return {}
    return {"namespace": theirs.ids or survey.source.name}


def _only(customers: crm.Customers, index: IntArray) -> crm.Customers:
    """Only the customers in the rows of ``index``."""
    return replace(
        customers,
        table=customers.table.take(index),
        ids=tuple(customers.ids[int(i)] for i in index),
        attributes={name: (groups, codes[index]) for name, (groups, codes) in customers.attributes.items()},
    )


def _joined(came: _Came, survey: Microdata, setting: Setting, gate: Gate) -> Lent:
    """Customers' attributes by key: facts about the very same people."""
    source, customers = came.spec, came.customers
    found = crm.join(customers, survey.table.column(source.join), source.name)
    told = crm.sentences(found, source.join, source.key)
    for line in told:
        setting.report(f"crm {source.name}: {line}")
    values = {
        name: (groups, crm.taken(codes, found)) for name, (groups, codes) in customers.attributes.items()
    }
    methods = {
        name: f"the person's own customer row, joined by {source.join!r}; {attribute.sentence}"
        for name, attribute in source.attributes.items()
    }
    return Lent(
        attributes=masking.attributes(microdata.panel_from(survey.people.ids, values), gate),
        provenance=_provenance(came, "observed", methods),
        donors=_own_rows(came, found),
        support=None,
        source=came.record.model_copy(update={"notes": (*came.record.notes, *told)}),
        inputs=came.inputs,
    )


def _own_rows(came: _Came, found: crm.Joined) -> Donors:
    """Whose customer row each person's values are from, so that an erasure of the customer finds them."""
    there = found.rows != crm.NO_CUSTOMER
    return Donors(
        ids=tuple(came.pseudonyms[int(r)] if has else None for r, has in zip(found.rows, there, strict=True)),
        rows=found.rows,
        distance=np.full(len(found.rows), np.nan),
        variables=np.zeros(len(found.rows), dtype=np.int64),
    )


def _matched(came: _Came, survey: Microdata, setting: Setting, gate: Gate, seed: int) -> Lent:
    """Customers' attributes lent by those who resemble each person most."""
    source, customers = came.spec, came.customers
    shared = _shared(source, survey, customers)
    donors = matching.match(shared, survey.people.ids, customers.ids, seed, source.name, source.donor_limit)
    values = {
        n: (groups, matching.lent(codes, donors)) for n, (groups, codes) in customers.attributes.items()
    }
    example = None
    if survey.answers.questions:
        example = Example(survey.answers.questions[0], survey.answers.chosen[:, 0])
    base = survey.people.weights
    rests = support.support(shared, tuple(source.match), donors, customers.attributes, base, example)
    setting.report(f"crm {source.name}: {rests.sentences[0]}")
    notes = " ".join(f"{variable}: {v.note}." for variable, v in source.match.items() if v.note)
    lent_by = f"lent by the customer nearest in {', '.join(source.match)} (distance hot deck, Gower distance)"
    methods = {
        name: f"{lent_by}, not observed of this person; {attribute.sentence}. {notes}".strip()
        for name, attribute in source.attributes.items()
    }
    lenders = tuple(None if r == matching.NO_DONOR else came.pseudonyms[int(r)] for r in donors.rows)
    return Lent(
        attributes=masking.attributes(microdata.panel_from(survey.people.ids, values), gate),
        provenance=_provenance(came, "matched", methods, seed),
        donors=replace(donors, ids=lenders),
        support=rests,
        source=came.record,
        inputs=came.inputs,
    )


def _provenance(
    came: _Came, kind: Kind, methods: dict[str, str], seed: int | None = None
) -> tuple[Provenance, ...]:
    return tuple(
        Provenance(
            attribute=name,
            kind=kind,
            source=came.origin.source or came.spec.name,
            vintage=came.origin.vintage,
            licence=came.origin.licence,
            method=method,
            sha256=came.origin.sha256,
            seed=seed,
        )
        for name, method in methods.items()
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
