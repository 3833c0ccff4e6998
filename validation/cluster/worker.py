"""The workers of a cluster, and what they are sent."""

import os
import socket
from typing import Any, NamedTuple, cast

import numpy as np

from personas.arrays import FloatArray, IntArray
from personas.models.asked import Missing
from personas.models.base import AnswerModel
from personas.models.drawing import Drawing
from personas.models.factored import FactoredModel
from personas.models.offset import OffsetModel
from personas.panel import UNKNOWN, Panel
from personas.question import Question
from validation.cluster import connection
from validation.cluster.connection import ClusterError
from validation.field import Fielding, answer


class Place(NamedTuple):
    """Where a worker runs."""

    machine: str
    pid: int


class Sent(NamedTuple):
    """What workers are sent once for a run."""

    model: AnswerModel
    drawing: Drawing
    seed: int
    fingerprint: str


class Answered(NamedTuple):
    """The answers to a part: an ``AnswerBatch`` without what its sender knows."""

    distributions: list[FloatArray]
    drawn: IntArray
    missing: tuple[Missing, ...]


class Worker:
    """Answers parts of a run in a process of its own; a model that it is sent is unpacked once."""

    def __init__(self) -> None:
        self._key, self._sent = "", cast("Sent | None", None)

    def hello(self) -> Place:
        """Where it runs, once it does."""
        return Place(socket.gethostname(), os.getpid())

    def answer(self, key: str, parcel: list[Any], panel: Panel, questions: tuple[Question, ...]) -> Answered:
        """The answers of ``panel``; ``parcel`` refers to what was sent, and ``key`` names it.

        Raises:
            ClusterError: the model here is not the one that the run is asked of.
        """
        if self._key != key or self._sent is None:
            sent: Sent = connection.ray().get(parcel[0])
            if sent.model.fingerprint != sent.fingerprint:
                raise ClusterError(
                    f"the model {sent.model.name} on {socket.gethostname()} has the fingerprint "
                    f"{sent.model.fingerprint}, but the run is asked of {sent.fingerprint}; put the same "
                    "weights and the same version of mirrorpanel on every machine"
                )
            self._key, self._sent = key, sent
        sent = self._sent
        found = answer(sent.model, panel, questions, sent.seed, sent.drawing)
        return Answered(found.distributions, found.drawn, found.missing)


class Parcels:
    """What workers need for questions, in the object store once for the questions that are asked together."""

    def __init__(self, model: AnswerModel, panel: Panel, how: Fielding) -> None:
        self.panel = panel
        self._model, self._how = model, how
        self._put: dict[tuple[str, ...], tuple[str, Any]] = {}

    def of(self, questions: tuple[Question, ...]) -> tuple[str, Any]:
        """Name of the parcel and the reference to it."""
        encoded = isinstance(self._model, FactoredModel | OffsetModel)
        asked = tuple(q.fingerprint for q in questions) if encoded else ()
        if asked not in self._put:
            encode(self._model, self.panel, questions, self._how)
            sent = Sent(self._model, self._how.drawing, self._how.seed, self._model.fingerprint)
            ref: Any = connection.ray().put(sent)
            self._put[asked] = ref.hex(), ref
        return self._put[asked]


def encode(model: AnswerModel, panel: Panel, questions: tuple[Question, ...], how: Fielding) -> None:
    """Has the model encode here, once, what it would otherwise encode on every worker.

    Of the panel a factored model reads the values that its persons have; so some persons who have them all
    between them are asked.
    """
    if isinstance(model, FactoredModel):
        columns = (panel.codes[:, a] for a in range(len(panel.attributes)))
        first = [np.unique(codes, return_index=True)[1] for codes in columns]
        rows = np.unique(np.concatenate([np.zeros(1, dtype=np.int64), *first]))
        answer(model, panel.take(rows), questions, how.seed, how.drawing)
    elif isinstance(model, OffsetModel):
        for question in questions:
            model.prior(question)


def packed(panel: Panel) -> Panel:
    """The same persons without the values that none of them has: free texts have one for each person."""
    levels: list[tuple[str, ...]] = []
    codes = np.full_like(panel.codes, UNKNOWN)
    for a, names in enumerate(panel.levels):
        known = panel.codes[:, a] != UNKNOWN
        used, codes[known, a] = np.unique(panel.codes[known, a], return_inverse=True)
        levels.append(tuple(names[int(code)] for code in used))
    return Panel(panel.ids, panel.attributes, tuple(levels), codes, panel.weights, panel.known)
