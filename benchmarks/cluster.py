"""What a cluster of one machine costs, and whether it loses or doubles anything: 1 process, 1 and 2 workers.

The persons, questions and model of ``benchmarks.million``, into a new workspace each time. The workers run
before the clock does (``start_seconds`` is what they take to), and nothing is encoded within it, so that
``overhead_seconds`` is what sending, receiving and waiting cost over the same answers in this process. Each
time is the better of two. In the last round workers are killed by signal 9 while they answer. All of this is
on the cores of one machine, which the workers share with the process that writes.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from benchmarks.million import MODEL, further, processor, sampled, trained
from benchmarks.output import finish, parser, peak_memory_gb
from benchmarks.trial import trial
from mirrorpanel import runs
from mirrorpanel.store import Workspace
from personas.arrays import FloatArray, IntArray
from personas.models import catalogue
from personas.models.drawing import Jointly
from personas.models.factored import FactoredModel
from personas.models.wheel import cache_folder
from personas.panel import Panel
from personas.question import Question
from validation.cluster import Cluster
from validation.field import AnswerBatch, Answerer, Fielding, field, here

PERSONS, QUESTIONS, BATCH, KILLS = 10_000, 100, 250, 3


class Study(NamedTuple):
    """What is asked of whom."""

    model: FactoredModel
    persons: Panel
    questions: tuple[Question, ...]


class Found(NamedTuple):
    """What came of a fielding: its seconds, its answers, and how many of them are there twice."""

    seconds: float
    drawn: IntArray
    distributions: list[FloatArray]
    doubled: int


class KillingSink(runs.RunSink):
    """A sink that kills once so many batches have been written, again and again."""

    def __init__(self, workspace: Workspace, run: str, kill: Callable[[], None], every: int) -> None:
        super().__init__(workspace, run)
        self.kill, self.every, self.batches = kill, every, 0

    def write(self, batch: AnswerBatch) -> None:
        """See ``AnswerSink``."""
        super().write(batch)
        self.batches += 1
        if self.batches % self.every == 0:
            self.kill()


def main() -> None:
    """Runs the benchmark."""
    found = parser(__doc__)
    found.add_argument("--persons", type=int, default=PERSONS, help="how many (default: %(default)s)")
    found.add_argument("--kills", type=int, default=KILLS, help="how many workers (default: %(default)s)")
    options = found.parse_args()
    catalogue.pull(MODEL, cache_folder(), lambda line: None)
    model, people, own = trained()
    study = Study(model, sampled(people, options.persons), (*own, *further(own))[:QUESTIONS])
    model.head_for(study.questions)
    alone = _best(study, here)
    figures: dict[str, float | str] = {
        "answers": float(alone.drawn.size), "processor": processor(), "cores": float(os.cpu_count() or 0),
        "one_process_seconds": alone.seconds,
    }  # fmt: skip
    for workers in (1, 2):
        started = time.perf_counter()
        with Cluster("local", workers) as cluster:
            _warm(study, cluster, workers)
            tail = f"_{workers}"
            figures[f"start_seconds{tail}"] = time.perf_counter() - started
            found = _best(study, cluster)
            figures[f"seconds{tail}"] = found.seconds
            figures[f"overhead_seconds{tail}"] = found.seconds - alone.seconds
            figures |= {f"{name}{tail}": value for name, value in _compared(found, alone).items()}
            print(f"{workers} workers: {found.seconds:.1f} s", file=sys.stderr, flush=True)
            if workers == 2:
                figures |= _killed(study, cluster, alone, options.kills)
    finish("cluster", figures | {"peak_memory_gb": peak_memory_gb()}, options.record)


def _killed(study: Study, cluster: Cluster, alone: Found, kills: int) -> dict[str, float | str]:
    rng, killed = np.random.default_rng(0), list[int]()

    def kill() -> None:
        places = [place.pid for place in cluster.places]
        if len(killed) < kills and places:
            killed.append(int(rng.choice(places)))
            os.kill(killed[-1], signal.SIGKILL)

    found = _fielded(study, cluster, kill, len(study.persons) // BATCH // (kills + 1))
    return {
        "kills": float(len(killed)), "replaced": float(cluster.replaced), "seconds_killed": found.seconds,
        "lost": float(np.sum((found.drawn < 0) & (alone.drawn >= 0))), "doubled": float(found.doubled),
        **{f"{name}_killed": value for name, value in _compared(found, alone).items()},
    }  # fmt: skip


def _compared(found: Found, alone: Found) -> dict[str, float | str]:
    pairs = list(zip(found.distributions, alone.distributions, strict=True))
    return {
        "same_draws": str(bool(np.array_equal(found.drawn, alone.drawn))).lower(),
        "same_distributions": str(all(np.array_equal(a, b) for a, b in pairs)).lower(),
        "largest_difference": max(float(np.abs(a - b).max()) for a, b in pairs),
    }


def _warm(study: Study, cluster: Cluster, workers: int) -> None:
    """Returns once all workers are there; a first run that is thrown away waits for them."""
    while len(cluster.places) < workers:
        _fielded(study._replace(persons=study.persons.take(np.arange(4 * BATCH))), cluster)


def _best(study: Study, answerer: Answerer) -> Found:
    """The faster of two fieldings."""
    return min((_fielded(study, answerer) for _ in range(2)), key=lambda found: found.seconds)


def _fielded(
    study: Study, answerer: Answerer, kill: Callable[[], None] | None = None, every: int = 1
) -> Found:
    with trial(study.model, study.questions) as kept:
        workspace, run = kept.workspace, kept.run
        sink = kept.sink() if kill is None else KillingSink(workspace, run, kill, every)
        how = replace(Fielding(1, BATCH, Jointly(study.model)), answerer=answerer)
        started = time.perf_counter()
        field(study.model, study.persons, study.questions, sink, how, lambda n: None)
        seconds = time.perf_counter() - started
        distributions, drawn = runs.answers(workspace, run, study.persons.ids, study.questions)
        pairs = "SELECT count(*) - count(DISTINCT (person, question)) FROM answers WHERE run = ?"
        return Found(seconds, drawn, distributions, int(workspace.value(pairs, [run])))


if __name__ == "__main__":
    main()
