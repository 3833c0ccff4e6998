"""Makes the reference adapter that ships with the program, from the open surveys whose licences allow it.

``python -m benchmarks.make_reference`` writes ``mirrorpanel/reference/``: what thousands of people answered
to more than a thousand questions, as shares, effects of attributes and vectors of the questions. No answer of
a person and no wording goes in. The questions of the demo are left out by id and by text, for its people may
be among those of the General Social Survey. One person in five, by hash, is kept out. Needs the folder that
MIRRORPANEL_OPEN_DATA names.

What the card says of surveys left out whole is read from the output of ``python -m
benchmarks.reference_adapter``, which fits once for each of them: ``--left-out FILE``.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import reference_data
from benchmarks import fitting
from benchmarks.open_data import catalogue, survey
from benchmarks.open_data.survey import OpenSurvey
from benchmarks.output import finish
from grounding.sources import codebook
from grounding.splits import Split
from mirrorpanel import cards, intact, lineup
from personas.answer import NO_ANSWER
from personas.models import catalogue as catalogue_of_models
from personas.models import factored
from personas.models.factored import FactoredModel
from training.dataset import TrainingData
from training.hierarchy import reference
from training.hierarchy.across import Across
from training.registry import front_matter
from training.registry.front_matter import Base

FEWEST = 30
ATTRIBUTES = (
    "age_group", "sex", "race", "education", "region", "party", "religion", "marital_status",
    "household_income", "work_status",
)  # fmt: skip
MEASURED = ("log_loss", "agreement", "gap_closed", "signal")
_TEMPLATE = Path(__file__).with_name("reference_card.md")
SPLIT = Split(2020, 0.2, ())


def main() -> None:
    """Makes it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="smollm2-135m", help="base model (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=lineup.reference_folder(), help="folder to write")
    parser.add_argument("--left-out", type=Path, help="output of benchmarks.reference_adapter, for the card")
    wanted = parser.parse_args()
    left_out = {} if wanted.left_out is None else read_left_out(wanted.left_out, wanted.model)
    started = time.perf_counter()
    surveys = [(s, _part(s)) for s in _surveys()]
    base = fitting.base(wanted.model)
    parts = [(s.name, data) for s, data in surveys]
    found, across = reference.combine("reference", parts, base, 4, 1, _say)
    found.save(wanted.out)
    seconds = time.perf_counter() - started
    text = card(found, across, surveys, wanted.model, seconds, left_out)
    (wanted.out / "README.md").write_text(text, encoding="utf-8")
    sums = intact.sums(wanted.out, (factored.CONFIG, factored.WEIGHTS))
    (wanted.out / intact.SUMS).write_text(sums, encoding="ascii")
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


LeftOut = dict[str, dict[str, float]]
"""Figures by survey that was left out whole, and by name of the figure."""


def read_left_out(file: Path, model: str) -> LeftOut:
    """The figures of ``benchmarks.reference_adapter``: the last line of its output.

    Raises:
        ValueError: the file holds other figures, or those of another model.
    """
    last = json.loads(file.read_text(encoding="utf-8").strip().splitlines()[-1])
    figures: dict[str, Any] = last["figures"]
    if last["benchmark"] != "reference_adapter" or figures["model"] != model:
        raise ValueError(f"{file} holds {last['benchmark']} with {figures.get('model')}, not with {model}")
    return {
        name: {f: float(figures[f"{f}_{name}"]) for f in (*MEASURED, "agreement_uniform")}
        for name in catalogue.SURVEYS
        if f"agreement_{name}" in figures
    }


def card(
    found: FactoredModel,
    across: Across,
    surveys: Sequence[tuple[OpenSurvey, TrainingData]],
    model: str,
    seconds: float,
    left_out: LeftOut,
) -> str:
    """The card as Markdown; every figure comes from the making, or from surveys left out whole."""
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
    base = cards.base(model)
    return _TEMPLATE.read_text(encoding="utf-8").format(
        head=_head(base, across, left_out),
        model=model,
        hub=base.hub or "not recorded",
        licence=base.licence,
        left_out=_left_out(left_out),
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


def _head(base: Base, across: Across, left_out: LeftOut) -> str:
    """The fields of the Hugging Face hub, with a result for each kind of held-out answers."""
    scores = {"log_loss": -across.effects.log_score}
    results = [front_matter.result("open surveys", "questions left out with their battery", "cv", scores)]
    for name, figures in left_out.items():
        known = {f: figures[f] for f in MEASURED}
        results.append(front_matter.result(name, f"{name}, left out whole", "left_out_survey", known))
    return front_matter.block(
        {
            "language": base.codes,
            "license": "other",
            "license_name": front_matter.LICENCE,
            "license_link": base.licence_link,
            "base_model": base.hub,
            "base_model_relation": "adapter" if base.hub else "",
            "pipeline_tag": front_matter.PIPELINE,
            "library_name": front_matter.LIBRARY,
            "tags": ["reference", *front_matter.TAGS],
            "metrics": list(MEASURED),
            "inference": False,
            "model-index": [{"name": "reference", "results": results}],
        }
    )


def _left_out(found: LeftOut) -> str:
    """A table of the surveys left out whole."""
    if not found:
        return "Surveys left out whole were not measured in this making (`--left-out`)."
    rows = [
        f"| {name} | {f['agreement']:.4f} | {f['agreement_uniform']:.4f} | {f['gap_closed']:.3f} | "
        f"{f['signal']:.3f} | {f['log_loss']:.4f} |"
        for name, f in found.items()
    ]
    head = "| survey left out whole | agreement | of a uniform guess | gap closed | signal | log loss |"
    return "\n".join([head, f"|{'---|' * 6}", *rows])


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
