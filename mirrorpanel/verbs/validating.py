"""``validate``: a run's answers are held against real people who were never trained on."""

import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mirrorpanel import apart, known, lineup, outcomes, panels, runs, sources, studies
from mirrorpanel import trained as trained_people
from mirrorpanel.lineup import Answering, Machine
from mirrorpanel.records import AgreementRecord, PanelRecord, RunRecord
from mirrorpanel.store import Workspace, now
from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray
from personas.errors import MirrorpanelError
from personas.models.factored import FactoredModel
from personas.models.joint import JointModel
from personas.models.offset import OffsetModel
from personas.panel import Panel
from personas.question import Question
from validation import baselines
from validation.agreement import agreement
from validation.results import Status
from validation.scored import Scored
from validation.segments import SMALLEST_BASE

LEAST_UNTUNED = 20


@dataclass(frozen=True)
class _Held:
    """The two parts of the real panel: held out, and trained on (empty where nothing was trained)."""

    people: Panel
    answers: Answers
    train_answers: Answers
    train_weights: FloatArray


def validate(
    workspace: Workspace, run: str, machine: Machine, untuned_seconds: float, report: Callable[[str], None]
) -> AgreementRecord:
    """Agreement of a complete run, kept in the workspace.

    Raises:
        MirrorpanelError: the run is not complete, or none of its questions has real answers.
    """
    started = time.monotonic()
    record = workspace.record("runs", "run", run, RunRecord)
    panel, finished = workspace.rows("SELECT panel, finished FROM runs WHERE run = ?", [run])[0]
    if finished is None:
        raise MirrorpanelError(
            f"Run {run!r} is not complete; finish it first: mirrorpanel field {record.file}"
        )
    sources.refuse_expired(workspace, panel, "validate")
    answering = _answering(workspace, run, record, machine)
    held, status = _held_out(workspace, panel, record, answering)
    real = frozenset(status)
    status = _came(workspace, run, record, status)
    fielded = outcomes.sentences(workspace, run, record)
    persons = _asked(workspace, run, panel, record)
    questions = tuple(q for q in record.questions if q.name in status)
    distributions, drawn = runs.answers(workspace, run, persons.ids, questions)
    everyone = Scored(persons, questions, tuple(distributions)), drawn
    usual = ~np.logical_or(*apart.inside(record.split, persons))
    model, drawn = everyone[0].take(usual), drawn[usual]
    persons = model.panel
    rng = np.random.default_rng(record.spec.seed)
    report(f"scoring baselines for {len(questions)} questions")
    shown = [a for a in _attributes(workspace, panel, answering) if a in persons.attributes]
    untuned = _untuned(answering, persons.select(shown), questions, machine, untuned_seconds, rng)
    others = _baselines(answering, persons, questions, status, held, rng)
    if untuned is not None:
        others[baselines.UNTUNED] = untuned
    mirrored = _mirrored(answering, questions, status, held, rng)
    segments = record.spec.segments
    if segments is None:
        segments = tuple(_observed(workspace, panel))
    report("bootstrapping people and questions")
    outside = _outside_support(answering, record.questions)
    result = agreement(
        model=model, baselines=others, people=held.people, answers=held.answers, status=status,
        segments=segments, draws=drawn, mirrored=mirrored, seed=record.spec.seed,
        smallest_base=SMALLEST_BASE, outside_support=outside,
    )  # fmt: skip
    kept = AgreementRecord(
        result=result.model_copy(update={"notes": (*result.notes, *apart.note(record.split), *fielded)}),
        fielded=fielded,
        unvalidated=tuple(q.name for q in record.questions if q.name not in real),
        outside_support=tuple(sorted(outside)),
        untuned=_untuned_line(untuned, answering, untuned_seconds),
        segments=tuple(segments),
        apart=apart.agreements(
            workspace, panel, record, everyone, status,
            lambda some, asked: _baselines(answering, some, asked, status, held, rng),
        ),
        toplines=studies.compared(workspace, run, panel, record, studies.kept(answering.adapter)),
        seconds=time.monotonic() - started,
    )  # fmt: skip
    with workspace.transaction("validate", run):
        workspace.connection.execute(
            "INSERT OR REPLACE INTO agreements VALUES (?, ?, ?)", [run, now(), kept.model_dump_json()]
        )
    return kept


def _answering(workspace: Workspace, run: str, record: RunRecord, machine: Machine) -> Answering:
    """The model that answered the run: its own adapter, even where a newer one bears the same name."""
    spec = record.spec.model_copy(update={"adapter": record.adapter})
    answering = lineup.answering(workspace, spec, machine)
    if answering.model.fingerprint != record.fingerprint:
        raise MirrorpanelError(
            f"Run {run!r} was answered by a model with fingerprint {record.fingerprint}, but "
            f"{answering.model.name} now has {answering.model.fingerprint}: other weights, device or number "
            f"format. Use those of then (--device, --dtype), or field anew: mirrorpanel field {record.file}"
        )
    return answering


def _held_out(
    workspace: Workspace, panel: str, record: RunRecord, answering: Answering
) -> tuple[_Held, dict[str, Status]]:
    """The held-out people with their answers, and what was held out of each question asked.

    Nobody of a segment or wave that is held out is among them (``mirrorpanel.apart``).

    Of the people the same is known as of the persons; what is compared is asked, and so never known.
    """
    people, answers = panels.people(workspace, panel)
    if _known(record):
        people = replace(people, known=answers.only([q.name for q in _known(record)]))
    asked = {q.name: q for q in record.questions}
    real = [q for q in answers.questions if q.name in asked and q.fingerprint == asked[q.name].fingerprint]
    if not real:
        raise MirrorpanelError(
            f"None of the questions of study {record.spec.study!r} was asked of real people; "
            f"real answers exist for {', '.join(q.name for q in answers.questions) or 'no question'}"
        )
    if answering.adapter is None:
        status: dict[str, Status] = {q.name: "unseen_both" for q in real}
        _refuse_few(answers, people, status, "bring more people")
        return _Held(people, answers, answers.take(np.zeros(0, dtype=np.int64)), np.zeros(0)), status
    adapter, split = str(record.adapter), answering.adapter.split
    unseen = trained_people.cell(workspace, adapter, split, "unseen_people", people, ())
    rows = np.flatnonzero(unseen.people)
    trained = {q.fingerprint for q in lineup.trained_questions(workspace, answering.adapter)}
    status = {q.name: "unseen_people" if q.fingerprint in trained else "unseen_both" for q in real}
    seen = [q for q in real if status[q.name] == "unseen_people"]
    fitted = _trained_on(workspace, adapter, panel, (people, answers), seen)
    held = _Held(people.take(rows), answers.take(rows), *fitted)
    _refuse_few(
        held.answers, held.people, status, "hold out more people (split.people) or bring more of them"
    )
    return held, status


def _asked(workspace: Workspace, run: str, panel: str, record: RunRecord) -> Panel:
    """The persons who were asked, in the order of the panel, with what was known of them."""
    persons = known.told(workspace, panel, panels.persons(workspace, panel), _known(record))
    there = set(runs.asked(workspace, run))
    return persons.take(np.array([person in there for person in persons.ids], dtype=np.bool_))


def _came(
    workspace: Workspace, run: str, record: RunRecord, status: Mapping[str, Status]
) -> dict[str, Status]:
    """The questions to which answers came. Raises: MirrorpanelError where there is none."""
    nobody = outcomes.unanswered(workspace, run, record)
    found: dict[str, Status] = {name: of for name, of in status.items() if name not in nobody}
    if not found:
        raise MirrorpanelError(
            f"Run {run!r} has no answer to any question that real people were asked "
            f"({', '.join(status)}); there is nothing to compare"
        )
    return found


def _trained_on(
    workspace: Workspace,
    adapter: str,
    panel: str,
    real: tuple[Panel, Answers],
    questions: Sequence[Question],
) -> tuple[Answers, FloatArray]:
    """Answers and weights of the people trained on, for each of the questions asked that has any.

    They are people of the run's own panel, or, where that is another one than the adapter was trained on and
    lacks them, of the adapter's; a question may bear another name there.
    """
    home = str(workspace.value("SELECT panel FROM adapters WHERE adapter = ?", [adapter]))
    found = _fitted(workspace, adapter, *real, questions)
    if home != panel and len(found[0].questions) < len(questions):
        own = _fitted(workspace, adapter, *panels.people(workspace, home), questions)
        found = max(found, own, key=lambda one: len(one[0].questions))
    return found


def _fitted(
    workspace: Workspace, adapter: str, people: Panel, answers: Answers, questions: Sequence[Question]
) -> tuple[Answers, FloatArray]:
    rows = np.flatnonzero(trained_people.groups(workspace, adapter, people.ids).trained)
    weights, own = people.weights[rows], answers.take(rows)
    columns = {q.fingerprint: own.chosen[:, j] for j, q in enumerate(own.questions)}
    given = {p: float(weights[c != NO_ANSWER].sum()) for p, c in columns.items()}
    some = tuple(q for q in questions if given.get(q.fingerprint, 0.0) > 0)
    chosen = [columns[q.fingerprint] for q in some]
    empty = np.zeros((len(rows), 0), dtype=np.int64)
    return Answers(some, np.stack(chosen, axis=1) if chosen else empty), weights


def _known(record: RunRecord) -> tuple[Question, ...]:
    return record.known.questions if record.known else ()


def _refuse_few(answers: Answers, people: Panel, names: Collection[str], advice: str) -> None:
    """Returns where some question has people enough to compare with. Raises: MirrorpanelError."""
    given = (answers.chosen != NO_ANSWER) & (people.weights > 0)[:, None]
    most = max(int(given[:, j].sum()) for j, q in enumerate(answers.questions) if q.name in names)
    if most < SMALLEST_BASE:
        raise MirrorpanelError(
            f"At most {most} held-out people answered any question; agreement is read from "
            f"{SMALLEST_BASE} or more: {advice}"
        )


def _baselines(
    answering: Answering,
    panel: Panel,
    questions: Sequence[Question],
    status: Mapping[str, Status],
    held: _Held,
    rng: np.random.Generator,
) -> dict[str, Scored]:
    fitted = {q.name for q in held.train_answers.questions}
    seen = [q for q in questions if status[q.name] == "unseen_people" and q.name in fitted]
    found = {
        baselines.UNIFORM: baselines.uniform(panel, questions),
        baselines.EMPTY_PERSONA: baselines.empty_persona(answering.model, panel, questions),
    }
    if seen:
        found[baselines.ITEM_SHARE] = baselines.item_share(
            panel, seen, held.train_answers, held.train_weights, studies.kept(answering.adapter)
        )
    if isinstance(answering.model, FactoredModel):
        found[baselines.SHUFFLED_PERSONA] = baselines.shuffled_persona(answering.model, panel, questions, rng)
    return found


def _mirrored(
    answering: Answering,
    questions: Sequence[Question],
    status: Mapping[str, Status],
    held: _Held,
    rng: np.random.Generator,
) -> dict[str, Scored]:
    """Model and baselines asked as the held-out people themselves; nothing where that would take too long.

    A language model that reads every person anew is not asked: thousands of people would take it hours.
    """
    if isinstance(answering.model, JointModel | OffsetModel):
        return {}
    found = _baselines(answering, held.people, questions, status, held, rng)
    return {"model": _scored(answering, held.people, questions)} | found


def _scored(answering: Answering, panel: Panel, questions: Sequence[Question]) -> Scored:
    return Scored(panel, tuple(questions), tuple(answering.model.distributions(panel, questions)))


def _untuned(
    answering: Answering,
    persons: Panel,
    questions: Sequence[Question],
    machine: Machine,
    seconds: float,
    rng: np.random.Generator,
) -> Scored | None:
    if answering.adapter is None or seconds <= 0:
        return None
    joint = JointModel(lineup.language(answering.adapter.base_model, machine))
    return baselines.untuned(joint, persons, questions, seconds, LEAST_UNTUNED, rng)


def _untuned_line(untuned: Scored | None, answering: Answering, seconds: float) -> str:
    if untuned is None or answering.adapter is None:
        return "not measured"
    return (
        f"{answering.adapter.base_model} without training, joint scoring, on {len(untuned.panel):,} of the "
        f"persons drawn at random: as many as this machine scored in {seconds:g} s, and at least "
        f"{LEAST_UNTUNED}"
    )


def _attributes(workspace: Workspace, panel: str, answering: Answering) -> Sequence[str]:
    return answering.adapter.attributes if answering.adapter else _observed(workspace, panel)


def _observed(workspace: Workspace, panel: str) -> list[str]:
    record = workspace.record("panels", "panel", panel, PanelRecord)
    return [p.attribute for p in record.provenance if p.kind == "observed"]


def _outside_support(answering: Answering, questions: Sequence[Question]) -> frozenset[str]:
    if answering.statistics is not None:
        return frozenset(answering.statistics.outside_support(questions))
    return frozenset()
