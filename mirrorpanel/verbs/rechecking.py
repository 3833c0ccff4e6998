"""``train --recheck``: a new wave arrives, and an adapter is kept, recalibrated, or to be trained anew."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mirrorpanel import __version__, lineup, panels, registry, sources, trained
from mirrorpanel.lineup import Machine
from mirrorpanel.records import AdapterRecord, SplitRecord
from mirrorpanel.registry import Registered
from mirrorpanel.render import recheck_page
from mirrorpanel.render.recheck_page import PageData
from mirrorpanel.store import Workspace, now, write_failed
from mirrorpanel.verbs import grounding, recalibrating
from mirrorpanel.verbs.recalibrating import Parent
from personas.errors import MirrorpanelError, UnknownName
from personas.models.base import AnswerModel
from personas.panel import Panel
from training import leakage
from training.maintenance import recheck
from training.maintenance.drift import Wave
from training.maintenance.recheck import Recheck, RecheckSettings
from training.registry.evidence import Slow


@dataclass(frozen=True)
class Rechecked:
    """What a new wave said of an adapter, its page, and the version made from it, ``None`` where none was."""

    adapter: str
    panel: str
    found: Recheck
    page: Path
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

    What is judged is what answers studies: of a joint adapter the joint model, on a sample that is named.

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
    served = lineup.fielded(workspace, record, machine)
    before, after = (Wave(*panels.people(workspace, p)) for p in (one.panel, panel))
    say(f"{one.adapter}: {len(before.people):,} people before, {len(after.people):,} in {panel}")
    held, leaks = _held_out(workspace, one.adapter, record.split, before, after)
    found = recheck.recheck(
        served.statistics, before, after, held, settings,
        slow=_slow(record, served.model), of="" if record.lora is None else record.lora.judged,
    )  # fmt: skip
    strangers = _strangers(workspace, (one.panel, before.people), (panel, after.people))
    found = found.model_copy(update={"reasons": (*found.reasons, *leaks, *strangers)})
    page = _page(workspace, found, one.adapter, panel, before, after)
    fresh = None
    if recalibrate and found.advice == "recalibrate":
        parent = Parent(one, record, served.statistics)
        fresh = recalibrating.renewed(workspace, parent, panel, after, found, machine, say, forced)
    with workspace.transaction("train --recheck", f"{one.adapter} against {panel}: {found.advice}"):
        pass
    return Rechecked(one.adapter, panel, found, page, fresh)


def _page(workspace: Workspace, found: Recheck, adapter: str, panel: str, before: Wave, after: Wave) -> Path:
    """The page of a recheck beside those of the adapter, with its JSON twin."""
    created = now().isoformat(timespec="seconds") + "+00:00"
    data = PageData(adapter, panel, len(before.people), len(after.people), created, __version__)
    folder = workspace.folder / "reports" / adapter
    try:
        return recheck_page.write(found, after.answers.questions, data, folder)
    except OSError as error:
        raise write_failed(folder, error) from None


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


def _slow(record: AdapterRecord, model: AnswerModel) -> Slow | None:
    """The joint model, where that is what answers studies, with the sample that its verdict was read off."""
    lora = record.spec.lora
    if record.kind != "joint" or lora is None:
        return None
    return Slow(model, lora.judged_people, lora.judged_questions)


def _held_out(
    workspace: Workspace, adapter: str, split: SplitRecord, before: Wave, after: Wave
) -> tuple[frozenset[str], tuple[str, ...]]:
    """Ids of the people of either wave whom the adapter neither was trained on nor sets aside, and leaks.

    Who looks like somebody trained on, though under another id, is not among them; a sentence says so.
    """
    held: set[str] = set()
    for people in (before.people, after.people):
        cell = trained.cell(workspace, adapter, split, "unseen_people", people, ())
        free = cell.people & ~trained.rule(split, people).kept_for_rectification(people.ids)
        held |= {people.ids[i] for i in np.flatnonzero(free)}
    rows = np.flatnonzero(trained.groups(workspace, adapter, before.people.ids).trained)
    scored = np.flatnonzero([i in held for i in after.people.ids])
    found = leakage.suite(
        (), (), (before.people.take(rows), before.answers.take(rows)),
        (after.people.take(scored), after.answers.take(scored)), earlier=trained.ids(workspace, adapter),
    )  # fmt: skip
    left_out = " They were left out where person effects were compared."
    sentences = tuple(f"{sentence}{left_out}" for sentence in found.sentences())
    return frozenset(held - {o.scored for o in found.people}), sentences
