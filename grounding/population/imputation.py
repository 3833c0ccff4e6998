"""Missing values filled from what is observed: several times, seeded, and marked as filled.

Nobody is dropped and nothing observed is changed. Both methods assume that people whose value is missing
are like people alike in ``on`` whose value is known (missing at random); neither can check that.

Why not statsmodels' MICE: its ``MICEData`` fills numbers by predictive mean matching from numpy's global
random state, in file order, and has no regression for an attribute with more than two unordered levels.
Nearly all attributes here have such levels. ``model`` therefore runs the same chained equations with a
multinomial regression and draws that are keyed by person; statsmodels' ``MNLogit`` and ``MICEData`` are the
references that the tests hold it to.

Source: van Buuren (2018), "Flexible Imputation of Missing Data", 2nd ed., chapters 3 and 4; Andridge and
Little, International Statistical Review 78 (2010), 40-64 (hot deck).
"""

from collections.abc import Sequence

import numpy as np

from grounding.population import imputation_donors, imputation_model
from grounding.population.imputation_donors import NO_DONOR, Likeness
from grounding.population.imputation_model import Columns
from grounding.population.imputation_pooling import Pooled
from grounding.population.imputation_result import Imputed, LevelShare, described, pooled
from personas import draws
from personas.arrays import IntArray
from personas.errors import DataError
from personas.panel import UNKNOWN, Panel

__all__ = ["Imputed", "LevelShare", "Pooled", "chained", "hot_deck", "model", "pooled"]

NEAREST = 5


def hot_deck(
    panel: Panel,
    attribute: str,
    on: Sequence[str],
    copies: int,
    seed: int,
    ordered: Sequence[str] = (),
    nearest: int = NEAREST,
    earlier: Sequence[Imputed] = (),
) -> Imputed:
    """The attribute, missing values lent by people alike (random hot deck within the nearest).

    A donor is drawn by weight among everybody at the smallest Gower distance over ``on`` where these are
    ``nearest`` or more: with enough people of the very same values, only among these. Otherwise it is drawn
    among the ``nearest`` nearest, those equally far at the edge sharing the places that are left. What is not
    known of either is left out of the comparison. Each copy weights the donors anew (Bayesian bootstrap), so
    that the copies also differ by what so many donors leave uncertain. Draws are functions of seed, person
    and copy: the order of the rows does not matter. Somebody of whom nothing in ``on`` is known gets a value
    from all donors, and is counted in ``unmatched``.

    Args:
        panel: people, ``UNKNOWN`` where the attribute is missing.
        attribute: what to fill.
        on: attributes that say who is alike; all others where empty.
        copies: how many times to draw.
        seed: of the draws.
        ordered: those of ``on`` whose levels, as listed, are steps of a scale.
        nearest: how many people to draw a donor from; more where more are equally near.
        earlier: attributes filled before; copy c of this one rests on copy c of those of them in ``on``.

    Raises:
        DataError: the panel lacks an attribute, or nobody with a positive weight is observed in it.
        ValueError: fewer than one copy or donor, or ``ordered`` names what ``on`` does not.

    Source: Andridge and Little (2010); Rubin and Schenker, JASA 81 (1986), 366-374. Departures: the Bayesian
    bootstrap instead of its approximation; it is drawn once for each donor, not for each pool.
    """
    on = _checked(panel, [attribute], on, copies)
    if nearest < 1 or not set(ordered) <= set(on):
        raise ValueError(
            f"nearest must be >= 1 and ordered among {', '.join(on)}; got {nearest} and {', '.join(ordered)}"
        )
    place = panel.attributes.index(attribute)
    column = panel.codes[:, place]
    turn = _canonical(panel)
    recipients = np.flatnonzero(column == UNKNOWN)
    able = turn[(column[turn] != UNKNOWN) & (panel.weights[turn] > 0)]
    codes = np.repeat(column[:, None], copies, axis=1)
    donors, distance = np.full(codes.shape, NO_DONOR, dtype=np.int64), np.full(codes.shape, np.nan)
    unmatched = 0
    for numbers, version in _versions(panel, on, copies, earlier) if recipients.size else ():
        others = version.select(on)
        likeness = Likeness(
            others.codes, tuple(len(v) for v in others.levels), tuple(name in ordered for name in on)
        )
        lending = imputation_donors.lend(
            likeness, able, recipients, panel.ids, panel.weights, nearest, numbers, seed, attribute
        )
        here = recipients[:, None], np.array(numbers)
        donors[here], distance[here] = lending.rows, lending.distance
        codes[here] = column[lending.rows]
        unmatched = max(unmatched, int(lending.unmatched.sum()))
    method = (
        f"missing values lent by somebody alike in {', '.join(on)} (random hot deck within the nearest "
        f"{nearest} or more by Gower distance, Bayesian bootstrap), {_times(copies)}, seed {seed}; for these "
        "people no fact"
    )
    return described(panel, attribute, codes, method, on, unmatched, donors, distance)


def model(
    panel: Panel,
    attribute: str,
    on: Sequence[str],
    copies: int,
    seed: int,
    earlier: Sequence[Imputed] = (),
) -> Imputed:
    """The attribute, missing values drawn from a regression on ``on``; see ``chained``."""
    return chained(panel, [attribute], on, copies, seed, earlier)[0]


def chained(
    panel: Panel,
    attributes: Sequence[str],
    on: Sequence[str],
    copies: int,
    seed: int,
    earlier: Sequence[Imputed] = (),
) -> tuple[Imputed, ...]:
    """The attributes, missing values drawn from multinomial regressions on one another and on ``on``.

    Chained equations: the gaps of each attribute are drawn from its regression on all the others, ten rounds
    long where more than one has gaps. Gaps in ``on`` are filled on the way, for this purpose only. The
    regressions have main effects only and a weak normal prior (standard deviation 2 on the logit scale),
    which keeps them finite where a level is rare; each copy is fitted to people weighted anew (Bayesian
    bootstrap). Draws are functions of seed, person, attribute, round and copy.

    Args:
        panel: people, ``UNKNOWN`` where an attribute is missing.
        attributes: what to fill.
        on: attributes that predict them; all others where empty.
        copies: how many times to draw.
        seed: of the draws.
        earlier: attributes filled before; copy c of these rests on copy c of those of them in ``on``.

    Raises:
        DataError: the panel lacks an attribute, or nobody with a positive weight is observed in it.
        ValueError: fewer than one copy, or no attribute.
    """
    on = _checked(panel, attributes, on, copies)
    names = tuple(dict.fromkeys([*attributes, *on]))
    part, turn = panel.select(names), _canonical(panel)
    sizes, ids = tuple(len(v) for v in part.levels), tuple(part.ids[int(i)] for i in turn)
    filled = np.empty((copies, *part.codes.shape), dtype=np.int64)
    for numbers, version in _versions(panel, on, copies, earlier):
        columns = Columns(names, version.select(names).codes[turn], sizes, part.weights[turn], ids)
        made = imputation_model.chain(columns, numbers, seed, ", ".join(attributes))
        filled[np.array(numbers)[:, None], turn] = made
    found: list[Imputed] = []
    for a, attribute in enumerate(attributes):
        predictors = [n for n in names if n != attribute]
        missing = part.codes[:, a] == UNKNOWN
        alone = missing & np.all(part.select(predictors).codes == UNKNOWN, axis=1)
        method = (
            f"missing values drawn from a multinomial regression on {', '.join(predictors)} (chained "
            f"equations, Bayesian bootstrap), {_times(copies)}, seed {seed}; for these people no fact"
        )
        found.append(
            described(panel, attribute, filled[:, :, a].T.copy(), method, predictors, int(alone.sum()))
        )
    return tuple(found)


def _checked(panel: Panel, attributes: Sequence[str], on: Sequence[str], copies: int) -> tuple[str, ...]:
    """``on``, or all other attributes where it is empty."""
    if copies < 1 or not attributes:
        raise ValueError(
            f"copies must be >= 1 and one attribute named, got {copies} copies of {list(attributes)}"
        )
    for name in (*attributes, *on):
        if name not in panel.attributes:
            raise DataError(
                f"imputation of {attributes[0]!r}: the panel has no attribute {name!r}; it has "
                f"{', '.join(panel.attributes)}"
            )
    others = tuple(on) or tuple(a for a in panel.attributes if a not in attributes)
    if not others and len(attributes) == 1:
        raise DataError(
            f"imputation of {attributes[0]!r}: the panel has no other attribute to fill it from; use method "
            "margin, which draws from an official table"
        )
    if stray := [a for a in attributes if a in others]:
        raise DataError(
            f"imputation of {stray[0]!r}: an attribute cannot be filled on itself; leave it out of 'using'"
        )
    for name in (*attributes, *others):
        known = panel.codes[:, panel.attributes.index(name)] != UNKNOWN
        if not np.any(known & (panel.weights > 0)):
            raise DataError(
                f"imputation of {attributes[0]!r}: {name!r} is observed for none of the {len(panel):,} "
                "people (with a positive weight), so there is nothing to learn it from; leave it out, or use "
                "method margin, which draws from an official table"
            )
    return others


def _versions(
    panel: Panel, on: Sequence[str], copies: int, earlier: Sequence[Imputed]
) -> list[tuple[list[int], Panel]]:
    """The numbers of the copies that rest on the same values of ``on``, and the panel with these values."""
    several = [e for e in earlier if e.attribute in on and e.copies > 1]
    if not several:
        return [(list(range(copies)), panel)]
    found: list[tuple[list[int], Panel]] = []
    for copy in range(copies):
        version = panel
        for filled in several:
            version = filled.completed(version, copy % filled.copies)
        found.append(([copy], version))
    return found


def _canonical(panel: Panel) -> IntArray:
    """Rows in an order that depends on the people's ids alone."""
    return np.argsort(np.array([draws.name_key(i) for i in panel.ids], dtype=np.uint64), kind="stable")


def _times(copies: int) -> str:
    return "once" if copies == 1 else f"{copies} times"
