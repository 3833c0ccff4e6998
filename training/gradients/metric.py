"""What is trained beside the language model: the kernels' settings, and what each direction counts.

It starts at what the closed form chose and is given back in the closed form's own terms.
"""

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from personas.models.kernel import KernelSettings
from personas.models.projection import Projection
from training.gradients.kernel import Kernel

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Metric:
    """A space and the two kernels in it.

    Attributes:
        start: the projection that the training starts with.
        spread: logarithm of what each direction is multiplied with, shape (n_layers, width).
        shares: kernel of the log shares.
        effects: kernel of the person effects.
        amplitude: logarithm of the signal variance of the log shares, which widens predictions.
        fingerprint: hash of where the training starts.
    """

    start: Projection
    spread: "torch.Tensor"
    shares: Kernel
    effects: Kernel
    amplitude: "torch.Tensor"
    fingerprint: str

    def tensors(self) -> "dict[str, torch.Tensor]":
        """All that is trained, by name."""
        found = {"metric.amplitude": self.amplitude, "metric.spread": self.spread}
        for name, kernel in (("shares", self.shares), ("effects", self.effects)):
            found |= {
                f"metric.{name}.variances": kernel.variances,
                f"metric.{name}.length": kernel.length,
                f"metric.{name}.noise": kernel.noise,
            }
        return found

    def project(self, vectors: "torch.Tensor") -> "torch.Tensor":
        """Vectors (n_layers, n_rows, dim) of the language model in the space, (n_layers, n_rows, width)."""
        import torch

        centre = torch.as_tensor(self.start.centre, dtype=vectors.dtype, device=vectors.device)
        matrix = torch.as_tensor(self.start.matrix, dtype=vectors.dtype, device=vectors.device)
        return ((vectors - centre) @ matrix) * self.spread.exp()[:, None, :]

    def learned(self) -> "Learned":
        """What was learned, in the closed form's terms."""
        spread = self.spread.detach().double().exp().cpu().numpy()
        return Learned(
            Projection(self.start.centre, self.start.matrix * spread[:, None, :]),
            self.shares.settings(),
            self.effects.settings(),
            float(self.amplitude.detach().exp()),
        )


@dataclass(frozen=True)
class Learned:
    """Space and kernels for ``personas.models.factored``; see ``FactoredConfig`` for the numbers."""

    projection: Projection
    shares: KernelSettings
    effects: KernelSettings
    amplitude: float


def metric(start: Learned, device: str = "cpu") -> Metric:
    """A metric that starts at what the closed form chose: the warm start.

    Raises:
        ValueError: an amplitude that is not positive.
    """
    import torch

    if start.amplitude <= 0:
        raise ValueError(f"the amplitude must be above 0, got {start.amplitude}")
    digest = hashlib.sha256(f"{start.shares!r}{start.effects!r}{start.amplitude!r}".encode())
    for array in (start.projection.centre, start.projection.matrix):
        digest.update(np.ascontiguousarray(array).tobytes())
    layers, _, width = start.projection.matrix.shape
    return Metric(
        start.projection,
        torch.zeros((layers, width), device=device, requires_grad=True),
        Kernel.of(start.shares, torch.float32, device),
        Kernel.of(start.effects, torch.float32, device),
        torch.tensor(float(np.log(start.amplitude)), device=device, requires_grad=True),
        digest.hexdigest()[:16],
    )
