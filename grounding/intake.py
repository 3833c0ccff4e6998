"""From sources to people: rows with consent, under pseudonyms, with attributes of their own or lent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from grounding import lending
from grounding import setting as settings
from grounding.privacy import masking, protection, special
from grounding.privacy.pii import Gate
from grounding.privacy.protection import SourceRecord
from grounding.privacy.spec import Protection
from grounding.provenance import Provenance, Source
from grounding.setting import Setting
from grounding.sources import codebook, datasets, microdata
from grounding.sources.codebook import Codebook
from grounding.sources.matching import Donors
from grounding.sources.microdata import Microdata
from grounding.sources.place import Place
from grounding.sources.spec import SurveySource
from grounding.sources.support import Support
from grounding.spec import GroundSpec
from personas.answer import Answers
from personas.arrays import IntArray
from personas.errors import DataError
from personas.models.wheel import sha256_of
from personas.panel import Panel
from personas.question import Question
from personas.wording import counted

OWN_ROW = "the person's own survey row, "
"""How the method of an observed attribute begins."""


@dataclass(frozen=True)
class Intake:
    """People as they came in.

    Attributes:
        people: pseudonyms, base weights (mean 1), attributes of their own and lent ones.
        answers: the real answers of ``people``.
        survey: the rows as read, of these people only, for households and matching; never stored.
        provenance: one entry for each attribute.
        donors: matched attribute -> donor (a pseudonym) and distance for each of ``people``.
        supports: what each matching can and cannot support.
        sources: what came in from where, and under which protection.
        inputs: name of each file or data set read -> sha256.
        special: special categories found and let in.
    """

    people: Panel
    answers: Answers
    survey: Microdata
    provenance: tuple[Provenance, ...]
    donors: dict[str, Donors]
    supports: tuple[Support, ...]
    sources: tuple[SourceRecord, ...]
    inputs: dict[str, str]
    special: tuple[special.Found, ...]


def bring_in(spec: GroundSpec, survey: SurveySource, setting: Setting, gate: Gate) -> Intake:
    """The people of the survey with what customers lend them.

    Raises:
        DataError: a source cannot be used, is past its retention date, or holds direct identifiers or special
            categories that were not let in.
        DocumentError: the codebook does not say what it must.
        UnknownName: a data set or codebook that there is not.
        PullError: a data set could not be fetched.
    """
    rows, record, inputs = _survey(spec, survey, setting)
    kept, names = _remaining(rows, record, setting)
    record = record.model_copy(update={"rows_used": len(kept.people)})
    special.refuse_identifiers(_values(kept.people), f"survey {rows.source.name}")
    for a, (name, recode) in enumerate(survey.attributes.items()):
        about = f"survey {rows.source.name}, attribute {name!r}"
        for line in microdata.free_text(kept.people.codes[:, a], recode, about):
            setting.report(line)
    people, answers = masking.attributes(kept.people, gate), masking.asked(kept.answers, gate)
    lent = [lending.lend(spec, source, kept, setting, gate) for source in spec.crm]
    for part in lent:
        people = with_attributes(people, part.attributes)
    found = _admitted(spec, people, answers.questions)
    return Intake(
        people=replace(people, ids=names),
        answers=answers,
        survey=kept,
        provenance=(*_observed(survey, rows.source), *(p for part in lent for p in part.provenance)),
        donors={a: part.donors for part in lent if part.donors for a in part.attributes.attributes},
        supports=tuple(part.support for part in lent if part.support is not None),
        sources=(record, *(part.source for part in lent)),
        inputs=inputs | {name: sha for part in lent for name, sha in part.inputs.items()},
        special=found,
    )


def with_attributes(people: Panel, added: Panel) -> Panel:
    """The people with further attributes; both panels are in the same order."""
    return replace(
        people,
        attributes=(*people.attributes, *added.attributes),
        levels=(*people.levels, *added.levels),
        codes=np.concatenate([people.codes, added.codes], axis=1),
    )


def _survey(
    spec: GroundSpec, survey: SurveySource, setting: Setting
) -> tuple[Microdata, SourceRecord, dict[str, str]]:
    """The survey's people and answers, how the source is recorded, and the sha256 of what was read."""
    book, inputs = _codebook(survey, setting.base)
    terms, place, origin = _survey_place(spec, survey, setting)
    protection.check(terms, origin.name if origin else place.name, setting.guard.today)
    rows = microdata.read(survey, book, place, origin, terms, _further_columns(spec))
    broken, refused = len(rows.table.broken), rows.without_consent
    all_rows = rows.rows_read + broken
    setting.report(
        f"survey {rows.source.name}: {len(rows.people):,} of {all_rows:,} rows, "
        f"{counted(len(rows.people.attributes), 'attribute')}, "
        f"{counted(len(rows.answers.questions), 'question')}"
        + (f"; {counted(refused, 'row')} without consent left out" if refused else "")
        + (f"; {counted(broken, 'broken row')} set aside" if broken else "")
    )
    record = settings.record("survey", rows.source, terms, tuple(rows.table.columns)).model_copy(
        update={
            "rows_read": all_rows,
            "rows_broken": broken,
            "notes": rows.table.remarks,
            "rows_without_consent": rows.without_consent,
            "rows_used": len(rows.people),
        }
    )
    return rows, record, {rows.source.name: rows.source.sha256, **inputs}


def _further_columns(spec: GroundSpec) -> tuple[str, ...]:
    """Survey columns that joining, matching and households need beside those of the survey itself."""
    joined = [source.join for source in spec.crm if source.join]
    matched = [v.people.column for source in spec.crm for v in source.match.values()]
    homes = [recode.column for recode in spec.households.attributes.values()] if spec.households else []
    return tuple(dict.fromkeys([*joined, *matched, *homes]))


def _codebook(survey: SurveySource, base: Path) -> tuple[Codebook | None, dict[str, str]]:
    if not survey.codebook:
        return None, {}
    path = codebook.locate(survey.codebook, base)
    return codebook.load(path), {path.name: sha256_of(path)}


def _survey_place(
    spec: GroundSpec, survey: SurveySource, setting: Setting
) -> tuple[Protection, Place, Source | None]:
    """Protection and place of the survey, and what the catalogue says of its origin."""
    if survey.data is None:
        return survey.protection or spec.protection, survey.place(setting.base), None
    files, origin = settings.catalogued(survey.data, survey, setting)
    if len(files) != 1:
        raise DataError(
            f"survey data {survey.data!r} has several tables ({', '.join(files)}); a survey is one table of "
            f"people, such as {datasets.names()[0]!r}"
        )
    return survey.protection or Protection(anonymous=settings.OPEN_DATA), next(iter(files.values())), origin


def _remaining(rows: Microdata, record: SourceRecord, setting: Setting) -> tuple[Microdata, tuple[str, ...]]:
    """The rows without those of people who were erased, and their pseudonyms.

    Raises:
        DataError: nobody is left.
    """
    names = settings.pseudonyms(record, rows.people.ids, setting.guard)
    keep = ~setting.guard.forgotten(record.name, names)
    if keep.all():
        return rows, names
    if not keep.any():
        raise DataError(f"{rows.table.name}: all {len(keep):,} people in it were erased; nobody is left")
    gone = counted(int(np.sum(~keep)), "row")
    setting.report(f"survey {rows.source.name}: {gone} of erased people left out")
    index = np.flatnonzero(keep)
    return taken(rows, index), tuple(names[int(i)] for i in index)


def taken(rows: Microdata, index: IntArray) -> Microdata:
    """The survey with only the people in the rows of ``index``."""
    households, seconds = rows.households, rows.seconds
    return replace(
        rows,
        people=rows.people.take(index),
        answers=rows.answers.take(index),
        table=rows.table.take(index),
        households=None if households is None else tuple(households[int(i)] for i in index),
        seconds=None if seconds is None else seconds[index],
    )


def _values(people: Panel) -> dict[str, tuple[str, ...]]:
    return dict(zip(people.attributes, people.levels, strict=True))


def _admitted(spec: GroundSpec, people: Panel, questions: Sequence[Question]) -> tuple[special.Found, ...]:
    """Special categories that the file lets in. Raises: DataError for others."""
    found = special.found(_values(people), questions)
    special.check(found, spec.special_categories)
    return found


def _observed(spec: SurveySource, source: Source) -> tuple[Provenance, ...]:
    return tuple(
        Provenance(
            attribute=name,
            kind="observed",
            source=source.source or source.name,
            vintage=source.vintage,
            licence=source.licence,
            method=OWN_ROW + recode.sentence,
            sha256=source.sha256,
        )
        for name, recode in spec.attributes.items()
    )
