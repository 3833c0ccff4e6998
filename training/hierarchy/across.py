"""What carries from question to question, chosen on questions left out with their whole battery."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grounding.blocks import blocks as batteries
from personas.arrays import FloatArray
from personas.models.head import Kernels
from personas.models.kernel import OptionSet
from personas.question import Question
from training.hierarchy.selection import Answered, KernelChoice, Left
from training.hierarchy.support import Support, calibrated
from training.threads import one_thread

_LARGEST = 1 / 3  # share of all questions in one battery above which batteries are not left out whole


@dataclass(frozen=True)
class Across:
    """Kernels across questions, and what they were worth for questions left out.

    Attributes:
        shares: kernel of the log shares.
        effects: kernel of the person effects.
        amplitude: signal variance of the log shares.
        support: under which support questions were worse.
    """

    shares: KernelChoice
    effects: KernelChoice
    amplitude: float
    support: Support

    @property
    def kernels(self) -> Kernels:
        """As the model keeps them."""
        return Kernels(
            shares=self.shares.settings,
            effects=self.effects.settings,
            amplitude=rounded(self.amplitude),
            least_support=rounded(self.support.least),
        )


@one_thread()
def choose_across(
    options: OptionSet,
    log_prior: FloatArray,
    effects: FloatArray,
    counts: Sequence[FloatArray],
    answered: Answered,
    together: Sequence[Sequence[int]] | None,
) -> Across:
    """Kernels of shares and effects whose predictions of left-out questions answer best.

    Args:
        options: the question-options.
        log_prior: log shares, (n_rows,).
        effects: person effects, (width, n_rows).
        counts: real answers for each option of each question, at the effective base.
        answered: real answers to score by.
        together: questions that are left out at once, their batteries.
    """
    left = Left(options, together)
    shares = left.shares(log_prior, answered)
    predicted, amplitude = left.left_out_shares(log_prior, shares.settings)
    found = left.effects(effects, predicted, answered)
    expected = [np.exp(predicted.log_shares[b]) for b in options.blocks]
    real = [c / c.sum() for c in counts]
    return Across(
        shares=shares,
        effects=found,
        amplitude=amplitude,
        support=calibrated(left.support(shares.settings), expected, real),
    )


def left_out_together(questions: Sequence[Question]) -> list[list[int]] | None:
    """Places of the questions of each battery; ``None`` where so few batteries say nothing of each other."""
    place = {question.name: i for i, question in enumerate(questions)}
    found = [[place[name] for name in block] for block in batteries(questions)]
    return None if max(map(len, found)) > _LARGEST * len(questions) else found


def rounded(value: float) -> float:
    """The value to nine digits: the last bits of a sum may differ from run to run."""
    return float(f"{value:.9g}")
