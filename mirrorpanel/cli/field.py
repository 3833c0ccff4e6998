"""``field``: a panel is asked."""

from pathlib import Path

import typer

from grounding.privacy import masking
from mirrorpanel import known
from mirrorpanel.cli import summaries
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


def field(
    file: Path, workspace: Folder = HERE, device: Device = None, dtype: Dtype = None, as_json: AsJson = False
) -> None:
    """Asks the panel. A run that was stopped is resumed where it was: nothing lost, nothing doubled.

    Exit code 3 where answers are left: the run was stopped, or a server failed to give some.

    Example: mirrorpanel field study.yaml
    """
    with Workspace(workspace) as opened, stopping(say) as stop, answering_bar() as (begin, progress):
        done = fielding.fielding(opened, file, Machine(device, dtype), begin, progress, stop)
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
    for line in screening.sentences(done.record.refused, done.record.doubtful):
        show(line)
    for outcome, n in done.missing.items():
        show(f"{counted(n, 'answer')} {_DID_NOT_COME[outcome]}.")
    if not done.complete:
        show(f"The run is not complete. Go on with: mirrorpanel field {file}")


_DID_NOT_COME = {
    "refused": "did not come: the model declined, and its words are kept",
    "unparsable": "did not come: the reply was none of the options, and its words are kept",
    "failed": "failed to come from the server; they are asked for again when the run goes on",
}
