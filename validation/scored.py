"""Answer distributions of a panel: what a model or a baseline says, ready to be compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from personas.arrays import BoolArray, FloatArray, IntArray
from personas.measures import distances, scores
from personas.panel import Panel
from personas.question import Question


@dataclass(frozen=True)
class Scored:
    """Answer distributions for each person and question.

    Attributes:
        panel: the persons, with the attributes that segments are made of. A baseline keeps them too, even
            where its answers ignore them.
        questions: the questions answered.
        distributions: for each question an array (n_persons, n_options) whose rows sum to one, or are NaN
            throughout where no answer came.
    """

    panel: Panel
    questions: tuple[Question, ...]
    distributions: tuple[FloatArray, ...]

    def __post_init__(self) -> None:
        if len(self.panel) == 0 or not self.panel.weights.sum() > 0:
            raise ValueError("answer distributions need at least one person with a positive weight")
        if len(self.distributions) != len(self.questions):
            raise ValueError(f"{len(self.distributions)} distributions for {len(self.questions)} questions")
        for question, values in zip(self.questions, self.distributions, strict=True):
            expected = (len(self.panel), len(question.options))
            if values.shape != expected:
                raise ValueError(f"{question.name!r} needs shape {expected}, got {values.shape}")
            came = _came(values)
            if came.any():
                distances.check(values[came], f"answer distribution of {question.name!r}")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the questions answered."""
        return tuple(q.name for q in self.questions)

    def distribution(self, name: str) -> FloatArray:
        """Distributions of one question, (n_persons, n_options); ``KeyError`` names an unknown question."""
        if name not in self.names:
            raise KeyError(f"no question {name!r}; there are {', '.join(self.names)}")
        return self.distributions[self.names.index(name)]

    def answered(self, name: str) -> BoolArray:
        """Whose answer to a question came, (n_persons,)."""
        return _came(self.distribution(name))

    def shares(self, name: str, rows: BoolArray | None = None) -> FloatArray:
        """Expected weighted share of each option, (n_options,), of all persons or of those in ``rows``.

        Persons whose answer did not come are left out.

        Raises:
            ValueError: nobody with a positive weight is in ``rows`` and answered.
        """
        weights = self.panel.weights if rows is None else self.panel.weights * rows
        came = self.answered(name)
        if not weights[came].sum() > 0:
            raise ValueError(f"no person with a positive weight to take shares of {name!r} from")
        return scores.shares(self.distribution(name)[came], weights[came])

    def only(self, names: Sequence[str]) -> "Scored":
        """The distributions of the questions named, in that order."""
        by_name = dict(zip(self.names, self.questions, strict=True))
        found = tuple(self.distribution(n) for n in names)
        return Scored(self.panel, tuple(by_name[n] for n in names), found)

    def take(self, rows: IntArray | BoolArray) -> "Scored":
        """The distributions of the persons in ``rows`` (indices or a mask), in that order."""
        index = np.flatnonzero(rows) if rows.dtype == np.bool_ else rows
        return Scored(self.panel.take(index), self.questions, tuple(d[index] for d in self.distributions))


def _came(distribution: FloatArray) -> BoolArray:
    """Rows that are not NaN throughout, (n_persons,)."""
    return np.asarray(~np.isnan(distribution).all(axis=1), dtype=np.bool_)
