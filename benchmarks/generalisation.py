"""How well people and questions that nothing was fitted on are predicted, on the General Social Survey.

Needs the folder that MIRRORPANEL_OPEN_DATA names, with ``gss20``. For each of several seeds about 120 of 606
questions are held out in whole batteries, and 800 of 4,215 people. Figures are means over the splits;
``_min`` and ``_max`` stand beside where single splits differ much.

- ``seen``: people held out, questions trained on. ``unseen``: people held out, questions held out.
- ``logit``: multinomial logit of scikit-learn on the same attributes and people, on the first splits only.
- ``gap_closed``: mean agreement less that of uniform answers, over that of a second real sample less
  uniform.
- ``signal``: unordered options have no place on a scale and do not count; ``_all_ordered`` counts them as
  the pilot did, whose figures the goals were set by.
- ``ece``: all probabilities in one set of bins. ``ece_by_question`` bins each option of each question by
  itself, and ``ece_by_question_floor`` is what it would be by luck alone if every probability were right.
- ``order_tv``: unordered options in all cyclic orders, seen and unseen questions together.
"""

import argparse
import sys
import time
from collections.abc import Mapping, Sequence

import numpy as np

from benchmarks import fitting, known_answers, logit, option_order, scoring
from benchmarks.held_out import Halves, Part, Rule, halves
from benchmarks.open_data import gss20
from benchmarks.output import finish
from personas.arrays import FloatArray
from personas.measures import calibration, dispersion
from training.hierarchy.base import BaseModel

PEOPLE, QUESTIONS, SPLITS = 800, 120, 8
LARGE = "qwen2.5-coder-1.5b"
LOW, HIGH = 0.8, 1.25
Figures = dict[str, float]


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--model", default="smollm2-135m", help="base model (default: %(default)s)")
    parser.add_argument("--splits", type=int, default=SPLITS, help="battery splits (default: %(default)s)")
    parser.add_argument(
        "--logit", type=int, default=1, help="splits with the logit too (default: %(default)s)"
    )
    parser.add_argument(
        "--rule", choices=("beginning", "blocks"), default="beginning", help="what is a battery"
    )
    parser.add_argument("--large", action="store_true", help=f"also {LARGE}, whose encoding takes minutes")
    wanted = parser.parse_args()
    rule: Rule = wanted.rule
    found = run(fitting.base_of(wanted.model), range(wanted.splits), rule, wanted.logit)
    figures: dict[str, float | str] = {"model": wanted.model, "splits": float(wanted.splits), "rule": rule}
    figures |= summarised(found)
    if wanted.large:
        large = run(fitting.base(LARGE), range(wanted.splits), rule, 0)
        names = ("gap_closed_unseen", "gap_closed_seen", "signal_unseen", "log_loss_unseen")
        figures |= {f"{n}_1_5b": v for n, v in summarised(large, names).items()}
    finish("generalisation", figures)


def run(base: BaseModel, seeds: Sequence[int], rule: Rule, with_logit: int) -> list[Figures]:
    """Figures of each split."""
    survey = gss20.read()
    people = survey.people.select(gss20.ATTRIBUTES)
    found: list[Figures] = []
    for number, seed in enumerate(seeds):
        start = time.perf_counter()
        parts = halves(people, survey.answers, seed, PEOPLE, QUESTIONS, rule)
        found.append(split_figures(base, parts, seed, number < with_logit))
        told = ", ".join(f"{n} {v:.3f}" for n, v in found[-1].items() if "gap" in n or "signal" in n)
        print(f"split {seed}: {told} ({time.perf_counter() - start:.0f} s)", file=sys.stderr, flush=True)
    return found


def split_figures(base: BaseModel, parts: Halves, seed: int, with_logit: bool) -> Figures:
    """All figures of one split."""
    rng = np.random.default_rng(seed)
    fit = fitting.fitted(parts.train.only(parts.seen).data(), base, parts.split)
    seen, unseen = parts.test.only(parts.seen), parts.test.only(parts.unseen)
    expected = scoring.distributions(fit.model, seen)
    figures = {"fit_seconds": fit.seconds, "questions_unseen": float(len(parts.unseen))}
    figures |= _main_figures("seen", expected, seen, rng)
    figures |= _main_figures("unseen", scoring.distributions(fit.model, unseen), unseen, rng)
    figures["shuffled_p"] = scoring.shuffled_p(expected, seen, rng)
    figures |= _dispersion(expected, seen)
    figures["ece"] = calibration.pooled_ece(expected, seen.answers, seen.weights)
    figures["ece_by_question"] = calibration.classwise_ece(expected, seen.answers, seen.weights)
    figures["ece_by_question_floor"] = calibration.classwise_ece_floor(
        expected, seen.answers, seen.weights, rng, replicates=3
    )
    whole = parts.test.only((*parts.seen, *parts.unseen))
    orders = {
        "order_tv": option_order.nominal_order_tv(fit.model, whole),
        "order_tv_reversed_scales": option_order.reversed_order_tv(fit.model, whole),
    }
    figures |= {name: value for name, value in orders.items() if value is not None}
    for name, known in (("ten", 10), ("thirty", 30)):
        figures |= known_answers.figures(fit, seen, known, name, rng)
    if with_logit:
        other = logit.logit(parts.train.only(parts.seen), seen, rng)
        figures["log_loss_seen_logit"] = scoring.log_loss(other.distributions, seen)
        figures["signal_seen_logit"] = scoring.signal(other.distributions, seen)
        figures["signal_seen_logit_all_ordered"] = scoring.signal_all_ordered(other.distributions, seen)
        # On the splits where the logit ran, so that like is compared with like.
        figures["log_loss_seen_beside_logit"] = figures["log_loss_seen"]
        figures["signal_seen_beside_logit"] = figures["signal_seen"]
    return figures


def _main_figures(name: str, expected: Sequence[FloatArray], part: Part, rng: np.random.Generator) -> Figures:
    agreement = scoring.agreement(expected, part, rng)
    return {
        f"gap_closed_{name}": agreement.gap_closed,
        f"agreement_{name}": agreement.model,
        f"agreement_{name}_uniform": agreement.uniform,
        f"agreement_{name}_ceiling": agreement.ceiling,
        f"log_loss_{name}": scoring.log_loss(expected, part),
        f"log_loss_{name}_mean_of_questions": scoring.mean_log_loss(expected, part),
        f"signal_{name}": scoring.signal(expected, part),
        f"signal_{name}_all_ordered": scoring.signal_all_ordered(expected, part),
    }


def _dispersion(expected: Sequence[FloatArray], part: Part) -> Figures:
    """Shares of questions whose variance and entropy ratios are near 1, overall and within age groups."""
    cells = part.people.codes[:, part.people.attributes.index("age_group")]
    found: Figures = {}
    for name, inside in (("", None), ("_by_age", cells)):
        variances: list[float | None] = []
        entropies: list[float | None] = []
        for question, answers, chosen in zip(
            part.answers.questions, expected, part.answers.chosen.T, strict=True
        ):
            places = question.positions()
            variances.append(dispersion.variance_ratio(answers, chosen, part.weights, places, inside))
            entropies.append(dispersion.entropy_ratio(answers, chosen, part.weights, inside))
        found[f"variance_ratio_ok_share{name}"] = _share_ok(variances)
        found[f"entropy_ratio_ok_share{name}"] = _share_ok(entropies)
    return found


def _share_ok(ratios: Sequence[float | None]) -> float:
    defined = [r for r in ratios if r is not None]
    return float(np.mean([LOW <= r <= HIGH for r in defined]))


def summarised(found: Sequence[Mapping[str, float]], only: Sequence[str] = ()) -> Figures:
    """Means over splits, with the extremes of gaps and signals beside."""
    figures: Figures = {}
    for name in only or dict.fromkeys(n for f in found for n in f):
        values = [f[name] for f in found if name in f]
        figures[name] = float(np.mean(values))
        if name.startswith(("gap_closed", "signal")) and len(values) > 1:
            figures |= {f"{name}_min": min(values), f"{name}_max": max(values)}
    return figures


if __name__ == "__main__":
    main()
