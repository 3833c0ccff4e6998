"""How far a panel agrees with real people: agreement, ceilings, honest baselines, intervals.

``validation.agreement.agreement`` composes a whole report from answer distributions and real answers;
``validation.results`` holds what comes back, without any formatting.
"""

from personas.measures.estimate import Estimate
from validation.results import (
    AgreementResult,
    Claim,
    Comparison,
    QuestionResult,
    SegmentResult,
    Status,
    StatusResult,
)
from validation.scored import Scored

__all__ = [
    "AgreementResult",
    "Claim",
    "Comparison",
    "Estimate",
    "QuestionResult",
    "Scored",
    "SegmentResult",
    "Status",
    "StatusResult",
]
