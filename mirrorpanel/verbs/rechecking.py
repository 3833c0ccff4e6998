"""``train --recheck``: a new wave arrives, and an adapter is kept, recalibrated, or to be trained anew."""

import hashlib
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from safetensors import SafetensorError

from grounding import splits
from grounding.splits import Groups, Levels, Split
from mirrorpanel import cards, lineup, panels, registry, trained
from mirrorpanel.lineup import Machine
from mirrorpanel.records import AdapterRecord, SplitRecord
from mirrorpanel.registry import Registered
from mirrorpanel.store import Workspace, now, write_failed
from mirrorpanel.verbs import grounding
from personas.arrays import BoolArray
from personas.errors import MirrorpanelError, UnknownName
from personas.models.factored import FactoredModel
from personas.panel import Panel
from training import leakage
from training.dataset import TrainingData
from training.maintenance import recheck
from training.maintenance.drift import Wave
from training.maintenance.recheck import Recheck, RecheckSettings
from training.registry import (
    card,
    data_card,
    evaluation,
    gates,
)
from training.registry import registry as registrations
from training.registry.evidence import HeldOutAnswers
from training.registry.registry import Event, Figures, Lineage, Registration


@dataclass(frozen=True)
class Rechecked:
    """What a new wave said of an adapter, and the version made from it, ``None`` where none was."""

    adapter: str
    panel: str
    found: Recheck
    fresh: Registered | None


def rechecked(
    workspace: Workspace,
    name: str,
    wave: str,
    cache: Path,
    machine: Machine,
    say: Callable[[str], None],
    recalibrate: bool = False,
    settings: RecheckSettings | None = None,
) -> Rechecked:
    """Holds an adapter against a new wave, and renews its shares where that is asked for and advised.

    The recalibrated adapter is a new version with the old one as its parent. Its shares are renewed from
    people of the wave whom the adapter's split does not hold out, so that it is scored on the others.

    Args:
        workspace: where adapter and panels are.
        name: of the adapter.
        wave: a panel of the workspace, or a grounding file, which is grounded first.
        cache: where catalogued data are kept.
        machine: where the language model runs, should something new have to be encoded.
        say: called with each line of progress.
        recalibrate: make the new version, where the advice is to recalibrate.
        settings: what counts as a change.

    Raises:
        UnknownName: no such adapter or panel.
        MirrorpanelError: the wave is the very panel that the adapter was fitted on.
    """
    one = registry.get(workspace, name)
    panel = _panel(workspace, wave, cache, say)
    if panel == one.panel:
        raise MirrorpanelError(f"adapter {one.adapter} was fitted on panel {panel} itself; name a newer wave")
    record = workspace.record("adapters", "adapter", one.adapter, AdapterRecord)
    model = lineup.adapter_model(workspace, record, machine)
    before, after = (Wave(*panels.people(workspace, p)) for p in (one.panel, panel))
    say(f"{one.adapter}: {len(before.people):,} people before, {len(after.people):,} in {panel}")
    fitted = trained.ids(workspace, one.adapter)
    found = recheck.recheck(model, before, after, tuple(fitted), settings)
    fresh = None
    if recalibrate and found.advice == "recalibrate":
        groups = _groups(workspace, one.adapter, record.split, after.people)
        fresh = _renewed(workspace, one, record, panel, model, after, groups, found)
    with workspace.transaction("train --recheck", f"{one.adapter} against {panel}: {found.advice}"):
        pass
    return Rechecked(one.adapter, panel, found, fresh)


def _panel(workspace: Workspace, wave: str, cache: Path, say: Callable[[str], None]) -> str:
    if Path(wave).suffix.lower() in (".yaml", ".yml"):
        return grounding.ground(workspace, Path(wave), cache, say).panel
    try:
        return workspace.latest("panels", "panel", wave)
    except UnknownName as error:
        raise MirrorpanelError(f"{error}; or name the grounding file of the new wave") from None


def _groups(workspace: Workspace, adapter: str, split: SplitRecord, people: Panel) -> Groups:
    """The groups of the wave's people: who was trained on or set aside stays so, the split parts the rest.

    An attribute that names a held-out segment or wave and that the new wave lacks holds nobody out.
    """
    known = trained.groups(workspace, adapter, people.ids)
    new = known.held_out  # or never heard of
    rule = Split(split.seed, split.people, split.questions, split.rectification)
    found = rule.groups(people)
    aside: list[BoolArray] = []
    for chosen, key in ((split.segment, "split.segment"), (split.wave, "split.wave")):
        levels = tuple(Levels(a, v) for a, v in sorted(chosen.items()) if a in people.attributes)
        members = splits.members(people, levels, key) if len(levels) == len(chosen) else np.zeros_like(new)
        aside.append(members & new & found.trained)
    segment, wave = aside[0], aside[1] & ~aside[0]
    return Groups(
        trained=known.trained | (new & found.trained & ~segment & ~wave),
        held_out=new & found.held_out,
        rectification=known.rectification | (new & found.rectification),
        segment=known.segment | segment,
        wave=known.wave | wave,
        suspects=known.suspects,
    )


def _renewed(
    workspace: Workspace,
    parent: Registered,
    record: AdapterRecord,
    panel: str,
    model: FactoredModel,
    wave: Wave,
    groups: Groups,
    found: Recheck,
) -> Registered:
    """The recalibrated adapter, written with cards and registered as a new version."""
    rows = np.flatnonzero(groups.trained)
    fitted = Wave(wave.people.take(rows), wave.answers.take(rows))
    fresh = recheck.recalibrated(model, fitted, found)
    content = f"{parent.adapter}\n{panel}\n{fresh.fingerprint}"
    adapter = f"{parent.name}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
    moved = [q.name for q in found.questions if q.moved]
    weights = fitted.people.weights
    data = TrainingData(fitted.people, fitted.answers.only(moved), weights / weights.mean())
    split = record.split.model_copy(
        update={
            "people_held_out": int(groups.held_out.sum()),
            "people_trained": len(rows),
            "trained_ids": splits.ids_fingerprint(fitted.people.ids),
            "people_rectification": int(groups.rectification.sum()),
            "people_segment": int(groups.segment.sum()),
            "people_wave": int(groups.wave.sum()),
        }
    )
    spec = record.spec.model_copy(update={"panel": panel})
    changes = {
        "folder": f"adapters/{adapter}", "fingerprint": fresh.fingerprint, "split": split, "spec": spec,
    }  # fmt: skip
    renewed = record.model_copy(update=changes)
    registration = _registration(workspace, parent, adapter, panel, data, fresh, wave, groups, split, found)
    _write(workspace, parent, record, renewed, panel, fresh, registration, found, moved)
    with workspace.transaction("train", f"{adapter}, recalibrated from {parent.adapter}"):
        registry.insert(workspace, adapter, panel, renewed, registration)
        trained.keep(workspace, adapter, panel, groups, wave.people.ids)
        _inherit(workspace, parent.adapter, adapter)
    return registry.get(workspace, adapter)


def _inherit(workspace: Workspace, parent: str, adapter: str) -> None:
    """Whom the parent was trained on, or set aside, the new version was, too."""
    for table, part in (("trained", ""), ("set_aside", ", part")):
        workspace.connection.execute(
            f"INSERT INTO {table} (adapter, panel, id{part}) SELECT ?, panel, id{part} FROM {table} t "
            "WHERE adapter = ? AND NOT EXISTS (FROM trained o WHERE o.adapter = ? AND o.id = t.id) "
            "AND NOT EXISTS (FROM set_aside o WHERE o.adapter = ? AND o.id = t.id)",
            [adapter, parent, adapter, adapter],
        )


def _registration(
    workspace: Workspace,
    parent: Registered,
    adapter: str,
    panel: str,
    data: TrainingData,
    fresh: FactoredModel,
    wave: Wave,
    groups: Groups,
    split: SplitRecord,
    found: Recheck,
) -> Registration:
    rows = np.flatnonzero(groups.held_out)
    known = {q.fingerprint for q in fresh.config.questions}
    asked = [q.name for q in wave.answers.questions if q.fingerprint in known]
    held = HeldOutAnswers(wave.people.take(rows), wave.answers.take(rows).only(asked))
    figures = registrations.figures(fresh, "unseen_people", held, found.settings.seed)
    leaks = leakage.suite(
        wave.answers.questions, split.questions, (data.people, data.answers), (held.people, held.answers)
    )
    judged = gates.judge(fresh, held, leakage=leaks, accepted=split.by == "question")
    gates.refuse(judged, forced=False)
    before = parent.registration
    moved = len(found.moved)
    return Registration(
        version=registry.version_of(workspace, adapter, parent.name),
        data=registrations.data_fingerprint(data),
        base=before.base if before is not None else fresh.config.base_weights,
        split=split.fingerprint,
        figures=() if figures is None else (figures,),
        gates=judged,
        lineage=Lineage(
            panel=panel,
            parent=parent.adapter,
            reference=fresh.config.reference,
            change=f"shares of {moved} questions renewed from panel {panel}",
        ),
        events=(Event(moment=now().isoformat(timespec="seconds"), status="candidate"),),
    )


def _write(
    workspace: Workspace,
    parent: Registered,
    before: AdapterRecord,
    record: AdapterRecord,
    panel: str,
    fresh: FactoredModel,
    registration: Registration,
    found: Recheck,
    moved: list[str],
) -> None:
    """Weights and cards, made aside and moved into place."""
    old, folder = workspace.folder / before.folder, workspace.folder / record.folder
    part = folder.with_name(f".{folder.name}.part")
    facts = cards.data_facts(workspace, panel, record, moved, registration.data)
    try:
        for left in (part, folder):
            shutil.rmtree(left, ignore_errors=True)
        fresh.save(part)
        for inner in (f for f in old.iterdir() if f.is_dir()):  # adapters of the language model stay
            shutil.copytree(inner, part / inner.name)
        text = (old / cards.MODEL).read_text(encoding="utf-8")
        text = card.with_status(text, registration).replace(before.fingerprint, record.fingerprint)
        told = "\n".join(_story(parent, registration.figures, registration, found))
        text = text.replace(card.STATUS[1], f"{card.STATUS[1]}\n\n{told}", 1)
        (part / cards.MODEL).write_text(text, encoding="utf-8")
        own = data_card.text(facts)
        inherited = (old / cards.DATA).read_text(encoding="utf-8") if (old / cards.DATA).exists() else ""
        (part / cards.DATA).write_text(f"{own}\n{inherited}", encoding="utf-8")
        part.replace(folder)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(part, ignore_errors=True)
        raise write_failed(folder, error) from None


def _story(
    parent: Registered, figures: tuple[Figures, ...], registration: Registration, found: Recheck
) -> list[str]:
    """What was done to the parent, for the card."""
    return [
        "## Recalibrated",
        "",
        f"This version is {parent.adapter} with the shares of some questions renewed; what is said "
        "further down of training and evaluation is that version's. Figures of this one come first.",
        "",
        *(f"- {reason}" for reason in found.reasons),
        "",
        *(evaluation.held_out(figures) if figures else []),
        *(evaluation.gates(registration.gates) if registration.gates is not None else []),
    ]
