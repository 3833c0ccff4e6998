"""The program with a verdict that keeps LoRA, whatever it is worth on a tiny random model.

``python tuned_program.py ARGUMENTS``. Checkpoints stay, so that a test can look at them.
"""

import time
from typing import Any

import numpy as np

from mirrorpanel.cli import app
from mirrorpanel.verbs import tuning
from training.gradients import factored, joint_lora
from training.gradients.blend import Blend
from training.gradients.engine import Pass
from training.gradients.tuned import Verdict

KEPT = Verdict(floor=-1.0, tuned=-0.5, error=0.01, answers=100, of=10)


def keeping(*arguments: Any) -> Verdict:
    """A verdict by which LoRA is kept."""
    del arguments
    return KEPT


def blending(*arguments: Any) -> Blend:
    """A blend by which a joint model counts half."""
    del arguments
    return Blend(blend=0.5, gain=0.5, answers=100)


def growing(task: factored.Episodes) -> float:
    """A held-out score that rises with what the adapter learned, so that something of it is kept."""
    tensors = task.backbone.tensors().items()
    return sum(float(t.detach().square().sum()) for name, t in tensors if "lora_B" in name)


def slowly(task: factored.Episodes, episode: int, rng: np.random.Generator) -> Pass:
    """An episode that takes long enough to be killed in."""
    time.sleep(0.2)
    return task.inner.backward(episode, rng)


if __name__ == "__main__":
    factored.Episodes.score, factored.Episodes.backward = growing, slowly
    factored.compare = keeping
    joint_lora._verdict, joint_lora._blend = keeping, blending
    tuning.clear = lambda todo: None
    app.main()
