"""The ladder: every way of answering on the same held-out people and questions, with its cost."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np

from personas.answer import Answers
from personas.arrays import FloatArray, IntArray
from personas.document import Document
from personas.errors import DataError, MirrorpanelError
from personas.models.base import AnswerModel
from personas.panel import Panel
from personas.question import Question
from training import leakage
from training.dataset import TrainingData
from training.ladder import measured, verdict
from training.ladder.cost import Spent, watched
from training.ladder.held_out import HeldOut
from training.ladder.measured import Comparison, Cost, Measured
from training.ladder.rungs import catalogue, neighbours
from training.ladder.rungs.catalogue import NEED_LANGUAGE, Family, Tools
from training.ladder.rungs.columns import QuestionModels, columns
from training.ladder.spec import LadderSpec

ORDER_PEOPLE, ORDER_QUESTIONS = 4, 3
"""People and questions that order sensitivity is measured on."""


@dataclass(frozen=True)
class Part:
    """One kind of held-out data.

    Attributes:
        name: for machines, for instance ``unseen_people``.
        title: for people.
        people: nobody of whom was trained on, or the trained ones where the questions are new.
        answers: theirs to the questions of this part.
        new_questions: whether the questions were held out.
        outside_support: those that are near to nothing that was trained on.
    """

    name: str
    title: str
    people: Panel
    answers: Answers
    new_questions: bool
    outside_support: tuple[str, ...] = ()


@dataclass(frozen=True)
class Fitted:
    """A model on the ladder.

    Attributes:
        name: for machines.
        title: for people.
        family: what it needs.
        model: answers.
        new_questions: whether it answers questions that it has no answers to.
        spent: what fitting took.
        reads_options: whether it reads options in an order, so that order sensitivity is measured.
    """

    name: str
    title: str
    family: Family
    model: AnswerModel
    new_questions: bool
    spent: Spent
    reads_options: bool = False


class NotRun(Document):
    """A rung without figures, and why."""

    rung: str
    title: str
    reason: str


class PartResult(Document):
    """The ladder on one kind of held-out data; ``best_baseline`` is the statistical rung that loses least.

    ``outside_support`` names new questions that are near to nothing that was trained on.
    """

    name: str
    title: str
    people: int
    questions: int
    answers: int
    new_questions: bool
    best_baseline: str
    rungs: tuple[Measured, ...]
    not_run: tuple[NotRun, ...]
    outside_support: tuple[str, ...] = ()


class Ladder(Document):
    """All rungs side by side, and what follows from them in words."""

    spec: LadderSpec
    people_trained: int
    questions_trained: int
    attributes: tuple[str, ...]
    parts: tuple[PartResult, ...]
    verdict: tuple[str, ...]


@runtime_checkable
class _Iterating(Protocol):
    """A model that answers person by person, so that it can be stopped."""

    def iterate(
        self, panel: Panel, questions: Sequence[Question]
    ) -> Iterator[tuple[slice, list[FloatArray]]]: ...


def ladder(
    data: TrainingData,
    parts: Sequence[Part],
    spec: LadderSpec,
    tools: Tools,
    trained: Sequence[Fitted] = (),
    report: Callable[[str], None] = lambda _: None,
    begin: Callable[[int], None] = lambda _: None,
) -> Ladder:
    """All rungs on all parts.

    Statistical rungs and retrieval are fitted to ``data`` here; ``trained`` models come as they are. A rung
    that reads person by person is asked ``spec.questions`` questions of as many people, in an order drawn by
    lot, as ``spec.seconds`` reach, and is compared with the baseline on those. A rung that fails, with
    whatever error of the library below it, stands among those not run, with the reason. ``begin`` is told
    how many steps there are, ``report`` each as it begins.

    Raises:
        DataError: a part without an answer to any question; every statistical rung failed.
    """
    begin(_steps(parts, spec, tools, trained))
    limited = replace(tools, seconds=spec.fit_seconds)
    fitted, failed = _fitted(data, spec, limited, report)
    everyone = [*fitted, *trained]
    cells = _cells(data)
    results = [_part(part, everyone, failed, spec, cells, report) for part in parts]
    return Ladder(
        spec=spec,
        people_trained=len(data.people),
        questions_trained=len(data.answers.questions),
        attributes=data.people.attributes,
        parts=tuple(results),
        verdict=tuple(verdict.words([_evidence(data, p, r) for p, r in zip(parts, results, strict=True)])),
    )


def _steps(parts: Sequence[Part], spec: LadderSpec, tools: Tools, trained: Sequence[Fitted]) -> int:
    """Rungs to fit, and answers of rungs to ask for."""
    fits = [n for n in spec.rungs if n not in NEED_LANGUAGE or tools.language is not None]
    news = [catalogue.get(n).new_questions for n in fits] + [f.new_questions for f in trained]
    return len(fits) + sum(new or not part.new_questions for part in parts for new in news)


def _evidence(data: TrainingData, part: Part, found: PartResult) -> verdict.Evidence:
    """What the verdict reads of a part: its rungs, and which of its questions are like some trained on."""
    trained, new = data.answers.questions, part.answers.questions
    names = [q.name for q in new]
    alike = leakage.question_overlaps([*trained, *new], names) if part.new_questions else ()
    return verdict.Evidence(found.title, found.new_questions, found.rungs, len({o.held_out for o in alike}))


def _fitted(
    data: TrainingData, spec: LadderSpec, tools: Tools, report: Callable[[str], None]
) -> tuple[list[Fitted], list[NotRun]]:
    fitted: list[Fitted] = []
    failed: list[NotRun] = []
    for name in spec.rungs:
        rung = catalogue.get(name)
        if name in NEED_LANGUAGE and tools.language is None:
            failed.append(NotRun(rung=name, title=rung.title, reason="no language model was given"))
            continue
        report(f"ladder: fitting {rung.title.lower()}")
        try:
            with watched() as spent:
                model = rung.make(data, tools)
        except Exception as error:  # whatever a library raises: the other rungs stand without this one
            failed.append(_failure(name, rung.title, error, report))
            continue
        reads = name == "instructions"
        fitted.append(Fitted(name, rung.title, rung.family, model, rung.new_questions, spent, reads))
    return fitted, failed


def _failure(name: str, title: str, error: Exception, report: Callable[[str], None]) -> NotRun:
    """The rung with the reason why it was not run, in one line."""
    told = " ".join(str(error).split())
    reason = told if isinstance(error, MirrorpanelError) else f"{type(error).__name__}: {told}".rstrip(": ")
    report(f"ladder: {title.lower()} failed: {reason}")
    return NotRun(rung=name, title=title, reason=reason)


@dataclass(frozen=True)
class _Answered:
    """What a rung said, of whom, and at what cost."""

    fitted: Fitted
    held_out: HeldOut
    rows: IntArray
    distributions: list[FloatArray]
    cost: Cost
    order: float | None


def _part(
    part: Part,
    everyone: Sequence[Fitted],
    failed: Sequence[NotRun],
    spec: LadderSpec,
    cells: Callable[[Panel], IntArray],
    report: Callable[[str], None],
) -> PartResult:
    whole = _held_out(part, spec, cells)
    answered, unanswered = _asked(part, everyone, whole, spec, report)
    not_run = [*failed, *unanswered]
    statistics = [i for i, (a, _) in enumerate(answered) if a.fitted.family == "statistics"]
    if not statistics:
        reasons = "; ".join(f"{n.title}: {n.reason}" for n in not_run)
        raise DataError(f"ladder: {part.title}: no statistical rung gave answers to compare with: {reasons}")
    best, _ = answered[min(statistics, key=lambda i: answered[i][1].log_loss)]
    guess = next((a for a, _ in answered if a.fitted.name == verdict.GUESS), None)
    compared = [_compared(figures, a, best, guess) for a, figures in answered]
    return PartResult(
        name=part.name,
        title=part.title,
        people=len(whole.people),
        questions=len(whole.answers.questions),
        answers=int(whole.given.sum()),
        new_questions=part.new_questions,
        best_baseline=best.fitted.name,
        rungs=tuple(compared),
        not_run=tuple(not_run),
        outside_support=tuple(q.name for q in whole.answers.questions if q.name in part.outside_support),
    )


def _asked(
    part: Part,
    everyone: Sequence[Fitted],
    whole: HeldOut,
    spec: LadderSpec,
    report: Callable[[str], None],
) -> tuple[list[tuple[_Answered, Measured]], list[NotRun]]:
    """What each rung said, with its figures, and the rungs that said nothing, with the reason."""
    answered: list[tuple[_Answered, Measured]] = []
    not_run: list[NotRun] = []
    for fitted in everyone:
        if part.new_questions and not fitted.new_questions:
            reason = "says nothing of questions without answers"
            not_run.append(NotRun(rung=fitted.name, title=fitted.title, reason=reason))
            continue
        report(f"ladder: {part.title}: {fitted.title.lower()}")
        try:
            said = _answer(fitted, whole, spec)
            answered.append((said, _measured(said)))
        except Exception as error:  # as for fitting
            not_run.append(_failure(fitted.name, fitted.title, error, report))
    return answered, not_run


def _held_out(part: Part, spec: LadderSpec, cells: Callable[[Panel], IntArray]) -> HeldOut:
    """The people who count and the questions that any of them answered."""
    everyone = HeldOut(part.people, part.answers, cells(part.people), spec.replicates, spec.seed)
    rows = np.flatnonzero(everyone.given.any(axis=1))
    asked = everyone.given.sum(axis=0) > 0
    names = [q.name for q, any_ in zip(part.answers.questions, asked, strict=True) if any_]
    if len(rows) < 2 or not names:
        raise DataError(f"ladder: {part.title}: {len(rows)} people with answers; at least 2 are needed")
    return everyone.take(rows, names)


def _answer(fitted: Fitted, whole: HeldOut, spec: LadderSpec) -> _Answered:
    model = fitted.model
    if not isinstance(model, _Iterating):
        with watched() as spent:
            found = model.distributions(whole.people, whole.answers.questions)
        rows, held_out = np.arange(len(whole.people)), whole
    else:
        rng = np.random.default_rng([spec.seed, 7])
        asked = list(whole.answers.questions)
        asked = asked[:: max(1, -(-len(asked) // spec.questions))]
        order = rng.permutation(len(whole.people))
        with watched() as spent:
            found = _as_many(model, whole.people.take(order), asked, spec)
        rows = order[: len(found[0])]
        held_out = whole.take(rows, [q.name for q in asked])
    n = len(rows) * len(held_out.answers.questions)
    order_tv = None
    if fitted.reads_options:
        few = held_out.people.take(np.arange(min(ORDER_PEOPLE, len(rows))))
        order_tv = measured.order_sensitivity(model, few, held_out.answers.questions[:ORDER_QUESTIONS])
    return _Answered(fitted, held_out, rows, found, measured.cost(fitted.spent, spent, n), order_tv)


def _as_many(
    model: _Iterating, people: Panel, questions: Sequence[Question], spec: LadderSpec
) -> list[FloatArray]:
    """Distributions of as many people as there is time for, at least ``spec.people``."""
    end = time.monotonic() + spec.seconds
    parts: list[list[FloatArray]] = []
    for rows, found in model.iterate(people, questions):
        parts.append(found)
        if rows.stop >= spec.people and time.monotonic() >= end:
            break
    return [np.concatenate([p[q] for p in parts]) for q in range(len(questions))]


def _measured(answered: _Answered) -> Measured:
    fitted = answered.fitted
    asked = {q.name for q in answered.held_out.answers.questions}
    late = fitted.model.left_out if isinstance(fitted.model, QuestionModels) else ()
    return measured.measure(
        fitted.name,
        fitted.title,
        fitted.family,
        answered.distributions,
        answered.held_out,
        answered.cost,
        answered.order,
        [name for name in late if name in asked],
    )


def _compared(figures: Measured, answered: _Answered, best: _Answered, guess: _Answered | None) -> Measured:
    """The figures with the comparisons with the best baseline and the uniform guess, on the same answers."""
    over = None if guess is None else _comparison(answered, guess)
    return figures.model_copy(update={"comparison": _comparison(answered, best), "over_guess": over})


def _comparison(answered: _Answered, other: _Answered) -> Comparison | None:
    """How much better one rung did than another, on the people and questions of the first."""
    if answered is other:
        return None
    names = [q.name for q in other.held_out.answers.questions]
    places = [names.index(q.name) for q in answered.held_out.answers.questions]
    said = [other.distributions[i][answered.rows] for i in places]
    return measured.compare(answered.distributions, said, other.fitted.name, answered.held_out)


def _cells(data: TrainingData) -> Callable[[Panel], IntArray]:
    """Cells of people alike in the two attributes that tell most of the trained answers."""
    people = neighbours.people(data, columns(data))
    strongest = np.argsort(-people.weights, kind="stable")[:2]

    def of(panel: Panel) -> IntArray:
        codes = people.design.codes(panel)
        cell = np.zeros(len(panel), dtype=np.int64)
        for a in map(int, strongest):
            cell = np.asarray(cell * (people.design.sizes[a] + 1) + codes[:, a] + 1, dtype=np.int64)
        return cell

    return of
