"""What the command line prints: results on standard output, progress on standard error."""

import functools
import json
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from personas.errors import MirrorpanelError

if TYPE_CHECKING:
    from rich.console import Console


@functools.cache
def errors() -> "Console":
    """Standard error, as messages and bars are written to it."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(line: str) -> None:
    """One line of progress."""
    errors().print(line, markup=False, style="dim")


def show(line: str) -> None:
    """One line of a result."""
    sys.stdout.write(line + "\n")


def show_json(content: Mapping[str, object]) -> None:
    """A result as one JSON object on one line, the last thing on standard output."""
    sys.stdout.write(json.dumps(content, ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()


def agree(question: str) -> None:
    """Returns where the user says yes. Raises: MirrorpanelError where nobody can be asked, or who said no."""
    if not sys.stdin.isatty():
        raise MirrorpanelError(f"{question} Say so with --yes; nothing was changed")
    errors().print(question, markup=False)
    if input("yes/no: ").strip().lower() != "yes":
        raise MirrorpanelError("not confirmed with 'yes'; nothing was changed")
