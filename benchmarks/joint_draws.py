"""Whether the answers of simulated persons hang together as those of people do, on the General Social Survey.

Needs the folder that MIRRORPANEL_OPEN_DATA names, with ``gss20``. 800 of 4,215 people are held out and parted
at random into halves; persons with the attributes of one half answer the questions that this half was asked.

- ``distance``: root mean square difference of the correlations between questions from those of the other
  half, with answers drawn each for itself (``independent``), drawn together (``joint``), and for the real
  answers of the first half (``split_half``, the floor: what sampling alone makes).
- ``excess``: what is left of a distance when the floor is taken out, ``sqrt(distance^2 - floor^2)``.
- ``agreement``: mean over questions, of drawn shares with those of the other half.
- ``known``: the same with the answers to about half of the batteries known and the others asked.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import fitting, plots
from benchmarks.fitting import Fit
from benchmarks.held_out import Halves, Part, batteries, halves
from benchmarks.open_data import gss20
from benchmarks.output import finish
from personas.answer import NO_ANSWER, Answers, shares
from personas.measures import distances, structure
from personas.models.drawing import Drawing, Jointly, independently
from personas.panel import Panel
from personas.question import Question

PEOPLE, HALVES = 800, 10
_SERIES = {"independent": "drawn each for itself", "joint": "drawn together", "split_half": "real people"}


class Trial(NamedTuple):
    """Who is simulated, with what is known of them, and whom they are held against."""

    persons: Panel
    real: Part
    other: Part


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="smollm2-135m", help="base model (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the split (default: %(default)s)")
    parser.add_argument("--halves", type=int, default=HALVES, help="random halves (default: %(default)s)")
    parser.add_argument("--plots", type=Path, default=Path("benchmark-plots"), help="folder of the plot")
    wanted = parser.parse_args()
    survey = gss20.read()
    parts = halves(survey.people.select(gss20.ATTRIBUTES), survey.answers, wanted.seed, PEOPLE, 0, "blocks")
    fit = fitting.fitted(parts.train.only(parts.seen).data(), fitting.base_of(wanted.model), parts.split)
    figures: dict[str, float] = {}
    for name, questions in (("", ()), ("_known", half_of_batteries(parts))):
        found = [trial(parts.test, parts.seen, questions, seed) for seed in range(wanted.halves)]
        figures |= {f"{k}{name}": v for k, v in summarised(fit, found).items()}
    draw(figures, wanted.plots)
    finish("joint_draws", {"model": wanted.model, **figures})


def half_of_batteries(parts: Halves) -> tuple[str, ...]:
    """Questions of every other battery."""
    named = set(parts.seen)
    asked = [q for q in parts.test.answers.questions if q.name in named]
    return tuple(name for group in batteries(asked, "blocks")[::2] for name in group)


def trial(test: Part, seen: tuple[str, ...], known: tuple[str, ...], seed: int) -> Trial:
    """Persons after one random half of the people held out; ``known`` names the questions not asked."""
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(test.people))
    first, second = np.array_split(order, 2)
    asked = [name for name in seen if name not in set(known)]
    half = test.take(first)
    persons = replace(half.people, known=half.answers.only(known)) if known else half.people
    return Trial(persons, half.only(asked), test.take(second).only(asked))


def summarised(fit: Fit, trials: list[Trial]) -> dict[str, float]:
    """Means over the halves, with the smallest and largest distance."""
    found: dict[str, list[float]] = {}
    for seed, one in enumerate(trials):
        questions = one.real.answers.questions
        expected = fit.model.distributions(one.persons, questions)
        drawings: dict[str, Drawing] = {"independent": independently, "joint": Jointly(fit.model)}
        given = {
            name: masked(questions, drawing(one.persons, questions, expected, seed), one.real.answers)
            for name, drawing in drawings.items()
        }
        for name, answers in (given | {"split_half": one.real.answers}).items():
            found.setdefault(f"distance_{name}", []).append(apart(answers, one))
            found.setdefault(f"agreement_{name}", []).append(agreement(answers, one))
        told = ", ".join(f"{k} {v[-1]:.4f}" for k, v in found.items())
        print(f"halves {seed}: {told}", file=sys.stderr, flush=True)
    figures = {name: float(np.mean(values)) for name, values in found.items()}
    floor = figures["distance_split_half"]
    for name in ("independent", "joint"):
        figures[f"excess_{name}"] = float(np.sqrt(max(figures[f"distance_{name}"] ** 2 - floor**2, 0.0)))
    for name in _SERIES:
        values = found[f"distance_{name}"]
        figures |= {f"distance_{name}_min": min(values), f"distance_{name}_max": max(values)}
    return figures


def masked(questions: tuple[Question, ...], drawn: np.ndarray, real: Answers) -> Answers:
    """Drawn answers to what the real people answered."""
    return Answers(questions, np.where(real.chosen == NO_ANSWER, NO_ANSWER, drawn))


def apart(answers: Answers, one: Trial) -> float:
    """Distance of the correlations from those of the other half."""
    own = structure.correlations(answers, one.real.weights)
    return structure.distance(own, structure.correlations(one.other.answers, one.other.weights))


def agreement(answers: Answers, one: Trial) -> float:
    """Mean agreement of shares with those of the other half."""
    found: list[float] = []
    for q, question in enumerate(answers.questions):
        mine, other = answers.chosen[:, q], one.other.answers.chosen[:, q]
        if min((mine != NO_ANSWER).sum(), (other != NO_ANSWER).sum()) >= 30:
            n = len(question.options)
            pair = shares(mine, n, one.real.weights), shares(other, n, one.other.weights)
            found.append(float(distances.agreement(*pair)))
    return float(np.mean(found))


def draw(figures: dict[str, float], folder: Path) -> None:
    """Writes the distances as a picture."""
    points = [
        plots.Point(
            panel,
            figures[f"distance_{name}{end}"],
            label,
            figures[f"distance_{name}_min{end}"],
            figures[f"distance_{name}_max{end}"],
        )
        for end, panel in (("", "nothing known"), ("_known", "half of the batteries known"))
        for name, label in _SERIES.items()
    ]
    title = "How far correlations between questions are from those of other real people"
    notes = ("Root mean square difference; mean and range over random halves of 800 people held out.",)
    plots.curves(points, "", "distance", title, notes, folder / "joint_draws.svg")


if __name__ == "__main__":
    main()
