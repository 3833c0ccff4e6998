"""How answers are drawn from their distributions: each for itself, or so that a person's hang together.

Either way every answer follows its own distribution exactly, and is a function of seed, person and question.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from personas import draws
from personas.arrays import FloatArray, IntArray
from personas.models.copula import Copula, copula
from personas.models.factored import FactoredModel
from personas.panel import Panel
from personas.question import Question

Drawing = Callable[[Panel, Sequence[Question], Sequence[FloatArray], int], IntArray]
"""Options drawn (n_persons, n_questions) from distributions (n_persons, n_options) of questions, by seed."""


def independently(
    panel: Panel, questions: Sequence[Question], distributions: Sequence[FloatArray], seed: int
) -> IntArray:
    """Draws that have in common what the distributions have, and no more."""
    uniform = draws.uniforms(seed, panel.ids, [q.name for q in questions])
    drawn = [draws.draw(d, uniform[:, j]) for j, d in enumerate(distributions)]
    return np.stack(drawn, axis=1)


@dataclass(frozen=True)
class Jointly:
    """Draws in which the answers of one person hang together as the model's residuals say.

    Attributes:
        model: the one that the distributions come from; without residuals draws are independent.
    """

    model: FactoredModel

    def __call__(
        self, panel: Panel, questions: Sequence[Question], distributions: Sequence[FloatArray], seed: int
    ) -> IntArray:
        """See ``Drawing``; answers that are known of the persons leave the others less in common."""
        if not self.model.relates:
            return independently(panel, questions, distributions, seed)
        found = self._copula(questions)
        left = self.model.posterior(panel, questions)
        return found.draw(distributions, found.uniforms(seed, panel.ids, [q.name for q in questions], left))

    def _copula(self, questions: Sequence[Question]) -> Copula:
        key = tuple(q.fingerprint for q in questions)
        if key not in self._copulas:
            self._copulas[key] = copula(self.model.residuals_for(questions))
        return self._copulas[key]

    @cached_property
    def _copulas(self) -> dict[tuple[str, ...], Copula]:
        return {}
