"""The workers' foreman: gives parts of a run out, takes answers back, and replaces workers that die."""

import contextlib
from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from personas.models.base import AnswerModel
from personas.models.joint import JointModel
from personas.models.offset import OffsetModel
from personas.panel import Panel
from validation.cluster import connection
from validation.cluster.connection import ClusterError
from validation.cluster.worker import Answered, Parcels, Place, Worker, packed
from validation.field import AnswerBatch, Fielding, Part

_AHEAD = 2  # parts that a worker has at most: one that it answers, and one so that it need not wait
_DEATHS = 3  # workers that may die over the same part, or while starting, before it is given up
_PATIENCE = 600.0  # seconds until the first worker must have started: new machines take minutes


@dataclass
class _Job:
    part: Part
    deaths: int = 0


@dataclass(eq=False)
class _Colleague:
    """A worker as seen from here: its actor, its greeting until it is there, and what it was given."""

    actor: Any
    greeting: Any
    place: Place | None = None
    jobs: dict[Any, _Job] = field(default_factory=dict["Any", "_Job"])


@dataclass
class _Work:
    """What is left to give out: parts whose worker died come before new ones."""

    parts: Iterator[Part]
    again: deque[_Job] = field(default_factory=deque["_Job"])
    over: bool = False

    def take(self) -> _Job | None:
        """The next job; ``None`` once there is none."""
        if self.again:
            return self.again.popleft()
        part = None if self.over else next(self.parts, None)
        self.over = part is None
        return None if part is None else _Job(part)


class Cluster:
    """Workers on a Ray cluster, as a ``validation.field.Answerer``; a context that ends them when left.

    Attributes:
        address: ``local`` starts Ray on this machine with two workers, ``auto`` joins the one that runs here,
            ``ray://host:port`` or ``host:port`` one elsewhere.
        most: workers at most; ``None`` for as many as there are devices.
        replaced: workers that died and were replaced so far.
    """

    def __init__(self, address: str, most: int | None = None) -> None:
        connection.check(address)
        self.address, self.most, self.replaced = address, most, 0
        self._crew: list[_Colleague] = []
        self._stillborn = 0
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for colleague in list(self._crew):
            self._dismiss(colleague)
        self._closing.close()

    @property
    def places(self) -> tuple[Place, ...]:
        """Where the workers run that have started."""
        return tuple(c.place for c in self._crew if c.place is not None)

    def __call__(
        self, model: AnswerModel, panel: Panel, parts: Iterator[Part], how: Fielding
    ) -> Generator[AnswerBatch]:
        """The answers to all parts as they come back; see ``validation.field.Answerer``.

        Raises:
            ClusterError: the cluster cannot be joined, no worker starts, the workers have another model, or
                workers die again and again over the same part.
        """
        work = _Work(parts)
        first = work.take()
        if first is None:
            return
        work.again.append(first)
        self._closing.enter_context(connection.joined(self.address))
        parcels, reads = Parcels(model, panel, how), isinstance(model, JointModel | OffsetModel)
        try:
            self._give(work, parcels, reads)
            while work.again or any(c.jobs for c in self._crew):
                for job, found in self._come_back(work):
                    ids = tuple(panel.ids[int(row)] for row in job.part.rows)
                    yield AnswerBatch(
                        ids, job.part.questions, found.distributions, found.drawn, 0.0, found.missing
                    )
                self._give(work, parcels, reads)
        finally:  # nobody waits any more for what is still in hand where this ended early
            for colleague in [c for c in self._crew if c.jobs]:
                self._dismiss(colleague)

    def _give(self, work: _Work, parcels: Parcels, reads: bool) -> None:
        """Gives work to everybody who has too little, and takes on new workers while there is work."""
        for colleague in self._crew:
            while colleague.place is not None and len(colleague.jobs) < _AHEAD:
                job = work.take()
                if job is None:
                    return
                key, parcel = parcels.of(job.part.questions)
                persons = packed(parcels.panel.take(job.part.rows))
                ref = colleague.actor.answer.remote(key, [parcel], persons, job.part.questions)
                colleague.jobs[ref] = job
        kind, wanted = self._wanted(reads)
        while len(self._crew) < wanted:
            resources = {"num_cpus": 1, "num_gpus": 1 if kind == "GPU" else 0}
            actor = connection.ray().remote(**resources)(Worker).remote()
            self._crew.append(_Colleague(actor, actor.hello.remote()))

    def _wanted(self, reads: bool) -> tuple[str, int]:
        """The kind of device, and how many workers: one for each, and one that waits for a further device.

        The one that waits is the demand that Ray's autoscaler sees.
        """
        there: dict[str, float] = connection.ray().cluster_resources()
        kind = "GPU" if reads and there.get("GPU") else "CPU"
        local = self.address == connection.LOCAL
        wanted = connection.LOCAL_WORKERS if local else int(there.get(kind, 0)) + 1
        return kind, wanted if self.most is None else min(wanted, self.most)

    def _come_back(self, work: _Work) -> Iterator[tuple[_Job, Answered]]:
        """Waits until something happens: an answer, a worker that has started, a worker that has died."""
        ray = connection.ray()
        owners = {c.greeting: c for c in self._crew if c.place is None}
        owners |= {ref: c for c in self._crew for ref in c.jobs}
        ready: list[Any] = ray.wait(list(owners), timeout=None if self.places else _PATIENCE)[0]
        if not ready:
            raise ClusterError(
                f"no worker started on the cluster {self.address} within {_PATIENCE:.0f} s; its resources "
                f"are {ray.cluster_resources()}, and free of these {ray.available_resources()}"
            )
        for ref in ready:
            colleague = owners[ref]
            try:
                found = ray.get(ref)
            except ray.exceptions.RayTaskError as error:
                raise connection.cause(error) from None
            except ray.exceptions.RayError as error:
                self._replace(colleague, work, error)
                continue
            if colleague.place is None:
                colleague.place = found
            else:
                yield colleague.jobs.pop(ref), found

    def _replace(self, colleague: _Colleague, work: _Work, error: Exception) -> None:
        """Takes back what a worker was given that died; another one is taken on with the next work."""
        self._dismiss(colleague)
        self.replaced += 1
        self._stillborn = 0 if colleague.place else self._stillborn + 1
        for job in colleague.jobs.values():
            job.deaths += 1
        worst = max([self._stillborn, *(job.deaths for job in colleague.jobs.values())])
        if worst > _DEATHS:
            raise ClusterError(
                f"{worst} workers died one after the other over the same batch of persons, or while "
                f"starting; the last: {connection.first_line(error)} Give them more memory, or make the "
                "study's batch smaller; what was written before is kept"
            )
        work.again.extend(colleague.jobs.values())

    def _dismiss(self, colleague: _Colleague) -> None:
        self._crew.remove(colleague)
        with contextlib.suppress(Exception):  # whatever keeps a worker that is no longer needed from ending
            connection.ray().kill(colleague.actor)
