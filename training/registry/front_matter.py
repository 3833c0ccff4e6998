"""The head of a model card: YAML between two lines of dashes, with the fields of the Hugging Face hub.

Source: Hugging Face, "Model Cards" (huggingface.co/docs/hub/model-cards), fields of the metadata block.
"""

from collections.abc import Sequence
from typing import Any

import yaml

from training.ladder.measured import Measured
from training.registry.registry import TITLES, Figures

LIBRARY = "mirrorpanel"
TAGS = ("survey", "synthetic-panel", "persona-model", "simulated-answers", "tabular")
METRICS = ("log_loss", "agreement", "gap_closed", "signal", "brier", "accuracy", "calibration_error")


def text(
    name: str,
    base_model: str,
    licence: str,
    data_licences: Sequence[str],
    panel: str,
    figures: Sequence[Figures],
) -> str:
    """The block with its two lines of dashes.

    An adapter is made from a language model and from data, so its licence is ``other``: what both allow.

    Args:
        name: of the adapter.
        base_model: name of the language model.
        licence: of the language model.
        data_licences: of the data it was fitted on; unknown where empty.
        panel: the data it was fitted on.
        figures: what it scored on held-out answers.
    """
    data = ", ".join(dict.fromkeys(x for x in data_licences if x)) or "not stated"
    content: dict[str, Any] = {
        "license": "other",
        "license_name": f"language model: {licence}; data: {data}",
        "base_model": base_model,
        "base_model_relation": "adapter",
        "library_name": LIBRARY,
        "tags": list(TAGS),
        "datasets": [panel],
        "metrics": list(METRICS),
        "inference": False,
    }
    if figures:
        content["model-index"] = [{"name": name, "results": [_result(panel, f) for f in figures]}]
    block = yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=1000)
    return f"---\n{block}---\n"


def _result(panel: str, figures: Figures) -> dict[str, Any]:
    found = values(figures.measured)
    return {
        "task": {"type": "tabular-classification", "name": "answers to closed questions"},
        "dataset": {"type": panel, "name": f"{panel}: {TITLES[figures.part]}", "split": figures.part},
        "metrics": [
            {"type": name, "name": name.replace("_", " "), "value": round(value, 6)}
            for name, value in found.items()
        ],
    }


def values(measured: Measured) -> dict[str, float]:
    """The figures of ``METRICS`` that are defined."""
    found = {
        "log_loss": measured.log_loss,
        "agreement": measured.agreement and measured.agreement.value,
        "gap_closed": measured.gap_closed,
        "signal": measured.signal and measured.signal.value,
        "brier": measured.brier,
        "accuracy": measured.accuracy,
        "calibration_error": measured.calibration_error,
    }
    return {name: value for name, value in found.items() if value is not None}
