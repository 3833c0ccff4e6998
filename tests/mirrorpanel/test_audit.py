import json
from datetime import timedelta
from pathlib import Path

import duckdb
import kept_people
import pytest
from own_study import done, mirrorpanel

from mirrorpanel import audit, dossier, store
from mirrorpanel.store import FILE, Workspace
from personas.errors import WorkspaceError


@pytest.fixture
def folder(tmp_path):
    store.create(tmp_path / "own")
    with Workspace(tmp_path / "own") as workspace:
        for i in range(6):
            with workspace.transaction("train", f"a-{i}"):
                pass
    return tmp_path / "own"


def tamper(folder, *statements):
    with duckdb.connect(str(folder / FILE)) as connection:
        for sql in statements:
            connection.execute(sql)


def rechain(folder, start):
    """Computes the chain anew from an entry on, as somebody who knows the program could."""
    with duckdb.connect(str(folder / FILE)) as connection:
        log = audit.entries(connection)
        previous = log[start - 2].hash
        for entry in log[start - 1 :]:
            made = audit.digest(entry.place, entry.moment, entry.verb, entry.detail, previous)
            connection.execute(
                "UPDATE audit SET previous = ?, hash = ? WHERE place = ?", [previous, made, entry.place]
            )
            previous = made


def faults(folder, *options):
    ended = mirrorpanel("audit", "verify", "--json", "-w", folder, *options)
    assert ended.code == (0 if ended.json["intact"] else 1), ended.err
    return ended.json["faults"]


def test_an_untouched_log_is_intact_and_says_its_head(folder):
    said = done("audit", "verify", "--json", "-w", folder).json
    assert (said["intact"], said["entries"], said["head_kept_outside"]) == (True, 7, True)
    assert faults(folder, "--head", said["head"][:16]) == []
    assert "The audit log is intact: 7 entries" in done("audit", "verify", "-w", folder).out


def test_an_entry_holds_the_hash_of_its_content_and_of_the_one_before(folder):
    with Workspace(folder) as workspace:
        log = audit.entries(workspace.connection)
    assert [e.verb for e in log] == ["init", *["train"] * 6]
    assert [b.previous for b in log[1:]] == [a.hash for a in log[:-1]]
    e = log[3]
    assert e.hash == audit.digest(e.place, e.moment, e.verb, e.detail, e.previous)
    assert e.hash != audit.digest(e.place, e.moment + timedelta(microseconds=1), e.verb, e.detail, e.previous)


@pytest.mark.parametrize(
    ("statements", "said"),
    [
        (["UPDATE audit SET detail = 'a-9' WHERE place = 4"], "its content was changed"),
        (["UPDATE audit SET verb = 'field' WHERE place = 4"], "its content was changed"),
        (["UPDATE audit SET moment = moment + INTERVAL 1 SECOND WHERE place = 4"], "its content was changed"),
        (["DELETE FROM audit WHERE place = 4"], "entry 4 is missing before it"),
        (
            ["DELETE FROM audit WHERE place = 4", "UPDATE audit SET place = 4 WHERE place = 7"],
            "does not follow the entry before it",
        ),
        (
            ["INSERT INTO audit SELECT 8, moment, verb, 'a-9', previous, hash FROM audit WHERE place = 7"],
            "does not follow the entry before it",
        ),
        (
            [
                "UPDATE audit SET place = 99 WHERE place = 3",
                "UPDATE audit SET place = 3 WHERE place = 4",
                "UPDATE audit SET place = 4 WHERE place = 99",
            ],
            "does not follow the entry before it",
        ),
        (["DELETE FROM audit"], "the log is empty"),
        (["DELETE FROM audit WHERE place = 1"], "entry 1 is missing before it"),
    ],
)
def test_edited_deleted_inserted_and_moved_entries_are_found(folder, statements, said):
    tamper(folder, *statements)
    found = faults(folder)
    assert any(said in fault for fault in found), found


def test_a_log_cut_at_its_end_is_found_by_the_head_kept_outside(folder):
    tamper(folder, "DELETE FROM audit WHERE place > 5")
    assert "entries were cut off or written anew" in " ".join(faults(folder))


def test_a_log_computed_anew_is_found_by_the_head_kept_outside_and_by_a_noted_one(folder):
    head = done("audit", "verify", "--json", "-w", folder).json["head"]
    tamper(folder, "UPDATE audit SET detail = 'a-9' WHERE place = 4")
    rechain(folder, 4)
    found = faults(folder, "--head", head)
    assert len(found) == 2
    assert "entry 7 with hash" in found[0]
    assert f"the head {head} is not in the log" in found[1]


def test_without_the_head_outside_a_cut_is_found_only_by_a_noted_head(folder):
    head = done("audit", "verify", "--json", "-w", folder).json["head"]
    with Workspace(folder) as workspace:
        audit._path(workspace.identifier).unlink()
    tamper(folder, "DELETE FROM audit WHERE place > 5")
    said = done("audit", "verify", "-w", folder).out
    assert "No copy of the head is kept outside" in said
    assert faults(folder, "--head", head) == [
        f"the head {head} is not in the log: entries were cut off, or the log was written anew"
    ]


def test_a_log_that_grew_still_holds_a_head_noted_before(folder):
    head = done("audit", "verify", "--json", "-w", folder).json["head"]
    with Workspace(folder) as workspace, workspace.transaction("train", "later"):
        pass
    assert faults(folder, "--head", head) == []


def test_a_head_outside_that_is_behind_after_a_crash_is_no_fault(folder):
    with Workspace(folder) as workspace:
        path = audit._path(workspace.identifier)
        behind = path.read_text()
        with workspace.transaction("train", "later"):
            pass
    path.write_text(behind)
    assert faults(folder) == []


def test_a_head_too_short_to_mean_anything_is_refused(folder):
    for head in ("abc", "not a hash"):
        refused = mirrorpanel("audit", "verify", "--head", head, "-w", folder)
        assert refused.code == 1
        assert "at least 8 of its digits" in refused.err


def test_what_is_rolled_back_leaves_no_entry(folder):
    with (
        Workspace(folder) as workspace,
        pytest.raises(ZeroDivisionError),
        workspace.transaction("train", "x"),
    ):
        raise ZeroDivisionError
    assert faults(folder) == []
    assert done("audit", "verify", "--json", "-w", folder).json["entries"] == 7


def write_at_once(one, two):
    with one.transaction("train", "first"):
        before = one.value("SELECT max(place) FROM audit")
        with two.transaction("train", "second"):
            pass
        assert one.value("SELECT max(place) FROM audit") == before


def test_two_writers_in_one_process_cannot_fork_the_chain(folder):
    with Workspace(folder) as one, Workspace(folder) as two:
        with pytest.raises(WorkspaceError, match="could not be written"):
            write_at_once(one, two)
        assert [e.detail for e in audit.entries(two.connection)][-1] == "second"
    assert faults(folder) == []


def test_the_log_lists_what_was_done(folder):
    lines = done("audit", "show", "-w", folder).out.splitlines()
    assert len(lines) == 7
    assert lines[-1].split()[-2:] == ["train", "a-5"]
    shown = done("audit", "show", "--json", "-w", folder).json["entries"]
    assert [e["place"] for e in shown] == list(range(1, 8))


def test_the_record_of_processing_says_what_is_known_and_names_the_gaps(tmp_path):
    folder = kept_people.make(tmp_path / "kept")
    done("erase", kept_people.PEOPLE[25], "-w", folder, "--yes")
    done("key", "rotate", "-w", folder)
    with Workspace(folder) as workspace:
        workspace.connection.execute("DELETE FROM adapters")
        workspace.connection.execute("DELETE FROM runs")
    path = Path(done("audit", "export", "-w", folder).out.strip())
    text = path.read_text(encoding="utf-8")
    gaps, rest = text.split("## Processing", 1)
    assert "## Gaps (Lücken)" in gaps
    assert "Source survey of panel kept-1: not recorded: retention date." in gaps
    assert "Contact details of controller" in gaps
    for said in (
        "29 people behind 58 simulated persons",
        "population: customers of a cinema",
        "- Controller (Verantwortlicher): Kino GmbH",
        "- Legal basis (Rechtsgrundlage): contract, Art. 6(1)(b)",
        "- Retention (Löschfrist): not recorded",
        "2 attributes (1 observed, 1 matched)",
        "HMAC-SHA-256",
        "chained by hash, intact",
        "1 of the people, 2 persons, 2 answers, 1 file",
    ):
        assert said in rest
    content = json.loads(path.with_suffix(".json").read_text(encoding="utf-8"))
    assert dossier.Dossier.model_validate(content).panels[0].sources[1].name == "till"
    everything = text + json.dumps(content)
    assert not any(person in everything for person in kept_people.PEOPLE)
    assert kept_people.PLANTED not in everything


def test_an_empty_workspace_has_a_record_too(folder, tmp_path):
    path = Path(done("audit", "export", "--out", tmp_path / "papers", "-w", folder).out.strip())
    assert path.parent == tmp_path / "papers"
    assert "none was made" in path.read_text(encoding="utf-8")
