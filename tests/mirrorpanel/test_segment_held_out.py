"""A segment that is held out is scored by itself: in no figure of others, from the split to the report."""

import json
from pathlib import Path

import numpy as np
import pytest
from own_study import ADAPTER_STUDY, QUESTIONS, TRAIN, change, done, grounded_study, mirrorpanel

from mirrorpanel import apart, assessing, panels, trained
from mirrorpanel.records import AdapterRecord, AgreementRecord
from mirrorpanel.store import Workspace
from mirrorpanel.verbs import rechecking, training_data

SPLIT = "split: {people: 0.5, questions: [museums], seed: 4, by: question"


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path) -> tuple[Path, str]:
    """A study whose women are held out, trained and validated, and what ``validate`` printed."""
    folder = grounded_study(tmp_path_factory.mktemp("segment") / "own")
    text = TRAIN.replace("smollm2-135m", str(tiny_folder))
    (folder / "train.yaml").write_text(text.replace(SPLIT, f"{SPLIT}, segment: {{sex: [female]}}"))
    (folder / "study.yaml").write_text(ADAPTER_STUDY)
    machine = ("-w", folder, "--device", "cpu", "--dtype", "float32")
    done("train", folder / "train.yaml", *machine)
    run = done("field", folder / "study.yaml", *machine, "--json").json["run"]
    told = done("validate", run, "--untuned-seconds", 0, *machine).out
    done("report", run, "-w", folder)
    return folder, told


def women(folder: Path) -> set[str]:
    with Workspace(folder, read_only=True) as workspace:
        people, _ = panels.people(workspace, workspace.latest("panels", "panel", "own"))
    return {i for i, sex in zip(people.ids, people.values("sex"), strict=True) if sex == "female"}


def test_nobody_of_the_segment_is_among_the_unseen_people_of_ladder_and_gates(
    study: tuple[Path, str],
) -> None:
    folder, _ = study
    segment = women(folder)
    with Workspace(folder) as workspace:
        ready = training_data.prepared(workspace, folder / "train.yaml", lambda _: None)
    hashed = {i for i, out in zip(ready.people.ids, ready.groups.held_out, strict=True) if out}
    assert hashed & segment  # the hash holds some of them out as well
    parts = {part.name: set(part.people.ids) for part in ready.parts()}
    assert set(parts) == {"unseen_people", "unseen_questions", "unseen_both", "unseen_segment"}
    assert parts["unseen_people"] == parts["unseen_both"] == hashed - segment
    assert parts["unseen_segment"] == segment
    assert set(assessing.held_out(ready).people.ids) == hashed - segment
    assert not parts["unseen_questions"] & segment


def test_the_record_counts_nobody_twice_and_the_card_says_the_same(study: tuple[Path, str]) -> None:
    folder, _ = study
    with Workspace(folder, read_only=True) as workspace:
        adapter = workspace.latest("adapters", "adapter", "tastes")
        split = workspace.record("adapters", "adapter", adapter, AdapterRecord).split
    assert split.people_segment == len(women(folder))
    assert split.people_trained + split.people_held_out + split.people_segment == 480
    card = (folder / "adapters" / adapter / "README.md").read_text(encoding="utf-8")
    assert f"{split.people_held_out:,} people" in card
    assert "split: unseen_both" in card
    assert "unseen_questions" not in card
    assert "The whole command took" in card


def test_validate_compares_the_segment_with_its_own_persons_alone(study: tuple[Path, str]) -> None:
    folder, told = study
    segment = women(folder)
    with Workspace(folder, read_only=True) as workspace:
        (run,) = workspace.rows("SELECT run FROM runs")[0]
        record = workspace.record("agreements", "run", run, AgreementRecord)
        adapter = workspace.latest("adapters", "adapter", "tastes")
        split = workspace.record("adapters", "adapter", adapter, AdapterRecord).split
        persons = panels.persons(workspace, workspace.latest("panels", "panel", "own"))
    inside = np.array(persons.values("sex")) == "female"
    assert record.result.people == split.people_held_out
    assert record.result.persons == int((~inside).sum())
    (part,) = record.apart
    assert (part.part, part.who) == ("unseen_segment", "sex female")
    assert (part.people, part.persons) == (len(segment), int(inside.sum()))
    assert part.result is not None
    assert part.result.questions == len(QUESTIONS) - 1
    assert set(part.result.baselines) >= {"uniform", "item_share", "empty_persona"}
    assert "Agreement on the segment held out (sex female), questions trained on" in told
    page = (folder / "reports" / run / "report.html").read_text(encoding="utf-8")
    assert "Segment or wave held out" in page
    assert "in no figure but their own" in page
    twin = json.loads((folder / "reports" / run / "report.json").read_text(encoding="utf-8"))
    assert twin["apart"][0]["who"] == "sex female"


def test_people_never_heard_of_are_kept_apart_too_and_a_panel_without_the_attribute_holds_nobody(
    study,
) -> None:
    folder, _ = study
    with Workspace(folder, read_only=True) as workspace:
        adapter = workspace.latest("adapters", "adapter", "tastes")
        split = workspace.record("adapters", "adapter", adapter, AdapterRecord).split
        people, _ = panels.people(workspace, workspace.latest("panels", "panel", "own"))
        strangers = people.take(np.arange(40))
        strangers = type(people)(
            tuple(f"new-{i}" for i in range(40)), strangers.attributes, strangers.levels, strangers.codes,
            strangers.weights,
        )  # fmt: skip
        cell = trained.cell(workspace, adapter, split, "unseen_people", strangers, ())
        plain = trained.cell(workspace, adapter, split, "unseen_people", strangers.select(["place"]), ())
    np.testing.assert_array_equal(cell.people, np.array(strangers.values("sex")) != "female")
    assert plain.people.all()
    assert apart.note(split) == (
        "Held out for what they are, and in no figure but their own, persons and people: sex female.",
    )


def test_a_language_model_that_there_is_not_is_refused_by_the_audit_alone(
    study: tuple[Path, str], tmp_path: Path
) -> None:
    folder, _ = study
    file = tmp_path / "train.yaml"
    file.write_text(TRAIN.replace("smollm2-135m", "smollm2-153m"))
    outcome = mirrorpanel("train", file, "-w", folder, "--audit")
    assert outcome.code == 1
    assert "smollm2-153m" in outcome.err
    assert "smollm2-135m" in outcome.err


def strangers(folder: Path) -> tuple[str, ...]:
    """What a recheck against ``wave.yaml`` adds where nobody of the wave was known."""
    done("ground", folder / "wave.yaml", "-w", folder)
    with Workspace(folder, read_only=True) as workspace:
        both = [workspace.latest("panels", "panel", name) for name in ("own", "next")]
        first, second = ((panel, panels.people(workspace, panel)[0]) for panel in both)
        return rechecking._strangers(workspace, first, second)  # pyright: ignore[reportPrivateUsage]


def test_a_wave_under_other_pseudonyms_says_that_nobody_was_known_and_what_to_write(
    study: tuple[Path, str],
) -> None:
    folder, _ = study
    text = (folder / "grounding.yaml").read_text()
    wave = folder / "wave.csv"
    wave.write_text((folder / "people.csv").read_text())
    (folder / "wave.yaml").write_text(
        text.replace("panel: own", "panel: next").replace("file: people.csv", "file: wave.csv")
    )
    assert strangers(folder) == (
        "nobody of the wave was known before: all its people count as never trained on. If the same people "
        'were asked, write protection: {ids: "people.csv"} in its grounding file and ground it anew',
    )
    change(folder / "wave.yaml", "  id: id\n", '  id: id\n  protection: {ids: "people.csv"}\n')
    assert strangers(folder) == ()
