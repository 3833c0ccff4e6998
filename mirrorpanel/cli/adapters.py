"""The adapters of a workspace in words and as JSON: version, status, figures, lineage."""

from collections.abc import Sequence
from pathlib import Path

from mirrorpanel import registry
from mirrorpanel.registry import Registered
from mirrorpanel.render.numbers import count, decimal, interval, proportion
from mirrorpanel.store import FILE, Workspace
from mirrorpanel.verbs.rechecking import Rechecked
from personas.wording import counted, listing
from training.registry.registry import TITLES, Comparing, Registration

_SHOWN = 20


def listed(folder: Path) -> tuple[Registered, ...]:
    """The adapters of a workspace; none where the folder is no workspace."""
    if not (folder / FILE).exists():
        return ()
    with Workspace(folder, read_only=True) as opened:
        return registry.listing(opened)


def found(folder: Path, name: str) -> Registered | None:
    """The adapter of that name, ``None`` where there is none, or no workspace."""
    named = (one.adapter for one in listed(folder) if name in (one.adapter, one.name, _numbered(one)))
    if next(named, None) is None:
        return None
    with Workspace(folder, read_only=True) as opened:
        return registry.get(opened, name)


def _numbered(one: Registered) -> str:
    return f"{one.name}@{one.version}"


def content(one: Registered) -> dict[str, object]:
    """An adapter as JSON."""
    kept = one.registration
    return {
        "adapter": one.adapter,
        "name": one.name,
        "version": one.version,
        "status": one.status,
        "panel": one.panel,
        "created": one.created.isoformat(timespec="seconds"),
        "flagged": None if one.flagged is None else one.flagged.model_dump(mode="json"),
        "registration": None if kept is None else kept.model_dump(mode="json"),
    }


def line(one: Registered) -> str:
    """An adapter in one line: version, status, and what it scored on people never trained on."""
    kept = one.registration
    seen = None if kept is None else kept.of("unseen_people")
    figures = "no figures"
    if seen is not None:
        m = seen.measured
        agreement = None if m.agreement is None else m.agreement.value
        signal = None if m.signal is None else m.signal.value
        figures = (
            f"log loss {decimal(m.log_loss, 3)} (prior {decimal(seen.prior, 3)}), agreement "
            f"{proportion(agreement)}, signal {proportion(signal)}"
        )
    failed = len(kept.gates.failed) if kept is not None and kept.gates is not None else 0
    gates = f", {failed} gate{'' if failed == 1 else 's'} FAILED" if failed else ""
    unclear = len(kept.gates.not_shown) if kept is not None and kept.gates is not None else 0
    gates += f", {counted(unclear, 'gate')} not shown" if unclear else ""
    flagged = ", FLAGGED: people it was trained on were erased" if one.flagged is not None else ""
    return f"{_numbered(one):<20} {one.status:<10} {one.adapter}: {figures}{gates}{flagged}"


def lines(one: Registered) -> Sequence[str]:
    """An adapter in several lines."""
    told = [f"Adapter {one.adapter}: {one.name}, version {one.version}, {one.status}"]
    told.append(f"Fitted on panel {one.panel}, {one.created:%Y-%m-%d %H:%M} UTC")
    if one.registration is not None:
        told += _registration(one.registration)
    if one.flagged is not None:
        told.append("FLAGGED: people it was trained on were erased; train it anew")
    return told


def _registration(kept: Registration) -> list[str]:
    lineage = kept.lineage
    told = [f"Hash of data {kept.data[:16]}, of base weights {kept.base[:16]}, of split {kept.split}"]
    if lineage.parent:
        told.append(f"Follows {lineage.parent}{f': {lineage.change}' if lineage.change else ''}")
    if lineage.reference:
        told.append(f"Started from reference adapter {lineage.reference}")
    for one in kept.figures:
        m = one.measured
        told.append(
            f"{TITLES[one.part]}: log loss {decimal(m.log_loss, 4)} (prior {decimal(one.prior, 4)}) on "
            f"{m.answers:,} answers of {m.people:,} people to {m.questions:,} questions"
        )
        if one.outside_support:
            outside = f"{len(one.outside_support):,} of {counted(m.questions, 'question')}"
            told.append(f"  outside support, not to be relied on: {outside} ({listing(one.outside_support)})")
    told += kept.gates.sentences() if kept.gates is not None else ["Gates were not judged"]
    if kept.forced:
        told.append("Registered although a gate failed")
    for event in kept.events:
        forced = " although gates speak against it" if event.forced else ""
        reason = f": {event.reason}" if event.reason else ""
        told.append(f"{event.moment[:16].replace('T', ' ')} UTC {event.status}{forced}{reason}")
    return told


def compared_lines(done: Comparing) -> Sequence[str]:
    """``train --compare`` for people."""
    split = "the same split" if done.same_split else "splits differ: people that neither was trained on"
    told = [f"{done.first} and {done.second} on {done.people:,} people ({split})"]
    for part in done.parts:
        both = ((done.first, part.first), (done.second, part.second))
        told.append(f"{TITLES[part.part]}:")
        for name, m in both:
            agreement = None if m.agreement is None else m.agreement.value
            signal = None if m.signal is None else m.signal.value
            told.append(
                f"  {name}: log loss {decimal(m.log_loss, 4)}, agreement {proportion(agreement)}, signal "
                f"{proportion(signal)}"
            )
    return [*told, *done.verdict]


def rechecked_lines(done: Rechecked) -> Sequence[str]:
    """``train --recheck`` for people: the verdict, the questions that moved, and what came of it."""
    found = done.found
    told = [f"{done.adapter} against {done.panel}: {found.advice.upper()}", *found.reasons]
    for drift in found.moved[:_SHOWN]:
        change = drift.change
        again = f", {count(drift.both)} of them in both" if drift.both else ""
        told.append(
            f"  {drift.name}: shares moved by {proportion(change.value)} "
            f"({interval(change.low, change.high)}; by luck {proportion(drift.by_luck)}; "
            f"{count(drift.before)} people before, {count(drift.after)} now{again})"
        )
    for names, what in (
        (found.too_few, "asked again of too few people to be compared"),
        (found.not_asked, "trained on and not asked in this wave"),
        (found.new, "asked in this wave and never trained on"),
    ):
        if names:
            told.append(f"{counted(len(names), 'question')} {what}: {listing(names)}")
    if found.missing:
        told.append(f"Attributes that this wave lacks: {', '.join(found.missing)}")
    if done.fresh is not None:
        told.append(f"Recalibrated: {line(done.fresh)}")
    elif found.advice == "recalibrate":
        told.append("Nothing was changed; add --recalibrate to make the new version")
    return [*told, str(done.page)]


def rechecked_content(done: Rechecked) -> dict[str, object]:
    """``train --recheck --json``."""
    fresh = None if done.fresh is None else content(done.fresh)
    found = done.found.model_dump(mode="json")
    return {
        "adapter": done.adapter,
        "panel": done.panel,
        "page": str(done.page),
        **found,
        "recalibrated": fresh,
    }
