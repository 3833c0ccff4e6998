"""What a model learned from other surveys expects of one that it never saw.

Needs the folder that MIRRORPANEL_OPEN_DATA names. Each survey in turn is left out whole: people, questions,
and questions of other surveys that are worded nearly alike. The model is fitted on all others whose licences
allow it and asked the questions of the one left out, for the real people's attributes. Beside it stand
uniform answers and the language model untuned, which reads every person and question; that takes long, so a
sample of people and questions is asked, and the figures of the fitted model on the same sample are reported
with it.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from benchmarks import fitting, scoring
from benchmarks.fitting import Fit
from benchmarks.held_out import Part
from benchmarks.open_data import catalogue
from benchmarks.open_data.survey import OpenSurvey, only_people
from benchmarks.output import finish
from mirrorpanel import lineup
from mirrorpanel.lineup import Machine
from personas.models.joint import JointModel
from training.hierarchy.base import BaseModel

LEFT_OUT = ("non_voters", "nfwbs", "twin_preference_redistribution")


class Sizes(NamedTuple):
    """How much is taken, to bound the time: people of each survey, and what the untuned model is asked."""

    people: int
    untuned_people: int
    untuned_questions: int


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="smollm2-135m", help="base model (default: %(default)s)")
    parser.add_argument("--leave-out", nargs="*", default=LEFT_OUT, help="surveys left out, one at a time")
    parser.add_argument("--people", type=int, default=10_000, help="people of each survey at most")
    parser.add_argument(
        "--untuned-people", type=int, default=20, help="people the untuned model is asked for"
    )
    parser.add_argument(
        "--untuned-questions", type=int, default=40, help="questions it is asked; 0 to leave out"
    )
    wanted = parser.parse_args()
    sizes = Sizes(wanted.people, wanted.untuned_people, wanted.untuned_questions)
    base = fitting.base(wanted.model)
    surveys = [only_people(read()) for read in catalogue.SURVEYS.values()]
    surveys = [s for s in surveys if s.adapter]
    figures: dict[str, float | str] = {"model": wanted.model}
    found = [figures_without(base, surveys, name, sizes) for name in wanted.leave_out]
    for name, some in zip(wanted.leave_out, found, strict=True):
        figures |= {f"{figure}_{name}": value for figure, value in some.items()}
    for figure in ("agreement", "above_uniform", "above_untuned", "gap_closed", "megabytes"):
        values = [f[figure] for f in found if figure in f]
        if values:
            figures[figure] = max(values) if figure == "megabytes" else float(np.mean(values))
    finish("reference_adapter", figures)


def figures_without(
    base: BaseModel, surveys: Sequence[OpenSurvey], name: str, sizes: Sizes
) -> dict[str, float]:
    """The figures of one survey that was left out."""
    out = next(s for s in surveys if s.name == name)
    others = [_apart(s, out) for s in surveys if s.name != name]
    few = [catalogue.fewer(s, sizes.people, np.random.default_rng(0)) for s in others if s.answers.questions]
    fit = fitting.fitted_on_surveys(few, base)
    test = Part(out.people, out.answers)
    rng = np.random.default_rng(0)
    expected = scoring.distributions(fit.model, test)
    agreement = scoring.agreement(expected, test, rng)
    figures = {
        "agreement": agreement.model,
        "agreement_uniform": agreement.uniform,
        "above_uniform": agreement.model - agreement.uniform,
        "gap_closed": agreement.gap_closed,
        "signal": scoring.signal(expected, test),
        "log_loss": scoring.log_loss(expected, test),
        "fit_seconds": fit.seconds,
        "megabytes": _megabytes(fit),
    }
    print(
        f"{name}: agreement {agreement.model:.4f}, uniform {agreement.uniform:.4f}",
        file=sys.stderr,
        flush=True,
    )
    return figures | _untuned(base, fit, test, sizes, rng)


def _apart(survey: OpenSurvey, out: OpenSurvey) -> OpenSurvey:
    """The survey without people of the one left out, and without questions that ask nearly the same."""
    survey = catalogue.unlike(survey, out.answers.questions)
    # The experiments of one study share people; who is in the one left out is in no other.
    names = {i.rsplit("-", 1)[-1] for i in out.people.ids} if out.name.startswith("twin") else set[str]()
    same = survey.name.startswith("twin")
    rows = [r for r, i in enumerate(survey.people.ids) if not (same and i.rsplit("-", 1)[-1] in names)]
    taken = np.array(rows, dtype=np.int64)
    return replace(survey, people=survey.people.take(taken), answers=survey.answers.take(taken))


def _untuned(
    base: BaseModel, fit: Fit, test: Part, sizes: Sizes, rng: np.random.Generator
) -> dict[str, float]:
    """Agreement of the untuned model, and of the fitted one for the same people and questions."""
    if not sizes.untuned_questions:
        return {}
    names = [q.name for q in test.answers.questions]
    some = rng.choice(len(names), min(sizes.untuned_questions, len(names)), replace=False)
    few = np.sort(rng.choice(len(test.people), sizes.untuned_people, replace=False))
    part = test.only([names[int(i)] for i in np.sort(some)])
    people = part.people.take(few)
    real = [scoring.real_shares(part, i) for i in range(len(part.answers.questions))]
    untuned = JointModel(lineup.language(base.name, Machine()))
    found: dict[str, float] = {}
    for label, model in (("untuned", untuned), ("beside_untuned", fit.model)):
        expected = model.distributions(people, part.answers.questions)
        found[f"agreement_{label}"] = scoring.mean_agreement(expected, people.weights, real)
    return found | {"above_untuned": found["agreement_beside_untuned"] - found["agreement_untuned"]}


def _megabytes(fit: Fit) -> float:
    """Size of the model's files as they are saved."""
    with tempfile.TemporaryDirectory() as folder:
        fit.model.save(Path(folder))
        return sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file()) / 1e6


if __name__ == "__main__":
    main()
