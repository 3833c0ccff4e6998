"""A tuned model over a prior: what tuning changed moves the shares that are known without it."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from personas.arrays import FloatArray
from personas.models.base import AnswerModel
from personas.panel import Panel
from personas.question import Question

_TOGETHER = 8  # persons between two looks at the clock
LogPrior = Callable[[Question], FloatArray]
"""Log shares of a question's options before anything is known of the person, shape (n_options,)."""


@dataclass(frozen=True)
class OffsetModel:
    """Answers with ``p(o) ~ prior(o) * (tuned(o) / base(o)) ** blend``.

    Before tuning the two models are the same and every answer is the prior's. What the base likes or
    dislikes in the wording of an option, its length above all, is in both and falls out; so only what was
    learned counts. With ``blend`` 0 nothing of it does.

    Attributes:
        tuned: the trained model.
        base: the same model without its adapter.
        prior: log shares of any question.
        prior_name: of the prior, for the fingerprint.
        blend: how far what was learned counts.
        attributes: that the models are told of a person, in the order of the training; all where ``None``.

    Source: the ratio to the base is the correction of Holtzman et al. (2021), "Surface form competition",
    EMNLP, with the untuned model instead of an empty prompt as what is divided by.
    """

    tuned: AnswerModel
    base: AnswerModel
    prior: LogPrior
    prior_name: str
    blend: float = 1.0
    attributes: tuple[str, ...] | None = None

    @property
    def name(self) -> str:
        """What people call the model."""
        return f"{self.tuned.name} over {self.prior_name}"

    @property
    def fingerprint(self) -> str:
        """Hash of both models, the prior's name, the blend and the attributes."""
        parts = ["offset", self.tuned.fingerprint, self.base.fingerprint, self.prior_name, repr(self.blend)]
        parts += [] if self.attributes is None else [f"told {', '.join(self.attributes)}"]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]

    def iterate(
        self, panel: Panel, questions: Sequence[Question]
    ) -> Iterator[tuple[slice, list[FloatArray]]]:
        """Distributions of a few persons at a time, in the panel's order, so that a caller can stop early."""
        for start in range(0, len(panel), _TOGETHER):
            rows = np.arange(start, min(start + _TOGETHER, len(panel)))
            yield slice(start, start + len(rows)), self.distributions(panel.take(rows), questions)

    def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        """See ``AnswerModel``."""
        if self.attributes is not None:
            panel = panel.select([a for a in self.attributes if a in panel.attributes])
        tuned = self.tuned.distributions(panel, questions)
        base = self.base.distributions(panel, questions)
        return [
            offset(self.prior(q), t, b, self.blend) for q, t, b in zip(questions, tuned, base, strict=True)
        ]


def offset(log_prior: FloatArray, tuned: FloatArray, base: FloatArray, blend: float) -> FloatArray:
    """``prior * (tuned / base) ** blend`` made to sum to one, shape (n_persons, n_options).

    Worked: prior (.5, .5), tuned (.6, .4), base (.2, .8) and blend 1 give odds of 6, so (.857, .143).
    """
    tiny = np.finfo(np.float64).tiny
    scores = log_prior + blend * (np.log(np.maximum(tuned, tiny)) - np.log(np.maximum(base, tiny)))
    weights = np.exp(scores - scores.max(axis=1, keepdims=True))
    return weights / weights.sum(axis=1, keepdims=True)
