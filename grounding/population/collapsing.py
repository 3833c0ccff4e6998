"""Thin levels of attributes merged with a neighbour, in the sample and in every margin alike."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from grounding.population.margins import Target
from personas.arrays import IntArray
from personas.panel import UNKNOWN, Panel

_JOINT = " + "
_NUMBER = re.compile(r"(?<![\w.])-?\d[\d.,]*")
_THOUSANDS = re.compile(r"[.,](?=\d{3}(?!\d))")
_BELOW = re.compile(r"\b(under|below|less|up to|unter|bis)\b|^\s*<", re.IGNORECASE)


@dataclass(frozen=True)
class Merge:
    """Levels of an attribute that became one.

    Attributes:
        attribute: name of the attribute.
        levels: the levels that it had.
        people: how many people in the sample have each of them, in the same order.
        name: what the joint level is called.
        ordered: whether the attribute's levels have an order, so that only adjacent ones were merged.
    """

    attribute: str
    levels: tuple[str, ...]
    people: tuple[int, ...]
    name: str
    ordered: bool


@dataclass(frozen=True)
class Collapsed:
    """Sample and margins without thin levels.

    Attributes:
        panel: the people, the levels of attributes merged.
        targets: the targets, the shares of merged levels summed.
        merges: one entry for each joint level, by attribute.
        rule: by what rule levels were merged, in words.
    """

    panel: Panel
    targets: tuple[Target, ...]
    merges: tuple[Merge, ...]
    rule: str


def collapse(
    panel: Panel,
    targets: Sequence[Target],
    smallest: int,
    orders: Mapping[str, Sequence[str]] | None = None,
) -> Collapsed:
    """The panel and the targets with every level of fewer than ``smallest`` people merged.

    Only attributes that a target uses are touched; a level that nobody has and that a target names is as thin
    as can be, and merged too. Levels are merged until none is thin or one is left. Targets keep their total,
    and the shares of all other levels.

    Args:
        panel: the people.
        targets: official shares; those whose attributes the panel lacks are returned as they are.
        smallest: least number of people, unweighted, that a level may have.
        orders: attribute -> its levels in order, for attributes whose order does not show; levels that all
            begin with different numbers are taken in the order of the numbers.

    Raises:
        ValueError: ``smallest`` is below 1, or an order lacks a level of its attribute.
    """
    if smallest < 1:
        raise ValueError(f"smallest must be >= 1, got {smallest}")
    given: Mapping[str, Sequence[str]] = {} if orders is None else orders
    used = dict.fromkeys(a for t in targets for a in t.attributes if a in panel.attributes)
    merges: list[Merge] = []
    for attribute in used:
        people = _people(panel, targets, attribute)
        order = _order(attribute, list(people), given.get(attribute))
        parts = _merged(people, order, smallest)
        merges += [
            Merge(
                attribute, part, tuple(people[level] for level in part), _JOINT.join(part), order is not None
            )
            for part in parts
            if len(part) > 1
        ]
    renamed = {(m.attribute, level): m.name for m in merges for level in m.levels}
    touched = {m.attribute for m in merges}
    return Collapsed(
        _recoded(panel, touched, renamed),
        tuple(_summed(target, renamed) if touched & set(target.attributes) else target for target in targets),
        tuple(merges),
        _rule(smallest),
    )


def _rule(smallest: int) -> str:
    return (
        f"A level that fewer than {smallest} people in the sample have is merged, the thinnest first: where "
        "the levels have an order, with the adjacent level that fewer people have (the lower one if both "
        "have as many); elsewhere with the level that the fewest other people have. This is repeated until "
        "no level is thin. It is done in the sample and in every margin that uses the attribute, whose "
        "shares are summed."
    )


def _people(panel: Panel, targets: Sequence[Target], attribute: str) -> dict[str, int]:
    """How many people have each level that the sample or a target has; in the panel's order."""
    column = panel.attributes.index(attribute)
    codes = panel.codes[:, column]
    counts = np.bincount(codes[codes != UNKNOWN], minlength=len(panel.levels[column])).tolist()
    people = dict(zip(panel.levels[column], counts, strict=True))
    official = [
        cell[target.attributes.index(attribute)]
        for target in targets
        if attribute in target.attributes
        for cell in target.cells
    ]
    for level in official:
        people.setdefault(level, 0)
    return {level: count for level, count in people.items() if count or level in official}


def _order(attribute: str, levels: Sequence[str], given: Sequence[str] | None) -> list[str] | None:
    """The levels in order; ``None`` where they have none."""
    if given is not None:
        lacking = [level for level in levels if level not in given]
        if lacking:
            raise ValueError(f"the order of {attribute} lacks {lacking[0]!r}; it has {', '.join(given)}")
        return [level for level in given if level in levels]
    firsts = [_first_number(level) for level in levels]
    numbers = [first for first in firsts if first is not None]
    if len(numbers) < len(levels) or len(set(numbers)) < len(levels):
        return None
    places = sorted(range(len(levels)), key=lambda i: numbers[i])
    return [levels[i] for i in places]


def _first_number(level: str) -> tuple[float, int] | None:
    """The number that a level begins at; ``under 18`` comes just before ``18-24``."""
    found = _NUMBER.search(level)
    if found is None:
        return None
    text = _THOUSANDS.sub("", found.group().rstrip(".,")).replace(",", ".")
    try:
        return float(text), -1 if _BELOW.search(level[: found.start()]) else 0
    except ValueError:
        return None


def _merged(people: Mapping[str, int], order: Sequence[str] | None, smallest: int) -> list[tuple[str, ...]]:
    """The levels in parts, none thin unless there is only one."""
    parts: list[tuple[str, ...]] = [(level,) for level in (people if order is None else order)]
    counts = [people[part[0]] for part in parts]
    while len(parts) > 1 and min(counts) < smallest:
        thin = counts.index(min(counts))
        others = range(len(parts)) if order is None else (thin - 1, thin + 1)
        near = [i for i in others if i != thin and 0 <= i < len(parts)]
        partner = min(near, key=lambda i: counts[i])
        first, second = sorted((thin, partner))
        parts[first] += parts.pop(second)
        counts[first] += counts.pop(second)
    return parts


def _recoded(panel: Panel, touched: set[str], renamed: Mapping[tuple[str, str], str]) -> Panel:
    codes = panel.codes.copy()
    levels = list(panel.levels)
    for attribute in touched:
        column = panel.attributes.index(attribute)
        names = [renamed.get((attribute, level), level) for level in panel.levels[column]]
        levels[column] = tuple(dict.fromkeys(names))
        place: IntArray = np.array([*(levels[column].index(n) for n in names), UNKNOWN], dtype=np.int64)
        codes[:, column] = place[panel.codes[:, column]]  # UNKNOWN = -1 picks the last
    return replace(panel, levels=tuple(levels), codes=codes)


def _summed(target: Target, renamed: Mapping[tuple[str, str], str]) -> Target:
    shares: dict[tuple[str, ...], float] = {}
    for cell, share in zip(target.cells, target.shares.tolist(), strict=True):
        key = tuple(renamed.get((a, v), v) for a, v in zip(target.attributes, cell, strict=True))
        shares[key] = shares.get(key, 0.0) + share
    return replace(target, cells=tuple(shares), shares=np.array(list(shares.values())))
