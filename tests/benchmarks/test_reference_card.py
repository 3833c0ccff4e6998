"""The card of the reference adapter is made from what was measured, and the hub can read it."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml

from benchmarks import make_reference
from benchmarks.make_reference import MEASURED, card, read_left_out

FIGURES = {"log_loss": 1.25, "agreement": 0.75, "gap_closed": 0.5, "signal": 0.125, "agreement_uniform": 0.5}
FOUND: Any = SimpleNamespace(
    fingerprint="abc",
    config=SimpleNamespace(
        base_weights="w", layers=(1, 2), context=range(1234), attributes=[SimpleNamespace(name="age_group")]
    ),
)
ACROSS: Any = SimpleNamespace(
    shares=SimpleNamespace(log_score=-1.5),
    effects=SimpleNamespace(log_score=-1.375),
    support=SimpleNamespace(flagged=None, others=None),
)
SURVEY: Any = SimpleNamespace(name="nfwbs", source="a bureau", licence="public use")
DATA: Any = SimpleNamespace(people=range(55), answers=SimpleNamespace(questions=range(7)))


def made(left_out: dict[str, dict[str, float]]) -> str:
    return card(FOUND, ACROSS, [(SURVEY, DATA)], "smollm2-135m", 12.0, left_out)


def test_the_card_has_every_figure_and_the_fields_of_the_hub() -> None:
    text = made({"nfwbs": FIGURES})
    head = yaml.safe_load(text.split("---\n")[1])
    assert head["base_model"] == "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert head["pipeline_tag"] == "tabular-classification"
    assert (head["language"], head["license"]) == (["en"], "other")
    questions, survey = head["model-index"][0]["results"]
    assert questions["metrics"] == [{"type": "log_loss", "name": "log loss", "value": 1.375}]
    assert {m["type"]: m["value"] for m in survey["metrics"]} == {f: FIGURES[f] for f in MEASURED}
    assert "| nfwbs | 0.7500 | 0.5000 | 0.500 | 0.125 | 1.2500 |" in text
    assert "| nfwbs | a bureau | public use | 55 | 7 |" in text
    assert "has to judge for their own use" in text
    assert "Surveys left out whole were not measured" in made({})


def test_the_hub_reads_the_reference_card() -> None:
    hub = pytest.importorskip("huggingface_hub", reason="huggingface_hub is not installed")
    data = hub.ModelCard(made({"nfwbs": FIGURES})).data
    assert data.model_name == "reference"
    assert len(data.eval_results) == 1 + len(MEASURED)


def test_figures_of_surveys_left_out_are_read_from_the_benchmark_and_from_no_other(tmp_path: Path) -> None:
    file = tmp_path / "out.txt"
    names = [name for name in make_reference.catalogue.SURVEYS if name in ("nfwbs", "non_voters")]
    figures: dict[str, float | str] = {"model": "smollm2-135m", "agreement": 0.75}
    for name in names:
        figures |= {f"{figure}_{name}": value for figure, value in FIGURES.items()}
    told = {"benchmark": "reference_adapter", "figures": figures}
    file.write_text(f"first line\n{json.dumps(told)}\n", encoding="utf-8")
    assert read_left_out(file, "smollm2-135m") == dict.fromkeys(names, FIGURES)
    with pytest.raises(ValueError, match="holds reference_adapter with smollm2-135m, not with gemma3-270m"):
        read_left_out(file, "gemma3-270m")
    file.write_text(json.dumps(told | {"benchmark": "curves"}), encoding="utf-8")
    with pytest.raises(ValueError, match="holds curves"):
        read_left_out(file, "smollm2-135m")
