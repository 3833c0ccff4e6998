"""The agreement report: a model and its baselines against real people who were never trained on."""

from collections.abc import Mapping, Sequence

import numpy as np

from grounding.population.weights import effective_base
from personas.answer import NO_ANSWER, Answers, shares
from personas.arrays import IntArray
from personas.measures import bootstrap, ceilings
from personas.measures.gap import gap_closed
from personas.panel import Panel
from validation import cells, headlines, inference, remarks
from validation.baselines import UNIFORM
from validation.headlines import MODEL, Compared
from validation.results import AgreementResult, QuestionResult, SegmentResult, Status
from validation.scored import Scored
from validation.segments import SMALLEST_BASE, levels

_STATUSES: tuple[Status, ...] = ("unseen_people", "unseen_both")


def agreement(
    *,
    model: Scored,
    baselines: Mapping[str, Scored],
    people: Panel,
    answers: Answers,
    status: Mapping[str, Status],
    segments: Sequence[str],
    draws: IntArray,
    mirrored: Mapping[str, Scored],
    seed: int,
    replicates: int = 500,
    smallest_base: int = SMALLEST_BASE,
    outside_support: frozenset[str] = frozenset(),
) -> AgreementResult:
    """Agreement of a simulated panel with held-out real people, beside ceilings and baselines.

    Estimates use the answer distributions (expected shares), not the draws. Model and baselines are
    compared on the same bootstrap samples of people and of questions.

    Args:
        model: what the model says for the persons drawn.
        baselines: name -> what a baseline says for all or some of them; ``uniform`` must be there, since
            skill is measured from it. A baseline is left out where it lacks a question.
        people: the held-out people with their weights.
        answers: their real answers, row by row.
        status: name of each question to be compared -> what was held out of it.
        segments: attributes whose levels are the segments; both panels have them.
        draws: drawn options of the persons, columns as ``model.questions``, (n_persons, n_questions).
        mirrored: ``model`` and baselines asked to answer as the held-out people themselves, for scores of
            single answers; may be empty.
        seed: of the bootstrap.
        replicates: bootstrap samples.
        smallest_base: fewest people who answered, and in segments fewest persons, that a figure is read from.
        outside_support: questions too far from those trained on to be trusted.

    Raises:
        ValueError: there is nothing to compare, or inputs do not fit each other (says which).
    """
    chosen = _asked(answers, status)
    _check(model, {**baselines, **mirrored}, people, chosen, draws)
    if UNIFORM not in baselines or (mirrored and MODEL not in mirrored):
        raise ValueError(f"baselines need {UNIFORM!r}, and mirrored distributions need {MODEL!r}")
    groups = levels([people, model.panel], segments)
    rng = np.random.default_rng(seed)
    real = cells.build(people, chosen, groups, smallest_base, replicates, rng)
    grids = {name: real.score(scored) for name, scored in baselines.items()}
    compared = Compared(people, chosen, dict(status), real, real.score(model), grids, dict(mirrored))
    present: list[Status] = [s for s in _STATUSES if len(compared.questions(s))]
    if not present:
        raise ValueError(f"no question was answered by {smallest_base} people or more; nothing to compare")
    columns = [int(i) for s in present for i in compared.questions(s)]
    questions = [_question(compared, model, draws, i, outside_support) for i in columns]
    return AgreementResult(
        statuses=tuple(headlines.headline(compared, s, rng) for s in present),
        questions=tuple(sorted(questions, key=lambda q: q.agreement.value)),
        segments=tuple(
            _segment(compared, model.panel, s, g, rng) for s in present for g in range(1, 1 + len(groups))
        ),
        persons=len(model.panel),
        people=len(people),
        replicates=replicates,
        seed=seed,
        notes=remarks.remarks(compared, present, model, baselines),
    )


def _question(
    compared: Compared, model: Scored, draws: IntArray, column: int, outside_support: frozenset[str]
) -> QuestionResult:
    question, real = compared.answers.questions[column], compared.cells
    options = len(question.options)
    given = (compared.answers.chosen[:, column] != NO_ANSWER) & (compared.people.weights > 0)
    base = effective_base(compared.people.weights[given])
    observed = real.real[0, column, :options]
    low, high = inference.wilson(observed, base)
    drawn = shares(draws[:, model.names.index(question.name)], options, model.panel.weights)
    value = float(compared.model.value[0, column])
    limit = ceilings.summary(real.ceiling.replicates[:, 0, column])
    found = {name: float(grid.value[0, column]) for name, grid in compared.baselines.items()}
    return QuestionResult(
        name=question.name,
        text=question.text,
        options=question.options,
        status=compared.status[question.name],
        people=int(given.sum()),
        effective_base=base,
        real=tuple(observed.tolist()),
        real_low=tuple(low.tolist()),
        real_high=tuple(high.tolist()),
        simulated=tuple(model.shares(question.name).tolist()),
        drawn=tuple(drawn.tolist()),
        agreement=bootstrap.recentred(value, compared.model.replicates[:, 0, column], bounds=(0.0, 1.0)),
        ceiling=limit,
        baselines={name: figure for name, figure in found.items() if not np.isnan(figure)},
        skill=gap_closed(value, found[UNIFORM], limit.value),
        outside_support=question.name in outside_support,
    )


def _segment(
    compared: Compared, panel: Panel, status: Status, group: int, rng: np.random.Generator
) -> SegmentResult:
    segment, columns = compared.cells.segments[group - 1], compared.questions(status)
    inside = cells.persons(compared.people, segment)
    asked = (compared.answers.chosen[:, columns] != NO_ANSWER).any(axis=1)
    here = slice(group, group + 1)
    estimate = compared.model.estimate(here, columns, rng, (0.0, 1.0))
    figures = {name: g.mean(here, columns) for name, g in compared.complete(here, columns).items()}
    ceiling = compared.cells.ceiling.where(compared.model).mean(here, columns)
    return SegmentResult(
        attribute=segment.attribute,
        level=segment.level,
        status=status,
        people=int(np.sum(inside & asked)),
        persons=int(cells.persons(panel, segment).sum()),
        suppressed=estimate is None,
        agreement=estimate,
        ceiling=None if estimate is None else ceiling,
        baselines={} if estimate is None else {n: f for n, f in figures.items() if f is not None},
    )


def _asked(answers: Answers, status: Mapping[str, Status]) -> Answers:
    """The answers to the questions that have a status. Raises: ValueError where one is lacking."""
    lacking = [name for name in status if name not in {q.name for q in answers.questions}]
    if not status or lacking:
        raise ValueError(f"questions to compare need real answers; lacking: {', '.join(lacking) or 'all'}")
    return answers.only([q.name for q in answers.questions if q.name in status])


def _check(
    model: Scored, others: Mapping[str, Scored], people: Panel, answers: Answers, draws: IntArray
) -> None:
    """Returns where the inputs fit each other. Raises: ValueError."""
    if len(people) == 0 or len(people) != len(answers.chosen):
        raise ValueError(f"{len(people)} held-out people with {len(answers.chosen)} rows of real answers")
    if draws.shape != (len(model.panel), len(model.questions)):
        raise ValueError(
            f"draws must have shape {(len(model.panel), len(model.questions))}, got {draws.shape}"
        )
    asked = {q.name: q.fingerprint for q in answers.questions}
    lacking = [name for name in asked if name not in model.names]
    if lacking:
        raise ValueError(f"the model was not asked question {lacking[0]!r}")
    for name, scored in {MODEL: model, **others}.items():
        for question in scored.questions:
            if question.name in asked and question.fingerprint != asked[question.name]:
                raise ValueError(f"{name} answers another question {question.name!r}: text or options differ")
