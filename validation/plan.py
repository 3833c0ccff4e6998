"""The plan of a fielding: how many persons at a time, and what time and memory it is expected to take."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from personas.errors import MirrorpanelError
from personas.models.work import Work

_GIB = 1 << 30
# Of the memory free, what a fielding may plan for; the rest is for what no count knows.
_USABLE = 0.9
# A batch: answers where only the database takes time, and the persons that it has at least and at most;
# seconds of work that a kill may cost where persons are read one by one, and requests to a server.
_ANSWERS, _FEWEST, _MOST = 200_000, 250, 5_000
_SECONDS, _REQUESTS = 30.0, 200
# Bytes of a batch that is answered and being stored: for each answer, and for each option of it.
_ANSWER_BYTES, _OPTION_BYTES = 300, 48
# Beyond what was measured a forecast allows for this much more and less.
_MARGIN = 1.2


class _Rate(NamedTuple):
    """Operations a second of a small machine of a kind, which may do other work too, and of a large one."""

    slow: float
    fast: float


# By device and number format. Batches take a small machine, so that they do not hang on a stopwatch; guesses
# of time go from one to the other.
_RATES = {
    "cpu float32": _Rate(3e10, 2e12),
    "cpu bfloat16": _Rate(1e11, 1e13),
    "cuda float32": _Rate(3e12, 1e14),
    "cuda bfloat16": _Rate(1e13, 1e15),
}
_OTHERS = _Rate(1e10, 2e12)  # double precision, and 16-bit formats without instructions for them


class PlanError(MirrorpanelError):
    """A fielding would not fit into memory."""


class Cost(NamedTuple):
    """Seconds for one of something, at least and at most as far as was measured."""

    low: float
    high: float

    @staticmethod
    def of(seconds: Sequence[float]) -> "Cost":
        """The range of what was measured. Raises: ValueError where nothing was, or not more than 0 s."""
        if not seconds or min(seconds) <= 0:
            raise ValueError(f"a cost needs measured seconds above 0, got {list(seconds)!r}")
        return Cost(min(seconds), max(seconds))


@dataclass(frozen=True)
class Calibration:
    """What this machine was measured to take; ``None`` where there was nothing to measure.

    Attributes:
        flop: for one operation of the language model.
        algebra: for one operation in double precision.
        answer: to draw and store one answer.
        batch: to begin and end a batch.
        memory: bytes that the process has held so far, weights included where they lie in main memory.
    """

    answer: Cost
    batch: Cost
    flop: Cost | None = None
    algebra: Cost | None = None
    memory: int = 0


@dataclass(frozen=True)
class Forecast:
    """What a fielding is expected to take.

    Attributes:
        seconds_low: of answering and storing, loading not counted; ``None`` where nobody can say.
        seconds_high: see ``seconds_low``.
        memory_low: bytes at the peak, of the device that the language model is on.
        memory_high: see ``memory_low``.
    """

    seconds_low: float | None
    seconds_high: float | None
    memory_low: int
    memory_high: int

    @property
    def seconds(self) -> float | None:
        """The middle of the range, geometrically; ``None`` where nobody can say."""
        if self.seconds_low is None or self.seconds_high is None:
            return None
        return (self.seconds_low * self.seconds_high) ** 0.5


@dataclass(frozen=True)
class Plan:
    """What is going to be done.

    Attributes:
        work: of the persons who are left.
        batch: persons written at once.
        batches: of them.
        device: that a language model would run on, and its number format.
        batch_bytes: memory that the answers of one batch take.
    """

    work: Work
    batch: int
    batches: int
    device: str
    batch_bytes: int

    @property
    def extra(self) -> int:
        """Bytes needed beside what is loaded."""
        return self.work.largest + self.batch_bytes


class Room(NamedTuple):
    """Memory and what else there is to choose from.

    Attributes:
        free: bytes free on the plan's device.
        devices: other devices, with the bytes that are free there.
        models: smaller language models, the largest first, with their size as a share of the plan's.
    """

    free: int
    devices: Sequence[tuple[str, int]] = ()
    models: Sequence[tuple[str, float]] = ()


def batch_size(one: Work, questions: int, kind: str) -> int:
    """Persons written at once: a function of study, model and kind of machine alone, never of the clock.

    Where nobody is read one by one, about 200,000 answers, and 250 to 5,000 persons. Where each person is
    read with the questions, as many as a small machine of the kind reads in 30 seconds; with a server, as
    many as 200 requests are for.

    Args:
        one: the work of one person.
        questions: that each is asked.
        kind: device and number format, ``cpu float32``.

    Worked: 40 questions -> 5,000 persons; 4,000 questions -> 250; a person of 1e10 operations on a CPU in
    float32 at 3e10 a second -> 90.
    """
    if one.requests:
        return max(1, _REQUESTS // one.requests)
    if one.persons:
        return min(_MOST, max(1, int(_SECONDS * _RATES.get(kind, _OTHERS).slow / max(one.flops, 1.0))))
    return min(_MOST, max(_FEWEST, _ANSWERS // max(questions, 1)))


def guessed(kind: str) -> Cost:
    """Cost of an operation on a machine of a kind, such as ``cpu float32``, that was not measured."""
    rate = _RATES.get(kind, _OTHERS)
    return Cost(1 / rate.fast, 1 / rate.slow)


def plan(work: Work, persons: int, batch: int, device: str, options: Sequence[int]) -> Plan:
    """The plan of ``persons`` who are left to be asked.

    Args:
        work: of them all.
        persons: how many.
        batch: persons written at once.
        device: that a language model would run on.
        options: of each question.
    """
    at_once = min(batch, persons)
    answer_bytes = len(options) * _ANSWER_BYTES + sum(options) * _OPTION_BYTES
    return Plan(work, batch, -(-persons // batch), device, at_once * answer_bytes)


def forecast(plan: Plan, measured: Calibration) -> Forecast:
    """Time and memory as ranges: each cost at its least and its most, and a fifth beyond.

    Worked: 1,000 answers in 2 batches at 1 to 2 ms an answer and .1 s a batch -> 1.2 / 1.2 = 1 s to
    2.2 * 1.2 = 2.64 s.
    """
    counted = (
        (plan.work.flops, measured.flop),
        (plan.work.algebra, measured.algebra),
        (plan.work.requests, None),  # measuring would send questions to the server
        (plan.work.answers, measured.answer),
        (plan.batches, measured.batch),
    )
    needed = [(n, cost) for n, cost in counted if n]
    known = [(n, cost) for n, cost in needed if cost is not None]
    memory = measured.memory + plan.extra
    if len(known) < len(needed):
        return Forecast(None, None, measured.memory, round(memory * _MARGIN))
    less = 0.0 if measured.algebra is None else plan.work.spared * measured.algebra.low
    low = (sum(n * cost.low for n, cost in known) - less) / _MARGIN
    high = sum(n * cost.high for n, cost in known) * _MARGIN
    return Forecast(low, high, measured.memory, round(memory * _MARGIN))


def check(plan: Plan, room: Room) -> None:
    """Returns where the plan fits into memory.

    Raises:
        PlanError: it does not; names each single change that would make it fit.
    """
    limit = _USABLE * room.free
    if plan.extra <= limit:
        return
    found = _that_fit(plan, room, limit)
    advice = "; it would fit with " + " or ".join(found) if found else "; no single change makes it fit"
    raise PlanError(
        f"This study needs {_gib(plan.extra)} of memory on {plan.device} beside the language model, and "
        f"{_gib(room.free)} are free{advice}"
    )


def check_weights(model: str, needed: int, device: str, room: Room) -> None:
    """Returns where the weights of a language model fit into the memory of a device, before they are loaded.

    Raises:
        PlanError: they do not; names smaller models and other devices that would do.
    """
    if needed <= _USABLE * room.free:
        return
    found = [
        f"the smaller language model {name}"
        for name, share in room.models
        if needed * share <= _USABLE * room.free
    ][:1]
    found += [f"--device {name}" for name, free in room.devices if needed <= _USABLE * free]
    advice = "; it would do with " + " or ".join(found) if found else ""
    raise PlanError(
        f"The weights of {model} take {_gib(needed)} on {device}, and {_gib(room.free)} are free{advice}"
    )


def _that_fit(plan: Plan, room: Room, limit: float) -> list[str]:
    found: list[str] = []
    persons, each = plan.batch, plan.batch_bytes / max(1, plan.batch)
    while persons > 1 and plan.work.largest + persons * each > limit:
        persons //= 2
    if plan.work.largest + persons * each <= limit:
        found.append(f"`batch: {persons}` in the study file instead of {plan.batch}")
    for name, share in room.models:
        # Widths, and with them the states of a pass, grow with about the root of the weights.
        smaller = replace(plan.work, largest=round(plan.work.largest * share**0.5))
        if replace(plan, work=smaller).extra <= limit:
            found.append(f"the smaller language model {name}")
            break
    found += [
        f"--device {name}" for name, free in room.devices if plan.extra + plan.work.weights <= _USABLE * free
    ]
    return found


def _gib(n: float) -> str:
    return f"{n / _GIB:.1f} GiB"
