"""Rungs that know nothing of persons: the uniform guess and the item share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from personas.arrays import FloatArray
from personas.panel import Panel
from personas.question import Question
from training.dataset import TrainingData
from training.ladder.rungs.columns import Constant, QuestionModels, question_models


@dataclass(frozen=True)
class Uniform:
    """Every option as likely as any other."""

    name: str = "uniform guess"
    fingerprint: str = "uniform"

    def distributions(self, panel: Panel, questions: Sequence[Question]) -> list[FloatArray]:
        """See ``AnswerModel``."""
        return [np.full((len(panel), len(q.options)), 1.0 / len(q.options)) for q in questions]


def uniform(data: TrainingData) -> Uniform:
    """The uniform guess; the data change nothing."""
    del data
    return Uniform()


def item_share(data: TrainingData) -> QuestionModels:
    """For everybody the item share, shrunk as ``grounding.prior.item_shares`` does.

    A question that was not trained on gets the mean shares of the trained questions of its kind.
    """
    return question_models("item share", data, lambda column: Constant(column.share))
