"""What the reference adapter adds to few real answers, and whether a small panel is ever worse off.

Needs the folder that MIRRORPANEL_OPEN_DATA names, with ``gss20``. Batteries of questions are held out; a
reference model is fitted on all others. Each new question then gets so many real answers, of people of the
training part, and is predicted for 800 people held out: by statistics alone (shrunken shares and ridge
effects of these answers), and by these together with the reference model. ``log_loss_gain_30`` is the log
loss of the former less that of the latter.

Own panels are 20 questions of 50 or 100 people, fitted as ``mirrorpanel train`` does, without any adapter.
They count as worse than the prior where the log loss on people held out is higher than that of the panel's
own shares by more than twice its standard error, people being the unit.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import fitting, held_out, plots, scoring
from benchmarks.held_out import Halves, Part
from benchmarks.open_data import gss20
from benchmarks.output import finish
from benchmarks.plots import Point
from grounding.prior import item_shares
from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray
from personas.measures import scores
from training.hierarchy.base import BaseModel

PEOPLE, QUESTIONS, SPLITS = 800, 120, 4
CURVE = (0, 10, 30, 100, 300, 1000, None)
"""Real answers for each new question; ``None`` is all there are."""
GOALS = (30, 100, 300)
OWN_PEOPLE, OWN_QUESTIONS, DRAWS = (50, 100), 20, 10
ALONE, TOGETHER = "statistics alone", "with the reference model"
_ROUNDING = 1e-6


class Outcome(NamedTuple):
    """Log loss, agreement and signal on people held out."""

    log_loss: float
    agreement: float
    signal: float


Curve = dict[tuple[int | None, str], Outcome]


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="smollm2-135m", help="base model (default: %(default)s)")
    parser.add_argument("--splits", type=int, default=SPLITS, help="battery splits (default: %(default)s)")
    parser.add_argument(
        "--draws", type=int, default=DRAWS, help="own panels of each size (default: %(default)s)"
    )
    parser.add_argument("--plots", type=Path, help="folder for the learning curve as SVG")
    wanted = parser.parse_args()
    base = fitting.base(wanted.model)
    found = [new_questions(base, seed) for seed in range(wanted.splits)]
    worse, drawn = own_panels(base, wanted.draws)
    figures: dict[str, float | str] = {"model": wanted.model, "splits": float(wanted.splits)}
    figures |= gains(found)
    figures |= {"worse_than_prior": float(worse), "panels_drawn": float(drawn)}
    if wanted.plots:
        draw(found, wanted.plots)
    finish("small_data", figures)


def new_questions(base: BaseModel, seed: int) -> Curve:
    """The learning curve of one split."""
    survey = gss20.read()
    people = survey.people.select(gss20.ATTRIBUTES)
    parts = held_out.halves(people, survey.answers, seed, PEOPLE, QUESTIONS, "beginning")
    reference = fitting.fitted(parts.train.only(parts.seen).data(), base, parts.split)
    test = parts.test.only(parts.unseen)
    curve: Curve = {}
    without_any = [
        np.full((len(test.people), len(q.options)), 1 / len(q.options)) for q in test.answers.questions
    ]
    curve[0, ALONE] = outcome(without_any, test)
    curve[0, TOGETHER] = outcome(scoring.distributions(reference.model, test), test)
    for n in CURVE[1:]:
        data = few_answers(parts, n, np.random.default_rng(seed))
        together = fitting.known_reference(base, data, reference, parts.split)
        curve[n, TOGETHER] = outcome(scoring.distributions(together.model, test), test)
        curve[n, ALONE] = outcome(fitting.statistics_alone(data, test.people), test)
        told = f"{curve[n, ALONE].log_loss:.4f} alone, {curve[n, TOGETHER].log_loss:.4f} together"
        print(f"split {seed}, {n} answers: log loss {told}", file=sys.stderr, flush=True)
    return curve


def few_answers(parts: Halves, n: int | None, rng: np.random.Generator) -> Part:
    """People of the training part with ``n`` answers to each new question, drawn at random."""
    part = parts.train.only(parts.unseen)
    if n is None:
        return part
    chosen = part.answers.chosen
    keys = np.where(chosen != NO_ANSWER, rng.random(chosen.shape), 2.0)
    kept = keys.argsort(axis=0).argsort(axis=0) < n
    return Part(part.people, Answers(part.answers.questions, np.where(kept, chosen, NO_ANSWER)))


def outcome(expected: Sequence[FloatArray], test: Part) -> Outcome:
    """The three figures."""
    agreement = scoring.agreement(expected, test, np.random.default_rng(0)).model
    return Outcome(scoring.log_loss(expected, test), agreement, scoring.signal(expected, test))


def gains(found: Sequence[Curve]) -> dict[str, float]:
    """Gains at each number of answers, the worst loss of agreement, and the model's worth in real answers."""
    figures: dict[str, float] = {}
    for n in GOALS:
        values = [c[n, ALONE].log_loss - c[n, TOGETHER].log_loss for c in found]
        figures |= {f"log_loss_gain_{n}": float(np.mean(values)), f"log_loss_gain_{n}_min": min(values)}
        figures[f"signal_gain_{n}"] = float(
            np.mean([c[n, TOGETHER].signal - c[n, ALONE].signal for c in found])
        )
    losses = {n: np.mean([c[n, ALONE].agreement - c[n, TOGETHER].agreement for c in found]) for n in CURVE}
    figures["agreement_loss_worst"] = float(max(losses.values()))
    figures["worth_in_answers"] = worth(found)
    return figures


def worth(found: Sequence[Curve]) -> float:
    """Real answers for each question at which statistics alone reach what the model expects without any.

    By log loss, between the points of the curve on a logarithmic scale of answers; 0 where the model is worse
    than statistics with the fewest answers tried.
    """
    target = float(np.mean([c[0, TOGETHER].log_loss for c in found]))
    tried = [n for n in CURVE if n]
    losses = np.array([np.mean([c[n, ALONE].log_loss for c in found]) for n in tried])
    falling = np.minimum.accumulate(losses)
    answers = np.log(np.array(tried, dtype=np.float64))
    return float(np.exp(np.interp(-target, -falling, answers, left=-np.inf)))


def own_panels(base: BaseModel, draws: int) -> tuple[int, int]:
    """How many small panels were worse off than with their shares, and how many were drawn."""
    survey = gss20.read()
    people = survey.people.select(gss20.ATTRIBUTES)
    parts = held_out.halves(people, survey.answers, 0, PEOPLE, 0, "beginning")
    worse = drawn = 0
    for size in OWN_PEOPLE:
        for draw in range(draws):
            rng = np.random.default_rng((size, draw))
            panel, test = own_panel(parts, size, rng)
            model = fitting.fitted(panel.data(), base, parts.split).model
            prior = item_shares(panel.answers, panel.weights).shares
            gain, error = paired(scoring.distributions(model, test), prior, test)
            worse += gain < -2 * error - _ROUNDING
            drawn += 1
            told = f"{gain:+.4f} nats, standard error {error:.4f}"
            print(f"{size} people, draw {draw}: {told}", file=sys.stderr, flush=True)
    return worse, drawn


def own_panel(parts: Halves, size: int, rng: np.random.Generator) -> tuple[Part, Part]:
    """A panel of so many people and 20 questions that they were all asked, and people held out."""
    chosen = parts.train.answers.chosen
    while True:
        first = rng.integers(len(chosen))
        asked = np.flatnonzero(chosen[first] != NO_ANSWER)
        some = rng.choice(asked, min(OWN_QUESTIONS, len(asked)), replace=False)
        who = np.flatnonzero((chosen[:, some] != NO_ANSWER).sum(axis=1) >= 0.8 * len(some))
        if len(who) >= size:
            break
    panel = parts.train.take(np.sort(rng.choice(who, size, replace=False)))
    given = (panel.answers.chosen[:, some] != NO_ANSWER).sum(axis=0)
    names = [parts.train.answers.questions[int(q)].name for q, n in zip(some, given, strict=True) if n >= 10]
    return panel.only(names), parts.test.only(names)


def paired(expected: Sequence[FloatArray], prior: Sequence[FloatArray], test: Part) -> tuple[float, float]:
    """Mean log score less that of the prior, and its standard error with people as the unit."""
    differences = np.full(test.answers.chosen.shape, np.nan)
    for i, (distribution, shares, chosen) in enumerate(
        zip(expected, prior, test.answers.chosen.T, strict=True)
    ):
        same = np.broadcast_to(shares, distribution.shape)
        differences[:, i] = scores.log_scores(distribution, chosen) - scores.log_scores(same, chosen)
    given = ~np.isnan(differences)
    weights = test.weights
    total = weights @ given.sum(axis=1)
    mean = float(weights @ np.where(given, differences, 0.0).sum(axis=1) / total)
    residuals = np.where(given, differences - mean, 0.0).sum(axis=1)
    return mean, float(np.sqrt(np.square(weights * residuals).sum()) / total)


def draw(found: Sequence[Curve], folder: Path) -> None:
    """Writes the learning curves."""
    points: list[Point] = []
    for panel, name in (("Log loss", "log_loss"), ("Agreement", "agreement"), ("Signal", "signal")):
        for n in CURVE:
            for series in (ALONE, TOGETHER):
                values = [float(getattr(c[n, series], name)) for c in found]
                where = "all" if n is None else n
                points.append(Point(where, float(np.mean(values)), series, min(values), max(values), panel))
    worth_of = (
        f"Without an answer the model knows what {worth(found):,.0f} real answers for each question tell."
    )
    notes = [f"General Social Survey, {len(found)} splits by battery; 800 people held out.", worth_of]
    title = "Few real answers, with and without the reference model"
    plots.curves(points, "real answers for each new question", "", title, notes, folder / "small_data.svg")


if __name__ == "__main__":
    main()
