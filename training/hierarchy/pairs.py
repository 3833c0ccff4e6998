"""What single pairs of questions share beyond the dimensions that run through all of them.

Two items that ask nearly the same agree more than thirty common dimensions can say. The residuals of their
answers, as places on the scale, are correlated pair by pair, less what the loadings explain; each correlation
is shrunk by how few people answered both. The leading directions of what is left are loadings on the scale.

Source: shrunken correlations, Ledoit and Wolf, Journal of Multivariate Analysis 88 (2004), here by pairwise
numbers of people; principal axes with communalities, Harman, "Modern Factor Analysis" (1976), chapter 8.
"""

import numpy as np

from personas.answer import NO_ANSWER
from personas.arrays import FloatArray
from personas.models.head import normalised
from personas.models.kernel import row_blocks
from personas.models.residuals import Residuals
from training.hierarchy.loadings import Sample

RANK = 60
_SHRINK = 400.0  # people who answered both questions for whom a correlation is halved
_QUESTIONS_EACH = 8  # for one direction
_ROUNDS, _MOST = 5, 0.7  # of the communalities, and their largest value


def with_pairs(sample: Sample, fitted: Residuals, places: FloatArray) -> Residuals:
    """The residuals with directions added for what pairs of ordinal questions share beyond ``fitted``.

    Args:
        sample: the answers that ``fitted`` comes from.
        fitted: loadings of the common dimensions.
        places: of the options on their scales, (n_rows,); zeros where they are unordered.
    """
    blocks = row_blocks(sample.sizes)
    ordered = [q for q, b in enumerate(blocks) if np.any(places[b])]
    rank = min(RANK, len(ordered) // _QUESTIONS_EACH)
    if rank < 1:
        return fitted
    shares = fitted.shares
    correlation, people = _correlations(sample, places, ordered)
    apart = [places[blocks[q]] - shares[blocks[q]] @ places[blocks[q]] for q in ordered]
    deviations = np.sqrt([shares[blocks[q]] @ a**2 for q, a in zip(ordered, apart, strict=True)])
    moments = [
        (shares[blocks[q]] * a) @ fitted.loadings[blocks[q]] for q, a in zip(ordered, apart, strict=True)
    ]
    slopes = np.array(moments) / deviations[:, None]
    rest = _shrunk(correlation, slopes @ slopes.T, people)
    along = _principal(rest, rank) / deviations[:, None]
    added = np.zeros((len(places), rank))
    for q, slope in zip(ordered, along, strict=True):
        added[blocks[q]] = np.outer(places[blocks[q]] - places[blocks[q]].mean(), slope)
    return Residuals(np.concatenate([fitted.loadings, added], axis=1), shares, sample.sizes)


def _correlations(sample: Sample, places: FloatArray, ordered: list[int]) -> tuple[FloatArray, FloatArray]:
    """Correlation of the standardised residuals of each pair of questions, and who answered both."""
    blocks = row_blocks(sample.sizes)
    expected = np.exp(normalised(sample.logits.T, blocks))
    residuals = np.zeros((len(sample.chosen), len(ordered)))
    given = (sample.chosen[:, ordered] != NO_ANSWER).astype(np.float64)
    for column, q in enumerate(ordered):
        place, shares = places[blocks[q]], expected[blocks[q]]
        mean = place @ shares
        spread = np.sqrt(np.maximum(np.square(place) @ shares - mean**2, 1e-6))
        residuals[:, column] = (place[sample.chosen[:, q]] - mean) / spread * given[:, column]
    weights = sample.weights[:, None]
    people = (given * weights).T @ given
    products = (residuals * weights).T @ residuals
    scale = np.sqrt(np.maximum(np.diag(products), 1e-12) / np.maximum(np.diag(people), 1e-12))
    return products / np.maximum(people, 1e-12) / np.outer(scale, scale), people


def _shrunk(correlation: FloatArray, explained: FloatArray, people: FloatArray) -> FloatArray:
    """Correlations less what is explained, times ``n / (n + 400)``; the diagonal is left to be found.

    ``explained`` is scaled to fit: in it are latent positions, in ``correlation`` answers drawn from them.
    """
    apart = ~np.eye(len(people), dtype=bool)
    weight = people * apart
    fit = float((weight * correlation * explained).sum() / max((weight * explained**2).sum(), 1e-12))
    return (correlation - fit * explained) * (people / (people + _SHRINK)) * apart


def _principal(correlation: FloatArray, rank: int) -> FloatArray:
    """Leading directions (n, rank) of a matrix whose diagonal, the communalities, is found in rounds."""
    common = np.full(len(correlation), 0.2)
    values, vectors = np.zeros(len(correlation)), np.eye(len(correlation))
    for _ in range(_ROUNDS):
        values, vectors = np.linalg.eigh(correlation + np.diag(common))
        values = np.maximum(values, 0.0)
        common = np.minimum(np.square(vectors) @ values, _MOST)
    values, vectors = np.linalg.eigh(correlation + np.diag(common))
    leading = slice(len(values) - rank, None)
    return vectors[:, leading] * np.sqrt(np.maximum(values[leading], 0.0))
