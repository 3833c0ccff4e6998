"""What an agreement report holds: frozen objects without any formatting.

Agreement is ``1 - total variation distance`` between weighted simulated and real shares, in [0, 1].
"""

from typing import Literal

from pydantic import Field

from personas.document import Document
from personas.measures.estimate import Estimate

Status = Literal["unseen_people", "unseen_both"]
Measure = Literal["agreement", "segment_agreement", "log_score"]


class QuestionResult(Document):
    """One question, all people together.

    ``status`` says what was held out: ``unseen_people`` (the question was trained on, the people were
    not) or ``unseen_both`` (neither was). ``baselines`` maps the name of a baseline to its
    agreement, without those that cannot answer it. ``skill`` is the share of the distance from uniform to
    the ceiling that was closed; ``None`` where uniform comes so near the ceiling that the share is noise.
    ``outside_support`` marks a question too far from those trained on to be trusted.
    """

    name: str
    text: str
    options: tuple[str, ...]
    status: Status
    people: int
    effective_base: float
    real: tuple[float, ...]
    real_low: tuple[float, ...]
    real_high: tuple[float, ...]
    simulated: tuple[float, ...]
    drawn: tuple[float, ...]
    agreement: Estimate
    ceiling: Estimate
    baselines: dict[str, float]
    skill: float | None
    outside_support: bool = False


class SegmentResult(Document):
    """One segment (attribute and level), averaged over the questions of one status.

    ``suppressed`` is true below the smallest base that may be read; then no figure is given.
    """

    attribute: str
    level: str
    status: Status
    people: int
    persons: int
    suppressed: bool
    agreement: Estimate | None = None
    ceiling: float | None = None
    baselines: dict[str, float] = Field(default_factory=dict[str, float])


class Comparison(Document):
    """Model minus one baseline: paired differences with two-way (people x questions) intervals.

    ``measure`` is ``agreement`` (mean over questions, all people), ``segment_agreement`` (mean over
    segments and questions) or ``log_score`` (mean log probability of each held-out answer, in nats).
    """

    baseline: str
    measure: Measure
    difference: Estimate


class Claim(Document):
    """What one measure allows to be said against the baseline that came nearest to the model or passed it.

    ``better`` and ``worse`` only where the paired interval excludes zero.
    """

    measure: Measure
    baseline: str
    outcome: Literal["better", "no better", "worse"]
    difference: Estimate
    sentence: str


class StatusResult(Document):
    """The headline for one kind of held-out data.

    ``skill`` is ``None`` where uniform comes too near the ceiling, segment figures where no segment
    reaches the smallest base. ``segment_baselines`` has the baselines that cover every segment.
    ``log_score`` and ``person_signal`` (the correlation of expected and real answers after taking out each
    question's mean) hold the model as ``model`` beside the baselines; one for which the figure is undefined
    is absent. ``best_baseline`` and ``beats_best_baseline`` are those of the claim about agreement;
    ``verdict`` is the text that the figures allow, one claim for each measure.
    """

    status: Status
    questions: int
    people: int
    agreement: Estimate
    ceiling: Estimate
    baselines: dict[str, float]
    skill: float | None
    segment_agreement: Estimate | None
    segment_ceiling: float | None
    segment_baselines: dict[str, float]
    log_score: dict[str, float]
    person_signal: dict[str, float]
    comparisons: tuple[Comparison, ...]
    best_baseline: str
    beats_best_baseline: bool
    verdict: str
    claims: tuple[Claim, ...] = ()


class AgreementResult(Document):
    """All of it: headline by status, questions (worst first), segments, and what was compared with whom."""

    statuses: tuple[StatusResult, ...]
    questions: tuple[QuestionResult, ...]
    segments: tuple[SegmentResult, ...]
    persons: int
    people: int
    replicates: int
    seed: int
    notes: tuple[str, ...] = ()

    def status(self, name: Status) -> StatusResult | None:
        """The headline for one kind of held-out data, ``None`` where there is none."""
        return next((s for s in self.statuses if s.status == name), None)
