"""Where the files of this package lie."""

from importlib import resources
from pathlib import Path


def folder(name: str) -> Path:
    """A folder of this package, in a checkout or installed."""
    return Path(str(resources.files("reference_data") / name))
