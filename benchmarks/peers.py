"""Answers a second beside what else there is: the same persons, questions and weights, all in one run.

- one by one: transformers, a forward pass for each option, nothing shared
- batched: transformers, the options of a question in one padded batch
- joint: the joint model of this program
- factored: the persona model, cold and warm, with drawing and storing (``benchmarks.fielding``)
- llama.cpp: the server of llama-cpp-python with the catalogue's GGUF file, which keeps what it read last,
  asked for log-probabilities of the options by this program's own client
- rated: semantic similarity rating; a free answer of up to 32 tokens, rated by vectors of the same model
- EDSL: a survey of multiple choice questions on the same server, with EDSL's own prompts and as many
  requests at once as it sends; counted are replies, whether they were an option or not

One by one, batched, joint and llama.cpp give a distribution over the options from the same texts, so their
answers are compared; a rated answer and one of EDSL come from other texts, and only their cost is comparable.
Each way answers persons until its share of ``--seconds`` is over, in rounds one after the other; ratios are
medians over the rounds.
llama.cpp multiplies 4-bit weights, which transformers reads as they were converted from the same file.
The package semantic-similarity-rating is on no package index and wants five options for every question; its
formula is used in its place.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import asked, fielding, llama_server, peer
from benchmarks.llama_server import Served
from benchmarks.output import finish, parser, peak_memory_gb
from benchmarks.peer import PeerError
from benchmarks.ways import Plain
from mirrorpanel import lineup
from mirrorpanel.lineup import Machine
from personas.arrays import FloatArray
from personas.errors import MirrorpanelError
from personas.models import catalogue
from personas.models.joint import JointModel
from personas.models.language import LanguageModel
from personas.models.processor import Processor
from personas.models.served.endpoint import Endpoint
from personas.models.served.model import ServedModel
from personas.models.wheel import cache_folder
from personas.panel import Panel
from personas.question import Question

MODEL, ROUNDS, SECONDS = fielding.MODEL, 3, 60.0
EDSL = ("edsl==1.0.9", "openai[aiohttp]")
_TOGETHER = {"joint": 32}  # persons handed over at once; one for the others
_EDSL_TOGETHER = 4
_EXACT_PERSONS = 2
Score = Callable[[Panel, Sequence[Question]], list[FloatArray]]


class Rate(NamedTuple):
    """Answers of one round and the seconds that they took."""

    answers: int
    seconds: float

    @property
    def each_second(self) -> float:
        """Answers a second."""
        return self.answers / self.seconds


@dataclass
class Way:
    """What one way of answering did, round by round; ``found`` has what it answered to the first persons."""

    rates: list[Rate] = field(default_factory=list[Rate])
    found: list[list[FloatArray]] = field(default_factory=list[list[FloatArray]])

    def first(self) -> list[FloatArray]:
        """For each question the distributions of all persons who were asked, from the first one on."""
        return [np.concatenate(parts) for parts in zip(*self.found, strict=True)]

    @property
    def each_second(self) -> float:
        """Answers a second over all rounds."""
        return sum(r.answers for r in self.rates) / sum(r.seconds for r in self.rates)


def main() -> None:
    """Runs the benchmark."""
    options = _options().parse_args()
    catalogue.pull(MODEL, cache_folder(), lambda line: None)
    machine = Machine(device="cpu")
    with fielding.workspace(options.persons, options.workspace) as folder, ExitStack() as stack:
        language = lineup.language(MODEL, machine)
        persons, questions = fielding.panel(folder), asked.questions()
        notes: dict[str, float | str] = {}
        scores = _local(language)
        served, seconds = _served(stack, notes), options.seconds / options.rounds
        if served is not None:
            ask = partial(attempt, notes, 0)
            ask(
                "llama_cpp",
                lambda: scores.update(llama_cpp=stack.enter_context(_client(served)).distributions),
            )
        ways = {name: Way() for name in (*scores, "factored", "factored_warm")}
        for round_ in range(options.rounds):
            ask = partial(attempt, notes, round_)
            for name, score in scores.items():
                together = _TOGETHER.get(name, 1)
                ask(name, partial(_round, ways[name], score, persons, questions, seconds, together))
            ask("factored", partial(_factored, ways, folder, machine, round_, len(persons) * len(questions)))
            if served is not None:
                ask("edsl", partial(_edsl, ways, notes, served, persons, questions, seconds))
            rates = {name: round(way.rates[-1].each_second, 2) for name, way in ways.items() if way.rates}
            print(f"round {round_ + 1}: {rates}", file=sys.stderr, flush=True)
        figures = _figures(ways) | agreement(ways) | _exact(persons, questions) | notes
        figures |= {
            "seconds_each": options.seconds,
            "peak_memory_gb": peak_memory_gb(),
            "processor": language.processor.describe(),
        }
    finish("peers", figures, options.record)


def _options() -> argparse.ArgumentParser:
    found = parser(__doc__)
    found.add_argument("--seconds", type=float, default=SECONDS, help="for each way (default: %(default)s)")
    found.add_argument(
        "--rounds", type=int, default=ROUNDS, help="that these fall into (default: %(default)s)"
    )
    found.add_argument("--persons", type=int, default=fielding.PERSONS, help="at most (default: %(default)s)")
    found.add_argument("--workspace", type=Path, help="a folder to make the workspace in, and to use again")
    return found


def _local(language: LanguageModel) -> dict[str, Score]:
    plain = Plain(
        catalogue.folder(MODEL, cache_folder()), language.processor.dtype, language.processor.device
    )
    return {
        "one_by_one": plain.one_by_one,
        "batched": plain.batched,
        "joint": JointModel(language).distributions,
        "rated": plain.rated,
    }


def _served(stack: ExitStack, notes: dict[str, float | str]) -> Served | None:
    """A running llama.cpp; ``None`` with a note where there is none to be had."""
    try:
        return stack.enter_context(llama_server.serving(MODEL, os.cpu_count() or 1))
    except (PeerError, MirrorpanelError) as error:
        notes["llama_cpp"] = f"not compared: {str(error).splitlines()[0]}"
        print(notes["llama_cpp"], file=sys.stderr)
        return None


def attempt(notes: dict[str, float | str], round_: int, name: str, step: Callable[[], None]) -> None:
    """A round of one way. What stops it becomes a note, and what was found so far is kept.

    A way that failed is asked no more, so that the rounds it has are the first ones.
    """
    if f"{name}_failed" in notes:
        return
    try:
        step()
    except (Exception, SystemExit) as error:
        said = (str(error).splitlines() or [""])[0][:300]
        notes[f"{name}_failed"] = f"in round {round_ + 1}: {type(error).__name__}: {said}"
        print(f"{name} failed {notes[f'{name}_failed']}", file=sys.stderr, flush=True)


def _client(served: Served) -> ServedModel:
    return ServedModel.connect(Endpoint(url=served.url, model=served.model, concurrency=2))


def _round(
    way: Way, score: Score, persons: Panel, questions: Sequence[Question], seconds: float, together: int
) -> None:
    """Asks persons, some at a time, who have not been asked in this way, until the time is over.

    Raises:
        ValueError: there is nobody left to ask.
    """
    start = sum(len(part[0]) for part in way.found)
    asked_before, started = start, time.perf_counter()
    while start < len(persons) and (start == asked_before or time.perf_counter() - started < seconds):
        rows = persons.take(np.arange(start, min(start + together, len(persons))))
        way.found.append(score(rows, questions))
        start += len(rows)
    if start == asked_before:
        raise ValueError(f"{start:,} persons are too few for so many seconds; give more --persons")
    spent = time.perf_counter() - started
    way.rates.append(Rate((start - asked_before) * len(questions), spent))


def _factored(ways: dict[str, Way], folder: Path, machine: Machine, round_: int, answers: int) -> None:
    found = fielding.factored(folder, machine, first=1000 + 2 * round_)
    ways["factored"].rates.append(Rate(answers, found.cold))
    ways["factored_warm"].rates.append(Rate(answers, found.warm))


def _edsl(
    ways: dict[str, Way],
    notes: dict[str, float | str],
    served: Served,
    persons: Panel,
    questions: Sequence[Question],
    seconds: float,
) -> None:
    """A round of EDSL; its home is a folder of its own, and no other address than the server is reachable."""
    if "edsl" in notes:
        return
    study = {
        "persons": [dict(persons.person(i).attributes) for i in range(len(persons))],
        "questions": [{"name": q.name, "text": q.text, "options": list(q.options)} for q in questions],
    }
    nowhere = "http://127.0.0.1:9"
    try:
        with tempfile.TemporaryDirectory() as home:
            file = Path(home) / "study.json"
            file.write_text(json.dumps(study), encoding="utf-8")
            line = peer.last_line(
                peer.environment(*EDSL), "ask_edsl.py", file, served.model, str(_EDSL_TOGETHER), str(seconds),
                variables={
                    "HOME": home, "OPENAI_COMPATIBLE_BASE_URL": served.url, "NO_PROXY": "127.0.0.1",
                    "OPENAI_COMPATIBLE_API_KEY": "local", "HTTP_PROXY": nowhere, "HTTPS_PROXY": nowhere,
                },
            )  # fmt: skip
    except PeerError as error:
        notes["edsl"] = f"not compared: {error}"
        print(notes["edsl"], file=sys.stderr)
        return
    found: dict[str, float] = json.loads(line)
    if not found["replied"]:
        notes["edsl"] = "not compared: no reply came"
        return
    way = ways.setdefault("edsl", Way())
    way.rates.append(Rate(int(found["replied"]), found["seconds"]))
    notes["edsl_replies"] = float(notes.get("edsl_replies", 0.0)) + found["replied"]
    notes["edsl_replies_that_are_an_option"] = (
        float(notes.get("edsl_replies_that_are_an_option", 0.0)) + found["valid"]
    )


def _figures(ways: dict[str, Way]) -> dict[str, float | str]:
    figures: dict[str, float | str] = {}
    for ours, theirs in (
        ("factored", "one_by_one"),
        ("joint", "one_by_one"),
        ("joint", "batched"),
        ("joint", "llama_cpp"),
        ("joint", "rated"),
        ("factored", "edsl"),
    ):
        if all(name in ways and ways[name].rates for name in (ours, theirs)):
            figures[f"{ours}_vs_{theirs}"] = ratio(ways[ours], ways[theirs])
    for name, way in ways.items():
        if not way.rates:
            continue
        figures[f"{name}_answers_per_second"] = way.each_second
        figures[f"{name}_answers"] = float(sum(r.answers for r in way.rates))
    return figures


def ratio(first: Way, second: Way) -> float:
    """Median of how many answers the one gives while the other gives one, over the rounds that both have."""
    pairs = zip(first.rates, second.rates, strict=False)  # one that failed has fewer, the first ones
    return statistics.median(a.each_second / b.each_second for a, b in pairs)


def agreement(ways: dict[str, Way]) -> dict[str, float | str]:
    """How far other ways' probabilities are from the joint model's, of the persons whom both asked."""
    figures: dict[str, float | str] = {}
    if not ways["joint"].found:
        return figures
    ours = ways["joint"].first()
    for name in ("one_by_one", "batched", "llama_cpp"):
        if name in ways and ways[name].found:
            theirs = ways[name].first()
            pairs = [(a[: len(b)], b[: len(a)]) for a, b in zip(ours, theirs, strict=True)]
            figures[f"largest_difference_{name}"] = max(float(np.abs(a - b).max()) for a, b in pairs)
            same = [a.argmax(axis=1) == b.argmax(axis=1) for a, b in pairs]
            figures[f"same_favourite_{name}"] = float(np.concatenate(same).mean())
    return figures


def _exact(persons: Panel, questions: Sequence[Question]) -> dict[str, float | str]:
    """The largest difference of the joint model from one by one where both compute in float32."""
    single = Processor("cpu", "float32", "asked for")
    folder = catalogue.folder(MODEL, cache_folder())
    language = LanguageModel.load(folder, single)
    few = persons.take(np.arange(min(_EXACT_PERSONS, len(persons))))
    together = JointModel(language).distributions(few, questions)
    apart = Plain(folder, "float32", "cpu").one_by_one(few, questions)
    pairs = zip(together, apart, strict=True)
    return {"largest_difference_float32": max(float(np.abs(a - b).max()) for a, b in pairs)}


if __name__ == "__main__":
    main()
