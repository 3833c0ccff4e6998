"""What the cards beside an adapter take from the workspace."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from own_study import TRAIN, done, grounded_study

from mirrorpanel import cards, panels
from mirrorpanel.records import AdapterRecord, PanelRecord
from mirrorpanel.store import Workspace
from personas.answer import NO_ANSWER
from personas.models import catalogue
from personas.wording import percent


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, tiny_folder: Path) -> tuple[Path, str]:
    folder = grounded_study(tmp_path_factory.mktemp("cards") / "own")
    (folder / "train.yaml").write_text(TRAIN.replace("smollm2-135m", str(tiny_folder)))
    adapter = str(done("train", folder / "train.yaml", "-w", folder, "--force", "--json").json["adapter"])
    return folder, adapter


def test_cards_name_the_language_model_as_the_hub_does(tmp_path: Path) -> None:
    for name in catalogue.names():
        found = cards.base(name)
        assert found.hub.count("/") == 1
        assert found.licence_link.startswith("https://")
        assert "en" in found.codes
    assert cards.base("who/model").hub == "who/model"
    assert cards.base("who/model").licence_link == "https://huggingface.co/who/model"
    assert (cards.base(str(tmp_path)).hub, cards.base(str(tmp_path)).codes) == ("", [])


def test_the_model_card_has_what_the_workspace_knows(made: tuple[Path, str]) -> None:
    folder, adapter = made
    with Workspace(folder) as workspace:
        record = workspace.record("adapters", "adapter", adapter, AdapterRecord)
        panel = workspace.latest("panels", "panel", "own")
        known = workspace.record("panels", "panel", panel, PanelRecord)
    text = (folder / record.folder / cards.MODEL).read_text(encoding="utf-8")
    head = yaml.safe_load(text.split("---\n")[1])
    assert "base_model" not in head  # a folder of this machine is nothing that the hub knows
    assert "panel: own\nadapter: tastes\n" in text
    assert f"- It stands for: {known.spec.population or 'not recorded'}." in text
    assert "- trained with: mirrorpanel " in text
    assert "### By segment: people never trained on, questions trained on" in text


def test_the_data_card_counts_missing_answers_and_says_how_people_are_weighted(
    made: tuple[Path, str],
) -> None:
    folder, adapter = made
    with Workspace(folder) as workspace:
        record = workspace.record("adapters", "adapter", adapter, AdapterRecord)
        panel = workspace.latest("panels", "panel", "own")
        known = workspace.record("panels", "panel", panel, PanelRecord)
        _, answers = panels.people(workspace, panel)
    text = (folder / record.folder / cards.DATA).read_text(encoding="utf-8")
    trained = [q.name for q in answers.questions if q.name not in record.split.questions]
    none = np.mean(answers.only(trained).chosen == NO_ANSWER, axis=0)
    low, middle, high = (percent(float(x), 1) for x in (none.min(), np.median(none), none.max()))
    assert f"question by question: {low} at least, {middle} in the median, {high} at most" in text
    assert f"design effect {known.weighting.design_effect:.2f}" in text
    assert known.spec.survey is not None
    assert known.spec.survey.codebook
    assert f"those that codebook {Path(known.spec.survey.codebook).name} lists" in text


def test_who_stands_behind_an_adapter_can_be_stated_after_the_training(made: tuple[Path, str]) -> None:
    folder, adapter = made
    file = folder / "train.yaml"
    plain = file.read_text(encoding="utf-8")
    file.write_text(
        f"{plain}card: {{developer: Panel team, contact: panel@firm.example}}\n", encoding="utf-8"
    )
    again = done("train", file, "-w", folder, "--force", "--json")
    assert again.json["adapter"] == adapter
    assert "its card says now" in again.err
    text = (folder / "adapters" / adapter / cards.MODEL).read_text(encoding="utf-8")
    assert "- developed by: Panel team; contact: panel@firm.example\n" in text
    assert "- this adapter: licence not stated" in text
    assert "its card says now" not in done("train", file, "-w", folder, "--force").err
