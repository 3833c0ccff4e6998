"""A run that goes on: who is asked, when there are answers enough, and what may not have changed."""

from collections.abc import Callable, Iterator

import numpy as np

from mirrorpanel import runs
from mirrorpanel.records import RunRecord
from mirrorpanel.runs import RunSink, WatchedSink
from mirrorpanel.store import Workspace
from personas.errors import MirrorpanelError
from personas.panel import Panel
from personas.wording import counted
from validation import stopping
from validation.stopping import Watch
from validation.study import StudySpec

_FREE = {"study", "segments", "known", "draws"}
_SHOWN = 50
_PARTIAL = (
    "SELECT r.run, r.panel, (SELECT count(*) FROM asked a WHERE a.run = r.run) AS persons FROM runs r "
    "WHERE r.study = ? AND r.finished IS NULL AND persons > 0 ORDER BY r.created DESC, r.rowid DESC"
)


def turn(workspace: Workspace, run: str, spec: StudySpec, persons: Panel) -> Panel:
    """The persons to be asked, in that order: of a panel as they come, drawn where the study may stop early.

    A run that its rule has ended is left with those who were asked.
    """
    if spec.until is None:
        return persons
    chosen = persons.take(stopping.order(persons, spec.seed))
    if runs.known(workspace, run) and workspace.record("runs", "run", run, RunRecord).stopped is not None:
        there = set(runs.asked(workspace, run))
        return chosen.take(np.array([person in there for person in chosen.ids], dtype=np.bool_))
    return chosen.take(np.arange(len(chosen))[: spec.until.persons])


def look(spec: StudySpec, planned: int) -> int:
    """Persons of a batch where the study does not say: no more than a rule should wait for."""
    return planned if spec.until is None else min(planned, stopping.LOOK)


def sink(
    workspace: Workspace, run: str, persons: Panel, record: RunRecord, size: int
) -> tuple[RunSink, Callable[[], bool]]:
    """What keeps the answers of a run, and what tells whether there are enough of them.

    Args:
        workspace: where answers are kept.
        run: that has been started.
        persons: who may be asked.
        record: what is asked with.
        size: persons of the whole panel.
    """
    until = record.spec.until
    if until is None:
        return RunSink(workspace, run), lambda: False
    watch = Watch(until, persons, record.questions, size)
    return WatchedSink(workspace, run, record.questions, watch), lambda: watch.stopped().met


def refuse_changed(workspace: Workspace, run: str, panel: str, record: RunRecord) -> None:
    """Returns where no run of the study was broken off that would be given up for this one.

    A run that is known goes on, and one of which nobody has been asked is nothing to go on with.

    Raises:
        MirrorpanelError: there is one that asks otherwise; says what has changed.
    """
    left = workspace.rows(_PARTIAL, [record.spec.study])
    if runs.known(workspace, run) or not left:
        return
    before, its_panel, persons = left[0]
    old = workspace.record("runs", "run", before, RunRecord)
    changed = "; ".join(_changed(old, record, its_panel, panel))
    raise MirrorpanelError(
        f"{record.file}: run {before!r} of study {record.spec.study!r} is not complete "
        f"({counted(persons, 'person')} asked), and since then something has changed: {changed}. Answers of "
        "both do not belong together: undo the change to go on with that run, or begin a new one beside it "
        "with --anew"
    )


def _changed(old: RunRecord, new: RunRecord, old_panel: str, panel: str) -> Iterator[str]:
    """What two runs of a study differ in, in words: keys of the study file first."""
    was, now = (r.spec.model_dump(mode="json", exclude=_FREE) for r in (old, new))
    for key in now:
        if was[key] != now[key] and (key != "batch" or new.spec.until is not None):
            yield f"{key} was {_short(was[key])} and is {_short(now[key])}"
    if old.draws != new.draws:
        yield f"draws were {old.draws} and are {new.draws}"
    asked, known = ([q.name for q in r.known.questions] if r.known else [] for r in (old, new))
    if asked != known:
        yield f"known was {_short(asked)} and is {_short(known)}"
    if old_panel != panel and was["panel"] == now["panel"]:
        yield f"panel {was['panel']} was grounded anew ({old_panel}, now {panel})"
    same = all(was[key] == now[key] for key in ("questions", "new_questions"))
    if same and [q.fingerprint for q in old.questions] != [q.fingerprint for q in new.questions]:
        yield "the questions of the panel"
    if old.fingerprint != new.fingerprint and all(was[key] == now[key] for key in ("adapter", "model")):
        yield (
            f"{new.model} answered with fingerprint {old.fingerprint} and has {new.fingerprint} "
            "(other weights, device or number format: see --device and --dtype)"
        )


def _short(value: object) -> str:
    text = repr(value) if value not in (None, [], ()) else "left out"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} and so on"
