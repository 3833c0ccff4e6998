import subprocess
import sys

import duckdb
import pytest
from own_study import ROOT, environment

from mirrorpanel import store
from mirrorpanel.records import RunRecord
from mirrorpanel.store import FILE, Workspace
from personas.errors import UnknownName, WorkspaceError


@pytest.fixture
def folder(tmp_path):
    store.create(tmp_path / "made")
    return tmp_path / "made"


def add_adapter(workspace, adapter, name):
    with workspace.transaction("train", adapter):
        workspace.connection.execute(
            "INSERT INTO adapters (adapter, name, panel, created, record) VALUES (?, ?, 'own', ?, '{}')",
            [adapter, name, store.now()],
        )


def stop_half_way(workspace):
    with workspace.transaction("train", "a-2"):
        workspace.connection.execute("DELETE FROM adapters")
        raise ZeroDivisionError


def test_a_new_workspace_is_one_file_and_empty(folder):
    assert [p.name for p in folder.iterdir()] == [FILE]
    with Workspace(folder) as workspace:
        assert workspace.value("SELECT count(*) FROM answers") == 0
        assert workspace.value("SELECT run FROM runs") is None


def test_a_workspace_is_not_made_twice(folder):
    with Workspace(folder) as workspace:
        add_adapter(workspace, "a-1", "a")
    with pytest.raises(WorkspaceError, match="is a workspace already"):
        store.create(folder)
    with Workspace(folder) as workspace:
        assert workspace.latest("adapters", "adapter", "a") == "a-1"


def test_what_a_killed_creation_left_behind_is_no_hindrance(tmp_path):
    (tmp_path / f"{FILE}.part").write_bytes(b"half a file")
    (tmp_path / f"{FILE}.part.wal").write_bytes(b"half a journal")
    store.create(tmp_path)
    assert [p.name for p in tmp_path.iterdir()] == [FILE]


def test_a_folder_without_a_workspace_is_answered_with_the_command_that_makes_one(tmp_path):
    with pytest.raises(WorkspaceError, match=f"is no workspace; make one with: mirrorpanel init {tmp_path}"):
        Workspace(tmp_path)


def test_a_file_that_is_no_database_is_refused(tmp_path):
    (tmp_path / FILE).write_text("not a database, though it is long enough to be looked at" * 100)
    with pytest.raises(WorkspaceError, match=f"{FILE} cannot be opened"):
        Workspace(tmp_path)


def test_a_database_of_another_program_is_refused_and_left_as_it_is(tmp_path):
    with duckdb.connect(str(tmp_path / FILE)) as connection:
        connection.execute("CREATE TABLE mine (x INTEGER)")
    with pytest.raises(WorkspaceError, match="has schema of another program, this program reads 4"):
        Workspace(tmp_path)
    with duckdb.connect(str(tmp_path / FILE)) as connection:
        assert connection.execute("SELECT table_name FROM duckdb_tables()").fetchall() == [("mine",)]


@pytest.mark.parametrize("version", ["1", "999"])
def test_a_workspace_of_another_version_is_refused_with_what_to_do(folder, version):
    with Workspace(folder) as workspace:
        workspace.connection.execute("UPDATE meta SET value = ? WHERE key = 'schema'", [version])
    expected = f"has schema {version}, this program reads 4; .* ground there again: mirrorpanel init FOLDER"
    with pytest.raises(WorkspaceError, match=expected):
        Workspace(folder)


def test_a_transaction_keeps_all_or_nothing(folder):
    with Workspace(folder) as workspace:
        add_adapter(workspace, "a-1", "a")
        with pytest.raises(ZeroDivisionError):
            stop_half_way(workspace)
        assert workspace.rows("SELECT adapter FROM adapters") == [("a-1",)]
        assert workspace.rows("SELECT verb, detail FROM audit ORDER BY place")[1:] == [("train", "a-1")]
        add_adapter(workspace, "a-3", "a")
    with Workspace(folder) as workspace:
        assert workspace.value("SELECT count(*) FROM adapters") == 2


def test_a_name_stands_for_what_was_made_last_and_an_identifier_for_itself(folder):
    with Workspace(folder) as workspace:
        for adapter in ("a-1", "a-2"):
            add_adapter(workspace, adapter, "a")
        add_adapter(workspace, "b-1", "b")
        assert workspace.latest("adapters", "adapter", "a") == "a-2"
        assert workspace.latest("adapters", "adapter", "a-1") == "a-1"


def test_what_is_asked_for_again_becomes_the_newest_of_its_name(folder):
    with Workspace(folder) as workspace:
        for adapter in ("a-1", "a-2"):
            add_adapter(workspace, adapter, "a")
        workspace.renew("adapters", "adapter", "a-1")
        assert workspace.latest("adapters", "adapter", "a") == "a-1"
        assert workspace.rows("SELECT verb, detail FROM audit ORDER BY place")[-1] == ("train", "a-1 again")


def test_an_unknown_name_is_answered_with_those_there_are(folder):
    with Workspace(folder) as workspace:
        add_adapter(workspace, "a-1", "a")
        with pytest.raises(UnknownName, match="Unknown adapter 'c'; choose from 'a'"):
            workspace.latest("adapters", "adapter", "c")


def test_where_there_is_nothing_yet_the_verb_that_makes_it_is_named(folder):
    with Workspace(folder) as workspace:
        with pytest.raises(WorkspaceError, match=r"Unknown panel 'p'.*none yet.*: mirrorpanel ground"):
            workspace.latest("panels", "panel", "p")
        with pytest.raises(WorkspaceError, match=r"Unknown run 'r'.*none yet.*: mirrorpanel field"):
            workspace.record("runs", "run", "r", RunRecord)


def test_readers_share_a_workspace(folder):
    with Workspace(folder, read_only=True):
        code = (
            "from pathlib import Path\nfrom mirrorpanel.store import Workspace\n"
            f"Workspace(Path({str(folder)!r}), read_only=True).close()"
        )
        ended = subprocess.run([sys.executable, "-c", code], check=False, cwd=ROOT, env=environment())
        assert ended.returncode == 0
