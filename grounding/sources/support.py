"""What a statistical matching can and cannot support: for this very match, in figures and in words.

Matching never sees anybody's survey answers and customer attributes together. What it says of the two jointly
is an assumption: given the matching variables they are independent. The data only bound the rest.

Source: D'Orazio, Di Zio and Scanu (2006), "Statistical Matching", sections 1.3 (conditional independence),
4.3 (uncertainty, Fréchet bounds); Conti, Marella and Scanu (2012), "Uncertainty analysis in statistical
matching", Journal of Official Statistics 28.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from grounding.sources.matching import NO_DONOR, Donors, Shared, lent
from personas.answer import NO_ANSWER
from personas.arrays import BoolArray, FloatArray, IntArray
from personas.panel import UNKNOWN
from personas.question import Question
from personas.wording import percent

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.95, 1.0)
FAR = 0.1
"""Total variation between donors and receivers from which the report warns."""


class Bounds(NamedTuple):
    """What two shares allow their joint share to be, and what independence makes of it."""

    low: float
    high: float
    independent: float


@dataclass(frozen=True)
class LentAttribute:
    """An attribute among those who lend it and those who get it.

    Attributes:
        attribute: its name.
        groups: its groups.
        customers: share of each group among all customers in whom it is known.
        people: weighted share of each group among the people who got it.
        total_variation: half the sum of the absolute differences.
    """

    attribute: str
    groups: tuple[str, ...]
    customers: tuple[float, ...]
    people: tuple[float, ...]
    total_variation: float


@dataclass(frozen=True)
class WorkedBounds:
    """One lent group and one answer: how large the share of people with both can be.

    Attributes:
        attribute: the lent attribute, and ``group`` the group of it.
        question: the question's name, and ``option`` the answer to it.
        people: who have both a lent value and an answer.
        group_share: weighted share of the group among them.
        option_share: weighted share of the answer.
        overall: bounds from the two shares alone.
        within: bounds within the groups that the matching variables make, summed.
        strata: how many such groups there are.
    """

    attribute: str
    group: str
    question: str
    option: str
    people: int
    group_share: float
    option_share: float
    overall: Bounds
    within: Bounds
    strata: int


@dataclass(frozen=True)
class Support:
    """What a match rests on.

    Attributes:
        variables: the matching variables.
        people: who were to be matched.
        matched: who got a donor.
        on_all: people whose distance is over all matching variables.
        exact: people whose donor is in the same group of each variable compared.
        customers: possible donors.
        donors: donors used.
        busiest: how many people the most used donor serves.
        distances: quantiles of the distance at ``QUANTILES``; empty where nobody was matched.
        attributes: each lent attribute among donors and receivers.
        bounds: a worked example of what stays open; ``None`` without an answer to work it with.
        sentences: all of this in words.
    """

    variables: tuple[str, ...]
    people: int
    matched: int
    on_all: int
    exact: int
    customers: int
    donors: int
    busiest: int
    distances: tuple[float, ...]
    attributes: tuple[LentAttribute, ...]
    bounds: WorkedBounds | None
    sentences: tuple[str, ...]


@dataclass(frozen=True)
class Example:
    """An answer to work the bounds with: the question, and the option that each person chose."""

    question: Question
    chosen: IntArray


def frechet(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Lowest and highest joint shares that two margins allow, each of shape (n_first, n_second).

    ``max(0, p + q - 1)`` and ``min(p, q)``: shares .6 and .7 overlap in .3 at least and in .6 at most.

    Args:
        first: shares, shape (n_first,).
        second: shares, shape (n_second,).

    Source: Fréchet (1951), "Sur les tableaux de corrélation dont les marges sont données".
    """
    p, q = first[:, None], second[None, :]
    return np.maximum(0.0, p + q - 1.0), np.minimum(p, q)


def bounds(first: BoolArray, second: BoolArray, strata: IntArray, weights: FloatArray) -> Bounds:
    """Bounds of the weighted share of people with both properties, given their shares in each stratum.

    ``sum_s w_s max(0, p_s + q_s - 1)`` to ``sum_s w_s min(p_s, q_s)``, and ``sum_s w_s p_s q_s`` where the
    two are independent within strata. With one stratum these are the Fréchet bounds themselves. Two halves
    with p = (1, .2) and q = (.5, .5): .25 to .35, independent .30; without the strata .10 to .50, .30.

    Args:
        first: who has the first property, shape (n_people,).
        second: who has the second.
        strata: stratum of each person, numbered from 0.
        weights: of the people; their sum must be positive.
    """
    size = np.bincount(strata, weights)
    used = size > 0
    p, q = (np.bincount(strata, weights * has)[used] / size[used] for has in (first, second))
    share = size[used] / size.sum()
    low, high = share @ np.maximum(0.0, p + q - 1.0), share @ np.minimum(p, q)
    return Bounds(float(low), float(high), float(share @ (p * q)))


def support(
    shared: Shared,
    variables: Sequence[str],
    donors: Donors,
    attributes: Mapping[str, tuple[tuple[str, ...], IntArray]],
    weights: FloatArray,
    example: Example | None = None,
) -> Support:
    """What this match rests on, and what may be said with it.

    Args:
        shared: the matching variables of people and customers.
        variables: their names.
        donors: who lent to whom.
        attributes: lent attribute -> groups, and the group of each customer (``UNKNOWN`` where undefined).
        weights: of the people, shape (n_people,).
        example: an answer of the people to work the bounds with.
    """
    found = donors.rows != NO_DONOR
    uses = np.bincount(donors.rows[found], minlength=len(shared.customers))
    lending = tuple(
        _lending(name, groups, codes, donors, weights) for name, (groups, codes) in attributes.items()
    )
    quantiles = np.quantile(donors.distance[found], QUANTILES) if found.any() else np.empty(0)
    worked = _worked(shared, donors, attributes, weights, example) if example is not None else None
    plain = Support(
        variables=tuple(variables),
        people=len(donors.rows),
        matched=int(found.sum()),
        on_all=int(np.sum(donors.variables[found] == len(variables))),
        exact=int(np.sum(donors.distance[found] <= 1e-12)),
        customers=len(shared.customers),
        donors=int(np.sum(uses > 0)),
        busiest=int(uses.max(initial=0)),
        distances=tuple(quantiles.tolist()),
        attributes=lending,
        bounds=worked,
        sentences=(),
    )
    return replace(plain, sentences=(*_figures(plain), *_limits(plain)))


def _lending(
    name: str, groups: tuple[str, ...], codes: IntArray, donors: Donors, weights: FloatArray
) -> LentAttribute:
    got = lent(codes, donors)
    has, gets = codes != UNKNOWN, got != UNKNOWN
    lend = np.bincount(codes[has], minlength=len(groups)) / max(1, has.sum())
    total = float(weights[gets].sum())
    get = np.bincount(got[gets], weights[gets], len(groups)) / (total or 1.0)
    apart = float(0.5 * np.abs(lend - get).sum()) if total > 0 else 0.0
    return LentAttribute(name, groups, tuple(lend.tolist()), tuple(get.tolist()), apart)


def _worked(
    shared: Shared,
    donors: Donors,
    attributes: Mapping[str, tuple[tuple[str, ...], IntArray]],
    weights: FloatArray,
    example: Example,
) -> WorkedBounds | None:
    """The bounds for the lent group and the answer nearest to half of the people; ``None`` without any."""
    best: WorkedBounds | None = None
    distance = np.inf
    chosen, question = example.chosen, example.question
    for name, (groups, codes) in attributes.items():
        got = lent(codes, donors)
        rows = np.flatnonzero((got != UNKNOWN) & (chosen != NO_ANSWER) & (weights > 0))
        if not len(rows):
            continue
        w = weights[rows] / weights[rows].sum()
        p = np.bincount(got[rows], w, len(groups))
        q = np.bincount(chosen[rows], w, len(question.options))
        group, option = int(np.abs(p - 0.5).argmin()), int(np.abs(q - 0.5).argmin())
        off = abs(p[group] - 0.5) + abs(q[option] - 0.5)
        if off >= distance:
            continue
        distance = off
        strata = np.unique(shared.people[rows], axis=0, return_inverse=True)[1].reshape(-1)
        has, says = got[rows] == group, chosen[rows] == option
        best = WorkedBounds(
            attribute=name,
            group=groups[group],
            question=question.name,
            option=question.options[option],
            people=len(rows),
            group_share=float(p[group]),
            option_share=float(q[option]),
            overall=bounds(has, says, np.zeros(len(rows), dtype=np.int64), w),
            within=bounds(has, says, strata, w),
            strata=int(strata.max()) + 1,
        )
    return best


def _figures(s: Support) -> list[str]:
    if not s.matched:
        return [f"None of {s.people:,} people has a donor: nothing can be said with the lent attributes."]
    known = _listing(s.variables)
    middle, far = s.distances[QUANTILES.index(0.5)], s.distances[QUANTILES.index(0.95)]
    lines = [
        f"{s.matched:,} of {s.people:,} people got their values from {s.donors:,} of {s.customers:,} "
        f"customers; the most used donor serves {s.busiest:,} people.",
        f"{percent(s.on_all / s.matched)} were compared on all of {known}; for "
        f"{percent(s.exact / s.matched)} the donor is in the same groups. Half of the distances are at "
        f"most {middle:.3f}, 95 % at most {far:.3f}.",
    ]
    if s.matched < s.people:
        lines.append(
            f"{s.people - s.matched:,} people share no known variable with any customer; their values stay "
            "unknown."
        )
    lines += [
        f"{a.attribute} is spread otherwise among the people than among the customers (total variation "
        f"{a.total_variation:.2f}): the people differ from the customers in {known}, or few donors lend to "
        "many."
        for a in s.attributes
        if a.total_variation > FAR
    ]
    return lines


def _limits(s: Support) -> list[str]:
    if not s.matched:
        return []
    known = _listing(s.variables)
    lines = [
        f"Assumed (conditional independence): given {known}, survey answers and customer attributes are "
        "independent of each other. The data cannot test this, because nobody is in both sources.",
        f"May be tabulated: each lent attribute by itself, and by {known}, as figures about people alike.",
        "May not be read as found: a table of a lent attribute by a survey answer. It shows of their "
        f"association only what comes by way of {known}; whatever goes beyond that is lost, so that "
        "the table tends towards no association.",
        "A lent value is no fact about the person who gets it, and no ground for a decision about anybody.",
    ]
    return lines if s.bounds is None else [*lines, _worked_out(s.bounds, known)]


def _worked_out(b: WorkedBounds, known: str) -> str:
    return (
        f"How much stays open: {percent(b.group_share)} of {b.people:,} people have {b.attribute} "
        f"{b.group!r} and {percent(b.option_share)} answered {b.option!r} to {b.question}. The share with "
        f"both could be anything from {percent(b.overall.low)} to {percent(b.overall.high)}; within the "
        f"{b.strata} groups of {known}, from {percent(b.within.low)} to {percent(b.within.high)}. "
        f"Independence, which matching assumes, makes it {percent(b.within.independent)}."
    )


def _listing(names: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
