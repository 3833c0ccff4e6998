"""``demo``: the whole main job on the example files, through the same verbs that a user runs."""

import shlex
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import mirrorpanel
from grounding.sources import datasets
from mirrorpanel import store
from mirrorpanel.lineup import Machine
from mirrorpanel.records import AgreementRecord
from mirrorpanel.store import Workspace
from mirrorpanel.verbs import fielding, grounding, reporting, training, validating
from mirrorpanel.verbs.fielding import FieldedRun
from mirrorpanel.verbs.grounding import GroundedPanel
from mirrorpanel.verbs.training import TrainedAdapter
from personas.models import catalogue
from personas.models.wheel import cache_folder

MODEL = "smollm2-135m"
DATA = ("stevedata/gss_spending", "completejourney")
FILES = ("grounding.yaml", "train.yaml", "study.yaml")

Bar = Callable[[], AbstractContextManager[tuple[Callable[[int], None], Callable[[int], None]]]]


@dataclass(frozen=True)
class Demonstration:
    """What the demo did; ``seconds`` is the whole of it."""

    panel: GroundedPanel
    adapter: TrainedAdapter
    run: FieldedRun
    agreement: AgreementRecord
    report: Path
    seconds: float


def examples() -> Path:
    """Folder of the example files, in a checkout or in an installed package."""
    package = Path(mirrorpanel.__file__).parent
    installed = package / "examples"
    return (installed if installed.is_dir() else package.parent / "examples") / "spending"


def demonstrate(
    out: Path,
    machine: Machine,
    untuned_seconds: float,
    bar: Bar,
    say: Callable[[str], None],
    tell: Callable[[object], None],
) -> Demonstration:
    """Runs every verb into ``out``, printing each as a user would type it.

    A demo that was stopped goes on where it was: panel, adapter and answers that are there already are
    kept.
    """
    started = time.monotonic()
    folder = shlex.quote(str(out))
    out.mkdir(parents=True, exist_ok=True)
    if not (out / store.FILE).exists():
        say(f"$ mirrorpanel init {folder}")
        store.create(out)
    for name in FILES:
        if not (out / name).exists():
            shutil.copy(examples() / name, out / name)
    say(f"$ mirrorpanel models pull {MODEL}")
    catalogue.pull(MODEL, cache_folder(), say)
    for name in DATA:
        say(f"$ mirrorpanel data pull {name}")
        datasets.pull(name, cache_folder(), say)
    with Workspace(out) as workspace:
        say(f"$ mirrorpanel ground {folder}/grounding.yaml -w {folder}")
        panel = grounding.ground(workspace, out / FILES[0], cache_folder(), say)
        tell(panel)
        say(f"$ mirrorpanel train {folder}/train.yaml -w {folder}")
        adapter = training.train(workspace, out / FILES[1], machine, say)
        tell(adapter)
        say(f"$ mirrorpanel field {folder}/study.yaml -w {folder}")
        with bar() as (begin, progress):
            run = fielding.fielding(workspace, out / FILES[2], machine, begin, progress)
        tell(run)
        say(f"$ mirrorpanel validate {run.run} -w {folder}")
        agreed = validating.validate(workspace, run.run, machine, untuned_seconds, say)
        tell(agreed)
        say(f"$ mirrorpanel report {run.run} -w {folder}")
        path = reporting.report(workspace, run.run)
    return Demonstration(panel, adapter, run, agreed, path, time.monotonic() - started)
