"""Training by gradients from train.yaml on: episodes, joint, voice, a kill, two processes, refusals."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tuned_study
from own_study import ADAPTER_STUDY, ROOT, change, done, environment, mirrorpanel, rows
from tiny_model import FLOAT32
from tuned_program import blending, growing, keeping
from tuned_study import EPISODES, JOINT, VOICE

from mirrorpanel import lineup
from mirrorpanel.lineup import Machine
from mirrorpanel.records import AdapterRecord
from mirrorpanel.store import Workspace
from personas.models.factored import load_config
from personas.models.language import LanguageModel
from personas.models.offset import OffsetModel
from training.gradients import checkpoint, factored, joint_lora, task

torch: Any = pytest.importorskip("torch")

CPU = ("--device", "cpu", "--dtype", "float32", "--force")
PROGRAM = Path(__file__).parent / "tuned_program.py"
Study = tuple[Path, Path]


@pytest.fixture(scope="module")
def grounded(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path) -> Study:
    """A grounded workspace without training file, and the tiny model."""
    folder = tmp_path_factory.mktemp("tuned") / "own"
    tuned_study.study(folder, tiny_folder)
    return folder, tiny_folder


def training_file(study: Study, name: str, *parts: str) -> Path:
    """A training file of these parts for an adapter of its own."""
    folder, model = study
    text = tuned_study.TRAIN.format(model=model).replace("adapter: tastes", f"adapter: {name}")
    file = folder / f"{name}.yaml"
    file.write_text(text + "".join(parts), encoding="utf-8")
    return file


def trained(study: Study, file: Path) -> tuple[str, AdapterRecord, str]:
    """Identifier and record of the adapter of a file, and what was said on the way."""
    outcome = done("train", file, "-w", study[0], *CPU)
    with Workspace(study[0]) as workspace:
        name = workspace.value("SELECT adapter FROM adapters WHERE name = ?", [file.stem])
        return name, workspace.record("adapters", "adapter", name, AdapterRecord), outcome.err


def test_an_encoder_that_does_not_beat_the_frozen_one_is_not_kept(grounded: Study) -> None:
    file = training_file(
        grounded, "left", EPISODES.format(episodes=4).replace("rate: 0.003", "rate: 0.0000001")
    )
    adapter, record, said = trained(grounded, file)
    assert record.lora is not None
    assert not record.lora.kept
    assert record.kind == "factored"
    assert "LoRA did not beat the statistics and is not kept" in said
    assert "the training needs about" in said
    assert "episode 4 of 4, loss" in said
    assert not (grounded[0] / record.folder / "lora").exists()
    assert load_config(grounded[0] / record.folder).lora == ""
    assert not list((grounded[0] / "adapters").glob(".*.checkpoints"))
    assert adapter.startswith("left-")


def test_an_encoder_that_is_kept_is_what_new_questions_are_read_with(
    grounded: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(factored, "compare", keeping)
    monkeypatch.setattr(factored.Episodes, "score", growing)
    folder, model = grounded
    adapter, record, _ = trained(grounded, training_file(grounded, "kept", EPISODES.format(episodes=4)))
    assert record.lora is not None
    assert record.lora.kept
    assert record.lora.forgetting is not None
    home = folder / "adapters" / adapter
    assert {p.name for p in (home / "lora").glob("*.json")} >= {"adapter_config.json"}
    config = load_config(home)
    assert config.lora == "lora"
    plain = LanguageModel.load(model, FLOAT32)
    assert config.base_weights == LanguageModel.load(model, FLOAT32, home / "lora").weights != plain.weights
    with Workspace(folder) as workspace:
        loaded = lineup.adapter_model(workspace, record, Machine("cpu", "float32"))
        question = config.questions[0].model_copy(update={"text": "Do you like milk?", "name": "milk"})
        assert np.isfinite(loaded.head_for([question]).log_prior).all()


def test_a_joint_model_that_is_kept_answers_a_study_over_the_shares(
    grounded: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(joint_lora, "_verdict", keeping)
    monkeypatch.setattr(joint_lora, "_blend", blending)
    folder, _ = grounded
    adapter, record, said = trained(grounded, training_file(grounded, "both", JOINT.format(episodes=2)))
    assert record.kind == "joint"
    assert "LoRA is kept" in said
    assert (folder / "adapters" / adapter / "joint" / "adapter_model.safetensors").is_file()
    study = folder / "both_study.yaml"
    study.write_text(
        ADAPTER_STUDY.replace("adapter: tastes", "adapter: both")
        .replace("study: tastes", "study: both")
        .replace("questions: all", "questions: [tea, trains]")
    )
    done("field", study, "-w", folder, *CPU[:-1])
    done("validate", "both", "-w", folder, "--untuned-seconds", 0, *CPU[:-1])
    with Workspace(folder) as workspace:
        spec = lineup.StudySpec.model_validate({"study": "both", "panel": "own", "adapter": "both"})
        answering = lineup.answering(workspace, spec, Machine("cpu", "float32"))
    assert isinstance(answering.model, OffsetModel)
    assert answering.model.blend == 0.5
    assert answering.statistics is not None
    assert "cpu" in answering.processor()


def test_a_voice_is_kept_with_what_it_gained_and_what_it_gives_away(grounded: Study) -> None:
    adapter, record, said = trained(grounded, training_file(grounded, "spoken", VOICE))
    voice = record.voice
    assert voice is not None
    assert voice.kept
    assert voice.writing.perplexity_tuned < voice.writing.perplexity_base
    assert voice.memorisation.exposures is not None
    assert len(voice.memorisation.exposures.bits) == 2
    assert voice.forgetting.tokens > 1000
    assert 0 < voice.people < 40
    home = grounded[0] / "adapters" / adapter / "voice"
    assert sorted(p.name for p in home.iterdir()) == ["adapter_config.json", "adapter_model.safetensors"]
    assert "Perplexity on" in said


def arguments(file: Path, folder: Path) -> list[str]:
    return [sys.executable, str(PROGRAM), "train", str(file), "-w", str(folder), *CPU]


def run_in_process_of_its_own(command: list[str]) -> None:
    ended = subprocess.run(command, env=alone(), capture_output=True, text=True, timeout=300, check=False)
    assert ended.returncode == 0, ended.stderr[-3000:]


def alone() -> dict[str, str]:
    here = [str(ROOT), str(Path(__file__).parent)]
    return environment(OMP_NUM_THREADS="1", CUDA_VISIBLE_DEVICES="", PYTHONPATH=os.pathsep.join(here))


def test_a_training_that_was_killed_ends_as_one_that_was_not(grounded: Study) -> None:
    folder = grounded[0]
    file = training_file(grounded, "killed", EPISODES.format(episodes=12))
    run_in_process_of_its_own(arguments(file, folder))
    (kept,) = (folder / "adapters").glob(".killed-*.checkpoints")
    whole = kept.rename(folder / "whole")
    first = adapter_bytes(folder)
    with Workspace(folder) as workspace, workspace.transaction("train", "forgotten"):
        workspace.connection.execute("DELETE FROM adapters WHERE name = 'killed'")
    with subprocess.Popen(arguments(file, folder), env=alone(), stderr=subprocess.DEVNULL) as cut:
        try:
            state = wait_for(kept / "lora" / "steps", 3)
        finally:
            cut.send_signal(signal.SIGKILL)
    assert cut.returncode == -signal.SIGKILL
    assert 3 <= state.episode < 12
    run_in_process_of_its_own(arguments(file, folder))
    ends = [checkpoint.read(place / "lora" / "steps") for place in (whole, kept)]
    assert ends[0] is not None
    assert ends[1] is not None
    assert ends[0][0].losses == ends[1][0].losses
    assert ends[0][0].scores == ends[1][0].scores
    assert all(torch.equal(tensor, ends[1][1][name]) for name, tensor in ends[0][1].items())
    assert adapter_bytes(folder) == first
    shutil.rmtree(kept)


def adapter_bytes(folder: Path) -> bytes:
    (found,) = (folder / "adapters").glob("killed-*/lora/adapter_model.safetensors")
    return found.read_bytes()


def wait_for(folder: Path, episode: int) -> checkpoint.RunState:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline:
        found = checkpoint.read(folder)
        if found is not None and found[0].episode >= episode:
            return found[0]
        time.sleep(0.01)
    raise AssertionError(f"no checkpoint of episode {episode}")


def in_two(study: Study, file: Path) -> subprocess.CompletedProcess[str]:
    """A training shared out by torchrun."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-port"]
    command += [str(port), "-m", "mirrorpanel", "train", str(file), "-w", str(study[0]), *CPU]
    return subprocess.run(command, env=alone(), capture_output=True, text=True, timeout=300, check=False)


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("several", JOINT.format(episodes=2)),
        ("divided", EPISODES.format(episodes=2).replace("held_out: 1,", "held_out: 1, parts: 2,")),
    ],
)
def test_two_processes_make_one_adapter(grounded: Study, name: str, part: str) -> None:
    ended = in_two(grounded, training_file(grounded, name, part))
    assert ended.returncode == 0, ended.stderr[-3000:]
    assert ended.stdout.count(f"Adapter {name}-") == 1
    assert rows(grounded[0], f"SELECT count(*) FROM adapters WHERE name = '{name}'") == [(1,)]


def test_processes_that_cannot_share_the_episodes_of_a_step_are_told_what_to_write(grounded: Study) -> None:
    ended = in_two(grounded, training_file(grounded, "uneven", EPISODES.format(episodes=2)))
    assert ended.returncode != 0
    assert "lora.factored.parts is 1, which 2 processes cannot share evenly; set it to 2" in ended.stderr


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("lora: {layers: [0, 7]}\n", r"layers: 0 to 7 cannot be trained; the model has layers 0 to 2"),
        ("lora: {layers: [2, 1]}\n", r"the last between the first and"),
        ("lora: {objective: joint, layers: [0, 3]}\n", r"the model has layers 0 to 2"),
        ("lora: {objective: joint, held_out: 0.01}\n", r"10 are needed: raise held_out"),
        ("lora: {factored: {validation: 0}}\n", r"factored.validation must be above 0"),
        (VOICE.replace("answer: said", "answer: told"), r"told"),
        (VOICE.replace("said.csv", "nothing.csv"), r"nothing.csv"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_anything_is_fitted(
    grounded: Study, part: str, message: str
) -> None:
    outcome = mirrorpanel("train", training_file(grounded, "bad", part), "-w", grounded[0], *CPU)
    assert outcome.code == 1
    assert re.search(message, outcome.err), outcome.err
    assert "bad.yaml:" in outcome.err
    assert "choosing the ridge" not in outcome.err


def test_too_few_batteries_are_refused_with_what_to_write(grounded: Study) -> None:
    file = training_file(grounded, "few", "lora: {}\n")
    change(file, ", by: question", "")
    outcome = mirrorpanel("train", file, "-w", grounded[0], *CPU)
    assert outcome.code == 1
    assert "at least 5 batteries" in outcome.err
    assert "write `by: question`" in outcome.err


def test_a_training_that_would_not_fit_is_refused_with_what_would(
    grounded: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(task, "free_bytes", lambda device: 2**29)
    outcome = mirrorpanel(
        "train", training_file(grounded, "large", JOINT.format(episodes=2)), "-w", grounded[0], *CPU
    )
    assert outcome.code == 1
    assert "This training needs about" in outcome.err
    assert not rows(grounded[0], "SELECT 1 FROM adapters WHERE name = 'large'")
