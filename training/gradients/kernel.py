"""The kernel regression of ``personas.models.kernel`` as a differentiable function of vectors and settings.

Rows are options, questions one after the other, in the space of ``personas.models.projection``. The numbers
are those of ``personas.models.kernel``; what is learned here can be used there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from personas.arrays import FloatArray, IntArray
from personas.models.kernel import APART, POSITION_LENGTH, KernelSettings

if TYPE_CHECKING:
    import torch

PARTS = ("text", "pair", "slope", "position")


class Options(NamedTuple):
    """Options of some questions, questions one after the other.

    Attributes:
        vectors: shape (n_layers, n_rows, dim).
        positions: place on the scale in [-1, 1], zero for unordered options, shape (n_rows,).
        question: index of each row's question, shape (n_rows,).
        sizes: options of each question, shape (n_questions,).
    """

    vectors: "torch.Tensor"
    positions: "torch.Tensor"
    question: "torch.Tensor"
    sizes: "torch.Tensor"

    def means(self, values: "torch.Tensor") -> "torch.Tensor":
        """Mean of ``values`` (n_rows, ...) over each question's options, (n_questions, ...)."""
        total = values.new_zeros((len(self.sizes), *values.shape[1:])).index_add(0, self.question, values)
        return total / self.sizes.reshape(-1, *([1] * (values.ndim - 1)))

    def centred(self, values: "torch.Tensor") -> "torch.Tensor":
        """``values`` (n_rows, ...) less their mean within each question."""
        return values - self.means(values)[self.question]


def options(vectors: "torch.Tensor", positions: FloatArray, sizes: Sequence[int] | IntArray) -> Options:
    """Options with these vectors (n_layers, n_rows, dim); everything takes the vectors' number format."""
    import torch

    count = torch.as_tensor(np.asarray(sizes), device=vectors.device)
    question = torch.repeat_interleave(torch.arange(len(count), device=vectors.device), count)
    place = torch.as_tensor(np.asarray(positions), device=vectors.device).to(vectors.dtype)
    return Options(vectors, place, question, count.to(vectors.dtype))


class Prediction(NamedTuple):
    """Mean (n_rows, n_outputs) and centred variance (n_rows,) in units of the signal variance."""

    mean: "torch.Tensor"
    variance: "torch.Tensor"


@dataclass(frozen=True)
class Kernel:
    """``KernelSettings`` as logarithms, each a tensor that may be trained.

    Attributes:
        variances: of ``PARTS``, shape (4,); minus infinity leaves a part out for good.
        length: shape ().
        noise: shape ().
    """

    variances: "torch.Tensor"
    length: "torch.Tensor"
    noise: "torch.Tensor"

    @staticmethod
    def of(settings: KernelSettings, dtype: "torch.dtype", device: str = "cpu") -> "Kernel":
        """The kernel of these settings, ready to be trained."""
        import torch

        variances = [settings.text, settings.pair, settings.slope, settings.position]
        with np.errstate(divide="ignore"):
            found = [np.log(np.asarray(v)) for v in (variances, settings.length, settings.noise)]
        leaves = [torch.tensor(v, dtype=dtype, device=device, requires_grad=True) for v in found]
        return Kernel(*leaves)

    def settings(self) -> KernelSettings:
        """What was learned, as the closed form reads it."""
        numbers = [float(v) for v in self.variances.detach().exp()]
        return KernelSettings(
            **dict(zip(PARTS, numbers, strict=True)),
            length=float(self.length.detach().exp()),
            noise=float(self.noise.detach().exp()),
        )

    def predict(
        self,
        context: Options,
        wanted: Options,
        targets: "torch.Tensor",
        extra: "torch.Tensor | None" = None,
    ) -> Prediction:
        """Expectation and variance at ``wanted``, both centred within its questions.

        Args:
            context: options whose values are known.
            wanted: options to predict.
            targets: values centred within each question, shape (rows of context, n_outputs).
            extra: see ``personas.models.kernel.KernelRegression``.

        Source: Rasmussen and Williams (2006), algorithm 2.1.
        """
        import torch

        linalg: Any = torch.linalg
        near, far = _units(context), _units(wanted)
        noise = self.noise.exp()
        gram = self._between(context, near, context, near)
        diagonal = noise.expand(len(gram)) if extra is None else noise + extra
        factor: torch.Tensor = linalg.cholesky(gram + torch.diag(diagonal))
        cross = self._between(wanted, far, context, near)
        half: torch.Tensor = linalg.solve_triangular(factor, cross.T, upper=False)
        solved: torch.Tensor = linalg.solve_triangular(factor, targets, upper=False)
        own = self._between(wanted, far, wanted, far).diagonal()
        sizes = wanted.sizes[wanted.question]
        variance = own + noise * (1 - 1 / sizes) - half.square().sum(0)
        return Prediction(half.T @ solved, variance.clamp_min(0))

    def _between(self, a: Options, left: "_Units", b: Options, right: "_Units") -> "torch.Tensor":
        """Centred kernel, shape (rows of a, rows of b)."""
        import torch

        variances, length = self.variances.exp(), self.length.exp()
        places = a.positions[:, None] - b.positions[None, :]
        position = torch.exp(-places.square() / (2 * POSITION_LENGTH**2))
        whole = variances[3] * position
        if bool(torch.isfinite(self.variances[0])):
            whole = whole + variances[0] * _near(left.rows, right.rows, length)
        if bool(torch.isfinite(self.variances[1:3]).any()):
            questions = _near(left.questions, right.questions, APART * length)[a.question][:, b.question]
            apart = _near(left.apart, right.apart, APART * length)
            whole = whole + questions * (variances[1] * apart + variances[2] * position)
        return b.centred(a.centred(whole).T).T


def _near(a: "torch.Tensor", b: "torch.Tensor", length: "torch.Tensor") -> "torch.Tensor":
    """Mean over layers of ``exp(-(1 - cosine) / length)`` for vectors of length one."""
    import torch

    return torch.exp((a @ b.transpose(1, 2) - 1) / length).mean(0)


class _Units(NamedTuple):
    """Vectors of length one: rows (L, n, width), question means (L, m, width), deviations (L, n, width)."""

    rows: "torch.Tensor"
    questions: "torch.Tensor"
    apart: "torch.Tensor"


def _units(some: Options) -> _Units:
    rows = some.vectors.transpose(0, 1)
    means = some.means(rows)
    return _Units(_unit(rows), _unit(means), _unit(rows - means[some.question]))


def _unit(vectors: "torch.Tensor") -> "torch.Tensor":
    turned = vectors.transpose(0, 1)
    return turned / turned.square().sum(2, keepdim=True).clamp_min(1e-24).sqrt()


def damping(variance: "torch.Tensor", some: Options) -> "torch.Tensor":
    """See ``personas.models.kernel.damping``; shape (n_rows,)."""
    n = some.sizes
    odds = some.means(variance) * (n / (n - 1)).square()
    return (1.0 / (1.0 + np.pi / 8.0 * odds).sqrt())[some.question]
