"""``write``: the persons of a panel answer an open question, in the voice of an adapter or untuned."""

import csv
import hashlib
import io
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from grounding.privacy import masking
from grounding.privacy.guard import Guard
from grounding.privacy.pii import Gate
from mirrorpanel import intact, journal, keys, lineup, panels, registry, sources, writers
from mirrorpanel.lineup import Machine
from mirrorpanel.records import AdapterRecord, PanelRecord
from mirrorpanel.store import Workspace, write_failed
from mirrorpanel.writers import Reply, Writer
from personas import disk, draws
from personas.document import Document
from personas.errors import DataError, MirrorpanelError
from personas.models.asked import Outcome
from personas.models.language import LanguageModel
from personas.models.written.forms import Form, NumberForm
from personas.panel import Panel
from personas.prompt import PROMPT_VERSION
from personas.wording import counted
from training.gradients import memorised, open_ends, voice_lora
from training.gradients.open_ends import OpenEnd
from training.gradients.spec import VoiceSpec

COLUMNS = ("synthetic", "person", "question", "answer", "outcome", "raw", "adapter", "written_by")
UNTUNED = "untuned, not validated"


class Wanted(NamedTuple):
    """What is to be written.

    Attributes:
        who: an adapter with a voice; with ``model`` the panel whose persons write.
        question: what is asked.
        persons: how many write, at most as many as the panel has.
        seed: of persons and words.
        form: of every answer.
        model: language model without a voice: a name, a folder, or a YAML file with a server's address.
        panel: whose persons write; the adapter's own panel where left out.
        out: CSV file; in the workspace's exports where left out, from where an erasure removes it.
    """

    who: str
    question: str
    persons: int = 100
    seed: int = 1
    form: Form | None = None
    model: str | None = None
    panel: str | None = None
    out: Path | None = None


class Kept(Document):
    """What came of one person, masked; ``copy``: it repeated what few people wrote, and is not kept."""

    person: str
    outcome: Outcome | Literal["answered"]
    answer: str
    raw: str
    masked: int = 0
    copy_of_few: bool = False


@dataclass(frozen=True)
class Written:
    """Open answers that persons gave, and what became of the others.

    Attributes:
        adapter: whose voice it is; ``None`` where an untuned model wrote.
        written_by: who wrote, for people.
        question: as it was read, personal data masked.
        file: with the answers.
        outcomes: how many persons ended how; *answered* are those with an answer.
        persons: who were asked, or are to be.
        copies: left out, as they repeat what only few people wrote in the answers trained on.
        masked: places that looked like personal data, in the question and in what was written.
        attributes: that the writer was told of the persons.
        remembers: the voice failed the tests for memory and was registered all the same.
        complete: nobody is left to be asked.
    """

    adapter: str | None
    written_by: str
    question: str
    file: Path
    outcomes: Mapping[str, int]
    persons: int
    copies: int
    masked: int
    attributes: tuple[str, ...]
    remembers: bool
    complete: bool


@dataclass(frozen=True)
class _Job:
    """Who writes for which panel, and what it is held against."""

    adapter: str | None
    panel: str
    told: tuple[str, ...] | None
    writer: Callable[[], Writer]
    trained_on: Sequence[OpenEnd] = ()
    voice: VoiceSpec | None = None
    remembers: bool = False

    def copies(self, texts: Sequence[str]) -> list[bool]:
        """Which texts repeat what few people wrote in the answers trained on."""
        if self.voice is None:
            return [False] * len(texts)
        return [bool(run) for run in memorised.copied(texts, self.trained_on, self.voice.memory)]

    def label(self, writer: Writer) -> str:
        """Who wrote, for people."""
        return f"{writer.name}, {UNTUNED}" if self.adapter is None else f"voice of {self.adapter}"


def write(
    workspace: Workspace,
    wanted: Wanted,
    machine: Machine,
    begin: Callable[[int], None] = lambda _: None,
    progress: Callable[[int], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> Written:
    """Persons drawn by weight write what they would answer; the answers go into a table, marked as synthetic.

    What a person writes depends on seed, person and question alone, not on how many others write. No answer
    of a voice gets out that repeats a rare run of words of the answers trained on; such answers are counted.
    What is written is kept as it comes: the same command goes on where it was stopped.

    Args:
        workspace: where adapter and panel are.
        wanted: who writes what.
        machine: where the language model runs.
        begin: called with the number of persons.
        progress: called with the number of answers after each part.
        stop: whether to end after the part that is being written.

    Raises:
        MirrorpanelError: the adapter has no voice, or people behind the voice were erased.
        DataError: the open answers trained on are gone or others by now, so that nothing could be held
            against them; the question is empty or too long; there is a file already.
    """
    job = _of_model(workspace, wanted, machine) if wanted.model else _of_voice(workspace, wanted, machine)
    sources.refuse_expired(workspace, job.panel, "write")
    out = _free(wanted.out or workspace.folder / "exports" / f"{_stem(job, wanted)}.csv")
    gate = masking.gate(workspace.record("panels", "panel", job.panel, PanelRecord).spec.masking)
    question = _asked(wanted.question, gate)
    masked = gate.total
    writer = job.writer()
    writer.check(question)
    rows = _rows(panels.persons(workspace, job.panel), wanted, question, job.told)
    kept = {k.person: k for k in journal.opened(out, _key(job, wanted, question, writer), Kept)}
    begin(len(rows))
    left = _left(rows, kept, writer)
    progress(len(rows) - len(left))
    for replies in writer.write(left, wanted.seed) if left else ():
        fresh = _kept(job, left, replies, gate, wanted.form)
        journal.keep(out, fresh)
        kept |= {k.person: k for k in fresh}
        progress(len(fresh))
        if stop():
            break
    found = [kept[row.person] for row in rows if row.person in kept]
    done = _written(job, writer, question, out, rows, found)
    done = replace(done, masked=done.masked + masked)
    if len(found) == len(rows):
        _finish(workspace, job, done, found)
    return done


def _left(rows: Sequence[OpenEnd], kept: Mapping[str, Kept], writer: Writer) -> list[OpenEnd]:
    """Persons who are still to be asked, those included who are worth asking again."""
    done = {p for p, k in kept.items() if k.outcome != "failed" or not writer.again}
    return [row for row in rows if row.person not in done]


def _written(
    job: _Job, writer: Writer, question: str, out: Path, rows: Sequence[OpenEnd], found: Sequence[Kept]
) -> Written:
    again = writer.again and any(k.outcome == "failed" for k in found)
    return Written(
        adapter=job.adapter,
        written_by=job.label(writer),
        question=question,
        file=out,
        outcomes=dict(Counter(k.outcome for k in found if not k.copy_of_few)),
        persons=len(rows),
        copies=sum(k.copy_of_few for k in found),
        masked=sum(k.masked for k in found),
        attributes=tuple(dict.fromkeys(a for row in rows for a in row.attributes)),
        remembers=job.remembers,
        complete=len(found) == len(rows) and not again,
    )


def _finish(workspace: Workspace, job: _Job, done: Written, found: Sequence[Kept]) -> None:
    """Writes the table, and ends the journal where nothing is worth asking again."""
    given = [k for k in found if not k.copy_of_few]
    text = io.StringIO(newline="")
    table = csv.writer(text)
    table.writerow(COLUMNS)
    same = (done.adapter or "", done.written_by)
    table.writerows((True, k.person, done.question, k.answer, k.outcome, k.raw, *same) for k in given)
    answers = counted(done.outcomes.get("answered", 0), "answer")
    detail = f"{done.written_by}, {answers} of {counted(done.persons, 'person')} of {job.panel}"
    with workspace.transaction("write", detail):
        try:
            disk.replace(done.file, text.getvalue())
        except OSError as error:
            raise write_failed(done.file, error) from None
    if done.complete:
        journal.close(done.file)


def _kept(
    job: _Job, rows: Sequence[OpenEnd], replies: Sequence[Reply], gate: Gate, form: Form | None
) -> list[Kept]:
    """The replies, masked, without the words of those that repeat what few people wrote."""
    found: list[Kept] = []
    for reply, copy in zip(replies, job.copies([r.raw for r in replies]), strict=True):
        person = rows[reply.row].person
        if copy:
            found.append(Kept(person=person, outcome=reply.outcome, answer="", raw="", copy_of_few=True))
            continue
        before = gate.total
        raw = gate.clean(reply.raw, "answers")
        masked = gate.total - before
        # A number is a number, also where it looks like one to call.
        answer = reply.answer if isinstance(form, NumberForm) else gate.clean(reply.answer, "answers")
        found.append(Kept(person=person, outcome=reply.outcome, answer=answer, raw=raw, masked=masked))
    return found


def _of_model(workspace: Workspace, wanted: Wanted, machine: Machine) -> _Job:
    """An untuned model for the persons of a panel, told all that is known of them."""
    if wanted.panel is not None:
        raise DataError(
            f"write: with --model the first argument is the panel ({wanted.who!r}); leave --panel out"
        )
    source = wanted.model or ""
    panel = workspace.latest("panels", "panel", wanted.who)
    return _Job(None, panel, None, lambda: writers.untuned(source, machine, wanted.form))


def _of_voice(workspace: Workspace, wanted: Wanted, machine: Machine) -> _Job:
    """An adapter's kept voice, told what it was trained with. Raises: MirrorpanelError, DataError."""
    name, record, voice = _voice(workspace, wanted.who)
    assert record.voice is not None
    return _Job(
        adapter=name,
        panel=workspace.latest("panels", "panel", wanted.panel or registry.get(workspace, name).panel),
        told=tuple(voice.answers.attributes),
        writer=lambda: writers.voice(_language(workspace, record, machine), voice.texts.tokens, wanted.form),
        trained_on=_training(workspace, record, voice),
        voice=voice,
        remembers=not record.voice.memorisation.passed,
    )


def _stem(job: _Job, wanted: Wanted) -> str:
    """Name of the table where none was given."""
    who = job.adapter or f"{job.panel}-{Path(wanted.model or '').name}"
    return f"written-{re.sub(r'[^A-Za-z0-9._@-]+', '-', who)}-{wanted.seed}"


def _key(job: _Job, wanted: Wanted, question: str, writer: Writer) -> str:
    """What answers depend on, so that no others are taken for them; not how many write."""
    parts = [PROMPT_VERSION, writer.fingerprint, job.panel, job.adapter, question, wanted.seed, job.told]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _free(out: Path) -> Path:
    """The table, where there is none yet, or one with answers that failed. Raises: DataError."""
    if out.exists() and not journal.beside(out).exists():
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


def _rows(found: Panel, wanted: Wanted, question: str, told: Sequence[str] | None) -> list[OpenEnd]:
    """Persons drawn without replacement, by weight, with what the writer is told of them; all where ``None``.

    Source: Efraimidis and Spirakis (2006), "Weighted random sampling with a reservoir": largest ``u^(1/w)``.
    """
    willing = np.flatnonzero(found.weights > 0)
    u = draws.uniforms(wanted.seed, [found.ids[int(i)] for i in willing], ["who writes"])[:, 0]
    rank = np.argsort(-np.log(np.maximum(u, np.finfo(np.float64).tiny)) / found.weights[willing])
    people = [found.person(int(i)) for i in np.sort(willing[rank[: wanted.persons]])]
    return [
        OpenEnd(
            p.id,
            question,
            "",
            {n: p.attributes[n] for n in (p.attributes if told is None else told) if n in p.attributes},
        )
        for p in people
    ]
