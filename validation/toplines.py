"""Simulated answers against published toplines: a target where there are no real answers to compare.

Published shares come with the number of people behind them and nothing else, so everything here is from that
number: no skill, no paired comparison of models, no score of single answers.
"""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from grounding.sources import toplines
from grounding.sources.toplines import Match
from grounding.sources.toplines_spec import Toplines
from personas.answer import NO_ANSWER, Answers, shares
from personas.arrays import FloatArray
from personas.document import Document
from personas.measures import bootstrap, ceilings, distances
from personas.measures.estimate import Estimate
from personas.panel import Panel
from validation.segments import SMALLEST_BASE, Segment, members


class ToplineResult(Document):
    """One published question, in total or in one segment.

    Attributes:
        question: name of the panel's question.
        text: as the panel was asked.
        options: in the panel's order; ``published`` and ``simulated`` follow it.
        attribute: of the segment, and ``level`` its value; ``None`` for the total.
        published: shares as the study reports them, without its options that are no answer.
        simulated: weighted shares among the persons; empty where too few of them are there.
        agreement: 1 minus total variation, with the interval that the size of the study leaves.
        ceiling: what a second sample as large as the study would score against it.
        n: people behind the published shares, as published.
        n_effective: equally weighted people as good as those who answered.
        persons: simulated persons who answered.
        reason: why there is no figure; empty where there is one.
        anchored: the study informed the prior of this question; agreement with it proves nothing.
    """

    question: str
    text: str
    options: tuple[str, ...]
    attribute: str | None
    level: str | None
    published: tuple[float, ...]
    simulated: tuple[float, ...]
    agreement: Estimate | None
    ceiling: Estimate
    n: int
    n_effective: float
    persons: int
    reason: str = ""
    anchored: bool = False


class UnusedTopline(Document):
    """A published question that could not be compared, and why."""

    question: str
    reason: str


class ToplinesResult(Document):
    """All published questions of one study beside the panel's answers.

    Attributes:
        source: who published the study.
        population: whom it stands for, in words; the panel's may be another.
        results: for each question the total, and then its segments.
        unused: published questions that the panel was not asked, or not with these options.
        reworded: questions that have the same name, but another text.
        mean_agreement: mean over the questions of the total's agreement, without those that the study itself
            anchored; ``None`` without any.
        mean_ceiling: the same of the ceilings.
        questions: how many questions the means are over.
        fielded: first and last day of fieldwork, in words.
        notes: what a reader should know of the study's figures.
    """

    source: str
    population: str
    results: tuple[ToplineResult, ...]
    unused: tuple[UnusedTopline, ...]
    reworded: tuple[str, ...]
    mean_agreement: float | None
    mean_ceiling: float | None
    questions: int
    fielded: str
    notes: tuple[str, ...] = ()


def against(
    study: Toplines,
    answers: Answers,
    panel: Panel,
    rng: np.random.Generator,
    replicates: int = 2000,
    smallest_base: int = SMALLEST_BASE,
    anchored: Collection[str] = (),
) -> ToplinesResult:
    """Agreement of simulated answers with published shares, question by question and segment by segment.

    Args:
        study: the published toplines.
        answers: drawn answers of the persons.
        panel: the persons, with the weights and the attributes that segments are made of.
        rng: draws the samples that ceilings and intervals are from.
        replicates: how many of them.
        smallest_base: fewest persons that a figure is read from.
        anchored: questions of which this study informed the prior of the model: shown, and left out of the
            means.

    Raises:
        ValueError: there are not as many answers as persons.
    """
    if len(answers.chosen) != len(panel):
        raise ValueError(f"{len(answers.chosen)} rows of answers for {len(panel)} persons")
    found = toplines.match(study, answers.questions)
    results = tuple(
        result
        for match in found.matches
        for result in _results(study, match, answers, panel, rng, replicates, smallest_base, anchored)
    )
    totals = [
        (r.agreement.value, r.ceiling.value)
        for r in results
        if r.attribute is None and r.agreement and not r.anchored
    ]
    means = np.mean(totals, axis=0).tolist() if totals else (None, None)
    return ToplinesResult(
        source=study.source,
        population=study.population,
        results=results,
        unused=tuple(UnusedTopline(question=u.question, reason=u.reason) for u in found.unused),
        reworded=tuple(m.question.name for m in found.matches if m.reworded),
        mean_agreement=means[0],
        mean_ceiling=means[1],
        questions=len(totals),
        fielded=f"{study.field_start} to {study.field_end}",
        notes=study.notes,
    )


def _results(
    study: Toplines,
    match: Match,
    answers: Answers,
    panel: Panel,
    rng: np.random.Generator,
    replicates: int,
    smallest_base: int,
    anchored: Collection[str],
) -> Iterator[ToplineResult]:
    """The total of a question, and each of its published segments."""
    question = match.question
    chosen = answers.column(question.name)
    for segment, published in match.published.tables.items():
        real = study.distribution(match.published, published)[match.order]
        n_effective = study.effective_base(match.published, published)
        samples = _samples(real, n_effective, 2 * replicates, rng)
        reason = _lack(panel, segment)
        rows = np.empty(0, dtype=np.int64)
        if not reason:
            inside = panel.weights > 0 if segment is None else members(panel, Segment(*segment))
            rows = np.flatnonzero(inside & (chosen != NO_ANSWER) & (panel.weights > 0))
            if len(rows) < smallest_base:
                reason = f"{len(rows)} persons answered; {smallest_base} are needed to read a figure"
        simulated = shares(chosen[rows], len(real), panel.weights[rows]) if not reason else np.empty(0)
        yield ToplineResult(
            question=question.name,
            text=question.text,
            options=question.options,
            attribute=None if segment is None else segment[0],
            level=None if segment is None else segment[1],
            published=tuple(real.tolist()),
            simulated=tuple(simulated.tolist()),
            agreement=None if reason else _agreement(real, simulated, samples),
            ceiling=ceilings.summary(distances.agreement(samples[:replicates], samples[replicates:])),
            n=published.n or study.n,
            n_effective=n_effective,
            persons=len(rows),
            reason=reason,
            anchored=question.name in anchored,
        )


def _lack(panel: Panel, segment: Sequence[str] | None) -> str:
    """Why the panel has no such segment; empty where it has."""
    if segment is None:
        return ""
    attribute, level = segment
    if attribute not in panel.attributes:
        return f"the panel has no attribute {attribute!r}; it has {', '.join(panel.attributes) or 'none'}"
    levels = panel.levels[panel.attributes.index(attribute)]
    return "" if level in levels else f"nobody has {attribute} {level!r}; there are {', '.join(levels)}"


def _samples(real: FloatArray, n_effective: float, replicates: int, rng: np.random.Generator) -> FloatArray:
    """Shares in samples of the study's effective size, (replicates, n_options)."""
    n = max(1, round(n_effective))
    return rng.multinomial(n, real, size=replicates) / n


def _agreement(real: FloatArray, simulated: FloatArray, samples: FloatArray) -> Estimate:
    """Agreement with the interval that the size of the study leaves; the persons stay as they are."""
    value = float(distances.agreement(real, simulated))
    spread = distances.agreement(samples, simulated[None, :])
    return bootstrap.recentred(value, spread, bounds=(0.0, 1.0))
