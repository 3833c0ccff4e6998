"""``train``: a persona model is fitted to the real answers behind a panel."""

import hashlib
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError

from grounding import splits
from grounding.sources.toplines import Anchor
from mirrorpanel import (
    __version__,
    assessing,
    cards,
    intact,
    lineup,
    places,
    registry,
    speakers,
    studies,
    trained,
)
from mirrorpanel.assessing import Assessed
from mirrorpanel.lineup import Machine
from mirrorpanel.records import AdapterRecord, SplitRecord
from mirrorpanel.store import Workspace, write_failed
from mirrorpanel.verbs import tuning
from mirrorpanel.verbs.training_data import Prepared, prepared
from mirrorpanel.verbs.tuning import Tuning
from personas.models import catalogue
from personas.models.encoder import Encoder
from personas.models.factored import FactoredModel
from personas.models.joint import JointModel
from personas.models.language import LanguageModel
from training import leakage
from training.gradients import joint_lora
from training.hierarchy import loop
from training.hierarchy import reference as references
from training.hierarchy.base import BaseModel
from training.registry import card, data_card
from training.registry import evidence as gate_evidence
from training.registry.evidence import Slow, Untuned
from training.spec import TrainSpec

_UNTUNED_SECONDS = 8.0  # for the gate that asks whether the language model as it is would do as well


@dataclass(frozen=True)
class TrainedAdapter:
    """An adapter of the workspace; ``fresh`` is false where the very same one was there already."""

    adapter: str
    record: AdapterRecord
    fresh: bool


def train(
    workspace: Workspace,
    file: Path,
    machine: Machine,
    report: Callable[[str], None],
    forced: bool = False,
) -> TrainedAdapter:
    """Reads ``train.yaml``, splits, fits, and keeps the adapter with its split and card.

    The same file, panel and number format give the same adapter, which is then not fitted again.
    """
    begun = time.monotonic()
    ready = prepared(workspace, file, report)
    spec, panel = ready.spec, ready.panel
    with places.named(file, "model"):
        encoder = lineup.encoder(spec.model, machine)
    language = encoder.language
    adapter = _identifier(spec, panel, language.fingerprint)
    there = "SELECT count(*) FROM adapters WHERE adapter = ? AND flagged IS NULL"
    if workspace.value(there, [adapter]):
        report(f"adapter {adapter} was fitted before from the same file, panel and language model")
        if cards.restate(workspace, adapter, spec.card):
            report("its card says now what the training file says of developer, contact and licence")
        workspace.renew("adapters", "adapter", adapter)
        return TrainedAdapter(adapter, workspace.record("adapters", "adapter", adapter, AdapterRecord), False)
    report(f"language model {language.name} on {language.processor.describe()}")
    started = time.monotonic()
    reference, base = _behind(file, ready, encoder, machine, report)
    published = studies.anchors(workspace, panel, ready.data.answers.questions)
    todo = tuning.plan(workspace, file, adapter, ready, base, language, machine, report)
    fitted = loop.fit(
        spec.adapter,
        ready.data,
        base,
        ready.decided.split,
        spec.folds,
        spec.seed,
        report,
        published.anchors,
        reference,
    )
    tuned = tuning.carry_out(todo, fitted, published.anchors)
    fitted = tuned.fitted
    for line in card.worth(fitted.prior.anchored):
        report(line)
    record = _record(file, adapter, ready, language, tuned, published.anchors)
    record = record.model_copy(update={"seconds": time.monotonic() - started})
    untuned = untuned_says(ready, spec, machine)
    slow = _slow(tuned, spec, language, machine)
    found = assessing.assess(
        workspace, adapter, ready, fitted.model, report,
        forced=forced, untuned=untuned, tuned=tuned.evidence,
        slow=slow, of="" if tuned.lora is None else tuned.lora.judged,
    )  # fmt: skip
    del slow
    record = record.model_copy(update={"command_seconds": time.monotonic() - begun})
    _keep(workspace, adapter, ready, record, tuned, found)
    tuning.clear(todo)
    return TrainedAdapter(adapter, record, True)


def _behind(
    file: Path, ready: Prepared, encoder: Encoder, machine: Machine, report: Callable[[str], None]
) -> tuple[FactoredModel | None, BaseModel]:
    """The reference as if it knew nothing that is held out, and the base with the layers that it reads."""
    spec = ready.spec
    with places.named(file, "reference"):
        reference = lineup.reference(spec, machine, report)
    if reference is None:
        return None, lineup.base_model(spec.model, encoder)
    held = {q.fingerprint for q in ready.answers.questions if q.name in ready.decided.split.questions}
    reference = references.without(reference, held)
    return reference, lineup.base_model(
        spec.model, lineup.encoder(spec.model, machine, reference.config.layers)
    )


def _record(
    file: Path,
    adapter: str,
    ready: Prepared,
    language: LanguageModel,
    tuned: Tuning,
    anchors: Sequence[Anchor],
) -> AdapterRecord:
    fitted = tuned.fitted
    return AdapterRecord(
        spec=ready.spec,
        file=str(file),
        folder=f"adapters/{adapter}",
        fingerprint=fitted.model.fingerprint,
        base_model=ready.spec.model,
        base_fingerprint=language.fingerprint,
        processor=language.processor.describe(),
        split=_split_record(ready),
        attributes=ready.data.people.attributes,
        seconds=0.0,
        choices=card.choices(fitted),
        log_scores=fitted.log_scores,
        anchors=studies.recorded(anchors),
        anchored=fitted.prior.anchored,
        kind="joint" if tuned.joint else "factored",
        lora=tuned.lora,
        voice=tuned.voice,
        tuned_files=intact.tuned_files(tuned.folders),
    )


def untuned_says(ready: Prepared, spec: TrainSpec, machine: Machine) -> Untuned | None:
    """What the language model says as it is, of as many held-out people as a few seconds reach."""
    joint = JointModel(lineup.language(spec.model, machine))
    return gate_evidence.ask_untuned(joint, assessing.held_out(ready), _UNTUNED_SECONDS, spec.seed)


def _slow(tuned: Tuning, spec: TrainSpec, base: LanguageModel, machine: Machine) -> Slow | None:
    """The joint model that was just trained, where it is kept, as it will answer studies."""
    if spec.lora is None or tuned.lora is None or tuned.lora.blend is None or not tuned.joint:
        return None
    folder = next(f for f in tuned.folders if f.name == joint_lora.FOLDER)
    # Not through the line-up, which would keep it in memory under a folder that is soon gone.
    trained_on = LanguageModel.load(catalogue.folder(spec.model, machine.cache), base.processor, folder)
    model = lineup.joint_over(tuned.fitted.model, trained_on, base, tuned.lora.blend.blend)
    return Slow(model, spec.lora.judged_people, spec.lora.judged_questions)


def _identifier(spec: TrainSpec, panel: str, language: str) -> str:
    fitted_with = spec.model_dump_json(exclude={"ladder", "card"})
    content = "\n".join([fitted_with, panel, language, __version__])
    return f"{spec.adapter}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def _split_record(ready: Prepared) -> SplitRecord:
    spec, found, groups, data = ready.spec, ready.decided, ready.groups, ready.data
    split = found.split
    return SplitRecord(
        seed=split.seed,
        people=split.people,
        questions=split.questions,
        fingerprint=split.fingerprint,
        people_held_out=ready.counted("unseen_people"),
        people_trained=len(data.people),
        trained_ids=splits.ids_fingerprint(data.people.ids),
        rectification=split.rectification,
        by=spec.split.by,
        segment=spec.split.segment,
        wave=spec.split.wave,
        people_rectification=int(groups.rectification.sum()),
        people_segment=ready.counted("unseen_segment"),
        people_wave=ready.counted("unseen_wave"),
        blocks=found.blocks,
        warnings=leakage.question_sentences(found.overlaps),
    )


def _keep(
    workspace: Workspace,
    adapter: str,
    ready: Prepared,
    record: AdapterRecord,
    tuned: Tuning,
    found: Assessed,
) -> None:
    panel, fitted = ready.panel, tuned.fitted
    folder = workspace.folder / record.folder
    part = folder.with_name(f".{adapter}.part")
    facts = cards.model_facts(workspace, panel, record, found.registration, found.hard)
    names = [q.name for q in ready.data.answers.questions]
    data = cards.data_facts(
        workspace, panel, record, names, found.registration.data, ready.audited.audit,
        text=record.voice is not None,
    )  # fmt: skip
    try:
        for left in (part, folder):  # of a training that was killed
            shutil.rmtree(left, ignore_errors=True)
        fitted.model.save(part)
        tuned.write(part)
        (part / cards.MODEL).write_text(card.text(fitted, facts), encoding="utf-8")
        (part / cards.DATA).write_text(data_card.text(data), encoding="utf-8")
        part.replace(folder)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(part, ignore_errors=True)
        raise write_failed(folder, error) from None
    with workspace.transaction("train", adapter):
        registry.insert(workspace, adapter, panel, record, found.registration)
        trained.keep(workspace, adapter, panel, ready.groups, ready.people.ids)
        if record.spec.voice is not None:
            answers = record.spec.voice.answers
            speakers.keep(workspace, adapter, panel, answers.name, answers.namespace, tuned.speakers)
