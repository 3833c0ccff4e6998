"""Answers per second of three ways to score the same persons and questions with the same weights.

One by one: plain transformers, a forward pass for each option, as a simple script would do. Joint: one
token tree for each person. Factored: attribute values and question-options encoded once (cold, within
the time), then one product for everybody. The ratios are medians over rounds of one run.
"""

import statistics
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
import transformers as untyped

from benchmarks.output import finish, peak_memory_gb
from benchmarks.spending import spending
from grounding.build import Grounded
from grounding.splits import Split
from mirrorpanel import lineup
from mirrorpanel.lineup import Machine
from personas.arrays import FloatArray
from personas.models import catalogue
from personas.models.encoder import Encoder
from personas.models.factored import FactoredModel, attribute_vectors, question_option_vectors
from personas.models.joint import JointModel
from personas.models.kernel import option_set
from personas.models.wheel import cache_folder
from personas.panel import Panel
from personas.prompt import option_text, person_text, question_text
from personas.question import Question
from training.dataset import training_data
from training.hierarchy.loop import fit
from validation.field import answer

transformers: Any = untyped
MODEL = "smollm2-135m"
ROUNDS = 3
PERSONS = 556
ONE_BY_ONE_PERSONS = 1
JOINT_PERSONS = 12


def main() -> None:
    """Runs the benchmark."""
    catalogue.pull(MODEL, cache_folder(), lambda line: None)
    grounded = spending(PERSONS)
    questions = grounded.answers.questions
    model, encoder = _trained(grounded)
    persons = grounded.persons.select([a.name for a in model.config.attributes])
    joint = JointModel(encoder.language)
    simple = OneByOne(encoder.language.processor.dtype, encoder.language.processor.device)
    first = np.arange(JOINT_PERSONS)
    apart = _difference(simple, joint, persons.take(np.arange(1)), questions)
    rates: dict[str, list[float]] = {"one_by_one": [], "joint": [], "factored": []}
    seconds: list[float] = []
    for round_ in range(ROUNDS):
        started = time.monotonic()
        rows = persons.take(np.arange(ONE_BY_ONE_PERSONS) + JOINT_PERSONS * round_)
        simple.score(rows, questions)
        rates["one_by_one"].append(len(rows) * len(questions) / (time.monotonic() - started))
        started = time.monotonic()
        joint.distributions(persons.take(first + JOINT_PERSONS * round_), questions)
        rates["joint"].append(JOINT_PERSONS * len(questions) / (time.monotonic() - started))
        started = time.monotonic()
        answered = answer(_cold(model, encoder), persons, questions, seed=round_)
        seconds.append((time.monotonic() - started) * 10_000 / answered.drawn.size)
        rates["factored"].append(answered.drawn.size / (time.monotonic() - started))
        print(f"round {round_ + 1}: { {k: round(v[-1], 1) for k, v in rates.items()} }", file=sys.stderr)
    finish(
        "scoring_speed",
        {
            "factored_vs_one_by_one": _ratio(rates["factored"], rates["one_by_one"]),
            "joint_vs_one_by_one": _ratio(rates["joint"], rates["one_by_one"]),
            "factored_seconds_10000": statistics.median(seconds),
            "peak_memory_gb": peak_memory_gb(),
            **{f"{name}_answers_per_second": statistics.median(values) for name, values in rates.items()},
            "largest_difference_joint": apart,
            "persons": f"{PERSONS} factored, {JOINT_PERSONS} of them joint and {ONE_BY_ONE_PERSONS} of these "
            "one by one in each round, all questions; loading the model is not counted",
            "processor": encoder.language.processor.describe(),
        },
    )


class OneByOne:
    """Each option in a forward pass of its own, with nothing shared."""

    def __init__(self, dtype: str, device: str) -> None:
        folder = catalogue.converted(MODEL, cache_folder())
        number = getattr(torch, dtype)
        self.tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder)
        self.model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=number)
        self.model.eval().to(device)

    def score(self, persons: Panel, questions: Sequence[Question]) -> list[list[FloatArray]]:
        """Probabilities for each person and question."""
        return [
            [self._probabilities(person_text(persons.person(i).attributes), q) for q in questions]
            for i in range(len(persons))
        ]

    def _probabilities(self, person: str, question: Question) -> FloatArray:
        scores: list[float] = []
        for option in question.options:
            parts = [person, question_text(question), option_text(option)]
            tokens: list[list[int]] = [self.tokenizer(p, add_special_tokens=False).input_ids for p in parts]
            start, stop = len(tokens[0]) + len(tokens[1]), sum(map(len, tokens))
            ids = torch.tensor([[t for part in tokens for t in part]], device=self.model.device)
            with torch.inference_mode():
                log_p = self.model(ids).logits[0].float().log_softmax(dim=-1)
            picked = log_p[torch.arange(start - 1, stop - 1), ids[0, start:stop]]
            scores.append(float(picked.sum()))
        odds = np.exp(np.array(scores) - max(scores))
        return odds / odds.sum()


def _trained(grounded: Grounded) -> tuple[FactoredModel, Encoder]:
    encoder = lineup.encoder(MODEL, Machine())
    split = Split(seed=1, people=0.4, questions=())
    observed = [p.attribute for p in grounded.provenance if p.kind == "observed"]
    data = training_data(grounded.people, grounded.answers, split, observed)
    base = lineup.base_model(MODEL, encoder)
    return fit("benchmark", data, base, split, 2, 1, lambda line: None).model, encoder


def _cold(model: FactoredModel, encoder: Encoder) -> FactoredModel:
    """The model with everything encoded anew."""
    pairs = [(a.name, level) for a in model.config.attributes for level in a.levels]
    vectors = question_option_vectors(encoder, model.config.questions)
    options = option_set(model.config.questions, model.projection.apply(vectors))
    persons = replace(model.persons, vectors=attribute_vectors(encoder, pairs))
    return replace(model, options=options, persons=persons)


def _difference(simple: OneByOne, joint: JointModel, persons: Panel, questions: Sequence[Question]) -> float:
    apart = simple.score(persons, questions)[0]
    together = joint.distributions(persons, questions)
    return float(max(np.abs(a - t[0]).max() for a, t in zip(apart, together, strict=True)))


def _ratio(first: Sequence[float], second: Sequence[float]) -> float:
    return statistics.median(a / b for a, b in zip(first, second, strict=True))


if __name__ == "__main__":
    main()
