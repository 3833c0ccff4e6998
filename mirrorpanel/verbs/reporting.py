"""``report``: a validated run as a page, its JSON twin, and the answers as CSV and Parquet."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from grounding import splits
from grounding.privacy.protection import PERSONAL
from grounding.provenance import Provenance, Source
from mirrorpanel import __version__, aside, known, lineup, outcomes, panels, runs, sources, trained
from mirrorpanel.records import AdapterRecord, AgreementRecord, PanelRecord, RunRecord, SplitRecord
from mirrorpanel.render import page
from mirrorpanel.render.data import ModelLine, ReportData, SplitLine, Unvalidated
from mirrorpanel.store import Workspace, now
from personas.arrays import FloatArray
from personas.errors import MirrorpanelError
from personas.panel import UNKNOWN, Panel
from personas.prompt import attribute_text, option_text, person_text, question_text, value_text
from personas.wording import percent
from training.registry import card
from validation.segments import SMALLEST_BASE

OPTION_ORDER = (
    "Options are not presented in any order: each is scored from its own text, apart from the others. What "
    "counts is the place of an option on an ordinal scale, which is part of the question."
)
_DRAWS = {
    "joint": "A person's answers are drawn together, so that they hang together as people's answers do.",
    "independent": "Each answer is drawn for itself: beyond attributes, a person's answers share nothing.",
}
LEGAL_BASIS = "not recorded in the grounding file"
LIMITS = (
    "Quoting simulated answers as survey results, or calling them answers of people.",
    "Reading 10,000 simulated answers as 10,000 people: their precision is that of the real people "
    "behind the model, not of the number of answers.",
    "Decisions about individuals.",
    "Questions, populations or times other than those that agreement was measured on; questions marked "
    "as outside the support of the training.",
    "Conclusions from attributes marked as matched or imputed: they are lent by similar customers or "
    "drawn from official shares and say nothing of the person.",
)


def report(workspace: Workspace, run: str) -> Path:
    """Writes the report of a run beside the workspace and returns the path of the page.

    All files are made aside first, so that a disk that fills leaves no half report.

    Raises:
        MirrorpanelError: the run has not been validated.
        WorkspaceError: a file could not be written.
    """
    if workspace.value("SELECT count(*) FROM agreements WHERE run = ?", [run]) == 0:
        raise MirrorpanelError(f"Run {run!r} has not been validated; run: mirrorpanel validate {run}")
    panel = str(workspace.value("SELECT panel FROM runs WHERE run = ?", [run]))
    sources.refuse_expired(workspace, panel, "report")
    folder = workspace.folder / "reports" / run
    content = _content(workspace, run)
    with aside.files_of(folder) as part:
        path = page.write(content, part)
        export(workspace, run, part)
    return folder / path.name


def export(workspace: Workspace, run: str, folder: Path) -> None:
    """Answers as ``answers.csv`` and ``answers.parquet``: one row for each person and question.

    Neither attributes nor pseudonyms are in them. The distributions behind the draws are not either: to
    whom has the adapter they tell a person's attributes, and so the human behind them.
    """
    record = workspace.record("runs", "run", run, RunRecord)
    panel = str(workspace.value("SELECT panel FROM runs WHERE run = ?", [run]))
    workspace.insert_temporary(
        "option_labels",
        {
            "question": [q.name for q in record.questions for _ in q.options],
            "option": [i for q in record.questions for i in range(len(q.options))],
            "label": [o for q in record.questions for o in q.options],
        },
    )
    select = f"""
        SELECT true AS synthetic, a.run, a.person, p.weight, a.question, a.option, l.label AS answer
        FROM answers a
        JOIN persons p ON p.person = a.person AND p.panel = {_literal(panel)}
        JOIN option_labels l ON l.question = a.question AND l.option = a.option
        WHERE a.run = {_literal(run)}
        ORDER BY p.place, a.question
    """
    workspace.connection.execute(
        f"COPY ({select}) TO {_literal(folder / 'answers.parquet')} (FORMAT parquet)"
    )
    workspace.connection.execute(f"COPY ({select}) TO {_literal(folder / 'answers.csv')} (HEADER)")


def _literal(value: object) -> str:
    """A value as an SQL string; COPY takes no parameters."""
    return "'" + str(value).replace("'", "''") + "'"


def _content(workspace: Workspace, run: str) -> ReportData:
    record = workspace.record("runs", "run", run, RunRecord)
    panel, finished, seconds, processor = workspace.rows(
        "SELECT panel, finished, seconds, processor FROM runs WHERE run = ?", [run]
    )[0]
    grounded = workspace.record("panels", "panel", panel, PanelRecord)
    agreed = workspace.record("agreements", "run", run, AgreementRecord)
    adapter = record.adapter and workspace.record("adapters", "adapter", record.adapter, AdapterRecord)
    found = runs.outcomes(workspace, run)
    answers = found.pop("answered")
    return ReportData(
        title=f"Agreement of study {record.spec.study} with real people",
        created=_utc(now()),
        fielded=_utc(finished),
        version=__version__,
        study=record.spec.study,
        panel=panel,
        model=_model(record, adapter or None, processor),
        persons=int(workspace.value("SELECT count(*) FROM asked WHERE run = ?", [run])),
        answers=answers,
        seconds=seconds,
        answers_per_second=answers / seconds,
        refused=sum(found.values()),
        repaired=0,
        refused_questions=record.refused,
        doubtful_questions=record.doubtful,
        agreement=agreed.result,
        unvalidated=_unvalidated(workspace, panel, run, record, agreed),
        apart=agreed.apart,
        toplines=agreed.toplines,
        anchored=card.worth(adapter.anchored) if adapter else (),
        known=known.sentences(record.known, grounded.persons),
        smallest_base=SMALLEST_BASE,
        population=_population(grounded),
        weighting=grounded.weighting,
        provenance=grounded.provenance,
        split=_split(workspace, panel, record, grounded, adapter or None),
        sources=_sources(grounded),
        legal_basis=_legal_basis(grounded),
        prompts=_prompts(workspace, panel, record, adapter or None, agreed),
        option_order=OPTION_ORDER,
        draws=f"Counter-based (Philox), a function of seed {record.spec.seed}, person and question alone; "
        f"never the most likely option. {_DRAWS[record.draws]}",
        seed=record.spec.seed,
        limits=LIMITS,
        reproduce=_reproduce(record, grounded, adapter or None),
    )


def _unvalidated(
    workspace: Workspace, panel: str, run: str, record: RunRecord, agreed: AgreementRecord
) -> tuple[Unvalidated, ...]:
    """Simulated shares of the questions that nobody real was asked, among the persons who answered."""
    silent = outcomes.unanswered(workspace, run, record)
    asked = [q for q in record.questions if q.name in agreed.unvalidated and q.name not in silent]
    persons = panels.persons(workspace, panel)
    distributions, _ = runs.answers(workspace, run, persons.ids, asked)
    return tuple(
        Unvalidated(
            name=q.name,
            text=q.text,
            options=q.options,
            shares=tuple(float(s) for s in _shares(rows, persons.weights)),
            outside_support=q.name in agreed.outside_support,
        )
        for q, rows in zip(asked, distributions, strict=True)
    )


def _shares(rows: FloatArray, weights: FloatArray) -> FloatArray:
    """Weighted mean of the distributions of those who answered, (n_options,)."""
    came = ~np.isnan(rows).all(axis=1)
    return np.average(rows[came], axis=0, weights=weights[came])


def _utc(moment: datetime) -> str:
    return moment.replace(tzinfo=UTC).isoformat(timespec="seconds")


def _model(record: RunRecord, adapter: AdapterRecord | None, processor: str) -> ModelLine:
    base = adapter.base_model if adapter else lineup.name_of(record.spec)
    return ModelLine(
        name=record.model,
        fingerprint=record.fingerprint,
        base=base,
        licence=lineup.licence(base),
        processor=processor,
        adapter=f"{record.adapter} (fingerprint {adapter.fingerprint})" if adapter else "none",
    )


def _population(grounded: PanelRecord) -> str:
    uses = grounded.spec.margins
    if not uses:
        return "the people of the survey as weighted there; no official margins were given"
    names = ", ".join(f"{u.table} ({' × '.join(u.attributes.values())})" for u in uses)
    return f"raked to the official margins {names}"


def _split(
    workspace: Workspace, panel: str, record: RunRecord, grounded: PanelRecord, adapter: AdapterRecord | None
) -> SplitLine:
    benchmark = _survey(grounded.provenance)
    asked = {q.fingerprint for q in record.questions}
    real = [q for q in panels.questions(workspace, panel) if q.fingerprint in asked]
    if adapter is None:
        return SplitLine(
            people=grounded.people, training_people=0, held_out_people=grounded.people,
            training_questions=0, held_out_questions=len(real),
            description="Nothing was trained: all people and questions are held out.",
            benchmark=benchmark, sha256="", overlap_people=0, overlap_questions=0,
        )  # fmt: skip
    split = adapter.split
    fitted = lineup.trained_questions(workspace, adapter)
    held = {q.fingerprint for q in panels.questions(workspace, panel) if q.name in split.questions}
    how = "by hash" if isinstance(adapter.spec.split.questions, int) else "by name"
    return SplitLine(
        people=grounded.people,
        training_people=split.people_trained,
        held_out_people=split.people_held_out,
        training_questions=len(fitted),
        held_out_questions=len(split.questions),
        description=f"People by hash of seed {split.seed} and id ({percent(split.people)} held out), "
        f"questions {how} ({', '.join(split.questions) or 'none'}), both before any answer was looked at. "
        f"{_set_aside(split)}{''.join(f'{w} ' for w in split.warnings)}"
        "Weights and matching rest on the attributes of all people, held out or not, on nobody's answers. "
        f"{_mirrored(workspace, panel, str(record.adapter), split)}",
        benchmark=benchmark,
        sha256=split.fingerprint,
        overlap_people=_overlap(workspace, panel, str(record.adapter), split),
        overlap_questions=len({q.fingerprint for q in fitted} & held),
    )


def _set_aside(split: SplitRecord) -> str:
    """Who is neither trained on nor scored on; nothing where there is nobody."""
    apart = [
        f"{split.people_rectification:,} kept for rectification" if split.people_rectification else "",
        f"{split.people_segment:,} of the segment held out, scored by itself" if split.people_segment else "",
        f"{split.people_wave:,} of the wave held out, scored by itself" if split.people_wave else "",
    ]
    said = ", ".join(filter(None, apart))
    return f"Set aside, never trained on and not among the people held out: {said}. " if said else ""


def _overlap(workspace: Workspace, panel: str, adapter: str, split: SplitRecord) -> int | None:
    """People on both sides: none where those outside the held-out part are the very ones trained on.

    Where pseudonyms were renewed or people erased since, the rule no longer shows who was held out; who was
    trained on or set aside is kept apart, and everybody else was held out.
    """
    ids = [str(r[0]) for r in workspace.rows("SELECT id FROM people WHERE panel = ?", [panel])]
    fitted = trained.groups(workspace, adapter, ids).trained
    rest = [i for i, there in zip(ids, fitted, strict=True) if there]
    if splits.ids_fingerprint(rest) == split.trained_ids:
        return 0
    changed = "SELECT count(*) FROM audit WHERE verb IN ('erase', 'key rotate')"
    return 0 if rest and workspace.value(changed) else None


def _mirrored(workspace: Workspace, panel: str, adapter: str, split: SplitRecord) -> str:
    """How many of the persons carry the attributes of people on either side of the split."""
    mirrors = [str(r[0]) for r in workspace.rows("SELECT mirrors FROM persons WHERE panel = ?", [panel])]
    people, _ = panels.people(workspace, panel)
    cell = trained.cell(workspace, adapter, split, "unseen_people", people, ())
    unseen = set(people.take(cell.people).ids)
    fitted = int(trained.groups(workspace, adapter, mirrors).trained.sum())
    held_out = sum(mirror in unseen for mirror in mirrors)
    apart = len(mirrors) - fitted - held_out
    return (
        f"Of the simulated persons {fitted:,} carry the attributes of people trained on, "
        f"{f'{apart:,} those of people set aside ' if apart else ''}and "
        f"{held_out:,} those of people held out; nobody's answers are copied."
    )


def _survey(provenance: Sequence[Provenance]) -> str:
    first = next(p for p in provenance if p.kind == "observed")
    return f"{first.source}, {first.vintage}" if first.vintage else first.source


def _sources(grounded: PanelRecord) -> tuple[Source, ...]:
    names = {sha: name for name, sha in grounded.inputs.items()}
    found = {
        (p.source, p.sha256): Source(names.get(p.sha256, p.source), p.source, p.licence, p.vintage, p.sha256)
        for p in grounded.provenance
    }
    return tuple(found.values())


def _legal_basis(grounded: PanelRecord) -> str:
    """The basis of each source with people in it."""
    personal = [s for s in grounded.sources if s.kind in PERSONAL]
    return "; ".join(
        f"{s.name}: {s.protection.legal_basis or s.protection.anonymous or LEGAL_BASIS}" for s in personal
    )


def _prompts(
    workspace: Workspace,
    panel: str,
    record: RunRecord,
    adapter: AdapterRecord | None,
    agreed: AgreementRecord,
) -> tuple[str, ...]:
    """The prompts of the first option of the first question, for a person of no real human's making."""
    if record.spec.model == lineup.SCRIPTED:
        return ("None: the scripted model reads no text.",)
    question = record.questions[0]
    asked = question_text(question) + option_text(question.options[0])
    persons = panels.persons(workspace, panel)
    attributes = _commonest(persons.select(adapter.attributes if adapter else persons.attributes))
    joint = person_text(attributes) + asked
    if adapter is None:
        return (f"Person, question and option, read together: {joint}",)
    values = " ".join(attribute_text(n) + value_text(v) for n, v in attributes.items())
    return (
        f"Question and option, encoded once for everybody: {asked.strip()}",
        f"Attribute values, each encoded on its own, once for everybody: {values}",
        f"Untuned baseline ({agreed.untuned}): {joint}",
    )


def _commonest(persons: Panel) -> dict[str, str]:
    """The commonest value of each attribute, which together are the record of nobody in particular."""
    counts = [np.bincount(column[column != UNKNOWN]) for column in persons.codes.T]
    return {
        name: levels[int(found.argmax())]
        for name, levels, found in zip(persons.attributes, persons.levels, counts, strict=True)
        if found.size
    }


def _reproduce(record: RunRecord, grounded: PanelRecord, adapter: AdapterRecord | None) -> tuple[str, ...]:
    train = [f"mirrorpanel train {adapter.file}"] if adapter else []
    return (
        "mirrorpanel init .",
        f"mirrorpanel ground {grounded.file}",
        *train,
        f"mirrorpanel field {record.file}",
        f"mirrorpanel validate {record.spec.study}",
        f"mirrorpanel report {record.spec.study}",
    )
