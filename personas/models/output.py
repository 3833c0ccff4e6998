"""The output matrix of a language model: log-probabilities of single tokens, without their rounding."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from personas.arrays import IntArray

if TYPE_CHECKING:
    import torch

# Logits of a row that are computed once more and exactly; numbers held at once, and those of which a CPU sums
# ``exp`` at once, in its cache.
_EXACT, _HELD, _SUMMED = 16, 1 << 25, 1 << 20


@dataclass(frozen=True)
class Output:
    """The last matrix of a model.

    Attributes:
        weights: shape (vocabulary, dim), in the model's number format.
        cap: logits are ``cap * tanh(logit / cap)`` where the model bounds them.
    """

    weights: "torch.Tensor"
    cap: float | None = None

    def log_probabilities(self, states: "torch.Tensor", place: IntArray, tokens: IntArray) -> "torch.Tensor":
        """Log-probability of token ``tokens[i]`` after state ``place[i]`` of each text, (B, n), in float32.

        In a 16-bit format a product comes out rounded (a logit near 20 to eighths), so the logits of the
        tokens asked for and the 16 largest of each state are computed again in float32 from the same numbers.
        What the others add to the sum of ``exp`` is small, and their errors, thousands of them, even out.

        Args:
            states: hidden states after the last norm, (B, n_places, dim).
            place: for each token asked for the place that predicts it.
            tokens: ids.
        """
        import torch

        texts, places, dim = states.shape
        flat = states.reshape(-1, dim)
        step = max(1, _HELD // self.weights.shape[0])
        sums = torch.cat([self._log_sum(flat[i : i + step]) for i in range(0, len(flat), step)])
        at = torch.as_tensor(place).to(states.device)
        wanted = torch.as_tensor(tokens).to(states.device)
        chosen = self._capped((states[:, at].float() * self.weights[wanted].float()).sum(dim=-1))
        return chosen - sums.view(texts, places)[:, at]

    def _log_sum(self, states: "torch.Tensor") -> "torch.Tensor":
        """Logarithm of the sum of ``exp`` over the vocabulary, (n,)."""
        import torch

        rough = states @ self.weights.T
        step = max(1, _SUMMED // rough.shape[1]) if rough.device.type == "cpu" else len(rough)
        parts = [rough[i : i + step] for i in range(0, len(rough), step)]
        whole = torch.cat([self._capped(part.float()).logsumexp(dim=-1) for part in parts])
        if rough.dtype == torch.float32:
            return whole
        largest, which = rough.topk(min(_EXACT, rough.shape[1]), dim=-1)
        return self._corrected(states, whole, largest, which)

    def _corrected(
        self,
        states: "torch.Tensor",
        whole: "torch.Tensor",
        largest: "torch.Tensor",
        which: "torch.Tensor",
    ) -> "torch.Tensor":
        import torch

        exact = torch.bmm(self.weights[which].float(), states.float()[:, :, None])[:, :, 0]
        more, less = (self._capped(x.float()) - whole[:, None] for x in (exact, largest))
        return whole + torch.log1p((more.exp() - less.exp()).sum(dim=-1))

    def _capped(self, logits: "torch.Tensor") -> "torch.Tensor":
        return logits if self.cap is None else self.cap * (logits / self.cap).tanh()
