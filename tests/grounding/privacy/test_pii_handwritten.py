"""The gate on lines written by hand, as somebody would who wants to get past it; data in ``lines``."""

import re
from pathlib import Path

from grounding.privacy.pii import mask

LINES = Path(__file__).parent / "lines"
MARKS = re.compile("[⟦⟧]")


def read(name: str) -> list[str]:
    """The lines of a file, without comments, their line breaks made real."""
    text = (LINES / name).read_text(encoding="utf-8")
    return [line.replace("\\n", "\n") for line in text.splitlines() if line and not line.startswith("# ")]


def wholly_masked(marked: str) -> bool:
    """Whether every letter and digit between the marks is masked."""
    text = MARKS.sub("", marked)
    planted: list[int] = []
    at, inside = 0, False
    for character in marked:
        if MARKS.match(character):
            inside = character == "⟦"
        else:
            planted += [at] if inside and character.isalnum() else []
            at += 1
    hidden = {i for find in mask(text).finds for i in range(find.start, find.end)}
    return bool(planted) and hidden.issuperset(planted)


def test_personal_data_written_by_hand_are_masked_whole():
    lines = read("personal.txt")
    missed = [line for line in lines if not wholly_masked(line)]
    assert len(lines) >= 400
    assert len(missed) <= 0.01 * len(lines), missed


def test_innocent_lines_written_by_hand_are_left_alone():
    lines = read("innocent.txt")
    alarms = [line for line in lines if mask(line).finds]
    assert len(lines) >= 500
    assert len(alarms) <= 0.01 * len(lines), alarms


def test_personal_data_once_missed_are_masked_whole():
    assert [line for line in read("mended_personal.txt") if not wholly_masked(line)] == []


def test_innocent_lines_once_masked_are_left_alone():
    assert [line for line in read("mended_innocent.txt") if mask(line).finds] == []
