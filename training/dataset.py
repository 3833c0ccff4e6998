"""The people and questions that may be fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grounding.splits import Split
from personas.answer import NO_ANSWER, Answers
from personas.arrays import FloatArray
from personas.errors import DataError
from personas.panel import UNKNOWN, Panel


@dataclass(frozen=True)
class TrainingData:
    """Real people outside the held-out part, with their answers to the questions outside it.

    ``weights`` have mean one.
    """

    people: Panel
    answers: Answers
    weights: FloatArray


def training_data(people: Panel, answers: Answers, split: Split, attributes: Sequence[str]) -> TrainingData:
    """The part of the real panel that the split leaves for training.

    Raises:
        DataError: an unknown attribute, or one that is known of nobody; or too little left: fewer than 2
            questions, or a question that fewer than 10 of these people answered. Who has no weight does
            not count.
    """
    unknown = [a for a in attributes if a not in people.attributes]
    if unknown:
        raise DataError(
            f"train: unknown attribute {unknown[0]!r}; the panel has {', '.join(people.attributes)}"
        )
    rows = np.flatnonzero(~split.held_out(people.ids))
    names = [q.name for q in answers.questions if q.name not in split.questions]
    if len(names) < 2:
        raise DataError(f"train: questions left after the split: {len(names)}; at least 2 are needed")
    kept = answers.take(rows).only(names)
    part = people.take(rows).select(attributes)
    counting = part.weights > 0
    for question in kept.questions:
        given = int(np.sum((kept.column(question.name) != NO_ANSWER) & counting))
        if given < 10:
            raise DataError(
                f"train: question {question.name!r} has {given} answers to train on; 10 are needed"
            )
    for name, codes in zip(part.attributes, part.codes.T, strict=True):
        if not np.any(codes[counting] != UNKNOWN):
            raise DataError(
                f"train: attribute {name!r} is known of none of the {len(part):,} people to train on; "
                "leave it out of 'attributes'"
            )
    return TrainingData(part, kept, part.weights / part.weights.mean())
