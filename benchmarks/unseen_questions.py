"""How well shares of questions nobody was asked are predicted, by layer of the language model.

Needs a folder with ``questions.json``, ``answers.parquet`` and ``people.parquet`` (the General Social
Survey table of 606 questions), named by the environment variable GSS20. Mean over splits that hold out
whole batteries (questions whose texts begin alike) of the share of the distance from uniform that is closed.
"""

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import softmax

from benchmarks.output import finish
from mirrorpanel import lineup
from mirrorpanel.lineup import Machine
from personas.arrays import FloatArray
from personas.models.factored import option_blocks, question_option_vectors
from personas.models.kernel import KernelRegression, KernelSettings, centred_blocks, option_set
from personas.question import Question

SPLITS = 8
HELD_OUT = 120
BATTERY = 60
SETTINGS = KernelSettings(text=1.0, position=0.3, length=0.5, noise=0.3)


def main() -> None:
    """Runs the benchmark."""
    folder = Path(os.environ.get("GSS20", "gss20"))
    if not folder.is_dir():
        sys.exit(f"{folder} is not there; set GSS20 to the folder with questions.json and answers.parquet")
    questions, shares = _read(folder)
    model = lineup.language("smollm2-135m", Machine())
    step = model.n_layers // 10
    layers = tuple(range(step, model.n_layers + 1, step))
    vectors = question_option_vectors(lineup.encoder("smollm2-135m", Machine(), layers), questions)
    choices = {
        "early": layers[:4],
        "middle": lineup.middle_layers(model.n_layers),
        "late": layers[-4:],
        "all": layers,
    }
    figures: dict[str, float | str] = {"processor": model.processor.describe()}
    for name, chosen in choices.items():
        some = vectors[[layers.index(layer) for layer in chosen]]
        closed = [_closed(questions, shares, some, np.random.default_rng(seed)) for seed in range(SPLITS)]
        figures |= {f"{name}_mean": float(np.mean(closed)), f"{name}_lowest": min(closed)}
    finish("unseen_questions", figures)


def _read(folder: Path) -> tuple[list[Question], list[FloatArray]]:
    entries: list[dict[str, Any]] = json.loads((folder / "questions.json").read_text(encoding="utf-8"))
    answers: Any = pd.read_parquet(folder / "answers.parquet")
    weights = pd.read_parquet(folder / "people.parquet")["weight"].to_numpy(dtype=float)
    questions: list[Question] = []
    shares: list[FloatArray] = []
    for entry in entries:
        question = Question(name=entry["id"], text=entry["text"], options=tuple(entry["options"]))
        chosen = answers[question.name].to_numpy(dtype=float, na_value=-1).astype(int)
        counts = np.bincount(chosen[chosen >= 0], weights[chosen >= 0], len(question.options)) + 0.5
        questions.append(question)
        shares.append(counts / counts.sum())
    return questions, shares


def _closed(
    questions: Sequence[Question], shares: Sequence[FloatArray], vectors: FloatArray, rng: np.random.Generator
) -> float:
    """1 - distance of the prediction / distance of uniform, over the questions held out."""
    out = _batteries(questions, rng)
    rows = option_blocks(questions)
    inside = [i for i in range(len(questions)) if i not in out]
    train = option_set([questions[i] for i in inside], _rows(vectors, [rows[i] for i in inside]))
    log_shares = np.concatenate([np.log(shares[i]) for i in inside])[:, None]
    regression = KernelRegression(train, centred_blocks(log_shares, train.blocks), SETTINGS)
    test = option_set([questions[i] for i in out], _rows(vectors, [rows[i] for i in out]))
    mean = regression.predict(test).mean[:, 0]
    model = uniform = 0.0
    for block, i in zip(test.blocks, out, strict=True):
        model += 0.5 * float(np.abs(softmax(mean[block]) - shares[i]).sum())
        uniform += 0.5 * float(np.abs(1 / len(shares[i]) - shares[i]).sum())
    return 1.0 - model / uniform


def _rows(vectors: FloatArray, blocks: Sequence[slice]) -> FloatArray:
    return np.concatenate([vectors[:, b] for b in blocks], axis=1)


def _batteries(questions: Sequence[Question], rng: np.random.Generator) -> list[int]:
    """Questions of random batteries, until enough are held out."""
    names = [q.text[:BATTERY] for q in questions]
    out: list[int] = []
    for name in rng.permutation(sorted(set(names))):
        if len(out) >= HELD_OUT:
            break
        out += [i for i, n in enumerate(names) if n == name]
    return sorted(out)


if __name__ == "__main__":
    main()
