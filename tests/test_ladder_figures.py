"""The figures of the ladder in the docs come from a ladder.json and are not typed."""

import importlib.util
import sys
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parent.parent / "docs"


def _refresh() -> Any:
    spec = importlib.util.spec_from_file_location("ladder_refresh", DOCS / "refresh.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["ladder_refresh"] = module
    spec.loader.exec_module(module)
    return module


refresh = _refresh()


def rung(
    name: str, title: str, gain: tuple[float, float, float] | None, signal: float | None
) -> dict[str, Any]:
    estimate = None if gain is None else dict(zip(("value", "low", "high"), gain, strict=True))
    return {
        "rung": name,
        "title": title,
        "answers": 1234,
        "gap_closed": 1.014,
        "agreement": {"value": 0.9781},
        "signal": None if signal is None else {"value": signal},
        "log_loss": 0.8683,
        "cost": {"fit_seconds": 1.5},
        "comparison": None if estimate is None else {"log_loss": estimate},
    }


PART = {
    "title": "unseen people",
    "people": 985,
    "questions": 14,
    "answers": 1234,
    "rungs": [
        rung("ordered_logit", "Ordered logit", None, 0.311),
        rung("uniform", "Uniform guess", (-0.2314, -0.291, 0.1), None),
    ],
}
LADDER = {
    "created": "2026-11-21T20:26:00+00:00",
    "mirrorpanel": "0.1.0",
    "parts": [PART],
    "verdict": ["Use ordered logit.", "Not to be used as it is: nothing."],
}


def test_each_rung_has_a_row_and_what_is_not_defined_is_a_dash() -> None:
    rows = [row.replace("\u00a0", " ") for row in refresh.rung_rows(PART)]
    assert rows[2] == "| Ordered logit | 1,234 | 1.01 | .978 | .31 | 0.868 | the baseline | 1.5 s |"
    assert rows[3] == "| Uniform guess | 1,234 | 1.01 | .978 | – | 0.868 | −.231 (−.291 to +.100) | 1.5 s |"


def test_only_the_rungs_that_are_named_are_shown() -> None:
    assert [row.split("|")[1].strip() for row in refresh.rung_rows(PART, ("uniform",))[2:]] == [
        "Uniform guess"
    ]


def test_the_block_holds_every_part_and_the_whole_verdict() -> None:
    block = refresh.ladder_block(LADDER)
    assert "**unseen people** (985 people, 14 questions, 1,234 answers)" in block
    assert block.endswith("> Use ordered logit.\n>\n> Not to be used as it is: nothing.")


def test_the_pages_have_places_for_the_figures() -> None:
    for page, name in (("ladder.md", "ladder"), ("when-not-to-fine-tune.md", "seen")):
        text = (DOCS / page).read_text(encoding="utf-8")
        assert refresh.fill(text, name, "new") != text
