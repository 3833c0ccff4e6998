"""Groups of people as partial personas, with the shrunken shares that the model is to give for them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from personas.arrays import FloatArray, IntArray
from personas.panel import UNKNOWN
from training.dataset import TrainingData
from training.gradients import objectives


@dataclass(frozen=True)
class GroupTargets:
    """Everybody, and everybody with one value of an attribute.

    Attributes:
        attributes: what is known of a person of the group; nothing for everybody.
        shares: shrunken real shares, (n_groups, n_questions, most_options).
        reliability: ``n / (n + strength)`` of each group and question, with n the effective base, shape
            (n_groups, n_questions); 0 where nobody answered.
    """

    attributes: tuple[Mapping[str, str], ...]
    shares: FloatArray
    reliability: FloatArray

    def __len__(self) -> int:
        return len(self.attributes)

    def of(self, groups: IntArray, questions: IntArray) -> tuple[FloatArray, FloatArray]:
        """Shares (n, n_questions, most_options) and reliabilities (n, n_questions) of some of them.

        Options are cut to the longest of these questions.
        """
        shares = self.shares[np.ix_(groups, questions)]
        most = int(np.flatnonzero(shares.any(axis=(0, 1))).max()) + 1
        return shares[..., :most], self.reliability[np.ix_(groups, questions)]


def group_targets(data: TrainingData, centres: Sequence[FloatArray], strength: float = 30.0) -> GroupTargets:
    """The groups of every attribute's values with their shares, shrunk towards the item shares.

    Args:
        data: the people.
        centres: item share of each question.
        strength: how many people an item share counts as.
    """
    people = data.people
    everybody = np.zeros(len(people), dtype=np.int64)
    attributes: list[Mapping[str, str]] = [{}]
    found = [objectives.group_shares(data.answers, data.weights, everybody, centres, strength)]
    for a, (name, levels) in enumerate(zip(people.attributes, people.levels, strict=True)):
        codes = people.codes[:, a]
        groups = np.where(codes == UNKNOWN, len(levels), codes)
        shares, bases = objectives.group_shares(data.answers, data.weights, groups, centres, strength)
        there = [code for code in range(len(levels)) if np.any(codes == code)]
        attributes += [{name: levels[code]} for code in there]
        found.append((shares[there], bases[there]))
    bases = np.concatenate([b for _, b in found])
    return GroupTargets(tuple(attributes), np.concatenate([s for s, _ in found]), bases / (bases + strength))
