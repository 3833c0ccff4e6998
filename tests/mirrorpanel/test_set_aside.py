"""People kept for rectification, or of a segment held out: apart from training and scoring, for good."""

import re
from pathlib import Path

import numpy as np
import pytest
from own_study import ADAPTER_STUDY, TRAIN, change, done, grounded_study, mirrorpanel, rows

from grounding.splits import Levels, Split
from mirrorpanel import panels, trained
from mirrorpanel.records import AdapterRecord, AgreementRecord
from mirrorpanel.store import Workspace

SPLIT = "split: {people: 0.5, questions: [museums], seed: 4, by: question}"
APART = SPLIT.replace("}", ", rectification: 0.2, segment: {sex: [female], place: [country]}}")
RULE = Split(4, 0.5, ("museums",), 0.2, (Levels("place", ("country",)), Levels("sex", ("female",))))


def written(folder: Path, tiny_folder: Path) -> Path:
    (folder / "train.yaml").write_text(TRAIN.replace("smollm2-135m", str(tiny_folder)))
    (folder / "study.yaml").write_text(ADAPTER_STUDY)
    change(folder / "train.yaml", SPLIT, APART)
    return folder


@pytest.fixture
def kept(tmp_path):
    """A workspace in which the groups of the rule were stored for an adapter."""
    folder = grounded_study(tmp_path / "own")
    with Workspace(folder) as workspace:
        panel = workspace.latest("panels", "panel", "own")
        people, _ = panels.people(workspace, panel)
        with workspace.transaction("train", "a-1"):
            trained.keep(workspace, "a-1", panel, RULE.groups(people), people.ids)
    return folder


def groups(folder):
    with Workspace(folder) as workspace:
        people, _ = panels.people(workspace, workspace.latest("panels", "panel", "own"))
        return people, trained.groups(workspace, "a-1", people.ids)


def test_groups_are_stored_as_the_split_says(kept):
    people, found = groups(kept)
    np.testing.assert_array_equal(np.stack(found), np.stack(RULE.groups(people)))
    assert all(mask.any() for mask in found[:4])
    with Workspace(kept) as workspace:
        held = trained.groups(workspace, "a-1", people.ids).held_out
    np.testing.assert_array_equal(held, found.held_out)
    assert not np.any(held & found.rectification)


def test_a_new_key_moves_nobody_into_another_group(kept):
    people, before = groups(kept)
    done("key", "rotate", "-w", kept)
    renewed, after = groups(kept)
    assert not set(people.ids) & set(renewed.ids)
    np.testing.assert_array_equal(np.stack(after), np.stack(before))


def test_who_is_erased_is_gone_from_those_set_aside_and_no_adapter_is_flagged_for_it(kept):
    people, before = groups(kept)
    subject = people.ids[int(np.flatnonzero(before.rectification)[0])]
    done("erase", subject, "-w", kept, "--yes")
    count = f"SELECT count(*) FROM set_aside WHERE id = '{subject}'"
    assert rows(kept, count) == [(0,)]
    left, after = groups(kept)
    assert int(after.rectification.sum()) == int(before.rectification.sum()) - 1
    assert len(left) == len(people) - 1


def test_a_panel_that_is_deleted_takes_its_groups_with_it(kept):
    done("panel", "delete", "own", "-w", kept, "--yes")
    assert rows(kept, "SELECT count(*) FROM set_aside") == [(0,)]


def test_validation_is_on_held_out_people_alone_and_the_report_counts_the_others(tmp_path, tiny_folder):
    folder = written(grounded_study(tmp_path / "own"), tiny_folder)
    machine = ("-w", folder, "--device", "cpu", "--dtype", "float32", "--json")
    said = done("train", folder / "train.yaml", *machine)
    run = done("field", folder / "study.yaml", *machine).json["run"]
    done("validate", "tastes", "--untuned-seconds", 0, *machine)
    done("report", "tastes", "-w", folder)
    with Workspace(folder) as workspace:
        people, _ = panels.people(workspace, workspace.latest("panels", "panel", "own"))
        expected = RULE.groups(people)
        split = workspace.record("adapters", "adapter", said.json["adapter"], AdapterRecord).split
        result = workspace.record("agreements", "run", run, AgreementRecord).result
    counted = (split.people_trained, split.people_held_out, split.people_rectification, split.people_segment)
    apart = [RULE.cell(name, people, ()).people for name in ("unseen_people", "unseen_segment")]
    masks = (expected.trained, apart[0], expected.rectification, apart[1])
    assert counted == tuple(int(mask.sum()) for mask in masks)
    assert sum(counted) == len(people)
    assert split.fingerprint == RULE.fingerprint
    assert result.people == split.people_held_out
    assert split.blocks == (("museums",),)
    assert "museums and parks (battery" in split.warnings[0]
    page = next((folder / "reports").rglob("report.html")).read_text(encoding="utf-8")
    assert f"{split.people_rectification} kept for rectification" in page
    assert "of the same battery as, or nearly the same as" in page


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("by: battery", "which leaves too few to train on|questions left after the split"),
        ("by: question, segment: {shoes: [red]}", "split.*unknown attribute 'shoes'"),
        ("by: question, wave: {sex: [both]}", "split.*attribute 'sex' has no level 'both'"),
        ("by: question, rectification: 0.5", "split.rectification: .* less than 1"),
    ],
)
def test_a_split_that_cannot_be_is_refused_in_the_line_of_the_file(tmp_path, part, message):
    folder = grounded_study(tmp_path / "own")
    text = TRAIN.replace("by: question", part)
    if "battery" in part:
        text = text.replace("[museums]", "[museums, tea]")
    (folder / "train.yaml").write_text(text)
    refused = mirrorpanel("train", folder / "train.yaml", "-w", folder)
    assert refused.code == 1
    assert "train.yaml:4: split" in refused.err
    assert re.search(message, refused.err.replace("\n", " "))
