"""The ladder as one HTML page that opens offline, and its JSON twin."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from markupsafe import Markup

from mirrorpanel.render import ladder_charts, numbers, templating, wording
from personas.measures.estimate import Estimate
from training.ladder import verdict
from training.ladder.held_out import SMALLEST_BASE
from training.ladder.ladder import Ladder, PartResult
from training.ladder.measured import WITHIN, Dispersion, Measured
from training.ladder.verdict import Glance

_TEMPLATE = "ladder.html.j2"
_FAST = 1e6  # answers a second that say nothing any more: a table is read
DEFINITIONS = {
    "Agreement": "1 minus total variation between expected and real shares, mean over questions with at "
    f"least {SMALLEST_BASE} answers; 1 is equal.",
    "Gap closed": "(agreement − that of the uniform guess) / (ceiling − that of the uniform guess). The "
    "ceiling is the agreement of two bootstrap samples of the real people, at their number. A rung "
    "fitted on many more people than are held out is nearer to the truth than such a sample, and can pass 1.",
    "Signal": "Correlation of expected and real answers once each question's mean is taken out of both: who "
    "says what. Not defined where everybody is expected to answer alike.",
    "Log loss": "Mean of −log of the probability given to the real answer, in nats. Less is better.",
    "Better than the baseline": "Log loss of the best statistical rung less that of this one, on the same "
    "answers, with a paired 95 % interval over people and questions. All above zero: shown to be better.",
    "Brier": "Mean squared error of the probabilities, summed over the options; less is better.",
    "Accuracy": "Share of answers that are the option called most probable. It rewards naming the commonest "
    "one.",
    "Precision, recall, F1": "Of the option called most probable, mean over options and over questions that "
    "are nominal or have two options; left out where there are none.",
    "Calibration error": "Classwise expected calibration error; in brackets what luck alone would show.",
    "Variance and entropy ratio": "Spread of simulated over real answers within cells of people alike in two "
    f"attributes: median over questions, and share of questions within {WITHIN[0]} to {WITHIN[1]}.",
    "Order": "Mean total variation between orders of the options, for rungs that read them in an order. The "
    "others score each option by itself.",
    "Memory": "Highest resident memory of the process while the rung was fitted and answered, less that "
    "before. A language model that was loaded before does not count.",
}


@dataclass(frozen=True)
class PageData:
    """What the page needs beside the ladder: panel, time in UTC, version."""

    panel: str
    created: str
    version: str


class Shown(NamedTuple):
    """One part of the ladder as the page shows it; ``measures`` has the columns that any rung has."""

    part: PartResult
    glance: Glance
    chart: Markup
    measures: tuple[tuple[str, tuple[str, ...]], ...]


def write(ladder: Ladder, data: PageData, folder: Path) -> Path:
    """Path of ``ladder.html`` in ``folder``, with ``ladder.json`` beside it; the folder is made."""
    return templating.written(folder, "ladder", html(ladder, data), _twin(ladder, data))


def _twin(ladder: Ladder, data: PageData) -> dict[str, Any]:
    """What the page says, for machines."""
    return {
        "panel": data.panel,
        "created": data.created,
        "mirrorpanel": data.version,
        "synthetic": True,
        **ladder.model_dump(mode="json"),
        "glance": [verdict.glance(part.title, part.rungs)._asdict() for part in ladder.parts],
        "definitions": DEFINITIONS,
    }


def html(ladder: Ladder, data: PageData) -> str:
    """The whole page; it loads nothing, and every text from the data is escaped."""
    environment = templating.environment()
    environment.filters["share_span"] = _share_span
    environment.filters["signal_span"] = _signal_span
    environment.filters["gain"] = _gain
    environment.filters["speed"] = _speed
    environment.filters["gigabytes"] = _gigabytes
    return environment.get_template(_TEMPLATE).render(
        data=data,
        ladder=ladder,
        parts=[_shown(part, f"ladder{i}") for i, part in enumerate(ladder.parts)],
        style=templating.style(),
        synthetic=wording.SYNTHETIC,
        definitions=DEFINITIONS,
    )


def _shown(part: PartResult, key: str) -> Shown:
    chart = Markup(ladder_charts.chart(part, key))
    return Shown(part, verdict.glance(part.title, part.rungs), chart, measures(part))


def measures(part: PartResult) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Heading and one cell for each rung; a measure that no rung has is left out."""
    found = [(heading, tuple(cell(m) for m in part.rungs)) for heading, cell in _MEASURES.items()]
    return tuple((heading, cells) for heading, cells in found if set(cells) != {numbers.UNDEFINED})


def _spread(ratio: Dispersion | None) -> str:
    if ratio is None:
        return numbers.UNDEFINED
    return f"{numbers.decimal(ratio.median)} ({numbers.percent(ratio.right, 0)})"


_MEASURES: dict[str, Callable[[Measured], str]] = {
    "Brier": lambda m: numbers.proportion(m.brier),
    "Accuracy": lambda m: numbers.proportion(m.accuracy),
    "Precision": lambda m: numbers.proportion(m.precision),
    "Recall": lambda m: numbers.proportion(m.recall),
    "F1": lambda m: numbers.proportion(m.f1),
    "Calibration error": lambda m: (
        f"{numbers.proportion(m.calibration_error)} ({numbers.proportion(m.calibration_floor)})"
    ),
    "Variance ratio": lambda m: _spread(m.variance),
    "Entropy ratio": lambda m: _spread(m.entropy),
    "Order": lambda m: numbers.proportion(m.order_sensitivity),
}


def _share_span(estimate: Estimate | None) -> str:
    """The interval alone of a figure from 0 to 1, where that says anything."""
    return _span(estimate, 0.0)


def _signal_span(estimate: Estimate | None) -> str:
    """The same of a figure from -1 to 1."""
    return _span(estimate, -1.0)


def _span(estimate: Estimate | None, least: float) -> str:
    if estimate is None:
        return ""
    if not estimate.tells(least, 1.0):
        return "too few for an interval"
    return numbers.interval(estimate.low, estimate.high, 2)


def _gain(estimate: Estimate | None) -> str:
    return "" if estimate is None else numbers.difference_interval(estimate.low, estimate.high)


def _speed(value: float) -> str:
    return "over 1 million" if value > _FAST else numbers.rate(value)


def _gigabytes(value: float | None) -> str:
    if value is None:
        return numbers.UNDEFINED
    return (
        f"{numbers.decimal(1000 * value, 0)}\u00a0MB" if value < 1 else f"{numbers.decimal(value, 1)}\u00a0GB"
    )
