"""The panel, questions and data of the example study, as the benchmarks use them."""

from pathlib import Path

from grounding.build import Grounded, ground
from grounding.privacy.guard import Guard
from grounding.spec import GroundSpec
from mirrorpanel.verbs.demonstration import examples
from personas import document
from personas.models.wheel import cache_folder


def spending(persons: int) -> Grounded:
    """The example panel with this many persons drawn."""
    file: Path = examples() / "grounding.yaml"
    spec = document.read(file, GroundSpec).model_copy(update={"persons": persons})
    guard = Guard(lambda source, ids: tuple(ids))  # the survey is open data without names
    return ground(spec, file.parent, cache_folder(), guard, _silent)


def _silent(line: str) -> None:
    """Nobody watches the steps."""
