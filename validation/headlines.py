"""The headline of each kind of held-out data: means over questions, comparisons, claims."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from personas.answer import NO_ANSWER, Answers
from personas.arrays import IntArray
from personas.measures import ceilings, scores
from personas.measures.bootstrap import paired_difference
from personas.measures.gap import gap_closed
from personas.panel import Panel
from validation import signals, verdicts
from validation.baselines import UNIFORM
from validation.cells import EVERYBODY, SEGMENTS, Cells, Grid
from validation.results import Claim, Comparison, Measure, Status, StatusResult
from validation.scored import Scored

MODEL = "model"
_AGREEMENT = (0.0, 1.0)


@dataclass(frozen=True)
class Compared:
    """Everything that was compared, cell by cell and answer by answer.

    Attributes:
        people: the held-out people.
        answers: their answers to the questions compared.
        status: name of each question -> what was held out of it.
        cells: the real side.
        model: agreement of the model in each cell.
        baselines: agreement of each baseline.
        mirrored: distributions for the held-out people themselves, ``model`` among them; may be empty.
    """

    people: Panel
    answers: Answers
    status: Mapping[str, Status]
    cells: Cells
    model: Grid
    baselines: Mapping[str, Grid]
    mirrored: Mapping[str, Scored]

    def questions(self, status: Status) -> IntArray:
        """Columns of the questions of one status that enough people answered."""
        of_status = np.array([self.status[q.name] == status for q in self.answers.questions])
        return np.flatnonzero(of_status & self.model.usable()[0])

    def complete(self, groups: slice, columns: IntArray) -> dict[str, Grid]:
        """The baselines that have every cell that the model has."""
        found = self.baselines.items()
        return {name: grid for name, grid in found if grid.covers(self.model, groups, columns)}


@dataclass(frozen=True)
class _Measured:
    """One measure: the model's figure, those of the baselines, and the paired differences."""

    model: float
    baselines: dict[str, float]
    comparisons: tuple[Comparison, ...]
    ceiling: float | None = None

    def claim(self, measure: Measure) -> Claim | None:
        strongest = verdicts.best(self.comparisons, measure)
        if strongest is None:
            return None
        return verdicts.claim(strongest, self.model, self.baselines[strongest.baseline], self.ceiling)


def headline(compared: Compared, status: Status, rng: np.random.Generator) -> StatusResult:
    """The headline of one status, which has at least one question with enough people."""
    columns = compared.questions(status)
    overall = _over(compared, EVERYBODY, columns, "agreement", rng)
    segments = _over(compared, SEGMENTS, columns, "segment_agreement", rng)
    answers = _single_answers(compared, columns, rng)
    agreement = compared.model.estimate(EVERYBODY, columns, rng, _AGREEMENT)
    if overall is None or agreement is None:
        raise ValueError(f"no question of status {status!r} has enough people")
    parts: dict[Measure, _Measured | None] = {
        "agreement": overall,
        "segment_agreement": segments,
        "log_score": answers,
    }
    found: list[tuple[Measure, _Measured]] = [(m, p) for m, p in parts.items() if p is not None]
    claims = tuple(c for m, part in found if (c := part.claim(m)) is not None)
    ceiling = ceilings.summary(compared.cells.ceiling.replicates[:, 0, columns].mean(axis=1))
    return StatusResult(
        status=status,
        questions=len(columns),
        people=_answered(compared, columns),
        agreement=agreement,
        ceiling=ceiling,
        baselines=overall.baselines,
        skill=gap_closed(overall.model, overall.baselines[UNIFORM], ceiling.value),
        segment_agreement=compared.model.estimate(SEGMENTS, columns, rng, _AGREEMENT),
        segment_ceiling=None if segments is None else segments.ceiling,
        segment_baselines={} if segments is None else segments.baselines,
        log_score={} if answers is None else {MODEL: answers.model, **answers.baselines},
        person_signal=_person_signals(compared, columns),
        comparisons=tuple(c for _, part in found for c in part.comparisons),
        best_baseline=claims[0].baseline,
        beats_best_baseline=claims[0].outcome == "better",
        verdict=verdicts.verdict(status, len(columns), agreement, ceiling.value, claims),
        claims=claims,
    )


def eligible(compared: Compared, columns: IntArray) -> dict[str, Scored]:
    """What was mirrored on all the held-out people and all these questions."""
    wanted = {compared.answers.questions[int(i)].name for i in columns}
    return {
        name: scored
        for name, scored in compared.mirrored.items()
        if scored.panel.ids == compared.people.ids and wanted <= set(scored.names)
    }


def _over(
    compared: Compared, groups: slice, columns: IntArray, measure: Measure, rng: np.random.Generator
) -> _Measured | None:
    value = compared.model.mean(groups, columns)
    if value is None:
        return None
    figures: dict[str, float] = {}
    comparisons: list[Comparison] = []
    for name, grid in compared.complete(groups, columns).items():
        difference = compared.model.less(grid).estimate(groups, columns, rng)
        mean = grid.where(compared.model).mean(groups, columns)
        if difference is not None and mean is not None:
            figures[name] = mean
            comparisons.append(Comparison(baseline=name, measure=measure, difference=difference))
    ceiling = compared.cells.ceiling.where(compared.model).mean(groups, columns)
    return _Measured(value, figures, tuple(comparisons), ceiling)


def _single_answers(compared: Compared, columns: IntArray, rng: np.random.Generator) -> _Measured | None:
    found = eligible(compared, columns)
    if MODEL not in found:
        return None
    answers = _columns(compared, columns)
    weights = compared.people.weights
    theirs = {name: signals.log_scores(scored, answers) for name, scored in found.items()}
    own = theirs.pop(MODEL)
    comparisons: list[Comparison] = []
    for name, given in theirs.items():
        difference = paired_difference(own, given, weights, compared.cells.drawn, rng)
        comparisons.append(Comparison(baseline=name, measure="log_score", difference=difference))
    means = {name: scores.mean(s, weights) for name, s in theirs.items()}
    return _Measured(scores.mean(own, weights), means, tuple(comparisons))


def _person_signals(compared: Compared, columns: IntArray) -> dict[str, float]:
    answers = _columns(compared, columns)
    found: dict[str, float] = {}
    for name, scored in eligible(compared, columns).items():
        signal = signals.person_signal(scored, answers, compared.people.weights)
        if signal is not None:
            found[name] = signal
    return found


def _columns(compared: Compared, columns: IntArray) -> Answers:
    return compared.answers.only([compared.answers.questions[int(i)].name for i in columns])


def _answered(compared: Compared, columns: IntArray) -> int:
    given = (compared.answers.chosen[:, columns] != NO_ANSWER).any(axis=1)
    return int(np.sum(given & (compared.people.weights > 0)))
