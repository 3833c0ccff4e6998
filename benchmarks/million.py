"""A million answers: 10,000 persons x 100 questions of a factored model, drawn and stored.

The model is fitted to the General Social Survey's spending items; the other questions name further things
that money can be spent on, and were asked of nobody. Every size is fielded into a new workspace, as the
command does it and in batches of as many persons as it would choose, by a process of its own with the
language model in memory: ``peak_memory_gb`` is that process's. ``encode_seconds`` is what the questions take
once, and is in ``seconds``. ``validation.field`` and the database share the rest; ``stored_bytes`` is the
database's growth for each answer.
"""

import multiprocessing
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from itertools import product
from typing import NamedTuple

import numpy as np

from benchmarks.output import finish, parser, peak_memory_gb
from benchmarks.spending import spending
from benchmarks.trial import trial
from grounding.splits import Split
from mirrorpanel import lineup, planning, runs
from mirrorpanel.lineup import Machine
from personas.models import catalogue
from personas.models.drawing import Jointly
from personas.models.factored import FactoredModel
from personas.models.wheel import cache_folder
from personas.panel import Panel
from personas.question import Question
from training.dataset import training_data
from training.hierarchy.loop import fit
from validation.field import Fielding, field

MODEL, QUESTIONS = "smollm2-135m", 100
SIZES = {"10k": 100, "1m": 10_000, "10m": 100_000}
WHERE = ("towns", "villages", "schools", "hospitals", "prisons", "ports", "libraries", "museums", "farms")
WHAT = (
    "cleaning",
    "repairing",
    "enlarging",
    "heating",
    "staffing",
    "lighting",
    "guarding",
    "digitising",
    "insuring",
    "advertising",
)


class Size(NamedTuple):
    """A model, its panel, and how many persons like those of the panel are asked what."""

    model: FactoredModel
    panel: Panel
    questions: tuple[Question, ...]
    persons: int


class Stored(NamedTuple):
    """What one size took: seconds in all and for encoding alone, bytes for each answer, and the peak."""

    seconds: float
    encode_seconds: float
    stored_bytes: float
    peak_memory_gb: float
    batch: int


def main() -> None:
    """Runs the benchmark."""
    options = parser(__doc__)
    options.add_argument("--sizes", nargs="*", default=list(SIZES), choices=list(SIZES), help="which to run")
    given = options.parse_args()
    catalogue.pull(MODEL, cache_folder(), lambda line: None)
    model, persons, own = trained()
    questions = (*own, *further(own))[:QUESTIONS]
    figures: dict[str, float | str] = {"questions": float(len(questions)), "processor": processor()}
    for name in given.sizes:
        found = _alone(Size(model, persons, questions, SIZES[name]))
        answers = SIZES[name] * len(questions)
        tail = "" if name == "1m" else f"_{name}"
        figures |= {
            f"seconds{tail}": found.seconds,
            f"encode_seconds{tail}": found.encode_seconds,
            f"microseconds_per_answer{tail}": 1e6 * (found.seconds - found.encode_seconds) / answers,
            f"stored_bytes{tail}": found.stored_bytes,
            f"peak_memory_gb{tail}": found.peak_memory_gb,
            f"batch{tail}": float(found.batch),
        }
        print(f"{name}: {found.seconds:.1f} s", file=sys.stderr, flush=True)
    finish("million", figures, given.record)


def trained() -> tuple[FactoredModel, Panel, tuple[Question, ...]]:
    """The model, its panel, and the questions that it was fitted on."""
    grounded = spending(500)
    split = Split(seed=1, people=0.4, questions=())
    observed = [p.attribute for p in grounded.provenance if p.kind == "observed"]
    data = training_data(grounded.people, grounded.answers, split, observed)
    base = lineup.base_model(MODEL, lineup.encoder(MODEL, Machine()))
    model = fit("benchmark", data, base, split, 2, 1, lambda line: None).model
    names = [a.name for a in model.config.attributes]
    return model, grounded.persons.select(names), grounded.answers.questions


def further(own: tuple[Question, ...]) -> tuple[Question, ...]:
    """Questions that nobody was asked, with the options of the first of the panel's own."""
    return tuple(
        Question(
            name=f"{what}_{where}",
            text=f"Are we spending too much, too little, or about the right amount on {what} {where}?",
            options=own[0].options,
        )
        for what, where in product(WHAT, WHERE)
    )


def sampled(persons: Panel, n: int) -> Panel:
    """So many persons with the attributes of somebody in the panel each."""
    rows = np.random.default_rng(0).integers(0, len(persons), n)
    return Panel(
        tuple(f"p{i:06}" for i in range(n)),
        persons.attributes,
        persons.levels,
        persons.codes[rows],
        np.ones(n),
    )


def _alone(size: Size) -> Stored:
    """What a size takes in a process of its own, so that its peak is nobody else's."""
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(_stored, size).result()


def _stored(size: Size) -> Stored:
    persons, questions = sampled(size.panel, size.persons), size.questions
    found = lineup.encoder(MODEL, Machine())
    fresh = replace(size.model, load_encoder=lambda: found)  # nothing worked out before
    with trial(fresh, questions) as kept:
        before = kept.size()
        started = time.perf_counter()
        fresh.head_for(questions)
        encoded = time.perf_counter() - started
        batch = planning.batch_size(fresh, persons, questions)
        how = Fielding(1, batch, Jointly(fresh))
        field(fresh, persons, questions, kept.sink(), how, lambda n: None)
        runs.finish(kept.workspace, kept.run, found.language.processor.describe(), 0.0)
        after = kept.size()
        seconds = time.perf_counter() - started
    each = (after - before) / (len(persons) * len(questions))
    return Stored(seconds, encoded, each, peak_memory_gb(), batch)


def processor() -> str:
    """One line on where texts are encoded."""
    return lineup.language(MODEL, Machine()).processor.describe()


if __name__ == "__main__":
    main()
