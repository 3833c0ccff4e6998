"""Recall and precision of the PII gate on made-up lines, and leaks in the prompts built behind it.

Recall is by line: a line counts only if every letter and digit of everything planted in it is masked.
Precision is the share of lines with a mask that have something planted. A prompt leaks if it still holds a
planted secret as written, in lower case without punctuation, or as digits only.
"""

import sys
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks import pii_lines, pii_prompts
from benchmarks.output import finish
from benchmarks.pii_lines import Line
from grounding.privacy.pii import Gate, mask
from personas.prompt import attribute_text, option_text, person_text, question_text, value_text
from personas.question import Question

LINES = 4_000
SEED = 20_261_121


def main() -> None:
    """Runs the benchmark."""
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else SEED
    dirty = pii_lines.dirty(np.random.default_rng(seed), LINES)
    clean = pii_lines.clean(np.random.default_rng(seed + 1), LINES)
    mask("Anna Schmidt, 0171 2345678, DE89370400440532013000")
    started = time.monotonic()
    covered = [_covered(line) for line in dirty]
    alarms = [line for line in clean if mask(line.text).finds]
    seconds = time.monotonic() - started
    _by_kind(dirty, covered, alarms)
    found = sum(covered)
    held = [c for c, line in zip(covered, dirty, strict=True) if line.held]
    leaks, prompts = _leaks(dirty)
    finish(
        "pii",
        {
            "lines": 2 * LINES,
            "recall": found / LINES,
            "precision": found / (found + len(alarms)),
            "leaks_in_prompts": leaks,
            "prompts": prompts,
            "recall_held_out_families": sum(held) / len(held),
            **_shares(dirty, covered),
            "false_alarms": len(alarms),
            "lines_per_second": 2 * LINES / seconds,
            "recall_is": "by line: every letter and digit of everything planted in it is masked",
        },
    )


def _covered(line: Line) -> bool:
    masked: set[int] = set()
    for find in mask(line.text).finds:
        masked.update(range(find.start, find.end))
    return all(i in masked for a, b in line.planted for i in range(a, b) if line.text[i].isalnum())


def _shares(lines: Sequence[Line], covered: Sequence[bool]) -> dict[str, float]:
    """Recall by language and by kind."""
    totals: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for line, whole in zip(lines, covered, strict=True):
        for key in (f"recall_{line.language}", f"recall_{line.kind.replace(' ', '_')}"):
            totals[key] += 1
            found[key] += whole
    return {key: found[key] / totals[key] for key in sorted(totals)}


def _by_kind(dirty: Sequence[Line], covered: Sequence[bool], alarms: Sequence[Line]) -> None:
    rows: dict[tuple[str, str, str], list[bool]] = {}
    for line, whole in zip(dirty, covered, strict=True):
        group = "held out" if line.held else "seen"
        rows.setdefault((line.kind, line.language, group), []).append(whole)
    for (kind, language, group), hits in sorted(rows.items()):
        print(f"{kind:<26} {language} {group:<9} {sum(hits):>4} of {len(hits)}", file=sys.stderr)
    for kind, number in Counter(line.kind for line in alarms).items():
        print(f"false alarms: {kind} {number}", file=sys.stderr)


def _leaks(lines: Sequence[Line]) -> tuple[int, int]:
    """Prompts that still hold a planted secret, of all that the lines make in every role, and all of these.

    Every line goes through ``ground`` as a survey text and a customer's value, some go through ``ground`` and
    ``field`` as questions and options, and every line through the gate as each of these.
    """
    gate = Gate()
    leaks = read = 0
    for line in lines:
        made = _prompts(gate, line.text)
        leaks, read = leaks + sum(_holds(p, _secrets(line)) for p in made), read + len(made)
    with tempfile.TemporaryDirectory() as folder:
        for prompt, sources in pii_prompts.prompts(lines, Path(folder)):
            read += 1
            leaks += any(_holds(prompt, _secrets(line)) for line in sources)
    return leaks, read


def _secrets(line: Line) -> list[str]:
    return [line.text[a:b] for a, b in line.planted]


def _prompts(gate: Gate, text: str) -> tuple[str, str, str]:
    """The line as an attribute's value, as a question's text and as an option."""
    value = gate.clean(text, "attribute values")
    asked = gate.clean(text, "questions")
    offered = gate.clean(text, "options")
    question = Question(name="q", text=asked, options=(offered, "no"))
    return (
        person_text({"comment": value})
        + question_text(Question(name="r", text="Why?", options=("yes", "no"))),
        attribute_text("comment") + value_text(value),
        question_text(question) + option_text(offered),
    )


def _holds(prompt: str, secrets: Sequence[str]) -> bool:
    letters, digits = _letters(prompt), _digits(prompt)
    return any(
        secret in prompt
        or (len(_letters(secret)) >= 4 and _letters(secret) in letters)
        or (len(_digits(secret)) >= 6 and _digits(secret) in digits)
        for secret in secrets
    )


def _letters(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text).casefold() if c.isalnum())


def _digits(text: str) -> str:
    return "".join(c for c in unicodedata.normalize("NFKC", text) if c.isdigit())


if __name__ == "__main__":
    main()
