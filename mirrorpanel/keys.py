"""The key of a workspace's pseudonyms: it lies outside the workspace, in a file or in a key ring.

The workspace knows where the key is and a check value, so that a lost or a wrong key is noticed and named. A
key is a chain: where it was changed, the later keys are applied to the pseudonyms that the earlier ones made,
since the original ids are nowhere stored (see ``grounding.privacy.pseudonyms``).
"""

import importlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from grounding.privacy.pseudonyms import Pseudonymiser, new_key
from mirrorpanel import outside
from mirrorpanel.store import Workspace, now
from personas.document import Document
from personas.errors import WorkspaceError

RING = "keyring:"
_SERVICE = "mirrorpanel"


class KeyRecord(Document):
    """What a workspace knows of its key.

    Attributes:
        place: path of the key file, or ``keyring:NAME``.
        check: check value of the key in use; empty until the first pseudonym is made.
        links: how many keys the chain has.
        made: when the first of them was made; ``changed`` when the last was added.
        destroyed: when the key was destroyed; its pseudonyms lead nowhere since.
    """

    place: str
    check: str = ""
    links: int = 0
    made: datetime | None = None
    changed: datetime | None = None
    destroyed: datetime | None = None


class Key(Document):
    """What stands in a key file or key ring: the keys of the chain, the first one first, in hexadecimal."""

    mirrorpanel_key: int = 1
    workspace: str
    made: datetime
    keys: tuple[str, ...]

    def chain(self, links: int) -> Pseudonymiser:
        """The pseudonymiser of the first ``links`` keys."""
        return Pseudonymiser(*(bytes.fromhex(key) for key in self.keys[:links]))


def record(workspace: Workspace) -> KeyRecord:
    """Where the workspace's key is, or would be made."""
    found = workspace.value("SELECT value FROM meta WHERE key = 'key'")
    if found is not None:
        return KeyRecord.model_validate_json(found)
    return KeyRecord(place=str(outside.folder() / "keys" / f"{workspace.identifier}.key"))


def use(workspace: Workspace, place: str) -> KeyRecord:
    """Makes a file or key ring the place of the workspace's key.

    A key that is there is taken; otherwise one is made with the first pseudonym. Where pseudonyms were made
    already, the very same key must be there.

    Raises:
        WorkspaceError: the place lies in the workspace, holds another key, or no key of this program.
    """
    known = record(workspace)
    place = resolved(workspace.folder, place)
    _refuse_destroyed(known)
    found = _read(place)
    if known.check:
        if found is None:
            raise WorkspaceError(
                f"there is no key in {place}, and this workspace has pseudonyms already: copy the key from "
                f"{known.place} there first"
            )
        _matching(known.model_copy(update={"place": place}), found)
        chosen = known.model_copy(update={"place": place})
    elif found is not None:
        chosen = _taken(place, found)
    else:
        chosen = KeyRecord(place=place)
    kind = "key ring" if place.startswith(RING) else "file"
    with workspace.transaction("key", f"the key is kept in a {kind}"):
        store(workspace, chosen)
    return chosen


def resolved(folder: Path, place: str) -> str:
    """A place for the key of the workspace in ``folder``, as it is stored.

    Raises:
        WorkspaceError: it lies in the workspace, or is a folder.
    """
    if place.startswith(RING):
        if not place.removeprefix(RING):
            raise WorkspaceError("a key ring needs a name for the key: keyring:NAME")
        return place
    path = Path(place).expanduser().resolve()
    if path.is_relative_to(folder.resolve()):
        raise WorkspaceError(
            f"the key may not lie in the workspace ({path}): who gets hold of the folder would have the "
            "pseudonyms and their key; choose a place outside it"
        )
    if path.is_dir():
        raise WorkspaceError(f"{path} is a folder; name a file in it, such as {path / 'panel.key'}")
    return str(path)


class Pseudonyms:
    """Turns (namespace, ids) into pseudonyms under the workspace's key, which is made with the first of them.

    The workspace knows a new key only after ``keep``: a grounding that is refused leaves it as it was, and
    the next one takes the key that lies in its place.

    Raises, when it is called:
        WorkspaceError: the key is gone, is another one, or was destroyed.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._ready: Pseudonymiser | None = None
        self._new: KeyRecord | None = None

    def __call__(self, namespace: str, ids: Sequence[str]) -> tuple[str, ...]:
        """One pseudonym for each of the ids of a set of ids."""
        if self._ready is None:
            self._ready, self._new = _found_or_made(self._workspace)
        return self._ready.pseudonyms(namespace, ids)

    def keep(self) -> None:
        """Tells the workspace of the key, where it is a new one."""
        if self._new is not None:
            _keep(self._workspace, self._new)
            self._new = None


def pseudonymiser(workspace: Workspace) -> Pseudonyms:
    """What turns (namespace, ids) into pseudonyms; its ``keep`` is called once they are stored."""
    return Pseudonyms(workspace)


def opened(workspace: Workspace) -> Pseudonymiser:
    """The pseudonymiser of the key that the workspace uses. Raises: WorkspaceError; see ``Pseudonyms``."""
    known = record(workspace)
    _refuse_destroyed(known)
    if not known.check:
        raise WorkspaceError(
            f"workspace {workspace.folder} has no key yet; it is made when the first source with personal "
            "data is grounded"
        )
    return _matching(known, _read(known.place))


def _found_or_made(workspace: Workspace) -> tuple[Pseudonymiser, KeyRecord | None]:
    """The pseudonymiser, and what the workspace does not know of its key yet."""
    known = record(workspace)
    if known.check:
        return opened(workspace), None
    _refuse_destroyed(known)
    found = _read(known.place)
    if found is None:
        found = Key(workspace=workspace.identifier, made=now(), keys=(new_key().hex(),))
        write(known.place, found)
    chosen = _taken(known.place, found)
    return found.chain(chosen.links), chosen


def _keep(workspace: Workspace, new: KeyRecord) -> None:
    with workspace.transaction("key", f"key {new.check} made"):
        store(workspace, new)


def key(workspace: Workspace) -> Key:
    """The key of the workspace as it lies in its place. Raises: WorkspaceError."""
    known = record(workspace)
    _refuse_destroyed(known)
    found = _read(known.place)
    _matching(known, found)
    assert found is not None
    return found.model_copy(update={"keys": found.keys[: known.links]})


def erased(workspace: Workspace) -> frozenset[str]:
    """Who was erased: pseudonyms, and ``source/id`` where a source keeps its ids."""
    return frozenset(str(row[0]) for row in workspace.rows("SELECT pseudonym FROM erased"))


def store(workspace: Workspace, known: KeyRecord) -> None:
    """Writes what the workspace knows of its key, inside the transaction that is open."""
    row = ["key", known.model_dump_json()]
    workspace.connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", row)


def write(place: str, content: Key) -> None:
    """Puts a key in its place. Raises: WorkspaceError where it cannot be written."""
    text = content.model_dump_json()
    if place.startswith(RING):
        _ring(place).set_password(_SERVICE, place.removeprefix(RING), text)
        return
    try:
        outside.write(Path(place), text)
    except OSError as error:
        raise WorkspaceError(
            f"key file {place} cannot be written ({error.strerror or error}); choose another place: "
            "mirrorpanel key use PATH"
        ) from None


def remove(place: str) -> None:
    """Overwrites and deletes a key; one that is gone already stays so."""
    if place.startswith(RING):
        _ring(place).delete_password(_SERVICE, place.removeprefix(RING))
        return
    path = Path(place)
    if path.exists():
        with path.open("r+b") as file:
            file.write(b"\0" * path.stat().st_size)
        path.unlink()


def _taken(place: str, found: Key) -> KeyRecord:
    links = len(found.keys)
    return KeyRecord(place=place, check=found.chain(links).check, links=links, made=found.made)


def _matching(known: KeyRecord, found: Key | None) -> Pseudonymiser:
    """The chain that the workspace's check value belongs to; later links of a rotation cut short are left."""
    if found is None:
        what = "key" if known.place.startswith(RING) else "key file"
        raise WorkspaceError(
            f"{what} {known.place} is gone: pseudonyms can no longer be made, so nobody can be grounded "
            "again under the same pseudonym, nor be erased by original id. Put it back from your backup, "
            "or name "
            "where it is now: mirrorpanel key use PATH. What is in the workspace can still be used"
        )
    if len(found.keys) >= known.links:
        chain = found.chain(known.links)
        if chain.check == known.check:
            return chain
    other = found.chain(len(found.keys)).check
    raise WorkspaceError(
        f"the key in {known.place} is another one (check value {other}, this workspace's is {known.check}): "
        "its pseudonyms would fit nothing here. Put the right one back, or name where it is: "
        "mirrorpanel key use PATH"
    )


def _refuse_destroyed(known: KeyRecord) -> None:
    if known.destroyed is not None:
        raise WorkspaceError(
            f"the key of this workspace was destroyed on {known.destroyed:%Y-%m-%d}: no pseudonym can be "
            "made here any more. Ground personal data in a new workspace"
        )


def _read(place: str) -> Key | None:
    """The key in a place, ``None`` where there is none. Raises: WorkspaceError for anything else."""
    if place.startswith(RING):
        text = _ring(place).get_password(_SERVICE, place.removeprefix(RING))
    else:
        text = _file_text(Path(place))
    if text is None:
        return None
    try:
        found = Key.model_validate_json(text)
        found.chain(len(found.keys))
    except (ValidationError, ValueError):
        raise WorkspaceError(
            f"{place} holds no key of mirrorpanel, or a damaged one: put the right one back from your "
            "backup, or name where it is: mirrorpanel key use PATH"
        ) from None
    return found


def _file_text(path: Path) -> str | None:
    try:
        if path.stat().st_mode & 0o007:
            raise WorkspaceError(
                f"key file {path} is open to everybody on this computer; run: chmod 600 {path}"
            )
        return path.read_text(encoding="utf-8", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise WorkspaceError(f"key file {path} cannot be read: {error.strerror or error}") from None


class _Ring:
    """The computer's key ring, with refusals that users can read."""

    def __init__(self, place: str) -> None:
        self.place = place
        try:
            self._ring: Any = importlib.import_module("keyring")
        except ModuleNotFoundError:
            raise WorkspaceError(
                f"{place} needs the package keyring; run: pip install 'mirrorpanel[keyring]'"
            ) from None

    def get_password(self, service: str, name: str) -> str | None:
        return self._call("get_password", service, name)

    def set_password(self, service: str, name: str, text: str) -> None:
        self._call("set_password", service, name, text)

    def delete_password(self, service: str, name: str) -> None:
        self._call("delete_password", service, name)

    def _call(self, what: str, *arguments: str) -> Any:
        try:
            return getattr(self._ring, what)(*arguments)
        except self._ring.errors.PasswordDeleteError:
            return None
        except (self._ring.errors.KeyringError, RuntimeError) as error:
            raise WorkspaceError(
                f"the key ring cannot be used for {self.place} ({error}); keep the key in a file instead: "
                "mirrorpanel key use PATH"
            ) from None


def _ring(place: str) -> _Ring:
    return _Ring(place)
