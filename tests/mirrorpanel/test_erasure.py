import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import kept_people
import pytest
from kept_people import DONORS, PANEL, PEOPLE, PLANTED
from own_study import ROOT, done, environment, mirrorpanel, rows

from grounding.privacy.guard import Guard
from mirrorpanel import audit, keys, rewriting, sources, trained
from mirrorpanel.records import PanelRecord
from mirrorpanel.store import FILE, Workspace
from mirrorpanel.verbs import erasing

# The program, killed by itself just before or just after the new file takes the place of the old.
KILLED = """
import os, signal, sys
from pathlib import Path
from mirrorpanel.cli.app import main
when = sys.argv.pop(1)
replace = Path.replace
def replaced(self, target):
    if not str(target).endswith("mirrorpanel.duckdb"):
        return replace(self, target)
    if when == "after":
        replace(self, target)
    os.kill(os.getpid(), signal.SIGKILL)
Path.replace = replaced
main()
"""


@pytest.fixture
def folder(tmp_path):
    return kept_people.make(tmp_path / "kept")


def pseudonym(folder, namespace, original):
    with Workspace(folder) as workspace:
        return keys.opened(workspace).pseudonym(namespace, original)


def forgotten(workspace, source, ids):
    return Guard(keys.pseudonymiser(workspace), keys.erased(workspace)).forgotten(source, ids).tolist()


def counts(folder):
    tables = ("people", "real_answers", "attributes", "imputations", "persons", "answers", "trained")
    return {t: rows(folder, f"SELECT count(*) FROM {t}")[0][0] for t in (*tables, "agreements", "erased")}


def holding(folder: Path, text: str) -> list[str]:
    return sorted(
        str(p.relative_to(folder))
        for p in folder.rglob("*")
        if p.is_file() and text.encode() in p.read_bytes()
    )


def forget_list(folder):
    """Drops the list of those erased, the one place where a pseudonym is meant to stay."""
    with Workspace(folder) as workspace:
        rewriting.rewrite(
            workspace, {"erased": "FROM before.erased WHERE false"}, {}, "test", "", lambda connection: None
        )


def test_one_of_the_people_goes_with_everything_that_came_from_it(folder):
    before = counts(folder)
    said = done("erase", PEOPLE[0], "-w", folder, "--yes", "--json").json
    after = counts(folder)
    assert {t: before[t] - after[t] for t in before} == {
        "people": 1, "real_answers": 1, "attributes": 2, "imputations": 2, "persons": 2, "answers": 2,
        "trained": 1, "agreements": 1, "erased": -1,
    }  # fmt: skip
    assert said["deleted"] == {
        "people": 1, "persons": 2, "answers": 2, "real_answers": 1, "attributes": 2, "lent": 0,
        "imputations": 2, "agreements": 1,
    }  # fmt: skip
    assert said["files"] == ["reports/run-1/answers.csv"]
    assert not (folder / "reports" / "run-1").exists()
    assert said["outside"] == ["survey (survey.csv)"]
    assert said["runs"] == ["run-1"]
    with Workspace(folder) as workspace:
        record = workspace.record("panels", "panel", PANEL, PanelRecord)
        assert (record.people, record.persons) == (29, 58)
        assert audit.verify(workspace.connection, folder).faults == ()
        assert audit.entries(workspace.connection)[-1].verb == "erase"


def test_the_bytes_of_the_person_are_gone_from_the_folder(folder):
    stored = pseudonym(folder, "survey", PEOPLE[0])
    (folder / "exports").mkdir()
    (folder / "exports" / "panel.csv").write_text(f"person,mirrors\np0001,{stored}\n")
    assert holding(folder, stored) == ["exports/panel.csv", FILE]
    assert holding(folder, PLANTED) == [FILE]
    done("erase", PEOPLE[0], "-w", folder, "--yes")
    assert holding(folder, PLANTED) == holding(folder, PEOPLE[0]) == []
    assert holding(folder, stored) == [FILE]
    forget_list(folder)
    assert holding(folder, stored) == []
    assert holding(folder, pseudonym(folder, "survey", PEOPLE[1])) == [FILE]


def test_what_a_donor_lent_becomes_unknown_and_nobody_else_goes(folder):
    before = counts(folder)
    said = done("erase", DONORS[3], "-w", folder, "--yes", "--json").json
    after = counts(folder)
    assert before["attributes"] - after["attributes"] == said["deleted"]["lent"] == 3
    assert after["people"] == 30
    assert after["persons"] == 60
    assert said["sources"] == ["till"]
    assert said["retrain"] == []
    gone = rows(folder, "SELECT count(DISTINCT person) FROM person_attributes WHERE attribute = 'visits'")
    assert gone == [(54,)]


def test_an_adapter_fitted_on_the_person_is_flagged_and_the_receipt_says_what_retraining_does(folder):
    said = done("erase", PEOPLE[0], "-w", folder, "--yes", "--json").json
    assert [r["adapter"] for r in said["retrain"]] == ["a-1"]
    flagged = rows(folder, "SELECT flagged FROM adapters")[0][0]
    assert said["receipt"] in flagged
    text = Path(said["file"]).read_text(encoding="utf-8")
    assert "Adapter a-1 was fitted on 1 of the people erased" in text
    assert "what it learnt from one person cannot be cut out" in text
    again = done("erase", PEOPLE[1], "-w", folder, "--yes", "--json").json
    assert rows(folder, "SELECT flagged FROM adapters")[0][0].count("e-2") == 2
    assert Path(again["file"]).is_file()
    # Nobody was trained on the last ones.
    assert done("erase", PEOPLE[29], "-w", folder, "--yes", "--json").json["retrain"] == []


def test_a_receipt_names_no_id_and_no_pseudonym(folder):
    stored = pseudonym(folder, "survey", PEOPLE[0])
    done("erase", PEOPLE[0], "-w", folder, "--yes")
    receipts = [p.read_text(encoding="utf-8") for p in (folder / "receipts").iterdir()]
    kept = [
        *receipts,
        *(str(r) for r in rows(folder, "SELECT * FROM receipts")),
        str(rows(folder, "FROM audit")),
    ]
    assert len(receipts) == 2
    assert all(PEOPLE[0] not in text and stored not in text for text in kept)


def test_a_pseudonym_erases_too_even_where_the_key_is_lost(folder):
    stored = pseudonym(folder, "survey", PEOPLE[7])
    with Workspace(folder) as workspace:
        Path(keys.record(workspace).place).unlink()
    refused = mirrorpanel("erase", PEOPLE[7], "-w", folder, "--yes")
    assert refused.code == 1
    assert "is gone: pseudonyms can no longer be made" in refused.err
    assert done("erase", stored, "-w", folder, "--yes", "--json").json["deleted"]["people"] == 1


def test_an_unknown_subject_is_answered_with_what_was_searched(folder):
    refused = mirrorpanel("erase", "C-99999", "-w", folder, "--yes")
    assert refused.code == 1
    assert (
        "searched 30 people and 10 donors of panels kept-1, under the ids of sources survey, till"
        in refused.err
    )
    done("erase", PEOPLE[0], "-w", folder, "--yes")
    assert "was erased already, on 20" in mirrorpanel("erase", PEOPLE[0], "-w", folder, "--yes").err


def test_nothing_happens_without_consent(folder):
    before = counts(folder)
    refused = mirrorpanel("erase", PEOPLE[0], "-w", folder)
    assert refused.code == 1
    assert "Say so with --yes; nothing was changed" in refused.err
    assert counts(folder) == before
    assert holding(folder, "mirrors") != []


def test_a_kept_id_of_two_sources_must_say_which(tmp_path):
    folder = kept_people.make(tmp_path / "kept", pseudonymised=False)
    with Workspace(folder) as workspace:
        workspace.connection.execute(
            "UPDATE attributes SET donor = ? WHERE donor = ?", [PEOPLE[4], DONORS[0]]
        )
    refused = mirrorpanel("erase", PEOPLE[4], "-w", folder, "--yes")
    assert refused.code == 1
    assert "('survey', 'till')" in refused.err
    assert "--source NAME" in refused.err
    said = done("erase", PEOPLE[4], "--source", "till", "-w", folder, "--yes", "--json").json
    assert said["deleted"]["people"] == 0
    assert said["deleted"]["lent"] == 3
    with Workspace(folder) as workspace:
        assert forgotten(workspace, "till", PEOPLE[3:6]) == [False, True, False]
        assert forgotten(workspace, "survey", PEOPLE[3:6]) == [False, False, False]


def test_who_was_erased_is_left_out_when_grounded_again(folder):
    done("erase", PEOPLE[0], "-w", folder, "--yes")
    with Workspace(folder) as workspace:
        stored = keys.pseudonymiser(workspace)("survey", PEOPLE[:3])
        assert forgotten(workspace, "survey", stored) == [True, False, False]
        assert keys.erased(workspace) == {stored[0]}


def test_files_of_the_users_own_that_still_hold_the_id_are_named(folder):
    (folder / "people.csv").write_text(f"id,age\n{PEOPLE[0]},33\n{PEOPLE[1]}0,34\n")
    said = done("erase", PEOPLE[0], "-w", folder, "--yes", "--json").json
    assert said["suspected"] == ["people.csv"]
    assert (folder / "people.csv").exists()
    assert done("erase", PEOPLE[1], "-w", folder, "--yes", "--json").json["suspected"] == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_in_the_middle_it_is_as_before_or_done(folder, when):
    before = counts(folder)
    words = [sys.executable, "-c", KILLED, when, "erase", PEOPLE[0], "-w", str(folder), "--yes"]
    ended = subprocess.run(words, check=False, cwd=ROOT, env=environment(), capture_output=True, text=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    after = counts(folder)
    assert sorted(p.name for p in folder.iterdir() if p.name.startswith(FILE)) == [FILE]
    with Workspace(folder) as workspace:
        assert audit.verify(workspace.connection, folder).faults == ()
    if when == "before":
        assert after == before
        done("erase", PEOPLE[0], "-w", folder, "--yes")
    else:
        assert after["people"] == 29
        # The receipt that could not be written is made up for by the next erasure.
        assert not (folder / "receipts").exists()
        done("erase", PEOPLE[1], "-w", folder, "--yes")
        assert len(list((folder / "receipts").glob("*.md"))) == 2
    assert PLANTED.encode() not in (folder / FILE).read_bytes()


def test_a_workspace_that_another_process_holds_is_not_touched(folder):
    hold = "import sys\nfrom pathlib import Path\nfrom mirrorpanel.store import Workspace\n"
    hold += "with Workspace(Path(sys.argv[1]), read_only=True):\n"
    hold += "    print('held', flush=True)\n    sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        cwd=ROOT, env=environment(),
    ) as holder:  # fmt: skip
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        refused = mirrorpanel("erase", PEOPLE[0], "-w", folder, "--yes")
        assert refused.code == 1
        assert f"is held by process {holder.pid}" in refused.err
    assert counts(folder)["people"] == 30


def test_a_rewriting_that_cannot_be_finished_leaves_the_workspace_as_it_was(folder):
    before = counts(folder)

    def fail(connection: duckdb.DuckDBPyConnection) -> None:
        raise duckdb.IOException("No space left on device")

    with Workspace(folder) as workspace:
        with pytest.raises(Exception, match="could not be written"):
            rewriting.rewrite(workspace, {}, {}, "test", "", fail)
        assert workspace.value("SELECT count(*) FROM people") == 30
    assert counts(folder) == before
    assert not (folder / f"{FILE}.part").exists()


def test_a_rotated_key_keeps_people_persons_adapters_and_original_ids(folder):
    with Workspace(folder) as workspace:
        ids = [r[0] for r in workspace.rows("SELECT id FROM people ORDER BY place")]
        out = trained.groups(workspace, "a-1", ids).held_out.tolist()
        attributes = sorted(workspace.rows("SELECT person, attribute, value FROM person_attributes"))
    done("erase", PEOPLE[9], "-w", folder, "--yes")
    done("key", "rotate", "-w", folder)
    said = done("key", "rotate", "-w", folder, "--json").json
    assert said["before"] != said["after"]
    with Workspace(folder) as workspace:
        renewed = [r[0] for r in workspace.rows("SELECT id FROM people ORDER BY place")]
        assert not set(renewed) & set(ids)
        assert tuple(renewed) == keys.pseudonymiser(workspace)("survey", PEOPLE[:9] + PEOPLE[10:])
        assert trained.groups(workspace, "a-1", renewed).held_out.tolist() == out[:9] + out[10:]
        stays = [r for r in attributes if r[0] not in {"p0018", "p0019"}]
        assert sorted(workspace.rows("SELECT person, attribute, value FROM person_attributes")) == stays
        gone = keys.pseudonymiser(workspace)("survey", PEOPLE[8:11])
        assert forgotten(workspace, "survey", gone) == [False, True, False]
        assert [r.name for r in sources.records(workspace, PANEL)] == ["survey", "till"]
    assert holding(folder, ids[0]) == []
    assert done("erase", PEOPLE[0], "-w", folder, "--yes", "--json").json["deleted"]["people"] == 1


def test_the_verb_asks_before_it_erases(folder):
    with Workspace(folder) as workspace:
        asked = erasing.erase(workspace, PEOPLE[0], None, None, lambda receipt: False)
        assert not asked.done
        assert asked.receipt.deleted.people == 1
        assert workspace.value("SELECT count(*) FROM people") == 30
