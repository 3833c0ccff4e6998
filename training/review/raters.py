"""How far several people agree when they rate the same things, and how their ratings fit known labels."""

from typing import Literal

import numpy as np

from personas.arrays import FloatArray, IntArray
from personas.document import Document
from personas.measures import bootstrap
from personas.measures.estimate import Estimate

NO_RATING = -1
Level = Literal["nominal", "ordinal", "interval"]
RELIABLE, TENTATIVE = 0.8, 0.667
"""Alpha from which conclusions may be drawn, and tentative ones (Krippendorff, Content Analysis, 2004)."""


def coincidences(ratings: IntArray, n_values: int) -> FloatArray:
    """How often two raters of a thing gave each pair of values, (n_things, n_values, n_values).

    Each thing that m >= 2 people rated adds every ordered pair of its ratings with weight ``1 / (m - 1)``, so
    m in all; things with fewer ratings add nothing.

    Args:
        ratings: place of the value that each rater gave, (n_things, n_raters); ``NO_RATING`` for none.
        n_values: number of values.
    """
    counts = np.stack([(ratings == v).sum(axis=1) for v in range(n_values)], axis=1).astype(np.float64)
    m = counts.sum(axis=1)
    pairs = counts[:, :, None] * counts[:, None, :]
    diagonal = np.arange(n_values)
    pairs[:, diagonal, diagonal] -= counts
    return pairs / np.maximum(m - 1, 1)[:, None, None] * (m >= 2)[:, None, None]


def alpha(ratings: IntArray, values: FloatArray, level: Level) -> float | None:
    """Krippendorff's alpha, ``1 - D_o / D_e``: 1 for full agreement, 0 for what chance alone would show.

    With the coincidences ``o_ck``, their margins ``n_c`` and sum ``n``: ``D_o = sum o_ck d2_ck / n`` and
    ``D_e = sum n_c n_k d2_ck / (n (n - 1))``. The squared difference ``d2`` is 1 for different values
    (nominal), ``(sum_{g=c..k} n_g - (n_c + n_k) / 2)^2`` (ordinal) or ``(c - k)^2`` (interval). ``None``
    where nothing was rated twice, or everybody always gave the same value.

    Args:
        ratings: as in ``coincidences``; for ordinal values their places are in order.
        values: number behind each value, for ``interval``, (n_values,).
        level: of the values.

    Source: Krippendorff, "Computing Krippendorff's alpha-reliability" (2011), sections C to E.
    """
    return _alpha(coincidences(ratings, len(values)).sum(axis=0), values, level)


def _alpha(table: FloatArray, values: FloatArray, level: Level) -> float | None:
    margins, n = table.sum(axis=1), float(table.sum())
    squared = _squared(margins, values, level)
    expected = float(margins @ squared @ margins)
    if n < 2 or expected <= 0:
        return None
    return 1.0 - (n - 1) * float((table * squared).sum()) / expected


def _squared(margins: FloatArray, values: FloatArray, level: Level) -> FloatArray:
    if level == "nominal":
        return 1.0 - np.eye(len(margins))
    if level == "interval":
        return np.square(values[:, None] - values[None, :])
    middle = margins.cumsum() - margins / 2
    return np.square(middle[:, None] - middle[None, :])


def alpha_interval(
    ratings: IntArray, values: FloatArray, level: Level, rng: np.random.Generator, replicates: int = 1000
) -> Estimate | None:
    """Alpha with a 95 % interval over the things rated; ``None`` where alpha is not defined.

    Things are resampled, not pairs of ratings, as the ratings of one thing belong together. Samples in which
    it is not defined are left out.
    """
    tables = coincidences(ratings, len(values))
    value = _alpha(tables.sum(axis=0), values, level)
    if value is None:
        return None
    drawn = bootstrap.counts(len(tables), replicates, rng)
    sums = (drawn @ tables.reshape(len(tables), -1)).reshape(len(drawn), *tables.shape[1:])
    found = [_alpha(table, values, level) for table in sums]
    defined = np.array([a for a in found if a is not None])
    if len(defined) < 2:
        return None
    return bootstrap.recentred(value, defined, bounds=(-1.0, 1.0))


def in_words(value: float | None) -> str:
    """What an alpha allows: conclusions, tentative ones, or none."""
    if value is None:
        return "not defined: nothing was rated twice, or every rating was the same"
    if value >= RELIABLE:
        return "reliable"
    return "good enough for tentative conclusions" if value >= TENTATIVE else "too low to conclude anything"


class LabelScore(Document):
    """How well the ratings find one label.

    Attributes:
        label: the value.
        labelled: things that have it, of those scored.
        rated: things that were rated so.
        precision: of those rated so, the share that have it; ``None`` where nothing was.
        recall: of those that have it, the share rated so; ``None`` where nothing has it.
    """

    label: str
    labelled: int
    rated: int
    precision: float | None
    recall: float | None


def majority(ratings: IntArray, n_values: int) -> IntArray:
    """The value that most raters gave each thing, (n_things,); ``NO_RATING`` where none did, or at a tie."""
    counts = np.stack([(ratings == v).sum(axis=1) for v in range(n_values)], axis=1)
    top = counts.max(axis=1)
    single = (counts == top[:, None]).sum(axis=1) == 1
    return np.where((top > 0) & single, counts.argmax(axis=1), NO_RATING).astype(np.int64)


def label_scores(rated: IntArray, labels: IntArray, names: tuple[str, ...]) -> tuple[LabelScore, ...]:
    """Precision and recall of each value over the things that have both a label and a rating.

    Args:
        rated: place of the value each thing was rated, (n_things,); ``NO_RATING`` for none.
        labels: place of the value it has.
        names: of the values.
    """
    both = (rated != NO_RATING) & (labels != NO_RATING)
    found: list[LabelScore] = []
    for place, name in enumerate(names):
        called, has = both & (rated == place), both & (labels == place)
        hits = int((called & has).sum())
        found.append(
            LabelScore(
                label=name,
                labelled=int(has.sum()),
                rated=int(called.sum()),
                precision=hits / int(called.sum()) if called.any() else None,
                recall=hits / int(has.sum()) if has.any() else None,
            )
        )
    return tuple(found)
