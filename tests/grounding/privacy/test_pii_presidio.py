"""Presidio behind the gate, with a stand-in for its analyser."""

import sys
from dataclasses import dataclass
from typing import Any

import pytest

from grounding.privacy import masking
from grounding.privacy.pii import Gate
from grounding.privacy.pii_presidio import Presidio
from grounding.privacy.spec import Masking
from personas.errors import DataError


@dataclass
class _Result:
    entity_type: str
    start: int
    end: int
    score: float


class _Analyser:
    def analyze(self, text: str, language: str, entities: list[str]) -> list[_Result]:
        at = text.find("Xyloph")
        sure = [
            _Result("PERSON", at, at + 6, 0.85),
            _Result("LOCATION", 0, 3, 0.9),
            _Result("PERSON", 0, 3, 0.1),
        ]
        return sure if at >= 0 and "PERSON" in entities else []


def test_presidio_adds_names_above_its_threshold_and_only_known_kinds():
    gate = Gate(recogniser=Presidio(("de",), _Analyser()))
    assert gate.clean("der Xyloph rief 0171 2345678", "comment") == "der [name] rief [phone]"


def test_without_presidio_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch):
    modules: dict[str, Any] = {"presidio_analyzer": None}
    monkeypatch.setitem(sys.modules, "presidio_analyzer", modules["presidio_analyzer"])
    with pytest.raises(DataError, match=r"pip install 'mirrorpanel\[presidio\]'"):
        masking.gate(Masking(presidio={"de": "de_core_news_lg"}))
