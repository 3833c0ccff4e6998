"""The head of a model card: YAML between two lines of dashes, with the fields of the Hugging Face hub.

Source: Hugging Face, "Model Cards" (huggingface.co/docs/hub/model-cards), fields of the metadata block.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import yaml

from training.ladder.measured import Measured
from training.registry.registry import TITLES, Figures

LIBRARY = "mirrorpanel"
LICENCE = "language-model-and-data-terms"
"""Short name of what an adapter may be used for: what the language model and the data both allow."""
PIPELINE = "tabular-classification"
TAGS = ("survey", "synthetic-panel", "persona-model", "simulated-answers", "tabular")
METRICS = ("log_loss", "agreement", "gap_closed", "signal", "brier", "accuracy", "calibration_error")
_CODES = {"English": "en", "German": "de"}


class Base(NamedTuple):
    """The language model underneath, as its makers describe it.

    Attributes:
        licence: as they state it; ``licence_link`` is where it can be read, empty where nobody noted it.
        hub: its name on the Hugging Face hub; empty for a folder of unknown origin.
        languages: those it is of use in, in English; empty where that is not known.
    """

    licence: str
    licence_link: str = ""
    hub: str = ""
    languages: tuple[str, ...] = ()

    @property
    def codes(self) -> list[str]:
        """ISO 639-1 codes of the languages that have one here."""
        return [_CODES[name] for name in self.languages if name in _CODES]


def text(name: str, base: Base, panel: str, figures: Sequence[Figures]) -> str:
    """The block with its two lines of dashes.

    An adapter is made from a language model and from data, so its licence is ``other``: what both allow,
    which the card spells out. Fields of which nothing is known are left out.

    Args:
        name: of the adapter.
        base: the language model.
        panel: the data it was fitted on.
        figures: what it scored on held-out answers.
    """
    content: dict[str, Any] = {
        "language": base.codes,
        "license": "other",
        "license_name": LICENCE,
        "license_link": base.licence_link,
        "base_model": base.hub,
        "base_model_relation": "adapter" if base.hub else "",
        "pipeline_tag": PIPELINE,
        "library_name": LIBRARY,
        "tags": list(TAGS),
        "datasets": [panel],
        "metrics": list(METRICS),
        "inference": False,
    }
    if figures:
        content["model-index"] = [{"name": name, "results": [_result(panel, f) for f in figures]}]
    return block(content)


def block(content: dict[str, Any]) -> str:
    """Fields between two lines of dashes; those that are empty are left out."""
    kept = {key: value for key, value in content.items() if value not in ("", [], None)}
    return f"---\n{yaml.safe_dump(kept, sort_keys=False, allow_unicode=True, width=1000)}---\n"


def _result(panel: str, figures: Figures) -> dict[str, Any]:
    return result(panel, f"{panel}: {TITLES[figures.part]}", figures.part, values(figures.measured))


def result(kind: str, name: str, split: str, found: dict[str, float]) -> dict[str, Any]:
    """One entry of the ``model-index``: figures on one kind of held-out answers."""
    return {
        "task": {"type": PIPELINE, "name": "answers to closed questions"},
        "dataset": {"type": kind, "name": name, "split": split},
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
