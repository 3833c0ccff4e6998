"""Whether a fielding that is killed again and again keeps every answer once.

``mirrorpanel field`` is run on a small study of a scripted model that depends on person and question, and
killed by SIGKILL: at moments drawn at random from its start and from its first batch, and as soon as the
journal of the database has grown by a number of bytes drawn at random, which falls into transactions. Each
kill is followed by a new process that goes on. Runs that reach their end are held against one that was left
alone, and the next begins with another seed.

``lost`` counts answers that had been written, as the process was told, and are gone, and those that a run
lacks at its end; ``doubled`` those that stand there twice; ``torn`` persons with a part of their answers;
``different`` answers whose option or distribution is not, bit for bit, that of the run left alone.
"""

import hashlib
import multiprocessing
import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.output import finish, parser, peak_memory_gb
from mirrorpanel import lineup, runs, store
from mirrorpanel.cli import app
from mirrorpanel.store import FILE, Workspace
from personas.arrays import FloatArray
from personas.models.scripted import ScriptedModel
from personas.panel import Panel
from personas.person import Person
from personas.question import Question
from validation.field import AnswerBatch

KILLS, PERSONS, QUESTIONS, BATCH = 100, 240, 10, 3
PEOPLE, DEADLINE = 300, 120.0
_WRITTEN = "written.txt"
_AMOUNT = "[too little, about right, too much]"
_GROUND = f"""\
panel: own
persons: {PERSONS}
seed: 3
survey:
  file: people.csv
  codebook: book.yaml
  id: id
  source: an own survey
  licence: own
  attributes:
    sex: {{column: sex}}
    place: {{column: place}}
"""
_STUDY = f"study: killed\npanel: own\nmodel: scripted\nseed: {{seed}}\nbatch: {BATCH}\n"


@dataclass
class Counts:
    """What became of the answers over all kills."""

    kills: int = 0
    in_journal: int = 0
    runs: int = 0
    lost: int = 0
    doubled: int = 0
    torn: int = 0
    different: int = 0
    answers: int = 0


def main() -> None:
    """Runs the benchmark."""
    options = parser(__doc__)
    options.add_argument("--kills", type=int, default=KILLS, help="how often to kill (default: %(default)s)")
    options.add_argument("--seed", type=int, default=0, help="of the moments (default: %(default)s)")
    given = options.parse_args()
    # Processes are forked from one that has loaded the packages and done nothing else.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__, "pyarrow", "duckdb", "torch"])
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        os.environ["MIRRORPANEL_DATA"] = str(Path(name) / "outside")
        counts = _killed(context, Path(name), given.kills, np.random.default_rng(given.seed))
    figures: dict[str, float | str] = {name: float(value) for name, value in vars(counts).items()}
    figures |= {"seconds": time.monotonic() - started, "peak_memory_gb": peak_memory_gb()}
    finish("crash", figures, given.record)
    if counts.lost or counts.doubled or counts.torn or counts.different:
        sys.exit("an answer was lost, doubled, torn or changed")


def _killed(context: ForkServerContext, root: Path, kills: int, rng: np.random.Generator) -> Counts:
    """Kills until there were enough, and lets the last run end."""
    cut, whole = _grounded(root / "cut"), _grounded(root / "whole")
    counts = Counts()
    while counts.kills < kills or counts.runs == 0:
        counts.runs += 1
        for folder in (cut, whole):
            (folder / "study.yaml").write_text(_STUDY.format(seed=counts.runs), encoding="utf-8")
        while _kill_once(context, cut, rng, counts, counts.kills < kills):
            _check(cut, counts)
        ended = _process(context, whole)
        ended.join()
        _compare(cut, whole, counts)
        print(f"{counts.kills} kills, {counts.runs} runs", file=sys.stderr, flush=True)
    return counts


def _kill_once(
    context: ForkServerContext, folder: Path, rng: np.random.Generator, counts: Counts, kill: bool
) -> bool:
    """Runs the command and kills it at a moment drawn at random; false where it came to its end."""
    before = _stored(folder)
    (folder / _WRITTEN).unlink(missing_ok=True)
    process = _process(context, folder)
    kind = int(rng.integers(4))
    in_journal = kind >= 2
    seconds = float(rng.uniform(0.0, 1.0 if kind == 0 else 0.2))
    due = _grown(folder, int(rng.integers(1, 40_000))) if in_journal else _after(seconds)
    begun = (folder / _WRITTEN).exists if kind else (lambda: True)
    end = time.monotonic() + DEADLINE
    while kill and process.is_alive() and not (begun() and due()):
        time.sleep(0.0003)  # leaves the processor to the command
        if time.monotonic() > end:
            sys.exit(f"nothing to kill within {DEADLINE:.0f} s")
    if kill and process.is_alive():
        os.kill(process.pid or 0, signal.SIGKILL)
    process.join()
    if process.exitcode == -signal.SIGKILL:
        counts.kills += 1
        counts.in_journal += in_journal
        counts.lost += max(0, before + _written(folder) - _stored(folder))
        return True
    if process.exitcode != 0:
        sys.exit(f"the command ended with exit code {process.exitcode}")
    return False


def _after(seconds: float) -> Callable[[], bool]:
    """Due so long after the first call, with a sleep so that the command has the processor."""
    begun: list[float] = []

    def due() -> bool:
        begun.append(time.monotonic())
        time.sleep(0.001)
        del begun[1:]
        return time.monotonic() >= begun[0] + seconds

    return due


def _grown(folder: Path, more: int) -> Callable[[], bool]:
    """Due once the journal is so many bytes longer than when it was first seen."""
    journal, first = folder / f"{FILE}.wal", list[int]()

    def due() -> bool:
        try:
            size = journal.stat().st_size
        except FileNotFoundError:
            return False
        first.append(size)
        del first[1:]
        return size >= first[0] + more

    return due


def _process(context: ForkServerContext, folder: Path) -> BaseProcess:
    process = context.Process(target=_field, args=(folder,))
    process.start()
    return process


def _field(folder: Path) -> None:
    """``mirrorpanel field`` in a process of its own, which notes down answers once they are kept."""
    keep = runs.RunSink.write

    def counted(self: runs.RunSink, batch: AnswerBatch) -> None:
        keep(self, batch)
        if self.workspace.folder != folder:  # a calibration's
            return
        with (folder / _WRITTEN).open("a", encoding="utf-8") as file:
            file.write(f"{batch.answers}\n")

    runs.RunSink.write = counted
    lineup.ScriptedModel = _Slow
    sys.argv = ["mirrorpanel", "field", str(folder / "study.yaml"), "-w", str(folder)]
    with (folder / "log").open("a", encoding="utf-8") as log, redirect_stdout(log), redirect_stderr(log):
        app.main()


class _Slow(ScriptedModel):
    """Answers depend on person and question, and take a moment."""

    def distributions(self, panel: Panel, questions: Any) -> list[FloatArray]:
        """See ``AnswerModel``."""
        time.sleep(0.004)
        return replace(ScriptedModel(), script=_script).distributions(panel, questions)


def _script(person: Person, question: Question) -> FloatArray:
    key = int.from_bytes(hashlib.blake2b(f"{person.id} {question.name}".encode(), digest_size=8).digest())
    return np.random.default_rng(key).dirichlet(np.ones(len(question.options)))


def _written(folder: Path) -> int:
    """Answers that the process noted down as kept."""
    file = folder / _WRITTEN
    return sum(map(int, file.read_text(encoding="utf-8").split())) if file.exists() else 0


def _stored(folder: Path) -> int:
    with Workspace(folder) as workspace:
        return int(workspace.value("SELECT count(*) FROM answers"))


def _check(folder: Path, counts: Counts) -> None:
    """After a kill: nobody twice, nobody by half, and a run that is not over is not called complete."""
    with Workspace(folder) as workspace:
        newest = workspace.rows("SELECT run, finished FROM runs ORDER BY created DESC, rowid DESC LIMIT 1")
        if not newest:
            return
        run, finished = newest[0]
        answers, different = workspace.rows(
            "SELECT count(*), count(DISTINCT (person, question)) FROM answers WHERE run = ?", [run]
        )[0]
        counts.doubled += answers - different
        torn = (
            "SELECT count(*) FROM (SELECT person, count(question) AS n FROM asked LEFT JOIN answers "
            "USING (run, person) WHERE run = ? GROUP BY person HAVING n <> ?)"
        )
        counts.torn += int(workspace.value(torn, [run, QUESTIONS]))
        if finished is not None and answers != PERSONS * QUESTIONS:
            sys.exit("a partial run is called complete")


def _compare(cut: Path, whole: Path, counts: Counts) -> None:
    """A run that came to its end beside the same one left alone."""
    found, expected = _rows(cut), _rows(whole)
    counts.answers += len(found)
    counts.lost += len(expected.keys() - found.keys())
    counts.different += sum(found[key] != expected[key] for key in found.keys() & expected.keys())


def _rows(folder: Path) -> dict[tuple[str, str], tuple[Any, ...]]:
    """Option and distribution of each person and question of the newest run."""
    with Workspace(folder) as workspace:
        run = workspace.latest("runs", "run", "killed")
        if workspace.value("SELECT finished FROM runs WHERE run = ?", [run]) is None:
            sys.exit(f"{run} is not complete")
        found = workspace.rows(
            "SELECT person, question, option, distribution FROM answers WHERE run = ?", [run]
        )
    return {(str(r[0]), str(r[1])): tuple(r[2:]) for r in found}


def _grounded(folder: Path) -> Path:
    """A workspace with a panel of people who were made up, and ten questions."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(20)
    names = [f"q{j}" for j in range(QUESTIONS)]
    lines = [f"id,sex,place,{','.join(names)}"]
    for i in range(PEOPLE):
        given = ",".join(("too little", "about right", "too much")[int(rng.integers(3))] for _ in names)
        sex, place = ("female", "male")[int(rng.integers(2))], ("town", "country")[int(rng.integers(2))]
        lines.append(f"h{i:03d},{sex},{place},{given}")
    (folder / "people.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    book = ["source: an own survey", "licence: own", "missing: [9]", "questions:"]
    book += [f'  - {{name: {n}, text: "Do we spend enough on {n}?", options: {_AMOUNT}}}' for n in names]
    (folder / "book.yaml").write_text("\n".join(book) + "\n", encoding="utf-8")
    (folder / "grounding.yaml").write_text(_GROUND, encoding="utf-8")
    store.create(folder)
    sys.argv = ["mirrorpanel", "ground", str(folder / "grounding.yaml"), "-w", str(folder)]
    with (folder / "log").open("a", encoding="utf-8") as log, redirect_stdout(log), redirect_stderr(log):
        try:
            app.main()
        except SystemExit as ended:
            if ended.code:
                sys.exit((folder / "log").read_text(encoding="utf-8"))
    return folder


if __name__ == "__main__":
    main()
