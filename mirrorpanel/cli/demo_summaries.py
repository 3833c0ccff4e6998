"""Results of ``demo`` as lines for people and as one JSON object."""

from collections.abc import Sequence

from mirrorpanel.cli import summaries
from mirrorpanel.cli.console import say
from mirrorpanel.render.numbers import count, duration
from mirrorpanel.verbs.demonstration import Demonstration
from mirrorpanel.verbs.fielding import FieldedRun
from mirrorpanel.verbs.grounding import GroundedPanel
from mirrorpanel.verbs.training import TrainedAdapter


def step(done: object) -> None:
    """Prints the summary of one step of the demo."""
    told: Sequence[str] = ()
    if isinstance(done, GroundedPanel):
        told = summaries.panel_lines(done)
    elif isinstance(done, TrainedAdapter):
        told = summaries.adapter_lines(done)
    elif isinstance(done, FieldedRun):
        told = (f"Run {done.run}: {count(done.answers)} answers in {duration(done.seconds)}",)
    for line in told:
        say(line)


def figures(done: Demonstration) -> dict[str, object]:
    """``demo --json``."""
    weighting = done.panel.record.weighting
    return {
        "answers": done.run.answers,
        "seconds": done.run.seconds,
        "answers_per_second": done.run.answers / done.run.seconds,
        **summaries.headline(done.agreement.result),
        "design_effect": weighting.design_effect,
        "effective_base": weighting.effective_base,
        "report": str(done.report.resolve()),
        "model": done.run.record.model,
        "model_fingerprint": done.run.record.fingerprint,
        "processor": done.adapter.record.processor,
        "untuned": done.agreement.untuned,
        "training_seconds": done.adapter.record.seconds,
        "seconds_total": done.seconds,
        "synthetic": True,
    }


def lines(done: Demonstration) -> Sequence[str]:
    """``demo`` for people: agreement, time and the synthetic label."""
    return (
        *summaries.agreement_lines(done.agreement),
        f"{count(done.run.answers)} simulated answers in {duration(done.run.seconds)}; the whole demo took "
        f"{duration(done.seconds)} on {done.adapter.record.processor}.",
        "Synthetic data: these answers come from simulated persons, not from people.",
    )
