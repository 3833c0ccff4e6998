"""Progress bars, on standard error."""

from collections.abc import Callable, Generator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from mirrorpanel.cli.console import errors, say
from mirrorpanel.render.numbers import count


class _Rate(TextColumn):
    def __init__(self) -> None:
        super().__init__("{task.fields[rate]}")


@contextmanager
def answering_bar() -> Generator[tuple[Callable[[int], None], Callable[[int], None]]]:
    """A progress bar for answers: ``begin(total)`` and ``progress(answers)``, with rate and time left."""
    columns = (
        SpinnerColumn(),
        TextColumn("answers"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    bar = Progress(*columns, console=errors(), transient=False)
    task = bar.add_task("answers", total=None, rate="")

    def begin(total: int) -> None:
        bar.update(task, total=total)
        bar.start()

    def progress(answers: int) -> None:
        bar.advance(task, answers)
        speed = bar.tasks[0].speed
        bar.update(task, rate=f"{count(round(speed))}/s" if speed else "")

    try:
        yield begin, progress
    finally:
        # A refusal before the first answer leaves no bar behind.
        if bar.live.is_started:
            bar.stop()


@contextmanager
def grounding_bar() -> Generator[tuple[Callable[[int], None], Callable[[str], None]]]:
    """A progress bar for the stages of a grounding: ``begin(total)`` and ``stage(name)`` as each begins."""
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    bar = Progress(*columns, console=errors(), transient=True, disable=not errors().is_terminal)
    task = bar.add_task("ground", total=None)

    def begin(total: int) -> None:
        bar.update(task, total=total)
        bar.start()

    def stage(name: str) -> None:
        if bar.tasks[0].description != "ground":
            bar.advance(task)
        bar.update(task, description=name)

    try:
        yield begin, stage
    finally:
        if bar.live.is_started:
            bar.stop()


@contextmanager
def climbing_bar() -> Generator[tuple[Callable[[int], None], Callable[[str], None]]]:
    """A bar for the steps of a ladder with time left: ``begin(total)`` and ``stage(name)`` as each begins.

    Where nobody watches, as in a log, every tenth of the steps is said in a line instead.
    """
    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeRemainingColumn(elapsed_when_finished=True),
        TextColumn("{task.description}"),
    )
    # Steps last from a blink to minutes: the speed is taken over the whole run.
    bar = Progress(
        *columns,
        console=errors(),
        transient=True,
        disable=not errors().is_terminal,
        speed_estimate_period=36_000,
    )
    task = bar.add_task("ladder", total=None)
    begun = 0

    def begin(total: int) -> None:
        bar.update(task, total=total)
        bar.start()

    def stage(name: str) -> None:
        nonlocal begun
        total = int(bar.tasks[0].total or 0)
        if " failed: " in name:
            say(name)
        elif bar.disable and begun % max(1, round(total / 10)) == 0:
            say(f"{name} ({begun + 1} of {total})")
        bar.update(task, completed=begun, description=name.removeprefix("ladder: "))
        begun += " failed: " not in name

    try:
        yield begin, stage
    finally:
        if bar.live.is_started:
            bar.stop()
