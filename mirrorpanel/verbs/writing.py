"""``write``: the persons of a panel answer an open question in the voice of an adapter."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grounding.privacy import masking
from grounding.privacy.guard import Guard
from grounding.privacy.pii import Gate
from mirrorpanel import intact, keys, lineup, panels, registry, sources
from mirrorpanel.lineup import Machine
from mirrorpanel.records import AdapterRecord, PanelRecord
from mirrorpanel.store import Workspace, write_failed
from personas import draws
from personas.errors import DataError, MirrorpanelError
from personas.models import sampling
from personas.models.language import LanguageModel
from personas.panel import Panel
from personas.wording import counted
from training.gradients import memorised, open_ends, voice_lora
from training.gradients.generative import check_length, prompt
from training.gradients.open_ends import OpenEnd
from training.gradients.spec import VoiceSpec

COLUMNS = ("synthetic", "person", "question", "answer", "adapter")
_TOGETHER = 64  # persons between two lines of progress


@dataclass(frozen=True)
class Written:
    """Open answers that persons gave, and what became of the others.

    Attributes:
        adapter: whose voice it is.
        question: as it was read, personal data masked.
        file: with the answers; ``answers`` of them.
        persons: who were asked.
        copies: left out, as they repeat what only few people wrote in the answers trained on.
        empty: left out, as nothing was written.
        masked: places that looked like personal data, in the question and in what was written.
        attributes: that the voice was told of the persons.
        remembers: the voice failed the tests for memory and was registered all the same.
    """

    adapter: str
    question: str
    file: Path
    answers: int
    persons: int
    copies: int
    empty: int
    masked: int
    attributes: tuple[str, ...]
    remembers: bool


def write(
    workspace: Workspace,
    adapter: str,
    question: str,
    machine: Machine,
    persons: int,
    seed: int,
    out: Path | None,
    panel: str | None,
    begin: Callable[[int], None],
    progress: Callable[[int], None],
) -> Written:
    """Persons drawn by weight write what they would answer; the answers go into a table, marked as synthetic.

    What a person writes depends on seed, person and question alone, not on how many others write. No answer
    gets out that repeats a rare run of words of the answers trained on; such answers are counted.

    Args:
        workspace: where adapter and panel are.
        adapter: identifier, version or name.
        question: what is asked; personal data in it are masked first.
        machine: where the language model runs.
        persons: how many write, at most as many as the panel has.
        seed: of persons and words.
        out: CSV file; in the workspace's exports where left out, from where an erasure removes it.
        panel: name or identifier; the adapter's own where left out.
        begin: called with the number of persons.
        progress: called with the number of answers after each part.

    Raises:
        MirrorpanelError: the adapter has no voice, or people behind the voice were erased.
        DataError: the open answers trained on are gone or others by now, so that nothing could be held
            against them; the question is empty or too long; there is a file already.
    """
    name, record, voice = _voice(workspace, adapter)
    where = workspace.latest("panels", "panel", panel or registry.get(workspace, name).panel)
    sources.refuse_expired(workspace, where, "write")
    out = _free(out or workspace.folder / "exports" / f"written-{name}-{seed}.csv")
    gate = masking.gate(workspace.record("panels", "panel", where, PanelRecord).spec.masking)
    asked = _asked(question, gate)
    trained_on = _training(workspace, record, voice)
    language = _language(workspace, record, machine)
    rows = _rows(panels.persons(workspace, where), persons, seed, asked, voice)
    for row in rows:
        check_length(language, row, voice.texts.tokens)
    begin(len(rows))
    texts = _texts(language, rows, voice.texts.tokens, seed, progress)
    runs = memorised.copied(texts, trained_on, voice.memory)
    given = [
        (row.person, gate.clean(text, "answers"))
        for row, text, run in zip(rows, texts, runs, strict=True)
        if text and not run
    ]
    detail = f"{name}, {counted(len(given), 'answer')} of {counted(len(rows), 'person')} of {where}"
    with workspace.transaction("write", detail):
        _table(out, name, asked, given)
    assert record.voice is not None
    return Written(
        adapter=name,
        question=asked,
        file=out,
        answers=len(given),
        persons=len(rows),
        copies=sum(map(bool, runs)),
        empty=sum(not text for text in texts),
        masked=gate.total,
        attributes=tuple(dict.fromkeys(a for row in rows for a in row.attributes)),
        remembers=not record.voice.memorisation.passed,
    )


def _free(out: Path) -> Path:
    """The file, where there is none yet. Raises: DataError."""
    if out.exists():
        raise DataError(f"{out}: there is a file already; name another one with --out")
    return out


def _asked(question: str, gate: Gate) -> str:
    """The question in one line, personal data masked. Raises: DataError where nothing is left."""
    asked = gate.clean(" ".join(question.split()), "question")
    if not asked:
        raise DataError("write: the question is empty; give its text in quotation marks")
    return asked


def _language(workspace: Workspace, record: AdapterRecord, machine: Machine) -> LanguageModel:
    """The language model with the voice. Raises: DataError where its files are not those of then."""
    intact.refuse_changed_tuning(workspace, record, voice_lora.FOLDER)
    return lineup.language(record.base_model, machine, workspace.folder / record.folder / voice_lora.FOLDER)


def _voice(workspace: Workspace, adapter: str) -> tuple[str, AdapterRecord, VoiceSpec]:
    """The adapter that a name means, with its voice. Raises: MirrorpanelError, UnknownName."""
    name = registry.chosen(workspace, adapter)
    record = workspace.record("adapters", "adapter", name, AdapterRecord)
    if record.spec.voice is None or record.voice is None:
        raise MirrorpanelError(
            f"adapter {name} has no voice: it was trained on no open answers. Add the key voice to "
            f"{record.file} (see docs/training.md) and train again"
        )
    if not record.voice.kept:
        found = record.voice.writing
        raise MirrorpanelError(
            f"the voice of adapter {name} was not kept: real answers of other people surprised it no less "
            f"than the untrained model (perplexity {found.perplexity_tuned:.1f} against "
            f"{found.perplexity_base:.1f}). Train on more open answers, or for longer"
        )
    if registry.get(workspace, name).flagged is not None:
        raise MirrorpanelError(
            f"people whose answers adapter {name} was trained on were erased; what it writes cannot be held "
            f"against their answers any more. Train it anew: mirrorpanel train {record.file}"
        )
    return name, record, record.spec.voice


def _training(workspace: Workspace, record: AdapterRecord, voice: VoiceSpec) -> Sequence[OpenEnd]:
    """The very open answers that the voice was trained on, read again. Raises: DataError."""
    pseudonyms = keys.pseudonymiser(workspace)
    guard = Guard(pseudonyms, keys.erased(workspace))
    found = open_ends.read(voice.answers, Path(record.file).parent, guard).training
    pseudonyms.keep()
    if record.voice is None or open_ends.fingerprint(found) != record.voice.texts:
        raise DataError(
            f"{Path(record.file).parent / voice.answers.file}: these are not the open answers that the voice "
            "was trained on, so nothing that it writes can be held against those. Put the file of then back, "
            f"or train anew: mirrorpanel train {record.file}"
        )
    return found


def _rows(found: Panel, persons: int, seed: int, question: str, voice: VoiceSpec) -> list[OpenEnd]:
    """Persons drawn without replacement, by weight, with the attributes that the voice was trained with.

    Source: Efraimidis and Spirakis (2006), "Weighted random sampling with a reservoir": largest ``u^(1/w)``.
    """
    willing = np.flatnonzero(found.weights > 0)
    u = draws.uniforms(seed, [found.ids[int(i)] for i in willing], ["who writes"])[:, 0]
    rank = np.argsort(-np.log(np.maximum(u, np.finfo(np.float64).tiny)) / found.weights[willing])
    chosen = np.sort(willing[rank[:persons]])
    people = [found.person(int(i)) for i in chosen]
    told = voice.answers.attributes  # in the order in which they were read
    return [
        OpenEnd(p.id, question, "", {name: p.attributes[name] for name in told if name in p.attributes})
        for p in people
    ]


def _texts(
    language: LanguageModel, rows: Sequence[OpenEnd], most: int, seed: int, progress: Callable[[int], None]
) -> list[str]:
    texts: list[str] = []
    for start in range(0, len(rows), _TOGETHER):
        part = rows[start : start + _TOGETHER]
        places = [f"{part[0].question}\ntoken {k}" for k in range(most)]
        uniforms = draws.uniforms(seed, [row.person for row in part], places)
        prompts = [prompt(row.question, row.attributes) for row in part]
        texts += sampling.continued(language, prompts, most, uniforms)
        progress(len(part))
    return texts


def _table(out: Path, adapter: str, question: str, given: Sequence[tuple[str, str]]) -> None:
    part = out.with_name(f".{out.name}.part")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with part.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(COLUMNS)
            writer.writerows([(True, person, question, text, adapter) for person, text in given])
        part.replace(out)
    except OSError as error:
        raise write_failed(out, error) from None
