"""Whom an adapter was trained on, and who was set aside: by id, so that it holds when pseudonyms change.

``trained`` has the people trained on, ``set_aside`` those who are neither trained on nor scored on, with the
part that they are kept for. Everybody else of the panel is held out.
"""

from collections.abc import Sequence

import numpy as np

from grounding.splits import Groups
from mirrorpanel.store import Workspace
from personas.arrays import BoolArray

_PARTS = ("rectification", "segment", "wave", "suspects")


def keep(workspace: Workspace, adapter: str, panel: str, groups: Groups, people: Sequence[str]) -> None:
    """Writes the group of each of the people, inside the transaction that is open.

    People held out by hash are written nowhere: whoever is in neither table is held out.
    """
    for table in ("trained", "set_aside"):
        workspace.connection.execute(f"DELETE FROM {table} WHERE adapter = ?", [adapter])
    fitted = [people[i] for i in np.flatnonzero(groups.trained).tolist()]
    n = len(fitted)
    workspace.insert("trained", {"adapter": [adapter] * n, "panel": [panel] * n, "id": fitted})
    masks = zip(_PARTS, (groups.rectification, groups.segment, groups.wave, groups.suspects), strict=True)
    rows = [(people[i], part) for part, mask in masks for i in np.flatnonzero(mask).tolist()]
    if rows:
        n = len(rows)
        columns = {"id": [i for i, _ in rows], "part": [part for _, part in rows]}
        workspace.insert("set_aside", {"adapter": [adapter] * n, "panel": [panel] * n, **columns})


def ids(workspace: Workspace, adapter: str) -> frozenset[str]:
    """The people that an adapter was trained on and that have not been erased since."""
    found = workspace.rows("SELECT id FROM trained WHERE adapter = ?", [adapter])
    return frozenset(str(row[0]) for row in found)


def groups(workspace: Workspace, adapter: str, people: Sequence[str]) -> Groups:
    """The group of each of the people, as it was when the adapter was trained.

    At training time it follows from the hash of seed and id. The hash of a renewed pseudonym would say
    otherwise; who was trained on or set aside does not change.
    """
    fitted = ids(workspace, adapter)
    aside = dict(workspace.rows("SELECT id, part FROM set_aside WHERE adapter = ?", [adapter]))
    trained = np.array([i in fitted for i in people], dtype=np.bool_)
    parts = [np.array([aside.get(i) == part for i in people], dtype=np.bool_) for part in _PARTS]
    return Groups(trained, ~np.logical_or.reduce([trained, *parts]), *parts)


def held_out(workspace: Workspace, adapter: str, people: Sequence[str]) -> BoolArray:
    """Which of the people the adapter is scored on, shape (n_people,): never trained on, nor set aside."""
    return groups(workspace, adapter, people).held_out
