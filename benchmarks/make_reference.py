"""Makes the reference adapter that ships with the program, from the open surveys whose licences allow it.

``python -m benchmarks.make_reference`` writes ``mirrorpanel/reference/``: what thousands of people answered
to more than a thousand questions, as shares, effects of attributes and vectors of the questions. No answer of
a person and no wording goes in. The questions of the demo are left out by id and by text, for its people may
be among those of the General Social Survey. One person in five, by hash, is kept out. Needs the folder that
MIRRORPANEL_OPEN_DATA names.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import reference_data
from benchmarks import fitting
from benchmarks.open_data import catalogue, survey
from benchmarks.open_data.survey import OpenSurvey
from benchmarks.output import finish
from grounding.sources import codebook
from grounding.splits import Split
from mirrorpanel import lineup
from personas.answer import NO_ANSWER
from personas.models import catalogue as catalogue_of_models
from personas.models.factored import FactoredModel
from training.dataset import TrainingData
from training.hierarchy import reference
from training.hierarchy.across import Across

FEWEST = 30
ATTRIBUTES = (
    "age_group", "sex", "race", "education", "region", "party", "religion", "marital_status",
    "household_income", "work_status",
)  # fmt: skip
_TEMPLATE = Path(__file__).with_name("reference_card.md")
SPLIT = Split(2020, 0.2, ())


def main() -> None:
    """Makes it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="smollm2-135m", help="base model (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=lineup.reference_folder(), help="folder to write")
    wanted = parser.parse_args()
    started = time.perf_counter()
    surveys = [(s, _part(s)) for s in _surveys()]
    base = fitting.base(wanted.model)
    parts = [(s.name, data) for s, data in surveys]
    found, across = reference.combine("reference", parts, base, 4, 1, _say)
    found.save(wanted.out)
    seconds = time.perf_counter() - started
    text = _card(found, across, surveys, wanted.model, seconds)
    (wanted.out / "README.md").write_text(text, encoding="utf-8")
    size = sum(f.stat().st_size for f in wanted.out.iterdir()) / 1e6
    figures = {"megabytes": size, "seconds": seconds, "questions": float(len(found.config.context))}
    finish("make_reference", figures)


def _surveys() -> list[OpenSurvey]:
    """The surveys that may ship, without the demo's questions."""
    demo = [q.question for q in codebook.load(reference_data.codebook_path("gss_spending")).questions]
    read = [survey.only_people(catalogue.read(name)) for name in catalogue.SURVEYS]
    return [survey.without(s, demo) for s in read if s.adapter]


def _part(found: OpenSurvey) -> TrainingData:
    """A survey's people outside the held-out fifth, with the questions that enough of them answered."""
    rows = np.flatnonzero(~SPLIT.held_out(found.people.ids))
    answers = found.answers.take(rows)
    given = np.sum(answers.chosen != NO_ANSWER, axis=0)
    names = [q.name for q, n in zip(answers.questions, given, strict=True) if n >= FEWEST]
    people = found.people.take(rows).select([a for a in ATTRIBUTES if a in found.people.attributes])
    return TrainingData(people, answers.only(names), people.weights / people.weights.mean())


def _card(
    found: FactoredModel,
    across: Across,
    surveys: Sequence[tuple[OpenSurvey, TrainingData]],
    model: str,
    seconds: float,
) -> str:
    """The card as Markdown; every figure comes from the making."""
    config, support = found.config, across.support
    flagged = "no bound told worse questions from better ones"
    if support.flagged is not None and support.others is not None:
        flagged = (
            f"questions with less support than {support.least:.2f} closed {support.flagged:.2f} of the "
            f"distance from uniform, the others {support.others:.2f} (permutation p {support.p:.3f})"
        )
    rows = [
        f"| {s.name} | {s.source} | {s.licence} | {len(data.people):,} | {len(data.answers.questions):,} |"
        for s, data in surveys
    ]
    option = "" if model == catalogue_of_models.DEFAULT else f" --model {model}"
    return _TEMPLATE.read_text(encoding="utf-8").format(
        model=model,
        command=f"python -m benchmarks.make_reference{option}",
        seconds=f"{seconds:,.0f} s",
        weights=config.base_weights,
        layers=", ".join(map(str, config.layers)),
        questions=f"{len(config.context):,}",
        attributes=", ".join(a.name for a in config.attributes),
        fingerprint=found.fingerprint,
        split=SPLIT.fingerprint,
        seed=SPLIT.seed,
        surveys="\n".join(rows),
        shares=f"{across.shares.log_score:.4f}",
        effects=f"{across.effects.log_score:.4f}",
        support=flagged,
    )


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
