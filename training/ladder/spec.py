"""What a training file says of the ladder."""

from pydantic import Field, field_validator

from personas.document import Document
from training.ladder.rungs.catalogue import RUNGS


class LadderSpec(Document):
    """What the ladder runs.

    Attributes:
        rungs: names of those that are fitted for it; trained models stand on it in any case.
        fit_seconds: longest time that one statistical rung may fit.
        seconds: time for the answers of a rung that reads person by person, for each kind of held-out data.
        questions: most questions that such a rung is asked.
        people: fewest people that it answers for, whatever the time.
        replicates: bootstrap samples behind the intervals.
        seed: of people, questions and samples.
    """

    rungs: tuple[str, ...] = tuple(RUNGS)
    fit_seconds: float = Field(default=300.0, gt=0)
    seconds: float = Field(default=20.0, gt=0)
    questions: int = Field(default=12, ge=1)
    people: int = Field(default=10, ge=2)
    replicates: int = Field(default=300, ge=50)
    seed: int = Field(default=1, ge=0)

    @field_validator("rungs")
    @classmethod
    def _known(cls, rungs: tuple[str, ...]) -> tuple[str, ...]:
        unknown = [r for r in rungs if r not in RUNGS]
        if unknown or len(set(rungs)) != len(rungs):
            found = f"unknown rung {unknown[0]!r}" if unknown else "each rung is named once"
            raise ValueError(f"{found}; choose from {', '.join(RUNGS)}")
        if "item_share" not in rungs or "uniform" not in rungs:
            raise ValueError("uniform and item_share are always on the ladder; add them")
        return rungs
