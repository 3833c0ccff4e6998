"""The people and questions that may be fitted on."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from grounding import splits
from grounding.blocks import blocks
from grounding.splits import Split
from personas.answer import NO_ANSWER, Answers
from personas.arrays import BoolArray, FloatArray
from personas.errors import DataError, DocumentError
from personas.panel import UNKNOWN, Panel
from personas.question import Question
from training.leakage import QuestionOverlap, question_overlaps
from training.split_spec import SplitSpec


class Decided(NamedTuple):
    """A split, the blocks of questions that it holds out, and what these share with questions trained on."""

    split: Split
    blocks: tuple[tuple[str, ...], ...]
    overlaps: tuple[QuestionOverlap, ...]


@dataclass(frozen=True)
class TrainingData:
    """Real people in no group that is held out, with their answers to the questions that are not.

    ``weights`` have mean one.
    """

    people: Panel
    answers: Answers
    weights: FloatArray


def decided(spec: SplitSpec, questions: Sequence[Question], vectors: FloatArray | None = None) -> Decided:
    """What a training file holds out of these questions and of all people, before any answer is looked at.

    ``vectors`` of the questions, shape (n_questions, dim), put near ones into one block. Held out by battery,
    no question has one like it among those trained on; by single questions it may, and the pairs are named.

    Raises:
        DocumentError: see ``grounding.splits.split``.
    """
    names = [q.name for q in questions]
    together = blocks(questions, vectors) if spec.by == "battery" else [(n,) for n in names]
    split = splits.split(
        spec.seed, spec.people, spec.questions, names, blocks=together,
        rectification=spec.rectification, segment=spec.segment, wave=spec.wave,
    )  # fmt: skip
    held = tuple(b for b in together if set(b) <= set(split.questions))
    return Decided(split, held, question_overlaps(questions, split.questions, vectors))


def groups(split: Split, people: Panel, suspects: BoolArray | None = None) -> splits.Groups:
    """The group of each of the people.

    Raises:
        DocumentError: a segment or wave that the panel does not have, or that nobody belongs to.
    """
    for key, chosen in (("split.segment", split.segment), ("split.wave", split.wave)):
        if chosen and not splits.members(people, chosen, key).any():
            wanted = " and ".join(f"{a} {' or '.join(levels)}" for a, levels in chosen)
            raise DocumentError(f"{key}: nobody of the {len(people):,} people has {wanted}")
    return split.groups(people, suspects)


def training_data(
    people: Panel,
    answers: Answers,
    split: Split,
    attributes: Sequence[str],
    suspects: BoolArray | None = None,
) -> TrainingData:
    """The part of the real panel that the split leaves for training.

    People held out by hash, kept for rectification, of a segment or wave that is held out, or among the
    ``suspects``, a mask of shape (n_people,), are not in it.

    Raises:
        DocumentError: the split names a segment or wave that the panel does not have.
        DataError: an unknown attribute, or one that is known of nobody; or too little left: fewer than 2
            questions, or a question that fewer than 10 of these people answered. Who has no weight does
            not count.
    """
    unknown = [a for a in attributes if a not in people.attributes]
    if unknown:
        raise DataError(
            f"train: unknown attribute {unknown[0]!r}; the panel has {', '.join(people.attributes)}"
        )
    rows = np.flatnonzero(split.groups(people, suspects).trained)
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
