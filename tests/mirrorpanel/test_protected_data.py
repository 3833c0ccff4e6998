import csv
import itertools
import json
from collections import defaultdict
from datetime import date
from pathlib import Path

import pytest
from consent_study import consenting, grounded, person, reported
from own_study import change, contents, done, mirrorpanel, rows

from grounding.privacy.protection import SourceRecord
from mirrorpanel import keys, panels
from mirrorpanel.store import FILE, Workspace

PERSONAL = ("KUNDE-", "LADEN-", "Erika", "example.org")


@pytest.fixture
def folder(tmp_path):
    return grounded(tmp_path)


def holding(folder: Path, text: str) -> list[str]:
    return [str(p) for p in folder.rglob("*") if p.is_file() and text.encode() in p.read_bytes()]


def people(folder):
    return rows(folder / "W", "SELECT people FROM (SELECT record->>'people' AS people, created FROM panels) "
                              "ORDER BY created DESC LIMIT 1")[0][0]  # fmt: skip


def expire(folder, name):
    """Puts the retention date of a source of all panels into the past."""
    with Workspace(folder / "W") as workspace:
        for panel, place, text in workspace.rows("SELECT panel, place, record FROM sources"):
            record = SourceRecord.model_validate_json(text)
            if record.name == name:
                late = record.protection.model_copy(update={"retention": date(2020, 1, 31)})
                row = [record.model_copy(update={"protection": late}).model_dump_json(), panel, place]
                workspace.connection.execute(
                    "UPDATE sources SET record = ? WHERE panel = ? AND place = ?", row
                )


def test_no_id_name_or_address_of_the_sources_is_in_any_byte_of_the_workspace(folder):
    reported(folder)
    done("panel", "export", "--out", folder / "W" / "panel.parquet", "--attribute", "sex", "-w", folder / "W")
    done("audit", "export", "-w", folder / "W")
    assert len(list((folder / "W").rglob("*.*"))) >= 9
    for text in PERSONAL:
        assert holding(folder / "W", text) == []


def test_nobody_comes_in_without_consent_and_no_column_that_nobody_named(folder):
    with Workspace(folder / "W") as workspace:
        panel = workspace.latest("panels", "panel", "kunden")
        found, _ = panels.people(workspace, panel)
        expected = keys.pseudonymiser(workspace)("customer numbers", consenting())
        donors = {r[0] for r in workspace.rows("SELECT donor FROM attributes WHERE donor IS NOT NULL")}
        barred = keys.pseudonymiser(workspace)("shop", [f"LADEN-{i:04d}" for i in range(0, 60, 5)])
    assert set(found.ids) == set(expected)
    assert donors
    assert not donors & set(barred)
    twin = json.loads(next((folder / "W" / "reports").rglob("grounding.json")).read_text())
    survey = twin["sources"][0]
    assert set(survey["columns_read"]) == {
        "customer", "consent", "age", "sex", "area", "tea", "coffee",
    }  # fmt: skip
    assert (survey["rows_read"], survey["rows_used"]) == (240, len(consenting()))


def test_answers_and_exports_name_nobody_and_every_combination_is_shared_by_ten_people(folder):
    run = reported(folder)
    with (folder / "W" / "reports" / run / "answers.csv").open(newline="") as file:
        assert csv.DictReader(file).fieldnames == [
            "synthetic", "run", "person", "weight", "question", "option", "answer",
        ]  # fmt: skip
    out = folder / "panel.csv"
    said = done("panel", "export", "--out", out, "-w", folder / "W", "--json").json
    mirrors = dict(rows(folder / "W", "SELECT person, mirrors FROM persons"))
    groups = defaultdict(set)
    with out.open(newline="") as file:
        for row in csv.DictReader(file):
            groups[row["age_group"], row["sex"], row["area"], row["spend"]].add(mirrors[row["person"]])
    assert min(map(len, groups.values())) >= 10
    assert said["left_out"] + sum(said["blanked"].values()) >= 1
    assert not any(area == "isle" for _, _, area, _ in groups)


def test_persons_of_the_same_human_do_not_make_a_group(folder):
    change(folder / "grounding.yaml", "persons: 200", "persons: 2000")
    done("ground", folder / "grounding.yaml", "-w", folder / "W")
    out = folder / "panel.csv"
    done("panel", "export", "--out", out, "--attribute", "area", "-w", folder / "W")
    # Four people of the isle are the model of some forty persons.
    isle = rows(folder / "W", "SELECT count(DISTINCT person) FROM person_attributes WHERE value = 'isle'")[0][
        0
    ]
    assert isle >= 10
    assert "isle" not in out.read_text()


@pytest.mark.parametrize("source", ["people.csv", "shop"])
def test_data_past_their_retention_date_are_used_for_nothing_more(folder, source):
    reported(folder)
    expire(folder, source)
    before = contents(folder / "W")
    train = folder / "train.yaml"
    train.write_text(
        "adapter: a\npanel: kunden\nmodel: smollm2-135m\nsplit: {people: 0.5, questions: 0, seed: 1}\n"
    )
    for words in (
        ("field", folder / "study.yaml"),
        ("train", train),
        ("validate", "tastes"),
        ("report", "tastes"),
        ("panel", "export", "--out", folder / "x.csv"),
    ):
        refused = mirrorpanel(*words, "-w", folder / "W")
        assert refused.code == 1
        assert f"source {source!r} (until 2020-01-31) may no longer be used" in refused.err
        assert "mirrorpanel panel delete" in refused.err
    assert contents(folder / "W") == before
    assert not (folder / "x.csv").exists()
    gaps = Path(done("audit", "export", "-w", folder / "W").out.strip()).read_text()
    assert "its retention date 2020-01-31 has passed, and its rows are still here" in gaps


def test_a_source_past_its_retention_date_is_not_grounded(folder):
    before = contents(folder / "W")
    change(folder / "grounding.yaml", "2098-06-30", "2020-01-31")
    refused = mirrorpanel("ground", folder / "grounding.yaml", "-w", folder / "W")
    assert refused.code == 1
    assert "source 'shop' (until 2020-01-31)" in refused.err
    assert contents(folder / "W") == before


def test_a_lost_key_refuses_grounding_and_leaves_the_workspace_as_it_was(folder):
    before = contents(folder / "W")
    (folder / "panel.key").rename(folder / "elsewhere.key")
    change(folder / "grounding.yaml", "persons: 200", "persons: 201")
    refused = mirrorpanel("ground", folder / "grounding.yaml", "-w", folder / "W")
    assert refused.code == 1
    assert f"key file {folder / 'panel.key'} is gone" in refused.err
    assert "mirrorpanel key use PATH" in refused.err
    assert contents(folder / "W") == before
    done("key", "use", folder / "elsewhere.key", "-w", folder / "W")
    assert done("ground", folder / "grounding.yaml", "-w", folder / "W", "--json").json["fresh"] is True


def test_after_the_key_is_destroyed_the_panel_works_and_nothing_personal_is_grounded(folder):
    done("key", "destroy", "--yes", "-w", folder / "W")
    reported(folder)
    refused = mirrorpanel("ground", folder / "grounding.yaml", "-w", folder / "W")
    assert refused.code == 1
    assert "was destroyed on" in refused.err
    assert "Ground personal data in a new workspace" in refused.err


def test_who_was_erased_stays_out_through_a_new_file_name_and_a_new_key(folder):
    gone, n = consenting()[0], len(consenting())
    done("erase", gone, "--yes", "-w", folder / "W")
    (folder / "people.csv").rename(folder / "people-2027.csv")
    change(folder / "grounding.yaml", "people.csv", "people-2027.csv")
    for step in ((), ("key", "rotate")):
        if step:
            done(*step, "-w", folder / "W")
        done("ground", folder / "grounding.yaml", "-w", folder / "W")
        assert people(folder) == str(n - 1)
    assert done("audit", "verify", "--json", "-w", folder / "W").json["intact"] is True
    other = consenting()[1]
    said = done("erase", other, "--yes", "--json", "-w", folder / "W").json
    assert (said["deleted"]["people"], len(said["panels"])) == (1, 3)


def test_the_same_data_are_the_same_panel_after_a_change_of_key(folder):
    before = rows(folder / "W", "SELECT panel FROM panels")
    done("key", "rotate", "-w", folder / "W")
    assert done("ground", folder / "grounding.yaml", "-w", folder / "W", "--json").json["fresh"] is False
    assert rows(folder / "W", "SELECT panel FROM panels") == before


def test_ids_that_a_source_keeps_are_left_out_after_an_erasure_too(folder):
    text = (folder / "grounding.yaml").read_text().partition("  protection:")[0]
    (folder / "grounding.yaml").write_text(
        text + "  protection: {anonymous: row numbers of a public-use file}\n"
    )
    first = done("ground", folder / "grounding.yaml", "-w", folder / "W", "--json").json
    assert first["people"] == 240
    done("erase", person(3), "--yes", "-w", folder / "W")
    again = done("ground", folder / "grounding.yaml", "-w", folder / "W", "--json").json
    assert again["people"] == 239
    assert again["panel"] != first["panel"]


def test_an_erasure_takes_exports_in_the_workspace_and_names_those_elsewhere(folder):
    reported(folder)
    for out in (folder / "W" / "panel.csv", folder / "elsewhere.csv"):
        done("panel", "export", "--out", out, "--attribute", "sex", "-w", folder / "W")
    said = done("erase", consenting()[0], "--yes", "--json", "-w", folder / "W").json
    assert "panel.csv" in said["files"]
    assert said["exported"] == [str((folder / "elsewhere.csv").resolve())]
    left = {p.name for p in (folder / "W").rglob("*") if p.is_file()}
    assert left == {FILE, f"{said['receipt']}.md", f"{said['receipt']}.json"}
    assert (folder / "elsewhere.csv").exists()


def test_a_human_in_several_panels_is_counted_once(folder):
    text = (folder / "grounding.yaml").read_text()
    for panel in ("zweites", "drittes"):
        (folder / "grounding.yaml").write_text(text.replace("panel: kunden", f"panel: {panel}"))
        done("ground", folder / "grounding.yaml", "-w", folder / "W")
    told = " ".join(done("erase", consenting()[0], "--yes", "-w", folder / "W").out.split())
    assert "Erased: 1 of the people, " in told
    assert ", in 3 panels: kunden-" in told
    path = Path(done("audit", "export", "-w", folder / "W").out.strip())
    (entry,) = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("- e-")]
    assert ": 1 of the people, " in entry
    assert entry.endswith(", in 3 panels")


def test_a_customer_joined_by_key_and_the_person_are_one_and_go_together(folder):
    lines = (folder / "people.csv").read_text().splitlines()
    numbers = itertools.chain((f"LADEN-{i:04d}" for i in range(60)), itertools.repeat(""))
    added = [lines[0] + ",shop_number", *(f"{line},{next(numbers)}" for line in lines[1:])]
    (folder / "people.csv").write_text("\n".join(added) + "\n")
    head, _, tail = (folder / "grounding.yaml").read_text().partition("    match:")
    tail = tail[tail.index("    protection:") :]
    (folder / "grounding.yaml").write_text(f"{head}    join: shop_number\n{tail}")
    done("ground", folder / "grounding.yaml", "-w", folder / "W")
    # The seventh of the people has the seventh customer number, and both said yes.
    said = done("erase", "LADEN-0006", "--yes", "--json", "--panel", "kunden", "-w", folder / "W").json
    assert said["deleted"]["people"] == 1
    refused = mirrorpanel("erase", person(6), "--yes", "--panel", "kunden", "-w", folder / "W")
    assert "was erased already" in refused.err


def test_a_deleted_panel_leaves_nothing_behind(folder):
    run = reported(folder)
    (folder / "grounding.yaml").write_text((folder / "grounding.yaml").read_text().replace("kunden", "other"))
    done("ground", folder / "grounding.yaml", "-w", folder / "W")
    panel = rows(folder / "W", "SELECT panel FROM panels WHERE name = 'kunden'")[0][0]
    done("panel", "export", "kunden", "--out", folder / "W" / "p.csv", "-w", folder / "W")
    refused = mirrorpanel("panel", "delete", "kunden", "-w", folder / "W")
    assert refused.code == 1
    assert "Say so with --yes; nothing was changed" in refused.err
    said = done("panel", "delete", "kunden", "--yes", "--json", "-w", folder / "W").json
    assert (said["panel"], said["people"], said["runs"]) == (panel, len(consenting()), [run])
    found = contents(folder / "W")
    text = json.dumps({t: [list(map(str, row)) for row in kept] for t, kept in found.items()})
    assert panel not in text
    assert run not in text
    assert [row[1] for row in found["panels"]] == ["other"]
    assert len(found["people"]) == len(consenting())
    assert not (folder / "W" / "p.csv").exists()
    assert not (folder / "W" / "reports" / run).exists()
    assert not (folder / "W" / "reports" / panel).exists()
    assert done("audit", "verify", "--json", "-w", folder / "W").json["intact"] is True
