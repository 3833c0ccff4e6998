"""How far a panel agrees with real people: agreement, ceilings, honest baselines, intervals.

``validation.agreement.agreement`` composes a whole report from answer distributions and real answers;
``validation.results`` holds what comes back, without any formatting.
"""

from typing import TYPE_CHECKING

from personas.late import late

if TYPE_CHECKING:
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
else:
    __getattr__, __dir__ = late(
        __name__,
        {
            "AgreementResult": "validation.results",
            "Claim": "validation.results",
            "Comparison": "validation.results",
            "Estimate": "personas.measures.estimate",
            "QuestionResult": "validation.results",
            "Scored": "validation.scored",
            "SegmentResult": "validation.results",
            "Status": "validation.results",
            "StatusResult": "validation.results",
        },
    )

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
