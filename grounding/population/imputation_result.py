"""An attribute with its missing values filled, what that did to it, and what it cannot be trusted with."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from grounding.population.imputation_pooling import Pooled, combined
from grounding.population.weights import effective_base
from personas.arrays import BoolArray, FloatArray, IntArray
from personas.panel import UNKNOWN, Panel
from personas.wording import percent

_MUCH_MISSING = 0.5
_SIGNIFICANT = 0.05


@dataclass(frozen=True)
class LevelShare:
    """One value of an imputed attribute; shares are weighted.

    Attributes:
        value: the value.
        observed: its share among those observed.
        imputed: its share among those imputed, over all copies; ``None`` where nobody was.
        completed: its share among all, over all copies.
        missing_information: share of the information on ``completed`` that the missing values took away
            (Rubin); ``None`` with fewer than two copies, which leave it undefined.
    """

    value: str
    observed: float
    imputed: float | None
    completed: float
    missing_information: float | None


@dataclass(frozen=True)
class Imputed:
    """An attribute with its missing values filled.

    Attributes:
        attribute: its name.
        levels: its values.
        codes: index into ``levels``, shape (n_people, copies); the same in every copy where observed.
        imputed: who was imputed, shape (n_people,).
        donors: row of the donor, shape (n_people, copies), ``NO_DONOR`` where observed; ``None`` for a model.
        distance: Gower distance to the donor, same shape, NaN where observed or where nothing known is shared
            with the donor; ``None`` for a model.
        weights: of the people, shape (n_people,).
        unmatched: how many were imputed from the observed shares alone, nothing in ``on`` being known of
            them.
        shares: one entry for each value.
        method: how it was done, a sentence for the provenance.
        warnings: sentences on what the imputation cannot be trusted with.
    """

    attribute: str
    levels: tuple[str, ...]
    codes: IntArray
    imputed: BoolArray
    donors: IntArray | None
    distance: FloatArray | None
    weights: FloatArray
    unmatched: int
    shares: tuple[LevelShare, ...]
    method: str
    warnings: tuple[str, ...]

    @property
    def copies(self) -> int:
        """How many times each missing value was drawn."""
        return self.codes.shape[1]

    @property
    def share_missing(self) -> float:
        """Share of the people (unweighted) who were imputed."""
        return float(self.imputed.mean())

    def completed(self, panel: Panel, copy: int = 0) -> Panel:
        """The panel with the gaps filled from one copy. Raises: ValueError for a panel of other people."""
        if len(panel) != len(self.codes):
            raise ValueError(f"imputed for {len(self.codes)} people, got a panel of {len(panel)}")
        codes = panel.codes.copy()
        codes[:, panel.attributes.index(self.attribute)] = self.codes[:, copy]
        return replace(panel, codes=codes)


def pooled(imputed: Imputed, value: str) -> Pooled:
    """The weighted share of one value over all copies, with its variance by Rubin's rules.

    Within a copy the variance of a share p is p (1 - p) / effective base. Shares .40, .44 and .42 on an
    effective base of 600 have variances of about .0004: together .42 with a standard error of .031, where
    one copy would claim .020.

    Raises:
        ValueError: a value that the attribute does not take, or fewer than two copies.
    """
    if value not in imputed.levels:
        raise ValueError(f"{imputed.attribute} has no value {value!r}; it has {', '.join(imputed.levels)}")
    base = effective_base(imputed.weights)
    chosen = imputed.codes == imputed.levels.index(value)
    shares = imputed.weights @ chosen / imputed.weights.sum()
    return combined(shares, shares * (1 - shares) / base, base)


def described(
    panel: Panel,
    attribute: str,
    codes: IntArray,
    method: str,
    on: Sequence[str],
    unmatched: int,
    donors: IntArray | None = None,
    distance: FloatArray | None = None,
) -> Imputed:
    """The result with its shares and warnings."""
    place = panel.attributes.index(attribute)
    missing = panel.codes[:, place] == UNKNOWN
    bare = Imputed(
        attribute,
        panel.levels[place],
        codes,
        missing,
        donors,
        distance,
        panel.weights,
        unmatched,
        (),
        method,
        (),
    )
    full = replace(bare, shares=tuple(_level(bare, code) for code in range(len(bare.levels))))
    return replace(full, warnings=tuple(_warnings(full, panel, on)) if missing.any() else ())


def _level(imputed: Imputed, code: int) -> LevelShare:
    chosen, missing, weights = imputed.codes == code, imputed.imputed, imputed.weights
    filled = float(weights[missing].sum())
    information = None
    if imputed.copies > 1:
        information = pooled(imputed, imputed.levels[code]).missing_information
    return LevelShare(
        value=imputed.levels[code],
        observed=float(weights[~missing] @ chosen[~missing, 0] / weights[~missing].sum()),
        imputed=float((weights[missing] @ chosen[missing]).mean() / filled) if filled > 0 else None,
        completed=float((weights @ chosen).mean() / weights.sum()),
        missing_information=information,
    )


def _warnings(imputed: Imputed, panel: Panel, on: Sequence[str]) -> list[str]:
    name, found = imputed.attribute, list[str]()
    if imputed.share_missing > _MUCH_MISSING:
        found.append(
            f"{name} is missing for {percent(imputed.share_missing)} of the people: more is filled than known"
        )
    if not any(_associated(panel, name, other, len(on)) for other in on):
        found.append(
            f"nothing in {', '.join(on)} goes with {name}: the filled values are draws from the observed "
            "shares and correct for nothing"
        )
    if imputed.unmatched:
        found.append(
            f"of {imputed.unmatched:,} people nothing in {', '.join(on)} is known: their {name} is drawn "
            "from the observed shares"
        )
    if imputed.copies == 1:
        found.append(
            f"{name} is filled once: intervals that use it leave out what the missing values cost; ask for "
            "five or more copies"
        )
    high = [s for s in imputed.shares if (s.missing_information or 0.0) > _MUCH_MISSING]
    if high:
        found.append(
            f"more than half of the information on the share of {name}: {', '.join(s.value for s in high)} "
            "is missing"
        )
    return found


def _associated(panel: Panel, attribute: str, other: str, tests: int) -> bool:
    """Whether two attributes go together: Pearson's test at 5 % over all tests, on the effective base."""
    from scipy.special import gammaincc

    pair = panel.select([attribute, other])
    known = np.all(pair.codes != UNKNOWN, axis=1) & (panel.weights > 0)
    if not known.any():
        return False
    codes, weights = pair.codes[known], panel.weights[known]
    table: FloatArray = np.zeros((len(pair.levels[0]), len(pair.levels[1])))
    np.add.at(table, (codes[:, 0], codes[:, 1]), weights)
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    table *= effective_base(weights) / weights.sum()
    expected: FloatArray = table.sum(axis=1)[:, None] * table.sum(axis=0) / table.sum()
    freedom = (table.shape[0] - 1) * (table.shape[1] - 1)
    squares: FloatArray = (table - expected) ** 2 / expected
    tail: FloatArray = gammaincc(np.array([max(freedom, 1) / 2]), np.array([squares.sum() / 2]))
    return freedom > 0 and float(tail[0]) < _SIGNIFICANT / tests
