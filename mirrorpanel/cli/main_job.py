"""The verbs of the main job, each a thin skin over ``mirrorpanel.verbs``."""

from pathlib import Path
from typing import Annotated

import typer

from mirrorpanel.cli.console import say, show, show_json

Folder = Annotated[
    Path, typer.Option("--workspace", "-w", help="Folder of the workspace.", show_default=True)
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
Device = Annotated[str | None, typer.Option(help="cpu, cuda or cuda:N; chosen by itself when left out.")]
Dtype = Annotated[
    str | None, typer.Option(help="float32, bfloat16 or float16; chosen by a timed test when left out.")
]
UntunedSeconds = Annotated[
    float, typer.Option(help="Time for the untuned language model; 0 leaves that baseline out.", min=0)
]
HERE = Path()


def init(
    folder: Path,
    key: Annotated[
        str | None, typer.Option(help="Where the key of pseudonyms is kept: a path outside, or keyring:NAME.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Makes a workspace: a folder with one DuckDB file.

    Example: mirrorpanel init my-study
    """
    from mirrorpanel import keys, store

    if key is not None:
        keys.resolved(folder, key)
    store.create(folder)
    if key is not None:
        with store.Workspace(folder) as opened:
            keys.use(opened, key)
    if as_json:
        show_json({"workspace": str(folder)})
    else:
        there = "" if folder.resolve() == Path.cwd() else "go there and "
        show(f"Workspace {folder}; {there}run: mirrorpanel ground grounding.yaml")


def ground(file: Path, workspace: Folder = HERE, as_json: AsJson = False) -> None:
    """Brings survey, CRM and official margins together into a weighted panel.

    Example: mirrorpanel ground grounding.yaml
    """
    from mirrorpanel.cli import summaries
    from mirrorpanel.cli.bars import grounding_bar
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import grounding
    from personas.models.wheel import cache_folder

    with Workspace(workspace) as opened, grounding_bar() as (begin, stage):
        done = grounding.ground(opened, file, cache_folder(), say, begin, stage)
    if as_json:
        show_json(summaries.panel(done))
        return
    for line in summaries.panel_lines(done):
        show(line)


def validate(
    run: str,
    workspace: Folder = HERE,
    untuned_seconds: UntunedSeconds = 40,
    device: Device = None,
    dtype: Dtype = None,
    as_json: AsJson = False,
) -> None:
    """Scores a run against real people who were never trained on. RUN is a run or the name of a study.

    Example: mirrorpanel validate spending
    """
    from mirrorpanel.cli import summaries
    from mirrorpanel.lineup import Machine
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import validating

    with Workspace(workspace) as opened:
        name = opened.latest("runs", "run", run)
        record = validating.validate(opened, name, Machine(device, dtype), untuned_seconds, say)
    if as_json:
        show_json(summaries.agreement(name, record))
        return
    for line in summaries.agreement_lines(record):
        show(line)


def report(run: str, workspace: Folder = HERE, as_json: AsJson = False) -> None:
    """Writes the report of a validated run: HTML, JSON, and the answers as CSV and Parquet.

    Example: mirrorpanel report spending
    """
    from mirrorpanel.store import Workspace
    from mirrorpanel.verbs import reporting

    with Workspace(workspace) as opened:
        name = opened.latest("runs", "run", run)
        path = reporting.report(opened, name)
    if as_json:
        show_json({"run": name, "report": str(path)})
    else:
        show(str(path))


def demo(
    out: Annotated[Path, typer.Option(help="Folder for the workspace and the report.")] = Path("demo-out"),
    untuned_seconds: UntunedSeconds = 40,
    device: Device = None,
    dtype: Dtype = None,
    as_json: AsJson = False,
) -> None:
    """Does the whole main job on real data, one verb after the other, and ends with the report's path.

    Example: mirrorpanel demo --out demo-out
    """
    from mirrorpanel.cli import demo_summaries
    from mirrorpanel.cli.bars import answering_bar
    from mirrorpanel.lineup import Machine
    from mirrorpanel.verbs import demonstration

    done = demonstration.demonstrate(
        out, Machine(device, dtype), untuned_seconds, answering_bar, say, demo_summaries.step
    )
    if as_json:
        show_json(demo_summaries.figures(done))
    else:
        for line in demo_summaries.lines(done):
            show(line)
        show(str(done.report.resolve()))
