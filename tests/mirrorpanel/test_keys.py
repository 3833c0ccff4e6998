import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

import kept_people
import keyring
import pytest
from kept_people import PEOPLE
from keyring.backend import KeyringBackend
from keyring.errors import NoKeyringError
from own_study import ROOT, contents, done, environment, mirrorpanel, rows, write_study

from mirrorpanel import keys, outside, store
from mirrorpanel.store import Workspace
from personas.errors import WorkspaceError

# ``key rotate``, killed once the key file holds both keys and before the workspace uses the new one.
KILLED = """
import os, signal
from mirrorpanel import rewriting
from mirrorpanel.cli.app import main
rewriting.rewrite = lambda *a, **k: os.kill(os.getpid(), signal.SIGKILL)
main()
"""


class Ring(KeyringBackend):
    """A key ring in memory."""

    priority = 1

    def __init__(self):
        super().__init__()
        self.kept = {}

    def get_password(self, service, username):
        return self.kept.get((service, username))

    def set_password(self, service, username, password):
        self.kept[service, username] = password

    def delete_password(self, service, username):
        del self.kept[service, username]


@pytest.fixture
def folder(tmp_path):
    store.create(tmp_path / "own")
    return tmp_path / "own"


@pytest.fixture
def ring():
    before, mine = keyring.get_keyring(), Ring()
    keyring.set_keyring(mine)
    yield mine
    keyring.set_keyring(before)


def make_key(folder, namespace="survey", ids=("1", "2")):
    with Workspace(folder) as workspace:
        pseudonyms = keys.pseudonymiser(workspace)
        made = pseudonyms(namespace, ids)
        pseudonyms.keep()
        return made


def place(folder):
    with Workspace(folder) as workspace:
        return Path(keys.record(workspace).place)


def test_the_key_is_made_with_the_first_pseudonym_outside_the_workspace_for_its_owner_only(folder):
    said = done("key", "show", "-w", folder).out
    assert "No key is in use yet" in said
    assert not place(folder).exists()
    first = make_key(folder)
    path = place(folder)
    assert path.parent == outside.folder() / "keys"
    assert path.stat().st_mode & 0o777 == 0o600
    assert first == make_key(folder)
    secret = json.loads(path.read_text())["keys"][0]
    assert len(bytes.fromhex(secret)) == 32
    kept = b"".join(p.read_bytes() for p in folder.rglob("*") if p.is_file())
    assert secret.encode() not in kept
    shown = done("key", "show", "-w", folder).out
    assert str(path) in shown
    assert secret not in shown


def test_a_refused_first_grounding_leaves_the_workspace_as_it_was_and_the_next_takes_its_key(tmp_path):
    folder = write_study(tmp_path / "own")
    before = contents(folder), rows(folder, "SELECT * FROM audit")
    people = (folder / "people.csv").read_text()
    (folder / "people.csv").write_text(people.replace(",female,", ",unheard of,", 1))
    refused = mirrorpanel("ground", folder / "grounding.yaml", "-w", folder)
    assert refused.code == 1
    assert "unheard of" in refused.err
    assert (contents(folder), rows(folder, "SELECT * FROM audit")) == before
    secret = place(folder).read_text()
    (folder / "people.csv").write_text(people)
    done("ground", folder / "grounding.yaml", "-w", folder)
    assert place(folder).read_text() == secret
    assert [verb for (verb,) in rows(folder, "SELECT verb FROM audit ORDER BY place")] == [
        "init",
        "key",
        "ground",
    ]


def test_another_workspace_makes_other_pseudonyms_of_the_same_ids(folder, tmp_path):
    store.create(tmp_path / "other")
    assert not set(make_key(folder)) & set(make_key(tmp_path / "other"))


@pytest.mark.parametrize("where", ["panel.key", "keys/panel.key", "../own/panel.key"])
def test_a_key_inside_the_workspace_is_refused(folder, where):
    refused = mirrorpanel("key", "use", folder / where, "-w", folder)
    assert refused.code == 1
    assert "may not lie in the workspace" in refused.err


def test_a_link_that_leads_into_the_workspace_is_refused(folder, tmp_path):
    (tmp_path / "link").symlink_to(folder)
    assert (
        "may not lie in the workspace" in mirrorpanel("key", "use", tmp_path / "link" / "k", "-w", folder).err
    )


def test_init_refuses_a_key_inside_before_it_makes_the_workspace(tmp_path):
    refused = mirrorpanel("init", tmp_path / "new", "--key", tmp_path / "new" / "k.key")
    assert refused.code == 1
    assert not (tmp_path / "new").exists()
    done("init", tmp_path / "new", "--key", tmp_path / "k.key")
    make_key(tmp_path / "new")
    assert (tmp_path / "k.key").exists()


def test_a_lost_key_is_named_with_what_can_no_longer_be_done(folder):
    make_key(folder)
    place(folder).unlink()
    with pytest.raises(
        WorkspaceError, match=r"key file .* is gone: pseudonyms can no longer be made"
    ) as refused:
        make_key(folder)
    assert "mirrorpanel key use PATH" in str(refused.value)
    assert not place(folder).exists()


def test_a_wrong_key_is_told_from_the_right_one(folder, tmp_path):
    make_key(folder)
    store.create(tmp_path / "other")
    make_key(tmp_path / "other")
    place(folder).write_text(place(tmp_path / "other").read_text())
    with pytest.raises(
        WorkspaceError, match=r"is another one \(check value [0-9a-f]{16}, this workspace's is"
    ):
        make_key(folder)


@pytest.mark.parametrize(
    "text", ["", "no key", "{}", '{"workspace": "w", "made": "2026-01-01T00:00:00", "keys": ["zz"]}']
)
def test_a_damaged_key_is_no_key(folder, text):
    make_key(folder)
    place(folder).write_text(text)
    with pytest.raises(WorkspaceError, match="holds no key of mirrorpanel, or a damaged one"):
        make_key(folder)


def test_a_key_that_everybody_may_read_is_refused(folder):
    make_key(folder)
    place(folder).chmod(0o644)
    with pytest.raises(WorkspaceError, match="open to everybody on this computer; run: chmod 600"):
        make_key(folder)


def test_a_key_may_move_and_only_the_same_key_may_take_its_place(folder, tmp_path):
    before = make_key(folder)
    new = tmp_path / "safe" / "panel.key"
    assert "copy the key from" in mirrorpanel("key", "use", new, "-w", folder).err
    new.parent.mkdir()
    place(folder).rename(new)
    done("key", "use", new, "-w", folder)
    assert make_key(folder) == before


def test_two_workspaces_may_share_a_key(folder, tmp_path):
    before = make_key(folder)
    store.create(tmp_path / "other")
    done("key", "use", place(folder), "-w", tmp_path / "other")
    assert make_key(tmp_path / "other") == before


def test_a_key_ring_keeps_the_key_instead_of_a_file(folder, ring):
    done("key", "use", "keyring:cinema", "-w", folder)
    before = make_key(folder)
    assert list(ring.kept) == [("mirrorpanel", "cinema")]
    assert "Key ring: keyring:cinema" in done("key", "show", "-w", folder).out
    done("key", "rotate", "-w", folder)
    assert make_key(folder) != before
    ring.kept.clear()
    with pytest.raises(WorkspaceError, match="key keyring:cinema is gone"):
        make_key(folder)


def test_a_computer_without_a_key_ring_is_told_what_to_do(folder):
    with mock.patch("keyring.get_password", side_effect=NoKeyringError("no backend")):
        refused = mirrorpanel("key", "use", "keyring:cinema", "-w", folder)
    assert refused.code == 1
    assert "keep the key in a file instead" in refused.err
    with mock.patch.dict(sys.modules, {"keyring": None}):
        refused = mirrorpanel("key", "use", "keyring:cinema", "-w", folder)
    assert "pip install 'mirrorpanel[keyring]'" in refused.err


def test_a_rotation_killed_between_file_and_workspace_changes_nothing(folder):
    before = make_key(folder)
    words = [sys.executable, "-c", KILLED, "key", "rotate", "-w", str(folder)]
    ended = subprocess.run(words, check=False, cwd=ROOT, env=environment(), capture_output=True)
    assert ended.returncode == -signal.SIGKILL
    assert len(json.loads(place(folder).read_text())["keys"]) == 2
    assert make_key(folder) == before
    done("key", "rotate", "-w", folder)
    # The key that was never used is gone.
    assert len(json.loads(place(folder).read_text())["keys"]) == 2
    assert make_key(folder) != before


def test_a_destroyed_key_makes_no_more_pseudonyms_and_what_that_means_is_said(tmp_path):
    folder = kept_people.make(tmp_path / "kept")
    path = place(folder)
    refused = mirrorpanel("key", "destroy", "-w", folder)
    assert refused.code == 1
    assert "Say so with --yes; nothing was changed" in refused.err
    said = done("key", "destroy", "--yes", "-w", folder).out
    assert "can no longer be traced" in said
    assert "does not by itself make the data anonymous" in said
    assert not path.exists()
    assert rows(folder, "SELECT verb FROM audit ORDER BY place")[-1] == ("key destroy",)
    assert "Destroyed: 20" in done("key", "show", "-w", folder).out
    for words in (("rotate",), ("destroy", "--yes"), ("use", tmp_path / "new.key")):
        refused = mirrorpanel("key", *words, "-w", folder)
        assert refused.code == 1
        assert "was destroyed on 20" in refused.err
    assert "was destroyed on 20" in mirrorpanel("erase", PEOPLE[0], "--yes", "-w", folder).err


def test_there_is_nothing_to_rotate_or_destroy_without_a_key(folder):
    assert "no key yet, so there is nothing to change" in mirrorpanel("key", "rotate", "-w", folder).err
    assert "nothing to destroy" in mirrorpanel("key", "destroy", "--yes", "-w", folder).err


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
def test_a_place_that_cannot_be_written_is_named(folder, tmp_path):
    (tmp_path / "locked").mkdir(mode=0o500)
    done("key", "use", tmp_path / "locked" / "k.key", "-w", folder)
    with pytest.raises(WorkspaceError, match="cannot be written"):
        make_key(folder)
