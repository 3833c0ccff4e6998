"""What is registered of an adapter: its version and status, what it is made from, its figures and gates."""

import hashlib
from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import Field

from personas.arrays import FloatArray
from personas.document import Document
from personas.errors import MirrorpanelError
from personas.measures import scores
from personas.models.base import AnswerModel
from personas.wording import counted, listing
from training.dataset import TrainingData
from training.ladder import measured
from training.ladder.held_out import HeldOut
from training.ladder.measured import Comparison, Measured
from training.registry import segments
from training.registry.evidence import HeldOutAnswers, drawn
from training.registry.gates import Gates
from training.registry.segments import Segment

Status = Literal["candidate", "approved", "retired"]
Part = Literal["unseen_people", "unseen_both"]
TITLES: dict[Part, str] = {
    "unseen_people": "people never trained on, questions trained on",
    "unseen_both": "people and questions never trained on",
}
MOST_PEOPLE = 2000
"""Held-out people that figures are measured on at most, drawn at random."""


class Figures(Document):
    """The adapter's figures on one kind of held-out answers, and those of the shares alone.

    Attributes:
        part: which kind.
        measured: the adapter's.
        prior: log loss of what it says of a person of whom nothing is known.
        segments: the same by segment; empty where nobody asked or all segments are small.
        outside_support: questions of the part that are near to nothing that was trained on.
    """

    part: Part
    measured: Measured
    prior: float
    segments: tuple[Segment, ...] = ()
    outside_support: tuple[str, ...] = ()


class Lineage(Document):
    """Where an adapter comes from.

    Attributes:
        panel: what it was fitted on.
        parent: the adapter that it corrects or replaces; empty for a first one.
        reference: fingerprint of the reference adapter that it started from; empty without one.
        change: what was done to the parent, in words.
    """

    panel: str
    parent: str = ""
    reference: str = ""
    change: str = ""


class Event(Document):
    """A change of status: when (ISO 8601, UTC), to what, and why in the words of who did it."""

    moment: str
    status: Status
    forced: bool = False
    reason: str = ""


class Registration(Document):
    """What the registry keeps of one adapter.

    Attributes:
        version: 1, 2, 3 and so on, for each name.
        status: of the last event.
        data: hash of the people trained on, their answers and weights.
        base: hash of the language model's weights.
        split: hash of the rule that held people and questions out.
        figures: on what was held out; empty where there was nobody.
        gates: ``None`` where they were not judged.
        forced: it was registered although a gate failed.
        lineage: where it comes from.
        events: its statuses, the first one first.
    """

    version: int = Field(ge=1)
    status: Status = "candidate"
    data: str
    base: str
    split: str
    figures: tuple[Figures, ...] = ()
    gates: Gates | None = None
    forced: bool = False
    lineage: Lineage
    events: tuple[Event, ...] = ()

    def of(self, part: Part) -> Figures | None:
        """The figures of one part, ``None`` where they were not measured."""
        return next((f for f in self.figures if f.part == part), None)


def data_fingerprint(data: TrainingData) -> str:
    """Hash of people, weights, attributes, questions and answers that a model was fitted on.

    It does not depend on the order of the people. Ids go in as they are kept: under pseudonyms.
    """
    order = np.argsort(np.array(data.people.ids, dtype=np.str_), kind="stable")
    digest = hashlib.sha256()
    for text in (*(data.people.ids[int(i)] for i in order), *data.people.attributes):
        digest.update(f"{text}\n".encode())
    for levels in data.people.levels:
        digest.update("\x1e".join(levels).encode())
    for question in data.answers.questions:
        digest.update(question.fingerprint.encode())
    for array in (data.people.codes[order], data.answers.chosen[order], data.weights[order]):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def figures(
    model: AnswerModel, part: Part, held_out: HeldOutAnswers, seed: int, attributes: Sequence[str] = ()
) -> Figures | None:
    """The adapter's figures on one kind of held-out answers; ``None`` where fewer than two people gave any.

    At most ``MOST_PEOPLE`` people are looked at. ``attributes`` are those whose segments get figures too.
    """
    kept = _kept(held_out, seed)
    if kept is None:
        return None
    questions, n = kept.answers.questions, len(kept.people)
    found = model.distributions(kept.people, questions)
    nobody = model.distributions(kept.people.take(np.zeros(1, dtype=np.int64)).empty(), questions)
    own = measured.measure("adapter", model.name, "trained", found, kept)
    prior = [np.repeat(d, n, axis=0) for d in nobody]
    return Figures(
        part=part,
        measured=own,
        prior=scores.log_loss(prior, kept.answers, kept.weights),
        segments=segments.segments(kept, found, prior, attributes),
    )


def _kept(held_out: HeldOutAnswers, seed: int) -> HeldOut | None:
    rows, names = drawn(
        held_out, MOST_PEOPLE, len(held_out.answers.questions), np.random.default_rng([seed, 13])
    )
    if len(rows) < 2 or not names:
        return None
    everyone = HeldOut(held_out.people, held_out.answers, np.full(len(held_out.people), -1), seed=seed)
    return everyone.take(rows, names)


def approved(found: Registration, moment: str, reason: str, forced: bool, flagged: bool) -> Registration:
    """The registration with the adapter approved.

    Raises:
        MirrorpanelError: it is approved already; or a gate failed, or people it was trained on were erased
            since, and that is not accepted with ``forced`` and a reason.
    """
    if found.status == "approved":
        raise MirrorpanelError(f"version {found.version} is approved already")
    against = [f"{g.title} ({g.outcome})" for g in found.gates.failed] if found.gates is not None else []
    if found.gates is None:
        against.append("its gates were never judged")
    if flagged:
        against.append("people it was trained on were erased since")
    if against and not (forced and reason.strip()):
        raise MirrorpanelError(
            f"version {found.version} is not approved: {'; '.join(against)}. Train it anew, or approve it "
            "all the same with --force --reason 'WHY', which the audit log and its card will say"
        )
    return _with(found, Event(moment=moment, status="approved", forced=bool(against), reason=reason.strip()))


def retired(found: Registration, moment: str, reason: str) -> Registration:
    """The registration with the adapter retired. Raises: MirrorpanelError where it is retired already."""
    if found.status == "retired":
        raise MirrorpanelError(f"version {found.version} is retired already")
    return _with(found, Event(moment=moment, status="retired", reason=reason.strip()))


def _with(found: Registration, event: Event) -> Registration:
    return found.model_copy(update={"status": event.status, "events": (*found.events, event)})


class PartComparison(Document):
    """Two adapters on the same held-out answers: figures of both, and the second less the first.

    ``left_out`` are questions that only one of the two was trained on.
    """

    part: Part
    first: Measured
    second: Measured
    difference: Comparison
    verdict: str


class Comparing(Document):
    """Two adapters side by side.

    Attributes:
        first: the adapter compared with.
        second: the other one.
        same_split: both hold out the same people and questions.
        people: that neither was trained on.
        parts: what could be compared.
        left_out: questions that only one of the two was trained on.
        verdict: in words.
    """

    first: str
    second: str
    same_split: bool
    people: int
    parts: tuple[PartComparison, ...]
    left_out: tuple[str, ...]
    verdict: tuple[str, ...]


def compared(
    models: tuple[AnswerModel, AnswerModel],
    names: tuple[str, str],
    part: Part,
    held_out: HeldOutAnswers,
    seed: int,
) -> PartComparison | None:
    """Two models on the same answers, with paired intervals; ``None`` where fewer than two answered."""
    kept = _kept(held_out, seed)
    if kept is None:
        return None
    said = [m.distributions(kept.people, kept.answers.questions) for m in models]
    both = [measured.measure(name, name, "trained", d, kept) for name, d in zip(names, said, strict=True)]
    difference = measured.compare(said[1], said[0], names[0], kept)
    return PartComparison(
        part=part,
        first=both[0],
        second=both[1],
        difference=difference,
        verdict=_verdict(names, part, both[0], difference, _same(said)),
    )


def _same(said: Sequence[Sequence[FloatArray]]) -> bool:
    return all(np.allclose(a, b, atol=1e-9) for a, b in zip(*said, strict=True))


def _verdict(names: tuple[str, str], part: Part, first: Measured, difference: Comparison, same: bool) -> str:
    gain = difference.log_loss
    on = (
        f"{counted(first.answers, 'answer')} of {counted(first.people, 'person', 'people')} to "
        f"{counted(first.questions, 'question')}"
    )
    if same:
        return f"{TITLES[part]}: the two say the same ({on})."
    bounds = f"{abs(gain.value):.4f} nats for each answer, {gain.low:+.4f} to {gain.high:+.4f}, on {on}"
    if gain.low > 0:
        return f"{TITLES[part]}: {names[1]} is better than {names[0]} by {bounds}."
    if gain.high < 0:
        return f"{TITLES[part]}: {names[1]} is worse than {names[0]} by {bounds}."
    return f"{TITLES[part]}: {names[1]} and {names[0]} cannot be told apart (difference {bounds})."


def advice(names: tuple[str, str], parts: Sequence[PartComparison], left_out: Sequence[str]) -> list[str]:
    """The verdicts of all parts, and what follows from them."""
    if not parts:
        return ["Nobody that neither was trained on answered a question that both know in the same way."]
    lines = [p.verdict for p in parts]
    better = [p for p in parts if p.difference.log_loss.low > 0]
    worse = [p for p in parts if p.difference.log_loss.high < 0]
    if better and not worse:
        lines.append(f"Use {names[1]}.")
    elif worse and not better:
        lines.append(f"Keep {names[0]}.")
    elif better and worse:
        lines.append(f"Which to use depends on the questions: {names[1]} is better on one kind only.")
    else:
        lines.append(f"No reason to prefer {names[1]} over {names[0]}.")
    if left_out:
        lines.append(f"Not compared, as only one of the two was trained on them: {listing(tuple(left_out))}.")
    return lines
