"""Official figures and codebooks, each with its source; imports nothing else of ours."""

import csv
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter


@dataclass(frozen=True)
class MarginTable:
    """Counts of people by the values of one or more dimensions, as an office publishes them.

    Attributes:
        name: name of the table in this package.
        country: whose population is counted.
        dimensions: what the people are counted by.
        rows: the value of each dimension, and the count.
        unit: what is counted.
        source: office and publication.
        vintage: date or year that the counts stand for.
        licence: terms of use, as the source states them.
        retrieved: date of retrieval, empty where it is not known.
        note: which population it is, and what was changed on the way here.
    """

    name: str
    country: str
    dimensions: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], float], ...]
    unit: str
    source: str
    vintage: str
    licence: str
    retrieved: str
    note: str


class _Description(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    country: str
    dimensions: tuple[str, ...]
    unit: str
    source: str
    vintage: str
    licence: str
    retrieved: str
    note: str


def margin_names() -> list[str]:
    """Names of the margin tables, sorted."""
    return sorted(_descriptions())


@cache
def margin(name: str) -> MarginTable:
    """The margin table of this name. Raises: KeyError, listing the names that there are."""
    if name not in _descriptions():
        raise KeyError(f"no margin table {name!r}; there are {', '.join(margin_names())}")
    about = _descriptions()[name]
    with (_folder("margins") / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        records = list(csv.DictReader(file))
    rows = tuple((tuple(r[d] for d in about.dimensions), float(r[about.unit])) for r in records)
    return MarginTable(name=name, rows=rows, **about.model_dump())


def codebook_names() -> list[str]:
    """Names of the codebooks, sorted."""
    return sorted(path.stem for path in _folder("codebooks").glob("*.yaml"))


def codebook_path(name: str) -> Path:
    """Path of the codebook of this name. Raises: KeyError, listing the names that there are."""
    if name not in codebook_names():
        raise KeyError(f"no codebook {name!r}; there are {', '.join(codebook_names())}")
    return _folder("codebooks") / f"{name}.yaml"


@cache
def _descriptions() -> dict[str, _Description]:
    text = (_folder("margins") / "tables.yaml").read_text(encoding="utf-8")
    return TypeAdapter(dict[str, _Description]).validate_python(yaml.safe_load(text))


def _folder(name: str) -> Path:
    return Path(str(resources.files(__name__) / name))
