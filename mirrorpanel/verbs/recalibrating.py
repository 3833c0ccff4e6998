"""``train --recheck --recalibrate``: a new version of an adapter, with shares renewed from a new wave."""

import hashlib
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from safetensors import SafetensorError

from grounding import splits
from grounding.splits import Groups
from mirrorpanel import assessing, cards, lineup, registry, speakers, trained
from mirrorpanel.assessing import Assessed
from mirrorpanel.lineup import Machine
from mirrorpanel.records import AdapterRecord, PanelRecord
from mirrorpanel.registry import Registered
from mirrorpanel.render import audit_page
from mirrorpanel.store import Workspace, write_failed
from mirrorpanel.verbs import training, training_audit
from mirrorpanel.verbs.training_data import Prepared
from personas.arrays import BoolArray
from personas.errors import DataError, MirrorpanelError
from personas.models.factored import FactoredModel
from personas.models.joint import JointModel
from personas.models.offset import OffsetModel
from personas.panel import Panel
from personas.wording import counted
from training.audit import audit as audits
from training.dataset import Decided, TrainingData
from training.maintenance import recheck, renewed_card
from training.maintenance.drift import Wave
from training.maintenance.recheck import Recheck
from training.maintenance.renewed_card import Renewed
from training.registry import data_card, gates
from training.registry import registry as registrations
from training.registry.evidence import Slow
from training.registry.registry import Lineage
from training.spec import TrainSpec

_OF_WEIGHTS = ("forgetting", "memorised")  # gates about weights that a recalibration leaves as they are


@dataclass(frozen=True)
class Parent:
    """The adapter that is recalibrated, as the workspace knows it."""

    registered: Registered
    record: AdapterRecord
    model: FactoredModel

    @property
    def adapter(self) -> str:
        """Its identifier."""
        return self.registered.adapter


def renewed(
    workspace: Workspace,
    parent: Parent,
    panel: str,
    wave: Wave,
    found: Recheck,
    machine: Machine,
    say: Callable[[str], None],
    forced: bool = False,
) -> Registered:
    """The recalibrated adapter: the wave audited, shares renewed, gates judged, cards written, registered.

    Its shares are renewed from people of the wave whom the adapter's split does not hold out, so that it is
    scored on the others; suspects whom the training file leaves out are left out here, too.

    Raises:
        MirrorpanelError: people whom the adapter was trained on were erased.
        DataError: the audit found what stops a training, or a gate failed and that is not forced.
    """
    if parent.registered.flagged is not None:
        raise MirrorpanelError(
            f"adapter {parent.adapter} is not recalibrated: people it was trained on were erased, and a new "
            "version would keep what was learned of them; train it anew"
        )
    started = time.monotonic()
    ready, data = _ready(workspace, parent, panel, wave, found, say)
    fresh = recheck.recalibrated(parent.model, Wave(data.people, data.answers), found)
    content = f"{parent.adapter}\n{panel}\n{fresh.fingerprint}"
    adapter = f"{parent.registered.name}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"
    assessed = _assessed(workspace, adapter, parent, ready, data, fresh, machine, say, forced)
    record = _record(parent, adapter, ready, fresh, time.monotonic() - started)
    _write(workspace, parent, record, ready, fresh, assessed, found)
    with workspace.transaction("train", f"{adapter}, recalibrated from {parent.adapter}"):
        registry.insert(workspace, adapter, panel, record, assessed.registration)
        trained.keep(workspace, adapter, panel, ready.groups, wave.people.ids)
        _inherit(workspace, parent.adapter, adapter)
    return registry.get(workspace, adapter)


def _ready(
    workspace: Workspace,
    parent: Parent,
    panel: str,
    wave: Wave,
    found: Recheck,
    say: Callable[[str], None],
) -> tuple[Prepared, TrainingData]:
    """The wave as a training file would have it, audited; and what shares are renewed from."""
    spec = _spec(parent, panel, wave)
    named = spec.split.model_copy(update={"by": "question"})
    audited = training_audit.of_spec(
        workspace, spec.model_copy(update={"split": named}), Path(parent.record.file)
    )
    audits.refuse(audited.audit, audited.page)
    say(f"audit: {audit_page.verdict(audited.audit)} ({audited.page})")
    split = replace(trained.rule(parent.record.split, wave.people), questions=_held(parent, wave))
    known = {q.fingerprint for q in parent.model.config.questions}
    seen = [q.name for q in wave.answers.questions if q.fingerprint in known]
    groups = groups_of(workspace, parent, wave.people, audited.left_out)
    rows = np.flatnonzero(groups.trained & ~audited.left_out)
    people = wave.people.take(rows).select(spec.attributes or ())
    if not people.weights.sum() > 0:
        raise DataError(f"panel {panel}: nobody whom the split leaves to renew shares from has a weight")
    weights, answers = people.weights / people.weights.mean(), wave.answers.take(rows)
    ready = Prepared(
        spec=spec,
        panel=panel,
        record=workspace.record("panels", "panel", panel, PanelRecord),
        people=wave.people,
        answers=wave.answers.only([*seen, *split.questions]),
        decided=Decided(split, (), ()),
        groups=groups,
        data=TrainingData(people, answers.only(seen), weights),
        audited=audited,
    )
    return ready, TrainingData(people, answers.only([q.name for q in found.moved]), weights)


def _held(parent: Parent, wave: Wave) -> tuple[str, ...]:
    """Questions of the wave that the adapter's split holds out and that it was never trained on."""
    known = {q.fingerprint for q in parent.model.config.questions}
    asked = [q.name for q in wave.answers.questions if q.fingerprint not in known]
    return tuple(name for name in parent.record.split.questions if name in asked)


def _spec(parent: Parent, panel: str, wave: Wave) -> TrainSpec:
    """The parent's training file for the wave, without what the wave does not have."""
    people, kept = wave.people, parent.record.spec
    rule = trained.rule(parent.record.split, people)
    parts: dict[str, dict[str, tuple[str, ...]]] = {}
    for key, levels in (("segment", rule.segment), ("wave", rule.wave)):
        there = splits.members(people, levels, f"split.{key}").any()
        parts[key] = {one.attribute: one.levels for one in levels} if there else {}
    split = kept.split.model_copy(update={"questions": _held(parent, wave), **parts})
    attributes = tuple(a for a in parent.record.attributes if a in people.attributes)
    asked = {q.fingerprint for q in parent.model.config.questions}
    names = {q.name for q in wave.answers.questions if q.fingerprint in asked} | set(attributes)
    served = tuple(name for name in kept.audit.questions or () if name in names)
    audit = kept.audit.model_copy(
        update={
            "questions": served or None,
            "new_questions": (),
            "segments": tuple(s for s in kept.audit.segments if set(s) <= names),
            "contradictions": tuple(c for c in kept.audit.contradictions if {*c.when, *c.never} <= names),
        }
    )
    return kept.model_copy(
        update={"panel": panel, "split": split, "attributes": attributes or None, "audit": audit}
    )


def groups_of(workspace: Workspace, parent: Parent, people: Panel, suspects: BoolArray | None) -> Groups:
    """The groups of the wave's people: who was trained on or set aside stays so, the split parts the rest."""
    known = trained.groups(workspace, parent.adapter, people.ids)
    new = known.held_out  # or never heard of
    found = trained.rule(parent.record.split, people).groups(people, suspects)
    both = zip(known, found, strict=True)
    merged = Groups(*(before | (new & now) for before, now in both))
    return merged._replace(held_out=new & found.held_out)


def _assessed(
    workspace: Workspace,
    adapter: str,
    parent: Parent,
    ready: Prepared,
    data: TrainingData,
    fresh: FactoredModel,
    machine: Machine,
    say: Callable[[str], None],
    forced: bool,
) -> Assessed:
    """Gates and figures as after a training, on people of the wave whom the split holds out."""
    lora = parent.record.lora
    found = assessing.assess(
        workspace, adapter, ready, fresh, say,
        forced=forced, untuned=training.untuned_says(ready, ready.spec, machine),
        slow=_slow(workspace, parent, fresh, machine), of="" if lora is None else lora.judged,
        earlier=trained.ids(workspace, parent.adapter) - set(ready.data.people.ids),
    )  # fmt: skip
    judged, before = found.registration.gates, parent.registered.registration
    if judged is not None and before is not None and before.gates is not None:
        kept = {g.name: g for g in before.gates.gates if g.name in _OF_WEIGHTS}
        judged = judged.model_copy(update={"gates": tuple(kept.get(g.name, g) for g in judged.gates)})
        gates.refuse(judged, forced)
    changed = (
        f"shares of {counted(data.answers.chosen.shape[1], 'question')} renewed from panel {ready.panel}"
    )
    lineage = Lineage(
        panel=ready.panel, parent=parent.adapter, reference=fresh.config.reference, change=changed
    )
    registration = found.registration.model_copy(
        update={
            "data": registrations.data_fingerprint(data),
            "split": parent.record.split.fingerprint,
            "gates": judged,
            "forced": judged is not None and bool(judged.failed),
            "lineage": lineage,
        }
    )
    return Assessed(registration, found.hard)


def _slow(workspace: Workspace, parent: Parent, fresh: FactoredModel, machine: Machine) -> Slow | None:
    """The joint model over the renewed shares, where that is what answers studies."""
    record, spec = parent.record, parent.record.spec.lora
    if record.kind != "joint" or spec is None:
        return None
    served = lineup.fielded(workspace, record, machine).model
    if not isinstance(served, OffsetModel) or record.lora is None or record.lora.blend is None:
        return None
    tuned, base = served.tuned, served.base
    if not isinstance(tuned, JointModel) or not isinstance(base, JointModel):
        return None
    joint = lineup.joint_over(fresh, tuned.language, base.language, record.lora.blend.blend)
    return Slow(joint, spec.judged_people, spec.judged_questions)


def _record(
    parent: Parent, adapter: str, ready: Prepared, fresh: FactoredModel, seconds: float
) -> AdapterRecord:
    groups, before = ready.groups, parent.record
    split = before.split.model_copy(
        update={
            "people_held_out": ready.counted("unseen_people"),
            "people_trained": len(ready.data.people),
            "trained_ids": splits.ids_fingerprint(ready.data.people.ids),
            "people_rectification": int(groups.rectification.sum()),
            "people_segment": ready.counted("unseen_segment"),
            "people_wave": ready.counted("unseen_wave"),
        }
    )
    return before.model_copy(
        update={
            "spec": before.spec.model_copy(update={"panel": ready.panel}),
            "folder": f"adapters/{adapter}",
            "fingerprint": fresh.fingerprint,
            "split": split,
            "seconds": seconds,
            "log_scores": {},  # of the parent's training
        }
    )


def _write(
    workspace: Workspace,
    parent: Parent,
    record: AdapterRecord,
    ready: Prepared,
    fresh: FactoredModel,
    assessed: Assessed,
    found: Recheck,
) -> None:
    """Weights and cards, made aside and moved into place."""
    before = parent.record
    old, folder = workspace.folder / before.folder, workspace.folder / record.folder
    part = folder.with_name(f".{folder.name}.part")
    moved = tuple(q.name for q in found.moved)
    panel, registration = ready.panel, assessed.registration
    command = f"mirrorpanel train {parent.adapter} --recheck {panel} --recalibrate"
    facts = cards.model_facts(workspace, panel, record, registration, assessed.hard)
    data = cards.data_facts(workspace, panel, record, moved, registration.data, ready.audited.audit)
    renewed = Renewed(
        parent.adapter, parent.registered.panel, before.split.people_trained, moved, found.reasons
    )
    try:
        for left in (part, folder):
            shutil.rmtree(left, ignore_errors=True)
        fresh.save(part)
        for inner in (f for f in old.iterdir() if f.is_dir()):  # adapters of the language model stay
            shutil.copytree(inner, part / inner.name)
        text = renewed_card.text(
            (old / cards.MODEL).read_text(encoding="utf-8"), fresh, facts._replace(command=command), renewed
        )
        (part / cards.MODEL).write_text(text, encoding="utf-8")
        inherited = (old / cards.DATA).read_text(encoding="utf-8") if (old / cards.DATA).exists() else ""
        told = f"# What {parent.adapter} was trained on\n\n{inherited}" if inherited else ""
        (part / cards.DATA).write_text(f"{data_card.text(data)}\n{told}", encoding="utf-8")
        part.replace(folder)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(part, ignore_errors=True)
        raise write_failed(folder, error) from None


def _inherit(workspace: Workspace, parent: str, adapter: str) -> None:
    """Whom the parent was trained on, or set aside, the new version was, too."""
    for table, part in (("trained", ""), ("set_aside", ", part")):
        workspace.connection.execute(
            f"INSERT INTO {table} (adapter, panel, id{part}) SELECT ?, panel, id{part} FROM {table} t "
            "WHERE adapter = ? AND NOT EXISTS (FROM trained o WHERE o.adapter = ? AND o.id = t.id) "
            "AND NOT EXISTS (FROM set_aside o WHERE o.adapter = ? AND o.id = t.id)",
            [adapter, parent, adapter, adapter],
        )
    speakers.inherit(workspace, parent, adapter)
