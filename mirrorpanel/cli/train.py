"""``train``: fitting a persona model, and what belongs to it before and after."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mirrorpanel.cli.console import say, show, show_json

if TYPE_CHECKING:
    from mirrorpanel.lineup import Machine
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs.training import TrainedAdapter

HERE = Path()


def train(
    file: Annotated[
        Path | None, typer.Argument(help="The training file; with --recheck also an adapter's name.")
    ] = None,
    workspace: Annotated[
        Path, typer.Option("--workspace", "-w", help="Folder of the workspace.", show_default=True)
    ] = HERE,
    audit: Annotated[
        bool, typer.Option("--audit", help="Only look through what would be trained on.")
    ] = False,
    ladder: Annotated[
        bool, typer.Option("--ladder", help="Hold the adapter against statistics and prompts, side by side.")
    ] = False,
    compare: Annotated[
        tuple[str, str] | None, typer.Option(help="Two adapters to hold against each other.")
    ] = None,
    recheck: Annotated[
        str | None, typer.Option(help="A new wave, panel or grounding file, to hold the adapter against.")
    ] = None,
    recalibrate: Annotated[
        bool, typer.Option("--recalibrate", help="With --recheck: renew the shares where that is advised.")
    ] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Register an adapter that failed a gate; its card says so.")
    ] = False,
    device: Annotated[
        str | None, typer.Option(help="cpu, cuda or cuda:N; chosen by itself when left out.")
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(help="float32, bfloat16 or float16; chosen by a timed test when left out.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Fits a persona model to the real answers that the split leaves for training.

    Example: mirrorpanel train train.yaml
    """
    if (file is None) != (compare is not None):
        raise typer.BadParameter("name a training file, or two adapters with --compare", param_hint="FILE")
    _refuse_idle(
        {
            "--compare": compare is not None, "--recheck": recheck is not None, "--audit": audit,
            "--ladder": ladder, "--recalibrate": recalibrate, "--force": force,
        }
    )  # fmt: skip
    from mirrorpanel.lineup import Machine
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import training
    from training.gradients import distributed, task

    own = distributed.share()
    if not own.writes:
        task.follow(own)  # the first process alone opens the workspace
        return
    machine = Machine(device or distributed.device(), dtype)
    with task.leading(own), Workspace(workspace) as opened:
        if compare is not None:
            _compare(opened, compare, machine, as_json)
        elif file is not None and recheck is not None:
            _recheck(opened, file, recheck, recalibrate, force, machine, as_json)
        elif file is not None and audit:
            _audit(opened, file, as_json)
        elif file is not None:
            done = training.train(opened, file, machine, say, forced=force)
            _tell(opened, done, file, ladder, machine, as_json)


_WITH = {
    "--compare": (),
    "--recheck": ("--recalibrate", "--force"),
    "--audit": (),
    "": ("--ladder", "--force"),
}
"""What a run of each kind takes beside itself; a training, the last one, has no flag of its own."""


def _refuse_idle(flags: dict[str, bool]) -> None:
    """Returns where every flag given has something to do. Raises: BadParameter naming one that has not."""
    given = [flag for flag, on in flags.items() if on]
    kind = next((flag for flag in _WITH if flag in given), "")
    idle = [flag for flag in given if flag != kind and flag not in _WITH[kind]]
    if idle:
        why = f"does nothing with {kind}" if kind else "goes with --recheck"
        raise typer.BadParameter(f"{why}; leave one of them out" if kind else why, param_hint=idle[0])
    if "--force" in given and kind == "--recheck" and "--recalibrate" not in given:
        raise typer.BadParameter("does nothing with --recheck alone; add --recalibrate", param_hint="--force")


def _tell(
    opened: "Workspace", done: "TrainedAdapter", file: Path, ladder: bool, machine: "Machine", as_json: bool
) -> None:
    from mirrorpanel.cli import rungs, summaries

    climbed = None
    if ladder:
        from mirrorpanel.cli.bars import climbing_bar
        from mirrorpanel.verbs import laddering

        with climbing_bar() as (begin, stage):
            climbed = laddering.climb(opened, file, done.adapter, machine, stage, begin)
    if as_json:
        more = {} if climbed is None else {"ladder": climbed.ladder.model_dump(mode="json")}
        show_json(summaries.adapter(done) | more)
        return
    for line in summaries.adapter_lines(done):
        show(line)
    if climbed is not None:
        for line in rungs.lines(climbed.ladder):
            show(line)
        show(str(climbed.page))


def _audit(opened: "Workspace", file: Path, as_json: bool) -> None:
    """Prints what was found; exit code 1 where it stops a training."""
    from mirrorpanel.render import audit_page
    from mirrorpanel.verbs import training_audit

    found = training_audit.audit(opened, file)
    if as_json:
        show_json(
            {"page": str(found.page), "passed": found.audit.passed, **found.audit.model_dump(mode="json")}
        )
    else:
        for finding in found.audit.findings:
            show(f"{finding.severity}: {finding.sentence} {finding.remedy}".rstrip())
        show(audit_page.verdict(found.audit))
        show(str(found.page))
    if not found.audit.passed:
        raise typer.Exit(1)


def _compare(opened: "Workspace", names: tuple[str, str], machine: "Machine", as_json: bool) -> None:
    from mirrorpanel.cli import adapters
    from mirrorpanel.verbs import registry

    done = registry.compare(opened, *names, machine)
    if as_json:
        show_json(done.model_dump(mode="json"))
        return
    for line in adapters.compared_lines(done):
        show(line)


def _recheck(
    opened: "Workspace",
    file: Path,
    wave: str,
    recalibrate: bool,
    force: bool,
    machine: "Machine",
    as_json: bool,
) -> None:
    from mirrorpanel.cli import adapters
    from mirrorpanel.verbs import rechecking
    from personas import document
    from personas.models.wheel import cache_folder
    from training.spec import TrainSpec

    name = document.read(file, TrainSpec).adapter if file.is_file() else str(file)
    done = rechecking.rechecked(opened, name, wave, cache_folder(), machine, say, recalibrate, forced=force)
    if as_json:
        show_json(adapters.rechecked_content(done))
        return
    for line in adapters.rechecked_lines(done):
        show(line)
