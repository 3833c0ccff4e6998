"""Segments: the people who share one level of one attribute."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from personas.arrays import BoolArray
from personas.panel import Panel

SMALLEST_BASE = 30
"""Fewest people, and in segments fewest persons, that a figure is read from."""


class Segment(NamedTuple):
    """One level of one attribute, for instance sex: female."""

    attribute: str
    level: str


def levels(panels: Sequence[Panel], attributes: Sequence[str]) -> list[Segment]:
    """Every level that the attributes take in any of the panels, attribute by attribute.

    Levels come in the order of the first panel, those that only later panels know behind them: a level
    that one side lacks is listed, not lost.

    Raises:
        ValueError: a panel lacks one of the attributes.
    """
    found: dict[Segment, None] = {}
    for attribute in attributes:
        for panel in panels:
            for level in panel.select([attribute]).levels[0]:
                found[Segment(attribute, level)] = None
    return list(found)


def members(panel: Panel, segment: Segment) -> BoolArray:
    """Who of the panel belongs to the segment, (n_persons,); nobody whose attribute is unknown does.

    Levels are matched by their name, since two panels may number them differently.
    """
    column = panel.select([segment.attribute])
    if segment.level not in column.levels[0]:
        return np.zeros(len(panel), dtype=np.bool_)
    return column.codes[:, 0] == column.levels[0].index(segment.level)
