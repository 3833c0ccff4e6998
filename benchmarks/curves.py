"""What a larger base model and more training questions buy, for questions that nobody was asked.

Needs the folder that MIRRORPANEL_OPEN_DATA names. Batteries of the General Social Survey are held out as in
``benchmarks/generalisation.py``; the model is fitted on 100, 200, 400 or all of the other questions, and on
all of them with the other open surveys beside. The bases compared are language models of three sizes, a
sentence encoder alone, and the sentence encoder beside the smallest language model.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import fitting, plots, scoring
from benchmarks.fitting import Fit
from benchmarks.held_out import Halves, halves
from benchmarks.open_data import catalogue, gss20
from benchmarks.open_data.survey import OpenSurvey, only_people
from benchmarks.output import finish
from benchmarks.plots import Point
from training.hierarchy.base import BaseModel

PEOPLE, QUESTIONS, SPLITS = 800, 120, 4
COUNTS = (100, 200, 400, None)
"""Training questions; ``None`` is all that are not held out."""
BASES = (
    "smollm2-135m",
    "gemma3-270m",
    "qwen2.5-coder-1.5b",
    "use-multilingual",
    "smollm2-135m + use-multilingual",
)
OTHERS = "all and other surveys"


class Score(NamedTuple):
    """Share of the gap closed and signal on questions and people held out."""

    gap_closed: float
    signal: float


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--splits", type=int, default=SPLITS, help="battery splits (default: %(default)s)")
    parser.add_argument("--bases", nargs="*", default=BASES, help="bases to compare (default: all)")
    parser.add_argument("--no-others", action="store_true", help="leave out the fit with the other surveys")
    parser.add_argument("--people", type=int, default=1500, help="people of each other survey at most")
    parser.add_argument("--plots", type=Path, help="folder for the curves as SVG")
    wanted = parser.parse_args()
    figures: dict[str, float | str] = {"splits": float(wanted.splits)}
    seeds = range(wanted.splits)
    questions = by_questions(fitting.base(BASES[0]), seeds, None if wanted.no_others else wanted.people)
    bases = {name: by_base(name, seeds) for name in wanted.bases}
    for count, some in questions.items():
        figures |= _figures(f"questions_{count}".replace(" ", "_"), some)
    for name, some in bases.items():
        figures |= _figures(name.replace(" ", ""), some)
    if wanted.plots:
        _draw(questions, "training questions", "More training questions", wanted.plots / "questions.svg")
        _draw(bases, "base", "Larger bases", wanted.plots / "bases.svg")
    finish("curves", figures)


def by_questions(base: BaseModel, seeds: Sequence[int], other_people: int | None) -> dict[str, list[Score]]:
    """Scores for each number of training questions, one for each split."""
    found: dict[str, list[Score]] = {}
    for seed in seeds:
        split = parts(seed)
        order = np.random.default_rng(seed).permutation(len(split.seen))
        for count in COUNTS:
            names = [split.seen[int(i)] for i in np.sort(order[:count])]
            score = scored(fitting.fitted(split.train.only(names).data(), base, split.split), split)
            _told(
                found.setdefault(str(count or "all"), []), score, f"split {seed}, {count or 'all'} questions"
            )
        if other_people is not None:
            fit = fitting.fitted_on_surveys(_with_others(split, other_people), base)
            score = scored(fit, split)
            _told(found.setdefault(OTHERS, []), score, f"split {seed}, {OTHERS}")
    return found


def by_base(name: str, seeds: Sequence[int]) -> list[Score]:
    """Scores with one base, all training questions, one for each split."""
    base = fitting.base_of(name)
    found: list[Score] = []
    for seed in seeds:
        split = parts(seed)
        fit = fitting.fitted(split.train.only(split.seen).data(), base, split.split)
        _told(found, scored(fit, split), f"split {seed}, {name}")
    return found


def scored(fit: Fit, parts: Halves) -> Score:
    """The score on what is held out."""
    test = parts.test.only(parts.unseen)
    expected = scoring.distributions(fit.model, test)
    agreement = scoring.agreement(expected, test, np.random.default_rng(0))
    return Score(agreement.gap_closed, scoring.signal(expected, test))


def parts(seed: int) -> Halves:
    """People and questions held out in one split by battery."""
    survey = gss20.read()
    people = survey.people.select(gss20.ATTRIBUTES)
    return halves(people, survey.answers, seed, PEOPLE, QUESTIONS, "beginning")


def _with_others(parts: Halves, people: int) -> list[OpenSurvey]:
    """The training questions with the other surveys beside, less what is worded like a question held out."""
    train = parts.train.only(parts.seen)
    own = OpenSurvey("gss20", "", "", train.people, train.answers)
    rng = np.random.default_rng(0)
    held_out = parts.test.only(parts.unseen).answers.questions
    others = [only_people(read()) for name, read in catalogue.SURVEYS.items() if name != "gss20"]
    kept = [catalogue.unlike(catalogue.fewer(s, people, rng), held_out) for s in others if s.adapter]
    return [own, *(s for s in kept if s.answers.questions)]


def _told(found: list[Score], score: Score, where: str) -> None:
    found.append(score)
    print(
        f"{where}: gap closed {score.gap_closed:.3f}, signal {score.signal:.3f}", file=sys.stderr, flush=True
    )


def _figures(name: str, found: Sequence[Score]) -> dict[str, float]:
    gaps = [s.gap_closed for s in found]
    return {
        f"gap_closed_{name}": float(np.mean(gaps)),
        f"gap_closed_{name}_min": min(gaps),
        f"gap_closed_{name}_max": max(gaps),
        f"signal_{name}": float(np.mean([s.signal for s in found])),
    }


def _draw(found: dict[str, list[Score]], axis: str, title: str, file: Path) -> None:
    points = [
        Point(name, float(np.mean(values)), label, min(values), max(values), label)
        for label, field in (("Share of the gap closed", "gap_closed"), ("Signal", "signal"))
        for name, some in found.items()
        for values in [[float(getattr(s, field)) for s in some]]
    ]
    splits = len(next(iter(found.values())))
    notes = [
        f"General Social Survey: about 120 questions and 800 people held out, {splits} splits by battery."
    ]
    plots.curves(points, axis, "", title, notes, file)


if __name__ == "__main__":
    main()
