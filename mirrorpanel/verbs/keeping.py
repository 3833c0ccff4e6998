"""``key``: where the key of the pseudonyms is, a new one in its place, and its end."""

from dataclasses import dataclass

from grounding.privacy import pseudonyms
from mirrorpanel import keys, rewriting
from mirrorpanel.keys import KeyRecord
from mirrorpanel.store import Workspace, now
from personas.errors import MirrorpanelError

DESTROYED = (
    "The key is destroyed. From now on nobody, you included, can compute the pseudonym of an original id, so "
    "the rows in this workspace can no longer be traced to customer numbers or respondent ids by way of the "
    "key; and nobody can be erased by original id, or grounded here again.",
    "This does not by itself make the data anonymous. Attributes and answers together may still single "
    "somebody out, and whoever has the source files can compare them with the rows. Copies of the key "
    "(backups, other computers, other workspaces) undo what was done here: destroy these too. Of those who "
    "were erased before, a new workspace knows nothing: keep their rows out of the sources.",
)
_FORM = "'k[0-9a-f]{20}'"
# Every column that may hold the pseudonym of one of the people or of a donor.
COLUMNS: dict[str, tuple[str, ...]] = {
    "people": ("id",),
    "real_answers": ("id",),
    "attributes": ("id", "donor"),
    "imputations": ("id", "donor"),
    "persons": ("mirrors",),
    "trained": ("id",),
    "set_aside": ("id",),
    "spoken": ("id",),
    "erased": ("pseudonym",),
}


@dataclass(frozen=True)
class Rotated:
    """A change of key: check values before and after, and how many pseudonyms were rewritten."""

    before: str
    after: str
    pseudonyms: int


def rotate(workspace: Workspace) -> Rotated:
    """Adds a new key to the chain and rewrites every pseudonym of the workspace, all or none.

    The key file is written first and holds both keys; which of them are in use stands in the workspace, so
    that a rotation killed at any moment leaves key and workspace fitting each other.

    Raises:
        WorkspaceError: the key is gone, is another one, or was destroyed; the disk is full.
    """
    known = keys.record(workspace)
    if not known.check:
        raise MirrorpanelError("this workspace has no key yet, so there is nothing to change")
    old = keys.key(workspace)
    fresh = pseudonyms.new_key()
    extended = old.model_copy(update={"keys": (*old.keys, fresh.hex())})
    chain = extended.chain(len(extended.keys))
    there = _all(workspace)
    keys.write(known.place, extended)
    changed = known.model_copy(update={"check": chain.check, "links": len(extended.keys), "changed": now()})

    def renew(connection: rewriting.Connection) -> None:
        row = [changed.model_dump_json()]
        connection.execute("UPDATE meta SET value = ? WHERE key = 'key'", row)

    rewriting.rewrite(
        workspace,
        {table: _replaced(table, columns) for table, columns in COLUMNS.items()},
        {"renewed": {"old": there, "new": list(pseudonyms.renewed(there, fresh))}},
        "key rotate",
        f"{len(there)} pseudonyms from key {known.check} to {chain.check}",
        renew,
    )
    return Rotated(known.check, chain.check, len(there))


def destroy(workspace: Workspace) -> KeyRecord:
    """Deletes the key; from then on the links between ids and pseudonyms are cut for good.

    Raises:
        WorkspaceError: the place holds another key, which is left alone.
        MirrorpanelError: there is no key.
    """
    known = keys.record(workspace)
    if not known.check:
        raise MirrorpanelError("this workspace has no key, so there is nothing to destroy")
    keys.key(workspace)
    ended = known.model_copy(update={"destroyed": now()})
    with workspace.transaction("key destroy", f"key {known.check} destroyed"):
        keys.store(workspace, ended)
        keys.remove(known.place)
    return ended


def _all(workspace: Workspace) -> list[str]:
    """Every pseudonym that the workspace holds."""
    parts = [
        f'SELECT "{column}" FROM "{table}" WHERE regexp_full_match("{column}", {_FORM})'
        for table, columns in COLUMNS.items()
        for column in columns
    ]
    return [str(row[0]) for row in workspace.rows(" UNION ".join(parts))]


def _replaced(table: str, columns: tuple[str, ...]) -> str:
    """The rows of a table, in their order, with the renewed pseudonyms."""
    replaced = ", ".join(f'coalesce(m{i}.new, t."{c}") AS "{c}"' for i, c in enumerate(columns))
    joins = " ".join(f'LEFT JOIN renewed m{i} ON m{i}.old = t."{c}"' for i, c in enumerate(columns))
    return f'SELECT t.* REPLACE ({replaced}) FROM before."{table}" t {joins} ORDER BY t.rowid'
