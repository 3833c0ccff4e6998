"""A study whose train.yaml trains the language model itself, with open answers beside the closed ones."""

from pathlib import Path

import numpy as np
from own_study import change, grounded_study

TOPICS = ("tea", "coffee", "trains", "parks", "museums")
TRAIN = """\
adapter: tastes
panel: own
model: {model}
split: {{people: 0.3, questions: 0, seed: 4, by: question}}
folds: 2
seed: 5
reference: none
"""
EPISODES = """\
lora:
  rank: 4
  episodes: {episodes}
  warm_up: 1
  score_every: 2
  checkpoint_minutes: 0
  factored: {{held_out: 1, context: 4, people: 100, rate: 0.003}}
"""
JOINT = """\
lora:
  objective: joint
  rank: 4
  episodes: {episodes}
  score_every: 2
  checkpoint_minutes: 0
  judged_people: 10
  judged_questions: 3
  joint: {{tokens: 120, people: 4, parts: 2, score_passes: 2, rate: 0.01}}
"""
VOICE = """\
voice:
  rank: 4
  episodes: 4
  warm_up: 1
  score_every: 2
  canaries: 2
  written: 10
  memory: {alternatives: 7}
  texts: {tokens: 12, answers: 4, rate: 0.01}
  answers:
    file: said.csv
    id: who
    question: asked
    answer: said
    attributes: {sex: sex}
    protection: {anonymous: made up}
    held_out: 0.4
"""


def study(folder: Path, model: Path, *parts: str) -> Path:
    """The grounded study with a training file of these parts; returns that file."""
    grounded_study(folder)
    rng = np.random.default_rng(3)
    words = ("tea", "trains", "yes", "no", "too much", "the health", "survey", "truthfully")
    rows = [
        f"w{i},What do you say of tea?,{' '.join(rng.choice(words, 5))},{('f', 'm')[i % 2]}"
        for i in range(40)
    ]
    (folder / "said.csv").write_text("\n".join(["who,asked,said,sex", *rows]) + "\n", encoding="utf-8")
    file = folder / "train.yaml"
    file.write_text(TRAIN.format(model=model) + "".join(parts), encoding="utf-8")
    return file


__all__ = ["EPISODES", "JOINT", "TRAIN", "VOICE", "change", "study"]
