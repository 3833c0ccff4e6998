"""Word lists that the detectors read from the package's own ``gazetteer`` folder."""

from functools import lru_cache
from importlib.resources import files


@lru_cache(maxsize=16)
def lines(name: str) -> tuple[str, ...]:
    """The lines of a list without comments and empty lines."""
    text = files("grounding.privacy").joinpath("gazetteer", name).read_text(encoding="utf-8")
    return tuple(line for line in text.splitlines() if line.strip() and not line.startswith("#"))


@lru_cache(maxsize=16)
def entries(name: str) -> tuple[str, ...]:
    """The words of a list, parted by white space."""
    return tuple(word for line in lines(name) for word in line.split())


def word_set(words: str) -> frozenset[str]:
    """The words of a text, parted by white space."""
    return frozenset(words.split())
