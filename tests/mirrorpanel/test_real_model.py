import json
import subprocess
from pathlib import Path

import pytest
from own_study import PROGRAM, ROOT, environment

from mirrorpanel.verbs import demonstration
from personas.models import catalogue
from personas.models.wheel import cache_folder

MODEL = demonstration.MODEL
KEYS = {
    "answers",
    "seconds",
    "answers_per_second",
    "agreement",
    "ceiling",
    "baselines",
    "baselines_unseen_both",
    "design_effect",
    "effective_base",
    "report",
    "model",
    "synthetic",
}


@pytest.fixture(scope="module", autouse=True)
def weights():
    if not catalogue.converted(MODEL, cache_folder()).is_dir():
        pytest.skip(f"{MODEL} is not in {cache_folder()}; `mirrorpanel models pull {MODEL}` fetches it")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo as a user runs it, with the untuned baseline on the fewest persons."""
    missing = [name for name in demonstration.DATA if not (cache_folder() / "data" / name).is_dir()]
    if missing:
        pytest.skip(f"{missing[0]} is not in {cache_folder()}; `mirrorpanel data pull` fetches it")
    out = tmp_path_factory.mktemp("demo") / "out"
    ended = subprocess.run(
        [*PROGRAM, "demo", "--out", str(out), "--untuned-seconds", "1", "--json"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env=environment(),
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended


def test_the_demo_ends_with_one_json_object(demo):
    said = json.loads(demo.stdout.splitlines()[-1])
    assert said.keys() >= KEYS
    assert said["answers"] >= 10_000
    assert said["answers_per_second"] == pytest.approx(said["answers"] / said["seconds"])
    assert said["synthetic"] is True
    assert Path(said["report"]).is_file()
    assert 1 <= said["design_effect"] < 3
    assert 1000 < said["effective_base"] <= 2348


def test_the_demo_agrees_with_people_it_never_saw(demo):
    said = json.loads(demo.stdout.splitlines()[-1])
    seen = {"uniform", "item_share", "empty_persona", "shuffled_persona", "untuned"}
    assert set(said["baselines"]) == seen
    assert set(said["baselines_unseen_both"]) == seen - {"item_share"}
    assert set(said["agreement"]) == set(said["ceiling"]) == {"unseen_people", "unseen_both"}
    assert said["agreement"]["unseen_people"] >= 0.93
    assert said["agreement"]["unseen_people"] > said["baselines"]["uniform"]
    assert said["agreement"]["unseen_people"] > said["baselines"]["untuned"]
    assert said["agreement"]["unseen_both"] > said["baselines_unseen_both"]["uniform"]


def test_the_demo_prints_every_verb_and_warns_of_nothing(demo):
    for verb in ("init", "models pull", "ground", "train", "field", "validate", "report"):
        assert f"$ mirrorpanel {verb} " in demo.stderr
    assert "Warning" not in demo.stderr
    assert "Weighting: design effect" in demo.stderr


def test_the_files_of_the_demo_are_those_of_the_examples(demo):
    report = Path(json.loads(demo.stdout.splitlines()[-1])["report"])
    for name in demonstration.FILES:
        example = ROOT / "examples" / "spending" / name
        assert (report.parents[2] / name).read_bytes() == example.read_bytes()
