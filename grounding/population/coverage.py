"""How far the people at hand (customers, an online panel) are from the population that figures are for."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from grounding.population.margins import Target, cells_of
from grounding.population.weights import effective_base
from personas.arrays import FloatArray, IntArray
from personas.panel import UNKNOWN, Panel
from personas.wording import counted, percent

THIN = 30  # people; a figure for fewer is not to be published by itself
_LARGE = 1.5  # times too many or too few
_UNNAMED_FRAME = "the people at hand"
_UNNAMED_POPULATION = "the population of the official figures"


@dataclass(frozen=True)
class CellCoverage:
    """One category of the population beside the people at hand.

    Attributes:
        margin: name of the margin.
        label: the category in words.
        official: its share of the population.
        unweighted: its share of the people, among those known in this margin.
        base: its share with the base (design) weights.
        final: its share with the final weights.
        people: how many people are in it.
    """

    margin: str
    label: str
    official: float
    unweighted: float
    base: float
    final: float
    people: int

    @property
    def ratio(self) -> float | None:
        """Unweighted over official share; ``None`` where officially there is nobody."""
        return self.unweighted / self.official if self.official > 0 else None


@dataclass(frozen=True)
class Coverage:
    """Frame and population side by side.

    Attributes:
        frame: where the people come from, in words.
        population: whom figures are for, in words.
        people: how many people there are.
        weighted_by: attributes that the final weights are fitted to; none where the people stand for
            themselves.
        cells: every category of every margin.
        uncovered: largest share of the population, over the margins, that is in categories with nobody.
        over: the category most over-represented before any weight; ``None`` without margins.
        under: the one most under-represented, among those with somebody; ``None`` without margins.
        thin: categories with somebody, but fewer than 30 people.
        unknown: people of whom at least one weighted attribute is not known.
        variation: coefficient of variation of the chance to be among the people; ``None`` without margins.
        representativity: 1 - ``variation``, at least 0; ``None`` without margins.
        base_kept: effective base of the final weights over the number of people.
        sentences: the report in words.
    """

    frame: str
    population: str
    people: int
    weighted_by: tuple[str, ...]
    cells: tuple[CellCoverage, ...]
    uncovered: float
    over: CellCoverage | None
    under: CellCoverage | None
    thin: tuple[CellCoverage, ...]
    unknown: int
    variation: float | None
    representativity: float | None
    base_kept: float
    sentences: tuple[str, ...]


def report(
    people: Panel,
    targets: Sequence[Target],
    base: FloatArray,
    final: FloatArray,
    frame: str,
    population: str,
    modelled: bool = False,
) -> Coverage:
    """Coverage of ``population`` by the people of ``frame``, in figures and in words.

    Without targets the people stand for nobody but themselves, which is allowed, and said.

    Args:
        people: of the frame; weights in it are not looked at.
        targets: official shares that the final weights are fitted to.
        base: weights before fitting, shape (n_people,).
        final: weights after it, shape (n_people,).
        frame: where the people come from: ``customers of the shop``; not said where empty.
        population: whom figures are for: ``adults in the United States``; not said where empty.
        modelled: the people are made from the targets, not reached in any frame.

    Raises:
        ValueError: no people, or weights of another length, below zero or without a positive one.
        DataError: a target's attribute is missing, or somebody has a value without a target.

    Source of the representativity: Schouten, Cobben and Bethlehem, Survey Methodology 35 (2009), 101-113. See
    ``propensity_variation`` for what is adapted.
    """
    if not len(people) or base.shape != final.shape or final.shape != (len(people),):
        raise ValueError(
            f"need people with a base and a final weight each, got {len(people)} people and weights of "
            f"shapes {base.shape} and {final.shape}"
        )
    kept = effective_base(final) / len(people)
    effective_base(base)  # refuses what are no weights
    cells = tuple(cell for target in targets for cell in _cells(people, target, base, final))
    uncovered = max(
        (sum(c.official for c in cells if c.margin == t.name and c.people == 0) for t in targets), default=0.0
    )
    present = [c for c in cells if c.people > 0 and c.official > 0]
    unknown = np.zeros(len(people), dtype=np.bool_)
    for target in targets:
        unknown |= cells_of(people, target) == UNKNOWN
    variation = propensity_variation(base, final, uncovered) if targets else None
    bare = Coverage(
        frame=frame.strip() or _UNNAMED_FRAME,
        population=population.strip() or _UNNAMED_POPULATION,
        people=len(people),
        weighted_by=tuple(dict.fromkeys(a for t in targets for a in t.attributes)),
        cells=cells,
        uncovered=uncovered,
        over=max(present, key=lambda c: c.unweighted / c.official, default=None),
        under=min(present, key=lambda c: c.unweighted / c.official, default=None),
        thin=tuple(c for c in cells if 0 < c.people < THIN),
        unknown=int(unknown.sum()),
        variation=variation,
        representativity=None if variation is None else max(0.0, 1.0 - variation),
        base_kept=kept,
        sentences=(),
    )
    return replace(bare, sentences=_modelled(bare) if modelled else tuple(_sentences(bare)))


def _modelled(found: Coverage) -> tuple[str, ...]:
    return (
        f"There is no frame: the {found.people:,} people are made from official figures on "
        f"{', '.join(found.weighted_by)} and meet them by construction. Nobody of {found.population} was "
        "reached, so how far they are covered cannot be told.",
    )


def propensity_variation(base: FloatArray, final: FloatArray, uncovered: float) -> float:
    """Coefficient of variation, over the population, of the chance to be among the people.

    Somebody's chance is taken as proportional to base over final weight: the final weight stands for
    1 / chance, the base weight for what the design already allowed for. With population weights
    ``w = final`` and ``r = base / final``: CV^2 = mean_w(r^2) / mean_w(r)^2 - 1; for the share ``uncovered``
    of the population the chance is 0. Final weights 1, 1 and 2 with base weights 1: mean_w(r) = 3/4,
    mean_w(r^2) = 5/8, CV = sqrt(10/9 - 1) = .33.

    The R-indicator is 1 - 2 S, with S the standard deviation of the chances. Of a frame that is no random
    sample only the ratios of the chances are known, not their size; taken at a mean of 1/2, where S can be
    largest, 2 S is the CV, hence ``representativity = 1 - CV``. The CV times the standard deviation of a
    variable bounds the bias of its unweighted mean, as far as chances depend on the weighted attributes only.

    People with a final weight of 0 stand for nobody and are left out.

    Raises:
        ValueError: an uncovered share outside [0, 1), or no positive final weight.
    """
    there = final > 0
    if not 0 <= uncovered < 1 or not there.any():
        raise ValueError(
            f"need 0 <= uncovered < 1 and a positive final weight, got {uncovered} and {final.max()}"
        )
    w, r = final[there] / final[there].sum(), base[there] / final[there]
    mean = float(w @ r)
    spread = float(w @ (r - mean) ** 2) / mean**2
    return float(np.sqrt((spread + uncovered) / (1.0 - uncovered)))


def _cells(people: Panel, target: Target, base: FloatArray, final: FloatArray) -> list[CellCoverage]:
    places, size = cells_of(people, target), len(target.cells)
    known = places != UNKNOWN
    count = np.bincount(places[known], minlength=size)
    ones: FloatArray = np.ones(len(people))
    shares = [_shares(places[known], w[known], size) for w in (ones, base, final)]
    return [
        CellCoverage(
            target.name,
            target.label(c),
            float(target.shares[c]),
            float(shares[0][c]),
            float(shares[1][c]),
            float(shares[2][c]),
            int(count[c]),
        )
        for c in range(size)
    ]


def _shares(places: IntArray, weights: FloatArray, size: int) -> FloatArray:
    sums = np.bincount(places, weights=weights, minlength=size).astype(np.float64)
    if sums.sum() <= 0:
        raise ValueError("nobody with a positive weight is known in a margin")
    return sums / sums.sum()


def _sentences(found: Coverage) -> list[str]:
    unnamed = found.frame == _UNNAMED_FRAME
    words = ["The grounding file does not say under 'frame' whom its sources could reach."] if unnamed else []
    if not found.weighted_by:
        return [
            *words,
            f"The {found.people:,} people are weighted to no official figures: they stand for {found.frame}, "
            f"and say nothing about {found.population} unless these are the same.",
        ]
    weighted = f"{found.people:,} people are weighted to stand for the population by"
    words.append(f"{_relation(found, unnamed)}. {weighted} {', '.join(found.weighted_by)}.")
    return [*words, *_gaps(found), *_limits(found)]


def _relation(found: Coverage, unnamed: bool) -> str:
    if unnamed:
        return (
            f"Figures are for {found.population}; how far the people at hand were drawn from it is not known"
        )
    if found.frame.casefold() == found.population.casefold():
        return (
            f"Frame and population are both said to be {found.population}; who of them took part is another "
            "question"
        )
    return f"The people come from {found.frame}; figures are for {found.population}, who are not the same"


def _gaps(found: Coverage) -> list[str]:
    words: list[str] = []
    if found.uncovered > 0:
        nobody = [c.label for c in found.cells if c.people == 0 and c.official > 0]
        words.append(
            f"{percent(found.uncovered, 1)} of the population are in categories with nobody "
            f"({_listed(nobody)}): no weight can speak for them."
        )
    else:
        words.append("Every category weighted by has somebody in it.")
    for cell, many in ((found.over, "Most over-represented"), (found.under, "Most under-represented")):
        if cell is not None and cell.ratio is not None:
            words.append(
                f"{many} before weighting: {cell.label}, {percent(cell.unweighted, 1)} of the people, "
                f"officially {percent(cell.official, 1)} ({cell.ratio:.2g} times)."
            )
    far = [c for c in found.cells if c.ratio and not 1 / _LARGE <= c.ratio <= _LARGE]
    if far:
        words.append(
            f"{len(far)} of {counted(len(found.cells), 'category', 'categories')} "
            f"{'is' if len(far) == 1 else 'are'} more than {_LARGE:g} times too many or too few before "
            "weighting."
        )
    return words


def _limits(found: Coverage) -> list[str]:
    words: list[str] = []
    if found.representativity is not None and found.variation is not None:
        words.append(
            f"Representativity is {found.representativity:.2f} on a scale to 1 (R-indicator on the weighted "
            f"attributes): without weights the share of an answer that half the population gives could be "
            f"off by up to {min(50.0, 50 * found.variation):.0f} points on account of them."
        )
    words.append(
        f"Weighting leaves {percent(found.base_kept)} of the {found.people:,} people as the effective base "
        f"({found.base_kept * found.people:,.0f})."
    )
    if found.thin:
        # Without their numbers: these sentences leave the house.
        shown = [c.label for c in sorted(found.thin, key=lambda c: c.people)]
        many = counted(len(found.thin), "category rests", "categories rest")
        words.append(f"{many} on fewer than {THIN} people: {_listed(shown)}.")
    if found.unknown:
        words.append(
            f"Of {found.unknown:,} people at least one of these attributes is not known; they count "
            "where they are known."
        )
    words.append(
        f"Weighting corrects only what it is weighted by: where {found.frame} and {found.population} differ "
        "within these categories, the figures differ too, and no figure here can show it."
    )
    return words


def _listed(names: list[str], most: int = 5) -> str:
    return "; ".join(names[:most]) + (f"; and {len(names) - most} more" if len(names) > most else "")
