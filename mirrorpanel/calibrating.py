"""What this machine takes for a study's own texts and answers, measured in a second or two beforehand."""

import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from mirrorpanel.runs import RunSink
from mirrorpanel.schema import TABLES
from mirrorpanel.store import Workspace
from personas.arrays import IntArray
from personas.models.base import AnswerModel
from personas.models.drawing import Drawing
from personas.models.factored import FactoredModel, TextEncoder
from personas.models.joint import JointModel
from personas.models.offset import OffsetModel
from personas.models.processor import Processor, peak_bytes
from personas.models.remembered import reader_of, texts_known
from personas.models.scripted import ScriptedModel
from personas.models.work import CountedEncoder, Work, fresh_texts
from personas.panel import Panel
from personas.prompt import attribute_text, option_text, question_text, value_text
from personas.question import Question
from validation.field import AnswerBatch, answer
from validation.plan import Calibration, Cost, guessed

_SECONDS = 1.0  # that the language model is timed for, at most but for its first passes
_FEW, _MANY = 10, 250  # persons of a small batch, and of a larger one at least
_ANSWERS = 20_000  # of a larger one, where the study has so many
_TREE = 24  # questions that persons are timed with
_TEXTS = 96  # texts that an encoder is timed with
_SIZE = 1024  # of the matrices multiplied in double precision
_LEAST = 1e-8  # seconds for an answer that clocks cannot tell from nothing


def calibrate(
    model: AnswerModel,
    drawing: Drawing,
    panel: Panel,
    questions: Sequence[Question],
    work: Work,
    where: Processor,
    worth: float = 0.0,
) -> Calibration:
    """The costs of the kinds of ``work`` that there are; the study's own workspace is not touched.

    Texts are read that will be read again; a server is sent nothing. A kind of work that takes less than
    ``worth`` seconds on a slow machine is not measured: its cost is guessed, widely.
    """
    batch, each = _GUESSED
    if work.answers * each.high > worth:
        many = max(_MANY, min(len(panel), _ANSWERS // len(questions)))
        batch, each = storing(_answers(model, drawing, panel, questions), many)
    flop, algebra = guessed(where.kind), guessed("cpu float64")
    if work.flops * flop.high > worth:
        flop = _flop(model, panel, questions)
    if work.algebra * algebra.high > worth:
        algebra = _algebra()
    return Calibration(
        answer=each,
        batch=batch,
        flop=flop if work.flops else None,
        algebra=algebra if work.algebra else None,
        memory=peak_bytes(where.device),
    )


# Costs of a batch and of an answer, on fast machines and on slow ones.
_GUESSED = (Cost.of([0.003, 0.2]), Cost.of([1e-6, 1e-4]))


def storing(answers: Callable[[IntArray], AnswerBatch], larger: int) -> tuple[Cost, Cost]:
    """Cost of a batch and of an answer, drawn and stored into a database that is thrown away.

    Five small and five larger batches are timed, and the best and the worst of each left out. Where there is
    no room for that database, the costs are guessed, widely: the fielding itself will say what lacks.

    Args:
        answers: of the persons in so many rows, with ids that have not been there before.
        larger: persons of the larger batches.
    """
    try:
        timed, questions = _timed(answers, larger)
    except (duckdb.Error, OSError):
        return _GUESSED
    few, many = sorted(timed[_FEW][1:])[1:-1], sorted(timed[larger])[1:-1]
    more = (larger - _FEW) * questions
    return Cost.of(few), Cost.of([max(_LEAST, (m - f) / more) for m, f in zip(many, few, strict=True)])


def _timed(answers: Callable[[IntArray], AnswerBatch], larger: int) -> tuple[dict[int, list[float]], int]:
    """Seconds of the batches of each size, and how many questions were answered."""
    timed: dict[int, list[float]] = {_FEW: [], larger: []}
    questions = 1
    with tempfile.TemporaryDirectory(prefix="mirrorpanel-") as folder, _Scratch(Path(folder)) as scratch:
        sink, at = RunSink(scratch, "calibration"), 0
        for n in (_FEW, *(_FEW, larger) * 5):
            started = time.perf_counter()
            batch = answers(np.arange(at, at + n))
            sink.write(batch)
            timed[n].append(time.perf_counter() - started)
            at, questions = at + n, len(batch.questions)
    return timed, questions


def _answers(
    model: AnswerModel, drawing: Drawing, panel: Panel, questions: Sequence[Question]
) -> Callable[[IntArray], AnswerBatch]:
    """Answers that cost what the study's own do but for the language model, which is not asked.

    A factored model answers for itself: what it was trained on where the study's questions are new. Elsewhere
    the draws and the database count, and every option is as likely.
    """
    if isinstance(model, FactoredModel) and not model.persons.to_encode(panel):
        new = {q.fingerprint for q in fresh_texts(model, panel, questions)[1]}
        related = {q.fingerprint for q in model.config.questions} if model.relates else None
        known = [
            q for q in questions if q.fingerprint not in new and (related is None or q.fingerprint in related)
        ]
        asked = known or list(model.config.questions[: len(questions)])
        return lambda rows: answer(model, _persons(panel, rows), asked, 0, drawing)
    plain = ScriptedModel()
    few = panel.select([])
    return lambda rows: answer(plain, _persons(few, rows), questions, 0)


def _persons(panel: Panel, rows: IntArray) -> Panel:
    """Persons of the panel, again and again, each under an id of its own."""
    some = rows % len(panel)
    ids = tuple(f"{panel.ids[int(place)]}-{row}" for place, row in zip(some, rows, strict=True))
    known = None if panel.known is None else panel.known.take(some)
    return replace(panel, ids=ids, codes=panel.codes[some], weights=panel.weights[some], known=known)


class _Scratch(Workspace):
    """An empty workspace of its own, without an audit log, in a folder that is thrown away."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.read_only = folder, False
        self.connection = duckdb.connect(str(folder / "scratch.duckdb"))
        self.connection.execute(TABLES)

    def transaction(self, verb: str, detail: str) -> Any:
        """A block whose writes are kept whole or not at all."""
        return _Block(self)


class _Block(AbstractContextManager[Workspace]):
    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace

    def __enter__(self) -> Workspace:
        self.workspace.connection.begin()
        return self.workspace

    def __exit__(self, kind: object, *_: object) -> None:
        connection = self.workspace.connection
        (connection.commit if kind is None else connection.rollback)()


def _flop(model: AnswerModel, panel: Panel, questions: Sequence[Question]) -> Cost | None:
    if isinstance(model, OffsetModel):
        return _flop(model.tuned, panel, questions)
    if isinstance(model, JointModel):
        return reading(model, panel, questions)
    if isinstance(model, FactoredModel) and (reader := reader_of(model.encoder)) is not None:
        values, new = fresh_texts(model, panel, questions)
        texts = [(attribute_text(name), value_text(value)) for name, value in values]
        texts += [(question_text(q), option_text(o)) for q in new for o in q.options]
        unread = ~texts_known(model.encoder, texts)
        some = [text for text, left in zip(texts, unread, strict=True) if left]
        return encoding(reader, reader, some[:: max(1, -(-len(some) // _TEXTS))])
    return None


def reading(model: JointModel, panel: Panel, questions: Sequence[Question]) -> Cost:
    """Seconds for an operation where persons are read with the questions, from the first of them."""
    few, questions = panel.take(np.arange(min(len(panel), _MANY))), questions[:_TREE]
    timed: list[tuple[float, float]] = []
    started = mark = time.perf_counter()
    for (_, passes), _read in zip(model.passes(few, questions), model.iterate(few, questions), strict=True):
        now = time.perf_counter()
        timed.append((sum(p.flops for p in passes), now - mark))
        mark = now
        if now - started > _SECONDS and len(timed) > 1:
            break
    return _halves(timed)


def encoding(encoder: TextEncoder, counted: CountedEncoder, texts: Sequence[tuple[str, str]]) -> Cost:
    """Seconds for an operation where texts are encoded once."""
    timed: list[tuple[float, float]] = []
    for part in (texts[:4], texts):
        heads, tails = [text for text, _ in part], [tail for _, tail in part]
        seconds = _seconds(lambda heads=heads, tails=tails: encoder.encode(heads, tails))
        timed.append((sum(p.flops for p in counted.passes(heads, tails)), seconds))
    return _halves(timed)


def _halves(timed: Sequence[tuple[float, float]]) -> Cost:
    """Cost for an operation in each half of what was timed, without the first, which sets things up."""
    kept = [pair for pair in (timed[1:] or timed) if pair[0] > 0]
    middle = (len(kept) + 1) // 2
    parts = [part for part in (kept[:middle], kept[middle:]) if part]
    return Cost.of([sum(s for _, s in part) / sum(f for f, _ in part) for part in parts])


def _algebra() -> Cost:
    a = np.ones((_SIZE, _SIZE))
    tries = [_seconds(lambda: a @ a) / (2 * _SIZE**3) for _ in range(4)]
    return Cost.of(tries[1:])


def _seconds(act: Callable[[], object]) -> float:
    started = time.perf_counter()
    act()
    return time.perf_counter() - started
