"""One simulated individual."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Person:
    """An id and the attributes that are known of this person; an unknown attribute is simply absent."""

    id: str
    attributes: Mapping[str, str]
