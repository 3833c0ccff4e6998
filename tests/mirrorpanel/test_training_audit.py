import json

import pytest
from own_study import GROUND, TRAIN, done, write_study

from mirrorpanel import panels
from mirrorpanel.store import Workspace
from mirrorpanel.verbs import grounding, training_audit
from personas.errors import DataError, DocumentError


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The own study with the seconds that each person took; one is empty, and the third is a speeder."""
    made = write_study(tmp_path_factory.mktemp("audited") / "own")
    head, *lines = (made / "people.csv").read_text().splitlines()
    times = [400 + i % 50 for i in range(len(lines))]
    cells = [str(t) for t in times]
    cells[0], cells[2] = "", "60"
    rows = [f"{line},{cell}" for line, cell in zip(lines, cells, strict=True)]
    (made / "people.csv").write_text("\n".join([f"{head},time", *rows, ""]))
    (made / "grounding.yaml").write_text(GROUND.replace("  id: id\n", "  id: id\n  duration: time\n"))
    (made / "train.yaml").write_text(TRAIN)
    done("ground", made / "grounding.yaml", "-w", made)
    return made


def test_seconds_come_back_as_they_were_read_and_empty_cells_as_unknown(folder):
    with Workspace(folder) as workspace:
        panel = workspace.latest("panels", "panel", "own")
        seconds = panels.seconds(workspace, panel)
        people, _ = panels.people(workspace, panel)
    assert "time" not in people.attributes
    assert seconds is not None
    assert len(seconds) == len(people)
    assert list(seconds[1:4]) == [401, 60, 403]
    assert seconds[0] != seconds[0]


def test_the_audit_of_a_training_file_is_written_beside_the_panel(folder):
    with Workspace(folder) as workspace:
        found = training_audit.audit(workspace, folder / "train.yaml")
    assert found.page == folder / "reports" / found.panel / "audit.html"
    twin = json.loads(found.page.with_name("audit.json").read_text())
    assert twin["people"] == found.audit.people
    assert (found.page.parent / "grounding.html").exists()
    told = {f.check: f for f in found.audit.findings}
    assert told["speeders"].number == 1
    assert not found.left_out.any()
    assert {q.name for q in found.audit.questions if q.held_out} == {"museums"}


def test_who_is_left_out_is_told_by_a_mask(folder):
    file = folder / "without.yaml"
    file.write_text(TRAIN + "audit: {leave_out: [speeders]}\n")
    with Workspace(folder) as workspace:
        found = training_audit.audit(workspace, file)
    speeders = next(f for f in found.audit.findings if f.check == "speeders")
    with Workspace(folder) as workspace:
        people, _ = panels.people(workspace, found.panel)
    assert people.take(found.left_out).ids == speeders.people


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("audit: {questions: [opera]}", r"7: audit: unknown question 'opera'; the panel has 'tea'"),
        ("audit: {segments: [shoes]}", r"7: audit: Unknown attribute 'shoes'"),
        ("audit: {allow: [{finding: typo, reason: x}]}", r"audit: allow: unknown finding 'typo'"),
        ("attributes: [shoes]", r"7: attributes: Unknown attribute 'shoes'"),
        ("audit: {leave_out: [latecomers]}", r"audit.leave_out.0: Input should be 'straight-liners'"),
    ],
)
def test_a_name_that_there_is_not_is_refused_with_its_line(folder, lines, message):
    file = folder / "wrong.yaml"
    file.write_text(TRAIN + lines + "\n")
    with Workspace(folder) as workspace, pytest.raises(DocumentError, match=message):
        training_audit.audit(workspace, file)


def test_a_duration_that_is_no_number_names_line_and_value(tmp_path):
    made = write_study(tmp_path / "own")
    (made / "grounding.yaml").write_text(GROUND.replace("  id: id\n", "  id: id\n  duration: sex\n"))
    with (
        Workspace(made) as workspace,
        pytest.raises(DataError, match=r": line 2: column 'sex': '\w+' is no duration"),
    ):
        grounding.ground(workspace, made / "grounding.yaml", tmp_path, lambda _: None)


@pytest.mark.parametrize(
    ("update", "message"),
    [
        (
            "UPDATE people SET weight = 'nan' WHERE place = 4",
            r"weights that are no numbers from 0 up: \w+ \(nan\);",
        ),
        ("UPDATE people SET weight = -1 WHERE place < 9", r"\(-1.0\) and 4 more; the workspace was changed"),
        ("UPDATE people SET weight = 0", "nobody has a weight above 0"),
    ],
)
def test_damaged_weights_are_refused_with_the_people(folder, update, message):
    with Workspace(folder) as workspace:
        workspace.connection.begin()
        workspace.connection.execute(update)
        with pytest.raises(DataError, match=message):
            training_audit.audit(workspace, folder / "train.yaml")
        workspace.connection.rollback()


def test_answers_that_were_changed_after_grounding_stop_the_training(folder):
    with Workspace(folder) as workspace:
        workspace.connection.begin()
        workspace.connection.execute(
            "UPDATE real_answers SET option = 8 WHERE question = 'tea' AND option = 1"
        )
        found = training_audit.audit(workspace, folder / "train.yaml")
        workspace.connection.rollback()
    assert [f.check for f in found.audit.blocking] == ["labels-in-range"]
