"""How a run went, in sentences: answers that did not come, and a fielding that stopped early."""

from collections.abc import Iterator

from mirrorpanel import runs
from mirrorpanel.records import RunRecord
from mirrorpanel.store import Workspace
from personas.wording import counted

_WHY = {
    "refused": "{n} that the model declined to give",
    "unparsable": "{n} with a reply that was none of the options",
    "failed": "{n} that failed",
}
_SHOWN = 3


def sentences(workspace: Workspace, run: str, record: RunRecord) -> tuple[str, ...]:
    """What a reader of the run's figures must know; nothing where everybody answered everything."""
    return (*_stopped(record), *_missing(workspace, run, record))


def unanswered(workspace: Workspace, run: str, record: RunRecord) -> frozenset[str]:
    """Questions to which not one answer came."""
    found = workspace.rows("SELECT DISTINCT question FROM answers WHERE run = ?", [run])
    return frozenset(q.name for q in record.questions) - {str(row[0]) for row in found}


def _stopped(record: RunRecord) -> Iterator[str]:
    if record.stopped is None:
        return
    yield record.stopped.sentence
    if record.stopped.met and record.stopped.persons < record.stopped.of:
        yield "Those asked are a simple random sample of the panel, with its weights."
        if record.spec.until is not None and record.spec.until.precision is not None:
            yield (
                "A fielding that stops at the first interval that is narrow enough favours samples that make "
                "it narrow, by a little."
            )


def _missing(workspace: Workspace, run: str, record: RunRecord) -> Iterator[str]:
    found = runs.outcomes(workspace, run)
    answered = found.pop("answered")
    missing = sum(found.values())
    if not missing:
        return
    why = ", ".join(_WHY[outcome].format(n=f"{n:,}") for outcome, n in found.items())
    by_question = workspace.rows(
        "SELECT question, count(*) FROM missing WHERE run = ? GROUP BY 1 ORDER BY 2 DESC, 1", [run]
    )
    told = ", ".join(f"{name} {n:,}" for name, n in by_question[:_SHOWN])
    more = f" and {counted(len(by_question) - _SHOWN, 'more question')}" if len(by_question) > _SHOWN else ""
    yield (
        f"{missing:,} of {counted(answered + missing, 'answer')} did not come: {why} ({told}{more}). A "
        "person is left out of the figures of the questions without an answer, and of no other; nothing was "
        "filled in."
    )
    nobody = sorted(unanswered(workspace, run, record))
    if nobody:
        yield f"Not one answer came to {', '.join(nobody)}: no figures."
