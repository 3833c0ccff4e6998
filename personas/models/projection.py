"""Language-model vectors turned into the space in which question-options are compared."""

from dataclasses import dataclass

import numpy as np

from personas.arrays import FloatArray

WIDTH = 400
_WHITENING = 0.3
_LEAST = 1e-3


@dataclass(frozen=True)
class Projection:
    """Principal directions of the vectors, the strongest ones held back a little.

    The states of a language model lie near a few directions that say little of what is asked. Dividing each
    principal direction by its spread to the power of .3 gives the others their say (benchmarks/curves.py),
    and the leading directions alone keep the files small.

    Attributes:
        centre: mean vector of each layer, shape (n_layers, 1, dim).
        matrix: shape (n_layers, dim, width).
    """

    centre: FloatArray
    matrix: FloatArray

    def apply(self, vectors: FloatArray) -> FloatArray:
        """Vectors (n_layers, n, dim) as (n_layers, n, width), in the half precision they are kept in.

        Raises:
            ValueError: vectors of other layers or another width.
        """
        if (vectors.shape[0], vectors.shape[2]) != self.matrix.shape[:2]:
            raise ValueError(
                f"vectors must have {self.matrix.shape[0]} layers of width {self.matrix.shape[1]}, "
                f"got shape {vectors.shape}"
            )
        return ((vectors - self.centre) @ self.matrix).astype(np.float16).astype(np.float64)


def fitted(vectors: FloatArray, width: int = WIDTH) -> Projection:
    """The projection of these vectors (n_layers, n, dim), of ``width`` at most.

    Source: the partial whitening of Mu and Viswanath, "All-but-the-top" (2018), with a power in place of
    leaving directions out.
    """
    centre = vectors.mean(axis=1, keepdims=True)
    width = min(width, vectors.shape[1], vectors.shape[2])
    matrix = np.zeros((vectors.shape[0], vectors.shape[2], width))
    for layer, own in enumerate(vectors - centre):
        _, spreads, directions = np.linalg.svd(own, full_matrices=False)
        if spreads[0] <= 0:
            continue
        relative = spreads[:width] / spreads[0]
        scale = np.where(relative > _LEAST, np.maximum(relative, _LEAST) ** -_WHITENING, 0.0)
        matrix[layer, :, : len(scale)] = directions[: len(scale)].T * scale
    return Projection(centre, matrix)
