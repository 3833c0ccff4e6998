import json

import pytest
from own_study import TRAIN, done, mirrorpanel, write_study

from mirrorpanel import lineup

LADDER = "ladder: {rungs: [uniform, item_share, cells, logit, plain_prompt], seconds: 1, questions: 2}\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory, tiny_folder):
    """The own study, grounded, with a training file for the tiny model."""
    made = write_study(tmp_path_factory.mktemp("flags") / "own")
    done("ground", made / "grounding.yaml", "-w", made)
    (made / "train.yaml").write_text(TRAIN.replace("smollm2-135m", str(tiny_folder)) + LADDER)
    return made


@pytest.fixture(scope="module")
def trained(folder):
    """What training said, with the ladder."""
    return done("train", folder / "train.yaml", "-w", folder, "--dtype", "float32", "--ladder", "--json").json


def test_the_audit_alone_trains_nothing(folder):
    before = done("models", "list", "-w", folder, "--json").json
    found = done("train", folder / "train.yaml", "-w", folder, "--audit", "--json").json
    assert found["passed"]
    assert found["page"].endswith("audit.html")
    assert done("models", "list", "-w", folder, "--json").json == before
    told = done("train", folder / "train.yaml", "-w", folder, "--audit").out
    assert "The training may begin" in told


def test_an_audit_that_would_stop_a_training_ends_with_code_1(folder, tmp_path):
    file = tmp_path / "strict.yaml"
    file.write_text((folder / "train.yaml").read_text().replace("[museums]", "[tea, coffee, parks, museums]"))
    outcome = mirrorpanel("train", file, "-w", folder, "--audit")
    assert outcome.code == 1
    assert "blocking: " in outcome.out


def test_the_ladder_puts_the_adapter_beside_statistics_and_prompts(folder, trained):
    parts = {p["name"]: p for p in trained["ladder"]["parts"]}
    assert set(parts) == {"unseen_people", "unseen_questions", "unseen_both"}
    rungs = {r["rung"] for r in parts["unseen_people"]["rungs"]}
    assert rungs == {"uniform", "item_share", "cells", "logit", "plain_prompt", "persona_model"}
    page = folder / "reports" / trained["adapter"] / "ladder.html"
    assert "Persona model" in page.read_text(encoding="utf-8")
    twin = json.loads(page.with_name("ladder.json").read_text(encoding="utf-8"))
    assert twin["verdict"] == trained["ladder"]["verdict"]


def test_the_ladder_alone_does_not_make_another_adapter(folder, trained, tmp_path):
    file = tmp_path / "longer.yaml"
    file.write_text((folder / "train.yaml").read_text().replace("seconds: 1", "seconds: 2"))
    again = done("train", file, "-w", folder, "--dtype", "float32", "--json").json
    assert (again["adapter"], again["fresh"]) == (trained["adapter"], False)


def test_an_adapter_is_registered_with_its_gates_and_cards(folder, trained):
    shown = done("models", "show", trained["adapter"], "-w", folder, "--json").json
    assert shown["version"] == 1
    assert shown["status"] == "candidate"
    place = folder / "adapters" / trained["adapter"]
    assert "better than its prior" in (place / "README.md").read_text(encoding="utf-8")
    assert "GDPR" in (place / "DATA.md").read_text(encoding="utf-8")


def test_two_adapters_are_compared_on_people_neither_was_trained_on(folder, trained, tmp_path):
    file = tmp_path / "other.yaml"
    text = (folder / "train.yaml").read_text()
    file.write_text(text.replace("adapter: tastes", "adapter: plain\nattributes: [sex]"))
    other = done("train", file, "-w", folder, "--dtype", "float32", "--json").json["adapter"]
    found = done("train", "--compare", trained["adapter"], other, "-w", folder, "--json").json
    assert found["same_split"]
    assert {p["part"] for p in found["parts"]} <= {"unseen_people", "unseen_both"}
    assert found["people"] > 100
    assert found["verdict"]


def test_the_same_panel_is_no_new_wave(folder, trained):
    outcome = mirrorpanel("train", folder / "train.yaml", "--recheck", "own", "-w", folder)
    assert outcome.code == 1
    assert "name a newer wave" in outcome.err


def test_a_training_without_a_file_is_a_usage_error(folder):
    assert mirrorpanel("train", "-w", folder).code == 2
    assert mirrorpanel("train", folder / "train.yaml", "--compare", "a", "b", "-w", folder).code == 2


@pytest.mark.parametrize(
    ("flags", "idle"),
    [
        (("--recalibrate",), "--recalibrate"),
        (("--audit", "--ladder"), "--ladder"),
        (("--audit", "--force"), "--force"),
        (("--recheck", "own", "--force"), "--force"),
        (("--recheck", "own", "--ladder"), "--ladder"),
        (("--recheck", "own", "--audit"), "--audit"),
    ],
)
def test_a_flag_that_would_do_nothing_is_a_usage_error(folder, flags, idle):
    outcome = mirrorpanel("train", folder / "train.yaml", *flags, "-w", folder)
    assert outcome.code == 2
    assert f"Invalid value for {idle}" in outcome.err


def test_comparing_takes_no_other_flag(folder):
    assert mirrorpanel("train", "--compare", "a", "b", "--force", "-w", folder).code == 2


def test_a_reference_for_another_language_model_is_named(folder, tmp_path):
    file = tmp_path / "named.yaml"
    file.write_text((folder / "train.yaml").read_text() + f"reference: {lineup.reference_folder()}\n")
    outcome = mirrorpanel("train", file, "-w", folder, "--dtype", "float32")
    assert outcome.code == 1
    assert "was made with smollm2-135m (weights " in outcome.err
    assert "reference: none" in outcome.err
