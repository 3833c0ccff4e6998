"""Official figures and codebooks, each with its source; imports nothing else of ours."""

from pathlib import Path

from reference_data.absence import Absence, absences, absent
from reference_data.folders import folder
from reference_data.official import MarginTable, Unit, levels, levels_for, margin, margin_names
from reference_data.topics import topic, topics

__all__ = [
    "Absence",
    "MarginTable",
    "Unit",
    "absences",
    "absent",
    "codebook_names",
    "codebook_path",
    "levels",
    "levels_for",
    "margin",
    "margin_names",
    "topic",
    "topics",
]


def codebook_names() -> list[str]:
    """Names of the codebooks, sorted."""
    return sorted(path.stem for path in folder("codebooks").glob("*.yaml"))


def codebook_path(name: str) -> Path:
    """Path of the codebook of this name. Raises: KeyError, listing the names that there are."""
    if name not in codebook_names():
        raise KeyError(f"no codebook {name!r}; there are {', '.join(codebook_names())}")
    return folder("codebooks") / f"{name}.yaml"
