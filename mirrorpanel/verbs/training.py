"""``train``: a persona model is fitted to the real answers behind a panel."""

import hashlib
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from safetensors import SafetensorError

from grounding import splits
from grounding.privacy import masking
from grounding.splits import Split
from mirrorpanel import __version__, lineup, panels, places, sources, studies
from mirrorpanel.lineup import Machine
from mirrorpanel.records import AdapterRecord, PanelRecord, SplitRecord
from mirrorpanel.store import Workspace, now, write_failed
from personas import document
from personas.errors import UnknownName
from training import card, loop
from training.dataset import TrainingData, training_data
from training.loop import BaseModel, Fitted
from training.spec import TrainSpec


@dataclass(frozen=True)
class TrainedAdapter:
    """An adapter of the workspace; ``fresh`` is false where the very same one was there already."""

    adapter: str
    record: AdapterRecord
    fresh: bool


def train(
    workspace: Workspace, file: Path, machine: Machine, report: Callable[[str], None]
) -> TrainedAdapter:
    """Reads ``train.yaml``, splits, fits, and keeps the adapter with its split and card.

    The same file, panel and number format give the same adapter, which is then not fitted again.
    """
    spec = document.read(file, TrainSpec)
    with places.named(file, "panel"):
        panel = workspace.latest("panels", "panel", spec.panel)
        sources.refuse_expired(workspace, panel, "train")
    panel_record = workspace.record("panels", "panel", panel, PanelRecord)
    people, answers = panels.people(workspace, panel)
    names = [q.name for q in answers.questions]
    with places.named(file, "split", "questions"):
        split = splits.split(spec.split.seed, spec.split.people, spec.split.questions, names)
    held_out = int(split.held_out(people.ids).sum())
    report(
        f"held out before fitting: {held_out:,} of {len(people):,} people, "
        f"{len(split.questions)} of {len(names)} questions ({', '.join(split.questions) or 'none'})"
    )
    observed = [p.attribute for p in panel_record.provenance if p.kind == "observed"]
    with places.named(file, "attributes"):
        unknown = [a for a in spec.attributes or () if a not in people.attributes]
        if unknown:
            raise UnknownName("attribute", unknown[0], list(people.attributes))
    with places.named(file, "split"):
        data = training_data(people, answers, split, spec.attributes or observed)
    gate = masking.gate(panel_record.spec.masking)
    for line in masking.sentences(masking.left(data.people, data.answers.questions, gate)):
        report(f"{line[:-1].replace('Masked', 'Looks like personal data', 1)}; ground the panel again")
    with places.named(file, "model"):
        encoder = lineup.encoder(spec.model, machine)
    language = encoder.language
    adapter = _identifier(spec, panel, language.fingerprint)
    there = "SELECT count(*) FROM adapters WHERE adapter = ? AND flagged IS NULL"
    if workspace.value(there, [adapter]):
        report(f"adapter {adapter} was fitted before from the same file, panel and language model")
        workspace.renew("adapters", "adapter", adapter)
        return TrainedAdapter(adapter, workspace.record("adapters", "adapter", adapter, AdapterRecord), False)
    report(f"language model {language.name} on {language.processor.describe()}")
    started = time.monotonic()
    base = BaseModel(spec.model, language.fingerprint, encoder.layers, encoder)
    published = studies.anchors(workspace, panel, data.answers.questions)
    fitted = loop.fit(
        spec.adapter, data, base, split, spec.folds, spec.seed, report, anchors=published.anchors
    )
    for line in card.worth(fitted.prior.anchored):
        report(line)
    record = AdapterRecord(
        spec=spec,
        file=str(file),
        folder=f"adapters/{adapter}",
        fingerprint=fitted.model.fingerprint,
        base_model=spec.model,
        base_fingerprint=language.fingerprint,
        processor=language.processor.describe(),
        split=_split_record(split, data, len(people)),
        attributes=data.people.attributes,
        seconds=time.monotonic() - started,
        choices=card.choices(fitted),
        log_scores=fitted.log_scores,
        anchors=studies.recorded(published.anchors),
        anchored=fitted.prior.anchored,
    )
    _keep(workspace, adapter, panel, record, fitted, data.people.ids)
    return TrainedAdapter(adapter, record, True)


def _identifier(spec: TrainSpec, panel: str, language: str) -> str:
    content = "\n".join([spec.model_dump_json(), panel, language, __version__])
    return f"{spec.adapter}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def _split_record(split: Split, data: TrainingData, n_people: int) -> SplitRecord:
    trained = len(data.people)
    return SplitRecord(
        seed=split.seed,
        people=split.people,
        questions=split.questions,
        fingerprint=split.fingerprint,
        people_held_out=n_people - trained,
        people_trained=trained,
        trained_ids=splits.ids_fingerprint(data.people.ids),
    )


def _keep(
    workspace: Workspace,
    adapter: str,
    panel: str,
    record: AdapterRecord,
    fitted: Fitted,
    ids: Sequence[str],
) -> None:
    folder = workspace.folder / record.folder
    part = folder.with_name(f".{adapter}.part")
    facts = card.Facts(
        panel=panel,
        licence=lineup.licence(record.base_model),
        people_trained=record.split.people_trained,
        people_held_out=record.split.people_held_out,
        questions_held_out=record.split.questions,
        seconds=record.seconds,
    )
    try:
        for left in (part, folder):  # of a training that was killed
            shutil.rmtree(left, ignore_errors=True)
        fitted.model.save(part)
        (part / "README.md").write_text(card.text(fitted, facts), encoding="utf-8")
        part.replace(folder)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(part, ignore_errors=True)
        raise write_failed(folder, error) from None
    with workspace.transaction("train", adapter):
        row = [adapter, record.spec.adapter, panel, now(), record.model_dump_json()]
        columns = "(adapter, name, panel, created, record, flagged)"
        insert = f"INSERT OR REPLACE INTO adapters {columns} VALUES (?, ?, ?, ?, ?, NULL)"
        workspace.connection.execute(insert, row)
        workspace.connection.execute("DELETE FROM trained WHERE adapter = ?", [adapter])
        n = len(ids)
        workspace.insert("trained", {"adapter": [adapter] * n, "panel": [panel] * n, "id": list(ids)})
