"""``field``: a panel is asked."""

from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer

from mirrorpanel.cli.console import say, show_json
from mirrorpanel.cli.interrupts import stopping
from mirrorpanel.cli.main_job import HERE, AsJson, Device, Dtype, Folder

File = Annotated[Path | None, typer.Argument(help="The study file; none with --replay.", show_default=False)]
Anew = Annotated[
    bool,
    typer.Option(
        "--anew",
        help="Begin a new run although one with another study file is not complete; with --replay, encode "
        "everything anew.",
    ),
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
    from mirrorpanel.cli import plans, replaying, summaries
    from mirrorpanel.cli.bars import answering_bar
    from mirrorpanel.lineup import Machine
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import fielding
    from validation.cluster import Cluster
    from validation.field import here

    machine = Machine(device, dtype)
    if replay is not None:
        replaying.replay_run(workspace, replay, machine, anew, as_json)
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
        summaries.tell_run(done, file)
    if not done.complete:
        raise typer.Exit(3)
