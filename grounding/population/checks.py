"""What is wrong with base weights and margins, each on its own: found by counting, before any fit."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grounding.population.groups import Missing
from grounding.population.margins import OUTSIDE, Places, Target, lacks, outsiders, places_of, totals_apart
from personas.arrays import FloatArray, IntArray
from personas.errors import DataError
from personas.panel import UNKNOWN, Panel
from personas.wording import counted, percent

_SHOWN = 5


@dataclass(frozen=True)
class Problem:
    """One reason why weights cannot meet the margins, or something to know before they do.

    Attributes:
        kind: ``totals``, ``attribute``, ``shares``, ``base``, ``absent`` (an official category that nobody
            in the sample has), ``surplus`` (people with a value that has no target), ``empty cell`` (a
            combination that nobody has), ``one category``, ``missing``, ``contradiction``, ``bounds``,
            ``unfinished`` (the search for contradictions ran out of time).
        margins: names of the margins concerned, as ``Target.name``; empty where it concerns the weights.
        message: what was found, with figures and sources.
        fix: what to do.
        blocks: whether no weights can do what is asked; otherwise the fit goes on and this is to be known.
    """

    kind: str
    margins: tuple[str, ...]
    message: str
    fix: str
    blocks: bool = True

    def __str__(self) -> str:
        return f"{self.message}. {self.fix[:1].upper()}{self.fix[1:]}" if self.fix else self.message


@dataclass(frozen=True)
class Placed:
    """The margins that people can be placed in.

    Attributes:
        targets: those whose attributes the panel has.
        places: cell of each person in each of them, shape (n_persons,) each; negative where in none.
        sound: for each of them whether it has no blocking problem of its own.
    """

    targets: tuple[Target, ...]
    places: tuple[Places, ...]
    sound: tuple[bool, ...]


def refuse(problems: Sequence[Problem]) -> None:
    """Returns where no problem blocks. Raises: DataError, listing those that do, and then the rest."""
    blocking = [p for p in problems if p.blocks]
    if not blocking:
        return
    if len(problems) == 1:
        raise DataError(str(blocking[0]))
    ordered = [*blocking, *(p for p in problems if not p.blocks)]
    count = counted(len(blocking), "problem")
    listed = "\n".join(f"{i}. {'' if p.blocks else '(to know) '}{p}" for i, p in enumerate(ordered, 1))
    raise DataError(f"the weights cannot be fitted, for {count}:\n{listed}")


def check_arguments(targets: Sequence[Target], cap: float | None, floor: float) -> None:
    """Returns where there are targets and the bounds are in range. Raises: ValueError."""
    if not targets:
        raise ValueError("raking needs at least one target")
    if cap is not None and not cap > 1.0:
        raise ValueError(f"cap must be > 1 (times the mean weight), got {cap:g}")
    if not 0.0 <= floor < 1.0:
        raise ValueError(f"floor must be >= 0 and < 1 (times the mean weight), got {floor:g}")


def base_problems(panel: Panel, base: FloatArray) -> list[Problem]:
    """What is wrong with the base weights. Raises: ValueError where they are not one for each person."""
    if base.shape != (len(panel),):
        raise ValueError(f"base must have shape ({len(panel)},), got {base.shape}")
    if not len(panel):
        return [Problem("base", (), "raking needs people; the panel is empty", "give it some")]
    found: list[Problem] = []
    fix = "leave them out or give them a weight: raking multiplies and cannot lift them"
    kinds = (
        ("negative", base < 0),
        ("zero", base == 0),
        ("not a number or infinite", ~np.isfinite(base) & ~(base < 0)),
    )
    for word, wrong in kinds:
        rows = np.flatnonzero(wrong)
        if rows.size:
            whole = "all " if rows.size == len(base) else ""
            first = int(rows[0])
            found.append(
                Problem(
                    "base",
                    (),
                    f"{whole}{counted(rows.size, 'person has', 'people have')} a base weight that is not a "
                    f"positive number ({word}): "
                    f"person {panel.ids[first]!r} has {base[first]:g}",
                    fix,
                )
            )
    return found


def margin_problems(
    panel: Panel, targets: Sequence[Target], as_shares: bool, missing: Missing
) -> tuple[list[Problem], Placed]:
    """What is wrong with each margin, and the people placed in the margins that have their attributes."""
    apart = "" if as_shares else totals_apart(targets)
    found = [Problem("totals", tuple(t.name for t in targets), apart, "")] if apart else []
    placed: list[tuple[Target, Places, bool]] = []
    for target in targets:
        lacking, odd = lacks(panel, target), _share_problems(target)
        found += odd
        if lacking:
            found.append(
                Problem("attribute", (target.name,), lacking, "add the attribute or drop the margin")
            )
            continue
        places = places_of(panel, target)
        own = [] if odd else _place_problems(panel, target, places, missing)
        found += own
        placed.append((target, places, not odd and not any(p.blocks for p in own)))
    columns = zip(*placed, strict=True) if placed else ((), (), ())
    kept, places_, sound = columns
    return found, Placed(tuple(kept), tuple(places_), tuple(sound))


def _share_problems(target: Target) -> list[Problem]:
    where, shares = f"margin {target.name} ({target.source})", target.shares
    wrong = np.flatnonzero(~(np.isfinite(shares) & (shares >= 0)))
    if wrong.size:
        cell = int(wrong[0])
        text = f"{where}: the share of {target.label(cell)} is {shares[cell]:g}"
        return [Problem("shares", (target.name,), text, "a share is a number from 0 to 1")]
    if abs(float(shares.sum()) - 1.0) > 1e-9:
        text = f"{where}: the shares sum to {percent(float(shares.sum()), 6)}"
        return [Problem("shares", (target.name,), text, f"give shares that sum to {percent(1)}")]
    if len(set(target.cells)) < len(target.cells):
        twice = next(i for i, c in enumerate(target.cells) if c in target.cells[:i])
        text = f"{where}: {target.label(twice)} is there twice"
        return [Problem("shares", (target.name,), text, "give each cell one share")]
    return []


def _place_problems(panel: Panel, target: Target, places: Places, missing: Missing) -> list[Problem]:
    found: list[Problem] = []
    outside = outsiders(panel, target, places)
    if outside:
        found.append(Problem("surplus", (target.name,), outside, ""))
    people = np.bincount(places - OUTSIDE, minlength=len(target.shares) - OUTSIDE)
    unknown, people = int(people[UNKNOWN - OUTSIDE]), people[-OUTSIDE:]
    found += _missing_problems(target, unknown, len(panel), missing)
    if people.sum() > 0:
        found += _absent_problems(panel, target, people)
        found += _zero_problems(target, people)
        found += [] if outside else _whole_problems(target, people)
    return found


def _missing_problems(target: Target, unknown: int, people: int, missing: Missing) -> list[Problem]:
    if not unknown:
        return []
    where = f"margin {target.name} ({target.source})"
    if unknown == people:
        text = f"{where}: nobody in the sample of {target.counted(people)} has a value in it; all are unknown"
        return [Problem("missing", (target.name,), text, "leave the margin out")]
    text = (
        f"{where}: {unknown:,} of {target.counted(people)} ({percent(unknown / people, 1)}) "
        f"{'has' if unknown == 1 else 'have'} no value in it"
    )
    outcome = {
        "ignore": "they keep their weight there, and the margin is met among the others; impute them, or set "
        "missing: category, to treat them otherwise",
        "category": "they are a category of their own, with the share that they have under the base weights",
        "refuse": "impute them, leave them out, or set missing: ignore or missing: category",
    }
    return [Problem("missing", (target.name,), text, outcome[missing], missing == "refuse")]


def _absent_problems(panel: Panel, target: Target, people: IntArray) -> list[Problem]:
    absent = np.flatnonzero((people == 0) & (target.shares > 0))
    if not absent.size:
        return []
    where = f"margin {target.name} ({target.source})"
    merge = "Merge such a level with a neighbour, in the margin and in the attribute"
    present = np.flatnonzero(people)
    if len(present) == 1:
        text = (
            f"{where}: one category holds everything: nobody in the sample of "
            f"{target.counted(len(panel))} has {_cells(target, absent)}; all whose value is known have "
            f"{target.label(int(present[0]))}"
        )
        return [Problem("one category", (target.name,), text, "leave the margin out, or widen the sample")]
    held = {(axis, value) for cell in present for axis, value in enumerate(target.cells[cell])}
    empty = np.array([all((a, v) in held for a, v in enumerate(target.cells[c])) for c in absent])
    joint = len(target.attributes) > 1
    found: list[Problem] = []
    for kind, cells in (("empty cell", absent[empty]), ("absent", absent[~empty])):
        if not cells.size:
            continue
        text = (
            f"{where}: nobody in the sample of {target.counted(len(panel))} has {_cells(target, cells)}; "
            "no weight can make up for that"
        )
        fix = (
            f"{merge}, or use its attributes as margins of their own"
            if joint
            else f"{merge}, or drop the margin"
        )
        found.append(Problem(kind, (target.name,), text, fix))
    return found


def _zero_problems(target: Target, people: IntArray) -> list[Problem]:
    surplus = np.flatnonzero((people > 0) & (target.shares == 0))
    if not surplus.size:
        return []
    named = ", ".join(f"{target.having(int(people[c]))} {target.label(int(c))}" for c in surplus[:_SHOWN])
    more = f" and {surplus.size - _SHOWN} more such cells" if surplus.size > _SHOWN else ""
    text = f"margin {target.name} ({target.source}): {named}, whose official share is 0{more}"
    fix = (
        "merge the level with a neighbour, list its code under 'missing' of the attribute, so that these "
        f"{target.bearers} keep their weight there, or leave them out"
    )
    return [Problem("surplus", (target.name,), text, fix)]


def _whole_problems(target: Target, people: IntArray) -> list[Problem]:
    if np.count_nonzero(target.shares) > 1 or np.count_nonzero(people) > 1:
        return []
    if np.any((people > 0) != (target.shares > 0)):
        return []
    cell = int(target.shares.argmax())
    text = (
        f"margin {target.name} ({target.source}): {target.label(cell)} is {percent(1)} officially and in "
        "the sample"
    )
    return [Problem("one category", (target.name,), text, "the margin changes nothing", blocks=False)]


def _cells(target: Target, cells: IntArray) -> str:
    named = ", ".join(
        f"{target.label(int(c))} ({percent(float(target.shares[c]), 2)})" for c in cells[:_SHOWN]
    )
    return f"{named} and {cells.size - _SHOWN} more" if cells.size > _SHOWN else named
