"""Whom an adapter was trained on: kept by id, so that held-out people stay so when pseudonyms change."""

from collections.abc import Sequence

import numpy as np

from mirrorpanel.store import Workspace
from personas.arrays import BoolArray


def ids(workspace: Workspace, adapter: str) -> frozenset[str]:
    """The people that an adapter was trained on and that have not been erased since."""
    found = workspace.rows("SELECT id FROM trained WHERE adapter = ?", [adapter])
    return frozenset(str(row[0]) for row in found)


def held_out(workspace: Workspace, adapter: str, people: Sequence[str]) -> BoolArray:
    """Which of the people the adapter was never trained on, shape (n_people,).

    At training time these are the people whom the split holds out by the hash of seed and id. The hash of a
    renewed pseudonym would hold out others; who was trained on does not change.
    """
    known = ids(workspace, adapter)
    return np.array([i not in known for i in people], dtype=np.bool_)
