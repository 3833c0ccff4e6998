"""Prior and effects of questions, and the regressions that carry them to questions nobody was asked."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import log_softmax

from personas.arrays import FloatArray
from personas.document import Document
from personas.models.kernel import (
    KernelRegression,
    KernelSettings,
    OptionSet,
    centred_blocks,
    damping,
    rows_of,
)

Standing = Literal["answers", "reference", "near", "kind"]
"""What a question's answers rest on: real answers of the panel, of the reference, near questions, or no more
than its kind and the places on its scale."""


class Kernels(Document):
    """What carries from question to question.

    Attributes:
        shares: kernel of the log shares.
        effects: kernel of the person effects.
        amplitude: signal variance of the log shares.
        least_support: support under which a new question counts as near to nothing.
    """

    shares: KernelSettings
    effects: KernelSettings
    amplitude: float
    least_support: float


@dataclass(frozen=True)
class Head:
    """Prior and effects of some questions, options one after the other.

    Attributes:
        log_prior: shape (n_rows,).
        effects: shape (width of a person, n_rows).
        support: for each question how near the trained ones are, see ``KernelRegression.support``; 1
            where the question itself was trained on.
        standing: for each question what its answers rest on.
    """

    log_prior: FloatArray
    effects: FloatArray
    support: FloatArray
    standing: tuple[Standing, ...]

    def of(self, options: OptionSet, questions: Sequence[int]) -> "Head":
        """The head of some questions of ``options``, whose rows it has, in that order."""
        rows = rows_of(options.blocks, questions)
        return Head(
            self.log_prior[rows],
            self.effects[:, rows],
            self.support[list(questions)],
            tuple(self.standing[q] for q in questions),
        )


@dataclass(frozen=True)
class Regressions:
    """Kernel regressions of shares and effects across the same questions.

    Attributes:
        kernels: of both.
        shares: of the log shares.
        effects: of the person effects.
    """

    kernels: Kernels
    shares: KernelRegression
    effects: KernelRegression

    def predict(self, options: OptionSet) -> Head:
        """What is expected of new questions; the shares' variance widens both."""
        shares = self.shares.predict(options)
        widen = damping(self.kernels.amplitude * shares.variance, options.blocks)
        effects = self.effects.expected(options).T * widen
        support = self.shares.support(options)
        standing: tuple[Standing, ...] = tuple(
            standing_of(near=bool(s >= self.kernels.least_support)) for s in support
        )
        return Head(normalised(shares.mean[:, 0] * widen, options.blocks), effects, support, standing)


def standing_of(near: bool) -> Standing:
    """What the answers to a question that nobody was asked rest on."""
    return "near" if near else "kind"


def regressions(kernels: Kernels, options: OptionSet, head: Head, extra: FloatArray) -> Regressions:
    """Both regressions across ``options``, whose head is known; ``extra`` as in ``FactoredModel``."""
    shares = centred_blocks(head.log_prior[:, None], options.blocks)
    effects = centred_blocks(head.effects.T, options.blocks)
    return Regressions(
        kernels,
        KernelRegression(options, shares, kernels.shares, extra / kernels.amplitude),
        KernelRegression(options, effects, kernels.effects, extra / kernels.amplitude),
    )


def concatenated(heads: Sequence[Head]) -> Head:
    """The questions of all heads, one after the other."""
    return Head(
        np.concatenate([h.log_prior for h in heads]),
        np.concatenate([h.effects for h in heads], axis=1),
        np.concatenate([h.support for h in heads]),
        tuple(s for h in heads for s in h.standing),
    )


def normalised(logits: FloatArray, blocks: Sequence[slice]) -> FloatArray:
    """Log-probabilities within each question, shape (n_rows,) or (n_rows, n_persons), as the logits."""
    return np.concatenate([log_softmax(logits[b], axis=0) for b in blocks])
