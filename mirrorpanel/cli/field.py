"""``field``: a panel is asked."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from grounding.privacy import masking
from mirrorpanel import known, unseen
from mirrorpanel.cli import plans, replaying, summaries
from mirrorpanel.cli.console import answering_bar, say, show, show_json
from mirrorpanel.cli.interrupts import stopping
from mirrorpanel.cli.main_job import HERE, AsJson, Device, Dtype, Folder
from mirrorpanel.lineup import Machine
from mirrorpanel.render.numbers import count, duration
from mirrorpanel.store import Workspace
from mirrorpanel.verbs import fielding
from mirrorpanel.verbs.fielding import FieldedRun
from personas import screening
from personas.wording import counted
from validation.cluster import Cluster
from validation.field import here

File = Annotated[Path | None, typer.Argument(help="The study file; none with --replay.", show_default=False)]
Anew = Annotated[
    bool, typer.Option("--anew", help="Begin a new run although one with another study file is not complete.")
]
DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Print the plan with expected time and memory; ask nobody.")
]
Replay = Annotated[
    str | None, typer.Option(help="Ask a stored run or study once more and compare; nothing is written.")
]


def field(
    file: File = None,
    workspace: Folder = HERE,
    device: Device = None,
    dtype: Dtype = None,
    cluster: Annotated[
        str | None,
        typer.Option(help="Answer on a Ray cluster: local, auto (the one running here), ray://HOST:PORT."),
    ] = None,
    anew: Anew = False,
    dry_run: DryRun = False,
    replay: Replay = None,
    as_json: AsJson = False,
) -> None:
    """Asks the panel. A run that was stopped is resumed where it was: nothing lost, nothing doubled.

    Exit code 3 where answers are left: the run was stopped, or a server failed to give some. With --replay
    nothing is written, and the exit code is 1 where an answer is not the same, bit for bit.

    Example: mirrorpanel field study.yaml
    """
    if (file is None) == (replay is None):
        raise typer.BadParameter("give a study file, or --replay with a run")
    if cluster is not None and (dry_run or replay is not None):
        raise typer.BadParameter("--cluster goes neither with --dry-run nor with --replay: both work here")
    machine = Machine(device, dtype)
    if replay is not None:
        replaying.replay_run(workspace, replay, machine, as_json)
        return
    assert file is not None
    if dry_run:
        plans.dry_run(workspace, file, machine, anew, as_json)
        return
    joined = nullcontext(here) if cluster is None else Cluster(cluster)
    with (
        Workspace(workspace) as opened,
        stopping(say) as stop,
        joined as answerer,
        answering_bar() as (begin, progress),
    ):
        done = fielding.fielding(opened, file, machine, begin, progress, stop, anew, answerer)
    if as_json:
        show_json(summaries.run(done))
    else:
        _tell(done, file)
    if not done.complete:
        raise typer.Exit(3)


def _tell(done: FieldedRun, file: Path) -> None:
    resumed = f", {count(done.resumed)} of them kept from before" if done.resumed else ""
    partial = "" if done.complete else " (partial)"
    show(f"Run {done.run}{partial}: {count(done.answers)} answers in {duration(done.seconds)}{resumed}")
    for line in masking.sentences(done.record.masked):
        show(f"{line[:-1]} before any model read it.")
    for line in known.sentences(done.record.known, done.persons):
        show(line)
    for line in unseen.sentences(done.record.unseen, done.persons):
        show(line)
    for line in screening.sentences(done.record.refused, done.record.doubtful):
        show(line)
    if done.record.stopped is not None:
        show(done.record.stopped.sentence)
    if done.record.plan is not None:
        say(plans.outcome(done.record.plan))
    for outcome, n in done.missing.items():
        show(f"{counted(n, 'answer')} {_DID_NOT_COME[outcome]}.")
    if not done.complete:
        show(f"The run is not complete. Go on with: mirrorpanel field {file}")


_DID_NOT_COME = {
    "refused": "did not come: the model declined, and its words are kept",
    "unparsable": "did not come: the reply was none of the options, and its words are kept",
    "failed": "failed to come from the server; they are asked for again when the run goes on",
}
