"""``models approve`` and ``retire``, and ``train --compare``: what becomes of adapters after training."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mirrorpanel import assessing, lineup, panels, registry, trained
from mirrorpanel.lineup import Machine
from mirrorpanel.records import AdapterRecord
from mirrorpanel.registry import Registered
from mirrorpanel.store import Workspace, now, write_failed
from personas import disk
from personas.errors import MirrorpanelError
from personas.models.base import AnswerModel
from training.registry import card
from training.registry import registry as registrations
from training.registry.evidence import HeldOutAnswers
from training.registry.registry import Comparing, Part, PartComparison, Registration

CARD = "README.md"
_SEED = 1


def approve(workspace: Workspace, name: str, reason: str, forced: bool) -> Registered:
    """Approves an adapter: from now on its name means this version.

    Raises:
        UnknownName: no such adapter.
        MirrorpanelError: a gate failed, or people were erased, and that is not accepted with a reason; or it
            was retired, and nobody says why it comes back.
    """
    found = registry.get(workspace, name)
    before = _registration(found)
    if before.status == "retired" and not reason.strip():
        last = before.events[-1]
        why = f" ({last.reason})" if last.reason else ""
        raise MirrorpanelError(
            f"version {before.version} was retired on {last.moment[:10]}{why}; to approve it all the same, "
            "say why: --reason 'WHY', which the audit log and its card will say"
        )
    registration = registrations.approved(before, _moment(), reason, forced, found.flagged is not None)
    event = registration.events[-1]
    failed = registration.gates.failed if registration.gates is not None else ()
    against = f" although: {', '.join(g.name for g in failed) or 'see card'}" if event.forced else ""
    again = ", which was retired before" if before.status == "retired" else ""
    return _written(workspace, found, registration, "models approve", f"{found.adapter}{again}{against}")


def retire(workspace: Workspace, name: str, reason: str) -> Registered:
    """Retires an adapter: its name never means it again, its full identifier still does."""
    found = registry.get(workspace, name)
    registration = registrations.retired(_registration(found), _moment(), reason)
    return _written(workspace, found, registration, "models retire", found.adapter)


def _moment() -> str:
    return now().isoformat(timespec="seconds")


def _registration(found: Registered) -> Registration:
    if found.registration is None:
        raise MirrorpanelError(
            f"adapter {found.adapter} was never registered with figures and gates; train it anew"
        )
    return found.registration


def _written(
    workspace: Workspace, found: Registered, registration: Registration, verb: str, detail: str
) -> Registered:
    """The adapter with its new registration, in the database and on its card."""
    record = workspace.record("adapters", "adapter", found.adapter, AdapterRecord)
    path = workspace.folder / record.folder / CARD
    try:
        text = path.read_text(encoding="utf-8")
        with workspace.transaction(verb, detail):
            registry.write(workspace, found.adapter, registration)
        disk.replace(path, card.with_status(text, registration))
    except OSError as error:
        raise write_failed(path, error) from None
    return registry.get(workspace, found.adapter)


@dataclass(frozen=True)
class _Side:
    """One of the two adapters: its model and what it was trained on."""

    adapter: str
    record: AdapterRecord
    model: AnswerModel
    trained: frozenset[str]

    @property
    def most(self) -> tuple[int, int] | None:
        """People and questions that it is compared on at most; ``None`` for no such limit."""
        lora = self.record.spec.lora
        return (lora.judged_people, lora.judged_questions) if self.record.kind == "joint" and lora else None

    @property
    def judged(self) -> str:
        """Which of its models is compared, where there are several to choose from."""
        said = "" if self.record.lora is None else self.record.lora.judged
        return f"{self.adapter}: {said}" if said else ""


def compare(workspace: Workspace, first: str, second: str, machine: Machine) -> Comparing:
    """Two adapters on people that neither was trained on, with paired intervals.

    The people are those of the second adapter's panel. Where both have the same split they are the people
    held out by it; otherwise those who are in neither training part and were not set aside by either.
    Questions that both were trained on, and those that neither was, are compared apart; what only one of the
    two was trained on is left out and named. Where one of them answers by a joint model, people and questions
    are a sample, as many as its verdict was read off.

    Raises:
        UnknownName: no such adapter.
        MirrorpanelError: both names mean the same adapter.
    """
    sides = [_side(workspace, name, machine) for name in (first, second)]
    if sides[0].adapter == sides[1].adapter:
        raise MirrorpanelError(f"{first!r} and {second!r} are the same adapter, {sides[0].adapter}")
    panel = registry.get(workspace, sides[1].adapter).panel
    people, answers = panels.people(workspace, panel)
    free = np.ones(len(people), dtype=np.bool_)
    for side in sides:
        cell = trained.cell(workspace, side.adapter, side.record.split, "unseen_people", people, ())
        free &= cell.people
    rows = np.flatnonzero(free)
    held = HeldOutAnswers(people.take(rows), answers.take(rows))
    known = [side.trained for side in sides]
    parts: dict[Part, list[str]] = {"unseen_people": [], "unseen_both": []}
    left_out: list[str] = []
    for question in answers.questions:
        seen = [question.fingerprint in k for k in known]
        if all(seen):
            parts["unseen_people"].append(question.name)
        elif any(seen):
            left_out.append(question.name)
        else:
            parts["unseen_both"].append(question.name)
    names = (sides[0].adapter, sides[1].adapter)
    found = [_part(sides, names, part, held, asked) for part, asked in parts.items() if asked]
    kept = tuple(p for p in found if p is not None)
    return Comparing(
        first=names[0],
        second=names[1],
        same_split=_same_split(sides),
        people=len(rows),
        parts=kept,
        left_out=tuple(left_out),
        verdict=(*registrations.advice(names, kept, left_out), *filter(None, (s.judged for s in sides))),
    )


def _side(workspace: Workspace, name: str, machine: Machine) -> _Side:
    adapter = registry.get(workspace, name).adapter
    record = workspace.record("adapters", "adapter", adapter, AdapterRecord)
    model, statistics = lineup.fielded(workspace, record, machine)
    return _Side(adapter, record, model, frozenset(q.fingerprint for q in statistics.config.questions))


def _same_split(sides: Sequence[_Side]) -> bool:
    first, second = (s.record.split for s in sides)
    return first.fingerprint == second.fingerprint and first.trained_ids == second.trained_ids


def _part(
    sides: Sequence[_Side], names: tuple[str, str], part: Part, held: HeldOutAnswers, asked: Sequence[str]
) -> PartComparison | None:
    some = HeldOutAnswers(held.people, held.answers.only(asked))
    limits = [s.most for s in sides if s.most is not None]
    if limits:
        people, questions = (min(pair) for pair in zip(*limits, strict=True))
        some = assessing.sampled(some, people, questions, _SEED)
    return registrations.compared((sides[0].model, sides[1].model), names, part, some, _SEED)
