"""Ten questions that nobody of the spending panel was asked, and made-up persons with its attributes."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import yaml

from benchmarks.million import further
from mirrorpanel.verbs.demonstration import examples
from personas.panel import Panel, from_columns
from personas.question import Question

_AMOUNT = ("too little", "about the right amount", "too much")
_OTHERS = (
    (
        "trust",
        "Can most people be trusted, or can one not be too careful?",
        ("can be trusted", "cannot", "it depends"),
    ),
    ("happy", "How are things these days, all in all?", ("very happy", "pretty happy", "not too happy")),
    ("move", "Would you move to another town for a better job?", ("yes", "no")),
    (
        "working_mothers",
        "A working mother can have as warm a relationship with her children as a mother who does not work.",
        ("strongly agree", "agree", "disagree", "strongly disagree"),
    ),
    ("newest", "How often do you buy a thing because it is new?", ("often", "sometimes", "rarely", "never")),
)


def questions() -> tuple[Question, ...]:
    """Five like those of the panel's battery on other things, and five on other subjects."""
    battery = further((Question(name="any", text="Any?", options=_AMOUNT),))[::18]
    others = [Question(name=name, text=text, options=options) for name, text, options in _OTHERS]
    return (*battery, *others)


def made_up(persons: int) -> Panel:
    """Persons without any data: each value drawn from those that the example's grounding file names.

    All differ. For machines that have no data, where figures of speed are wanted and no answers.
    """
    levels = _levels()
    rng = np.random.default_rng(0)
    rows: dict[tuple[str, ...], None] = {}
    while len(rows) < persons:
        rows[tuple(str(rng.choice(values)) for values in levels.values())] = None
    columns = {name: [row[k] for row in rows] for k, name in enumerate(levels)}
    return from_columns([f"p{i}" for i in range(persons)], columns, np.ones(persons))


def _levels() -> dict[str, list[str]]:
    spec: Mapping[str, Any] = yaml.safe_load((examples() / "grounding.yaml").read_text(encoding="utf-8"))
    attributes: dict[str, Any] = {**spec["survey"]["attributes"], **spec["crm"][0]["attributes"]}
    return {
        name: list(found.get("values") or found.get("bins") or found.get("up_to") or found["quantiles"])
        for name, found in attributes.items()
    }
