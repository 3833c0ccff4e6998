"""Gates, ladder and comparison speak of the model that answers studies: the joint one where it is kept."""

from pathlib import Path

import pytest
import tuned_study
from own_study import done
from tuned_program import blending, keeping
from tuned_study import JOINT

from mirrorpanel import lineup
from mirrorpanel.lineup import Machine
from mirrorpanel.records import AdapterRecord
from mirrorpanel.store import Workspace
from mirrorpanel.verbs import grounding, rechecking
from personas.answer import Answers
from personas.models.base import AnswerModel
from personas.models.offset import OffsetModel
from personas.panel import Panel
from training.gradients import joint_lora
from training.maintenance import slopes
from training.maintenance.recheck import RecheckSettings
from training.maintenance.slopes import Slope
from training.registry.registry import Registration

pytest.importorskip("torch")

CPU = ("--device", "cpu", "--dtype", "float32", "--force")
LADDER = "ladder: {rungs: [uniform, item_share], seconds: 0.1, people: 12, questions: 2, replicates: 50}\n"
KEPT = "What is judged is the joint model over the item shares, as it answers studies."
LEFT = "The joint model was not kept: what is judged are the statistics, which answer studies."


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path) -> tuple[Path, dict[str, str]]:
    """A workspace with a joint adapter that is kept and one that is not, and what was said of each."""
    folder = tmp_path_factory.mktemp("judged") / "own"
    text = tuned_study.study(folder, tiny_folder).read_text(encoding="utf-8")
    said: dict[str, str] = {}
    with pytest.MonkeyPatch.context() as patch:
        for name in ("left", "kept"):
            if name == "kept":
                patch.setattr(joint_lora, "_verdict", keeping)
                patch.setattr(joint_lora, "_blend", blending)
            parts = text.replace("adapter: tastes", f"adapter: {name}"), JOINT.format(episodes=2), LADDER
            (folder / f"{name}.yaml").write_text("".join(parts), encoding="utf-8")
            said[name] = done("train", folder / f"{name}.yaml", "-w", folder, *CPU).err
    return folder, said


def known(folder: Path, name: str) -> tuple[AdapterRecord, Registration]:
    with Workspace(folder) as workspace:
        adapter = workspace.value("SELECT adapter FROM adapters WHERE name = ?", [name])
        record = workspace.record("adapters", "adapter", adapter, AdapterRecord)
        text = workspace.value("SELECT registration FROM adapters WHERE name = ?", [name])
    return record, Registration.model_validate_json(text)


def test_gates_and_figures_are_those_of_a_sample_for_the_joint_model(
    trained: tuple[Path, dict[str, str]],
) -> None:
    folder, said = trained
    record, registration = known(folder, "kept")
    gates, figures = registration.gates, registration.of("unseen_people")
    assert record.kind == "joint"
    assert gates is not None
    assert figures is not None
    assert gates.of == KEPT
    assert KEPT in said["kept"]
    everybody = record.split.people_held_out
    sample = f"Measured on 10 of {everybody} people held out and 3 of 5 questions, drawn at random."
    assert sample in said["kept"]
    assert (gates.people, gates.questions) == (10, 3) == (figures.measured.people, figures.measured.questions)
    # The figures are those of the model as it is fielded, on the same answers as the gates.
    with Workspace(folder) as workspace:
        model, statistics = lineup.fielded(workspace, record, Machine("cpu", "float32"))
    assert isinstance(model, OffsetModel)
    assert figures.measured.answers == gates.answers
    assert model.name == figures.measured.title
    assert statistics.name != model.name
    card = (folder / record.folder / "README.md").read_text(encoding="utf-8")
    assert KEPT in card


def test_where_it_is_not_kept_the_statistics_are_judged_and_that_is_said(
    trained: tuple[Path, dict[str, str]],
) -> None:
    folder, said = trained
    record, registration = known(folder, "left")
    gates, figures = registration.gates, registration.of("unseen_people")
    assert record.kind == "factored"
    assert gates is not None
    assert figures is not None
    assert (gates.of, gates.people) == (LEFT, record.split.people_held_out)
    assert LEFT in said["left"]
    assert figures.measured.people == record.split.people_held_out


def test_the_ladder_has_the_joint_model_and_the_statistics_below_it(
    trained: tuple[Path, dict[str, str]],
) -> None:
    folder, _ = trained
    for name, sentence in (("kept", KEPT), ("left", LEFT)):
        found = done("train", folder / f"{name}.yaml", "-w", folder, "--ladder", "--json", *CPU).json[
            "ladder"
        ]
        rungs = {rung["rung"]: rung for rung in found["parts"][0]["rungs"]}
        assert sentence in found["verdict"]
        assert "persona_model" in rungs
        assert ("statistics_below" in rungs) == (name == "kept")
        if name == "kept":
            everybody = known(folder, name)[0].split.people_held_out
            assert 12 <= rungs["persona_model"]["people"] < everybody
            assert rungs["persona_model"]["questions"] <= 3
            assert rungs["statistics_below"]["people"] == everybody


def test_a_comparison_is_made_on_a_sample_and_says_whom_it_speaks_of(
    trained: tuple[Path, dict[str, str]],
) -> None:
    folder, _ = trained
    found = done("train", "--compare", "left", "kept", "-w", folder, "--json", *CPU[:-1]).json
    part = found["parts"][0]
    assert (part["first"]["people"], part["second"]["people"]) == (10, 10)
    assert part["second"]["questions"] == 3
    assert [line.partition(": ")[2] for line in found["verdict"][-2:]] == [LEFT, KEPT]
    assert part["first"]["log_loss"] != part["second"]["log_loss"]


def test_a_recheck_looks_at_the_joint_model_on_a_sample(
    trained: tuple[Path, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, _ = trained
    asked: list[tuple[bool, int, int]] = []

    def listening(model: AnswerModel, people: Panel, answers: Answers) -> Slope | None:
        asked.append((isinstance(model, OffsetModel), len(people), len(answers.questions)))
        return slope(model, people, answers)

    slope = slopes.slope
    monkeypatch.setattr(slopes, "slope", listening)
    ground = (folder / "grounding.yaml").read_text(encoding="utf-8")
    (folder / "wave.yaml").write_text(ground.replace("panel: own", "panel: own-2027"), encoding="utf-8")
    settings = RecheckSettings(draws=199, fewest=10)
    with Workspace(folder) as workspace:
        panel = grounding.ground(workspace, folder / "wave.yaml", folder / "cache", print).panel
        kept, left = (
            rechecking.rechecked(
                workspace, name, panel, folder / "cache", Machine("cpu", "float32"), print, settings=settings
            ).found
            for name in ("kept", "left")
        )
    assert asked[:2] == [(True, 10, 3)] * 2
    assert [joint for joint, _, _ in asked[2:]] == [False, False]
    assert all(people > 10 and questions == 5 for _, people, questions in asked[2:])
    assert (kept.of, left.of) == (KEPT, LEFT)
    assert [found.reasons[1].endswith(found.of) for found in (kept, left)] == [True, True]
    assert all(q.change.value == 0 for q in kept.questions)
