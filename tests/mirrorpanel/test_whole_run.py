import csv
import json
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as parquet
import pytest
from own_study import (
    ADAPTER_STUDY,
    GROUND,
    PEOPLE,
    PERSONS,
    PROGRAM,
    QUESTIONS,
    ROOT,
    STUDY,
    TRAIN,
    Outcome,
    answer_rows,
    change,
    contents,
    done,
    environment,
    grounded_study,
    mirrorpanel,
    rows,
    write_study,
)
from safetensors import SafetensorError

from grounding.splits import Split
from mirrorpanel import panels, runs
from mirrorpanel.records import AdapterRecord, AgreementRecord, RunRecord
from mirrorpanel.store import Workspace
from personas.answer import NO_ANSWER, shares
from personas.models.factored import FactoredModel


def process(folder: Path, *arguments: object) -> Outcome:
    """Runs the program in a process of its own and insists that it is content and warns of nothing."""
    ended = subprocess.run(
        [*PROGRAM, *map(str, arguments), "-w", str(folder)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(OMP_NUM_THREADS="1"),
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert "Warning" not in ended.stderr
    return Outcome(ended.returncode, ended.stdout, ended.stderr)


def only_json(outcome: Outcome) -> dict[str, Any]:
    """The object that is all of standard output."""
    assert outcome.out.count("\n") == 1
    return outcome.json


class Study:
    """A whole study that was run, verb by verb, with what each verb said."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: dict[str, dict[str, Any]] = {}

    @property
    def report(self) -> Path:
        return Path(self.said["report"]["report"])

    @property
    def twin(self) -> dict[str, Any]:
        return json.loads((self.report.parent / "report.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def scripted(tmp_path_factory):
    """The study on the scripted model."""
    study = Study(write_study(tmp_path_factory.mktemp("scripted") / "own"))
    folder = study.folder
    study.said["ground"] = only_json(done("ground", folder / "grounding.yaml", "-w", folder, "--json"))
    study.said["field"] = only_json(done("field", folder / "study.yaml", "-w", folder, "--json"))
    study.said["validate"] = only_json(done("validate", "tastes", "-w", folder, "--json"))
    study.said["report"] = only_json(done("report", "tastes", "-w", folder, "--json"))
    return study


@pytest.fixture(scope="module")
def trained(tmp_path_factory, tiny_folder):
    """The study on a persona model trained with a tiny language model, the heavy verbs in processes."""
    study = Study(grounded_study(tmp_path_factory.mktemp("trained") / "own"))
    folder = study.folder
    (folder / "train.yaml").write_text(TRAIN.replace("smollm2-135m", str(tiny_folder)))
    (folder / "study.yaml").write_text(ADAPTER_STUDY)
    machine = ("--device", "cpu", "--dtype", "float32", "--json")
    study.said["train"] = only_json(process(folder, "train", folder / "train.yaml", *machine))
    study.said["field"] = only_json(done("field", folder / "study.yaml", "-w", folder, *machine))
    study.said["validate"] = only_json(
        process(folder, "validate", "tastes", "--untuned-seconds", 1, *machine)
    )
    study.said["report"] = only_json(done("report", "tastes", "-w", folder, "--json"))
    return study


@pytest.fixture(params=["scripted", "trained"])
def study(request):
    return request.getfixturevalue(request.param)


def fielded(study: Study):
    """Record, persons, questions, distributions and draws of the study's run."""
    with Workspace(study.folder) as workspace:
        run = study.said["field"]["run"]
        record = workspace.record("runs", "run", run, RunRecord)
        panel = workspace.value("SELECT panel FROM runs WHERE run = ?", [run])
        persons = panels.persons(workspace, panel)
        people, real = panels.people(workspace, panel)
        distributions, drawn = runs.answers(workspace, run, persons.ids, record.questions)
    return record, persons, people, real, distributions, drawn


def test_grounding_meets_the_margins_and_says_so(scripted):
    said = scripted.said["ground"]
    assert (said["people"], said["persons"], said["fresh"]) == (PEOPLE, PERSONS, True)
    assert said["provenance"] == dict.fromkeys(("age_group", "sex", "place"), "observed")
    assert said["largest_margin_error"] < 1e-6
    weights = np.array([w for (w,) in rows(scripted.folder, "SELECT weight FROM people")])
    assert said["design_effect"] == pytest.approx(PEOPLE * (weights**2).sum() / weights.sum() ** 2)
    assert said["effective_base"] == pytest.approx(PEOPLE / said["design_effect"])
    assert rows(scripted.folder, "SELECT count(*) FROM persons") == [(PERSONS,)]


def test_every_person_answers_every_question_once(study):
    said = study.said["field"]
    assert said["answers"] == PERSONS * len(QUESTIONS)
    assert said["resumed"] == 0
    assert said["synthetic"] is True
    assert said["answers_per_second"] == pytest.approx(said["answers"] / said["seconds"])
    found = answer_rows(study.folder)
    assert len(found) == len({row[:2] for row in found}) == said["answers"]
    _, _, _, _, distributions, drawn = fielded(study)
    for j, given in enumerate(distributions):
        assert given.min() >= 0
        assert given.sum(axis=1) == pytest.approx(1)
        assert drawn[:, j].min() >= 0
        assert drawn[:, j].max() < given.shape[1]


def test_the_report_shows_what_the_store_holds(study):
    twin = study.twin
    record, persons, _, _, distributions, drawn = fielded(study)
    assert twin["synthetic"] is True
    assert (twin["answers"], twin["persons"]) == (PERSONS * len(QUESTIONS), PERSONS)
    assert twin["seconds"] == rows(study.folder, "SELECT seconds FROM runs")[0][0]
    assert twin["answers_per_second"] == pytest.approx(twin["answers"] / twin["seconds"])
    place = {q.name: j for j, q in enumerate(record.questions)}
    assert {q["name"] for q in twin["agreement"]["questions"]} == set(QUESTIONS)
    for question in twin["agreement"]["questions"]:
        j = place[question["name"]]
        assert question["simulated"] == pytest.approx(distributions[j].mean(axis=0))
        counts = np.bincount(drawn[:, j], minlength=len(question["options"])) / len(persons)
        assert question["drawn"] == pytest.approx(counts)


def test_agreement_is_recomputed_from_the_store(study):
    _, _, people, real, distributions, _ = fielded(study)
    with Workspace(study.folder) as workspace:
        record = workspace.record("agreements", "run", study.said["field"]["run"], AgreementRecord)
        held = np.ones(len(people), dtype=bool)
        if "train" in study.said:
            adapter = workspace.record("adapters", "adapter", study.said["train"]["adapter"], AdapterRecord)
            kept = adapter.split
            held = Split(kept.seed, kept.people, kept.questions).held_out(people.ids)
            assert int(held.sum()) == study.said["train"]["people_held_out"]
    for question in record.result.questions:
        j = [q.name for q in real.questions].index(question.name)
        chosen = real.chosen[held, j]
        assert question.people == int((chosen != NO_ANSWER).sum())
        observed = shares(chosen, len(question.options), people.weights[held])
        assert question.real == pytest.approx(observed)
        simulated = distributions[j].mean(axis=0)
        assert question.agreement.value == pytest.approx(1 - 0.5 * np.abs(observed - simulated).sum())
        uniform = np.full(len(observed), 1 / len(observed))
        assert question.baselines["uniform"] == pytest.approx(1 - 0.5 * np.abs(observed - uniform).sum())
    for status in record.result.statuses:
        values = [q.agreement.value for q in record.result.questions if q.status == status.status]
        assert status.agreement.value == pytest.approx(np.mean(values))
        assert study.said["validate"]["agreement"][status.status] == status.agreement.value
    assert study.twin["agreement"] == json.loads(record.result.model_dump_json())


def test_answers_are_exported_as_they_are_stored(study):
    record, persons, _, _, _, drawn = fielded(study)
    with (study.report.parent / "answers.csv").open(encoding="utf-8", newline="") as file:
        flat = list(csv.DictReader(file))
    table = parquet.read_table(study.report.parent / "answers.parquet").to_pylist()
    assert len(flat) == len(table) == len(persons) * len(record.questions)
    person = {name: i for i, name in enumerate(persons.ids)}
    question = {q.name: j for j, q in enumerate(record.questions)}
    for line, row in zip(flat, table, strict=True):
        i, j = person[row["person"]], question[row["question"]]
        assert (line["person"], line["question"]) == (row["person"], row["question"])
        assert row["synthetic"] is True
        assert line["synthetic"] == "true"
        assert row["option"] == drawn[i, j] == int(line["option"])
        assert row["answer"] == record.questions[j].options[drawn[i, j]] == line["answer"]
    # Nothing that leads to attributes or people: neither pseudonyms nor the distributions behind the draws.
    assert list(flat[0]) == ["synthetic", "run", "person", "weight", "question", "option", "answer"]
    assert list(table[0]) == list(flat[0])


def test_the_page_opens_offline_and_is_marked_as_synthetic(study):
    page = study.report.read_text(encoding="utf-8")
    assert page.lower().startswith("<!doctype html>")
    assert "ynthetic" in page[: len(page) // 4]
    for question in study.twin["agreement"]["questions"]:
        assert question["text"] in page
    for outside in ('src="http', "src='http", "@import", "<link"):
        assert outside not in page


def test_the_scripted_model_agrees_as_the_uniform_guess_does(scripted):
    said = scripted.said["validate"]
    assert said["agreement"] == {"unseen_both": said["baselines_unseen_both"]["uniform"]}
    assert said["baselines"] == {}
    assert said["beats_best_baseline"] == {"unseen_both": False}


def test_a_trained_model_stands_beside_all_its_baselines(trained):
    said = trained.said["validate"]
    every = {"uniform", "item_share", "empty_persona", "shuffled_persona", "untuned"}
    assert set(said["baselines"]) == every
    assert set(said["baselines_unseen_both"]) == every - {"item_share"}
    assert set(said["agreement"]) == set(said["ceiling"]) == {"unseen_people", "unseen_both"}
    assert said["agreement"]["unseen_people"] > 0.9
    assert said["agreement"]["unseen_people"] > said["baselines"]["uniform"]
    for agreement in (*said["agreement"].values(), *said["ceiling"].values(), *said["baselines"].values()):
        assert 0 <= agreement <= 1


def test_training_saw_nobody_and_nothing_that_was_held_out(trained):
    said = trained.said["train"]
    assert said["people_trained"] + said["people_held_out"] == PEOPLE
    assert said["questions_held_out"] == ["museums"]
    config = json.loads((trained.folder / said["folder"] / "config.json").read_text(encoding="utf-8"))
    assert [q["name"] for q in config["questions"]] == [n for n in QUESTIONS if n != "museums"]
    statuses = {q["name"]: q["status"] for q in trained.twin["agreement"]["questions"]}
    assert statuses == {n: "unseen_people" for n in QUESTIONS} | {"museums": "unseen_both"}
    assert (trained.folder / said["folder"] / "README.md").is_file()


def test_the_same_verbs_again_change_nothing(study):
    folder = study.folder
    before = contents(folder)
    again = done("ground", folder / "grounding.yaml", "-w", folder, "--json").json
    assert again["fresh"] is False
    if "train" in study.said:
        options = ("--device", "cpu", "--dtype", "float32", "--json")
        again = done("train", folder / "train.yaml", "-w", folder, *options).json
        assert again["fresh"] is False
        assert again["adapter"] == study.said["train"]["adapter"]
    again = done("field", folder / "study.yaml", "-w", folder, "--json").json
    assert again["run"] == study.said["field"]["run"]
    assert again["answers"] == again["resumed"] == PERSONS * len(QUESTIONS)
    again = done("validate", "tastes", "-w", folder, "--untuned-seconds", 0, "--json").json
    assert again["agreement"] == study.said["validate"]["agreement"]
    after = contents(folder)
    for table in before:
        if table not in {"panels", "adapters", "runs", "agreements"}:
            assert after[table] == before[table]
        assert len(after[table]) == len(before[table])


def test_a_newer_adapter_of_the_same_name_does_not_judge_an_older_run(tmp_path, tiny_folder):
    folder = grounded_study(tmp_path / "own")
    (folder / "train.yaml").write_text(TRAIN.replace("smollm2-135m", str(tiny_folder)))
    (folder / "study.yaml").write_text(ADAPTER_STUDY)
    machine = ("-w", folder, "--device", "cpu", "--dtype", "float32", "--json")
    first = done("train", folder / "train.yaml", *machine).json
    run = done("field", folder / "study.yaml", *machine).json["run"]
    change(folder / "train.yaml", "questions: [museums], seed: 4", "questions: [tea], seed: 9")
    second = done("train", folder / "train.yaml", *machine).json
    assert second["adapter"] != first["adapter"]
    done("validate", run, "--untuned-seconds", 0, *machine)
    with Workspace(folder) as workspace:
        record = workspace.record("agreements", "run", run, AgreementRecord)
    assert {q.name for q in record.result.questions if q.status == "unseen_both"} == {"museums"}
    assert record.result.people == first["people_held_out"]
    assert done("field", folder / "study.yaml", *machine).json["run"] != run


def test_a_disk_that_fills_in_training_leaves_no_adapter(tmp_path, tiny_folder, monkeypatch):
    folder = grounded_study(tmp_path / "own")
    (folder / "train.yaml").write_text(TRAIN.replace("smollm2-135m", str(tiny_folder)))
    arguments = ("train", folder / "train.yaml", "-w", folder, "--device", "cpu", "--dtype", "float32")

    def save_half(_: FactoredModel, target: Path) -> None:
        target.mkdir(parents=True)
        (target / "model.safetensors").write_bytes(b"half")
        raise SafetensorError("I/O error: No space left on device")

    with monkeypatch.context() as changed:
        changed.setattr(FactoredModel, "save", save_half)
        refused = mirrorpanel(*arguments)
    assert refused.code == 1
    assert "could not be written (I/O error: No space left on device; " in refused.err
    assert list((folder / "adapters").iterdir()) == []
    assert rows(folder, "SELECT count(*) FROM adapters") == [(0,)]
    assert "Adapter tastes-" in done(*arguments).out


def test_segments_may_be_changed_after_fielding(tmp_path):
    folder = grounded_study(tmp_path / "own")
    done("field", folder / "study.yaml", "-w", folder)
    for given, expected in (("[place]", {"place"}), ("[]", set()), ("null", {"age_group", "sex", "place"})):
        (folder / "study.yaml").write_text(STUDY.replace("[age_group, sex]", given))
        assert done("field", folder / "study.yaml", "-w", folder, "--json").json["resumed"] == 600
        done("validate", "tastes", "-w", folder)
        with Workspace(folder) as workspace:
            run = workspace.latest("runs", "run", "tastes")
            record = workspace.record("agreements", "run", run, AgreementRecord)
        assert {s.attribute for s in record.result.segments} == expected


def test_a_survey_without_margins_is_reported_too(tmp_path):
    folder = write_study(tmp_path / "own")
    (folder / "grounding.yaml").write_text(GROUND.partition("margins:")[0])
    assert "no margins" in done("ground", folder / "grounding.yaml", "-w", folder).out
    done("field", folder / "study.yaml", "-w", folder)
    table = done("validate", "tastes", "-w", folder).out
    assert "Agreement on people and questions never trained on (5 questions, 480 people)" in table
    page = Path(done("report", "tastes", "-w", folder).out.splitlines()[-1]).read_text(encoding="utf-8")
    assert "no official margins were given" in page


def test_progress_goes_to_standard_error_and_results_to_standard_output(scripted):
    folder = scripted.folder
    outcome = done("ground", folder / "grounding.yaml", "-w", folder)
    assert outcome.out.splitlines()[0].startswith("Panel own-")
    assert outcome.out.splitlines()[-1].startswith("Page: ")
    assert "drawn: " in outcome.err
    outcome = done("field", folder / "study.yaml", "-w", folder)
    assert outcome.out.startswith("Run tastes-")
    assert "answers" in outcome.err
    assert done("report", "tastes", "-w", folder).out == f"{scripted.report}\n"


def test_an_adapter_is_judged_on_a_panel_of_people_none_of_whom_it_was_trained_on(
    tmp_path: Path, tiny_folder: Path
) -> None:
    folder = grounded_study(tmp_path / "own")
    (folder / "train.yaml").write_text(TRAIN.replace("smollm2-135m", str(tiny_folder)))
    done("train", folder / "train.yaml", "-w", folder, "--force")
    (folder / "others.csv").write_text((folder / "people.csv").read_text())
    (folder / "others.yaml").write_text(
        GROUND.replace("people.csv", "others.csv").replace(": own\n", ": others\n", 1)
    )
    (folder / "asked.yaml").write_text(ADAPTER_STUDY.replace("panel: own", "panel: others"))
    done("ground", folder / "others.yaml", "-w", folder)
    done("field", folder / "asked.yaml", "-w", folder)
    outcome = done("validate", "tastes", "-w", folder, "--untuned-seconds", "0")
    assert f"on people never trained on (4 questions, {PEOPLE} people)" in outcome.out
    assert "item share (no persona)" in outcome.out
