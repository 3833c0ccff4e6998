"""How fast things are learned: the statistics, the encoder, and LoRA against a plain training loop.

Needs the folder that MIRRORPANEL_OPEN_DATA names. ``head_seconds_400k`` is a whole fit of the factored model
to 400,000 answers of the General Social Survey with cached vectors. ``encode_share_of_matmul`` divides what
the encoder computes in a second by what a multiplication of large square matrices does in the same format,
the median of alternating rounds. ``lora_factored_vs_plain`` divides answers learned from in a second, in
episodes, by those of a plain loop of transformers and peft, with the same rank and number format.
"""

import argparse
import importlib
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from benchmarks import fitting
from benchmarks.open_data import gss20
from benchmarks.open_data.survey import OpenSurvey, only_people
from benchmarks.output import finish, peak_memory_gb
from grounding.blocks import blocks
from grounding.prior import item_shares
from grounding.splits import Split
from mirrorpanel import lineup
from mirrorpanel.lineup import Machine
from personas.answer import NO_ANSWER
from personas.models import catalogue, projection
from personas.models.encoder import Encoder
from personas.models.factored import question_option_vectors
from personas.models.kernel import KernelSettings
from personas.models.persons import person_encoder
from personas.models.wheel import cache_folder
from personas.prompt import option_text, person_text, question_text
from personas.question import Question
from training.dataset import TrainingData
from training.gradients.backbone import Backbone, LoraSettings
from training.gradients.engine import train
from training.gradients.episodes import EpisodeSettings, FactoredEpisodes, Lessons
from training.gradients.metric import Learned, metric
from training.gradients.schedule import EngineSettings
from training.gradients.vectors import LoraVectors

MODEL, ANSWERS, ROUNDS = "smollm2-135m", 400_000, 3
ENCODED, EPISODES, PLAIN_BATCH = 150, 4, 8
SIZE = 2048


def main() -> None:
    """Runs the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", nargs="*", default=["head", "encode", "lora"], help="what to measure")
    parts = parser.parse_args().parts
    catalogue.pull(MODEL, cache_folder(), lambda line: None)
    survey = only_people(gss20.read())
    machine = lineup.language(MODEL, Machine()).processor
    figures: dict[str, float | str] = {"processor": machine.describe()}
    if "head" in parts:
        figures |= head(survey)
    if "encode" in parts:
        figures |= encode(survey.answers.questions[:ENCODED])
    if "lora" in parts:
        figures |= lora(survey)
    finish("training_speed", {**figures, "peak_memory_gb": peak_memory_gb()})


def head(survey: OpenSurvey) -> dict[str, float | str]:
    """Seconds of a whole fit to 400,000 answers with vectors from the cache."""
    given = np.cumsum((survey.answers.chosen != NO_ANSWER).sum(axis=1))
    rows = np.arange(int(np.searchsorted(given, ANSWERS)))
    people = survey.people.take(rows).select(gss20.ATTRIBUTES)
    answers = survey.answers.take(rows)
    enough = (answers.chosen != NO_ANSWER).sum(axis=0) >= 30
    kept = answers.only([q.name for q, e in zip(answers.questions, enough, strict=True) if e])
    data = TrainingData(people, kept, people.weights / people.weights.mean())
    base = fitting.base(MODEL)
    question_option_vectors(base.encoder, kept.questions)  # into the cache
    found = fitting.fitted(data, base, Split(seed=1, people=0.1, questions=()))
    return {"head_seconds_400k": found.seconds, "head_answers": float(np.sum(kept.chosen != NO_ANSWER))}


def encode(questions: Sequence[Question]) -> dict[str, float | str]:
    """What the encoder computes in a second, as a share of what matrix multiplication does."""
    encoder: Any = lineup.encoder(MODEL, Machine())
    texts = [question_text(q) for q in questions for _ in q.options]
    tails = [option_text(o) for q in questions for o in q.options]
    work = _operations(encoder, texts, tails)
    shares: list[float] = []
    rates: list[float] = []
    for _ in range(ROUNDS):
        before = _matmul_rate(encoder.language.processor.dtype)
        started = time.perf_counter()
        encoder.encode(texts, tails)
        rates.append(work / (time.perf_counter() - started))
        matmul = (before + _matmul_rate(encoder.language.processor.dtype)) / 2
        shares.append(rates[-1] / matmul)
        print(f"encoder {rates[-1] / 1e9:.0f} GFLOP/s, matmul {matmul / 1e9:.0f}", file=sys.stderr)
    return {
        "encode_share_of_matmul": statistics.median(shares),
        "encode_gflops": statistics.median(rates) / 1e9,
    }


def _operations(encoder: Encoder, texts: Sequence[str], tails: Sequence[str]) -> float:
    """Multiplications and additions of the linear layers and of attention, padding not counted."""
    model: Any = encoder.language._model  # pyright: ignore[reportPrivateUsage]
    top, config = max(encoder.layers), model.config
    layer = sum(p.numel() for p in model.base_model.layers[0].parameters() if p.ndim == 2)
    lengths = [len(branch.tree) for branch in encoder.branches(texts, tails)]
    attention = sum(4.0 * n * n * config.hidden_size for n in lengths)
    return top * (2.0 * layer * sum(lengths) + attention)


def _matmul_rate(dtype: str) -> float:
    torch: Any = importlib.import_module("torch")
    a = torch.ones((SIZE, SIZE), dtype=getattr(torch, dtype))
    torch.mm(a, a)
    started = time.perf_counter()
    for _ in range(3):
        torch.mm(a, a)
    return 3 * 2.0 * SIZE**3 / (time.perf_counter() - started)


class Loops(NamedTuple):
    """Answers learned from in a second."""

    factored: float
    plain: float


def lora(survey: OpenSurvey) -> dict[str, float | str]:
    """Answers a second of LoRA in episodes and of a plain loop, one after the other in the same process."""
    found = Loops(_episodes(survey), _plain(survey))
    return {
        "lora_factored_vs_plain": found.factored / found.plain,
        "lora_factored_answers_per_second": found.factored,
        "lora_plain_answers_per_second": found.plain,
    }


def _episodes(survey: OpenSurvey) -> float:
    questions = survey.answers.questions
    folder = catalogue.folder(MODEL, cache_folder())
    processor = lineup.language(MODEL, Machine()).processor
    backbone = Backbone.load(folder, processor, LoraSettings(rank=16))
    layers = lineup.middle_layers(backbone.language.n_layers)
    source = LoraVectors(backbone, layers, questions)
    some = source.vectors(np.arange(60), gradients=False).double().numpy()
    kernel = KernelSettings(text=1.0, pair=0.5, slope=0.5, position=0.3, length=0.4, noise=0.1)
    task = FactoredEpisodes(
        source,
        metric(Learned(projection.fitted(some), kernel, kernel, 0.5)),
        _lessons(survey),
        EpisodeSettings(held_out=20, context=40, validation=0.0),
    )
    done = train(task, EngineSettings(episodes=EPISODES, warm_up=1), None, lambda p: None).state
    return done.answers / done.seconds


def _lessons(survey: OpenSurvey) -> Lessons:
    """Answers with shares, and effects that are all zero: their values do not change what a step costs."""
    people = survey.people.select(gss20.ATTRIBUTES)
    prior = item_shares(survey.answers, people.weights)
    names = {name: k for k, block in enumerate(blocks(survey.answers.questions)) for name in block}
    persons = person_encoder(people, people.attributes, 0.0, lambda p: np.ones((1, len(p), 2))).encode(people)
    rows = len(prior.log_shares)
    return Lessons(
        questions=survey.answers.questions,
        batteries=np.array([names[q.name] for q in survey.answers.questions]),
        log_shares=prior.log_shares,
        effects=np.zeros((persons.shape[1], rows)),
        persons=persons,
        chosen=survey.answers.chosen,
        weights=people.weights / people.weights.mean(),
        extra=np.zeros(rows),
    )


def _plain(survey: OpenSurvey) -> float:
    """Causal language modelling of the answer after person and question, one text for each answer."""
    torch: Any = importlib.import_module("torch")
    transformers: Any = importlib.import_module("transformers")
    peft: Any = importlib.import_module("peft")
    folder = catalogue.folder(MODEL, cache_folder())
    processor = lineup.language(MODEL, Machine()).processor
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, processor.dtype))
    settings = peft.LoraConfig(r=16, use_rslora=True, target_modules="all-linear", task_type="CAUSAL_LM")
    model = peft.get_peft_model(model.to(processor.device), settings)
    model.train()
    optimiser = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=2e-4)
    people, answers = survey.people.select(gss20.ATTRIBUTES), survey.answers
    rng = np.random.default_rng(0)
    pairs = rng.permutation(np.argwhere(answers.chosen != NO_ANSWER))[: PLAIN_BATCH * EPISODES]
    started = time.perf_counter()
    for step in range(EPISODES):
        texts: list[list[int]] = []
        starts: list[int] = []
        for pair in pairs[step * PLAIN_BATCH : (step + 1) * PLAIN_BATCH]:
            i, j = int(pair[0]), int(pair[1])
            question: Question = answers.questions[j]
            before = person_text(people.person(i).attributes) + question_text(question)
            own: list[int] = tokenizer(before).input_ids
            option = question.options[int(answers.chosen[i, j])]
            ends: list[int] = tokenizer(option_text(option)).input_ids
            texts.append(own + ends)
            starts.append(len(own))
        longest = max(map(len, texts))
        ids = torch.zeros((len(texts), longest), dtype=torch.long, device=processor.device)
        labels = torch.full_like(ids, -100)
        for row, (text, start) in enumerate(zip(texts, starts, strict=True)):
            ids[row, : len(text)] = torch.tensor(text)
            labels[row, start : len(text)] = ids[row, start : len(text)]
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimiser.step()
        optimiser.zero_grad()
    return len(pairs) / (time.perf_counter() - started)


if __name__ == "__main__":
    main()
