"""``train --recheck``: a new wave arrives, and an adapter is kept, recalibrated, or to be trained anew."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mirrorpanel import lineup, panels, registry, sources, trained
from mirrorpanel.lineup import Machine
from mirrorpanel.records import AdapterRecord, SplitRecord
from mirrorpanel.registry import Registered
from mirrorpanel.store import Workspace
from mirrorpanel.verbs import grounding, recalibrating
from mirrorpanel.verbs.recalibrating import Parent
from personas.errors import MirrorpanelError, UnknownName
from personas.panel import Panel
from training.maintenance import recheck
from training.maintenance.drift import Wave
from training.maintenance.recheck import Recheck, RecheckSettings


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
    forced: bool = False,
) -> Rechecked:
    """Holds an adapter against a new wave, and renews its shares where that is asked for and advised.

    The recalibrated adapter is a new version with the old one as its parent; ``recalibrating.renewed`` says
    how it comes about.

    Args:
        workspace: where adapter and panels are.
        name: of the adapter.
        wave: a panel of the workspace, or a grounding file, which is grounded first.
        cache: where catalogued data are kept.
        machine: where the language model runs, should something new have to be encoded.
        say: called with each line of progress.
        recalibrate: make the new version, where the advice is to recalibrate.
        settings: what counts as a change.
        forced: make it although a gate fails.

    Raises:
        UnknownName: no such adapter or panel.
        MirrorpanelError: the wave is the very panel that the adapter was fitted on.
        DataError: data of either wave may no longer be used; or what ``recalibrating.renewed`` refuses.
    """
    one = registry.get(workspace, name)
    panel = _panel(workspace, wave, cache, say)
    if panel == one.panel:
        raise MirrorpanelError(f"adapter {one.adapter} was fitted on panel {panel} itself; name a newer wave")
    for used in (one.panel, panel):
        sources.refuse_expired(workspace, used, "train")
    record = workspace.record("adapters", "adapter", one.adapter, AdapterRecord)
    model = lineup.adapter_model(workspace, record, machine)
    before, after = (Wave(*panels.people(workspace, p)) for p in (one.panel, panel))
    say(f"{one.adapter}: {len(before.people):,} people before, {len(after.people):,} in {panel}")
    first, second = (_held_out(workspace, one.adapter, record.split, w.people) for w in (before, after))
    found = recheck.recheck(model, before, after, first | second, settings)
    strangers = _strangers(workspace, (one.panel, before.people), (panel, after.people))
    found = found.model_copy(update={"reasons": (*found.reasons, *strangers)})
    fresh = None
    if recalibrate and found.advice == "recalibrate":
        parent = Parent(one, record, model)
        fresh = recalibrating.renewed(workspace, parent, panel, after, found, machine, say, forced)
    with workspace.transaction("train --recheck", f"{one.adapter} against {panel}: {found.advice}"):
        pass
    return Rechecked(one.adapter, panel, found, fresh)


def _strangers(workspace: Workspace, before: tuple[str, Panel], after: tuple[str, Panel]) -> tuple[str, ...]:
    """That nobody of the wave was known before, and what to write if the same people were asked."""
    if set(before[1].ids) & set(after[1].ids):
        return ()
    told = "nobody of the wave was known before: all its people count as never trained on"
    names = [
        [s.namespace for s in sources.records(workspace, panel) if s.kind == "survey" and s.pseudonymised]
        for panel, _ in (before, after)
    ]
    if not (names[0] and names[1]) or names[0][0] in names[1]:
        return (told,)
    write = f"protection: {{ids: {json.dumps(names[0][0], ensure_ascii=False)}}}"
    return (f"{told}. If the same people were asked, write {write} in its grounding file and ground it anew",)


def _panel(workspace: Workspace, wave: str, cache: Path, say: Callable[[str], None]) -> str:
    if Path(wave).suffix.lower() in (".yaml", ".yml"):
        return grounding.ground(workspace, Path(wave), cache, say).panel
    try:
        return workspace.latest("panels", "panel", wave)
    except UnknownName as error:
        raise MirrorpanelError(f"{error}; or name the grounding file of the new wave") from None


def _held_out(workspace: Workspace, adapter: str, split: SplitRecord, people: Panel) -> frozenset[str]:
    """Ids of the people whom the adapter neither was trained on nor sets aside, of either wave."""
    cell = trained.cell(workspace, adapter, split, "unseen_people", people, ())
    free = cell.people & ~trained.rule(split, people).kept_for_rectification(people.ids)
    return frozenset(people.ids[i] for i in np.flatnonzero(free))
