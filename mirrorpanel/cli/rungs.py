"""The ladder on a terminal: one small table for each kind of held-out data, and the verdict."""

from collections.abc import Sequence

from mirrorpanel.render.numbers import count, difference, difference_interval, proportion
from personas.wording import counted
from training.ladder.ladder import Ladder, PartResult
from training.ladder.measured import Measured


def lines(ladder: Ladder) -> Sequence[str]:
    """The tables, and the verdict as the last."""
    tables = [line for part in ladder.parts for line in (*_table(part), "")]
    return (*tables, "Verdict", *(f"- {line}" for line in ladder.verdict))


def _table(part: PartResult) -> list[str]:
    """Rung, log loss, and whether it is shown to be better than the best statistical rung."""
    base = (
        f"{count(part.people)} people, {counted(part.questions, 'question')}, {count(part.answers)} answers"
    )
    width = max(len(m.title) for m in part.rungs)
    head = f"  {'rung':<{width}}  {'log loss':>8}  better than the best statistics?"
    rows = [
        f"  {m.title:<{width}}  {proportion(m.log_loss):>8}  {_better(m)}{_some(m, part)}" for m in part.rungs
    ]
    missing = [f"  not run: {n.title} ({n.reason})" for n in part.not_run]
    return [f"{part.title[:1].upper()}{part.title[1:]} ({base})", head, *rows, *missing]


def _better(measured: Measured) -> str:
    """In a word and with the paired interval."""
    if measured.comparison is None:
        return "it is the best statistics"
    gain = measured.comparison.log_loss
    word = "yes" if gain.low > 0 else "no, worse" if gain.high < 0 else "not shown"
    return f"{word}: {difference(gain.value)} ({difference_interval(gain.low, gain.high)})"


def _some(measured: Measured, part: PartResult) -> str:
    """How few answers a rung was measured on, where these are not all."""
    return "" if measured.answers == part.answers else f", on {counted(measured.answers, 'answer')}"
