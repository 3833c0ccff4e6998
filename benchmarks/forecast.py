"""The plan of ten studies against what they took: factored models cold and warm, and a joint one.

Each study is planned, then fielded into a new workspace, with the calibration of ``--dry-run``. An error
is ``exp(|ln(truth / forecast)|) - 1`` with the middle of the forecast's range: .3 is a truth 1.3 times the
forecast, or a forecast 1.3 times the truth. ``inside`` counts the studies that lay within the range that was
printed. What the calibration takes is reported beside and in no other figure; the language model is loaded
before. ``memory_inside`` counts the studies whose process peaked within the memory range; the process is one
for all, so its peak says little beyond the largest study.
"""

import math
import sys
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from benchmarks.million import MODEL, further, processor, sampled, trained
from benchmarks.output import finish, parser
from benchmarks.trial import trial
from mirrorpanel import lineup, planning
from mirrorpanel.lineup import Machine
from personas.models import catalogue
from personas.models.base import AnswerModel
from personas.models.drawing import Drawing, Jointly, independently
from personas.models.factored import FactoredModel
from personas.models.joint import JointModel
from personas.models.processor import peak_bytes
from personas.models.wheel import cache_folder
from personas.panel import Panel
from personas.question import Question
from validation.field import Fielding, field


class Study(NamedTuple):
    """A way of answering, and how much is asked."""

    way: str
    persons: int
    questions: int


STUDIES = (
    Study("cold", 1_000, 1),
    Study("cold", 1_000, 10),
    Study("cold", 2_000, 30),
    Study("cold", 1_000, 80),
    Study("warm", 1_000, 10),
    Study("warm", 20_000, 18),
    Study("joint", 40, 1),
    Study("joint", 24, 5),
    Study("joint", 8, 20),
    Study("joint", 3, 100),
)


class Held(NamedTuple):
    """A forecast held against the truth; seconds and bytes, and seconds of calibration."""

    low: float
    high: float
    took: float
    calibrated: float
    memory_inside: bool

    @property
    def error(self) -> float:
        """See the module."""
        return math.exp(abs(math.log(self.took / math.sqrt(self.low * self.high)))) - 1

    @property
    def inside(self) -> bool:
        """Whether the truth lay in the range."""
        return self.low <= self.took <= self.high


def main() -> None:
    """Runs the benchmark."""
    options = parser(__doc__)
    ways = ("cold", "warm", "joint")
    options.add_argument("--ways", nargs="*", default=ways, choices=ways, help="which to run")
    given = options.parse_args()
    chosen = [study for study in STUDIES if study.way in given.ways]
    catalogue.pull(MODEL, cache_folder(), lambda line: None)
    model, persons, own = trained()
    found: list[Held] = []
    figures: dict[str, float | str] = {"processor": processor()}
    for study in chosen:
        asked = {"cold": further(own), "warm": own, "joint": (*own, *further(own))}[study.way]
        answering, drawing = _answering(study.way, model)
        held = _held(answering, drawing, sampled(persons, study.persons), asked[: study.questions])
        name = f"{study.way}_{study.persons}x{study.questions}"
        figures |= {f"{name}_forecast": math.sqrt(held.low * held.high), f"{name}_seconds": held.took}
        line = f"{name}: {held.low:.2f} to {held.high:.2f} s, took {held.took:.2f} s (error {held.error:.2f})"
        print(line, file=sys.stderr, flush=True)
        found.append(held)
    errors = np.array([held.error for held in found])
    figures |= {
        "studies": float(len(found)),
        "median_error": float(np.median(errors)),
        "worst_error": float(errors.max()),
        "inside": float(sum(held.inside for held in found)),
        "memory_inside": float(sum(held.memory_inside for held in found)),
        "calibration_seconds": float(np.median([held.calibrated for held in found])),
    }
    finish("forecast", figures, given.record)


def _answering(way: str, model: FactoredModel) -> tuple[AnswerModel, Drawing]:
    if way == "joint":
        return JointModel(lineup.language(MODEL, Machine())), independently
    fresh = replace(model)  # nothing worked out for a study before
    return fresh, Jointly(fresh)


def _held(model: AnswerModel, drawing: Drawing, persons: Panel, questions: tuple[Question, ...]) -> Held:
    batch = planning.batch_size(model, persons, questions)
    with trial(model, questions) as kept:
        planned = planning.planned(kept.workspace, kept.run, model, drawing, persons, questions, batch)
        if planned is None or planned.forecast.seconds_low is None or planned.forecast.seconds_high is None:
            raise RuntimeError("a new run of a model that runs here has a forecast")
        how = Fielding(1, batch, drawing)
        took = field(model, persons, questions, kept.sink(), how, lambda n: None).seconds
    expected, peak = planned.forecast, peak_bytes()
    inside = expected.memory_low <= peak <= expected.memory_high
    return Held(planned.forecast.seconds_low, planned.forecast.seconds_high, took, planned.calibrated, inside)


if __name__ == "__main__":
    main()
