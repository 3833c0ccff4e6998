"""People whose open answers trained a voice are found by every id that they are known by."""

from pathlib import Path

import duckdb
import kept_people
import pytest
from kept_people import PANEL, PEOPLE
from own_study import done, rows

from mirrorpanel import keys, removal, speakers
from mirrorpanel.store import FILE, Workspace
from mirrorpanel.verbs import keeping


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Nobody of the last five people was trained on; three of them, and somebody else, wrote open answers."""
    made = kept_people.make(tmp_path / "kept")
    with Workspace(made) as workspace:
        pseudonymise = keys.pseudonymiser(workspace)
        with workspace.transaction("train", "a-1"):
            ids = pseudonymise("survey", PEOPLE[27:])
            speakers.keep(workspace, "a-1", PANEL, "comments", "survey", (*ids, *ids))
    return made


def test_one_of_the_people_flags_the_adapter_by_its_open_answers(folder: Path) -> None:
    assert len(rows(folder, "FROM spoken")) == 3
    said = done("erase", PEOPLE[29], "-w", folder, "--yes", "--json").json
    assert [(r["adapter"], r["people"]) for r in said["retrain"]] == [("a-1", 1)]
    assert said["deleted"]["people"] == 1
    assert len(rows(folder, "FROM spoken")) == 2
    assert rows(folder, "SELECT count(*) FROM adapters WHERE flagged IS NOT NULL") == [(1,)]


def test_who_trained_it_in_both_ways_counts_once(folder: Path) -> None:
    with Workspace(folder) as workspace, workspace.transaction("train", "a-1"):
        ids = keys.pseudonymiser(workspace)("survey", PEOPLE[:1])
        speakers.keep(workspace, "a-1", PANEL, "comments", "survey", ids)
    said = done("erase", PEOPLE[0], "-w", folder, "--yes", "--json").json
    assert [(r["adapter"], r["people"]) for r in said["retrain"]] == [("a-1", 1)]
    assert rows(folder, "FROM spoken") == []


def test_a_pseudonym_finds_them_too_and_a_new_key_renews_it(folder: Path) -> None:
    with Workspace(folder) as workspace:
        keeping.rotate(workspace)
        stored = keys.opened(workspace).pseudonym("survey", PEOPLE[28])
    assert (stored,) in rows(folder, "SELECT id FROM spoken")
    said = done("erase", stored, "-w", folder, "--yes", "--json").json
    assert [r["adapter"] for r in said["retrain"]] == ["a-1"]


def test_a_recalibrated_version_inherits_them_and_a_panel_takes_them_along(folder: Path) -> None:
    with Workspace(folder) as workspace:
        with workspace.transaction("train", "a-2"):
            speakers.inherit(workspace, "a-1", "a-2")
        assert workspace.value("SELECT count(*) FROM spoken WHERE adapter = 'a-2'") == 3
        removal.carry_out(workspace, removal.plan(workspace, PANEL))
        assert workspace.value("SELECT count(*) FROM spoken") == 0


def test_a_workspace_from_before_the_table_is_given_it(folder: Path) -> None:
    with duckdb.connect(str(folder / FILE)) as connection:
        connection.execute("DROP TABLE spoken")
    done("erase", PEOPLE[0], "-w", folder, "--yes")
    assert rows(folder, "FROM spoken") == []
