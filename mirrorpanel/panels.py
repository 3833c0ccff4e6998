"""Panels in a workspace: writing what was grounded, reading it back."""

import hashlib
from collections.abc import Sequence

import numpy as np

from grounding.build import Grounded
from mirrorpanel.records import PanelRecord
from mirrorpanel.store import Workspace, now
from personas.answer import NO_ANSWER, Answers
from personas.panel import Panel, from_columns
from personas.question import Question


def identifier(record: PanelRecord) -> str:
    """Name and hash of everything that a panel is made from."""
    content = record.spec.model_dump_json() + "".join(record.inputs.values())
    return f"{record.spec.panel}-{hashlib.sha256(content.encode()).hexdigest()[:8]}"


def exists(workspace: Workspace, panel: str) -> bool:
    """Whether this very panel was grounded before."""
    return workspace.value("SELECT count(*) FROM panels WHERE panel = ?", [panel]) > 0


def write(workspace: Workspace, panel: str, record: PanelRecord, grounded: Grounded) -> None:
    """Stores a grounded panel whole."""
    people, persons, answers = grounded.people, grounded.persons, grounded.answers
    with workspace.transaction("ground", panel):
        row = [panel, record.spec.panel, now(), record.model_dump_json()]
        workspace.connection.execute("INSERT INTO panels VALUES (?, ?, ?, ?)", row)
        questions = answers.questions
        workspace.insert(
            "questions",
            {
                "panel": [panel] * len(questions),
                "place": list(range(len(questions))),
                "question": [q.model_dump_json() for q in questions],
            },
        )
        n = len(people)
        workspace.insert(
            "people",
            {"panel": [panel] * n, "place": np.arange(n), "id": list(people.ids), "weight": people.weights},
        )
        _write_answers(workspace, panel, people, answers)
        _write_attributes(workspace, panel, grounded)
        workspace.insert(
            "persons",
            {
                "panel": [panel] * len(persons),
                "place": np.arange(len(persons)),
                "person": list(persons.ids),
                "mirrors": list(grounded.mirrors),
                "weight": persons.weights,
            },
        )


def _write_answers(workspace: Workspace, panel: str, people: Panel, answers: Answers) -> None:
    person, question = np.nonzero(answers.chosen != NO_ANSWER)
    workspace.insert(
        "real_answers",
        {
            "panel": [panel] * len(person),
            "id": np.asarray(people.ids, dtype=object)[person],
            "question": np.asarray([q.name for q in answers.questions], dtype=object)[question],
            "option": answers.chosen[person, question],
        },
    )


def _write_attributes(workspace: Workspace, panel: str, grounded: Grounded) -> None:
    for place, source in enumerate(grounded.provenance):
        row = [panel, place, source.attribute, source.kind, source.source, source.vintage, source.licence]
        workspace.connection.execute(
            "INSERT INTO provenance VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", [*row, source.method, source.sha256]
        )
        values = grounded.people.values(source.attribute)
        known = [i for i, value in enumerate(values) if value is not None]
        donors = grounded.donors.get(source.attribute)
        workspace.insert(
            "attributes",
            {
                "panel": [panel] * len(known),
                "id": [grounded.people.ids[i] for i in known],
                "attribute": [source.attribute] * len(known),
                "value": [values[i] for i in known],
                "donor": [None if donors is None else donors.ids[i] for i in known],
                "distance": [None if donors is None else float(donors.distance[i]) for i in known],
            },
        )


def questions(workspace: Workspace, panel: str) -> tuple[Question, ...]:
    """The questions that the real people were asked."""
    found = workspace.rows("SELECT question FROM questions WHERE panel = ? ORDER BY place", [panel])
    return tuple(Question.model_validate_json(row[0]) for row in found)


def people(workspace: Workspace, panel: str) -> tuple[Panel, Answers]:
    """The real people with weights and attributes, and their answers."""
    found = workspace.rows("SELECT id, weight FROM people WHERE panel = ? ORDER BY place", [panel])
    ids = [str(r[0]) for r in found]
    weights = np.array([r[1] for r in found], dtype=np.float64)
    asked = questions(workspace, panel)
    chosen = np.full((len(ids), len(asked)), NO_ANSWER, dtype=np.int64)
    row = {person: i for i, person in enumerate(ids)}
    column = {q.name: j for j, q in enumerate(asked)}
    given = workspace.rows("SELECT id, question, option FROM real_answers WHERE panel = ?", [panel])
    for person, question, option in given:
        chosen[row[person], column[question]] = option
    return _with_attributes(workspace, panel, ids, ids, weights), Answers(asked, chosen)


def persons(workspace: Workspace, panel: str) -> Panel:
    """The drawn persons with the attributes of the people whom they mirror."""
    found = workspace.rows(
        "SELECT person, mirrors, weight FROM persons WHERE panel = ? ORDER BY place", [panel]
    )
    weights = np.array([r[2] for r in found], dtype=np.float64)
    return _with_attributes(workspace, panel, [str(r[0]) for r in found], [str(r[1]) for r in found], weights)


def _with_attributes(
    workspace: Workspace, panel: str, ids: Sequence[str], mirrors: Sequence[str], weights: np.ndarray
) -> Panel:
    names = [
        r[0]
        for r in workspace.rows("SELECT attribute FROM provenance WHERE panel = ? ORDER BY place", [panel])
    ]
    values: dict[str, dict[str, str]] = {name: {} for name in names}
    known = workspace.rows("SELECT id, attribute, value FROM attributes WHERE panel = ?", [panel])
    for person, attribute, value in known:
        values[attribute][person] = value
    return from_columns(ids, {name: [values[name].get(m) for m in mirrors] for name in names}, weights)
