"""Lines with personal data sent the whole way to prompts: as survey text, customer value, question, option.

Files are written as a user would write them; ``ground`` brings them in and ``field`` asks a study of them.
The texts that models then read are those of every person, every row to train on and every question.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.pii_lines import Line
from mirrorpanel import panels, store
from mirrorpanel.lineup import Machine
from mirrorpanel.records import RunRecord
from mirrorpanel.store import Workspace
from mirrorpanel.verbs import fielding, grounding
from personas.panel import UNKNOWN, Panel
from personas.prompt import attribute_text, option_text, person_text, question_text, value_text
from personas.question import Question

ASKED = 150
_ROW = "row"


def prompts(lines: Sequence[Line], folder: Path) -> Iterator[tuple[str, tuple[Line, ...]]]:
    """Each text that a model reads, with the lines that it was made from."""
    _write(lines, folder)
    store.create(folder / "workspace")
    with Workspace(folder / "workspace") as workspace:
        grounded = grounding.ground(workspace, folder / "grounding.yaml", folder, _quiet)
        people, answers = panels.people(workspace, grounded.panel)
        yield from _of_people(people, lines)
        yield from _of_people(panels.persons(workspace, grounded.panel), lines)
        run = fielding.fielding(workspace, folder / "study.yaml", Machine(), _quiet, _quiet).run
        asked = workspace.record("runs", "run", run, RunRecord).questions
        for question in (*answers.questions, *asked):
            yield from _of_question(question, lines)


def _quiet(told: object) -> None:
    """Nobody watches."""


def _of_people(people: Panel, lines: Sequence[Line]) -> Iterator[tuple[str, tuple[Line, ...]]]:
    for codes in people.codes:
        told: dict[str, str] = {}
        for name, values, code in zip(people.attributes, people.levels, codes, strict=True):
            if code != UNKNOWN:
                told[name] = values[int(code)]
        row = int(told[_ROW].split()[-1])
        read = person_text(told) + "".join(attribute_text(n) + value_text(v) for n, v in told.items())
        yield read, (lines[row], lines[_lent(row, lines)])


def _of_question(question: Question, lines: Sequence[Line]) -> Iterator[tuple[str, tuple[Line, ...]]]:
    row = int(question.name[1:])
    read = question_text(question) + "".join(map(option_text, question.options))
    yield read, (lines[row], lines[_lent(row, lines)])


def _lent(row: int, lines: Sequence[Line]) -> int:
    """The line that is lent to the person of a row by a customer, or stands as an option."""
    return (row + len(lines) // 2) % len(lines)


def _write(lines: Sequence[Line], folder: Path) -> None:
    """Survey, customers, codebook, grounding and study files; each line stands in each role."""
    asked = range(min(ASKED, len(lines) // 2))
    names = [f"q{i}" for i in asked]
    with (folder / "people.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "n", "comment", *names])
        rows.writerows(
            [f"h{i}", f"row {i}", line.text, *("1" for _ in names)] for i, line in enumerate(lines)
        )
    with (folder / "customers.csv").open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "remark"])
        rows.writerows([f"h{i}", lines[_lent(i, lines)].text] for i in range(len(lines)))
    found = [q | {"options": options} for q, options in (_question(f"q{i}", i, lines) for i in asked)]
    book: dict[str, object] = {"source": "made up", "licence": "own", "questions": found}
    new = [_question(f"q{i}", i, lines) for i in range(len(names), 2 * len(names))]
    asked_anew = [q | {"options": [*options]} for q, options in new]
    study: dict[str, object] = {"study": "leaks", "panel": "leaks", "model": "scripted"}
    study |= {"questions": names[:2], "new_questions": asked_anew}
    for name, content in (("book", book), ("grounding", _grounding(len(lines))), ("study", study)):
        (folder / f"{name}.yaml").write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")


def _question(name: str, row: int, lines: Sequence[Line]) -> tuple[dict[str, object], dict[str, int]]:
    """A question without its options, and these with their codes."""
    question: dict[str, object] = {"name": name, "text": lines[row].text, "scale": "nominal"}
    return question, {lines[_lent(row, lines)].text: 1, "no": 0}


def _grounding(persons: int) -> dict[str, object]:
    own = {"source": "made up", "licence": "own", "vintage": "2026"}
    remark = {"remark": {"table": "customers", "measure": "value", "of": "remark"}}
    files = {"customers": "customers.csv"}
    crm = {"name": "customers", "files": files, "people": "customers", "key": "id", "join": "id"}
    crm |= {"attributes": remark, **own}
    attributes = {_ROW: {"column": "n"}, "comment": {"column": "comment"}}
    survey = {"file": "people.csv", "codebook": "book.yaml", "id": "id", "attributes": attributes, **own}
    return {"panel": "leaks", "persons": persons, "seed": 1, "survey": survey, "crm": [crm]}
