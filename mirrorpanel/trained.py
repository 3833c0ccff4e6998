"""Whom an adapter was trained on, and who was set aside: by id, so that it holds when pseudonyms change.

``trained`` has the people trained on, ``set_aside`` those who are neither trained on nor scored on, with the
part that they are kept for. Everybody else of the panel is held out.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from grounding.splits import Cell, CellName, Groups, Levels, Split
from mirrorpanel.records import SplitRecord
from mirrorpanel.store import Workspace
from personas.panel import Panel

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


def cell(
    workspace: Workspace,
    adapter: str,
    split: SplitRecord,
    name: CellName,
    people: Panel,
    names: Sequence[str],
) -> Cell:
    """The answers of one kind of novelty to the adapter (``grounding.splits.Split.cell``).

    People of a segment or wave that it holds out are in no cell but their own, also where the hash held them
    out as well or the adapter never heard of them.
    """
    kept = groups(workspace, adapter, people.ids)
    return rule(split, people).cell(name, people, names, kept)


def rule(split: SplitRecord, people: Panel) -> Split:
    """What an adapter holds out, for people who need not be those of its own panel.

    A segment or wave told by an attribute, or by levels, that these people lack holds nobody of them out.
    """
    segment, wave = (_levels(chosen, people) for chosen in (split.segment, split.wave))
    return Split(split.seed, split.people, split.questions, split.rectification, segment, wave)


def _levels(chosen: Mapping[str, Sequence[str]], people: Panel) -> tuple[Levels, ...]:
    known = dict(zip(people.attributes, people.levels, strict=True))
    found = [
        Levels(attribute, tuple(level for level in levels if level in known.get(attribute, ())))
        for attribute, levels in sorted(chosen.items())
    ]
    return tuple(found) if all(one.levels for one in found) else ()
