"""Where there is no official margin: what was looked for and not found, and what there is instead."""

from dataclasses import dataclass
from functools import cache

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter

from reference_data import countries, official
from reference_data.folders import folder
from reference_data.topics import topic as topic_of
from reference_data.topics import topics


@dataclass(frozen=True)
class Absence:
    """No official margin in this package, said in words.

    Attributes:
        country: English name where the package knows it, else as it was asked for.
        topic: what was asked for.
        reason: why there is none; that nobody looked, where nobody did.
        instead: what can be used, from this package or elsewhere.
        tables: names of the tables that count this country.
    """

    country: str
    topic: str
    reason: str
    instead: str
    tables: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """The whole answer in one paragraph."""
        there = f"Tables for {self.country}: {', '.join(self.tables)}." if self.tables else ""
        return " ".join(
            part
            for part in (
                f"No official margin: {self.country}, {self.topic}.",
                self.reason,
                self.instead,
                there,
            )
            if part
        )


class _Entry(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    country: str
    topic: str
    reason: str
    instead: str


def absent(country: str, topic: str) -> Absence | None:
    """What to say where there is no margin of a topic for a country; ``None`` where there is one.

    Args:
        country: English or German name, or ISO code.
        topic: such as ``education`` or ``Haushaltsgröße``; words that the package does not know are answered
            with what there is.
    """
    asked = topic_of(topic)
    try:
        name = countries.name(country)
    except KeyError:
        covered = ", ".join(c.name for c in countries.COUNTRIES)
        return Absence(
            country, asked, "This package has no table for that country.", f"It covers {covered}.", ()
        )
    tables = [official.margin(n) for n in official.margin_names(name)]
    if any(asked in topics(table) and table.counts(name) for table in tables):
        return None
    names = tuple(table.name for table in tables)
    for entry in absences():
        if (entry.country, entry.topic) == (name, asked):
            return Absence(name, asked, entry.reason, entry.instead, names)
    return Absence(name, asked, "It is not in this package.", _elsewhere(asked), names)


@cache
def absences() -> tuple[_Entry, ...]:
    """The margins that were looked for and not found."""
    text = (folder("margins") / "absent.yaml").read_text(encoding="utf-8")
    return TypeAdapter(tuple[_Entry, ...]).validate_python(yaml.safe_load(text))


def _elsewhere(asked: str) -> str:
    """Which tables of other countries are about the topic, and how to bring one's own."""
    found = [n for n in official.margin_names() if asked in topics(official.margin(n))]
    other = (
        f"Tables on {asked}: {', '.join(found)}." if found else f"No table of any country is about {asked}."
    )
    return f"{other} Bring a table of your own under 'tables' of the grounding file, with its source."
